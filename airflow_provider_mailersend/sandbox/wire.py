"""HTTP as it is on the wire: reading requests, sending answers, and doing to them what networks do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal
from urllib.parse import parse_qsl, unquote

JSON = "application/json"
HTML = "text/html; charset=UTF-8"

Part = Literal["headers", "body"]
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True)
class Request:
    """A request as it came. Headers are in lower case; one that came twice has both values."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def raw_path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def path(self) -> str:
        return unquote(self.raw_path)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
    """The next request of a connection; an ``OSError`` or ``EOFError`` when there is none."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(_CONTINUE)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, target, headers, body)


@dataclass
class Answer:
    """Status, body and headers, whose names are in lower case."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def head(self) -> bytes:
        """All that goes before the body."""
        headers = self.headers
        if self.status not in (204, 304):
            headers = {"content-type": JSON, "content-length": str(len(self.body)), **headers}
        lines = [f"HTTP/1.1 {self.status} {phrase(self.status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()


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


class Line:
    """The connection that a request came on, for its answer.

    :param wait: waits so many seconds, or until the server stops; whether the server goes on.
    """

    def __init__(
        self,
        request: Request,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        wait: Callable[[float], Awaitable[bool]],
    ) -> None:
        self._request = request
        self._reader = reader
        self._writer = writer
        self._wait = wait

    async def send(self, answer: Answer) -> None:
        is_last = self._request.headers.get("connection", "").lower() == "close"
        if is_last:
            answer.headers["connection"] = "close"
        self._writer.write(answer.head() + (b"" if self._request.method == "HEAD" else answer.body))
        await self._writer.drain()
        if is_last:
            self.cut()

    def cut(self) -> None:
        """Drop the connection, once what was written is sent."""
        self._writer.close()

    def break_off(self, answer: Answer) -> None:
        """Promise the whole length of an answer, send half of it, and hang up; of an empty one send nothing."""
        if answer.body:
            self._writer.write(answer.head() + answer.body[: len(answer.body) // 2])
        self.cut()

    async def drip(self, answer: Answer, seconds: float, part: Part) -> None:
        """Send an answer whose head or body comes byte by byte, and hang up."""
        answer.headers["connection"] = "close"
        fast, slow, rest = b"", answer.head(), answer.body
        if part == "body":
            fast, slow, rest = slow, rest, b""
        self._writer.write(fast)
        for byte in slow:
            self._writer.write(bytes((byte,)))
            if not await self._goes_on(seconds):
                break
        else:
            self._writer.write(rest)
        self.cut()

    async def continue_for_ever(self, seconds: float) -> None:
        """Send ``100 Continue`` until the client goes."""
        self._writer.write(_CONTINUE)
        while await self._goes_on(seconds):
            self._writer.write(_CONTINUE)
        self.cut()

    async def _goes_on(self, seconds: float) -> bool:
        return await self._wait(seconds) and not self._writer.is_closing() and not self._reader.at_eof()
