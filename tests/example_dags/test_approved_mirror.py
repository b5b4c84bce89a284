"""The DAG whose plan a person approves, run by Airflow, and answered over Airflow's REST API."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from airflow.providers.common.compat.version_compat import get_base_airflow_version_tuple

from airflow_provider_mailersend.sandbox import Sandbox
from tests.example_dags.test_example_dags import Connect, example

pytestmark = [
    pytest.mark.usefixtures("airflow_db"),
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        get_base_airflow_version_tuple() < (3, 3),
        reason="before Airflow 3.3, DAG.test() doesn't wait for a person; tests/example_dags/test_demo.py asks one",
    ),
]

#: How long Airflow may take to start, or to ask, in seconds: test machines are busy.
PATIENCE = 150.0

LISTED = [f"{number}@example.net" for number in range(30)]


class Person:
    """Who reads what Airflow asks, and answers it, at the URL of an API server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = requests.Session()
        self._http.trust_env = False

    def log_in(self) -> bool:
        with suppress(requests.ConnectionError):
            token = self._http.get(f"{self._url}/auth/token", timeout=60)
            if token.ok:
                self._http.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
                return True
        return False

    def question(self) -> dict[str, Any]:
        """Wait until something is asked, and return it."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            open_ones = {"dag_id": "mailersend_approved_mirror", "response_received": "false"}
            found = self._ask("GET", "dags/~/dagRuns/~/hitlDetails", params=open_ones)["hitl_details"]
            waiting = [one for one in found if one["task_instance"]["state"] == "awaiting_input"]
            if waiting:
                (question,) = waiting
                return dict(question)
            time.sleep(0.3)
        raise AssertionError("nothing was asked")

    def answer(self, question: dict[str, Any], option: str) -> None:
        task = question["task_instance"]
        path = f"dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/-1"
        self._ask("PATCH", f"{path}/hitlDetails", json={"chosen_options": [option], "params_input": {}})

    def _ask(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        answered = self._http.request(method, f"{self._url}/api/v2/{path}", timeout=60, **given)
        assert answered.ok, answered.text
        return dict(answered.json())


@pytest.fixture(scope="module")
def person(airflow_db: None) -> Iterator[Person]:
    """An API server on the tests' own Airflow, and somebody who is logged in there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = Path(os.environ["AIRFLOW_HOME"])
    with (home / "api-server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", "api-server", "--host", "127.0.0.1", "--port", str(port)],
            env={**os.environ, "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        someone = Person(f"http://127.0.0.1:{port}")
        ends = time.monotonic() + PATIENCE
        while not someone.log_in():
            assert process.poll() is None, (home / "api-server.log").read_text()[-3000:]
            assert time.monotonic() < ends, "the API server does not answer"
            time.sleep(0.3)
        yield someone
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def account(connect: Connect) -> Iterator[Sandbox]:
    with Sandbox(rate_limit=None) as sandbox:
        connect(sandbox)
        sandbox.add("blocklist", *LISTED, patterns=[".*@example.org"])
        yield sandbox


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """All but ten of the list, and one more."""
    path = tmp_path / "blocked.csv"
    lines = [*(f"{address}," for address in LISTED[10:]), "new@example.net,", ",.*@example.org"]
    path.write_text("\n".join(["email,pattern", *lines]))
    return path


def run_while(person: Person, file: Path, answers: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
    """Run the DAG, and give the answer that *answers* returns; return the states of the run and its tasks."""

    def respond() -> None:
        question = person.question()
        option = "Reject"
        try:
            option = answers(question)
        finally:
            # Without an answer the run would go on for ever, and no test time-out ends it.
            person.answer(question, option)

    with ThreadPoolExecutor(1) as threads:
        responded = threads.submit(respond)
        dag_run = example("mailersend_approved_mirror").test(run_conf={"file": str(file)})
        responded.result()
    states = {one.task_id: one.state for one in dag_run.get_task_instances()}
    return {"run": dag_run.state, **states}


def blocked(sandbox: Sandbox) -> list[str]:
    return sorted(entry["pattern"] for entry in sandbox.entries("blocklist"))


def changes(sandbox: Sandbox) -> list[str]:
    return [request.method for request in sandbox.log if request.method != "GET"]


def test_the_approved_plan_is_carried_out(person: Person, account: Sandbox, file: Path) -> None:
    shown: list[str] = []

    def approve(question: dict[str, Any]) -> str:
        assert changes(account) == []
        shown.append(question["body"])
        return "Approve"

    states = run_while(person, file, approve)
    assert states == {"run": "success", "plan": "success", "approve": "success", "mirror": "success"}
    assert blocked(account) == sorted([*LISTED[10:], "new@example.net", ".*@example.org"])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown[0].splitlines()]
    assert rows[2:] == [["would add", "1"], ["would delete", "10"], ["wanted", "22"], ["present", "31"]]
    assert "@" not in shown[0]


def test_a_rejected_plan_changes_nothing_and_what_would_be_refused_is_shown(
    person: Person, account: Sandbox, file: Path
) -> None:
    file.write_text("email,pattern\n")
    shown: list[str] = []

    def reject(question: dict[str, Any]) -> str:
        shown.append(question["body"])
        return "Reject"

    states = run_while(person, file, reject)
    assert states == {"run": "success", "plan": "success", "approve": "success", "mirror": "skipped"}
    assert changes(account) == []
    assert "**This would be refused:** the source has no valid recipients or patterns" in shown[0]


def test_another_plan_than_the_approved_one_is_not_carried_out(
    person: Person, account: Sandbox, file: Path, logged: Callable[[], str]
) -> None:
    def approve(question: dict[str, Any]) -> str:
        account.add("blocklist", "meanwhile@example.net")
        return "Approve"

    before = blocked(account)
    states = run_while(person, file, approve)
    assert states == {"run": "failed", "plan": "success", "approve": "success", "mirror": "failed"}
    assert changes(account) == []
    assert blocked(account) == sorted([*before, "meanwhile@example.net"])
    assert "the plan is no longer the approved one, as the list or the source has changed" in logged()
