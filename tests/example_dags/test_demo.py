"""The demo, as ``make demo`` and ``make ui`` run it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

EXAMPLES = Path(__file__).parent.parent.parent / "example_dags"
DEMO = EXAMPLES / "demo.py"

pytestmark = pytest.mark.slow

for_airflow_3 = pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="the demo is for Airflow 3")

Ui = Callable[[int], "subprocess.Popen[str]"]


@pytest.mark.timeout(900)  # Airflow before 3.3 takes minutes for it on two busy cores
@for_airflow_3
def test_the_demo_shows_what_two_runs_made_of_the_lists() -> None:
    shown = subprocess.run(
        [sys.executable, DEMO],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""},
    )
    assert shown.returncode == 0, shown.stderr
    table = {
        line[:18].strip(): [int(number.replace(",", "")) for number in line[18:].split()]
        for line in shown.stdout.splitlines()
        if re.fullmatch(r"[a-zA-Z -]+ [\d, ]+", line)
    }
    assert table["blocklist"] == [2000, 2060, 2060]
    assert table["unsubscribes"] == [1200, 1254, 1254]
    assert table["SMS opt-outs"] == [125, 140, 140]
    assert table["hard-bounces"] == [900, 900, 900]
    assert all(number > 0 for number in table["requests used"])
    assert re.search(r"[\d,]+ of the daily quota are left\. Both runs took \d+ s", shown.stdout)
    assert "allows 60 requests in 3 s" in shown.stdout
    dag, log = re.findall(r"The DAG: +(\S+)\nThe log of both runs: +(\S+)\n", shown.stdout)[0]
    assert "mailersend_crm_opt_outs" in Path(dag).read_text()
    assert "added 60" in Path(log).read_text()
    lines = shown.stdout.splitlines()
    assert lines[-1].startswith("make ui ")
    assert [line for line in lines if len(line) > 80] == []
    assert re.fullmatch(r"Setting up Airflow \.* \d+ s", lines[0])


@pytest.fixture
def start_ui(tmp_path: Path) -> Iterator[Ui]:
    """Start the UI in a folder of its own, on a port."""
    # What it makes lies beside the examples.
    examples = tmp_path / "example_dags"
    shutil.copytree(EXAMPLES, examples, ignore=shutil.ignore_patterns("__pycache__"))
    started: list[subprocess.Popen[str]] = []

    def start(port: int) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, examples / "demo.py", "ui", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "NO_PROXY": "127.0.0.1,localhost"},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=120)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ran_in(folder: Path) -> list[psutil.Process]:
    """Return the processes whose Airflow has its home there."""
    found = []
    for process in psutil.process_iter():
        try:
            home = process.environ().get("AIRFLOW_HOME", "")
        except psutil.Error:
            continue
        if home.startswith(str(folder)):
            found.append(process)
    return found


def check_start(process: subprocess.Popen[str], port: int, home: Path) -> re.Match[str]:
    """Check what it shows until Airflow is there, and return how to log in."""
    assert process.stdout is not None
    lines = list(takewhile(lambda line: not line.startswith("DAGs begin paused"), process.stdout))
    assert len(lines) < 8, "Airflow's own output would push out of sight how to log in"
    log = re.search(r"Airflow's output goes to\n  (\S+)\n", "".join(lines))
    assert log is not None
    assert "standalone" in Path(log[1]).read_text()
    said = next((line for line in lines if line.startswith("Airflow is at ")), "")
    login = re.fullmatch(
        r"Airflow is at (?P<url>http://localhost:\d+)\. User: (?P<user>\w+), password: (?P<password>\w+)\n",
        said,
    )
    assert login is not None, lines
    assert login["url"] == f"http://localhost:{port}"
    assert {path.name for path in home.iterdir()} >= {"crm.sqlite", "blocked.csv", "opted_out.txt"}
    return login


def check_end(process: subprocess.Popen[str], folder: Path) -> None:
    """Interrupt it as Ctrl-C does, and check that it leaves no process."""
    assert ran_in(folder)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=120)
    assert (process.returncode, "Ending Airflow" in rest) == (0, True)
    assert ran_in(folder) == []


class Browser:
    """Airflow's REST API, which its UI uses, for who has logged in."""

    def __init__(self, login: re.Match[str]) -> None:
        self._url = login["url"]
        self._http = requests.Session()
        self._http.trust_env = False
        user = {"username": login["user"], "password": login["password"]}
        token = self._http.post(f"{self._url}/auth/token", json=user, timeout=120).json()["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, **given: Any) -> Any:
        for _ in range(20):
            answered = self._http.request(method, f"{self._url}/api/v2/{path}", timeout=120, **given)
            if "Database error" not in answered.text:
                break
            # SQLite lets one process write at a time; on a busy machine others wait for it in vain.
            time.sleep(1)
        assert answered.ok, answered.text
        return answered.json()

    def trigger(self, dag_id: str) -> None:
        self.ask("PATCH", f"dags/{dag_id}", json={"is_paused": False})
        self.ask(
            "POST", f"dags/{dag_id}/dagRuns", json={"dag_run_id": "by_hand", "logical_date": None, "conf": {}}
        )

    def approve_what_waits(self) -> None:
        """Approve what was asked a while ago: Airflow fails a task that resumes before it is done with pausing it."""
        found = self.ask("GET", "dags/~/dagRuns/~/hitlDetails?response_received=false")["hitl_details"]
        latest = datetime.now(UTC) - timedelta(seconds=20)
        for one in found:
            if datetime.fromisoformat(one["created_at"]) > latest:
                continue
            task = one["task_instance"]
            run = f"dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}"
            path = f"{run}/taskInstances/{task['task_id']}/-1/hitlDetails"
            self.ask("PATCH", path, json={"chosen_options": ["Approve"], "params_input": {}})

    def state(self, dag_id: str) -> str:
        state: str = self.ask("GET", f"dags/{dag_id}/dagRuns/by_hand")["state"]
        return state


@for_airflow_3
@pytest.mark.timeout(900)
def test_the_ui_runs_every_example_and_leaves_no_process(start_ui: Ui, tmp_path: Path) -> None:
    port, home = free_port(), tmp_path / ".airflow" / "ui"
    process = start_ui(port)
    browser = Browser(check_start(process, port, home))
    examples = {path.stem for path in EXAMPLES.glob("mailersend_*.py")}
    ends = time.monotonic() + 300
    while {dag["dag_id"] for dag in browser.ask("GET", "dags")["dags"]} != examples:
        assert time.monotonic() < ends, "Airflow does not show all examples"
        time.sleep(1)
    # First of all: others change the list too, and then its plan is no longer the approved one.
    first = "mailersend_approved_mirror"
    for dag_id in (first, *sorted(examples - {first})):
        browser.trigger(dag_id)
        ends = time.monotonic() + 400
        while (state := browser.state(dag_id)) in ("running", "queued"):
            assert time.monotonic() < ends, f"{dag_id} is {state}"
            browser.approve_what_waits()
            time.sleep(1)
        assert (dag_id, state) == (dag_id, "success")
    approved = browser.ask("GET", "dags/mailersend_approved_mirror/dagRuns/by_hand/taskInstances")
    assert {task["state"] for task in approved["task_instances"]} == {"success"}
    check_end(process, tmp_path)

    # It can be started again, and says how to log in each time.
    process = start_ui(port)
    Browser(check_start(process, port, home))
    check_end(process, tmp_path)


def test_a_port_that_is_taken_is_told_before_airflow_is_started(start_ui: Ui, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said, _ = start_ui(port).communicate(timeout=120)
    told = (
        f"Airflow cannot listen on port {port}: Address already in use. Name another one: make ui PORT=8081"
    )
    assert said.splitlines()[-1] == told
    assert not (tmp_path / ".airflow").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["ui", "0"], "The port must be a number from 1 to 65535, not '0': make ui PORT=8081"),
        (["ui", "99999"], "The port must be a number from 1 to 65535, not '99999': make ui PORT=8081"),
        (["ui", "http"], "The port must be a number from 1 to 65535, not 'http': make ui PORT=8081"),
        (["ui", "1", "2"], "Usage: demo.py [ui [PORT]]"),
        (["gui"], "Usage: demo.py [ui [PORT]]"),
    ],
)
def test_what_it_is_not_called_with_is_told(arguments: list[str], complaint: str) -> None:
    done = subprocess.run([sys.executable, DEMO, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, complaint)
