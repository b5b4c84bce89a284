"""What is new on a suppression list that is read again and again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from airflow_provider_mailersend.api.entries import Entry, Key, created_at, entry_key
from airflow_provider_mailersend.jobs.packed import packed_json, unpacked_json

#: How much older than the newest known entry a new one may be: entries may appear late, and clocks differ.
OVERLAP = timedelta(minutes=5)


@dataclass(eq=False)
class Found:
    """
    Entries that were read.

    :param now: the API's time then: later dates don't count as the newest.
    """

    entries: list[Entry]
    now: datetime | None = None

    @cached_property
    def by_key(self) -> dict[Key, Entry]:
        """The first entry for each key."""
        found: dict[Key, Entry] = {}
        for entry in self.entries:
            key = entry_key(entry)
            if key is not None:
                found.setdefault(key, entry)
        return found

    def since(self, moment: datetime) -> list[Entry]:
        """Return the entries created at *moment* or later, and those with an unreadable date."""
        if moment not in self._since:
            dated = zip(self.entries, self._dates, strict=True)
            self._since[moment] = [entry for entry, date in dated if date is None or date >= moment]
        return self._since[moment]

    def count_since(self, moment: datetime) -> int:
        """Return how many were created at *moment* or later; one with an unreadable date may be old."""
        return sum(date is not None and date >= moment for date in self._dates)

    @cached_property
    def newest(self) -> datetime | None:
        """When the newest entry was created."""
        return self.latest_of(self._dates)

    def latest_of(self, dates: Iterable[datetime | None]) -> datetime | None:
        """Return the latest of *dates* that isn't in the future."""
        latest = self.now + OVERLAP if self.now is not None else None
        return max((date for date in dates if date and (latest is None or date <= latest)), default=None)

    @cached_property
    def _since(self) -> dict[datetime, list[Entry]]:
        # Many waiters ask for the same moment.
        return {}

    @cached_property
    def _dates(self) -> list[datetime | None]:
        return [created_at(entry) for entry in self.entries]


class Reach:
    """
    How far back the next look must read, so that it misses nothing that appears late.

    The longer the newest entry has been known, the less: an idle list costs one page per look. It assumes only that
    the API's clock and this machine's run at the same speed.

    :param since: entries created since then may be new.
    """

    def __init__(self, since: datetime) -> None:
        self.since = since
        self._newest: datetime | None = None
        # The API's time, or earlier, when our clock began.
        self._origin: datetime | None = None

    def looked(self, found: Found, *, asked_at: float, read_at: float) -> None:
        """Note what a look *found* that read as far back as needed, between two times of a monotonic clock."""
        if found.newest is not None and (self._newest is None or found.newest > self._newest):
            origin = found.newest - timedelta(seconds=read_at)
            self._newest, self._origin = found.newest, max(origin, self._origin or origin)
        if self._origin is not None:
            self.since = max(self.since, self._origin + timedelta(seconds=asked_at) - OVERLAP)


class Watermark:
    """
    Which entries were reported already: all much older than *moment*, and some by id.

    :param moment: when the newest of them was created.
    :param told: when each of the others was created, by id; None if its date is unreadable.
    """

    def __init__(self, moment: datetime, told: Mapping[str, datetime | None] | None = None) -> None:
        self.moment = moment
        self._told: dict[str, datetime | None] = dict(told or {})

    @property
    def since(self) -> datetime:
        """Entries created since then may be new: one may appear late, and a deep look may be as late again."""
        return self.moment - 2 * OVERLAP

    def take(self, found: Found) -> list[Entry]:
        """Return the new ones among *found*, which count as reported from now on."""
        new = [entry for entry in found.since(self.since) if entry["id"] not in self._told]
        dates = {entry["id"]: created_at(entry) for entry in new}
        self.moment = max(self.moment, found.latest_of(dates.values()) or self.moment)
        told = {**self._told, **dates}
        self._told = {id_: date for id_, date in told.items() if date is None or date >= self.since}
        return new

    def packed(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        told = {id_: date and date.isoformat() for id_, date in self._told.items()}
        return {"moment": self.moment.isoformat(), "told": packed_json(told)}

    @classmethod
    def unpacked(cls, packed: Mapping[str, Any]) -> Watermark:
        """Return the watermark that :meth:`packed` returned *packed* for."""
        told = dict(unpacked_json(packed["told"]))
        dates = {id_: date and datetime.fromisoformat(date) for id_, date in told.items()}
        return cls(datetime.fromisoformat(packed["moment"]), dates)


def summary_of(entries: list[Entry]) -> dict[str, Any]:
    """Return the number of *entries*, their ids, and when the newest was created."""
    newest = Found(entries).newest
    return {
        "count": len(entries),
        "ids": [entry["id"] for entry in entries],
        "newest": newest.isoformat() if newest else None,
    }
