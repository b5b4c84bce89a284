"""What an account may ask for: so many requests a minute, and so many a day."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Protocol

from airflow_provider_mailersend.sandbox.dialect import ALL_HEADERS
from airflow_provider_mailersend.sandbox.moments import DAY, SECOND, Now, iso_seconds, seconds


class Window(Protocol):
    """Counts requests. All moments are in microseconds."""

    most: int | None
    is_fraction: bool
    """Whether the window is no whole number of seconds long."""

    @property
    def remaining(self) -> int:
        """How many more requests it takes; -1 when there is no limit."""

    @property
    def ends(self) -> int:
        """When it takes more requests again: for one that isn't open, as if it were opened now."""

    def spend(self) -> bool:
        """Count a request, or refuse it: a refused one isn't counted."""


class FixedWindow:
    """A count that starts again: ``length`` after the first request that was counted, or at midnight UTC.

    ``length`` is in seconds; None stands for days that begin at midnight.
    """

    def __init__(self, most: int | None, length: float | None, clock: Now) -> None:
        self.most = most
        self.is_fraction = length is not None and not float(length).is_integer()
        self._length = None if length is None else round(length * SECOND)
        self._clock = clock
        self._ends = 0
        self._used = 0

    @property
    def remaining(self) -> int:
        if self.most is None:
            return -1
        return self.most - self._used if self._open else self.most

    @property
    def ends(self) -> int:
        return self._ends if self._open else self._end_of(self._clock())

    def spend(self) -> bool:
        if not self._open:
            self._ends, self._used = self._end_of(self._clock()), 0
        if self.most is not None and self._used >= self.most:
            return False
        self._used += 1
        return True

    @property
    def _open(self) -> bool:
        return self._clock() < self._ends

    def _end_of(self, start: int) -> int:
        if self._length is None:
            return (start // DAY + 1) * DAY
        return start + self._length


class SlidingWindow:
    """The requests of the last ``length`` seconds, at any moment."""

    def __init__(self, most: int | None, length: float, clock: Now) -> None:
        self.most = most
        self.is_fraction = not float(length).is_integer()
        self._length = round(length * SECOND)
        self._clock = clock
        self._counted: deque[int] = deque()

    @property
    def remaining(self) -> int:
        return -1 if self.most is None else self.most - len(self._recent())

    @property
    def ends(self) -> int:
        recent = self._recent()
        return (recent[0] if recent else self._clock()) + self._length

    def spend(self) -> bool:
        if self.most is None:
            return True
        if len(self._recent()) >= self.most:
            return False
        self._counted.append(self._clock())
        return True

    def _recent(self) -> deque[int]:
        earliest = self._clock() - self._length
        while self._counted and self._counted[0] <= earliest:
            self._counted.popleft()
        return self._counted


class Limits:
    """Both limits of an account, and the headers that tell of them."""

    def __init__(
        self,
        *,
        rate_limit: int | None,
        rate_window: float,
        sliding_window: bool,
        quota: int | None,
        quota_window: float | None,
        headers: Iterable[str],
        clock: Now,
    ) -> None:
        for name, most, least in (("rate_limit", rate_limit, 1), ("quota", quota, 0)):
            if most is not None and (isinstance(most, bool) or not most >= least or math.isinf(most)):
                raise ValueError(f"{name} must be None or a number from {least} up, not {most!r}.")
        seconds("rate_window", rate_window, least=0.001)
        if quota_window is not None:
            seconds("quota_window", quota_window, least=0.001)
        self.sent = frozenset(headers)
        unknown = self.sent - ALL_HEADERS
        if unknown:
            raise ValueError(
                f"headers may hold {', '.join(sorted(ALL_HEADERS))}, not {', '.join(sorted(unknown))}."
            )
        self.rate: Window = (SlidingWindow if sliding_window else FixedWindow)(rate_limit, rate_window, clock)
        self.quota: Window = FixedWindow(quota, quota_window, clock)
        self._clock = clock

    @property
    def quota_reset(self) -> str:
        """When the quota starts again, as ``x-apiquota-reset`` and ``/api-quota`` print it."""
        ends = self.quota.ends
        return iso_seconds(ends if self.quota.is_fraction else math.ceil(ends / SECOND) * SECOND)

    def headers(self, exhausted: Window | None = None) -> dict[str, str]:
        """The headers of an answer; ``exhausted`` is the window that a 429 was given for."""
        told = {"x-apiquota-remaining": str(self.quota.remaining), "x-apiquota-reset": self.quota_reset}
        if self.rate.most is not None:
            told |= {
                "x-ratelimit-limit": str(self.rate.most),
                "x-ratelimit-remaining": str(self.rate.remaining),
                "x-ratelimit-reset": _rounded_up(self.rate.ends, self.rate.is_fraction),
            }
        if exhausted is not None:
            told["retry-after"] = _rounded_up(max(exhausted.ends - self._clock(), 0), exhausted.is_fraction)
        return {name: value for name, value in told.items() if name in self.sent}


def _rounded_up(moment: int, is_fraction: bool) -> str:
    # Upwards, so that whoever waits as long as the header says has waited long enough.
    return f"{math.ceil(moment / 1000) / 1000:.3f}" if is_fraction else str(math.ceil(moment / SECOND))
