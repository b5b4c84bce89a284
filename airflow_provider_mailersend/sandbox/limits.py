"""What an account may ask for: so many requests a minute, and so many a day."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from airflow_provider_mailersend.sandbox.dialect import ALL_HEADERS
from airflow_provider_mailersend.sandbox.moments import DAY, SECOND, Now, iso_seconds


class Window:
    """Counts requests. All moments are in microseconds.

    :param most: how many it takes; None for any number.
    :param length: seconds that it lasts from its first request on; None for days that begin at midnight UTC.
    :param slides: whether it is the last ``length`` seconds at any moment, in place of one after another.
    """

    def __init__(self, most: int | None, length: float | None, clock: Now, *, slides: bool = False) -> None:
        self.most = most
        self.is_fraction = length is not None and not float(length).is_integer()
        self._length = None if length is None else round(length * SECOND)
        self._clock = clock
        self._slides = slides
        self._counted: deque[int] = deque()

    @property
    def remaining(self) -> int:
        """How many more requests it takes; -1 when there is no limit."""
        return -1 if self.most is None else self.most - len(self._recent())

    @property
    def ends(self) -> int:
        """When it takes more requests again: for one that isn't open, as if it were opened now."""
        recent = self._recent()
        return self._end_of(recent[0] if recent else self._clock())

    def spend(self) -> bool:
        """Count a request, or refuse it: a refused one isn't counted."""
        if self.most is None:
            return True
        if len(self._recent()) >= self.most:
            return False
        self._counted.append(self._clock())
        return True

    def _recent(self) -> deque[int]:
        while self._counted and self._end_of(self._counted[0]) <= self._clock():
            if self._slides:
                self._counted.popleft()
            else:
                self._counted.clear()
        return self._counted

    def _end_of(self, start: int) -> int:
        return (start // DAY + 1) * DAY if self._length is None else start + self._length


class Limits:
    """Both limits of an account, and the headers that tell of them."""

    def __init__(self, rate: Window, quota: Window, headers: Iterable[str], clock: Now) -> None:
        self.rate = rate
        self.quota = quota
        self.sent = frozenset(headers)
        self._clock = clock
        unknown = ", ".join(sorted(self.sent - ALL_HEADERS))
        if unknown:
            raise ValueError(f"headers may hold {', '.join(sorted(ALL_HEADERS))}, not {unknown}.")

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
                "x-ratelimit-reset": _rounded_up(self.rate.ends, self.rate),
            }
        if exhausted is not None:
            told["retry-after"] = _rounded_up(max(exhausted.ends - self._clock(), 0), exhausted)
        return {name: value for name, value in told.items() if name in self.sent}


def _rounded_up(moment: int, window: Window) -> str:
    # Upwards, so that whoever waits as long as the header says has waited long enough.
    return f"{math.ceil(moment / 1000) / 1000:.3f}" if window.is_fraction else str(math.ceil(moment / SECOND))
