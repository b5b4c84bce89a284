"""Moments as whole microseconds since 1970: those of the seeded entries, and those of new ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1)  # without a zone, since all is UTC and is printed without an offset


def iso(moment: int) -> str:
    """As the API prints a date today: ``2024-12-19T17:28:16.000000Z``."""
    minute, rest = divmod(moment, 60 * SECOND)
    second, fraction = divmod(rest, SECOND)
    return f"{_to_the_minute(minute)}:{second:02d}.{fraction:06d}Z"


@lru_cache(4096)  # a page of a hundred entries prints three hundred dates, most of them close together
def _to_the_minute(minute: int) -> str:
    return (_EPOCH + timedelta(minutes=minute)).isoformat(timespec="minutes")


def iso_seconds(moment: int) -> str:
    """As the quota's reset is printed, with a fraction only where there is one: ``2023-04-15T00:00:00Z``."""
    return (_EPOCH + timedelta(microseconds=moment)).isoformat() + "Z"


def old_style(moment: int) -> str:
    """As the API printed a recipient's date in 2020: ``2020-06-10 10:09:56``, in UTC."""
    return (_EPOCH + timedelta(microseconds=moment // SECOND * SECOND)).isoformat(sep=" ")


#: What tells the time, in such moments.
Now = Callable[[], int]


def now() -> int:
    """The real clock."""
    return time.time_ns() // 1000


def now_ahead_by(seconds: float) -> Now:
    """The real clock, so many seconds ahead; ``ValueError`` beyond a year."""
    if not abs(seconds) <= 366 * 86_400:
        raise ValueError(f"clock_ahead must be seconds, at most a year either way, not {seconds!r}.")
    ahead = round(seconds * SECOND)
    return lambda: now() + ahead


@dataclass(frozen=True)
class Timeline:
    """When seeded entries were made: the last at ``newest``, each other one ``spacing`` before the next."""

    newest: int
    spacing: int

    @classmethod
    def of(cls, newest: datetime, spacing: float) -> Timeline:
        """From a datetime (UTC when it names no zone) and seconds; ``ValueError`` when out of range."""
        if not 0 <= spacing <= 366 * 86_400:
            raise ValueError(f"spacing must be seconds, from 0 to a year, not {spacing!r}.")
        aware = newest.replace(tzinfo=UTC) if newest.tzinfo is None else newest
        since = aware - datetime(1970, 1, 1, tzinfo=UTC)
        return cls(since // timedelta(microseconds=1), round(spacing * SECOND))

    def at(self, index: int, count: int) -> int:
        """When the entry at ``index`` of ``count``, the oldest being 0, was made."""
        return self.newest - (count - 1 - index) * self.spacing

    def require_room(self, count: int) -> None:
        """Raise ``ValueError`` when ``count`` entries would reach back before 1971."""
        if self.at(0, max(count, 1)) < 365 * 86_400 * SECOND:
            raise ValueError(f"{count} entries do not fit between 1971 and newest: lessen spacing.")


class Clock:
    """What ``now`` tells, but never the same moment twice, and never one before ``after``."""

    def __init__(self, after: int, now: Now = now) -> None:
        self._last = after
        self._now = now

    def tick(self) -> int:
        self._last = max(self._now(), self._last + 1)
        return self._last
