"""The demo, as ``make demo`` and ``make ui`` run it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path

import psutil
import pytest
import requests
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

EXAMPLES = Path(__file__).parent.parent.parent / "example_dags"
DEMO = EXAMPLES / "demo.py"

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
    dag, log = re.findall(r"The DAG is (\S+), the log of both runs (\S+)\.\n", shown.stdout)[0]
    assert "mailersend_crm_opt_outs" in Path(dag).read_text()
    assert "added 60" in Path(log).read_text()
    assert shown.stdout.splitlines()[-1].startswith("make ui ")


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


@for_airflow_3
def test_the_ui_says_how_to_log_in_each_time_and_leaves_no_process(start_ui: Ui, tmp_path: Path) -> None:
    port = free_port()
    for _ in range(2):
        process = start_ui(port)
        assert process.stdout is not None
        lines = list(takewhile(lambda line: not line.startswith("DAGs begin paused"), process.stdout))
        assert len(lines) < 8, "Airflow's own output would push out of sight how to log in"
        said = next((line for line in lines if line.startswith("Airflow is at ")), "")
        log = re.search(r"writes what it does to (\S+);", lines[0])
        assert log is not None
        assert "standalone" in Path(log[1]).read_text()
        found = re.fullmatch(r"Airflow is at (http://localhost:\d+)\. User: (\w+), password: (\w+)\n", said)
        assert found is not None
        url, user, password = found.groups()
        assert url == f"http://localhost:{port}"
        login = {"username": user, "password": password}
        assert requests.post(f"{url}/auth/token", json=login, timeout=120).status_code == 201
        assert {path.name for path in (tmp_path / ".airflow" / "ui").iterdir()} >= {
            "crm.sqlite",
            "blocked.csv",
        }
        assert ran_in(tmp_path)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=120)
        assert (process.returncode, "Ending Airflow" in rest) == (0, True)
        assert ran_in(tmp_path) == []


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
