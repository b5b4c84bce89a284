"""How many requests an account may send, per window (a minute, usually) and per day, and how they are refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from airflow_provider_mailersend.sandbox.dialect import ALL_HEADERS, QUOTA_HEADERS, Dialect
from airflow_provider_mailersend.sandbox.messages import Answer, json_answer

Clock = Callable[[], float]
"""Tells the time, in Unix seconds."""

_DAY = 86_400
_TOO_MANY = "You cannot create a resource at the moment."


class Window:
    """Counts requests up to a limit.

    :param most: the limit; None for none.
    :param length: seconds from the first request to the window's end; None for days that begin at midnight UTC.
    """

    def __init__(self, most: int | None, length: float | None, clock: Clock) -> None:
        self.most = most
        self.is_fraction = length is not None and not float(length).is_integer()
        self._length = length
        self.clock = clock
        self._counted: list[float] = []

    @property
    def remaining(self) -> int:
        """How many more requests fit; -1 without a limit."""
        return -1 if self.most is None else self.most - len(self.counted())

    @property
    def ends(self) -> float:
        """When there is room again; for a window that isn't open, as if it opened now."""
        counted = self.counted()
        return self.end_of(counted[0] if counted else self.clock())

    def spend(self) -> bool:
        """Count a request if it fits; whether it did."""
        if self.remaining == 0:
            return False
        if self.most is not None:
            self.counted().append(self.clock())
        return True

    def counted(self) -> list[float]:
        """When the requests in the window came."""
        if self._counted and self.end_of(self._counted[0]) <= self.clock():
            self._counted.clear()
        return self._counted

    def end_of(self, start: float) -> float:
        return (start // _DAY + 1) * _DAY if self._length is None else start + self._length


class Limits:
    """Both limits of an account, and the response headers that report them.

    :param headers: the names of the headers to send; None for those of the dialect.
    """

    def __init__(
        self, rate: Window, quota: Window, dialect: Dialect, headers: Iterable[str] | None = None
    ) -> None:
        self.rate = rate
        self.quota = quota
        self._dialect = dialect
        self._sent = frozenset(dialect.headers if headers is None else headers)
        if not self._sent <= ALL_HEADERS:
            raise ValueError(
                f"headers may hold {', '.join(sorted(ALL_HEADERS))}, not {set(self._sent - ALL_HEADERS)}."
            )

    @property
    def quota_reset(self) -> str:
        """When the quota starts over, as the API shows it: ``2023-04-15T00:00:00Z``."""
        ends = self.quota.ends if self.quota.is_fraction else math.ceil(self.quota.ends)
        return datetime.fromtimestamp(ends, UTC).isoformat().replace("+00:00", "Z")

    def refusal(self, *, uses_quota: bool) -> Answer | None:
        """Count a request: None if it fits, else the 429 to answer."""
        if not self.rate.spend():
            return self._refuse(self.rate, f"{_TOO_MANY} Please wait a while before retrying.", "#MS42903")
        if uses_quota and not self.quota.spend():
            return self._refuse(self.quota, "The daily API quota was used up.", "#MS42901")
        return None

    def headers(self, status: int) -> dict[str, str]:
        """The headers of a response with that status."""
        values = {"x-apiquota-remaining": str(self.quota.remaining), "x-apiquota-reset": self.quota_reset}
        if self.rate.most is not None:
            values["x-ratelimit-limit"] = str(self.rate.most)
            values["x-ratelimit-remaining"] = str(self.rate.remaining)
            values["x-ratelimit-reset"] = _rounded_up(self.rate.ends, self.rate)
        hidden = QUOTA_HEADERS if status == 404 and not self._dialect.has_quota_headers_on_404 else set()
        sent = self._sent - hidden
        return {name: value for name, value in values.items() if name in sent}

    def _refuse(self, window: Window, message: str, code: str) -> Answer:
        answer = json_answer(
            {"message": f"{message} {code}" if self._dialect.has_limit_codes else message}, 429
        )
        if "retry-after" in self._sent:
            answer.headers["retry-after"] = _rounded_up(max(window.ends - window.clock(), 0), window)
        return answer


def _rounded_up(seconds: float, window: Window) -> str:
    # Upwards, so that a client that waits this long has waited long enough.
    return f"{math.ceil(seconds * 1000) / 1000:.3f}" if window.is_fraction else str(math.ceil(seconds))
