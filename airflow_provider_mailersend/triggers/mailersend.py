"""What deferred tasks wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_mailersend.api.compact_set import CompactMap
from airflow_provider_mailersend.api.entries import Entry, Key, entry_key, make_key
from airflow_provider_mailersend.api.requests import SuppressionList
from airflow_provider_mailersend.jobs.list_view import ListView, Look, Requirement
from airflow_provider_mailersend.jobs.quota import is_enough
from airflow_provider_mailersend.jobs.watermark import summary_of
from airflow_provider_mailersend.status_lines import (
    entries_counted,
    entry_awaited,
    list_name,
    quota_left,
    status_awaited,
)
from airflow_provider_mailersend.triggers.base import MailerSendTrigger, classpath_of
from airflow_provider_mailersend.triggers.polls import Query

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


def _view(hook: MailerSendAsyncHook, listed: Listed) -> Callable[[list[Requirement]], Awaitable[Look]]:
    view = ListView(SuppressionList(listed.suppression_list))
    return lambda requirements: hook.look_at_list(
        view, requirements, domain_id=listed.domain_id, domain=listed.domain
    )


class _Located(NamedTuple):
    """What is looked for, and the page on which it stood last; None for a first look."""

    key: Key
    page: int | None

    def is_served_by(self, other: _Located) -> bool:
        """Return whether an answer to *other* answers this: one to a first look may come without any look."""
        return self.key == other.key and (self.page is None or other.page is not None)


def _places(
    hook: MailerSendAsyncHook, listed: Listed
) -> Callable[[list[_Located]], Awaitable[dict[Key, int]]]:
    # Where all that was read stood: who looks first for what others have met knows that it must wait.
    known = CompactMap()

    def remember(entries: Iterable[Entry], page: int) -> None:
        for entry in entries:
            known.put(entry_key(entry), page)

    async def pages(requirements: list[_Located]) -> dict[Key, int]:
        sought = {
            one.key: one.page or 1
            for one in requirements
            if one.page is not None or known.get(one.key) is None
        }
        still = {one.key: page for one in requirements if (page := known.get(one.key)) is not None}
        found = await hook.locate_suppressions(last_pages=sought, on_page=remember, **listed._asdict())
        for key in sought.keys() - found.keys():
            known.discard(key)
        return {key: page for key, page in still.items() if key not in sought} | {
            key: page for key, (page, _) in found.items()
        }

    return pages


#: What is on a list: all who wait for something to come share a view of it.
NEWEST = Query(_view, lambda look, requirements, requirement: look.serves(requirement))

#: What is still there: an answer tells of those alone that were looked for.
_PLACES = Query(
    _places,
    lambda found, requirements, requirement: any(requirement.is_served_by(one) for one in requirements),
)


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
    def query_key(self) -> Listed:
        return Listed(self.suppression_list, self.domain_id, self.domain)

    def _list_name(self) -> str:
        return list_name(**self.query_key._asdict())


class MailerSendSuppressionTrigger(_ListTrigger):
    """
    Waits until an address or a pattern is added to a suppression list: ``GET /suppressions/{list}``.

    The first look reads the list until it meets the entry, and where it does not, again from its end. Later looks read
    what is new, newest first: mostly one request for each. All that wait for the same list share both.

    :param kind: ``recipients`` or ``patterns``.
    :param value: the address or pattern; the case of an address does not count.
    """

    query = NEWEST
    arguments = (*Listed._fields, "kind", "value")

    def __init__(self, *, kind: str, value: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.value = value
        self._key = make_key(kind, value)
        self._since: datetime | None = None

    @property
    def requirement(self) -> Requirement:
        return Requirement(since=self._since) if self._since else Requirement(key=self._key)

    def found_in(self, answer: Look) -> list[Entry]:
        self._since = answer.next_since
        entry = answer.entry_of(self._key)
        return [entry] if entry is not None else []

    def how_far(self, answer: Look) -> str:
        return entry_awaited(self._list_name(), self.value, present=True)


class MailerSendSuppressionAbsenceTrigger(_ListTrigger):
    """
    Waits until an address or a pattern is no longer on a suppression list: ``GET /suppressions/{list}``.

    It looks first where the entry stood last, which is mostly one request for each answer; to see that it is gone it
    reads the list from the top and from the end, two requests for each 100 entries. Where others who wait for the same
    list have met the entry, its first look costs nothing, and it waits.

    :param kind: ``recipients`` or ``patterns``.
    :param value: the address or pattern; the case of an address does not count.
    """

    query = _PLACES
    arguments = (*Listed._fields, "kind", "value")

    def __init__(self, *, kind: str, value: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind
        self.value = value
        self._key = make_key(kind, value)
        self._page: int | None = None

    @property
    def requirement(self) -> _Located:
        return _Located(self._key, self._page)

    def found_in(self, answer: dict[Key, int]) -> list[None]:
        if self._key not in answer:
            return [None]
        self._page = answer[self._key]
        return []

    def how_far(self, answer: dict[Key, int]) -> str:
        return entry_awaited(self._list_name(), self.value, present=False)


class MailerSendNewSuppressionsTrigger(_ListTrigger):
    """
    Waits until so many entries made since a moment are on a suppression list: ``GET /suppressions/{list}``.

    The first look reads those entries, a request for each 100, newest first; later looks read what is new. When there
    are enough, all are read once more: those that were deleted meanwhile do not count. All that wait for the same list
    share these looks.

    :param since: the moment, aware, in ISO 8601.
    :param at_least: how many.
    """

    query = NEWEST
    arguments = (*Listed._fields, "since", "at_least")

    def __init__(self, *, since: str, at_least: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.since = since
        self.at_least = at_least
        self._since = _aware(since)
        self._is_first = True

    @property
    def requirement(self) -> Requirement:
        return Requirement(since=self._since, is_first=self._is_first, is_deep=self.must_be_sure)

    def found_in(self, answer: Look) -> list[dict[str, Any]]:
        self._is_first = False
        is_enough = answer.count_since(self._since) >= self.at_least
        self.must_be_sure = is_enough and not answer.is_deep
        return [summary_of(answer.since(self._since))] if is_enough and answer.is_deep else []

    def how_far(self, answer: Look) -> str:
        count = answer.count_since(self._since)
        return entries_counted(self._list_name(), count, self.at_least, self._since)


class MailerSendSmsRecipientStatusTrigger(MailerSendTrigger):
    """
    Waits until an SMS recipient has a status: ``GET /sms-recipients/{id}``, one request for each answer.

    :param sms_recipient_id: the SMS recipient's id.
    :param status: ``active`` or ``opt_out``.
    """

    query = Query(lambda hook, id_: lambda requirements: hook.get_sms_recipient(id_))
    arguments = ("sms_recipient_id", "status")

    def __init__(self, *, sms_recipient_id: str, status: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sms_recipient_id = sms_recipient_id
        self.status = status

    @property
    def query_key(self) -> str:
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

    query = Query(lambda hook, query_key: lambda requirements: hook.get_api_quota())
    arguments = ("at_least",)

    def __init__(self, *, at_least: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.at_least = at_least

    @property
    def query_key(self) -> None:
        return None

    def found_in(self, answer: dict[str, Any]) -> list[dict[str, Any]]:
        return [answer] if is_enough(answer, self.at_least) else []

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
