"""An answer before it is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus

JSON = "application/json"
HTML = "text/html; charset=UTF-8"

_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass
class Answer:
    """Status, body and headers, whose names are in lower case."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def fields(self) -> list[tuple[bytes, bytes]]:
        """All headers that are to be sent."""
        headers = self.headers
        if self.status not in (204, 304):
            headers = {"content-type": JSON, "content-length": str(len(self.body)), **headers}
        return [(name.encode(), value.encode()) for name, value in headers.items()]

    def head(self) -> bytes:
        """All that goes before the body."""
        lines = [f"HTTP/1.1 {self.status} {phrase(self.status)}".encode()]
        lines += [name + b": " + value for name, value in self.fields()]
        return b"\r\n".join([*lines, b"", b""])


def json_answer(body: object, status: int = 200) -> Answer:
    return Answer(status, _encode(body).encode())


def not_found() -> Answer:
    """The 404 of the API, which prints its JSON over several lines."""
    return Answer(404, json.dumps({"message": "Resource not found."}, indent=4).encode())


def phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown Error"
