"""How fast to ask where a refusal is the only sign of the limit, and others who cannot be seen share it."""

from __future__ import annotations

import random as _random
from collections import deque
from collections.abc import Callable

# As parts of a window: how far apart the requests of a share are, how much a window's start is spread, when to look
# for what others leave, and how long to wait with nothing accepted that could tell when a window begins.
_APART = 0.005
_SPREAD = 0.005
_LEFTOVERS = (0.2, 0.9)
_BLIND_WAIT = (0.25, 0.5)
#: At which numbers of refusals in a row such waits are half as long; beyond, it is no crowd that refuses them.
_STARVING = range(4, 12)
#: The first wait after a second refusal in a row; each further one doubles it.
_BACKOFF = 0.05

# Probabilities, once a window: to take one more, to give up one of each, and to look for leftovers.
_ONE_MORE = 0.15
_ONE_LESS_OF_EACH = 0.1
_LOOK_FIRST = 0.1
_LOOK_LEAST = 0.05
_LOOK_OF_EACH = 0.05
#: How the last grows with each window without a refusal, and shrinks with each look that finds nothing.
_LOOK_MORE = 6.0
_LOOK_LESS = 0.2

#: What a worker keeps of its share when it learns that others use the limit too.
_KEPT_AT_FIRST = 0.8


class Pacer:
    """
    Decides when to send the next request, so that all who share a limit come to their turn.

    Until its first refusal a worker sends as fast as it can: mostly it is alone. From then on, window by window:

    - It sends its share, its requests a little apart: everybody's first request comes before anybody's third.
    - Its share is what it got in the window before; now and then one more, or one less, the likelier the larger it is.
      So whoever gets much gives way to whoever gets little.
    - Now and then it looks, later in the window, whether something is left, and takes that: unused places are lost.
    - Whoever got nothing asks again at a random moment.

    A place that was used is free again a window later, be it a window that begins with its first request or one that
    slides. All moments are Unix seconds of the asking machine's clock.

    :param limit: how many requests all workers together have for each window.
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
        # The window at work: when it opened, how many were accepted in it, of how many that were planned.
        self._opened: float | None = None
        self._got = 0
        self._share = 1
        self._takes_leftovers = False
        self._was_refused = False
        # After a refusal: how many were accepted in the window's length before it, which is what there is to have.
        self._places: int | None = None
        self._refusals = 0
        self._refused_at: float | None = None
        self._look = _LOOK_FIRST

    def oldest(self, at: float) -> float | None:
        """Return when the first of those was accepted that are no older at *at* than a window; None without any."""
        while self._accepted and self._accepted[0] <= at - self.window:
            self._accepted.popleft()
        return self._accepted[0] if self._accepted else None

    def accepted(self, at: float) -> None:
        """Take in that a request was accepted."""
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
            self._places = None
        elif at >= self._opened + self.window:
            self._begin_window(self._opened + self.window, self._share)
        self._got += 1
        if self._takes_leftovers:
            self._look = 1.0
        self._plan(at)

    def refused(self, at: float) -> None:
        """Take in that a request was refused, and nothing said for how long."""
        oldest = self.oldest(at)
        if not self._shares:
            if oldest is not None and self._is_alone(at):
                self.next_at = oldest + self.window * (1 + _SPREAD * self._random())
                return
            self._shares = True
            if oldest is not None:
                self._begin_window(oldest + self.window, int(_KEPT_AT_FIRST * len(self._accepted)))
                return
        self._was_refused = True
        self._refused_at = at
        self._refusals += 1
        if self._opened is None:
            self.next_at = self._blindly(at)
        elif self._takes_leftovers:
            of_share = _LOOK_OF_EACH * max(self._got, self._share)
            self._look = min(1.0, max(_LOOK_LEAST, self._look * _LOOK_LESS, of_share))
            self._begin_next_window(self._got)
        else:
            self._places = len(self._accepted)
            self._plan(at)

    def _is_alone(self, at: float) -> bool:
        # Two less, for requests that were under way when a window began.
        self.oldest(at)
        return len(self._accepted) >= self.limit - 2

    def _opening(self, at: float) -> float:
        """Return when the window opened whose first request of ours was accepted at *at*."""
        if self._refused_at is None or at - self._refused_at < self.window * _BACKOFF:
            return at
        # Somewhere between: aiming earlier each time finds it.
        return (at + self._refused_at) / 2

    def _begin_next_window(self, share: int) -> None:
        if share > 1 and self._random() < _ONE_LESS_OF_EACH * share:
            share -= 1
        assert self._opened is not None  # noqa: S101
        self._begin_window(self._opened + self.window, share)

    def _begin_window(self, opened: float, share: int) -> None:
        self._opened = opened
        self._share = max(1, share)
        self._got = self._refusals = 0
        self._takes_leftovers = self._was_refused = False
        self._places = self._refused_at = None
        self.next_at = opened + self.window * _SPREAD * self._random()

    def _plan(self, at: float) -> None:
        """Set :attr:`next_at`, what came at *at* having been taken in."""
        assert self._opened is not None  # noqa: S101
        if self._takes_leftovers:
            self.next_at = at
        elif self._places is not None:
            self._plan_places(at, self._opened)
        elif self._got < self._share:
            self.next_at = self._opened + self._got * self.window * _APART * (1 + 0.5 * self._random())
        elif self._random() < self._look:
            self._takes_leftovers = True
            self.next_at = max(at, self._opened + self._between(_LEFTOVERS))
        else:
            if not self._was_refused:
                self._look = min(1.0, self._look * _LOOK_MORE)
            self._begin_next_window(self._got + (self._random() < _ONE_MORE))

    def _plan_places(self, at: float, opened: float) -> None:
        """Ask again when a place that was ours is free again."""
        oldest = self.oldest(at)
        free_at = at if self._places is not None and len(self._accepted) < self._places else None
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
            self._begin_next_window(self._got)

    def _blindly(self, at: float) -> float:
        # Whoever is refused again and again, while others are served, asks more often than they look for more.
        return at + self._between(_BLIND_WAIT) * (0.5 if self._refusals in _STARVING else 1.0)

    def _between(self, parts: tuple[float, float]) -> float:
        least, most = parts
        return self.window * (least + (most - least) * self._random())
