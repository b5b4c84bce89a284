"""The hook of triggers: runs the same generators over httpx, without blocking the event loop."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import httpx
from airflow.providers.common.compat.sdk import Connection
from asgiref.sync import sync_to_async

from airflow_provider_mailersend.api.answers import Answer, Outcome
from airflow_provider_mailersend.api.bodies import Body, BodyError
from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.flow import Flow, Progress, Send, Steps
from airflow_provider_mailersend.api.pages import WholeList
from airflow_provider_mailersend.api.requests import SuppressionList, get_sms_recipient, list_suppressions
from airflow_provider_mailersend.exceptions import MailerSendError
from airflow_provider_mailersend.hooks.account import MailerSendAccount
from airflow_provider_mailersend.hooks.connection import Settings
from airflow_provider_mailersend.hooks.exchange import HEADERS, Bearer, no_answer, unreadable
from airflow_provider_mailersend.hooks.progress import INTERVAL, JobReport
from airflow_provider_mailersend.jobs.domains import Scope, find_domain, known_domain_id
from airflow_provider_mailersend.jobs.list_view import ListView, Look, Requirement
from airflow_provider_mailersend.jobs.lookup import Lookup
from airflow_provider_mailersend.moments import Moment, between

_T = TypeVar("_T")

#: A response that takes longer than this, in seconds, doesn't hold up the connection's other requests.
_PATIENCE = 1.0

#: Raised for a wrong URL, of the API or of a proxy, or for a missing module that it needs.
_CONFIGURATION = (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError, OverflowError, ImportError)

_NEVER_SENT = (*_CONFIGURATION, httpx.ConnectError, httpx.PoolTimeout)


class MailerSendAsyncHook(MailerSendAccount):
    """
    What triggers need of :class:`.MailerSendHook`, without blocking the event loop.

    An asynchronous context manager, which closes its connections. The constructor and the methods take, return and
    raise what those of :class:`.MailerSendHook` do.

    .. code-block:: python

        async with MailerSendAsyncHook() as hook:
            bounces = await hook.list_suppressions("hard-bounces", since="2026-01-01")
            recipient = await hook.get_sms_recipient("62347d2be979fd275c0afd34")
            domain_id = await hook.resolve_domain_id("example.com")
            left = (await hook.get_api_quota())["remaining"]
    """

    # Triggers log what they find themselves.
    _log_waits_from = INTERVAL

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Made when it is first needed, and again once it was closed.
        self._client: httpx.AsyncClient | None = None
        self._connecting = asyncio.Lock()
        # A flow sends one request after another: concurrent ones would not learn of the limits from each other.
        self._requesting = asyncio.Lock()
        # Concurrent calls for the same domain resolve it once. Those for other domains don't wait for it.
        self._resolving: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def __aenter__(self) -> MailerSendAsyncHook:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections to MailerSend. The hook can be used again afterwards."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def is_outdated(self) -> bool:
        """Return whether the Airflow connection was changed since this hook read it, or can't be read any more."""
        if "settings" not in vars(self):
            return False
        try:
            return await self._read_connection() != self.settings
        except Exception:
            # The next hook tells its user why.
            return True

    async def list_suppressions(
        self,
        suppression_list: str,
        *,
        domain_id: str | None = None,
        domain: str | None = None,
        since: Moment = None,
        until: Moment = None,
    ) -> list[Entry]:
        """Return a suppression list's entries: as :meth:`.MailerSendHook.list_suppressions`."""
        which, moments = SuppressionList(suppression_list), between(since, until)
        request = list_suppressions(which, await self._resolve(domain_id, domain))
        whole = WholeList(request, **moments)
        report = JobReport(self._reporter, request)
        entries: list[Entry] = []
        try:
            # Page by page, so that other calls get their turns in between.
            while whole.request is not None:
                entries += await self._run(lambda flow: flow.read_page(whole), report)
        finally:
            self._warn_about_list(whole, request.endpoint)
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
        Find entries near the pages where they stood last: see :class:`.Lookup`.

        :param on_page: called with the entries and the number of each page that is read.
        """
        scope = Scope(await self._resolve(domain_id, domain))
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
        """Return a look by *view* that meets all *requirements*."""
        resolved = await self._resolve(domain_id, domain)
        look = await self._run(lambda flow: view.look(flow, resolved, requirements))
        if look.is_new and view.reading is not None:
            self._warn_about_list(view.reading, list_suppressions(view.suppression_list).endpoint)
        return look

    async def get_sms_recipient(self, sms_recipient_id: str) -> Entry:
        """Return one SMS recipient: as :meth:`.MailerSendHook.get_sms_recipient`."""
        return await self._run(lambda flow: flow.get(get_sms_recipient(sms_recipient_id)))

    async def resolve_domain_id(self, domain: str) -> str:
        """Return the ID of the domain with this name: as :meth:`.MailerSendHook.resolve_domain_id`."""
        await self._connect()
        if (known := known_domain_id(self._flow, domain)) is not None:
            return known
        async with self._resolving[domain.strip().lower()]:
            return await self._run(lambda flow: find_domain(flow, domain))

    async def get_api_quota(self) -> dict[str, Any]:
        """Return what is left of the daily quota: as :meth:`.MailerSendHook.get_api_quota`."""
        return await self._run(lambda flow: flow.get_quota())

    async def _connect(self) -> None:
        """Read the Airflow connection without blocking, before anything asks for :attr:`settings`."""
        async with self._connecting:
            if "settings" not in vars(self):
                self.settings = await self._read_connection()

    async def _read_connection(self) -> Settings:
        # Before Airflow 3.3.2, aget_connection calls the supervisor synchronously, to mask secrets, and fails when
        # another call is under way. common-compat knows it from 1.21 on: too new for older Airflows.
        if hasattr(Connection, "aextra_dejson"):
            connection = await self.aget_connection(self.mailersend_conn_id)
        else:
            connection = await sync_to_async(self.get_connection)(self.mailersend_conn_id)
        return self._read_settings(connection)

    async def _resolve(self, domain_id: str | None, domain: str | None) -> str | None:
        await self._connect()
        scope = self._scope(domain_id, domain)
        return await self.resolve_domain_id(scope.domain) if scope.domain else scope.domain_id

    async def _run(self, make_steps: Callable[[Flow], Steps[_T]], report: JobReport | None = None) -> _T:
        """Do all the steps that *make_steps* returns for the flow, and return their result."""
        await self._connect()
        report = report or JobReport(self._reporter)
        result: Any = None
        try:
            async with _Turn(self._requesting) as turn:
                steps = make_steps(self._flow)
                while True:
                    step = steps.send(result)
                    result = None
                    if isinstance(step, Send):
                        async with turn.lent_after(_PATIENCE):
                            result = await self._exchange(step)
                        report.answered(step.request, result)
                    elif isinstance(step, Progress):
                        report.reached(step)
                    else:
                        async with turn.lent_after(0.0 if step.others_may_send else None):
                            for seconds in report.naps(step):
                                await asyncio.sleep(seconds)
                        result = time.time()
        except StopIteration as end:
            return cast(_T, end.value)
        except MailerSendError as error:
            error.conn_id = self.mailersend_conn_id
            raise
        finally:
            self._reporter.gauge()

    async def _exchange(self, step: Send) -> Outcome:
        """Send a request within its time limit and return the outcome, whatever it is: no error is raised."""
        request, settings = step.request, self.settings
        try:
            async with self._connecting:
                if self._client is None:
                    # Reading the certificates takes tens of milliseconds, too long for an event loop.
                    self._client = await asyncio.to_thread(self._make_client)
                client = self._client
        except Exception as error:  # whatever reading the environment's proxies and certificates raises
            permanent = isinstance(error, (*_CONFIGURATION, ValueError))
            return no_answer(error, settings, never_sent=True, permanent=permanent)
        seconds = step.limited(settings.timeout)
        limit = asyncio.timeout(seconds)
        url = settings.base_url + request.path
        try:
            async with (
                limit,
                client.stream(
                    request.method, url, params=dict(request.params), json=request.body
                ) as response,
            ):
                return await _read(response)
        except Exception as error:  # the libraries raise many kinds, not all of them documented
            first = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            return no_answer(
                first,
                settings,
                timed_out_after=seconds if limit.expired() else None,
                never_sent=isinstance(first, _NEVER_SENT),
                permanent=isinstance(first, _CONFIGURATION),
            )

    def _make_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers=HEADERS,
            auth=Bearer(self.settings),
            timeout=None,  # noqa: S113 - the whole exchange has a time limit
            trust_env=not self.settings.on_this_machine,
            event_hooks={"response": [_drop_location]},
        )


async def _read(response: httpx.Response) -> Outcome:
    try:
        body = Body(response.headers.get("Content-Encoding"))
        async for piece in response.aiter_raw():
            body.feed(piece)
        return Answer(response.status_code, response.headers, body.whole(), time.time())
    except BodyError as error:
        return unreadable(response.status_code, response.headers, error)


async def _drop_location(response: httpx.Response) -> None:
    # httpx parses a redirect's target even where it doesn't follow it, and the target may not be a URL.
    response.headers.pop("Location", None)


class _Turn:
    """A turn at what only one call at a time may do; the others queue."""

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
        Lend the turn to others once the block has taken *seconds*, never where None.

        A turn that was lent is taken again after the block, at the end of the queue.
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
