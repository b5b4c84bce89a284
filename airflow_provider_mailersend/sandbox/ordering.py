"""The order of a list, kept for the whole list and for every part of it that can be asked for."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Hashable, Iterable, Sequence


class SerialOrder:
    """Serial numbers in ascending order, once for each scope they belong to; the scope None holds them all.

    A serial number takes four bytes in each scope. A page of any scope is a slice; removing is one pass.
    """

    def __init__(self) -> None:
        self._scopes: dict[Hashable, array[int]] = {None: array("I")}

    def load(self, scope: Hashable, serials: Iterable[int]) -> None:
        """Put ascending numbers, higher than all that are there, at the end of one scope."""
        self._scope(scope).extend(array("I", serials))

    def add(self, serial: int, *scopes: Hashable) -> None:
        """Put a number where it belongs in each of the scopes."""
        for scope in scopes:
            serials = self._scope(scope)
            if serials and serial < serials[-1]:
                insort(serials, serial)
            else:
                serials.append(serial)

    def remove(self, gone: Iterable[int], *scopes: Hashable) -> None:
        """Take numbers out of those scopes, or, when none is named, out of all."""
        ascending = sorted(set(gone))
        for scope in scopes or tuple(self._scopes):
            self._scopes[scope] = _without(self._scope(scope), ascending)

    def holds(self, serial: int) -> bool:
        serials = self._scopes[None]
        at = bisect_left(serials, serial)
        return at < len(serials) and serials[at] == serial

    def count(self, scope: Hashable = None) -> int:
        return len(self._scope(scope))

    def lowest_first(self, scope: Hashable, start: int, stop: int) -> Sequence[int]:
        return self._scope(scope)[start:stop]

    def highest_first(self, scope: Hashable, start: int, stop: int) -> Sequence[int]:
        serials = self._scope(scope)
        return serials[max(len(serials) - stop, 0) : max(len(serials) - start, 0)][::-1]

    def _scope(self, scope: Hashable) -> array[int]:
        return self._scopes.setdefault(scope, array("I"))


def _without(serials: array[int], gone: list[int]) -> array[int]:
    kept = array("I")
    start = 0
    for serial in gone:
        at = bisect_left(serials, serial, start)
        if at < len(serials) and serials[at] == serial:
            kept.extend(serials[start:at])
            start = at + 1
    kept.extend(serials[start:])
    return kept
