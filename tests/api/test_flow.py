from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest

from airflow_provider_mailersend.api.answers import Answer, Failure, Outcome
from airflow_provider_mailersend.api.flow import RETRY_TIMEOUT, Flow, Send, Step, Wait
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.api.throttle import Throttle
from airflow_provider_mailersend.exceptions import (
    MailerSendAmbiguousResultError,
    MailerSendConnectionError,
    MailerSendError,
    MailerSendRateLimitError,
    MailerSendRequestError,
    MailerSendServerError,
    MailerSendUnexpectedAnswerError,
    MailerSendValidationError,
)
from tests.feeding.driving import drive_async
from tests.feeding.samples import CODELESS, DELETE, FINE, GET, POST, PUT, any_method
from tests.feeding.script import (
    NOON,
    Script,
    Server,
    answer,
    flow,
    lost,
    page,
    refusal,
    timed_out,
    unreachable,
)

repeatable = pytest.mark.parametrize("request_", [GET, PUT, DELETE], ids=lambda request: request.method)


@any_method
@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_success_is_returned_after_one_request(request_: Request, status: int) -> None:
    script, sender = Script(answer(status)), flow()
    assert script.run(sender.send(request_)) == Answer(status, at=NOON)
    assert script.sent == [request_]
    assert script.pauses == []
    assert (sender.requests, sender.sent_at) == (1, NOON)


@repeatable
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lost(), id="lost"),
        pytest.param(timed_out(), id="timed out"),
        pytest.param(unreachable(), id="refused"),
        *[pytest.param(answer(status), id=str(status)) for status in (408, 421, 500, 502, 503, 504)],
        pytest.param(answer(429, headers={"retry-after": "1"}), id="429"),
    ],
)
def test_what_may_be_repeated_is_repeated_after_a_fault(request_: Request, fault: Outcome | Server) -> None:
    script = Script(fault, FINE)
    assert script.run(flow().send(request_)).status == 200
    assert script.sent == [request_, request_]
    assert len(script.pauses) == 1


@any_method
@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 405, 409, 413, 422])
def test_what_is_wrong_for_good_is_never_repeated(request_: Request, status: int) -> None:
    script = Script(answer(status))
    with pytest.raises(MailerSendError) as caught:
        script.run(flow().send(request_))
    assert caught.value.status == status
    assert len(script.sent) == 1


@pytest.mark.parametrize("status", [421, 429])
def test_an_addition_that_was_turned_away_is_repeated(status: int) -> None:
    script = Script(answer(status, headers={"retry-after": "1"}), answer(201))
    assert script.run(flow().send(POST)).status == 201
    assert script.sent == [POST, POST]


def test_an_addition_that_never_left_is_repeated() -> None:
    script = Script(unreachable(), unreachable(), answer(201))
    assert script.run(flow().send(POST)).status == 201


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(lost(), id="lost"),
        pytest.param(timed_out(), id="timed out"),
        *[
            pytest.param(answer(status, b"<html>"), id=str(status))
            for status in (408, 500, 501, 502, 503, 504, 505, 520, 521, 522, 524, 527, 530)
        ],
    ],
)
def test_an_addition_with_an_ambiguous_result_is_not_repeated(fault: Outcome | Server) -> None:
    script = Script(fault)
    with pytest.raises(MailerSendAmbiguousResultError) as caught:
        script.run(flow().send(POST))
    assert caught.value.endpoint == "POST /suppressions/blocklist"
    assert len(script.sent) == 1


def test_an_addition_that_was_turned_away_and_then_lost_has_an_ambiguous_result() -> None:
    script = Script(answer(421), unreachable(), lost())
    with pytest.raises(MailerSendAmbiguousResultError):
        script.run(flow().send(POST))


@pytest.mark.parametrize("max_retries", [0, 1, 5])
def test_a_fault_is_given_as_many_tries_as_allowed(max_retries: int) -> None:
    script = Script(server=lambda request, script: answer(503, b"<html>"))
    with pytest.raises(MailerSendServerError) as caught:
        script.run(flow(max_retries=max_retries).send(GET))
    assert len(script.sent) == max_retries + 1
    tried = f"tried {max_retries + 1} times" if max_retries else "not tried again"
    assert tried in str(caught.value)
    assert "GET /recipients answered 503" in str(caught.value)


def test_a_connection_that_stays_lost_is_told_as_such() -> None:
    script = Script(server=lambda request, script: lost())
    with pytest.raises(MailerSendConnectionError, match=r"connection reset\. It was tried 6 times"):
        script.run(flow().send(GET))


def test_a_request_takes_no_longer_than_allowed() -> None:
    script = Script(server=timed_out(30.0))
    with pytest.raises(MailerSendConnectionError):
        script.run(flow(max_retries=1000, retry_timeout=100.0).send(GET))
    assert script.now <= NOON + 100 + 30
    assert len(script.sent) == 4


@pytest.mark.parametrize("random_", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize(
    ("retry_timeout", "timeout"), [(100.0, 30.0), (100.0, 99.5), (5.0, 30.0), (0.3, 30.0)]
)
def test_all_tries_together_take_no_longer_than_allowed(
    random_: float, retry_timeout: float, timeout: float
) -> None:
    class Silent(Script):
        def perform(self, step: Step) -> Any:
            outcome = super().perform(step)
            if isinstance(step, Send):
                self.now += step.limited(timeout)
                outcome = replace(outcome, at=self.now)
            return outcome

    script = Silent(server=lambda request, script: lost("timed out"))
    with pytest.raises(MailerSendConnectionError, match="timed out"):
        script.run(flow(random=random_, max_retries=1000, retry_timeout=retry_timeout).send(GET))
    assert script.now <= NOON + retry_timeout
    assert script.now > NOON + retry_timeout - 32


def test_a_failure_that_a_setting_must_mend_is_not_tried_again() -> None:
    script = Script(Failure("no such proxy", never_sent=True, permanent=True))
    with pytest.raises(MailerSendConnectionError, match="no such proxy") as caught:
        script.run(flow().send(GET))
    assert caught.value.permanent


def test_a_body_that_cannot_be_read_is_not_asked_for_again() -> None:
    script = Script(Failure("a body larger than 32 MiB", status=200))
    with pytest.raises(MailerSendUnexpectedAnswerError, match="answered 200 with a body larger than 32 MiB"):
        script.run(flow().send(GET))


def test_a_post_whose_answer_cannot_be_read_may_be_done() -> None:
    script = Script(Failure("a body larger than 32 MiB", status=201))
    with pytest.raises(MailerSendAmbiguousResultError, match="answered 201 with a body larger than 32 MiB"):
        script.run(flow().send(POST))


def test_the_time_allowed_is_counted_from_each_requests_beginning() -> None:
    script, sender = Script(timed_out(60.0), FINE, timed_out(60.0), FINE), flow(retry_timeout=100.0)
    script.run(sender.send(GET))
    script.run(sender.send(GET))
    assert script.left == 0


@pytest.mark.parametrize(
    ("random_", "pauses"),
    [
        (0.0, []),
        (0.5, [0.5, 1, 2, 4, 8, 15, 15, 15]),
        (1.0, [1, 2, 4, 8, 16, 30, 30, 30]),
    ],
)
def test_faults_are_waited_out_exponentially_with_full_jitter(random_: float, pauses: list[float]) -> None:
    script = Script(*[answer(500)] * 8, FINE)
    script.run(flow(random=random_, max_retries=8).send(GET))
    assert script.pauses == pytest.approx(pauses)
    assert all("a retry after status 500" in reason for reason in script.reasons)


def test_waiting_for_the_limit_is_no_fault() -> None:
    script = Script(*[answer(429, headers={"retry-after": "5"}), FINE] * 4, server=lambda *_: FINE)
    sender = flow(max_retries=0)
    for _ in range(4):
        script.run(sender.send(GET))
    assert script.pauses == pytest.approx([5] * 4)


@any_method
def test_a_429_is_waited_out_as_it_says(request_: Request) -> None:
    script = Script(answer(429, headers={"retry-after": "17"}), FINE)
    script.run(flow().send(request_))
    assert script.pauses == pytest.approx([17])
    assert script.reasons == ["the rate limit"]


def test_a_429_is_waited_out_until_its_date() -> None:
    script = Script(answer(429, headers={"retry-after": formatdate(NOON + 25, usegmt=True)}), FINE)
    script.run(flow().send(GET))
    assert script.pauses == pytest.approx([25])


def test_the_wait_for_one_request_holds_for_the_next() -> None:
    reset = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOON + 40))}
    script, sender = Script(answer(200, {"data": []}, reset), FINE), flow()
    script.run(sender.send(GET))
    assert script.pauses == []
    script.run(sender.send(DELETE))
    assert script.pauses == pytest.approx([40])
    assert sender.requests == 2


def test_a_limit_that_lasts_longer_than_allowed_is_an_error_that_says_when() -> None:
    script = Script(answer(429, headers={"retry-after": "3600"}))
    with pytest.raises(MailerSendRateLimitError, match="longer than 600 s") as caught:
        script.run(flow().send(GET))
    assert caught.value.retry_at == NOON + 3600
    assert not caught.value.permanent
    assert script.pauses == []


def test_a_limit_that_lasts_too_long_is_told_in_the_api_s_own_words() -> None:
    said = "You cannot create a resource at the moment. Please wait a while before retrying."
    script = Script(answer(429, {"message": said}, {"retry-after": "3600"}))
    with pytest.raises(MailerSendRateLimitError) as caught:
        script.run(flow().send(GET))
    assert str(caught.value).endswith(f'MailerSend said: "{said}"')


def test_what_a_429_said_is_forgotten_once_a_request_is_accepted() -> None:
    sender = flow()
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOON) + 3600)}
    Script(answer(429, {"message": "Wait."}), answer(200, {}, headers)).run(sender.send(GET))
    with pytest.raises(MailerSendRateLimitError) as caught:
        Script().run(sender.send(GET))
    assert "Wait." not in str(caught.value)


def test_a_limit_that_is_already_known_is_not_waited_for_longer_than_allowed() -> None:
    script, sender = Script(answer(429, headers={"retry-after": "3600"}), server=lambda *_: FINE), flow()
    for _ in range(2):
        with pytest.raises(MailerSendRateLimitError):
            script.run(sender.send(GET))
    assert sum(script.pauses) <= 600


@pytest.mark.parametrize("reset", ["9999999999", "1e11", f"{NOON + 86400:.0f}"])
def test_garbage_for_the_reset_of_a_window_used_up_is_not_waited_for(reset: str) -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
    script, sender = Script(answer(200, headers=headers), server=lambda *_: FINE), flow()
    script.run(sender.send(GET))
    with suppress(MailerSendRateLimitError):
        script.run(sender.send(GET))
    assert sum(script.pauses) <= 600


def test_429s_without_end_are_given_up_in_time() -> None:
    script = Script(server=lambda *_: CODELESS)
    with pytest.raises(MailerSendRateLimitError):
        script.run(flow(random=0.9).send(GET))
    assert script.now <= NOON + 600
    assert len(script.sent) < 40


@pytest.mark.parametrize(
    ("first", "may_be_processed"),
    [(lost(), True), (answer(503), True), (answer(421), False), (unreachable(), False)],
)
def test_an_error_tells_whether_an_earlier_attempt_may_be_processed(
    first: Outcome, may_be_processed: bool
) -> None:
    script = Script(first, refusal({"ids.0": ["The selected ids.0 is invalid."]}))
    with pytest.raises(MailerSendValidationError) as caught:
        script.run(flow().send(DELETE))
    assert caught.value.may_be_processed is may_be_processed


def test_the_errors_of_another_request_are_not_carried_over() -> None:
    sender = flow()
    Script(lost(), FINE).run(sender.send(DELETE))
    with pytest.raises(MailerSendRequestError) as caught:
        Script(answer(404, {"message": "Resource not found."})).run(sender.send(DELETE))
    assert not caught.value.may_be_processed


def test_one_thing_is_read_from_its_answer() -> None:
    assert Script(answer(200, {"data": {"id": "r1"}})).run(flow().get(GET)) == {"id": "r1"}
    with pytest.raises(MailerSendUnexpectedAnswerError):
        Script(answer(200, b"<html>")).run(flow().get(GET))


def test_steps_are_driven_alike_by_async_code() -> None:
    script, sender = Script(answer(503), page({"id": "a"})), flow()

    async def perform(step: Step) -> Any:
        return script.perform(step)

    assert asyncio.run(drive_async(sender.send(GET), perform)).status == 200
    assert script.sent == [GET, GET]


def test_nothing_is_sent_before_the_steps_are_driven() -> None:
    sender = flow()
    steps = sender.send(GET)
    next(steps)
    assert sender.requests == 0
    assert steps.send(NOON) == Wait(0.0, "the rate limit", GET)
    assert steps.send(NOON) == Send(GET, timeout=RETRY_TIMEOUT)


class Limit:
    """
    Sixty requests a window: one that begins with the first request in it, or with the minute.

    :param tells: which headers its answers hold, from ``ratelimit`` and ``retry-after``.
    """

    def __init__(self, *, of_the_minute: bool, tells: Collection[str] = ()) -> None:
        self.of_the_minute = of_the_minute
        self.tells = tells
        self.begun = float("-inf")
        self.used = 0
        self.refused = 0

    def admits(self, now: float) -> bool:
        """Count a request at *now*, unless it is one too many."""
        if now >= self.begun + 60:
            self.begun = now // 60 * 60 if self.of_the_minute else now
            self.used = 0
        if self.used >= 60:
            return False
        self.used += 1
        return True

    def __call__(self, request: Request, script: Script) -> Answer:
        if request.path == "/api-quota":
            return answer(200, {"quota": 1000, "remaining": 500, "reset": "2026-03-05T00:00:00Z"})
        admitted = self.admits(script.now)
        headers: dict[str, str] = {}
        if "ratelimit" in self.tells:
            headers |= {
                "x-ratelimit-remaining": str(60 - self.used),
                "x-ratelimit-reset": str(math.ceil(self.begun + 60)),
            }
        if admitted:
            return answer(200, {"data": []}, headers)
        self.refused += 1
        if "retry-after" in self.tells:
            headers["retry-after"] = str(int(self.begun + 60 - script.now) + 1)
        return answer(429, {}, headers)


def least_time(limit: Limit, number: int, latency: float, start: float) -> float:
    """Return how long so many requests take one who knows the limit."""
    now = start
    for _ in range(number):
        now += latency
        if not limit.admits(now):
            now = limit.begun + 60
            limit.admits(now)
    return now - start


@pytest.mark.parametrize(
    "tells", [(), ("ratelimit",), ("retry-after",), ("ratelimit", "retry-after")], ids=" ".join
)
@pytest.mark.parametrize("of_the_minute", [True, False], ids=["minute", "first request"])
@pytest.mark.parametrize("latency", [0.05, 0.3, 0.9])
@pytest.mark.parametrize("offset", [0.0, 17.3, 51.0])
def test_the_allowed_rate_is_used_up_almost_without_429s(
    tells: Collection[str], of_the_minute: bool, latency: float, offset: float
) -> None:
    start = NOON - 30 + offset
    best = least_time(Limit(of_the_minute=of_the_minute), 300, latency, start)
    limit = Limit(of_the_minute=of_the_minute, tells=tells)
    script = Script(server=limit, latency=latency, start=start)
    numbers: Callable[[], float] = random.Random(7).random
    sender = Flow(Throttle(random=numbers), random=numbers)
    for _ in range(300):
        script.run(sender.send(GET))
    # That a window is the clock's own, not begun by our first request, costs a part of the first one to find out.
    unaware = 60 if of_the_minute and not tells else 0
    assert best / (script.now - start - unaware) >= 0.95
    assert limit.refused <= 0.05 * len(script.sent)
    if "ratelimit" in tells:
        assert limit.refused == 0


@pytest.mark.parametrize("of_the_minute", [True, False], ids=["minute", "first request"])
def test_a_limit_that_others_use_too_is_kept_to(of_the_minute: bool) -> None:
    limit = Limit(of_the_minute=of_the_minute)

    def shared(request: Request, script: Script) -> Outcome:
        limit.admits(script.now)
        return limit(request, script)

    numbers = random.Random(7).random
    script = Script(server=shared, latency=0.2)
    sender = Flow(Throttle(random=numbers), random=numbers)
    for _ in range(150):
        script.run(sender.send(GET))
    assert limit.refused <= 0.1 * len(script.sent)
    assert script.now - NOON <= 7 * 60
