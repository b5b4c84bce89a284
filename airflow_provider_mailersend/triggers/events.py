"""Asset events from MailerSend's suppression lists."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.triggers.base import TriggerEvent

from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.messages import describe_error
from airflow_provider_mailersend.api.requests import SuppressionList
from airflow_provider_mailersend.exceptions import MailerSendRequestError, MailerSendUnexpectedAnswerError
from airflow_provider_mailersend.jobs.domains import Scope
from airflow_provider_mailersend.jobs.list_view import Look, Requirement
from airflow_provider_mailersend.jobs.watermark import Watermark
from airflow_provider_mailersend.triggers.base import classpath_of
from airflow_provider_mailersend.triggers.faults import is_permanent, seconds_to_wait_after
from airflow_provider_mailersend.triggers.mailersend import NEWEST, Listed
from airflow_provider_mailersend.triggers.polls import Poll, Query, polling

try:
    from airflow.triggers.base import BaseEventTrigger
except ImportError as error:
    raise ImportError(
        "MailerSendSuppressionEventTrigger needs Airflow 3.0 or newer, which has asset watchers. On Airflow 2 let a "
        "DAG begin with MailerSendNewSuppressionsSensor."
    ) from error

if TYPE_CHECKING:
    from airflow_provider_mailersend.hooks.mailersend import MailerSendAsyncHook

_T = TypeVar("_T")

log = logging.getLogger(__name__)

#: How long after an event, in seconds, Airflow has stored it for certain: the triggerer hands events on every second.
_STORED_AFTER = 2.0


def _clock(hook: MailerSendAsyncHook, listed: Listed) -> Callable[[list[None]], Awaitable[datetime]]:
    async def ask(requirements: list[None]) -> datetime:
        # The question is free, and its answer has a date, even where the token may not ask it.
        with suppress(MailerSendRequestError, MailerSendUnexpectedAnswerError):
            await hook.get_api_quota()
        return datetime.now(UTC) + hook.clock_ahead

    return ask


#: What time it is for MailerSend.
_CLOCK = Query(_clock)


class MailerSendSuppressionEventTrigger(BaseEventTrigger):
    """
    Gives an asset event whenever entries are added to a suppression list: ``GET /suppressions/{list}``.

    It reads what is new on the list, newest first: one request for each *poke_interval*, and one more for each 100 new
    entries; and once in five minutes all that is new since five minutes before, for entries that appear late. Triggers
    in one triggerer that watch the same list share it.

    It begins with what is added after its first look. On Airflow 3.3 and newer a restarted triggerer goes on where it
    was, by the asset's state store, with nothing left out; what it gave in the two seconds before it was killed may
    come once more. Before 3.3 there is no such store: it begins anew, and what came meanwhile gives no event.

    .. code-block:: python

        bounces = Asset(
            "mailersend://mailersend_default/hard-bounces",
            watchers=[
                AssetWatcher(
                    name="hard_bounces",
                    trigger=MailerSendSuppressionEventTrigger(suppression_list="hard-bounces"),
                )
            ],
        )

    :param suppression_list: ``blocklist``, ``hard-bounces``, ``spam-complaints``, ``unsubscribes`` or
        ``on-hold-list``.
    :param domain_id: watch this domain's entries only; by default the connection's.
    :param domain: the same by the domain's name.
    :param mailersend_conn_id: the Airflow connection.
    :param quota_reserve: how many of the day's requests to leave to sending; by default the connection's.
    :param poke_interval: how long between two looks, in seconds or as a timedelta; 300 s are 288 requests a day.
    :return: in the event's payload, ``suppression_list``, ``count``, ``ids``, and ``watermark``: when the
        newest entry told of so far was made.
    """

    def __init__(
        self,
        *,
        suppression_list: str,
        domain_id: str | None = None,
        domain: str | None = None,
        mailersend_conn_id: str = "mailersend_default",
        quota_reserve: int | None = None,
        poke_interval: float | timedelta = 300.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        if isinstance(poke_interval, timedelta):
            poke_interval = poke_interval.total_seconds()
        if not isinstance(poke_interval, (int, float)) or not poke_interval > 0:
            raise ValueError(f"poke_interval must be a number of seconds, more than 0; got {poke_interval!r}")
        Scope.of(domain_id, domain, None)
        self.suppression_list = str(SuppressionList(suppression_list))
        self.domain_id = domain_id
        self.domain = domain
        self.mailersend_conn_id = mailersend_conn_id
        self.quota_reserve = quota_reserve
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return classpath_of(self), {
            "suppression_list": self.suppression_list,
            "domain_id": self.domain_id,
            "domain": self.domain,
            "mailersend_conn_id": self.mailersend_conn_id,
            "quota_reserve": self.quota_reserve,
            "poke_interval": self.poke_interval,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for what is new to this trigger, beginning with what came while it did not run."""
        try:
            async with self._polling(NEWEST) as poll:
                async for event in self._events(poll):
                    yield event
        except Exception:
            # Airflow starts a watcher that fails again at once, with the connection as it is by then.
            await asyncio.sleep(self.poke_interval)
            raise

    async def _events(self, poll: Poll[Look]) -> AsyncIterator[TriggerEvent]:
        watermark = await self._kept_watermark()
        is_first_look = watermark is None
        watermark = watermark or Watermark(await self._now())
        since, delay = watermark.since, 0.0
        while True:
            look = await self._answer_of(poll, delay, Requirement(since))
            since, delay = look.next_since or since, self.poke_interval
            entries = watermark.take(look)
            if entries and not is_first_look:
                yield TriggerEvent(self._payload_of(entries, watermark))
                # An event that is lost is worse than one that comes twice: the watermark follows it.
                await self._stored()
            if entries or is_first_look:
                await self._keep(watermark)
            is_first_look = False

    def _payload_of(self, entries: list[Entry], watermark: Watermark) -> dict[str, Any]:
        return {
            "suppression_list": self.suppression_list,
            "count": len(entries),
            "ids": [entry["id"] for entry in entries],
            "watermark": watermark.moment.isoformat(),
        }

    async def _now(self) -> datetime:
        """Return what MailerSend's clock shows: this machine's may be another's by more than the overlap."""
        async with self._polling(_CLOCK) as poll:
            return await self._answer_of(poll, 0.0)

    async def _answer_of(self, poll: Poll[_T], delay: float, requirement: Requirement | None = None) -> _T:
        while True:
            try:
                return await poll.answer(delay, requirement)
            except Exception as error:
                if is_permanent(error):
                    raise
                log.warning("%s. Asking again.", describe_error(error).rstrip("."))
                delay = max(self.poke_interval, seconds_to_wait_after(error))

    def _polling(self, query: Query[_T]) -> AbstractAsyncContextManager[Poll[_T]]:
        listed = Listed(self.suppression_list, self.domain_id, self.domain)
        return polling(query, listed, self.mailersend_conn_id, self.quota_reserve)

    async def _kept_watermark(self) -> Watermark | None:
        kept = [await store.aget(self._key) for store in self._stores()]
        watermarks = [watermark for packed in kept if packed is not None and (watermark := _unpacked(packed))]
        return max(watermarks, key=lambda watermark: watermark.moment, default=None)

    async def _keep(self, watermark: Watermark) -> None:
        try:
            for store in self._stores():
                await store.aset(self._key, watermark.packed())
        except Exception as error:
            log.warning(
                "The asset's state store takes nothing (%s): going on, but a restart would tell again what was told.",
                type(error).__name__,
            )

    async def _stored(self) -> None:
        """Wait until Airflow has stored an event for certain."""
        # What is asked of the store is answered when Airflow hangs no longer; from then on it takes the event in time.
        with suppress(Exception):
            for store in self._stores():
                await store.aget(self._key)
        await asyncio.sleep(_STORED_AFTER)

    @property
    def _key(self) -> str:
        """Under which the watermark is kept: an asset may have other watchers too."""
        listed = self.suppression_list, self.domain_id or self.domain or ""
        return "/".join(("mailersend", self.mailersend_conn_id, *listed))

    def _stores(self) -> list[Any]:
        """Return the state stores of all assets that are watched: Airflow runs equal triggers as one."""
        stores = getattr(self, "asset_state_store", None)
        if stores is None:
            return []
        # Public is what goes by an asset, and a trigger is not told which it serves; or the only one's, without a name.
        return list(getattr(stores, "_by_name", {}).values()) or [stores]


def _unpacked(packed: object) -> Watermark | None:
    try:
        return Watermark.unpacked(packed)  # type: ignore[arg-type]
    except (TypeError, ValueError, LookupError, zlib.error) as error:
        log.warning("What is kept of a watcher cannot be read (%s): it begins anew.", type(error).__name__)
        return None
