"""Moments as whole microseconds since 1970, and how the API prints them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
DAY = 86_400 * SECOND

#: What tells the time, in such moments.
Now = Callable[[], int]

_EPOCH = datetime(1970, 1, 1)  # without a zone, since all is UTC and is printed without an offset


def iso(moment: int) -> str:
    """As the API prints a date today: ``2024-12-19T17:28:16.000000Z``."""
    return (_EPOCH + timedelta(microseconds=moment)).isoformat(timespec="microseconds") + "Z"


def iso_seconds(moment: int) -> str:
    """As the quota's reset is printed, with a fraction only where there is one: ``2023-04-15T00:00:00Z``."""
    return (_EPOCH + timedelta(microseconds=moment)).isoformat() + "Z"


def moment_of(date: datetime) -> int:
    """A datetime (UTC when it names no zone) as a moment."""
    aware = date.replace(tzinfo=UTC) if date.tzinfo is None else date
    return (aware - _EPOCH.replace(tzinfo=UTC)) // timedelta(microseconds=1)


def now() -> int:
    """The real clock."""
    return time.time_ns() // 1000


def seconds(name: str, value: float, least: float = 0.0) -> int:
    """Seconds as microseconds; ``ValueError`` unless they are from *least* to a year."""
    if isinstance(value, bool) or not least <= value <= 366 * 86_400:
        raise ValueError(f"{name} must be seconds, from {least:g} to a year, not {value!r}.")
    return round(value * SECOND)
