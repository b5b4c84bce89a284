"""Texts for the log: numbers, enumerations."""

from __future__ import annotations

from collections.abc import Iterable


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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
