"""Timing readers while they take turns, so that a disturbance hits all of them."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from tests.benchmarks.readers import Page

#: How many pages a reader reads in a turn.
_PAGES = 10


class Reading:
    """A reader, what it has read, and how many seconds that took."""

    def __init__(self, pages: Iterator[Page]) -> None:
        self.entries: list[dict[str, Any]] = []
        self.seconds = 0.0
        self._pages = pages

    def take_turn(self) -> bool:
        """Read some pages; return whether there were any."""
        before = len(self.entries)
        # The garbage collector would go through what all readers hold: let it see this turn only.
        gc.collect()
        gc.freeze()
        started = time.perf_counter()
        for page in islice(self._pages, _PAGES):
            self.entries.extend(page)
        self.seconds += time.perf_counter() - started
        return len(self.entries) > before

    @property
    def ids(self) -> list[str]:
        return [entry["id"] for entry in self.entries]


def read_in_turns(readers: Mapping[str, Iterator[Page]]) -> dict[str, Reading]:
    """Read with each of *readers* to its end; the order of turns is shuffled in each cycle."""
    readings = {name: Reading(pages) for name, pages in readers.items()}
    unfinished = list(readings.values())
    order = random.Random(1)
    try:
        while unfinished:
            order.shuffle(unfinished)
            unfinished = [reading for reading in unfinished if reading.take_turn()]
    finally:
        gc.unfreeze()
    return readings
