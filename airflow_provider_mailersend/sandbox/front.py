"""What every request to the API passes: the log, faults, the token and the limits."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from airflow_provider_mailersend.sandbox.account import Change
from airflow_provider_mailersend.sandbox.dialect import QUOTA_HEADERS
from airflow_provider_mailersend.sandbox.endpoints import Api
from airflow_provider_mailersend.sandbox.faults import Fault, FaultQueue, gzip_of
from airflow_provider_mailersend.sandbox.limits import Window
from airflow_provider_mailersend.sandbox.moments import SECOND, Now
from airflow_provider_mailersend.sandbox.reading import parse_json
from airflow_provider_mailersend.sandbox.requestlog import LoggedRequest
from airflow_provider_mailersend.sandbox.server import LoopbackServer
from airflow_provider_mailersend.sandbox.wire import Answer, Line, Request, json_answer

_TOO_MANY = "You cannot create a resource at the moment. Please wait a while before retrying."
_QUOTA_USED_UP = "The daily API quota was used up."


@dataclass(frozen=True)
class Front:
    """Answers requests to the API.

    A request meets, in this order: the log, a fault, the token, the rate limit, the quota, its endpoint.
    One that a fault keeps from being processed counts for no limit; nor does one without the right token.
    """

    api: Api
    token: str
    log: list[LoggedRequest]
    faults: FaultQueue
    server: LoopbackServer
    gateway_now: Now
    """Tells the time of the ``Date`` header."""

    async def answer(self, request: Request, line: Line) -> None:
        path = request.path.removeprefix("/v1")
        fault = self.faults.take(request.method, path)
        logged = LoggedRequest(
            method=request.method,
            path=path,
            raw_path=request.raw_path,
            query=request.query,
            json=_json_or_none(request.body),
            at=time.time(),
            fault=fault,
        )
        self.log.append(logged)
        held: list[Change] = []
        try:
            if fault is None:
                await line.send(self._told(self._process(request, path), logged))
            else:
                await self._suffer(fault, request, line, logged, held)
        finally:
            if fault is not None and held:
                self.server.spawn(self._commit(fault.commit_after, held, logged))
            else:
                logged.is_over = True

    async def _suffer(
        self, fault: Fault, request: Request, line: Line, logged: LoggedRequest, held: list[Change]
    ) -> None:
        """Answer a request, or not, as the fault will have it."""
        answer: Answer | None = None
        if fault.delay_when == "before":
            await self.server.wait(fault.delay)
        if fault.processes and fault.commit_after:
            with self.api.account.lock, self.api.account.holding_back() as changes:
                answer = self._process(request, logged.path)
            held += changes
        elif fault.processes:
            answer = self._process(request, logged.path)
        if fault.delay_when == "after":
            await self.server.wait(fault.delay)
        if fault.bomb:
            body = await asyncio.to_thread(gzip_of, fault.bomb)
            answer = Answer(200, body, {"content-encoding": "gzip"})
        answer = fault.answer() or answer
        if fault.continues:
            await line.continue_for_ever(fault.continues)
        elif answer is None or fault.cut:
            line.cut()
        else:
            answer.headers |= {name.lower(): value for name, value in (fault.headers or {}).items()}
            self._told(answer, logged)
            if fault.truncate:
                line.break_off(answer)
            elif fault.drip:
                await line.drip(answer, fault.drip, fault.drip_part)
            else:
                await line.send(answer)

    async def _commit(self, seconds: float, held: list[Change], logged: LoggedRequest) -> None:
        await self.server.wait(seconds)
        with self.api.account.lock:
            for change in held:
                change()
        logged.is_over = True

    def _told(self, answer: Answer, logged: LoggedRequest) -> Answer:
        answer.headers.setdefault("date", formatdate(self.gateway_now() // SECOND, usegmt=True))
        answer.headers.setdefault("cache-control", "no-cache, private")
        logged.status = answer.status
        return answer

    def _process(self, request: Request, path: str) -> Answer:
        limits, dialect = self.api.limits, self.api.account.dialect
        sent = request.headers.get("authorization", "").encode("latin-1")
        if not secrets.compare_digest(sent, f"Bearer {self.token}".encode()):
            return json_answer({"message": "Unauthenticated."}, 401)
        if not limits.rate.spend():
            return self._refuse(limits.rate, _TOO_MANY, "#MS42903")
        if path != "/api-quota" and not limits.quota.spend():
            return self._refuse(limits.quota, _QUOTA_USED_UP, "#MS42901")
        with self.api.account.lock:
            answer = self.api.answer(request.method, path, request.query, request.body)
        headers = limits.headers()
        if answer.status == 404 and dialect.plain_404:
            headers = {name: value for name, value in headers.items() if name not in QUOTA_HEADERS}
        answer.headers |= headers
        return answer

    def _refuse(self, window: Window, message: str, code: str) -> Answer:
        has_code = self.api.account.dialect.limit_codes
        answer = json_answer({"message": f"{message} {code}" if has_code else message}, 429)
        answer.headers |= self.api.limits.headers(exhausted=window)
        return answer


def _json_or_none(body: bytes) -> Any:
    try:
        return parse_json(body)
    except ValueError:
        return None
