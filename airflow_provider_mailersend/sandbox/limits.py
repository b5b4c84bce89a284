"""How many requests an account may send, per window (a minute, usually) and per day, and how they are refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from airflow_provider_mailersend.sandbox.server import Answer, json_answer

RATE_HEADERS = frozenset({"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"})
QUOTA_HEADERS = frozenset({"x-apiquota-remaining", "x-apiquota-reset"})
ALL_HEADERS = RATE_HEADERS | QUOTA_HEADERS
"""The limit headers that the vendor documents: those of the rate limit, those of the daily quota, and both."""

_DAY = 86_400
_TOO_MANY = "You cannot create a resource at the moment. Please wait a while before retrying."


class Window:
    """Counts requests up to a limit.

    :param most: the limit; None for none.
    :param length: seconds from the first request to the window's end; None for days that begin at midnight UTC.
    :param clock: tells the time, in Unix seconds.
    """

    def __init__(self, most: int | None, length: float | None, clock: Callable[[], float]) -> None:
        self.most = most
        self.length = length
        self.clock = clock
        self._counted: list[float] = []

    @property
    def remaining(self) -> int:
        """How many more requests fit; -1 without a limit."""
        return -1 if self.most is None else self.most - len(self.counted())

    @property
    def ends(self) -> float:
        """When there is room again; for a window that isn't open, as if it opened now."""
        return self.end_of(next(iter(self.counted()), self.clock()))

    def spend(self) -> bool:
        """Count a request if it fits; whether it did."""
        fits = self.remaining != 0
        if fits and self.most is not None:
            self._counted.append(self.clock())
        return fits

    def counted(self) -> list[float]:
        """When the requests in the window came."""
        if self._counted and self.end_of(self._counted[0]) <= self.clock():
            self._counted.clear()
        return self._counted

    def end_of(self, start: float) -> float:
        return (start // _DAY + 1) * _DAY if self.length is None else start + self.length

    def rounded(self, seconds: float) -> float:
        """Upwards, so that a client that waits this long has waited long enough; to 1 ms in a window of a fraction."""
        return math.ceil(seconds * 1000) / 1000 if (self.length or 0) % 1 else math.ceil(seconds)


class Limits:
    """Both limits of an account, and the response headers that report them: *headers*, or the usual ones."""

    def __init__(self, rate: Window, quota: Window, observed: bool, headers: Iterable[str] | None) -> None:
        self.rate = rate
        self.quota = quota
        self._observed = observed
        usual = QUOTA_HEADERS if observed else ALL_HEADERS
        self._sent = usual if headers is None else frozenset(headers)
        if unknown := self._sent - ALL_HEADERS:
            raise ValueError(f"headers may hold {', '.join(sorted(ALL_HEADERS))}, not {set(unknown)}.")

    @property
    def quota_reset(self) -> str:
        """When the quota starts over, as the API shows it: ``2023-04-15T00:00:00Z``."""
        ends = datetime.fromtimestamp(self.quota.rounded(self.quota.ends), UTC)
        return ends.isoformat().replace("+00:00", "Z")

    def refusal(self, *, uses_quota: bool) -> Answer | None:
        """Count a request: None if it fits, else the 429 to answer."""
        if not self.rate.spend():
            return self._refuse(self.rate, _TOO_MANY, "#MS42903")
        if uses_quota and not self.quota.spend():
            return self._refuse(self.quota, "The daily API quota was used up.", "#MS42901")
        return None

    def headers(self, status: int) -> dict[str, str]:
        """The headers of a response with that status."""
        values = {"x-apiquota-remaining": str(self.quota.remaining), "x-apiquota-reset": self.quota_reset}
        if self._observed and status == 404:
            values.clear()
        if self.rate.most is not None:
            values["x-ratelimit-limit"] = str(self.rate.most)
            values["x-ratelimit-remaining"] = str(self.rate.remaining)
            values["x-ratelimit-reset"] = str(self.rate.rounded(self.rate.ends))
        return {name: value for name, value in values.items() if name in self._sent}

    def _refuse(self, window: Window, message: str, code: str) -> Answer:
        answer = json_answer({"message": message if self._observed else f"{message} {code}"}, 429)
        if "retry-after" in self._sent:
            answer.headers["retry-after"] = str(window.rounded(max(window.ends - window.clock(), 0)))
        return answer
