"""A request as the log holds it, and a response before it is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.client import responses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_mailersend.sandbox.faults import Fault


@dataclass
class LoggedRequest:
    """A request to the API, logged when it arrives and completed before its response is sent. The token isn't kept."""

    method: str
    path: str  # decoded, without /v1
    raw_path: str  # as it was sent
    query: dict[str, str]
    json: Any  # the body; None if there was none, or it wasn't JSON
    at: float  # when it arrived, in Unix seconds
    status: int | None = None  # of the response; None before, and if the connection was dropped
    fault: Fault | None = None  # that hit it

    def matches(self, method: str, path: str) -> bool:
        """Whether it has that method, and a path like that; ``*`` is a wildcard in both."""
        return method in ("*", self.method) and fnmatchcase(self.path, path)

    def as_json(self) -> dict[str, Any]:
        return vars(self) | {"fault": self.fault and self.fault.as_json()}


@dataclass
class Answer:
    """A response; the names of headers are in lower case."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def head(self) -> bytes:
        """Everything up to the body."""
        headers = {"cache-control": "no-cache, private"}
        if self.status not in (204, 304):
            headers |= {"content-type": "application/json", "content-length": str(len(self.body))}
        lines = [f"HTTP/1.1 {self.status} {phrase(self.status)}"]
        lines += [f"{name}: {value}" for name, value in (headers | self.headers).items()]
        return "\r\n".join([*lines, "", ""]).encode()


def json_answer(body: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body).encode())


def not_found() -> Answer:
    return Answer(404, b'{\n    "message": "Resource not found."\n}')


def phrase(status: int) -> str:
    return responses.get(status, "Unknown Error")
