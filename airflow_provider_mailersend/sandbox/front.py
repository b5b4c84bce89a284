"""What every request to the API passes: the log, faults, the token and the limits."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from airflow_provider_mailersend.sandbox.account import Change
from airflow_provider_mailersend.sandbox.answers import Answer, json_answer
from airflow_provider_mailersend.sandbox.dialect import QUOTA_HEADERS
from airflow_provider_mailersend.sandbox.endpoints import Api
from airflow_provider_mailersend.sandbox.faults import Fault, FaultQueue, gzip_of
from airflow_provider_mailersend.sandbox.limits import Window
from airflow_provider_mailersend.sandbox.line import Line
from airflow_provider_mailersend.sandbox.moments import SECOND, Now
from airflow_provider_mailersend.sandbox.reading import parse_json
from airflow_provider_mailersend.sandbox.requestlog import LoggedRequest, RequestLog

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope

_QUOTA_PATH = "/api-quota"
_TOO_MANY = "You cannot create a resource at the moment. Please wait a while before retrying."
_QUOTA_USED_UP = "The daily API quota was used up."


@dataclass
class Front:
    """Answers requests to the API.

    A request meets, in this order: the log, a fault, the token, the rate limit, the quota, its endpoint.
    One that a fault keeps from being processed counts for no limit; nor does one without the right token.
    """

    api: Api
    token: str
    log: RequestLog
    faults: FaultQueue
    connections: Callable[[], list[Any]]
    """The server's connections, on which lines are found."""
    stopping: asyncio.Event
    """Set when the server stops: ends whatever waits."""
    gateway_now: Now
    """Tells the time of the ``Date`` header."""

    async def answer(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        body = await read_all(receive)
        method, path = scope["method"], scope["path"].removeprefix("/v1")
        fault = self.faults.take(method, path)
        request = LoggedRequest(
            method=method,
            path=path,
            raw_path=scope["raw_path"].decode("ascii", "backslashreplace"),
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            json=_json_or_none(body),
            at=time.time(),
            fault=fault,
        )
        self.log.append(request)
        held: list[Change] = []
        try:
            line = Line(scope, receive, send, self.connections(), self._wait)
            if fault is None:
                await line.send(self._settled(self._process(scope, request, body), request))
            else:
                await self._suffer(
                    fault, line, request, lambda: self._hold(fault, held, scope, request, body)
                )
        finally:
            if held and fault is not None:
                await self._wait(fault.commit_after)
                with self.api.account.lock:
                    for change in held:
                        change()
            request.is_over = True

    async def _suffer(
        self, fault: Fault, line: Line, request: LoggedRequest, process: Callable[[], Answer]
    ) -> None:
        """Answer a request, or not, as the fault will have it."""
        if fault.delay_when == "before":
            await self._wait(fault.delay)
        answer = process() if fault.processes else None
        if fault.delay_when == "after":
            await self._wait(fault.delay)
        if fault.bomb:
            body = await asyncio.to_thread(gzip_of, fault.bomb)
            answer = Answer(200, body, {"content-encoding": "gzip"})
        answer = fault.answer() or answer
        if fault.continues:
            await line.continue_for_ever(fault.continues)
        elif answer is None or fault.cut:
            await line.cut()
        else:
            answer.headers |= {name.lower(): value for name, value in (fault.headers or {}).items()}
            self._settled(answer, request)
            if fault.truncate:
                await line.break_off(answer)
            elif fault.drip:
                await line.drip(answer, fault.drip, fault.drip_part)
            else:
                await line.send(answer)

    def _settled(self, answer: Answer, request: LoggedRequest) -> Answer:
        answer.headers.setdefault("date", formatdate(self.gateway_now() // SECOND, usegmt=True))
        answer.headers.setdefault("cache-control", "no-cache, private")
        request.status = answer.status
        return answer

    def _hold(
        self, fault: Fault, held: list[Change], scope: HTTPScope, request: LoggedRequest, body: bytes
    ) -> Answer:
        if not fault.commit_after:
            return self._process(scope, request, body)
        account = self.api.account
        with account.lock, account.holding_back() as changes:
            answer = self._process(scope, request, body)
        held += changes
        return answer

    def _process(self, scope: HTTPScope, request: LoggedRequest, body: bytes) -> Answer:
        limits, dialect = self.api.limits, self.api.account.dialect
        if not self._is_authorized(scope):
            return json_answer({"message": "Unauthenticated."}, 401)
        if not limits.rate.spend():
            return self._refuse(limits.rate, _TOO_MANY, "#MS42903")
        if request.path != _QUOTA_PATH and not limits.quota.spend():
            return self._refuse(limits.quota, _QUOTA_USED_UP, "#MS42901")
        with self.api.account.lock:
            answer = self.api.answer(request.method, request.path, request.query, body)
        headers = limits.headers()
        if answer.status == 404 and dialect.plain_404:
            headers = {name: value for name, value in headers.items() if name not in QUOTA_HEADERS}
        answer.headers |= headers
        return answer

    def _is_authorized(self, scope: HTTPScope) -> bool:
        sent = b",".join(value for name, value in scope["headers"] if name == b"authorization")
        return secrets.compare_digest(sent, f"Bearer {self.token}".encode())

    def _refuse(self, window: Window, message: str, code: str) -> Answer:
        has_code = self.api.account.dialect.limit_codes
        answer = json_answer({"message": f"{message} {code}" if has_code else message}, 429)
        answer.headers |= self.api.limits.headers(exhausted=window)
        return answer

    async def _wait(self, seconds: float) -> bool:
        """Wait, or until the server stops; whether it goes on."""
        if seconds:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), seconds)
        return not self.stopping.is_set()


async def read_all(receive: ASGIReceiveCallable) -> bytes:
    body = bytearray()
    more = True
    while more:
        message: Any = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def _json_or_none(body: bytes) -> Any:
    try:
        return parse_json(body)
    except ValueError:
        return None
