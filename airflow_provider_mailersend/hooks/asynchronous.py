"""The hook of triggers: a thin driver of :mod:`airflow_provider_mailersend.api` that blocks no event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import httpx
from airflow.providers.common.compat.connection import get_async_connection, get_async_extra_dejson

from airflow_provider_mailersend.api.answers import Answer, Failure, Outcome
from airflow_provider_mailersend.api.domains import Scope, find_domain
from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.errors import MailerSendError
from airflow_provider_mailersend.api.finding import Finding
from airflow_provider_mailersend.api.flow import Flow, Keep, Send, Step, Steps, drive_async
from airflow_provider_mailersend.api.masking import said_by
from airflow_provider_mailersend.api.requests import (
    Request,
    SmsRecipientStatus,
    SuppressionList,
    get_recipient,
    get_sms_recipient,
    list_recipients,
    list_sms_recipients,
    list_suppressions,
)
from airflow_provider_mailersend.api.whole_list import WholeList
from airflow_provider_mailersend.hooks.account import Bearer, MailerSendAccount, connected
from airflow_provider_mailersend.hooks.connection import Settings
from airflow_provider_mailersend.hooks.moments import Moment, between
from airflow_provider_mailersend.hooks.reporting import Reporter

_T = TypeVar("_T")


class MailerSendAsyncHook(MailerSendAccount):
    """
    The reading half of MailerSendHook, and the quota, for triggers: nothing blocks the event loop.

    It is an asynchronous context manager, which closes its connections.

    .. code-block:: python

        async with MailerSendAsyncHook() as hook:
            async for entry in hook.iter_suppressions("hard-bounces"):
                print(entry["recipient"]["email"])

    Parameters, errors and what is returned are those of :class:`MailerSendHook`.
    """

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
    def requests_sent(self) -> int:
        """How many requests this hook has sent, repeats included."""
        return self._account[1].requests if self._account is not None else 0

    @property
    def clock_ahead(self) -> timedelta:
        """How far the API's clock is ahead of this machine's: as :attr:`MailerSendHook.clock_ahead`."""
        ahead = self._account[1].throttle.clock_ahead if self._account is not None else None
        return timedelta(seconds=ahead or 0.0)

    async def iter_suppressions(
        self,
        suppression_list: str,
        *,
        domain_id: str | None = None,
        domain: str | None = None,
        since: Moment = None,
        until: Moment = None,
    ) -> AsyncIterator[Entry]:
        """Read a suppression list, page by page: as :meth:`MailerSendHook.iter_suppressions`."""
        which, moments = SuppressionList(suppression_list), between(since, until)
        asked = list_suppressions(which, await self._domain(domain_id, domain))
        async for entry in self._iterate(WholeList(asked, **moments)):
            yield entry

    async def list_suppressions(
        self,
        suppression_list: str,
        *,
        domain_id: str | None = None,
        domain: str | None = None,
        since: Moment = None,
        until: Moment = None,
    ) -> list[Entry]:
        """Return all that :meth:`iter_suppressions` yields, as a list."""
        entries = self.iter_suppressions(
            suppression_list, domain_id=domain_id, domain=domain, since=since, until=until
        )
        return [entry async for entry in entries]

    async def find_suppressions(
        self,
        suppression_list: str,
        last_pages: Mapping[tuple[str, str], int],
        *,
        domain_id: str | None = None,
        domain: str | None = None,
        both_ways: bool = True,
    ) -> dict[tuple[str, str], tuple[int, Entry]]:
        """Find entries by what they suppress: as :meth:`MailerSendHook.find_suppressions`."""
        scope = Scope(await self._domain(domain_id, domain))
        finding = Finding(SuppressionList(suppression_list), last_pages, scope=scope, both_ways=both_ways)
        return await self._run(finding.run)

    async def iter_recipients(
        self, *, domain_id: str | None = None, domain: str | None = None
    ) -> AsyncIterator[Entry]:
        """Read the recipients, page by page: as :meth:`MailerSendHook.iter_recipients`."""
        async for entry in self._iterate(WholeList(list_recipients(await self._domain(domain_id, domain)))):
            yield entry

    async def get_recipient(self, recipient_id: str) -> Entry:
        """Return one recipient: as :meth:`MailerSendHook.get_recipient`."""
        return await self._run(lambda flow: flow.get(get_recipient(recipient_id)))

    async def iter_sms_recipients(
        self, *, status: str | None = None, sms_number_id: str | None = None
    ) -> AsyncIterator[Entry]:
        """Read the SMS recipients, page by page: as :meth:`MailerSendHook.iter_sms_recipients`."""
        wanted = SmsRecipientStatus(status) if status else None
        async for entry in self._iterate(WholeList(list_sms_recipients(wanted, sms_number_id))):
            yield entry

    async def get_sms_recipient(self, sms_recipient_id: str) -> Entry:
        """Return one SMS recipient: as :meth:`MailerSendHook.get_sms_recipient`."""
        return await self._run(lambda flow: flow.get(get_sms_recipient(sms_recipient_id)))

    async def resolve_domain_id(self, domain: str) -> str:
        """Return the id of the domain of this name: as :meth:`MailerSendHook.resolve_domain_id`."""
        async with self._resolving:
            return await self._run(lambda flow: find_domain(flow, domain))

    async def get_api_quota(self) -> dict[str, Any]:
        """Return what is left of the day's requests: as :meth:`MailerSendHook.get_api_quota`."""
        return await self._run(lambda flow: flow.get_quota())

    async def test_connection(self) -> tuple[bool, str]:
        """Ask for the quota, and return whether that worked and what is left, or why not."""
        try:
            return True, connected(await self.get_api_quota())
        except (MailerSendError, ValueError) as error:
            return False, str(error)

    async def _domain(self, domain_id: str | None, domain: str | None) -> str | None:
        settings, _, _ = await self._connect()
        scope = Scope.of(domain_id, domain, settings.domain_id)
        return await self.resolve_domain_id(scope.domain) if scope.domain else scope.domain_id

    async def _connect(self) -> tuple[Settings, Flow, Reporter]:
        async with self._connecting:
            if self._account is None:
                connection = await get_async_connection(self.mailersend_conn_id, hook=self)
                settings = self._settings_from(connection, await get_async_extra_dejson(connection))
                flow = self._flow_for(settings)
                self._account = settings, flow, self._reporter_of(flow)
        return self._account

    async def _iterate(self, whole: WholeList) -> AsyncIterator[Entry]:
        endpoint = whole.request.endpoint if whole.request else ""
        try:
            while whole.request is not None:
                for entry in await self._run(lambda flow: flow.read_page(whole)):
                    yield entry
        finally:
            self._warn_of(whole, endpoint)

    async def _run(self, steps_of: Callable[[Flow], Steps[_T]]) -> _T:
        _, flow, reporter = await self._connect()
        try:
            async with _Turn(self._requesting) as turn:
                return await drive_async(steps_of(flow), partial(self._perform, reporter=reporter, turn=turn))
        except MailerSendError as error:
            self._fail(error)
        finally:
            reporter.gauge()

    async def _perform(self, step: Step, reporter: Reporter, turn: _Turn) -> Outcome | float | None:
        if isinstance(step, Send):
            outcome = await self._exchange(step.request)
            reporter.answered(outcome)
            return outcome
        if isinstance(step, Keep):
            return None
        if not step.until:
            # Nothing is under way: who has waited longer comes first.
            await turn.pass_on()
        for seconds in reporter.naps(step):
            await asyncio.sleep(seconds)
        return time.time()

    async def _exchange(self, request: Request) -> Outcome:
        settings, _, _ = await self._connect()
        try:
            client = await self._connected_client(settings)
            response = await client.request(
                request.method,
                settings.base_url + request.path,
                params=dict(request.params),
                json=request.body,
                headers={"Accept": "application/json"},
                auth=Bearer(settings),
                timeout=settings.timeout,
                follow_redirects=False,
            )
        except (httpx.RequestError, OSError) as error:  # the latter for certificates that are not there
            return Failure(
                said_by(error),
                never_sent=isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)),
                at=time.time(),
            )
        return Answer(response.status_code, response.headers, response.content, time.time())

    async def _connected_client(self, settings: Settings) -> httpx.AsyncClient:
        async with self._connecting:
            if self._client is None:
                # Reading the certificates takes tens of milliseconds, too long for an event loop.
                self._client = await asyncio.to_thread(
                    httpx.AsyncClient, trust_env=not settings.on_this_machine
                )
            return self._client


class _Turn:
    """A turn at something that is done one at a time: others wait in a queue."""

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock
        self._is_held = False

    async def __aenter__(self) -> _Turn:
        await self._lock.acquire()
        self._is_held = True
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._is_held:
            self._lock.release()

    async def pass_on(self) -> None:
        """Go to the queue's end."""
        self._is_held = False
        self._lock.release()
        await self._lock.acquire()
        self._is_held = True
