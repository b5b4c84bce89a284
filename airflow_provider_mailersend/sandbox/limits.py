"""What an account may ask for: so many requests a minute, and so many a day."""

from __future__ import annotations

import math
from collections.abc import Iterable

from airflow_provider_mailersend.sandbox.dialect import ALL_HEADERS
from airflow_provider_mailersend.sandbox.timeline import SECOND, Now, iso_seconds, now

_DAY = 86_400 * SECOND


def _fraction(seconds: float) -> bool:
    return not float(seconds).is_integer()


def _require(name: str, value: float | None, least: float) -> None:
    if value is not None and (isinstance(value, bool) or not value >= least or math.isinf(value)):
        raise ValueError(f"{name} must be None or a number from {least} up, not {value!r}.")


def _require_length(name: str, seconds: float | None) -> None:
    if seconds is not None and not 0.001 <= seconds <= 366 * 86_400:
        raise ValueError(f"{name} must be a number of seconds from 0.001 to a year, not {seconds!r}.")


class FixedWindow:
    """A count that starts again: ``length`` after the first request that was counted, or at midnight UTC.

    All moments are in microseconds. A window is open from its first request on; ``length`` None stands for
    days that begin at midnight.
    """

    def __init__(self, most: int | None, length: float | None, clock: Now) -> None:
        self.most = most
        self.fraction = length is not None and _fraction(length)
        self._length = None if length is None else round(length * SECOND)
        self._clock = clock
        self._ends = 0
        self._used = 0

    @property
    def remaining(self) -> int:
        """How many more requests this window takes; -1 when there is no limit."""
        if self.most is None:
            return -1
        return self.most - self._used if self._open else self.most

    @property
    def ends(self) -> int:
        """When the count starts again: for a window that isn't open, as if it were opened now."""
        return self._ends if self._open else self._end_of(self._clock())

    def spend(self) -> bool:
        """Count a request, or refuse it: a refused one isn't counted."""
        if not self._open:
            self._ends, self._used = self._end_of(self._clock()), 0
        if self.most is not None and self._used >= self.most:
            return False
        self._used += 1
        return True

    def wait(self) -> float:
        """Seconds until the count starts again."""
        return max(self.ends - self._clock(), 0) / SECOND

    @property
    def _open(self) -> bool:
        return self._clock() < self._ends

    def _end_of(self, start: int) -> int:
        if self._length is None:
            return (start // _DAY + 1) * _DAY
        return start + self._length


class Limits:
    """Both limits of an account, and the headers that tell of them."""

    def __init__(
        self,
        *,
        rate_limit: int | None,
        rate_window: float,
        quota: int | None,
        quota_window: float | None,
        headers: Iterable[str],
        clock: Now = now,
    ) -> None:
        _require("rate_limit", rate_limit, 1)
        _require("quota", quota, 0)
        _require_length("rate_window", rate_window)
        _require_length("quota_window", quota_window)
        self.sent = frozenset(headers)
        unknown = self.sent - ALL_HEADERS
        if unknown:
            raise ValueError(
                f"headers may hold {', '.join(sorted(ALL_HEADERS))}, not {', '.join(sorted(unknown))}."
            )
        self.rate = FixedWindow(rate_limit, rate_window, clock)
        self.quota = FixedWindow(quota, quota_window, clock)

    @property
    def quota_reset(self) -> str:
        """When the quota starts again, as ``x-apiquota-reset`` and ``/api-quota`` print it."""
        ends = self.quota.ends
        return iso_seconds(ends if self.quota.fraction else math.ceil(ends / SECOND) * SECOND)

    def headers(self, exhausted: FixedWindow | None = None) -> dict[str, str]:
        """The headers of an answer; ``exhausted`` is the window that a 429 was given for."""
        told = {"x-apiquota-remaining": str(self.quota.remaining), "x-apiquota-reset": self.quota_reset}
        if self.rate.most is not None:
            told |= {
                "x-ratelimit-limit": str(self.rate.most),
                "x-ratelimit-remaining": str(self.rate.remaining),
                "x-ratelimit-reset": _rounded_up(self.rate.ends / SECOND, self.rate.fraction),
            }
        if exhausted is not None:
            told["retry-after"] = _rounded_up(exhausted.wait(), exhausted.fraction)
        return {name: value for name, value in told.items() if name in self.sent}


def _rounded_up(seconds: float, fraction: bool) -> str:
    # Upwards, so that whoever waits as long as the header says has waited long enough.
    return f"{math.ceil(seconds * 1000) / 1000:.3f}" if fraction else str(math.ceil(seconds))
