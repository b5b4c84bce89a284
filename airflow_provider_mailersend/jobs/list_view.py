"""What many know of one suppression list: read once for all, and from then on only what is new is read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from airflow_provider_mailersend.api.compact_set import CompactMap
from airflow_provider_mailersend.api.entries import Entry, Key, created_at, entry_key
from airflow_provider_mailersend.api.flow import Flow, Steps
from airflow_provider_mailersend.api.requests import PAGE_SIZE, SuppressionList, list_suppressions
from airflow_provider_mailersend.api.whole_list import WholeList
from airflow_provider_mailersend.exceptions import MailerSendIncompleteListError
from airflow_provider_mailersend.jobs.domains import Scope
from airflow_provider_mailersend.jobs.lookup import Lookup
from airflow_provider_mailersend.jobs.watermark import OVERLAP, Found, Reach


@dataclass(frozen=True, slots=True)
class Requirement:
    """
    What one user of a list view needs of a look.

    :param since: the entries made since then.
    :param key: or, for a first look, the entry of this key, wherever it stands.
    :param is_first: whether what the view knows already is enough.
    :param is_deep: whether all entries must be read, known ones too: those that are gone do not count then.
    """

    since: datetime | None = None
    key: Key | None = None
    is_first: bool = False
    is_deep: bool = False


class Look(Found):
    """
    What a list view knows after a look, to be asked about by many.

    :param entries: the entries made since a moment.
    :param met: those of a first look that are there, wherever they stand.
    :param sought: the keys of all entries of a first look.
    :param known_since: from when on all entries are known; None where that is of no moment yet.
    :param next_since: from when on the next look has to know them, for who has taken this one.
    :param is_new: whether it read what is new.
    :param is_deep: whether it read all *entries*, known ones too.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        *,
        met: dict[Key, Entry],
        sought: set[Key],
        known_since: datetime | None,
        next_since: datetime | None,
        is_new: bool,
        is_deep: bool,
    ) -> None:
        super().__init__(entries)
        self.met = met
        self.next_since = next_since
        self.is_deep = is_deep
        self.is_new = is_new
        self._sought = sought
        self._known_since = known_since

    def entry_of(self, key: Key) -> Entry | None:
        """Return the entry of *key* that was read, if there is one."""
        return self.met.get(key) or self.by_key.get(key)

    def serves(self, requirement: Requirement) -> bool:
        """Return whether this answers another user too."""
        if requirement.since is None:
            return requirement.key in self._sought
        is_known = self._known_since is not None and requirement.since >= self._known_since
        return (
            is_known and (requirement.is_first or self.is_new) and (self.is_deep or not requirement.is_deep)
        )


class ListView:
    """
    What is known of one suppression list, for all who wait for something on it.

    Whoever looks for an entry first has the list read as :class:`Finding` reads it. Of what was read, the keys are kept
    with their places, in 16 bytes each, so that others need no reading of their own: an entry that is known is
    looked up where it stood, one that is not was not there at the last look.

    From then on looks read newest first. A shallow look ends at a page on which nothing is new. A deep look reads
    all that may be new, for entries that appear late; it comes once in :data:`OVERLAP`, which also bounds how long
    an entry that is gone may be taken for one that is there.

    :param clock: returns the seconds of a clock that nobody sets.
    :param now: returns the Unix seconds.
    """

    def __init__(
        self,
        suppression_list: SuppressionList,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.suppression_list = suppression_list
        #: What the last look for what is new has read.
        self.reading: WholeList | None = None
        self._clock = clock
        self._now = now
        # Where on the list each key stood, counted from its top before anything was added.
        self._places = CompactMap()
        self._added = 0
        self._is_whole = False
        self._was_incomplete = False
        # The entries made since a moment, newest first; and the moment from which on all of them are known.
        self._recent: dict[str, Entry] = {}
        self._recent_since: datetime | None = None
        self._reach: Reach | None = None
        self._deep_at = -inf

    def look(self, flow: Flow, domain_id: str | None, requirements: Iterable[Requirement]) -> Steps[Look]:
        """
        Return what is known after a look that serves all *needs*, by *flow*.

        :raises MailerSendIncompleteListError: an entry was not met, and may be there.
        """
        requirements = list(requirements)
        sought = {requirement.key for requirement in requirements if requirement.key is not None}
        met = (yield from self._find(flow, domain_id, sought)) if sought else {}
        # Who looks first is served by what is known.
        dated = [one for one in requirements if one.since is not None and not self._knows(one)]
        is_deep = bool(dated) and self._must_be_deep(dated)
        if is_deep:
            since = min(requirement.since for requirement in dated if requirement.since is not None)
            yield from self._read_deep(flow, domain_id, since)
        elif dated:
            yield from self._read(flow, domain_id, self._recent_since)
        return Look(
            self._recent.values(),
            met=met,
            sought=sought,
            known_since=self._recent_since,
            next_since=self._reach.since if self._reach is not None else None,
            is_new=bool(dated),
            is_deep=is_deep,
        )

    def _knows(self, requirement: Requirement) -> bool:
        is_covered = (
            requirement.since is not None
            and self._recent_since is not None
            and requirement.since >= self._recent_since
        )
        return requirement.is_first and is_covered

    def _must_be_deep(self, requirements: list[Requirement]) -> bool:
        is_due = self._clock() - self._deep_at >= OVERLAP.total_seconds()
        since = self._recent_since
        return is_due or since is None or any(one.is_deep or one.since < since for one in requirements)  # type: ignore[operator]

    def _read_deep(self, flow: Flow, domain_id: str | None, since: datetime) -> Steps[None]:
        """Read all that may be new, and all since a moment."""
        self._reach = self._reach or Reach(since)
        since = min(since, self._reach.since)
        asked_at = self._clock()
        read = yield from self._read(flow, domain_id, since, is_deep=True)
        self._recent, self._recent_since, self._deep_at = read, since, asked_at
        self._reach.looked(
            Found(read.values(), asked_at=asked_at, read_at=self._clock(), now=self._api_now(flow))
        )

    def _read(
        self, flow: Flow, domain_id: str | None, since: datetime | None, *, is_deep: bool = False
    ) -> Steps[dict[str, Entry]]:
        """Read the entries made since a moment; unless *is_deep*, no further than to a page without a new one."""
        whole = WholeList(list_suppressions(self.suppression_list, domain_id), since=since)
        self.reading = whole
        read: dict[str, Entry] = {}
        while whole.request is not None:
            entries = yield from flow.read_page(whole)
            read.update((entry["id"], entry) for entry in entries)
            # Entries that this look has met already, pushed onto the next page by new ones, tell nothing.
            is_known = bool(entries) and all(entry["id"] in self._recent for entry in entries)
            if is_known and not is_deep and whole.is_newest_first:
                break
        new = [entry for id_, entry in read.items() if id_ not in self._recent]
        self._added += len(new)
        self._remember(new, 1)
        self._recent = {**read, **self._recent}
        return read

    def _find(self, flow: Flow, domain_id: str | None, sought: set[Key]) -> Steps[dict[Key, Entry]]:
        """Return those of *sought* that are there, each as it was read."""
        pages = {key: page for key in sought if (page := self._page_of(key)) is not None}
        if not self._is_whole:
            pages = {key: pages.get(key, 1) for key in sought}
        if not pages:
            return {}
        begun = self._now()
        read: dict[str, Entry] = {}

        since = self._recent_since

        def see(entries: Iterable[Entry], page: int) -> None:
            nonlocal since
            self._remember(entries, page)
            # The first answer tells what the API's clock shows.
            since = since or self._api_time(flow, begun) - OVERLAP
            for entry in entries:
                made = created_at(entry)
                if made is None or made >= since:
                    read[entry["id"]] = entry

        lookup = Lookup(self.suppression_list, pages, scope=Scope(domain_id), on_page=see)
        try:
            found = yield from lookup.run(flow)
        except MailerSendIncompleteListError:
            # After two readings what was not met is waited for, and what was met is looked up where it stood.
            is_again, self._was_incomplete = self._was_incomplete, True
            if self._is_whole or not is_again:
                raise
            gone: set[Key] = set()
        else:
            gone = pages.keys() - found.keys()
            if not gone:
                return {key: entry for key, (_, entry) in found.items()}
        # That one is not there takes the whole list.
        self._is_whole = True
        self._recent = {**read, **self._recent}
        self._recent_since = since
        if self._reach is None and since is not None:
            self._reach = Reach(since)
        # It took a while: what came meanwhile may stand anywhere on the first pages.
        self._deep_at = -inf
        if not gone:
            return (yield from self._find(flow, domain_id, sought))
        self._forget(gone)
        return {key: entry for key, (_, entry) in found.items()}

    def _remember(self, entries: Iterable[Entry], page: int) -> None:
        for entry in entries:
            if (key := entry_key(entry)) is not None:
                self._places.put(key, page * PAGE_SIZE - self._added)

    def _page_of(self, key: Key) -> int | None:
        """Return the page on which *key* should stand by now; None where it was not met."""
        place = self._places.get(key)
        return None if place is None else max(1, (place + self._added) // PAGE_SIZE)

    def _forget(self, gone: Iterable[Key]) -> None:
        """Forget what was read to be there, and is not: it would be taken for what is new."""
        gone = set(gone)
        for key in gone:
            self._places.discard(key)
        self._recent = {id_: entry for id_, entry in self._recent.items() if entry_key(entry) not in gone}

    def _api_now(self, flow: Flow) -> datetime:
        return self._api_time(flow, self._now())

    @staticmethod
    def _api_time(flow: Flow, at: float) -> datetime:
        return datetime.fromtimestamp(at + (flow.throttle.clock_ahead or 0.0), UTC)
