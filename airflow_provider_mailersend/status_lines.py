"""Texts for the log: numbers, times, enumerations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def in_utc(moment: datetime) -> str:
    """
    Return an aware *moment* to the second.

    >>> in_utc(datetime.fromisoformat("2026-01-31T12:00:00+02:00"))
    '2026-01-31 10:00:00 UTC'
    """
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def quota_left(remaining: int) -> str:
    return f"{remaining:,} of the daily quota left"


def and_joined(parts: Iterable[str]) -> str:
    """
    Return *parts* as an enumeration.

    >>> and_joined(["a", "b", "c"])
    'a, b and c'
    """
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
