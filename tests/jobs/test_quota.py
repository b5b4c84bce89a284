from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_mailersend.api.answers import Answer, Outcome
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.exceptions import (
    MailerSendAuthenticationError,
    MailerSendConnectionError,
    MailerSendQuotaExhaustedError,
)
from airflow_provider_mailersend.jobs.quota import check_quota, is_enough
from tests.feeding.script import Script, answer, flow, lost

RESET = "2026-03-05T00:00:00.000000Z"


def quota(remaining: int, whole_day: int = 1000, reset: str | None = RESET) -> Answer:
    return answer(200, {"quota": whole_day, "remaining": remaining, "reset": reset})


def check(
    outcome: Outcome, needed: int, in_one_day: int | None = None, *, reserve: int = 0, **options: Any
) -> list[Request]:
    """Check whether a job may begin; return what was sent for that."""
    script = Script(outcome)
    sender = flow(quota_reserve=reserve, **options)
    script.run(check_quota(sender, "The job", needed, needed if in_one_day is None else in_one_day))
    return script.sent


@pytest.mark.parametrize(
    ("remaining", "reserve", "needed"), [(5, 0, 5), (6, 0, 5), (15, 10, 5), (0, 0, 0), (3, 10, 0)]
)
def test_a_job_may_begin_where_enough_is_left(remaining: int, reserve: int, needed: int) -> None:
    assert [request.path for request in check(quota(remaining), needed, reserve=reserve)] == ["/api-quota"]


def test_asking_is_free() -> None:
    assert not check(quota(5), 5)[0].uses_quota


@pytest.mark.parametrize(("remaining", "reserve", "needed"), [(4, 0, 5), (14, 10, 5), (0, 0, 1), (9, 10, 1)])
def test_a_job_may_not_begin_where_too_little_is_left(remaining: int, reserve: int, needed: int) -> None:
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        check(quota(remaining), needed, reserve=reserve)
    error = caught.value
    left = max(0, remaining - reserve)
    reserved = f", besides the {reserve} reserved for sending" if reserve else ""
    assert str(error) == (
        f"The job was not started: it needs at least {needed} requests, and {left} are left of the daily "
        f"quota{reserved}. The quota resets at 2026-03-05 00:00:00 UTC."
    )
    assert error.resets_at == datetime(2026, 3, 5, tzinfo=UTC)
    assert error.endpoint == "GET /api-quota"
    assert not error.permanent


def test_without_a_moment_told_the_next_day_begins_at_midnight() -> None:
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        check(quota(0, reset=None), 1)
    assert caught.value.resets_at == datetime(2026, 3, 5, tzinfo=UTC)


@pytest.mark.parametrize("needed", [1, 10**9])
def test_where_requests_are_unlimited_every_job_may_begin(needed: int) -> None:
    check(quota(-1, -1), needed)
    check(quota(-1, -1), needed, reserve=10**9)


@pytest.mark.parametrize(
    "outcome",
    [
        answer(403, {"message": "This action is unauthorized."}),
        answer(404, {"message": "Not found."}),
        answer(405),
        answer(422, {"errors": {}}),
        answer(200, {"data": []}),
        answer(200, {"quota": "10", "remaining": "0"}),
        answer(200, {"quota": 10, "remaining": None}),
        answer(200, []),
        answer(200, b"<html>"),
        answer(200),
        answer(302),
    ],
)
def test_who_cannot_ask_for_the_quota_may_still_do_the_job(outcome: Any) -> None:
    assert len(check(outcome, 10**9)) == 1


def test_a_token_that_is_not_valid_ends_it() -> None:
    with pytest.raises(MailerSendAuthenticationError):
        check(answer(401), 1)


def test_no_answer_ends_it() -> None:
    with pytest.raises(MailerSendConnectionError):
        check(lost(), 1, max_retries=0)


@pytest.mark.parametrize(
    ("whole_day", "reserve", "needed", "enough"), [(9, 0, 10, 9), (19, 10, 10, 9), (5, 10, 1, 0)]
)
def test_what_no_whole_day_is_enough_for_is_permanent(
    whole_day: int, reserve: int, needed: int, enough: int
) -> None:
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        check(quota(whole_day, whole_day), needed, reserve=reserve)
    assert caught.value.permanent
    assert str(caught.value).endswith(f" A full day's quota of {enough} is not enough for it either.")


@pytest.mark.parametrize(("whole_day", "reserve", "needed"), [(10, 0, 10), (20, 10, 10)])
def test_what_a_whole_day_is_enough_for_is_not(whole_day: int, reserve: int, needed: int) -> None:
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        check(quota(reserve + 1, whole_day), needed, reserve=reserve)
    assert not caught.value.permanent
    assert "A full day's quota" not in str(caught.value)


@pytest.mark.parametrize("remaining", [1, 5, 10])
def test_what_may_take_days_and_must_is_begun_with_what_is_left(remaining: int) -> None:
    check(quota(remaining, 10), 11, in_one_day=1)
    check(quota(remaining, 10), 11, in_one_day=0)
    check(quota(remaining + 3, 13), 11, in_one_day=1, reserve=3)


@pytest.mark.parametrize(("remaining", "reserve"), [(0, 0), (3, 3), (2, 3)])
@pytest.mark.parametrize("in_one_day", [0, 1])
def test_with_nothing_left_not_even_that_is_begun(remaining: int, reserve: int, in_one_day: int) -> None:
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        check(quota(remaining, 10), 14, in_one_day=in_one_day, reserve=reserve)
    assert not caught.value.permanent


def test_what_may_take_days_and_need_not_waits_for_the_next() -> None:
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        check(quota(9, 10), 10, in_one_day=1)
    assert not caught.value.permanent


def test_what_must_be_of_one_day_and_is_too_much_for_any_is_permanent() -> None:
    with pytest.raises(
        MailerSendQuotaExhaustedError, match="A full day's quota of 10 is not enough"
    ) as caught:
        check(quota(10, 10), 20, in_one_day=11)
    assert caught.value.permanent


def test_what_must_be_of_one_day_and_takes_a_whole_one_is_not_permanent() -> None:
    check(quota(10, 10), 20, in_one_day=10)


def test_what_must_be_of_one_day_is_not_begun_with_less_left() -> None:
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        check(quota(4, 10), 20, in_one_day=5)
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("remaining", "at_least", "enough"),
    [
        (5, 5, True),
        (6, 5, True),
        (4, 5, False),
        (0, 0, True),
        (0, 1, False),
        (-1, 1, True),
        (-1, 10**9, True),
    ],
)
def test_so_many_left_are_enough(remaining: int, at_least: int, enough: bool) -> None:
    assert is_enough({"quota": 10, "remaining": remaining}, at_least) is enough


def test_what_was_spent_today_is_no_longer_needed() -> None:
    sender = flow()
    Script(quota(4)).run(check_quota(sender, "The job", 5, 5, spent=1))
    with pytest.raises(MailerSendQuotaExhaustedError, match="at least 4 requests, and 3 are left") as caught:
        Script(quota(3)).run(check_quota(sender, "The job", 5, 5, spent=1))
    assert caught.value.retry_at == datetime(2026, 3, 5, tzinfo=UTC).timestamp()
