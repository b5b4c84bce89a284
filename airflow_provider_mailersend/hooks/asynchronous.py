"""The hook of triggers: a thin driver of :mod:`airflow_provider_mailersend.api` that blocks no event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.connection import get_async_connection

from airflow_provider_mailersend.api.answers import Outcome
from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.flow import Flow, Progress, Send, Step, Steps, drive_async
from airflow_provider_mailersend.api.requests import (
    SuppressionList,
    get_sms_recipient,
    list_suppressions,
)
from airflow_provider_mailersend.api.whole_list import WholeList
from airflow_provider_mailersend.exceptions import MailerSendError
from airflow_provider_mailersend.hooks.account import MailerSendAccount
from airflow_provider_mailersend.hooks.async_exchange import client_for, exchange
from airflow_provider_mailersend.hooks.connection import Settings
from airflow_provider_mailersend.hooks.moments import Moment, between
from airflow_provider_mailersend.hooks.progress import INTERVAL, JobReport, Reporter
from airflow_provider_mailersend.jobs.domains import Scope, find_domain
from airflow_provider_mailersend.jobs.list_view import ListView, Look, Requirement
from airflow_provider_mailersend.jobs.lookup import Lookup

if TYPE_CHECKING:
    import httpx

_T = TypeVar("_T")

#: An answer that takes longer than this, in seconds, holds up no other request of the connection.
_PATIENCE = 1.0


class MailerSendAsyncHook(MailerSendAccount):
    """
    What triggers read, without blocking the event loop.

    It is an asynchronous context manager, which closes its connections. Its methods take, return and raise what those
    of :class:`MailerSendHook` do.

    .. code-block:: python

        async with MailerSendAsyncHook() as hook:
            bounces = await hook.list_suppressions("hard-bounces", since="2026-01-01")
    """

    # A look that is over within seconds is worth no line: triggers log what they find.
    _logs_waits_from = INTERVAL

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._account: tuple[Settings, Flow, Reporter] | None = None
        self._client: httpx.AsyncClient | None = None
        self._connecting = asyncio.Lock()
        # A flow is of one request after another: many at once would not learn of the limits from each other.
        self._requesting = asyncio.Lock()
        # Many who name the same domain at once resolve it once.
        self._resolving = asyncio.Lock()

    async def __aenter__(self) -> MailerSendAsyncHook:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections to MailerSend. The hook can be used again afterwards."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    @property
    def clock_ahead(self) -> timedelta:
        """How far the API's clock is ahead of this machine's: as :attr:`MailerSendHook.clock_ahead`."""
        ahead = self._account[1].throttle.clock_ahead if self._account is not None else None
        return timedelta(seconds=ahead or 0.0)

    async def list_suppressions(
        self,
        suppression_list: str,
        *,
        domain_id: str | None = None,
        domain: str | None = None,
        since: Moment = None,
    ) -> list[Entry]:
        """Return a suppression list's entries: as :meth:`MailerSendHook.list_suppressions`."""
        which, moments = SuppressionList(suppression_list), between(since, None)
        request = list_suppressions(which, await self._domain(domain_id, domain))
        whole = WholeList(request, **moments)
        _, _, reporter = await self._connect()
        report = reporter.job(request)
        entries: list[Entry] = []
        try:
            # Page by page, so that others have their turns in between.
            while whole.request is not None:
                entries += await self._run(lambda flow: flow.read_page(whole), report)
        finally:
            self._warn_of(whole, request.endpoint)
        return entries

    async def locate_suppressions(
        self,
        suppression_list: str,
        last_pages: Mapping[tuple[str, str], int],
        *,
        domain_id: str | None = None,
        domain: str | None = None,
        on_page: Callable[[Iterable[Entry], int], None] | None = None,
    ) -> dict[tuple[str, str], tuple[int, Entry]]:
        """
        Find entries near where they stood last: see :class:`.Lookup`.

        :param on_page: is told the entries of each page that is read, and its number.
        """
        scope = Scope(await self._domain(domain_id, domain))
        lookup = Lookup(SuppressionList(suppression_list), last_pages, scope=scope, on_page=on_page)
        return await self._run(lookup.run)

    async def look_at_list(
        self,
        view: ListView,
        requirements: Iterable[Requirement],
        *,
        domain_id: str | None = None,
        domain: str | None = None,
    ) -> Look:
        """Return what is known by *view* after a look that serves all *needs*."""
        resolved = await self._domain(domain_id, domain)
        look = await self._run(lambda flow: view.look(flow, resolved, requirements))
        if look.is_new and view.reading is not None:
            self._warn_of(view.reading, list_suppressions(view.suppression_list).endpoint)
        return look

    async def get_sms_recipient(self, sms_recipient_id: str) -> Entry:
        """Return one SMS recipient."""
        return await self._run(lambda flow: flow.get(get_sms_recipient(sms_recipient_id)))

    async def resolve_domain_id(self, domain: str) -> str:
        """Return the id of the domain of this name, asked for once."""
        async with self._resolving:
            return await self._run(lambda flow: find_domain(flow, domain))

    async def get_api_quota(self) -> dict[str, Any]:
        """Return what is left of the daily quota."""
        return await self._run(lambda flow: flow.get_quota())

    async def _domain(self, domain_id: str | None, domain: str | None) -> str | None:
        settings, _, _ = await self._connect()
        scope = Scope.of(domain_id, domain, settings.domain_id)
        return await self.resolve_domain_id(scope.domain) if scope.domain else scope.domain_id

    async def _connect(self) -> tuple[Settings, Flow, Reporter]:
        async with self._connecting:
            if self._account is None:
                connection = await get_async_connection(self.mailersend_conn_id, hook=self)
                settings = self._settings_from(connection)
                flow = self._flow_for(settings)
                self._account = settings, flow, self._reporter_of(flow)
        return self._account

    async def _run(self, steps_of: Callable[[Flow], Steps[_T]], report: JobReport | None = None) -> _T:
        _, flow, reporter = await self._connect()
        report = report or reporter.job()
        try:
            async with _Turn(self._requesting) as turn:
                return await drive_async(steps_of(flow), partial(self._perform, report=report, turn=turn))
        except MailerSendError as error:
            self._fail(error)
        finally:
            reporter.gauge()

    async def _perform(self, step: Step, report: JobReport, turn: _Turn) -> Outcome | float | None:
        if isinstance(step, Send):
            async with turn.lent_after(_PATIENCE):
                outcome = await self._exchange(step)
            report.answered(step.request, outcome)
            return outcome
        if isinstance(step, Progress):
            report.reached(step)
            return None
        async with turn.lent_after(0.0 if step.others_may_send else None):
            for seconds in report.naps(step):
                await asyncio.sleep(seconds)
        return time.time()

    async def _exchange(self, step: Send) -> Outcome:
        settings, _, _ = await self._connect()

        async def client() -> httpx.AsyncClient:
            async with self._connecting:
                if self._client is None:
                    self._client = await client_for(settings)
                return self._client

        return await exchange(client, settings, step.request, step.limited(settings.timeout))


class _Turn:
    """A turn at something that is done one at a time: others wait in a queue."""

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock
        self._is_held = False

    async def __aenter__(self) -> _Turn:
        await self._take()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._give()

    @asynccontextmanager
    async def lent_after(self, seconds: float | None) -> AsyncIterator[None]:
        """
        Let others have their turn where what is done takes longer than so many seconds; never where None.

        Afterwards it is taken again, at the queue's end.
        """
        lending = None
        if seconds:
            lending = asyncio.get_running_loop().call_later(seconds, self._give)
        elif seconds is not None:
            self._give()
        try:
            yield
        finally:
            if lending is not None:
                lending.cancel()
        if not self._is_held:
            await self._take()

    async def _take(self) -> None:
        await self._lock.acquire()
        self._is_held = True

    def _give(self) -> None:
        if self._is_held:
            self._is_held = False
            self._lock.release()
