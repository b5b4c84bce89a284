"""A set and a map for what long lists hold by the million, in a few bytes for each."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable

_BUCKETS = 1024
_64_BITS = 2**64 - 1


class CompactSet:
    """
    What was added, by 64-bit hashes in sorted arrays: a plain set of a million ids takes ten times the memory.

    Two of one hash would count as one. Among a million that happens once in thirty million sets.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, array[int]] = defaultdict(lambda: array("Q"))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, member: Hashable) -> bool:
        hashed = hash(member) & _64_BITS
        bucket = self._buckets.get(hashed % _BUCKETS)
        if bucket is None:
            return False
        place = bisect_left(bucket, hashed)
        return place < len(bucket) and bucket[place] == hashed

    def add(self, member: Hashable) -> bool:
        """Add *member*, and return whether it was new."""
        hashed = hash(member) & _64_BITS
        bucket = self._buckets[hashed % _BUCKETS]
        place = bisect_left(bucket, hashed)
        if place < len(bucket) and bucket[place] == hashed:
            return False
        bucket.insert(place, hashed)
        self._count += 1
        return True


class CompactMap:
    """Whole numbers by what was put, kept as :class:`CompactSet` keeps its members, in sixteen bytes for each."""

    def __init__(self) -> None:
        self._buckets: dict[int, tuple[array[int], array[int]]] = defaultdict(
            lambda: (array("Q"), array("q"))
        )

    def get(self, key: Hashable) -> int | None:
        """Return the number of *key*; None where it has none."""
        (_, numbers), place, is_there = self._find(key)
        return numbers[place] if is_there else None

    def put(self, key: Hashable, number: int) -> None:
        """Let *number* be that of *key*."""
        (hashes, numbers), place, is_there = self._find(key)
        if is_there:
            numbers[place] = number
        else:
            hashes.insert(place, hash(key) & _64_BITS)
            numbers.insert(place, number)

    def discard(self, key: Hashable) -> None:
        """Let *key* have no number."""
        (hashes, numbers), place, is_there = self._find(key)
        if is_there:
            del hashes[place], numbers[place]

    def _find(self, key: Hashable) -> tuple[tuple[array[int], array[int]], int, bool]:
        hashed = hash(key) & _64_BITS
        bucket = self._buckets[hashed % _BUCKETS]
        place = bisect_left(bucket[0], hashed)
        return bucket, place, place < len(bucket[0]) and bucket[0][place] == hashed
