from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_mailersend.api import requests
from airflow_provider_mailersend.api.answers import Answer
from airflow_provider_mailersend.api.throttle import Throttle
from airflow_provider_mailersend.exceptions import MailerSendQuotaExhaustedError
from tests.feeding.script import NOON, properties

ASKED = requests.list_recipients()
QUOTA = requests.get_api_quota()
MIDNIGHT = datetime(2026, 3, 5, tzinfo=UTC)


def throttle(*, random: float = 0.5, **options: Any) -> Throttle:
    return Throttle(random=lambda: random, **options)


def said(status: int = 200, *, at: float = NOON, body: bytes = b"", **headers: object) -> Answer:
    named = {name.replace("_", "-"): str(value) for name, value in headers.items()}
    return Answer(status, named, body, at)


def refuse(throttle: Throttle, *, at: float = NOON, body: bytes = b"", **headers: object) -> float:
    """Hand a 429 to *throttle* and return how long it then waits."""
    refusal = said(429, at=at, body=body, **headers)
    throttle.learn(ASKED, refusal)
    throttle.refused(ASKED, refusal)
    return throttle.not_before - at


def test_nothing_is_waited_for_at_first() -> None:
    assert throttle().not_before == 0.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": 7}, 7),
        ({"retry_after": "2.5"}, 2.5),
        ({"retry_after": formatdate(NOON + 45, usegmt=True)}, 45),
        ({"x_ratelimit_reset": NOON + 20}, 20),
        ({"retry_after": 7, "x_ratelimit_reset": NOON + 20}, 7),
        ({"retry_after": "soon", "x_ratelimit_reset": NOON + 20}, 20),
        ({"retry_after": 0, "x_ratelimit_reset": NOON + 20}, 20),
        ({"retry_after": -5, "x_ratelimit_reset": NOON + 20}, 20),
        ({"retry_after": formatdate(NOON - 45, usegmt=True), "x_ratelimit_reset": NOON + 20}, 20),
    ],
)
def test_a_429_is_waited_out_as_its_headers_say(headers: dict[str, Any], seconds: float) -> None:
    assert refuse(throttle(), **headers) == pytest.approx(seconds)


@pytest.mark.parametrize("ahead", [-7200, -30, 0, 30, 7200])
def test_a_reset_is_read_by_the_clock_of_the_api(ahead: int) -> None:
    headers: dict[str, Any] = {
        "date": formatdate(NOON + ahead, usegmt=True),
        "x_ratelimit_reset": int(NOON + ahead + 20),
    }
    assert refuse(throttle(), **headers) == pytest.approx(20)


@pytest.mark.parametrize("ahead", [-2, -1, 1, 2])
def test_clocks_that_differ_by_no_more_than_their_grain_count_as_equal(ahead: int) -> None:
    headers: dict[str, Any] = {
        "date": formatdate(NOON + ahead, usegmt=True),
        "x_ratelimit_reset": int(NOON + 20),
    }
    assert refuse(throttle(), **headers) == pytest.approx(20)


@pytest.mark.parametrize("ahead", [-7200, 0, 7200])
def test_a_date_to_retry_after_is_read_by_the_clock_of_the_api(ahead: int) -> None:
    headers: dict[str, Any] = {
        "date": formatdate(NOON + ahead, usegmt=True),
        "retry_after": formatdate(NOON + ahead + 20, usegmt=True),
    }
    assert refuse(throttle(), **headers) == pytest.approx(20)


def test_a_429_without_headers_is_waited_out_until_the_window_must_have_ended() -> None:
    waiting = throttle()
    for second in range(20):
        waiting.learn(ASKED, said(at=NOON + second))
    assert 40 <= refuse(waiting, at=NOON + 20) <= 41


@pytest.mark.parametrize("random", [0.0, 0.5, 1.0])
def test_not_all_who_wait_for_a_window_to_end_ask_at_once(random: float) -> None:
    waiting = throttle(random=random)
    waiting.learn(ASKED, said(at=NOON))
    assert refuse(waiting, at=NOON + 30) == pytest.approx(30 + 0.3 * random)


def test_a_window_without_one_accepted_is_waited_out_at_random() -> None:
    assert {refuse(throttle(random=random)) for random in (0.0, 0.5, 1.0)} == {15.0, 22.5, 30.0}


def test_a_question_that_is_free_counts_for_the_minute() -> None:
    waiting = throttle()
    waiting.learn(QUOTA, said(at=NOON))
    assert 50 <= refuse(waiting, at=NOON + 10) <= 51


def test_the_next_window_begins_with_the_first_answer_after_it() -> None:
    waiting = throttle()
    waiting.learn(ASKED, said(at=NOON))
    waiting.learn(ASKED, said(at=NOON + 65))
    assert 50 <= refuse(waiting, at=NOON + 75) <= 51


def codeless(times: int, **options: Any) -> tuple[Throttle, list[bool]]:
    """Refuse so many times without a reason, and return whether the quota is wanted after each."""
    waiting = throttle(**options)
    wanted = []
    for n in range(times):
        refuse(waiting, at=NOON + n)
        wanted.append(waiting.wants_quota(ASKED))
        if wanted[-1]:
            waiting.quota_asked_at = NOON + n
    return waiting, wanted


def test_429s_that_go_on_without_a_reason_want_the_quota_once() -> None:
    waiting, wanted = codeless(6)
    assert wanted == [False, False, True, False, False, False]
    refuse(waiting, at=NOON + 303)
    assert not waiting.wants_quota(QUOTA)
    assert waiting.wants_quota(ASKED)
    waiting.learn(ASKED, said(at=NOON + 304))
    refuse(waiting, at=NOON + 305)
    assert not waiting.wants_quota(ASKED)


@pytest.mark.parametrize(("left", "wanted"), [(-1, False), (601, False), (600, True), (1, True)])
def test_a_quota_that_is_known_to_be_plenty_is_not_asked_for(left: int, wanted: bool) -> None:
    waiting = throttle()
    waiting.learn_quota(left, None, NOON)
    for n in range(3):
        refuse(waiting, at=NOON + n)
    assert waiting.wants_quota(ASKED) is wanted


def test_a_quota_that_was_used_up_the_day_before_is_asked_for_again() -> None:
    waiting = throttle()
    waiting.learn_quota(0, None, NOON)
    waiting.check_quota(ASKED, MIDNIGHT.timestamp())
    for n in range(3):
        refuse(waiting, at=MIDNIGHT.timestamp() + n)
    assert waiting.wants_quota(ASKED)


@pytest.mark.parametrize(
    "reason",
    [{"retry_after": 7}, {"x_ratelimit_reset": NOON + 20}, {"body": b'{"message": "#MS42903"}'}],
    ids=str,
)
def test_429s_that_say_why_want_no_quota(reason: dict[str, Any]) -> None:
    waiting = throttle()
    for _ in range(4):
        refuse(waiting, **reason)
        assert not waiting.wants_quota(ASKED)


def test_a_429_that_says_why_begins_the_count_of_those_without_a_reason_again() -> None:
    waiting, _ = codeless(2)
    refuse(waiting, at=NOON + 2, body=b'{"message": "#MS42903"}')
    wanted = []
    for n in range(3, 6):
        refuse(waiting, at=NOON + n)
        wanted.append(waiting.wants_quota(ASKED))
    assert wanted == [False, False, True]


@pytest.mark.parametrize("far", [3601, 86400, 1e11, 1e300])
@pytest.mark.parametrize("header", ["retry_after", "x_ratelimit_reset"])
def test_a_header_that_asks_for_more_than_an_hour_is_not_believed(header: str, far: float) -> None:
    named: dict[str, Any] = {header: far if header == "retry_after" else NOON + far}
    assert refuse(throttle(), **named) <= 60
    waiting = throttle()
    waiting.learn(ASKED, said(x_ratelimit_remaining=0, **named))
    assert waiting.not_before <= NOON + 60


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_clock_days_off_is_no_clock(date: str) -> None:
    waiting = throttle()
    waiting.learn(ASKED, said(date=date, x_apiquota_remaining=0))
    assert waiting.clock_ahead is None
    assert waiting.quota_resets_at == MIDNIGHT


def test_any_number_of_429s_can_come_in_a_row() -> None:
    waiting = throttle()
    for n in range(1100):
        assert refuse(waiting, at=NOON + 100 * n) <= 60


def test_a_wait_is_never_made_shorter() -> None:
    waiting = throttle()
    refuse(waiting, retry_after=50)
    refuse(waiting, retry_after=3)
    assert waiting.not_before == NOON + 50


def test_a_window_used_up_is_waited_out_before_it_is_refused() -> None:
    waiting = throttle()
    waiting.learn(ASKED, said(x_ratelimit_remaining=1, x_ratelimit_reset=NOON + 20))
    assert waiting.not_before == 0.0
    waiting.learn(ASKED, said(x_ratelimit_remaining=0, x_ratelimit_reset=NOON + 20))
    assert waiting.not_before == NOON + 20


def test_a_window_used_up_that_does_not_say_its_reset_is_waited_out_as_a_window() -> None:
    waiting = throttle()
    waiting.learn(ASKED, said(at=NOON, x_ratelimit_remaining=1))
    waiting.learn(ASKED, said(at=NOON + 20, x_ratelimit_remaining=0))
    assert NOON + 60 <= waiting.not_before <= NOON + 61


def test_the_reset_of_a_window_used_up_is_read_by_the_clock_of_the_api() -> None:
    waiting = throttle()
    date = formatdate(NOON - 3600, usegmt=True)
    waiting.learn(ASKED, said(x_ratelimit_remaining=0, x_ratelimit_reset=NOON - 3600 + 20, date=date))
    assert waiting.not_before == pytest.approx(NOON + 20)


def test_a_window_used_up_does_not_shorten_a_wait() -> None:
    waiting = throttle()
    refuse(waiting, retry_after=50)
    waiting.learn(ASKED, said(at=NOON + 1, x_ratelimit_remaining=0, x_ratelimit_reset=NOON + 20))
    assert waiting.not_before == NOON + 50


@pytest.mark.parametrize(
    "garbage", ["nan", "inf", "-inf", "text", "", " ", "-1", "1e400", "0x10", "½", "1,5"]
)
@pytest.mark.parametrize(
    "header",
    [
        *("retry_after", "x_ratelimit_reset", "x_ratelimit_remaining"),
        *("x_apiquota_remaining", "x_apiquota_reset", "date"),
    ],
)
def test_garbage_in_a_header_does_no_harm(header: str, garbage: str) -> None:
    waiting = throttle()
    named: dict[str, Any] = {header: garbage}
    waiting.learn(ASKED, said(**named))
    waiting.check_quota(ASKED, NOON)
    assert 0 <= refuse(waiting, at=NOON + 30, **named) <= 31


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 99999999999999999999 Jan 2020 00:00:00 GMT",
        "Mon, 01 Jan 2020 00:00:00 +99999999999999999999",
        "Mon, 32 Jan 2020 25:61:00 GMT",
    ],
)
@pytest.mark.parametrize("header", ["retry_after", "date"])
def test_a_date_out_of_the_calendar_does_no_harm(header: str, date: str) -> None:
    named: dict[str, Any] = {header: date}
    assert 0 <= refuse(throttle(), **named) <= 60


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("retry-after", "x-ratelimit-reset", "x-ratelimit-remaining"),
            *("x-apiquota-remaining", "x-apiquota-reset", "date"),
        ]
    ),
    st.one_of(
        st.text(max_size=6),
        st.integers().map(str),
        st.floats().map(str),
        st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} (Jan|Feb|Xyz) [0-9]{1,5} [0-9:]{1,8} (GMT|[+-][0-9]{4})"),
        st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:00:00(Z|[+-][01][0-9]:00)", fullmatch=True),
    ),
)


@properties
@given(st.sampled_from([200, 404, 429, 500]), HEADERS)
@example(429, {"date": "Mon, 01 Jan 2020 00:00:00 +99999999999999999999"})
def test_no_header_is_too_odd(status: int, headers: dict[str, Any]) -> None:
    waiting = throttle()
    with suppress(MailerSendQuotaExhaustedError):
        waiting.learn(ASKED, Answer(status, headers, b"", NOON))
        if status == 429:
            waiting.refused(ASKED, Answer(status, headers, b"", NOON))
        waiting.check_quota(ASKED, NOON)
    assert math.isfinite(waiting.not_before)


@pytest.mark.parametrize(
    ("remaining", "reserve", "passes"),
    [(1, 0, True), (0, 0, False), (101, 100, True), (100, 100, False), (7, 100, False), (-1, 100, True)],
)
def test_the_quota_is_used_down_to_the_reserve(remaining: int, reserve: int, passes: bool) -> None:
    waiting = throttle(quota_reserve=reserve)
    waiting.learn(ASKED, said(x_apiquota_remaining=remaining, x_apiquota_reset="2026-03-05T00:00:00Z"))
    if passes:
        waiting.check_quota(ASKED, NOON)
        return
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        waiting.check_quota(ASKED, NOON)
    assert caught.value.resets_at == MIDNIGHT
    assert caught.value.endpoint == "GET /recipients"
    assert not caught.value.permanent
    assert "quota resets at 2026-03-05 00:00:00 UTC" in str(caught.value)


def test_an_unknown_quota_lets_all_pass() -> None:
    throttle(quota_reserve=1000).check_quota(ASKED, NOON)


def test_a_reserve_that_is_reached_is_told_from_a_quota_used_up() -> None:
    waiting = throttle(quota_reserve=50)
    waiting.learn_quota(20, None, NOON)
    with pytest.raises(MailerSendQuotaExhaustedError, match="20 requests are left, and 50 are reserved"):
        waiting.check_quota(ASKED, NOON)
    waiting.learn_quota(0, None, NOON)
    with pytest.raises(MailerSendQuotaExhaustedError, match=r"^The account's daily quota is used up\."):
        waiting.check_quota(ASKED, NOON)


def test_the_question_for_the_quota_passes_without_any() -> None:
    waiting = throttle()
    waiting.learn_quota(0, None, NOON)
    waiting.check_quota(QUOTA, NOON)


@pytest.mark.parametrize("reset", [None, "", "tomorrow", "2026-03-04T12:00:00Z", "2020-01-01T00:00:00Z", 7])
def test_a_quota_that_does_not_say_its_reset_comes_back_at_midnight_utc(reset: object) -> None:
    waiting = throttle()
    waiting.learn_quota(0, reset, NOON)
    assert waiting.quota_resets_at == MIDNIGHT


def test_a_quota_that_says_its_reset_comes_back_then() -> None:
    waiting = throttle()
    waiting.learn_quota(0, "2026-03-04T18:00:00+02:00", NOON)
    assert waiting.quota_resets_at == datetime(2026, 3, 4, 16, tzinfo=UTC)


def test_a_quota_never_comes_back_later_than_a_day_from_now() -> None:
    waiting = throttle()
    waiting.learn_quota(0, "9999-01-01T00:00:00Z", NOON)
    assert waiting.quota_resets_at is not None
    assert waiting.quota_resets_at.timestamp() <= NOON + 2 * 86400


def test_what_is_known_of_the_quota_expires_at_its_reset() -> None:
    waiting = throttle()
    waiting.learn_quota(0, None, NOON)
    with pytest.raises(MailerSendQuotaExhaustedError):
        waiting.check_quota(ASKED, MIDNIGHT.timestamp() - 1)
    waiting.check_quota(ASKED, MIDNIGHT.timestamp())
    assert waiting.quota_remaining is None


@pytest.mark.parametrize("hours", [-13, 13])
def test_the_quota_comes_back_at_midnight_by_the_clock_of_the_api(hours: int) -> None:
    ahead = hours * 3600
    midnight = MIDNIGHT + timedelta(days=1 if hours > 0 else -1)
    waiting = throttle()
    waiting.learn(ASKED, said(date=formatdate(NOON + ahead, usegmt=True), x_apiquota_remaining=0))
    assert waiting.quota_resets_at == midnight
    with pytest.raises(MailerSendQuotaExhaustedError):
        waiting.check_quota(ASKED, midnight.timestamp() - ahead - 2)
    waiting.check_quota(ASKED, midnight.timestamp() - ahead + 2)


@pytest.mark.parametrize(("first", "second"), [(24, 0), (0, -24), (24, -24), (-24, 24)])
def test_the_quota_comes_back_within_a_day_though_the_api_s_clock_jumps(first: int, second: int) -> None:
    waiting = throttle()
    for n, hours in enumerate((first, second)):
        clock = NOON + n + hours * 3600
        reset: dict[str, Any] = (
            {} if n else {"x_apiquota_reset": datetime.fromtimestamp(clock + 86_400, UTC).isoformat()}
        )
        date = formatdate(clock, usegmt=True)
        waiting.learn(ASKED, said(at=NOON + n, date=date, x_apiquota_remaining=0, **reset))
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        waiting.check_quota(ASKED, NOON + 2)
    assert waiting.quota_retry_at is not None
    assert NOON < waiting.quota_retry_at <= NOON + 25 * 3600
    assert caught.value.retry_at == waiting.quota_retry_at


def test_requests_are_counted_while_answers_say_nothing_of_the_quota() -> None:
    waiting = throttle()
    waiting.learn(ASKED, said(x_apiquota_remaining=2))
    waiting.learn(ASKED, said(429))
    waiting.learn(QUOTA, said())
    assert waiting.quota_remaining == 2
    waiting.learn(ASKED, said(404))
    waiting.learn(ASKED, said())
    waiting.learn(ASKED, said())
    assert waiting.quota_remaining == 0


@pytest.mark.parametrize("reset", [None, "soon", "2026-03-04T11:00:00Z"])
def test_a_reset_that_was_told_holds_until_it_is_past(reset: object) -> None:
    told = datetime.fromtimestamp(NOON + 3600, UTC)
    waiting = throttle()
    waiting.learn_quota(5, told.isoformat(), NOON)
    waiting.learn_quota(0, reset, NOON + 1)
    assert waiting.quota_resets_at == told
    waiting.learn_quota(0, reset, NOON + 3601)
    assert waiting.quota_resets_at == MIDNIGHT


def test_a_day_that_ended_while_its_last_answer_was_under_way_is_over() -> None:
    waiting = throttle()
    ended = datetime.fromtimestamp(NOON - 0.1, UTC)
    waiting.learn_quota(0, ended.isoformat(), NOON)
    waiting.check_quota(ASKED, NOON)
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        refuse(throttle(), body=b'{"message": "#MS42901"}', x_apiquota_reset=ended.isoformat())
    assert caught.value.resets_at == ended


def test_an_unlimited_quota_is_not_counted() -> None:
    waiting = throttle()
    waiting.learn(ASKED, said(x_apiquota_remaining=-1))
    waiting.learn(ASKED, said())
    assert waiting.quota_remaining is None


def test_an_unlimited_quota_forgets_an_earlier_limit() -> None:
    waiting = throttle()
    waiting.learn(ASKED, said(x_apiquota_remaining=0))
    waiting.learn(ASKED, said(x_apiquota_remaining=-1))
    waiting.check_quota(ASKED, NOON)


def test_a_429_by_its_code_is_the_end_of_the_quota() -> None:
    body = b'{"message": "Daily quota reached. #MS42901"}'
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        refuse(throttle(), body=body, retry_after=7)
    assert caught.value.resets_at == MIDNIGHT


def test_a_429_of_the_minute_is_not_the_end_of_the_quota() -> None:
    assert refuse(throttle(), body=b'{"message": "#MS42903"}', retry_after=7) == pytest.approx(7)


def test_a_429_that_says_that_no_request_is_left_is_the_end_of_the_quota() -> None:
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        refuse(throttle(), x_apiquota_remaining=0, x_apiquota_reset="2026-03-04T16:00:00Z")
    assert caught.value.resets_at == datetime(2026, 3, 4, 16, tzinfo=UTC)


def test_the_clock_of_the_api_is_known_by_its_answers() -> None:
    waiting = throttle()
    assert waiting.clock_ahead is None
    waiting.learn(ASKED, said(404, date=formatdate(NOON + 5, usegmt=True)))
    assert waiting.clock_ahead == pytest.approx(5)
    waiting.learn(ASKED, said(date="garbage"))
    assert waiting.clock_ahead == pytest.approx(5)


def test_a_day_that_does_not_say_its_end_ends_at_midnight_sharp() -> None:
    waiting = throttle()
    waiting.learn_quota(5, None, NOON + 0.123456)
    assert waiting.quota_resets_at == MIDNIGHT
    assert waiting.quota_retry_at == MIDNIGHT.timestamp()


def test_429s_in_a_row_that_ask_for_short_waits_are_waited_out_longer_each_time() -> None:
    waiting, at, waits = throttle(), NOON, []
    for _ in range(11):
        waits.append(refuse(waiting, at=at, retry_after=0.01))
        at = waiting.not_before
    assert waits == pytest.approx([60 / 512 * 2**n for n in range(9)] + [60, 60], rel=1e-4)
    waiting.learn(ASKED, said(at=at))
    assert refuse(waiting, at=at, retry_after=0.01) == pytest.approx(60 / 512, rel=1e-4)


def test_where_no_429_came_none_is_quoted() -> None:
    waiting = throttle()
    waiting.learn_quota(0, None, NOON)
    with pytest.raises(MailerSendQuotaExhaustedError, match=r"quota resets at 2026-03-05 00:00:00 UTC\.$"):
        waiting.check_quota(ASKED, NOON)
