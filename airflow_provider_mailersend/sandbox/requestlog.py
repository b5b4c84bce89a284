"""What was asked of the sandbox. Headers aren't kept, so the token never is."""

from __future__ import annotations

import threading
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from airflow_provider_mailersend.sandbox.faults import Fault


@dataclass
class LoggedRequest:
    """One request to the API, logged when it arrives and completed just before it is answered."""

    method: str
    path: str
    """Without ``/v1``, and decoded."""
    raw_path: str
    """As it came, ``/v1`` and percent-encoding included."""
    query: dict[str, str]
    json: Any
    """The body; None when there was none, or none that is JSON."""
    at: float
    """When it came, in Unix seconds."""
    status: int | None = None
    """What was answered; None while nothing is, and when the connection was cut."""
    fault: Fault | None = None
    """The fault that hit it."""
    is_over: bool = False
    """Whether it was answered or dropped, and what it changes is changed."""

    def as_json(self) -> dict[str, Any]:
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return told | {"fault": None if self.fault is None else self.fault.as_json()}


class RequestLog:
    """Logged requests in the order of their arrival."""

    def __init__(self) -> None:
        self._all: list[LoggedRequest] = []
        self._lock = threading.Lock()

    def append(self, request: LoggedRequest) -> None:
        with self._lock:
            self._all.append(request)

    def clear(self) -> None:
        with self._lock:
            self._all.clear()

    def matching(self, method: str = "*", path: str = "*") -> list[LoggedRequest]:
        """The requests with that method and a path (without ``/v1``) of that file-name pattern."""
        with self._lock:
            return [
                request
                for request in self._all
                if method in ("*", request.method) and fnmatchcase(request.path, path)
            ]
