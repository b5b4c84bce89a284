"""What the limit headers, the 429s and the quota mean: when the next request may be sent, or that none may."""

from __future__ import annotations

import random as _random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from airflow_provider_mailersend.api.answers import Answer
from airflow_provider_mailersend.api.entries import read_moment
from airflow_provider_mailersend.api.errors import MailerSendQuotaExhaustedError, message_of
from airflow_provider_mailersend.api.requests import Request

#: How long the account's 60 requests a minute take to come back, in seconds.
RATE_WINDOW = 60.0

_QUOTA_CODE = "MS42901"

#: Clocks nearer to each other than this, in seconds, count as equal: the Date header holds whole seconds.
_SAME_CLOCK = 2.0


class Throttle:
    """
    What is known of an account's limits, from the answers seen so far.

    Observed answers lack the limit headers, their 429s included, so each is used where it is there and none is
    needed. All moments are Unix seconds of the asking machine's clock.

    :param window: how long the rate limit's window is, in seconds.
    :param quota_reserve: how many of the day's requests to leave to sending.
    :param random: returns a number from 0 up to 1.
    """

    def __init__(
        self,
        *,
        window: float = RATE_WINDOW,
        quota_reserve: int = 0,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self.window = window
        self.quota_reserve = quota_reserve
        #: The moment before which no request should be sent.
        self.not_before = 0.0
        #: The day's requests that are left, and when they come back; None while unknown or unlimited.
        self.quota_remaining: int | None = None
        self.quota_resets_at: datetime | None = None
        #: How far the API's clock is ahead, in seconds; None while no answer had a Date.
        self.clock_ahead: float | None = None
        self._random = random
        self._window_opened: float | None = None
        self._refusals = 0

    def learn(self, request: Request, answer: Answer) -> None:
        """Take in what *answer* to *request*, of whatever status, tells of the limits."""
        self._learn_clock(answer)
        remaining = _number(answer.headers.get("x-apiquota-remaining"))
        if remaining is not None:
            self.learn_quota(int(remaining), answer.headers.get("x-apiquota-reset"), answer.at)
        if answer.status == 429 or not request.uses_quota:
            return
        self._refusals = 0
        if self._window_opened is None or answer.at >= self._window_opened + self.window:
            self._window_opened = answer.at
        if _number(answer.headers.get("x-ratelimit-remaining")) == 0:
            self.not_before = max(self.not_before, self._reset_said_by(answer) or 0.0)

    def learn_quota(self, remaining: int, resets_at: object, at: float) -> None:
        """Take in that *remaining* requests, -1 meaning any number, are left until *resets_at*."""
        now = datetime.fromtimestamp(at, UTC)
        self.quota_remaining = None if remaining < 0 else remaining
        said = read_moment(resets_at)
        self.quota_resets_at = said if said is not None and said > now else _next_midnight(now)

    def refused(self, request: Request, answer: Answer) -> None:
        """
        Take in a 429: set :attr:`not_before`.

        :raises MailerSendQuotaExhaustedError: it was the day's quota that ran out, not the minute's limit.
        """
        if _QUOTA_CODE in message_of(answer):
            self.learn_quota(0, answer.headers.get("x-apiquota-reset"), answer.at)
        if self.quota_remaining == 0:
            raise self._exhausted(request)
        self._refusals += 1
        said = (_retry_after(answer), self._reset_said_by(answer), self._window_end())
        ahead = [moment for moment in said if moment is not None and moment > answer.at]
        self.not_before = max(self.not_before, ahead[0] if ahead else self._backoff(answer))

    @property
    def keeps_refusing(self) -> bool:
        """Whether 429s came in a row, so that more than the minute's limit may be behind them."""
        return self._refusals == 2

    def check_quota(self, request: Request, now: float) -> None:
        """
        Let *request* pass where the day's quota allows it.

        :raises MailerSendQuotaExhaustedError: the quota is used up, down to what is reserved for sending.
        """
        if not request.uses_quota or self.quota_remaining is None or self.quota_resets_at is None:
            return
        if now >= self.quota_resets_at.timestamp():
            self.quota_remaining = self.quota_resets_at = None
        elif self.quota_remaining <= self.quota_reserve:
            raise self._exhausted(request)

    def _exhausted(self, request: Request) -> MailerSendQuotaExhaustedError:
        until = self.quota_resets_at
        left = (
            f"{self.quota_remaining} requests are left, and {self.quota_reserve} are reserved for sending"
            if self.quota_remaining
            else "the account's requests of the day are used up"
        )
        when = f"{until:%Y-%m-%d %H:%M:%S} UTC" if until else "midnight UTC"
        return MailerSendQuotaExhaustedError(
            f"{request.endpoint} was not done: {left}. The next day's requests begin at {when}.",
            endpoint=request.endpoint,
            resets_at=until,
        )

    def _learn_clock(self, answer: Answer) -> None:
        date = _http_date(answer.headers.get("date"))
        if date is not None:
            self.clock_ahead = date - answer.at

    def _reset_said_by(self, answer: Answer) -> float | None:
        reset = _number(answer.headers.get("x-ratelimit-reset"))
        if reset is None:
            return None
        ahead = self.clock_ahead or 0.0
        return reset if abs(ahead) <= _SAME_CLOCK else reset - ahead

    def _window_end(self) -> float | None:
        """
        Return when the window must have ended, once for each window.

        A window begins with the first request after the last one's end: ours, or one that others sent earlier.
        """
        if self._window_opened is None:
            return None
        end = self._window_opened + self.window * (1 + 0.01 * self._random())
        self._window_opened = None
        return end

    def _backoff(self, answer: Answer) -> float:
        longest = min(self.window, self.window / 60 * 2.0**self._refusals)
        return answer.at + longest * self._random()


def _retry_after(answer: Answer) -> float | None:
    said = answer.headers.get("retry-after")
    seconds = _number(said)
    if seconds is not None:
        return answer.at + max(seconds, 0.0)
    return _http_date(said)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and abs(number) < 1e12 else None


def _http_date(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text is not None else None
    except ValueError:
        return None


def _next_midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
