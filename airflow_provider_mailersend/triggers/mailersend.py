"""What deferred tasks wait for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_mailersend.api.entries import Entry, Key, comparable
from airflow_provider_mailersend.jobs.quota import leaves
from airflow_provider_mailersend.jobs.watermark import Found, Reach, summary_of
from airflow_provider_mailersend.status_lines import (
    entries_counted,
    entry_awaited,
    list_name,
    quota_left,
    status_awaited,
)
from airflow_provider_mailersend.triggers.base import MailerSendTrigger, classpath_of
from airflow_provider_mailersend.triggers.polling import Asking

if TYPE_CHECKING:
    from airflow_provider_mailersend.hooks.mailersend import MailerSendAsyncHook

#: How long after the moment to begin, in seconds: clocks are not quite equal.
_LATE = timedelta(seconds=1)

#: A long sleep is cut into pieces of so many seconds: the clock may be set meanwhile.
_LONGEST_SLEEP = 60.0


def _aware(moment: datetime | str) -> datetime:
    """Return *moment*, in ISO 8601 where it is text; :class:`ValueError` where it has no time zone."""
    aware = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    if aware.tzinfo is None:
        raise ValueError(f"a moment with a time zone is needed; got {moment!r}")
    return aware


class Listed(NamedTuple):
    """Which list is asked: of which domain, by its id or its name."""

    suppression_list: str
    domain_id: str | None
    domain: str | None


async def read_newest(hook: MailerSendAsyncHook, listed: Listed, needs: list[datetime]) -> Found:
    """Read what was made since the earliest of *needs*."""
    asked_at = time.monotonic()
    entries = await hook.list_suppressions(**listed._asdict(), since=min(needs))
    now = datetime.now(UTC) + hook.clock_ahead
    return Found(entries, asked_at=asked_at, read_at=time.monotonic(), now=now)


class _Located(NamedTuple):
    """What is looked for, and the page on which it stood last."""

    key: Key
    page: int


async def _pages(hook: MailerSendAsyncHook, listed: Listed, needs: list[_Located]) -> dict[Key, int]:
    """Return the pages on which those of *needs* stand that are there."""
    found = await hook.locate_suppressions(last_pages=dict(needs), **listed._asdict())
    return {key: page for key, (page, _) in found.items()}


async def _sms_recipient(hook: MailerSendAsyncHook, id_: str, needs: list[None]) -> Entry:
    return await hook.get_sms_recipient(id_)


async def _api_quota(hook: MailerSendAsyncHook, question: None, needs: list[None]) -> dict[str, Any]:
    return await hook.get_api_quota()


#: What is new: an answer that goes back far enough serves whoever needs no more.
NEWEST = Asking(read_newest, lambda served, need: bool(need >= min(served)))

#: What is still there: an answer tells of those alone that were looked for.
_PLACES = Asking(_pages, lambda served, need: any(need.key == one.key for one in served))


class _ListTrigger(MailerSendTrigger):
    """
    A trigger that waits for a suppression list.

    :param suppression_list: the list.
    :param domain_id: look at this domain's entries only.
    :param domain: the same by the domain's name.
    """

    def __init__(
        self,
        *,
        suppression_list: str,
        domain_id: str | None = None,
        domain: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.suppression_list = suppression_list
        self.domain_id = domain_id
        self.domain = domain

    @property
    def question(self) -> Listed:
        return Listed(self.suppression_list, self.domain_id, self.domain)

    def asks(self) -> dict[str, Any]:
        return self.question._asdict()

    def _list_name(self) -> str:
        return list_name(**self.question._asdict())


class MailerSendSuppressionTrigger(_ListTrigger):
    """
    Waits until an address or a pattern is added to a suppression list: ``GET /suppressions/{list}``.

    It reads what is new on the list, newest first: one request for each answer, where the list grows by less than 100
    entries in five minutes.

    :param kind: ``recipients`` or ``patterns``.
    :param value: the address or pattern; the case of an address does not count.
    :param since: from when on entries may be new, aware, in ISO 8601.
    """

    asking = NEWEST

    def __init__(self, *, kind: str, value: str, since: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.value = value
        self.since = since
        self._key = comparable(kind, value)
        self._reach = Reach(_aware(since))

    def asks(self) -> dict[str, Any]:
        return {**super().asks(), "kind": self.kind, "value": self.value, "since": self.since}

    @property
    def need(self) -> datetime:
        return self._reach.since

    def found_in(self, answer: Found) -> list[Entry]:
        self._reach.looked(answer)
        entry = answer.by_key.get(self._key)
        return [entry] if entry is not None else []

    def how_far(self, answer: Found) -> str:
        return entry_awaited(self._list_name(), self.value, present=True)


class MailerSendSuppressionAbsenceTrigger(_ListTrigger):
    """
    Waits until an address or a pattern is no longer on a suppression list: ``GET /suppressions/{list}``.

    It looks first where the entry stood last, which is mostly one request for each answer; to see that it is gone it
    reads the list from the top and from the end, two requests for each 100 entries.

    :param kind: ``recipients`` or ``patterns``.
    :param value: the address or pattern; the case of an address does not count.
    :param page: the page of the list, from 1, on which it stood last.
    """

    asking = _PLACES

    def __init__(self, *, kind: str, value: str, page: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.value = value
        self.page = page
        self._key = comparable(kind, value)

    def asks(self) -> dict[str, Any]:
        return {**super().asks(), "kind": self.kind, "value": self.value, "page": self.page}

    @property
    def need(self) -> _Located:
        return _Located(self._key, self.page)

    def found_in(self, answer: dict[Key, int]) -> list[None]:
        if self._key not in answer:
            return [None]
        self.page = answer[self._key]
        return []

    def how_far(self, answer: dict[Key, int]) -> str:
        return entry_awaited(self._list_name(), self.value, present=False)


class MailerSendNewSuppressionsTrigger(_ListTrigger):
    """
    Waits until so many entries made since a moment are on a suppression list: ``GET /suppressions/{list}``.

    It reads those entries, a request for each 100, newest first.

    :param since: the moment, aware, in ISO 8601.
    :param at_least: how many.
    """

    asking = NEWEST

    def __init__(self, *, since: str, at_least: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.since = since
        self.at_least = at_least
        self._since = _aware(since)

    def asks(self) -> dict[str, Any]:
        return {**super().asks(), "since": self.since, "at_least": self.at_least}

    @property
    def need(self) -> datetime:
        return self._since

    def found_in(self, answer: Found) -> list[dict[str, Any]]:
        if answer.count_since(self._since) < self.at_least:
            return []
        return [summary_of(answer.since(self._since))]

    def how_far(self, answer: Found) -> str:
        count = answer.count_since(self._since)
        return entries_counted(self._list_name(), count, self.at_least, self._since)


class MailerSendSmsRecipientStatusTrigger(MailerSendTrigger):
    """
    Waits until an SMS recipient has a status: ``GET /sms-recipients/{id}``, one request for each answer.

    :param sms_recipient_id: the SMS recipient's id.
    :param status: ``active`` or ``opt_out``.
    """

    asking = Asking(_sms_recipient)

    def __init__(self, *, sms_recipient_id: str, status: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sms_recipient_id = sms_recipient_id
        self.status = status

    def asks(self) -> dict[str, Any]:
        return {"sms_recipient_id": self.sms_recipient_id, "status": self.status}

    @property
    def question(self) -> str:
        return self.sms_recipient_id

    def found_in(self, answer: Entry) -> list[Entry]:
        return [answer] if answer.get("status") == self.status else []

    def how_far(self, answer: Entry) -> str:
        return status_awaited(self.sms_recipient_id, answer.get("status"), self.status)


class MailerSendApiQuotaTrigger(MailerSendTrigger):
    """
    Waits until so many of the day's requests are left: ``GET /api-quota``, which is free.

    :param at_least: how many.
    """

    asking = Asking(_api_quota)

    def __init__(self, *, at_least: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.at_least = at_least

    def asks(self) -> dict[str, Any]:
        return {"at_least": self.at_least}

    @property
    def question(self) -> None:
        return None

    def found_in(self, answer: dict[str, Any]) -> list[dict[str, Any]]:
        return [answer] if leaves(answer, self.at_least) else []

    def how_far(self, answer: dict[str, Any]) -> str:
        return quota_left(answer["remaining"], self.at_least)


class MailerSendQuotaResetTrigger(BaseTrigger):
    """
    Waits until the next day's requests begin. It sends none itself.

    :param resets_at: when they begin, aware, or in ISO 8601 with a zone.
    """

    def __init__(self, resets_at: datetime | str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.resets_at = _aware(resets_at)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return classpath_of(self), {"resets_at": self.resets_at.isoformat()}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        moment = self.resets_at + _LATE
        while (left := (moment - datetime.now(UTC)).total_seconds()) > 0:
            await asyncio.sleep(min(left, _LONGEST_SLEEP))
        yield TriggerEvent({"resets_at": self.resets_at.isoformat()})
