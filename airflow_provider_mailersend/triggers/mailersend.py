"""The triggers of deferred sensors, and of tasks that wait for the daily quota to reset."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_mailersend.api.compact_set import CompactMap
from airflow_provider_mailersend.api.entries import Entry, Key, entry_key, make_key
from airflow_provider_mailersend.api.masking import masked, masked_within
from airflow_provider_mailersend.api.requests import SuppressionList
from airflow_provider_mailersend.jobs.domains import Scope
from airflow_provider_mailersend.jobs.list_view import ListView, Look, Requirement
from airflow_provider_mailersend.jobs.quota import is_enough
from airflow_provider_mailersend.jobs.watermark import summary_of
from airflow_provider_mailersend.moments import required_moment
from airflow_provider_mailersend.triggers.base import MailerSendTrigger, PollingTrigger, classpath_of
from airflow_provider_mailersend.triggers.polls import Query

if TYPE_CHECKING:
    from airflow_provider_mailersend.hooks.account import MailerSendAccount
    from airflow_provider_mailersend.hooks.asynchronous import MailerSendAsyncHook

#: How long after the quota's reset to resume: clocks differ a little.
_MARGIN = timedelta(seconds=1)

#: The longest single sleep in seconds: the machine's clock may be set meanwhile.
_LONGEST_SLEEP = 60.0


class ListScope(NamedTuple):
    """A suppression list, of one domain where its id or its name is set."""

    suppression_list: str
    domain_id: str | None
    domain: str | None


class NewestEntries(Query[Look]):
    """What is on a list: all triggers that wait for entries to be added share one view of it."""

    def __init__(self, hook: MailerSendAsyncHook, key: ListScope) -> None:
        super().__init__(hook, key)
        self._view = ListView(SuppressionList(key.suppression_list), clock=time.monotonic, now=time.time)

    async def ask(self, requirements: list[Requirement]) -> Look:
        scope = self.key
        return await self.hook.look_at_list(
            self._view, requirements, domain_id=scope.domain_id, domain=scope.domain
        )

    def serves(self, answer: Look, requirements: list[Requirement], requirement: Requirement) -> bool:
        return answer.serves(requirement)


class Located(NamedTuple):
    """An entry to locate, and the page on which it was last; None for a trigger's first look."""

    key: Key
    page: int | None


class EntryPages(Query[dict[Key, int | None]]):
    """The pages of the entries that are still there, by key."""

    def __init__(self, hook: MailerSendAsyncHook, key: ListScope) -> None:
        super().__init__(hook, key)
        # The page of every entry that was read: a first look for one of them costs nothing.
        self._known = CompactMap()

    async def ask(self, requirements: list[Located]) -> dict[Key, int | None]:
        known = {key: self._known.get(key) for key, _ in requirements}
        last_pages = {key: page or 1 for key, page in requirements if page is not None or known[key] is None}
        found = await self.hook.locate_suppressions(
            last_pages=last_pages, on_page=self._remember, **self.key._asdict()
        )
        for key in last_pages.keys() - found.keys():
            self._known.discard(key)
        pages = {key: page for key, page in known.items() if key not in last_pages}
        return pages | {key: page for key, (page, _) in found.items()}

    def serves(
        self, answer: dict[Key, int | None], requirements: list[Located], requirement: Located
    ) -> bool:
        # The answer to a first look may be older than the last look of a trigger that has had one.
        return any(
            asked.key == requirement.key and (requirement.page is None or asked.page is not None)
            for asked in requirements
        )

    def _remember(self, entries: Iterable[Entry], page: int) -> None:
        for entry in entries:
            self._known.put(entry_key(entry), page)


@dataclass(kw_only=True, eq=False, repr=False)
class ListTrigger(PollingTrigger):
    """
    A trigger on one suppression list.

    :param suppression_list: the list.
    :param domain_id: look at this domain's entries only.
    :param domain: the domain's name instead, resolved with one extra request.
    """

    suppression_list: str
    domain_id: str | None = None
    domain: str | None = None

    @property
    def query_key(self) -> ListScope:
        return ListScope(self.suppression_list, self.domain_id, self.domain)

    @property
    def given_name(self) -> str:
        """The list, with the domain if the trigger was given one; otherwise the connection has it."""
        if self.domain_id is None and self.domain is None:
            return self.suppression_list
        return Scope.of(self.domain_id, self.domain, None).name_of(self.suppression_list)

    def subject(self, hook: MailerSendAccount) -> str:
        # Reading the connection here would block the event loop.
        return hook.describe_list(*self.query_key) if "settings" in vars(hook) else self.given_name


@dataclass(kw_only=True, eq=False, repr=False)
class _EntryTrigger(ListTrigger, MailerSendTrigger):
    """
    A trigger on one entry of a suppression list.

    :param kind: ``recipients`` or ``patterns``.
    :param value: the address, which is case-insensitive, or the pattern.
    """

    present: ClassVar[bool]

    kind: str
    value: str

    def __post_init__(self) -> None:
        super().__post_init__()
        self.key = make_key(self.kind, self.value)

    @property
    def condition(self) -> str:
        return f"{masked(self.value)} to be {'there' if self.present else 'gone'}"

    def how_far(self, answer: Any) -> str:
        return f"{masked(self.value)} {'not there yet' if self.present else 'still there'}"

    def outcome(self, found: Entry | None) -> str:
        return f"{masked(self.value)} is {'there' if self.present else 'gone'}"


class MailerSendSuppressionTrigger(_EntryTrigger):
    """
    Waits until an address or a pattern is added to a suppression list: ``GET /suppressions/{list}``.

    After the first check, an answer usually takes one request, which all triggers on the same list share.
    """

    query = NewestEntries
    present = True
    _since: datetime | None = None

    @property
    def requirement(self) -> Requirement:
        return Requirement(since=self._since) if self._since else Requirement(key=self.key)

    def found_in(self, answer: Look) -> list[Entry]:
        self._since = answer.next_since
        entry = answer.entry_of(self.key)
        return [entry] if entry is not None else []


class MailerSendSuppressionAbsenceTrigger(_EntryTrigger):
    """
    Waits until an address or a pattern is no longer on a suppression list: ``GET /suppressions/{list}``.

    It looks first at the page on which the entry was last, so an answer usually takes one request. If another trigger
    on the same list has read the entry already, the first check sends none.
    """

    query = EntryPages
    present = False
    _page: int | None = None

    @property
    def requirement(self) -> Located:
        return Located(self.key, self._page)

    def found_in(self, answer: dict[Key, int | None]) -> list[None]:
        self._page = answer.get(self.key)
        return [None] if self._page is None else []


@dataclass(kw_only=True, eq=False, repr=False)
class MailerSendNewSuppressionsTrigger(ListTrigger, MailerSendTrigger):
    """
    Waits until a suppression list has enough entries created since a moment: ``GET /suppressions/{list}``.

    Once there are enough, all are read again, so that entries deleted meanwhile don't count.

    :param since: the moment, in ISO 8601 with a time zone.
    :param at_least: how many entries.
    """

    query = NewestEntries
    _is_first = True

    since: str
    at_least: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        #: The same as a datetime.
        self.moment = required_moment("since", self.since, zone=None)
        self._new = f"new since {self.moment.isoformat(sep=' ', timespec='seconds')}"

    @property
    def requirement(self) -> Requirement:
        return Requirement(since=self.moment, is_first=self._is_first, is_deep=self.must_confirm)

    def found_in(self, answer: Look) -> list[dict[str, Any]]:
        self._is_first = False
        has_enough = answer.count_since(self.moment) >= self.at_least
        self.must_confirm = has_enough and not answer.is_deep
        return [summary_of(answer.since(self.moment))] if has_enough and answer.is_deep else []

    @property
    def condition(self) -> str:
        return f"{self.at_least:,} {self._new}"

    def how_far(self, answer: Look) -> str:
        return f"{answer.count_since(self.moment):,} of {self.condition}"

    def outcome(self, found: dict[str, Any]) -> str:
        return f"{found['count']:,} {self._new}"


class _SmsRecipient(Query[Entry]):
    async def ask(self, requirements: list[None]) -> Entry:
        return await self.hook.get_sms_recipient(self.key)


@dataclass(kw_only=True, eq=False, repr=False)
class MailerSendSmsRecipientStatusTrigger(MailerSendTrigger):
    """
    Waits until an SMS recipient has a status: ``GET /sms-recipients/{id}``, one request for each answer.

    :param sms_recipient_id: the SMS recipient's id.
    :param status: ``active`` or ``opt_out``.
    """

    query = _SmsRecipient

    sms_recipient_id: str
    status: str

    @property
    def query_key(self) -> str:
        return self.sms_recipient_id

    def found_in(self, answer: Entry) -> list[Entry]:
        return [answer] if answer.get("status") == self.status else []

    def subject(self, hook: MailerSendAccount) -> str:
        return f"SMS recipient {masked_within(self.sms_recipient_id)}"

    def how_far(self, answer: Entry) -> str:
        return f"{answer.get('status')}, not {self.status} yet"

    def outcome(self, found: Entry) -> str:
        return self.status


class _ApiQuota(Query[dict[str, Any]]):
    async def ask(self, requirements: list[None]) -> dict[str, Any]:
        return await self.hook.get_api_quota()


@dataclass(kw_only=True, eq=False, repr=False)
class MailerSendApiQuotaTrigger(MailerSendTrigger):
    """
    Waits until enough of the daily quota is left: ``GET /api-quota``, which doesn't count against the quota.

    :param at_least: how many requests.
    """

    query = _ApiQuota

    at_least: int

    @property
    def query_key(self) -> None:
        return None

    def found_in(self, answer: dict[str, Any]) -> list[dict[str, Any]]:
        return [answer] if is_enough(answer, self.at_least) else []

    def subject(self, hook: MailerSendAccount) -> str:
        return "daily quota"

    def how_far(self, answer: dict[str, Any]) -> str:
        return f"{answer['remaining']:,} requests left of the {self.at_least:,} waited for"

    def outcome(self, found: dict[str, Any]) -> str:
        return f"{found['remaining']:,} requests left" if found["remaining"] >= 0 else "unlimited"


class MailerSendQuotaResetTrigger(BaseTrigger):
    """
    Waits until the daily quota resets, without sending a request.

    :param resets_at: when it resets: a datetime or ISO 8601, with a time zone.
    """

    def __init__(self, resets_at: datetime | str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.resets_at = required_moment("resets_at", resets_at, zone=None)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return classpath_of(self), {"resets_at": self.resets_at.isoformat()}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        resume_at = self.resets_at + _MARGIN
        while (left := (resume_at - datetime.now(UTC)).total_seconds()) > 0:
            await asyncio.sleep(min(left, _LONGEST_SLEEP))
        yield TriggerEvent({"resets_at": self.resets_at.isoformat()})
