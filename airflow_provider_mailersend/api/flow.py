"""
When to send, wait, send again or give up: written once, for every driver.

A flow is a generator that does no I/O. It yields a :class:`Send` and is handed what came of it, or a
:class:`Wait` and is handed the time. Its result is what it returns.
"""

from __future__ import annotations

import random as _random
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from airflow_provider_mailersend.api.answers import (
    Answer,
    Failure,
    Outcome,
    parse_object,
    parse_quota,
    unexpected_answer,
)
from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.pages import Pager
from airflow_provider_mailersend.api.refusals import error_from, error_in_success, parse_message
from airflow_provider_mailersend.api.requests import Request, get_api_quota
from airflow_provider_mailersend.api.throttle import Throttle
from airflow_provider_mailersend.api.whole_list import WholeList
from airflow_provider_mailersend.exceptions import (
    MailerSendAmbiguousResultError,
    MailerSendError,
    MailerSendRateLimitError,
    MailerSendUnexpectedAnswerError,
)

#: How often a request is repeated after a fault, unless the connection says otherwise.
MAX_RETRIES = 5

#: How long one request may take in all, its waits and repeats included, in seconds.
RETRY_TIMEOUT = 600.0

#: The longest wait after a fault, in seconds; the first is a second at most.
_LONGEST_BACKOFF = 30.0

#: Less than this, in seconds, is no time for another try. More than that no system's time-outs can hold.
_SHORTEST_TRY = 1.0
_LONGEST_TRY = 86_400.0
#: How long a request that got no answer is given at the least, and at the most, before looking what it did: the API
#: may be at work on it behind a gateway that gave up, and show what it did some seconds after that.
_SHORTEST_SETTLING = 7.0
_LONGEST_SETTLING = 60.0

#: The answers after which a request that is repeatable may be repeated; those from 520 are the CDN's own.
_PASSING = frozenset({408, 421, 429, 500, 502, 503, 504, *range(520, 531)})


@dataclass(frozen=True, slots=True)
class Send:
    """
    Wanted: this request sent. Handed back: the :data:`Outcome`.

    :param timeout: how long that may take at most, in seconds; None for as long as the connection allows.
    """

    request: Request
    timeout: float | None = None

    def limited(self, timeout: float) -> float:
        """Return how long it may take where the connection allows *timeout* seconds."""
        return min(timeout, _LONGEST_TRY if self.timeout is None else self.timeout)


@dataclass(frozen=True, slots=True)
class Wait:
    """
    Wanted: a pause until *until*, in Unix seconds; none where that is past. Handed back: the time then.

    :param reason: what is waited for.
    :param request: what is to be sent then, where it is known.
    :param others_may_send: whether nothing is under way, so that other work may send its requests meanwhile.
    """

    until: float
    reason: str = ""
    request: Request | None = None
    others_may_send: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """
    Reported: how far the job is that yields it. Handed back: nothing.

    :param request: what it has sent last.
    :param done: how many entries it has read, added, deleted or changed.
    :param total: of how many; None where that is not known.
    """

    request: Request
    done: int
    total: int | None = None


Step = Send | Wait | Progress
T = TypeVar("T")
Steps = Generator[Step, Any, T]


def drive(steps: Steps[T], perform: Callable[[Step], Any]) -> T:
    """Run *steps* to their end, each step done by *perform*, and return their result."""
    try:
        step = next(steps)
        while True:
            step = steps.send(perform(step))
    except StopIteration as end:
        result: T = end.value
        return result


async def drive_async(steps: Steps[T], perform: Callable[[Step], Awaitable[Any]]) -> T:
    """Run *steps* to their end, each step done by *perform*, and return their result."""
    try:
        step = next(steps)
        while True:
            step = steps.send(await perform(step))
    except StopIteration as end:
        result: T = end.value
        return result


class Flow:
    """
    One account's requests, one after another, within its limits.

    :param throttle: what is known of the account's limits.
    :param max_retries: how often a request is repeated after a fault. Waiting for the limit does not count.
    :param retry_timeout: how long one request may take in all, its waits and repeats included, in seconds.
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
        #: How many requests have been sent, repeats included.
        self.requests = 0
        #: The ids of the account's domains that are known so far, by their names.
        self.domain_ids: dict[str, str] = {}
        #: When the last one was sent, in Unix seconds of the asking machine's clock.
        self.sent_at = 0.0
        #: Whether the last page that was read told how many of the day's requests are left.
        self.page_told_quota = False
        self._random = random
        # What the API said in its last 429, until a request is accepted.
        self._refusal = ""
        self._has_asked_quota = False
        # The lists that have shown to be newest first.
        self._newest_first: set[tuple[str, object]] = set()

    def send(self, request: Request) -> Steps[Answer]:
        """
        Send *request*, again where that may help, and return the answer of its success.

        :raises MailerSendAmbiguousResultError: *request* is not repeatable and may or may not have been processed.
        :raises MailerSendError: it cannot be done, or not within the retries and the time allowed.
        """
        may_be_processed = False
        try:
            faults = 0
            started = yield Wait(0.0, others_may_send=True)
            while True:
                self._check_wait(request, started)
                now = yield Wait(self.throttle.not_before, "the rate limit", request)
                if self.throttle.quota_reserve and request.uses_quota and not self._has_asked_quota:
                    # Answers tell what is left, but the first request too is to leave what is reserved.
                    yield from self._ask_quota(request, self._left(started, now))
                    now = yield Wait(0.0)
                self.throttle.check_quota(request, now)
                self.sent_at = now
                outcome: Outcome = yield Send(request, self._left(started, now))
                self.requests += 1
                if isinstance(outcome, Answer):
                    self.throttle.learn(request, outcome)
                    if outcome.ok:
                        self._refusal = ""
                        return outcome
                    if outcome.status == 429:
                        self._refusal = parse_message(outcome)
                        self.throttle.refused(request, outcome)
                        # A 429 for the daily quota was never observed: it may lack its code, as those for the
                        # minute do, and waiting on for a whole day is not free.
                        if self.throttle.wants_quota(request):
                            yield from self._ask_quota(request, self._left(started, outcome.at))
                        continue
                error = error_from(request, outcome)
                may_be_processed = may_be_processed or _may_be_processed(outcome)
                if may_be_processed and not request.repeatable:
                    raise ambiguous_result(error)
                if not _may_pass(outcome):
                    raise error
                faults += 1
                until = outcome.at + self.backoff(faults)
                if faults > self.max_retries or until + _SHORTEST_TRY > started + self.retry_timeout:
                    raise _after_retries(error, faults, outcome.at - started)
                yield Wait(until, f"a retry after {_what(outcome)}", request, others_may_send=True)
        except MailerSendError as error:
            error.may_be_processed = may_be_processed
            raise

    def send_change(self, request: Request) -> Steps[None]:
        """
        Send *request*, whose answer holds nothing of interest.

        :raises MailerSendValidationError: the answer is a success with errors in its body.
        :raises MailerSendUnexpectedAnswerError: the answer is a page of whatever stands in front of the API.
        """
        answer = yield from self.send(request)
        try:
            if answer.body.strip():
                answer.json()
        except ValueError:
            raise unexpected_answer(request, answer, "a body that is no JSON") from None
        if (refusal := error_in_success(request, answer)) is not None:
            raise refusal

    def read_page(self, pager: Pager | WholeList) -> Steps[list[Entry]]:
        """Ask for the next page of *paging* and return what is new on it."""
        if pager.request is None:
            return []
        request = pager.request
        which = request.path, request.params.get("domain_id")
        if which in self._newest_first:
            pager.expect_newest_first()
        answer = yield from self.send(request)
        self.page_told_quota = "x-apiquota-remaining" in answer.headers
        entries = pager.read(answer)
        if pager.is_newest_first:
            self._newest_first.add(which)
        else:
            self._newest_first.discard(which)
        yield Progress(request, pager.count, pager.total)
        return entries

    def get(self, request: Request) -> Steps[Entry]:
        """Ask for one thing and return it."""
        answer = yield from self.send(request)
        return parse_object(request, answer)

    def get_quota(self) -> Steps[dict[str, Any]]:
        """Ask what is left of the day's requests, take note of it and return it."""
        request = get_api_quota()
        self._has_asked_quota = True
        answer = yield from self.send(request)
        quota = parse_quota(request, answer)
        self.throttle.learn_quota(quota["remaining"], quota["reset"], answer.at)
        return quota

    def backoff(self, faults: int) -> float:
        """Return how long to wait after so many faults in a row, in seconds."""
        return min(_LONGEST_BACKOFF, 2.0 ** (faults - 1)) * self._random()

    def settling(self, times: int, took: float) -> float:
        """
        Return how long to wait before looking what a request that got no answer did, in seconds.

        :param times: how many in a row got none.
        :param took: how long it took until that was clear, in seconds.
        """
        longer_each_time = _SHORTEST_SETTLING * 2.0 ** min(times - 1, 10)
        return min(_LONGEST_SETTLING, max(longer_each_time, 2 * took))

    def settle(self) -> Steps[None]:
        """Wait until what an earlier run of the same job may have sent before it was killed is done and shown."""
        now = yield Wait(0.0)
        yield Wait(now + self.settling(1, 0.0), "what an earlier try may have sent")

    def _check_wait(self, request: Request, started: float) -> None:
        if self.throttle.not_before > started + self.retry_timeout:
            said = f' MailerSend said: "{self._refusal}"' if self._refusal else ""
            raise MailerSendRateLimitError(
                f"{request.endpoint} was not done: the account's requests a minute are used up (429), and waiting "
                f"for more would take longer than {self.retry_timeout:g} s. Others use the same account: run this "
                f"at a quieter time, or let fewer tasks run at once (an Airflow pool does that).{said}",
                endpoint=request.endpoint,
                retry_at=self.throttle.not_before,
            )

    def _ask_quota(self, wanted: Request, timeout: float) -> Steps[None]:
        """Ask whether the day's requests allow *wanted*, which is free; where that is not told, they may."""
        self._has_asked_quota = True
        request = get_api_quota()
        outcome: Outcome = yield Send(request, timeout)
        self.requests += 1
        self.throttle.asked_quota(outcome.at)
        if not isinstance(outcome, Answer):
            return
        self.throttle.learn(request, outcome)
        if outcome.status == 429:
            self.throttle.refused(request, outcome)
        if not outcome.ok:
            return
        try:
            quota = parse_quota(request, outcome)
        except MailerSendUnexpectedAnswerError:
            return
        self.throttle.learn_quota(quota["remaining"], quota["reset"], outcome.at)
        self.throttle.check_quota(wanted, outcome.at)

    def _left(self, started: float, now: float) -> float:
        """Return how long a try may take that begins now, for a request that *started* then."""
        return max(started + self.retry_timeout - now, min(_SHORTEST_TRY, self.retry_timeout))


def ambiguous_result(error: MailerSendError) -> MailerSendAmbiguousResultError:
    """Return what *error* means for a request that must not be done twice."""
    return MailerSendAmbiguousResultError(str(error), endpoint=error.endpoint)


def _may_be_processed(outcome: Outcome) -> bool:
    if isinstance(outcome, Failure):
        return not outcome.never_sent
    return outcome.status >= 500 or outcome.status == 408


def _may_pass(outcome: Outcome) -> bool:
    if isinstance(outcome, Failure):
        return not outcome.permanent and outcome.status is None
    return outcome.status in _PASSING


def _what(outcome: Outcome) -> str:
    return f"status {outcome.status}" if isinstance(outcome, Answer) else outcome.reason


def _after_retries(error: MailerSendError, faults: int, seconds: float) -> MailerSendError:
    tried = f"It was tried {faults} times in {seconds:.0f} s." if faults > 1 else "It was not tried again."
    error.args = (f"{error.args[0]} {tried}",)
    return error
