"""
When to send, wait, retry or give up: written once, for every driver.

A flow is a generator that does no I/O. It yields steps, :class:`Send`, :class:`Wait` and :class:`Progress`, receives
what came of each, and returns its result.
"""

from __future__ import annotations

import random as _random
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from airflow_provider_mailersend.api.answers import Answer, Failure, Outcome, parse_object, parse_quota
from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.pages import WholeList
from airflow_provider_mailersend.api.refusals import check_change, error_from
from airflow_provider_mailersend.api.requests import Request, get_api_quota
from airflow_provider_mailersend.api.throttle import Throttle
from airflow_provider_mailersend.exceptions import (
    MailerSendAmbiguousResultError,
    MailerSendError,
    MailerSendQuotaExhaustedError,
    MailerSendRateLimitError,
    MailerSendUnexpectedAnswerError,
)

#: How often a request is retried after a fault, unless the connection says otherwise.
MAX_RETRIES = 5

#: How long one request may take in all, in seconds, with its waits and retries.
RETRY_TIMEOUT = 600.0

_LONGEST_BACKOFF = 30.0  # seconds; the first is a second at most

# In seconds: less is too short for an attempt, more is too long for some systems' timeouts.
_SHORTEST_ATTEMPT, _LONGEST_ATTEMPT = 1.0, 86_400.0

# In seconds, before checking what a request without a response did: the API may still be processing it behind a
# gateway that gave up, and show the result some seconds later.
_SHORTEST_SETTLING, _LONGEST_SETTLING = 7.0, 60.0

# The status codes that a retry may help with; those from 520 are the CDN's.
_TRANSIENT = frozenset({408, 421, 429, 500, 502, 503, 504, *range(520, 531)})


@dataclass(frozen=True, slots=True)
class Send:
    """Send this request; the flow receives the :data:`Outcome`."""

    request: Request
    timeout: float | None = None  # for the whole exchange, in seconds; None for the connection's

    def limited(self, timeout: float) -> float:
        """Return how long the exchange may take where the connection allows *timeout* seconds."""
        return min(timeout, _LONGEST_ATTEMPT if self.timeout is None else self.timeout)


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until a time, if that isn't past; the flow receives the time then."""

    until: float  # in Unix seconds
    reason: str = ""  # what it waits for, for the log
    request: Request | None = None  # the next one, where it is known
    others_may_send: bool = False  # nothing is in progress, so other jobs may send requests meanwhile


@dataclass(frozen=True, slots=True)
class Progress:
    """Report how far the job is; the flow receives nothing."""

    request: Request  # the last one sent
    done: int  # how many entries were read, added, deleted or changed
    total: int | None = None  # out of how many, where that is known


Step = Send | Wait | Progress
T = TypeVar("T")
Steps = Generator[Step, Any, T]


class Flow:
    """
    The requests of one account, one after another, within its limits.

    :param throttle: the account's limits, as far as they are known.
    :param max_retries: how often a request is retried after a fault; waiting for the rate limit doesn't count.
    :param retry_timeout: how long one request may take in all, in seconds, with its waits and retries.
    :param random: returns a number from 0 up to 1.
    """

    def __init__(
        self,
        throttle: Throttle,
        *,
        max_retries: int = MAX_RETRIES,
        retry_timeout: float = RETRY_TIMEOUT,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self.throttle = throttle
        self.max_retries = max_retries
        self.retry_timeout = retry_timeout
        #: How many requests were sent, retries included.
        self.requests = 0
        #: The domain ids known so far, by the domains' names.
        self.domain_ids: dict[str, str] = {}
        #: When the last request was sent, in Unix seconds of this machine's clock.
        self.sent_at = 0.0
        #: Whether the last page's response said how much of the daily quota is left.
        self.page_told_quota = False
        self._random = random
        # When the last response to a change came, or was given up.
        self._changed_at = 0.0
        self._has_asked_quota = False
        # The lists that have shown to be newest first.
        self._newest_first: set[tuple[str, object]] = set()

    def send(self, request: Request) -> Steps[Answer]:
        """
        Send *request*, with retries where they may help, and return its successful response.

        :raises MailerSendAmbiguousResultError: *request* isn't repeatable and may or may not have been processed.
        :raises MailerSendError: it was refused, or failed until the retries or the time allowed were used up.
        """
        may_be_processed = False
        try:
            faults = 0
            started = yield Wait(0.0, others_may_send=True)
            while True:
                outcome = yield from self._attempt(request, started)
                if isinstance(outcome, Answer):
                    if outcome.ok:
                        return outcome
                    if outcome.status == 429:
                        self.throttle.refused(request, outcome)
                        # One for the daily quota was never observed: it may lack its code, as the observed ones do,
                        # and retrying all day would cost requests.
                        if self.throttle.wants_quota(request):
                            yield from self._ask_quota(request, self._left(started, outcome.at))
                        continue
                error = error_from(request, outcome)
                may_be_processed = may_be_processed or _may_be_processed(outcome)
                if may_be_processed and not request.repeatable:
                    raise ambiguous_result(error)
                if not _is_transient(outcome):
                    raise error
                faults += 1
                until = outcome.at + min(_LONGEST_BACKOFF, 2.0 ** (faults - 1)) * self._random()
                if faults > self.max_retries or until + _SHORTEST_ATTEMPT > started + self.retry_timeout:
                    tried = f"tried {faults} times in {outcome.at - started:.0f} s"
                    error.args = (f"{error.args[0]} It was {tried if faults > 1 else 'not tried again'}.",)
                    raise error
                cause = f"status {outcome.status}" if isinstance(outcome, Answer) else outcome.reason
                yield Wait(until, f"a retry after {cause}", request, others_may_send=True)
        except MailerSendError as error:
            error.may_be_processed = may_be_processed
            if isinstance(error, MailerSendQuotaExhaustedError) and error.retry_at is not None:
                # A job that starts over must see in the lists what it has just changed.
                error.retry_at = max(error.retry_at, self._changed_at + _SHORTEST_SETTLING)
            raise

    def send_change(self, request: Request) -> Steps[None]:
        """Send *request*, whose response body isn't needed, and raise what :func:`check_change` finds in it."""
        answer = yield from self.send(request)
        check_change(request, answer)

    def read_page(self, whole: WholeList) -> Steps[list[Entry]]:
        """Request the next page of *whole* and return its new entries."""
        if whole.request is None:
            return []
        request = whole.request
        which = request.path, request.params.get("domain_id")
        if which in self._newest_first:
            whole.expect_newest_first()
        answer = yield from self.send(request)
        self.page_told_quota = "x-apiquota-remaining" in answer.headers
        entries = whole.read(answer)
        if whole.is_newest_first:
            self._newest_first.add(which)
        else:
            self._newest_first.discard(which)
        yield Progress(request, whole.count, whole.total)
        return entries

    def get(self, request: Request) -> Steps[Entry]:
        answer = yield from self.send(request)
        return parse_object(request, answer)

    def get_quota(self) -> Steps[dict[str, Any]]:
        request = get_api_quota()
        self._has_asked_quota = True
        answer = yield from self.send(request)
        return self._learn_quota(request, answer)

    def settle(
        self,
        reason: str = "requests that an earlier attempt may have sent",
        *,
        times: int = 1,
        took: float = 0.0,
    ) -> Steps[None]:
        """
        Wait until a request without a response is surely processed and shows in lists.

        :param reason: what this waits for, for the log.
        :param times: how many such requests there were in a row.
        :param took: after how many seconds the last of them was given up.
        """
        longer_each_time = _SHORTEST_SETTLING * 2.0 ** min(times - 1, 10)
        now = yield Wait(0.0)
        yield Wait(now + min(_LONGEST_SETTLING, max(longer_each_time, 2 * took)), reason)

    def _attempt(self, request: Request, started: float) -> Steps[Outcome]:
        """Send *request* once, when the limits allow it."""
        if self.throttle.not_before > started + self.retry_timeout:
            raise MailerSendRateLimitError(
                f"The account's rate limit is used up (429), and {request.endpoint} would have to wait longer than "
                f"{self.retry_timeout:g} s. Other tasks use the same account: run this at a quieter time, or run "
                f"fewer tasks at once (with an Airflow pool).{self.throttle.quoted_refusal}",
                endpoint=request.endpoint,
                retry_at=self.throttle.not_before,
            )
        now = yield Wait(self.throttle.not_before, "the rate limit", request)
        if self.throttle.quota_reserve and request.uses_quota and not self._has_asked_quota:
            # Responses say what is left, but the first request must respect the reserve too.
            yield from self._ask_quota(request, self._left(started, now))
            now = yield Wait(0.0)
        self.throttle.check_quota(request, now)
        self.sent_at = now
        outcome: Outcome = yield Send(request, self._left(started, now))
        if request.method != "GET":
            self._changed_at = outcome.at
        self._note(request, outcome)
        return outcome

    def _ask_quota(self, blocked: Request, timeout: float) -> Steps[None]:
        """Check the quota before *blocked* is sent; where the API doesn't say it, *blocked* may be sent."""
        self._has_asked_quota = True
        request = get_api_quota()
        outcome: Outcome = yield Send(request, timeout)
        self._note(request, outcome)
        self.throttle.quota_asked_at = outcome.at
        if isinstance(outcome, Answer) and outcome.status == 429:
            self.throttle.refused(request, outcome)
        elif isinstance(outcome, Answer) and outcome.ok:
            with suppress(MailerSendUnexpectedAnswerError):
                self._learn_quota(request, outcome)
                self.throttle.check_quota(blocked, outcome.at)

    def _note(self, request: Request, outcome: Outcome) -> None:
        self.requests += 1
        if isinstance(outcome, Answer):
            self.throttle.learn(request, outcome)

    def _learn_quota(self, request: Request, answer: Answer) -> dict[str, Any]:
        quota = parse_quota(request, answer)
        self.throttle.learn_quota(quota["remaining"], quota["reset"], answer.at)
        return quota

    def _left(self, started: float, now: float) -> float:
        """Return how long an attempt may take from *now*, where its request began at *started*."""
        return max(started + self.retry_timeout - now, min(_SHORTEST_ATTEMPT, self.retry_timeout))


def ambiguous_result(error: MailerSendError) -> MailerSendAmbiguousResultError:
    """Return what *error* means for a request that must not be sent twice."""
    return MailerSendAmbiguousResultError(str(error), endpoint=error.endpoint)


def _may_be_processed(outcome: Outcome) -> bool:
    if isinstance(outcome, Failure):
        return not outcome.never_sent
    return outcome.status >= 500 or outcome.status == 408


def _is_transient(outcome: Outcome) -> bool:
    if isinstance(outcome, Failure):
        return not outcome.permanent and outcome.status is None
    return outcome.status in _TRANSIENT
