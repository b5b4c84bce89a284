"""A set and a map for lists of millions of entries, in a few bytes each."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable
from functools import partial

_BUCKETS = 1024


class CompactSet:
    """
    Members as 64-bit hashes in sorted arrays: a plain set of a million ids takes ten times the memory.

    Two members with the same hash count as one; among a million that happens once in thirty million sets.
    """

    def __init__(self) -> None:
        self._hashes: dict[int, array[int]] = defaultdict(partial(array, "q"))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, member: Hashable) -> bool:
        return self._find(member)[2]

    def add(self, member: Hashable) -> bool:
        """Add *member*, and return whether it was new."""
        hashed, place, is_there = self._find(member)
        if not is_there:
            self._hashes[hashed % _BUCKETS].insert(place, hashed)
            self._count += 1
        return not is_there

    def _find(self, member: Hashable) -> tuple[int, int, bool]:
        """Return a member's hash, its place in its bucket, and whether it is there."""
        hashed = hash(member)
        bucket = self._hashes[hashed % _BUCKETS]
        place = bisect_left(bucket, hashed)
        return hashed, place, place < len(bucket) and bucket[place] == hashed


class CompactMap(CompactSet):
    """Whole numbers by key, in sixteen bytes each: every bucket of hashes has one of numbers beside it."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[int, array[int]] = defaultdict(partial(array, "q"))

    def get(self, key: Hashable) -> int | None:
        hashed, place, is_there = self._find(key)
        return self._numbers[hashed % _BUCKETS][place] if is_there else None

    def put(self, key: Hashable, number: int) -> None:
        self.discard(key)
        self.add(key)
        hashed, place, _ = self._find(key)
        self._numbers[hashed % _BUCKETS].insert(place, number)

    def discard(self, key: Hashable) -> None:
        hashed, place, is_there = self._find(key)
        if is_there:
            self._count -= 1
            del self._hashes[hashed % _BUCKETS][place], self._numbers[hashed % _BUCKETS][place]
