"""An Airflow of several processes, in a temporary home."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
import requests

from airflow_provider_mailersend.sandbox import Sandbox

_ROOT = Path(__file__).parents[2]
_DAGS = Path(__file__).parent / "dags"

#: How many lines of each log are printed after a failure, and how many characters of each: events hold many ids.
_TAIL, _WIDTH = 60, 400


class Airflow:
    """
    Airflow's database, api-server, scheduler, DAG processor and triggerer; a context manager.

    :param sandboxes: the sandboxes by connection id.
    :param settings: Airflow's settings that differ from those here, named ``SECTION__KEY``.
    """

    def __init__(self, sandboxes: Mapping[str, Sandbox], settings: Mapping[str, str] | None = None) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="airflow-provider-mailersend-"))
        self.url = f"http://127.0.0.1:{_free_port()}"
        self._environment = _environment(self.home, self.url, sandboxes, settings or {})
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._http = requests.Session()
        self._http.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A second signal must not interrupt the clean-up.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        try:
            for name in list(self._processes):
                self._kill(name)
            if kind is not None and issubclass(kind, Exception):
                sys.stderr.write(self._tails())
        finally:
            shutil.rmtree(self.home, ignore_errors=True)

    def make_database(self) -> None:
        self._start("database", "db", "migrate")
        if self._processes.pop("database").wait(120) != 0:
            raise RuntimeError("airflow db migrate failed")

    def start(self) -> None:
        """Start all but the triggerer."""
        self._start("api-server", "api-server", "--host", "127.0.0.1", "--port", self.url.rpartition(":")[2])
        self._start("scheduler", "scheduler", "--skip-serve-logs")
        self._start("dag-processor", "dag-processor")

    def start_triggerer(self) -> None:
        self._start("triggerer", "triggerer", "--skip-serve-logs")

    def kill_triggerer(self) -> None:
        """Kill the triggerer and all its child processes with SIGKILL."""
        self._kill("triggerer")

    def check(self) -> None:
        """Raise RuntimeError if a process has ended."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise RuntimeError(f"the {name} has ended, with {process.returncode}")

    def log_in(self) -> bool:
        """Return whether the API responds yet."""
        try:
            answer = self._http.get(f"{self.url}/auth/token", timeout=30)
        except requests.ConnectionError:
            return False
        answer.raise_for_status()
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return True

    def ask(self, path: str, method: str = "GET", **body: Any) -> dict[str, Any]:
        """Return the JSON of a response of Airflow's REST API."""
        url = f"{self.url}/api/v2/{path}"
        answer = self._http.request(method, url, json=body or None, timeout=60)
        if not answer.ok:
            raise RuntimeError(f"{method} {path} was answered with {answer.status_code}: {answer.text}")
        answered: dict[str, Any] = answer.json()
        return answered

    def told(self) -> dict[str, dict[str, Any]]:
        """Return what each run of the watching DAG wrote, by run id."""
        files = (self.home / "told").glob("*.json")
        return {file.stem: json.loads(file.read_text()) for file in files}

    def _start(self, name: str, *command: str) -> None:
        with (self.home / f"{name}.log").open("ab") as output:
            # In its own session: Ctrl-C doesn't reach it, and _kill finds all its processes.
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "airflow", *command],
                cwd=self.home,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _kill(self, name: str) -> None:
        process = self._processes.pop(name)
        # Tasks have their own process groups, but share the session. New ones may start while others are killed.
        while members := [pid for pid in psutil.pids() if _is_member(pid, process.pid)]:
            for pid in members:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.poll()
        process.wait()

    def _tails(self) -> str:
        """Return the last lines of the logs of all processes, and of the tasks that logged an error."""
        tails = []
        of_tasks = sorted(self.home.glob("logs/dag_id=*/**/*.log*"))
        for log in (*sorted(self.home.glob("*.log")), *of_tasks):
            lines = log.read_text(errors="replace").splitlines()
            if log in of_tasks and not any('"level":"error"' in line for line in lines):
                continue
            ending = [line[:_WIDTH] for line in lines if "[http.access]" not in line][-_TAIL:]
            tails.append("\n".join([f"\n---- {log.relative_to(self.home)}", *ending, ""]))
        return "".join(tails)


def _is_member(pid: int, session: int) -> bool:
    try:
        return os.getsid(pid) == session and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, PermissionError, psutil.Error):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _environment(
    home: Path, url: str, sandboxes: Mapping[str, Sandbox], other_settings: Mapping[str, str]
) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AIRFLOW") and not name.lower().endswith("_proxy")
    }
    settings = {
        "CORE__DAGS_FOLDER": str(_DAGS),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": "4",
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "API__SECRET_KEY": secrets.token_hex(),
        "API_AUTH__JWT_SECRET": secrets.token_hex(),
        "METRICS__STATSD_ON": "False",
        # On a busy machine, a task whose first request is given up after 5 s fails: it counts as running already.
        "WORKERS__EXECUTION_API_TIMEOUT": "60",
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
        "TRIGGERER__JOB_HEARTBEAT_SEC": "1",
        # The next triggerer takes over the triggers of a killed one after so many seconds.
        "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "5",
    }
    connections = {
        f"AIRFLOW_CONN_{conn_id.upper()}": sandbox.connection for conn_id, sandbox in sandboxes.items()
    }
    return {
        **inherited,
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")])),
        "NO_PROXY": "127.0.0.1,localhost",
        **{f"AIRFLOW__{name}": value for name, value in {**settings, **other_settings}.items()},
        **connections,
    }
