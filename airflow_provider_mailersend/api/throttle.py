"""What rate-limit headers, 429s and the quota mean: when the next request may be sent, or that none may."""

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

#: The rate limit: how many requests an account may send per window, and how long that is, in seconds.
RATE_LIMIT = 60
RATE_WINDOW = 60.0

_QUOTA_CODE = "MS42901"
_RATE_CODE = "MS42903"

_SAME_CLOCK = 2.0  # seconds; clocks this close count as equal, because the Date header has whole seconds
_FARTHEST_CLOCK = 86_400.0  # seconds; a Date header further off is ignored: TLS would fail with such a clock
_LONGEST_WAIT = 3600.0  # seconds; a header that asks for a longer wait is ignored
_LONGEST_DAY = timedelta(hours=25)  # a quota reset further away is ignored
_JUST_NOW = timedelta(seconds=10)  # a quota reset this long ago happened while the response was on its way

_ASK_AGAIN_AFTER = 5  # windows, until the quota may be requested again
_PLENTY = 10 * RATE_LIMIT  # with more requests left than this, the quota cannot be the reason for 429s


class Throttle:
    """
    The limits of an account, as far as responses have shown them.

    Observed responses lack the rate-limit headers, even those with status 429: each header is used where it is present,
    and none is needed. All times are Unix seconds of this machine's clock.

    :param window: how long the rate limit's window is, in seconds.
    :param quota_reserve: how many requests of the daily quota to leave for sending.
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
        #: What is left of the daily quota, and when it resets; None while unknown, or unlimited.
        self.quota_remaining: int | None = None
        self.quota_resets_at: datetime | None = None
        #: When it resets by this machine's clock, in Unix seconds.
        self.quota_retry_at: float | None = None
        #: The API's message of the last 429, until a request is accepted.
        self.refusal = ""
        #: How far the API's clock is ahead, in seconds; None until a response has a Date header.
        self.clock_ahead: float | None = None
        #: When the quota was last requested because of 429s, whatever the response.
        self.quota_asked_at: float | None = None
        self._pacer = Pacer(RATE_LIMIT, window, random)
        self._wait_until = 0.0
        # The 429s in a row: those that gave no reason, and those that said how long to wait.
        self._unexplained = self._timed = 0
        self._refused_at = 0.0
        self._is_unlimited = False

    @property
    def not_before(self) -> float:
        """When the next request may be sent."""
        return max(self._wait_until, self._pacer.next_at)

    def learn(self, request: Request, answer: Answer) -> None:
        """Note what a response, whatever its status, shows of the limits."""
        date = _http_date(answer.headers.get("date"))
        if date is not None and abs(date - answer.at) <= _FARTHEST_CLOCK:
            self.clock_ahead = date - answer.at
        remaining = _number(answer.headers.get("x-apiquota-remaining"))
        if remaining is not None:
            self.learn_quota(int(remaining), answer.headers.get("x-apiquota-reset"), answer.at)
        elif self.quota_remaining and request.uses_quota and answer.status != 429:
            self.quota_remaining -= 1
        if answer.status == 429:
            return
        self._unexplained = self._timed = 0
        if request.uses_quota:
            self.refusal = ""
        self._pacer.accepted(answer.at)
        if _number(answer.headers.get("x-ratelimit-remaining")) == 0:
            window_began = self._pacer.oldest(answer.at) or answer.at
            self._extend_wait(self._reset_header(answer) or window_began + self.window)

    def learn_quota(self, remaining: int, resets_at: object, at: float) -> None:
        """Note that *remaining* requests are left until *resets_at*; -1 means unlimited."""
        now = datetime.fromtimestamp(at + self._skew, UTC)
        self.quota_remaining = None if remaining < 0 else remaining
        self._is_unlimited = remaining < 0
        moment = parse_date(resets_at)
        if moment is None or not now - _JUST_NOW < moment <= now + _LONGEST_DAY:
            if self.quota_retry_at is not None and self.quota_retry_at > at:
                return
            moment = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        self.quota_resets_at = moment
        # By the API's clock as it is now: by a later Date header, it could be two days away.
        self.quota_retry_at = moment.timestamp() - self._skew

    def refused(self, request: Request, answer: Answer) -> None:
        """
        Handle a 429: postpone :attr:`not_before`.

        :raises MailerSendQuotaExhaustedError: it means the daily quota, not the rate limit.
        """
        message = self.refusal = parse_message(answer.json_object)
        if _QUOTA_CODE in message:
            self.learn_quota(0, answer.headers.get("x-apiquota-reset"), answer.at)
        if self.quota_remaining == 0 and request.uses_quota:
            raise self._exhausted(request)
        self._refused_at = answer.at
        moments = self._retry_after_header(answer), self._reset_header(answer)
        until = next((moment for moment in moments if moment is not None and moment > answer.at), None)
        if until is None:
            self._unexplained = 0 if _RATE_CODE in message else self._unexplained + 1
            self._pacer.refused(answer.at)
            return
        # However short the wait asked for is, 429s in a row lengthen it: each counts against the daily quota.
        self._timed += 1
        self._extend_wait(max(until, answer.at + self.window / 1024 * 2.0 ** min(self._timed, 10)))

    def wants_quota(self, request: Request) -> bool:
        """Whether to request the quota: after several unexplained 429s in a row, it may be used up."""
        if self._unexplained < 3 or not request.uses_quota or self._is_unlimited:
            return False
        again_at = (self.quota_asked_at or float("-inf")) + _ASK_AGAIN_AFTER * self.window
        is_plenty = self.quota_remaining is not None and self.quota_remaining > _PLENTY
        return self._refused_at >= again_at and not is_plenty

    def check_quota(self, request: Request, now: float) -> None:
        """
        Check that the daily quota allows *request*.

        :raises MailerSendQuotaExhaustedError: the quota is used up, or down to the reserve.
        """
        if not request.uses_quota or self.quota_remaining is None or self.quota_retry_at is None:
            return
        if now >= self.quota_retry_at:
            self.quota_remaining = self.quota_resets_at = self.quota_retry_at = None
        elif self.quota_remaining <= self.quota_reserve:
            raise self._exhausted(request)

    def _exhausted(self, request: Request) -> MailerSendQuotaExhaustedError:
        cause = "The account's daily quota is used up"
        if self.quota_remaining:
            cause = (
                f"The account's daily quota is down to the reserve: {self.quota_remaining} requests are left, and "
                f"{self.quota_reserve} are reserved for sending"
            )
        return MailerSendQuotaExhaustedError(
            f"{cause}. {request.endpoint} was not sent. The quota resets at "
            f"{self.quota_resets_at:%Y-%m-%d %H:%M:%S} UTC.{self.quoted_refusal}",
            endpoint=request.endpoint,
            resets_at=self.quota_resets_at,
            retry_at=self.quota_retry_at,
        )

    @property
    def quoted_refusal(self) -> str:
        """The API's message of the last 429 as a sentence for an error; empty where there is none."""
        return f' MailerSend said: "{self.refusal}"' if self.refusal else ""

    @property
    def _skew(self) -> float:
        ahead = self.clock_ahead or 0.0
        return ahead if abs(ahead) > _SAME_CLOCK else 0.0

    def _retry_after_header(self, answer: Answer) -> float | None:
        header = answer.headers.get("retry-after")
        seconds, date = _number(header), _http_date(header)
        if seconds is not None:
            return _credible(answer.at + seconds, answer)
        return _credible(date - self._skew, answer) if date is not None else None

    def _reset_header(self, answer: Answer) -> float | None:
        reset = _number(answer.headers.get("x-ratelimit-reset"))
        return _credible(reset - self._skew, answer) if reset is not None else None

    def _extend_wait(self, until: float) -> None:
        self._wait_until = max(self._wait_until, until)


def _credible(moment: float, answer: Answer) -> float | None:
    return moment if moment <= answer.at + _LONGEST_WAIT else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if abs(number) < 1e12 else None


def _http_date(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text or "").timestamp()
    except (ValueError, OverflowError):
        return None
