"""What is asked of a suppression list again and again: what is new on it, and what is still there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from airflow_provider_mailersend.api.entries import Entry, comparable, created_at, value_of
from airflow_provider_mailersend.api.items import Key

#: How much older than the newest one seen an entry may be and still be new: entries may appear late, clocks differ.
OVERLAP = timedelta(minutes=5)


class Found:
    """
    Entries as they were read, to be asked about by many.

    :param entries: the entries.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)
        self._since: dict[datetime, list[Entry]] = {}

    @cached_property
    def by_key(self) -> dict[Key, Entry]:
        """The entries by what they suppress, in the list's order the first of each."""
        found: dict[Key, Entry] = {}
        for entry in self.entries:
            key = key_of(entry)
            if key is not None:
                found.setdefault(key, entry)
        return found

    def since(self, moment: datetime) -> list[Entry]:
        """Return the entries made at *moment* or later, and those whose date cannot be read."""
        if moment not in self._since:
            self._since[moment] = [entry for entry in self.entries if _is_since(entry, moment)]
        return self._since[moment]

    @cached_property
    def newest(self) -> datetime | None:
        """When the newest entry was made; None where there is none whose date can be read."""
        return max((date for entry in self.entries if (date := created_at(entry))), default=None)


def summary_of(entries: list[Entry]) -> dict[str, Any]:
    """Return what is told of new entries: their number, their ids, and when the newest was made."""
    newest = Found(entries).newest
    return {
        "count": len(entries),
        "ids": [entry["id"] for entry in entries],
        "newest": newest.isoformat() if newest else None,
    }


def key_of(entry: Entry) -> Key | None:
    """Return what *entry* suppresses, equal for all spellings of it; None where it does not say."""
    value = value_of(entry)
    return comparable(*value) if value is not None else None


def _is_since(entry: Entry, moment: datetime) -> bool:
    date = created_at(entry)
    return date is None or date >= moment
