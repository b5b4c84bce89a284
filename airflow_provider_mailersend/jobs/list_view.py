"""One suppression list as many waiters know it: read once for all, and from then on only what is new."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from airflow_provider_mailersend.api.compact_set import CompactMap
from airflow_provider_mailersend.api.entries import Entry, Key, created_at, entry_key
from airflow_provider_mailersend.api.flow import Flow, Steps
from airflow_provider_mailersend.api.pages import WholeList
from airflow_provider_mailersend.api.requests import PAGE_SIZE, SuppressionList, list_suppressions
from airflow_provider_mailersend.exceptions import MailerSendIncompleteListError
from airflow_provider_mailersend.jobs.domains import Scope
from airflow_provider_mailersend.jobs.lookup import Lookup
from airflow_provider_mailersend.jobs.watermark import OVERLAP, Found, Reach


class ListView:
    """
    What is known of one suppression list.

    A waiter's first look for an entry is a :class:`.Lookup`. Once that has read the whole list, the place of every key
    is kept, in 16 bytes each, and later waiters need no reading of their own: a known entry is looked up near its
    place, and one that isn't known wasn't on the list at the last look.

    Later looks read the list newest first. A shallow look stops at a page without new entries. A deep look also reads
    known entries, for those that appear late. It comes every :data:`OVERLAP`, so an entry that was deleted counts as
    present no longer than that.

    :param clock: returns seconds of a monotonic clock.
    :param now: returns the Unix time.
    """

    def __init__(
        self,
        suppression_list: SuppressionList,
        *,
        clock: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self.suppression_list = suppression_list
        #: The list as the last look for new entries read it.
        self.reading: WholeList | None = None
        self._clock = clock
        self._now = now
        # The place of each key, counted from the top of the list before anything was added.
        self._places = CompactMap()
        self._added = 0
        self._is_whole = False
        self._was_incomplete = False
        # Recent entries, newest first; all are known that were created since then.
        self._recent: dict[str, Entry] = {}
        self._recent_since: datetime | None = None
        self._reach: Reach | None = None
        self._deep_at = -inf

    def look(self, flow: Flow, domain_id: str | None, requirements: Iterable[Requirement]) -> Steps[Look]:
        """
        Return what is known after a look that meets all *requirements*.

        :raises MailerSendIncompleteListError: an entry was not found, but may be there.
        """
        requirements = list(requirements)
        sought = {one.key for one in requirements if one.key is not None}
        met = (yield from self._find(flow, domain_id, sought)) if sought else {}
        look = self._look(flow, met, sought)
        unmet = [one for one in requirements if not look.serves(one)]
        if not unmet:
            return look
        since = [one.since for one in unmet if one.since is not None]
        is_deep = (
            self._clock() - self._deep_at >= OVERLAP.total_seconds()
            or any(one.is_deep for one in unmet)
            or not look.knows_all_since(min(since))
        )
        yield from self._read(flow, domain_id, min(since), is_deep=is_deep)
        return self._look(flow, met, sought, is_new=True, is_deep=is_deep)

    def _look(self, flow: Flow, met: dict[Key, Entry], sought: set[Key], **what: bool) -> Look:
        """Return what is known now."""
        return Look(
            list(self._recent.values()),
            now=self._api_time(flow, self._now()),
            met=met,
            sought=sought,
            known_since=self._recent_since,
            next_since=self._reach.since if self._reach is not None else None,
            **what,
        )

    def _read(self, flow: Flow, domain_id: str | None, since: datetime, *, is_deep: bool) -> Steps[None]:
        """Read to the first page without new entries, or if *is_deep* all that may be new and all since a moment."""
        reach = self._reach = self._reach or Reach(since)
        since = min(since, reach.since)
        asked_at = self._clock()
        first = list_suppressions(self.suppression_list, domain_id)
        whole = self.reading = WholeList(first, since=since if is_deep else self._recent_since)
        read: dict[str, Entry] = {}
        while whole.request is not None:
            entries = yield from flow.read_page(whole)
            read.update((entry["id"], entry) for entry in entries)
            # A page without any says nothing: new entries have pushed onto it what this look has read already.
            is_known = bool(entries) and all(entry["id"] in self._recent for entry in entries)
            if is_known and not is_deep and whole.is_newest_first:
                break
        new = [entry for id_, entry in read.items() if id_ not in self._recent]
        self._added += len(new)
        self._remember(new, 1)
        if not is_deep:
            self._recent = {**read, **self._recent}
            return
        self._recent, self._recent_since, self._deep_at = read, since, asked_at
        found = Found(list(read.values()), now=self._api_time(flow, self._now()))
        reach.looked(found, asked_at=asked_at, read_at=self._clock())

    def _find(self, flow: Flow, domain_id: str | None, sought: set[Key]) -> Steps[dict[Key, Entry]]:
        """Return the entries for *sought* that are there, as they were read."""
        pages = {key: page for key in sought if (page := self._page_of(key)) is not None}
        if not pages:
            return {}
        started = self._now()
        read: dict[str, Entry] = {}
        since = self._recent_since

        def see(entries: Iterable[Entry], page: int) -> None:
            nonlocal since
            self._remember(entries, page)
            # Only now, by the first response's Date header, is the API's clock known.
            since = since or self._api_time(flow, started) - OVERLAP
            for entry in entries:
                date = created_at(entry)
                if date is None or date >= since:
                    read[entry["id"]] = entry

        found: dict[Key, tuple[int, Entry]] = {}
        is_complete = True
        try:
            found = yield from Lookup(self.suppression_list, pages, scope=Scope(domain_id), on_page=see).run(
                flow
            )
        except MailerSendIncompleteListError:
            # The second time, what wasn't found is waited for, and what was seen is looked up near its place.
            is_again, self._was_incomplete = self._was_incomplete, True
            if self._is_whole or not is_again:
                raise
            is_complete = False
        gone = pages.keys() - found.keys()
        if gone:
            # The lookup has read the whole list.
            self._is_whole = True
            self._recent = {**read, **self._recent}
            self._recent_since = since
            if self._reach is None and since is not None:
                self._reach = Reach(since)
            # Entries added while it read may be anywhere on the first pages.
            self._deep_at = -inf
            if not is_complete:
                return (yield from self._find(flow, domain_id, sought))
            # Forget them, so that they count as new when they come again.
            for key in gone:
                self._places.discard(key)
            self._recent = {id_: entry for id_, entry in self._recent.items() if entry_key(entry) not in gone}
        return {key: entry for key, (_, entry) in found.items()}

    def _remember(self, entries: Iterable[Entry], page: int) -> None:
        for entry in entries:
            if (key := entry_key(entry)) is not None:
                self._places.put(key, page * PAGE_SIZE - self._added)

    def _page_of(self, key: Key) -> int | None:
        """Return the page where *key* should be by now; None if it isn't on the list."""
        place = self._places.get(key)
        if place is None:
            return None if self._is_whole else 1
        return max(1, (place + self._added) // PAGE_SIZE)

    @staticmethod
    def _api_time(flow: Flow, at: float) -> datetime:
        return datetime.fromtimestamp(at + (flow.throttle.clock_ahead or 0.0), UTC)


@dataclass(frozen=True, slots=True)
class Requirement:
    """
    What one waiter needs of a look.

    :param since: the entries created since then.
    :param key: or, for a first look, the entry with this key, wherever it is.
    :param is_first: whether what the view knows already is enough.
    :param is_deep: whether the entries must be read again: deleted ones may not count.
    """

    since: datetime | None = None
    key: Key | None = None
    is_first: bool = False
    is_deep: bool = False


@dataclass(eq=False, kw_only=True)
class Look(Found):
    """
    What a list view knows after a look.

    :param met: the entries that first looks found.
    :param sought: the keys that first looks searched for.
    :param known_since: all entries created since then are known.
    :param next_since: what the next look must know, for a waiter who has taken this one.
    :param is_new: whether it read what is new.
    :param is_deep: whether it read known entries again.
    """

    met: dict[Key, Entry]
    sought: set[Key]
    known_since: datetime | None
    next_since: datetime | None
    is_new: bool = False
    is_deep: bool = False

    def entry_of(self, key: Key) -> Entry | None:
        """Return the entry with *key*, if it was read."""
        return self.met.get(key) or self.by_key.get(key)

    def serves(self, requirement: Requirement) -> bool:
        """Return whether this look meets *requirement*."""
        if requirement.since is None:
            return requirement.key in self.sought
        return (
            self.knows_all_since(requirement.since)
            and (requirement.is_first or self.is_new)
            and (self.is_deep or not requirement.is_deep)
        )

    def knows_all_since(self, moment: datetime) -> bool:
        return self.known_since is not None and moment >= self.known_since
