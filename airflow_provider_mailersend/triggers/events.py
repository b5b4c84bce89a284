"""Asset events from MailerSend's suppression lists."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Any

from airflow.triggers.base import TriggerEvent

from airflow_provider_mailersend.api.requests import SuppressionList
from airflow_provider_mailersend.exceptions import MailerSendRequestError, MailerSendUnexpectedAnswerError
from airflow_provider_mailersend.jobs.domains import Scope
from airflow_provider_mailersend.jobs.list_view import Requirement
from airflow_provider_mailersend.jobs.watermark import Watermark
from airflow_provider_mailersend.triggers.base import describe_problem
from airflow_provider_mailersend.triggers.mailersend import ListTrigger, NewestEntries
from airflow_provider_mailersend.triggers.polls import Query

try:
    from airflow.triggers.base import BaseEventTrigger
except ImportError as error:
    raise ImportError(
        "MailerSendSuppressionEventTrigger needs Airflow 3.0 or newer, which has asset watchers. On Airflow 2, start "
        "the DAG with MailerSendNewSuppressionsSensor instead."
    ) from error

log = logging.getLogger(__name__)

#: So many seconds after an event, Airflow has surely stored it: the triggerer hands events on every second.
STORED_AFTER = 2.0


class _ApiTime(Query[datetime]):
    """MailerSend's clock. This machine's may differ by more than the overlap of two looks."""

    async def ask(self, requirements: list[None]) -> datetime:
        # This request doesn't count against the quota, and its response is dated even if the token may not send it.
        with suppress(MailerSendRequestError, MailerSendUnexpectedAnswerError):
            await self.hook.get_api_quota()
        return datetime.now(UTC) + self.hook.clock_ahead


@dataclass(kw_only=True, eq=False, repr=False)
class MailerSendSuppressionEventTrigger(ListTrigger, BaseEventTrigger):
    """
    Emits an asset event when entries are added to a suppression list: ``GET /suppressions/{list}``.

    Each check reads what is new on the list, newest first: one request, and one more for each 100 new entries. Every
    five minutes it reads all entries of the last five minutes again, for those that appear late. Triggers on the same
    list share these requests if they run in the same triggerer.

    If the connection has a Domain ID, it watches that domain alone, unless *domain_id* or *domain* say otherwise. After
    its first check it logs what it watches; checks that find nothing aren't logged.

    It reports entries that are added after its first check. On Airflow 3.3 and newer, which have an asset state store,
    a restarted triggerer continues where it stopped and misses nothing; an event of the last two seconds before a kill
    may be emitted again. Before 3.3 it starts over, and entries added meanwhile are not reported.

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
    :param domain_id: watch this domain's entries only; by default the connection's Domain ID, and if it has none, the
        account and all its domains. ``account`` means these, whatever the connection says.
    :param domain: the domain's name instead, resolved with one extra request.
    :param mailersend_conn_id: the Airflow connection.
    :param quota_reserve: how many requests of the daily quota to leave for sending; by default the connection's.
    :param poke_interval: the time between two checks, in seconds or as a timedelta; 300 s are 288 requests a day.
    :return: in the event's payload, ``suppression_list``, ``count``, ``ids``, and ``newest``: the creation date of
        the newest entry reported so far.
    """

    poke_interval: float | timedelta = 300.0

    def __post_init__(self) -> None:
        super().__post_init__()
        interval = self.poke_interval
        self._interval = interval.total_seconds() if isinstance(interval, timedelta) else interval
        if not isinstance(self._interval, (int, float)) or not self._interval > 0:
            raise ValueError(f"poke_interval must be a number of seconds, more than 0; got {interval!r}")
        self.poke_interval = self._interval
        Scope.of(self.domain_id, self.domain, None)
        self.suppression_list = str(SuppressionList(self.suppression_list))
        self._since: datetime | None = None

    @property
    def requirement(self) -> Requirement:
        return Requirement(self._since)

    def delays(self) -> Iterator[float]:
        return repeat(self._interval)

    def how_far(self, answer: Any) -> str:
        # The same after each look, so it's logged once.
        since = self._reports_since.isoformat(sep=" ", timespec="seconds")
        return f"watching every {self._interval:g} s for entries made since {since}"

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield an event for each check that finds new entries, those added before a restart included."""
        try:
            async with self.polling(NewestEntries) as poll:
                watermark = await self._load()
                is_first_look = watermark is None
                watermark = watermark or Watermark(await self._api_time())
                self._since, self._reports_since = watermark.since, watermark.moment
                async with aclosing(self.answers(poll)) as looks:
                    async for look in looks:
                        self._since = look.next_since or self._since
                        entries = watermark.take(look)
                        if is_first_look:
                            self._reports_since = watermark.moment
                        if entries and not is_first_look:
                            yield TriggerEvent(
                                {
                                    "suppression_list": self.suppression_list,
                                    "count": len(entries),
                                    "ids": [entry["id"] for entry in entries],
                                    "newest": watermark.moment.isoformat(),
                                }
                            )
                            # A repeated event is better than a lost one, so the watermark is saved after it.
                            await self._wait_until_stored()
                        if entries or is_first_look:
                            await self._save(watermark)
                        is_first_look = False
        except Exception as error:
            # Airflow restarts a failed watcher at once, and the connection is then read again.
            problem = describe_problem(error)
            log.error("%s: %s The watcher starts over in %g s.", self.given_name, problem, self._interval)
            await asyncio.sleep(self._interval)
            raise

    async def _api_time(self) -> datetime:
        async with self.polling(_ApiTime) as poll, aclosing(self.answers(poll)) as times:
            return await anext(times)

    async def _load(self) -> Watermark | None:
        saved = [await store.aget(self._state_key) for store in self._stores()]
        watermarks = [
            watermark for packed in saved if packed is not None and (watermark := _unpacked(packed))
        ]
        return max(watermarks, key=lambda watermark: watermark.moment, default=None)

    async def _save(self, watermark: Watermark) -> None:
        try:
            for store in self._stores():
                await store.aset(self._state_key, watermark.packed())
        except Exception as error:
            log.warning(
                "Saving the watermark in the asset state store failed (%s). Watching goes on, but after a restart "
                "entries may be reported again.",
                type(error).__name__,
            )

    async def _wait_until_stored(self) -> None:
        """Wait until Airflow has surely stored an event."""
        # The store answers once Airflow is responsive; from then on it takes the event in time.
        with suppress(Exception):
            for store in self._stores():
                await store.aget(self._state_key)
        await asyncio.sleep(STORED_AFTER)

    @property
    def _state_key(self) -> str:
        """The watermark's key in the asset state store; the asset may have other watchers."""
        domain = self.domain_id or self.domain or ""
        return f"mailersend/{self.mailersend_conn_id}/{self.suppression_list}/{domain}"

    def _stores(self) -> list[Any]:
        """Return the state stores of all assets that this trigger serves: Airflow runs equal triggers as one."""
        # Airflow before 3.3 has none.
        stores = getattr(self, "asset_state_store", None)
        if stores is None:
            return []
        # Airflow's public ways are to index by asset, but a trigger isn't told its assets, or to use the only store
        # directly, which raises an error if there are several.
        return list(getattr(stores, "_by_name", {}).values()) or [stores]


def _unpacked(packed: object) -> Watermark | None:
    try:
        return Watermark.unpacked(packed)  # type: ignore[arg-type]
    except (TypeError, ValueError, LookupError, zlib.error) as error:
        log.warning("The saved watermark can't be read (%s): watching starts over.", type(error).__name__)
        return None
