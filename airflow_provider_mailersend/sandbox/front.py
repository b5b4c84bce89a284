"""What every request to the API passes: the log, faults, the token and the limits."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import Response

from airflow_provider_mailersend.sandbox.dialect import QUOTA_HEADERS, Dialect
from airflow_provider_mailersend.sandbox.endpoints import json_response
from airflow_provider_mailersend.sandbox.faults import Fault, FaultQueue
from airflow_provider_mailersend.sandbox.limits import FixedWindow, Limits
from airflow_provider_mailersend.sandbox.line import Line
from airflow_provider_mailersend.sandbox.reading import parse_json
from airflow_provider_mailersend.sandbox.requestlog import LoggedRequest, RequestLog
from airflow_provider_mailersend.sandbox.timeline import SECOND, Now

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_QUOTA_PATH = "/api-quota"
_TOO_MANY = "You cannot create a resource at the moment. Please wait a while before retrying."
_QUOTA_USED_UP = "The daily API quota was used up."


@dataclass(frozen=True)
class Front:
    """An ASGI application around ``api``, mounted where the API's paths begin.

    A request meets, in this order: the log, a fault, the token, the rate limit, the quota, its endpoint.
    One that a fault keeps from being processed counts for no limit; nor does one without the right token.
    """

    api: ASGIApp
    token: str
    dialect: Dialect
    limits: Limits
    log: RequestLog
    faults: FaultQueue
    line: Line
    stopping: asyncio.Event
    """Set when the server stops: ends whatever waits."""
    now: Now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        path = scope["path"].removeprefix(scope["root_path"])
        fault = self.faults.take(scope["method"], path)
        request = LoggedRequest(
            method=scope["method"],
            path=path,
            raw_path=scope["raw_path"].decode("ascii", "backslashreplace"),
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            json=_json_or_none(body),
            at=time.time(),
            fault=fault,
        )
        self.log.append(request)
        answer = await (
            self._process(scope, path, body) if fault is None else self._suffer(fault, scope, path, body)
        )
        if answer is None:
            await self.line.cut(scope, receive)
            return
        request.status = answer.status_code
        answer.headers.setdefault("date", formatdate(self.now() // SECOND, usegmt=True))
        if fault is not None and fault.truncate:
            await self.line.break_off(answer, scope, receive, send)
        else:
            await answer(scope, receive, send)

    async def _suffer(self, fault: Fault, scope: Scope, path: str, body: bytes) -> Response | None:
        """The answer that a fault leaves; None when the connection is to be cut."""
        if fault.delay_when == "before":
            await self._wait(fault.delay)
        answer = await self._process(scope, path, body) if fault.processes else None
        if fault.delay_when == "after":
            await self._wait(fault.delay)
        if fault.cut:
            return None
        if fault.status is not None:
            content, media_type = fault.content()
            answer = Response(content, fault.status, media_type=media_type)
        if answer is not None:
            answer.headers.update(fault.headers or {})
        return answer

    async def _process(self, scope: Scope, path: str, body: bytes) -> Response:
        if not self._authorized(scope):
            return json_response({"message": "Unauthenticated."}, 401)
        if not self.limits.rate.spend():
            return self._exhausted(self.limits.rate, _TOO_MANY, "#MS42903")
        if path != _QUOTA_PATH and not self.limits.quota.spend():
            return self._exhausted(self.limits.quota, _QUOTA_USED_UP, "#MS42901")
        answer = await _ask(self.api, scope, body)
        headers = self.limits.headers()
        if answer.status_code == 404 and self.dialect.plain_404:
            headers = {name: value for name, value in headers.items() if name not in QUOTA_HEADERS}
        answer.headers.update(headers)
        return answer

    def _authorized(self, scope: Scope) -> bool:
        sent = b",".join(value for name, value in scope["headers"] if name == b"authorization")
        return secrets.compare_digest(sent, f"Bearer {self.token}".encode())

    def _exhausted(self, window: FixedWindow, message: str, code: str) -> Response:
        answer = json_response({"message": f"{message} {code}" if self.dialect.limit_codes else message}, 429)
        answer.headers.update(self.limits.headers(exhausted=window))
        return answer

    async def _wait(self, seconds: float) -> None:
        if seconds:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), seconds)


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def _json_or_none(body: bytes) -> Any:
    try:
        return parse_json(body)
    except ValueError:
        return None


async def _ask(app: ASGIApp, scope: Scope, body: bytes) -> Response:
    """The whole answer of an application, not yet sent to anybody."""
    answer = Response()
    received: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        received.append(message)

    await app(scope, receive, send)
    answer.status_code = received[0]["status"]
    answer.raw_headers = list(received[0]["headers"])
    answer.body = b"".join(message.get("body", b"") for message in received[1:])
    return answer
