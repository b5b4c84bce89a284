"""What is asked of a suppression list again and again: what is new on it, and what is still there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from airflow_provider_mailersend.api.entries import Entry, Key, created_at, entry_key
from airflow_provider_mailersend.jobs.packed import packed_words, unpacked_words

#: How much older than the newest one seen an entry may be and still be new: entries may appear late, clocks differ.
OVERLAP = timedelta(minutes=5)


class Found:
    """
    Entries as they were read, to be asked about by many.

    :param entries: the entries.
    :param asked_at: when reading them began, in seconds of a clock that nobody sets.
    :param read_at: when it ended.
    :param now: what the API's clock showed then: entries dated later are there, but tell no time.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        *,
        asked_at: float = 0.0,
        read_at: float = 0.0,
        now: datetime | None = None,
    ) -> None:
        self.entries = list(entries)
        self.asked_at = asked_at
        self.read_at = read_at
        self._latest = now + OVERLAP if now is not None else None
        self._dates = [created_at(entry) for entry in self.entries]
        self._since: dict[datetime, list[Entry]] = {}

    @cached_property
    def by_key(self) -> dict[Key, Entry]:
        """The entries by what they suppress, in the list's order the first of each."""
        found: dict[Key, Entry] = {}
        for entry in self.entries:
            key = entry_key(entry)
            if key is not None:
                found.setdefault(key, entry)
        return found

    def since(self, moment: datetime) -> list[Entry]:
        """Return the entries made at *moment* or later, and those whose date cannot be read."""
        if moment not in self._since:
            dated = zip(self.entries, self._dates, strict=True)
            self._since[moment] = [entry for entry, date in dated if date is None or date >= moment]
        return self._since[moment]

    def count_since(self, moment: datetime) -> int:
        """Return how many were made at *moment* or later: one whose date cannot be read may be old."""
        return sum(date is not None and date >= moment for date in self._dates)

    @cached_property
    def newest(self) -> datetime | None:
        """When the newest entry was made; None where no date can be read, and be."""
        return self.latest_of(self._dates)

    def latest_of(self, dates: Iterable[datetime | None]) -> datetime | None:
        """Return the latest of *dates* that can be."""
        latest = self._latest
        return max((date for date in dates if date and (latest is None or date <= latest)), default=None)


class Reach:
    """
    How far back the next look at a list must go, for nothing that appears late to be missed.

    It goes back less the longer the newest entry is known: so a list that rests costs one page, however many entries
    came before. Of the API's clock no more is asked than to go as fast as this machine's.

    :param since: from when on entries may be new.
    """

    def __init__(self, since: datetime) -> None:
        self.since = since
        self._newest: datetime | None = None
        # What the API's clock showed, at the least, when ours began.
        self._origin: datetime | None = None

    def looked(self, found: Found) -> None:
        """Take note of a look that went back far enough."""
        if found.newest is not None and (self._newest is None or found.newest > self._newest):
            origin = found.newest - timedelta(seconds=found.read_at)
            self._newest, self._origin = found.newest, max(origin, self._origin or origin)
        if self._origin is not None:
            asked_at = self._origin + timedelta(seconds=found.asked_at)
            self.since = max(self.since, asked_at - OVERLAP)


class Watermark:
    """
    Which entries have been told of: those that were made well before it, and some by their ids.

    :param moment: when the newest of them was made.
    :param told: the ids of those that are not much older, and when they were made; None where that cannot be read.
    """

    def __init__(self, moment: datetime, told: Mapping[str, datetime | None] | None = None) -> None:
        self.moment = moment
        self._told: dict[str, datetime | None] = dict(told or {})

    @property
    def since(self) -> datetime:
        """From when on entries may be new: one that appears late may be read as late again, by a deep look."""
        return self.moment - 2 * OVERLAP

    def take(self, found: Found) -> list[Entry]:
        """Return those of *found* that are new, and take note of them."""
        new = [entry for entry in found.since(self.since) if entry["id"] not in self._told]
        dates = {entry["id"]: created_at(entry) for entry in new}
        self.moment = max(self.moment, found.latest_of(dates.values()) or self.moment)
        told = {**self._told, **dates}
        self._told = {id_: date for id_, date in told.items() if date is None or date >= self.since}
        return new

    def packed(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        told = (f"{id_}={date.isoformat() if date else ''}" for id_, date in self._told.items())
        return {"moment": self.moment.isoformat(), "told": packed_words(told)}

    @classmethod
    def unpacked(cls, packed: Mapping[str, Any]) -> Watermark:
        """Return what :meth:`packed` made *packed* of."""
        pairs = (word.rpartition("=") for word in unpacked_words(packed["told"]))
        told = {id_: datetime.fromisoformat(date) if date else None for id_, _, date in pairs}
        return cls(datetime.fromisoformat(packed["moment"]), told)


def summary_of(entries: list[Entry]) -> dict[str, Any]:
    """Return what is told of new entries: their number, their ids, and when the newest was made."""
    newest = Found(entries).newest
    return {
        "count": len(entries),
        "ids": [entry["id"] for entry in entries],
        "newest": newest.isoformat() if newest else None,
    }
