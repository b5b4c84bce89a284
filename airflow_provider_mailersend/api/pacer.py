"""When to send, where 429s are the only sign of a rate limit that other, invisible workers share."""

from __future__ import annotations

import random as _random
from collections import deque
from collections.abc import Callable

# As parts of a window: the distance between the requests of a share, the spread of a window's start, when to probe for
# capacity that others leave, and how long to wait while nothing accepted shows when a window begins.
_APART = 0.005
_SPREAD = 0.005
_PROBE = (0.2, 0.9)
_BLIND_WAIT = (0.25, 0.5)
#: At these numbers of refusals in a row, blind waits are half as long; beyond them, it isn't a crowd that refuses.
_STARVING = range(4, 12)
#: The first wait after a second refusal in a row; each further one doubles it.
_BACKOFF = 0.05

# Probabilities, once per window: to raise the share by one, to lower it by one for each request in it, and to probe.
_RAISE = 0.15
_LOWER_PER_REQUEST = 0.1
_PROBE_FIRST = 0.1
_PROBE_LEAST = 0.05
_PROBE_PER_REQUEST = 0.05
#: The factors for the probability to probe: after a window without a refusal, and after a probe that found nothing.
_PROBE_MORE = 6.0
_PROBE_LESS = 0.2

#: What a worker keeps of its share when it notices that others use the limit too.
_KEPT_AT_FIRST = 0.8


class Pacer:
    """
    Decides when to send the next request, so that all workers that share a rate limit get their turn.

    Until its first refusal a worker sends as fast as it can, because it is usually alone. From then on, per window:

    - It sends its share, spaced a little apart, so that every worker's first request comes before any worker's third.
    - Its share is what was accepted in the window before, now and then one more or one less: the larger the share, the
      likelier one less, so that workers with much give way to workers with little.
    - Now and then it probes, later in the window, for unused capacity, and uses it.
    - A worker that got nothing retries at a random time.

    Used capacity is free again a window later, whether windows begin with their first request or slide. All times are
    Unix seconds of this machine's clock.

    :param limit: how many requests all workers together may send per window.
    :param window: how long a window is, in seconds.
    :param random: returns a number from 0 up to 1.
    """

    def __init__(self, limit: int, window: float, random: Callable[[], float] = _random.random) -> None:
        self.limit = limit
        self.window = window
        #: When the next request may be sent.
        self.next_at = 0.0
        self._random = random
        self._accepted: deque[float] = deque(maxlen=limit)
        self._shares = False
        # The current window: when it opened, and how many requests were accepted in it, of how many planned.
        self._opened: float | None = None
        self._got = 0
        self._share = 1
        self._probes = False
        self._was_refused = False
        # After a refusal: how many were accepted in the window's length before it, the capacity to be had.
        self._capacity: int | None = None
        self._refusals = 0
        self._refused_at: float | None = None
        self._probe_chance = _PROBE_FIRST

    def oldest(self, at: float) -> float | None:
        """Return when the first request was accepted in the window's length before *at*; None without any."""
        while self._accepted and self._accepted[0] <= at - self.window:
            self._accepted.popleft()
        return self._accepted[0] if self._accepted else None

    def accepted(self, at: float) -> None:
        self._accepted.append(at)
        self._refusals = 0
        if not self._shares:
            return
        if self._is_alone(at):
            self._shares = False
            self.next_at = at
            return
        if self._opened is None or not self._got:
            self._opened = self._opening(at)
            self._capacity = None
        elif at >= self._opened + self.window:
            self._begin_window(self._opened + self.window, self._share)
        self._got += 1
        if self._probes:
            self._probe_chance = 1.0
        self._plan(at, self._opened)

    def refused(self, at: float) -> None:
        """Note that a request was refused, without a time to retry."""
        oldest = self.oldest(at)
        if not self._shares:
            if oldest is not None and self._is_alone(at):
                self.next_at = oldest + self.window * (1 + _SPREAD * self._random())
                return
            self._shares = True
            self._probe_chance = max(_PROBE_FIRST, self._chance_of(len(self._accepted)))
            if oldest is not None:
                self._begin_window(oldest + self.window, int(_KEPT_AT_FIRST * len(self._accepted)))
                return
        self._was_refused = True
        self._refused_at = at
        self._refusals += 1
        if self._opened is None:
            self.next_at = self._blindly(at)
        elif self._probes:
            lower = max(_PROBE_LEAST, self._probe_chance * _PROBE_LESS)
            self._probe_chance = max(lower, self._chance_of(max(self._got, self._share)))
            self._begin_next_window(self._opened, self._got)
        else:
            self._capacity = len(self._accepted)
            self._plan(at, self._opened)

    def _chance_of(self, share: int) -> float:
        """Return the least probability to probe with this share: a large one means few workers."""
        return min(1.0, _PROBE_PER_REQUEST * share)

    def _is_alone(self, at: float) -> bool:
        # Two less, for requests that were on their way when a window began.
        self.oldest(at)
        return len(self._accepted) >= self.limit - 2

    def _opening(self, at: float) -> float:
        """Return when the window opened whose first accepted request is the one of *at*."""
        if self._refused_at is None or at - self._refused_at < self.window * _BACKOFF:
            return at
        # Somewhere between: aiming earlier each time finds it.
        return (at + self._refused_at) / 2

    def _begin_next_window(self, opened: float, share: int) -> None:
        if share > 1 and self._random() < _LOWER_PER_REQUEST * share:
            share -= 1
        self._begin_window(opened + self.window, share)

    def _begin_window(self, opened: float, share: int) -> None:
        self._opened = opened
        self._share = max(1, share)
        self._got = self._refusals = 0
        self._probes = self._was_refused = False
        self._capacity = self._refused_at = None
        self.next_at = opened + self.window * _SPREAD * self._random()

    def _plan(self, at: float, opened: float) -> None:
        """Set :attr:`next_at` after a response at *at*, in the window of *opened*."""
        if self._probes:
            self.next_at = at
        elif self._capacity is not None:
            self._plan_after_refusal(at, opened, self._capacity)
        elif self._got < self._share:
            self.next_at = opened + self._got * self.window * _APART * (1 + 0.5 * self._random())
        elif self._random() < self._probe_chance:
            self._probes = True
            self.next_at = max(at, opened + self._between(_PROBE))
        else:
            if not self._was_refused:
                self._probe_chance = min(1.0, self._probe_chance * _PROBE_MORE)
            self._begin_next_window(opened, self._got + (self._random() < _RAISE))

    def _plan_after_refusal(self, at: float, opened: float, capacity: int) -> None:
        """Retry when capacity that this worker used is free again."""
        oldest = self.oldest(at)
        free_at = at if len(self._accepted) < capacity else None
        if free_at is None and oldest is not None:
            free_at = oldest + self.window
        if free_at is not None and self._refusals > 1:
            backoff = self.window * _BACKOFF * 2.0 ** min(self._refusals - 2, 5)
            free_at = max(free_at, at + backoff * (0.5 + self._random()))
        if not self._got:
            is_soon = free_at is not None and free_at < opened + self.window / 2
            self.next_at = free_at if free_at is not None and is_soon else self._blindly(at)
        elif free_at is not None and free_at < opened + self.window * (1 - 2 * _SPREAD):
            self.next_at = max(free_at, at)
        else:
            self._begin_next_window(opened, self._got)

    def _blindly(self, at: float) -> float:
        # A worker that is refused again and again, while others are accepted, retries more often than they probe.
        return at + self._between(_BLIND_WAIT) * (0.5 if self._refusals in _STARVING else 1.0)

    def _between(self, parts: tuple[float, float]) -> float:
        least, most = parts
        return self.window * (least + (most - least) * self._random())
