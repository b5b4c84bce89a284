"""An HTTP server in threads that only this machine can reach, and that stops at once; its requests and responses."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.client import responses
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

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


class Exchange(BaseHTTPRequestHandler):
    """A connection, and the request on it that is being answered: ``logged``, ``headers`` and ``body``."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each response on a kept connection waits 40 ms for an ACK
    server: LoopbackServer
    logged: LoggedRequest
    body: bytes

    def handle(self) -> None:
        with suppress(OSError):  # the client is gone
            super().handle()

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65_537)
        if not (self.raw_requestline and self.parse_request() and self._read_body()):
            self.close_connection = True
            return
        raw_path, _, query = self.path.partition("?")
        self.logged = LoggedRequest(
            method=self.command,
            path=unquote(raw_path).removeprefix("/v1"),
            raw_path=raw_path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            json=None,
            at=time.time(),
        )
        with suppress(ValueError, RecursionError):
            self.logged.json = json.loads(self.body)
        self.server.answer(self)

    def send_error(self, *_: Any, **__: Any) -> None:
        """What isn't HTTP ends the connection without a response."""

    def send(self, answer: Answer, share: float = 1.0) -> None:
        """Send a response, or a share of its body and nothing more: of an empty body not even the head."""
        head, body = self.head_of(answer), b"" if self.command == "HEAD" else answer.body
        if share < 1:
            self.close_connection = True
            head, body = head if body else b"", body[: int(len(body) * share)]
        self.wfile.write(head + body)

    def head_of(self, answer: Answer) -> bytes:
        """The head to send. Its status is logged now, so that the client finds it in the log."""
        self.logged.status = answer.status
        answer.headers.setdefault("date", self.date_time_string(self.server.clock()))
        if self.close_connection:
            answer.headers["connection"] = "close"
        return answer.head()

    def _read_body(self) -> bool:
        length = self.headers.get("content-length", "0")
        self.body = self.rfile.read(int(length)) if length.isdecimal() else b""
        return str(len(self.body)) == length


class LoopbackServer(ThreadingTCPServer):
    """Accepts connections as soon as it is made; once started, passes each request to *answer*."""

    allow_reuse_address = os.name == "posix"
    request_queue_size = 1024
    clock: Callable[[], float] = staticmethod(time.time)  # for the ``Date`` header

    def __init__(self, host: str, port: int, answer: Callable[[Exchange], None]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Exchange)
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.server_address[1]}"
        self.answer = answer
        self.stopping = threading.Event()
        self.connections: dict[threading.Thread, socket.socket] = {}
        self._accepting = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    def start(self) -> None:
        self._accepting.start()

    def stop(self) -> None:
        """Drop all connections; returns when no thread is left."""
        self.shutdown()
        self.server_close()
        for connection in list(self.connections.values()):
            with suppress(OSError):  # closed meanwhile
                connection.shutdown(socket.SHUT_RDWR)
        self.stopping.set()
        for thread in [self._accepting, *self.connections]:
            thread.join(timeout=5)

    def process_request(self, request: Any, client_address: Any) -> None:
        arguments = (request, client_address)
        thread = threading.Thread(target=self.process_request_thread, args=arguments, daemon=True)
        self.connections[thread] = request
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        super().process_request_thread(request, client_address)
        del self.connections[threading.current_thread()]


def is_loopback(host: str) -> bool:
    """Whether a host name or address (without a port) is in 127.0.0.0/8, is ::1, or is ``localhost``."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host.lower() == "localhost"
