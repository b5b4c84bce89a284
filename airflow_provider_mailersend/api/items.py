"""What callers give to be suppressed: addresses and patterns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from airflow_provider_mailersend.api.entries import comparable


class Item(NamedTuple):
    """
    One address or pattern.

    :param kind: ``recipients`` or ``patterns``, as the API calls them.
    :param value: how it was given, without surrounding spaces.
    :param position: where it stood among those given, from 0.
    """

    kind: str
    value: str
    position: int

    @property
    def key(self) -> tuple[str, str]:
        """What is equal for all spellings that mean the same."""
        return comparable(self.kind, self.value)


def items_of(kind: str, values: Iterable[str]) -> list[Item]:
    """
    Return *values* as items.

    :raises TypeError: they are no list of strings.
    """
    if isinstance(values, str):
        raise TypeError(f"{kind} must be a list of strings; got one string")
    items = []
    for position, value in enumerate(values):
        if not isinstance(value, str):
            raise TypeError(f"{kind}[{position}] must be a string; got {type(value).__name__}")
        items.append(Item(kind, value.strip(), position))
    return items
