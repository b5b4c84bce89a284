"""A sandbox in a process of its own, so that its work isn't measured."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

_LONGEST_STOP = 10.0  # seconds


@dataclass(frozen=True)
class SandboxProcess:
    """A running sandbox."""

    url: str
    token: str

    @property
    def authorization(self) -> str:
        return f"Bearer {self.token}"

    def answers(self) -> list[tuple[int | None, float]]:
        """Return the status and the time, in Unix seconds, of each request since the log was cleared."""
        return [(request["status"], request["at"]) for request in self._control("GET", "log").json()]

    def statuses(self) -> list[int | None]:
        """Return the status of each request since the log was cleared."""
        return [status for status, _ in self.answers()]

    def asked(self) -> Counter[str]:
        """Return the number of requests by endpoint, such as ``GET /api-quota``, since the log was cleared."""
        return Counter(
            f"{request['method']} {request['path']}" for request in self._control("GET", "log").json()
        )

    def clear_log(self) -> None:
        self._control("DELETE", "log")

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self._control("GET", "state").json()
        return state

    def add(self, name: str, *recipients: str) -> None:
        """Add addresses to a list, without a request to the API."""
        self._control("POST", "entries", {"list": name, "recipients": recipients})

    def _control(self, method: str, path: str, given: dict[str, Any] | None = None) -> requests.Response:
        url = f"{self.url.removesuffix('/v1')}/_sandbox/{path}"
        response = requests.request(method, url, json=given, timeout=60)
        response.raise_for_status()
        return response


@contextmanager
def sandbox_process(*options: str) -> Iterator[SandboxProcess]:
    """Run ``python -m tests.unsteady`` with *options*, on a free port."""
    command = [sys.executable, "-m", "tests.unsteady", "--port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield SandboxProcess(url=_said(process, "url"), token=_said(process, "token"))
        finally:
            process.terminate()
            try:
                process.wait(_LONGEST_STOP)
            except subprocess.TimeoutExpired:
                process.kill()


def _said(process: subprocess.Popen[str], what: str) -> str:
    name, _, value = process.stdout.readline().partition(" ") if process.stdout else ("", "", "")
    if name != what:
        raise RuntimeError("The sandbox did not start: its output is above.")
    return value.strip()
