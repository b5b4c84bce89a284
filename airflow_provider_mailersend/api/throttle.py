"""What the limit headers, the 429s and the quota mean: when the next request may be sent, or that none may."""

from __future__ import annotations

import random as _random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from airflow_provider_mailersend.api.answers import Answer
from airflow_provider_mailersend.api.entries import parse_date
from airflow_provider_mailersend.api.pacer import Pacer
from airflow_provider_mailersend.api.refusals import parse_message
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.exceptions import MailerSendQuotaExhaustedError

#: How many requests an account has for each window of so many seconds.
RATE_LIMIT = 60
RATE_WINDOW = 60.0

_QUOTA_CODE = "MS42901"
_RATE_CODE = "MS42903"

#: Clocks nearer to each other than this, in seconds, count as equal: the Date header holds whole seconds.
_SAME_CLOCK = 2.0

#: A clock that is further off than this, in seconds, is no clock: TLS would fail.
_FARTHEST_CLOCK = 86_400.0

#: A header that asks to wait longer than this, in seconds, for the minute's limit is not believed.
LONGEST_WAIT = 3600.0

#: The daily quota comes back within a day, however our clock stands.
_LONGEST_DAY = timedelta(hours=25)

#: After how many windows the quota may be asked for once more, and how much of it need not be doubted, in requests.
_ASK_AGAIN_AFTER = 5
_PLENTY = 10 * RATE_LIMIT

#: A day that ended no longer ago than this ended while the answer was under way: the next has begun.
_JUST_NOW = timedelta(seconds=10)


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
        #: The day's requests that are left, and when they come back; None while unknown or unlimited.
        self.quota_remaining: int | None = None
        self.quota_resets_at: datetime | None = None
        #: How far the API's clock is ahead, in seconds; None while no answer had a Date.
        self.clock_ahead: float | None = None
        self._pacer = Pacer(RATE_LIMIT, window, random)
        self._told_to_wait_until = 0.0
        self._refusals = self._told_refusals = 0
        self._refused_at = 0.0
        self._asked_quota_at: float | None = None
        self._is_unlimited = False

    @property
    def not_before(self) -> float:
        """The moment before which no request should be sent."""
        return max(self._told_to_wait_until, self._pacer.next_at)

    def learn(self, request: Request, answer: Answer) -> None:
        """Take in what *answer* to *request*, of whatever status, tells of the limits."""
        self._learn_clock(answer)
        remaining = _number(answer.headers.get("x-apiquota-remaining"))
        if remaining is not None:
            self.learn_quota(int(remaining), answer.headers.get("x-apiquota-reset"), answer.at)
        elif self.quota_remaining and request.uses_quota and answer.status != 429:
            self.quota_remaining -= 1
        if answer.status == 429:
            return
        self._refusals = self._told_refusals = 0
        self._pacer.accepted(answer.at)
        if _number(answer.headers.get("x-ratelimit-remaining")) == 0:
            opened = self._pacer.oldest(answer.at) or answer.at
            self._wait_until(self._reset_said_by(answer) or opened + self.window)

    def learn_quota(self, remaining: int, resets_at: object, at: float) -> None:
        """Take in that *remaining* requests, -1 meaning any number, are left until *resets_at*."""
        now = datetime.fromtimestamp(at + self._skew, UTC)
        self.quota_remaining = None if remaining < 0 else remaining
        self._is_unlimited = remaining < 0
        said = parse_date(resets_at)
        if said is not None and now - _JUST_NOW < said <= now + _LONGEST_DAY:
            self.quota_resets_at = said
        elif self.quota_resets_at is None or self.quota_resets_at <= now:
            self.quota_resets_at = _next_midnight(now)

    def refused(self, request: Request, answer: Answer) -> None:
        """
        Take in a 429: set :attr:`not_before`.

        :raises MailerSendQuotaExhaustedError: it was the daily quota that ran out, not the minute's limit.
        """
        if _QUOTA_CODE in parse_message(answer):
            self.learn_quota(0, answer.headers.get("x-apiquota-reset"), answer.at)
        if self.quota_remaining == 0 and request.uses_quota:
            raise self._exhausted(request)
        self._refused_at = answer.at
        said = [self._retry_after(answer), self._reset_said_by(answer)]
        credible = [moment for moment in said if moment is not None and moment > answer.at]
        if not credible:
            is_explained = _RATE_CODE in parse_message(answer)
            self._refusals = 0 if is_explained else self._refusals + 1
            self._pacer.refused(answer.at)
            return
        # However short a wait is asked for, refusals in a row lengthen it: each costs a request of the day's.
        self._told_refusals += 1
        least = answer.at + self.window / 1024 * 2.0 ** min(self._told_refusals, 10)
        self._wait_until(max(credible[0], least))

    def wants_quota(self, request: Request) -> bool:
        """Whether to ask for the quota: 429s came in a row and none says why, so it may be the quota that ran out."""
        if self._refusals < 3 or not request.uses_quota or self._is_unlimited:
            return False
        asked_lately = (
            self._asked_quota_at is not None
            and self._refused_at < self._asked_quota_at + _ASK_AGAIN_AFTER * self.window
        )
        is_plenty = self.quota_remaining is not None and self.quota_remaining > _PLENTY
        return not asked_lately and not is_plenty

    def asked_quota(self, at: float) -> None:
        """Take in that the quota was asked for, whatever came of it."""
        self._asked_quota_at = at

    def check_quota(self, request: Request, now: float) -> None:
        """
        Let *request* pass where the day's quota allows it.

        :raises MailerSendQuotaExhaustedError: the quota is used up, down to what is reserved for sending.
        """
        if not request.uses_quota or self.quota_remaining is None or self.quota_resets_at is None:
            return
        if now + self._skew >= self.quota_resets_at.timestamp():
            self.quota_remaining = self.quota_resets_at = None
        elif self.quota_remaining <= self.quota_reserve:
            raise self._exhausted(request)

    @property
    def quota_retry_at(self) -> float | None:
        """When the day's requests come back, in Unix seconds of the asking machine's clock."""
        return self.quota_resets_at.timestamp() - self._skew if self.quota_resets_at is not None else None

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
            retry_at=self.quota_retry_at,
        )

    def _learn_clock(self, answer: Answer) -> None:
        date = _http_date(answer.headers.get("date"))
        if date is not None:
            ahead = date - answer.at
            self.clock_ahead = ahead if abs(ahead) <= _FARTHEST_CLOCK else self.clock_ahead

    @property
    def _skew(self) -> float:
        ahead = self.clock_ahead or 0.0
        return ahead if abs(ahead) > _SAME_CLOCK else 0.0

    def _retry_after(self, answer: Answer) -> float | None:
        said = answer.headers.get("retry-after")
        seconds = _number(said)
        if seconds is not None:
            return _credible(answer.at + seconds, answer.at)
        date = _http_date(said)
        return _credible(date - self._skew, answer.at) if date is not None else None

    def _reset_said_by(self, answer: Answer) -> float | None:
        reset = _number(answer.headers.get("x-ratelimit-reset"))
        return _credible(reset - self._skew, answer.at) if reset is not None else None

    def _wait_until(self, moment: float) -> None:
        self._told_to_wait_until = max(self._told_to_wait_until, moment)


def _credible(moment: float, now: float) -> float | None:
    return moment if moment <= now + LONGEST_WAIT else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and abs(number) < 1e12 else None


def _http_date(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text is not None else None
    except (ValueError, OverflowError):
        return None


def _next_midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
