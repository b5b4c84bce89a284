"""When a flow asks for the daily quota, and keeps to it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_mailersend.api.answers import Answer, Outcome
from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.flow import Send, Step
from airflow_provider_mailersend.api.pages import WholeList
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.exceptions import MailerSendQuotaExhaustedError, MailerSendRateLimitError
from tests.feeding.account import Account
from tests.feeding.samples import BLOCKLIST, CODELESS, FINE, GET, POST, any_method
from tests.feeding.script import NOON, Script, answer, flow, lost


def quota(remaining: int, reset: object = "2026-03-05T00:00:00Z") -> Answer:
    return answer(200, {"quota": 1000, "remaining": remaining, "reset": reset})


def asked_for_quota(script: Script) -> list[int]:
    return [n for n, request in enumerate(script.sent) if request.path == "/api-quota"]


def test_429s_in_a_row_that_say_nothing_make_ask_once_for_the_quota() -> None:
    script = Script(*[CODELESS] * 3, quota(500), CODELESS, CODELESS, FINE)
    script.run(flow().send(GET))
    assert asked_for_quota(script) == [3]
    assert script.left == 0


def test_one_429_asks_for_nothing() -> None:
    script = Script(CODELESS, FINE, CODELESS, FINE)
    sender = flow()
    script.run(sender.send(GET))
    script.run(sender.send(GET))
    assert asked_for_quota(script) == []


def test_429s_behind_which_the_quota_is_used_up_end_the_work() -> None:
    script = Script(*[CODELESS] * 3, quota(0))
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        script.run(flow().send(GET))
    assert caught.value.resets_at == datetime(2026, 3, 5, tzinfo=UTC)
    assert script.left == 0


@pytest.mark.parametrize(
    "unhelpful",
    [lost(), answer(500), answer(429), answer(200, b"<html>"), answer(200, {"quota": 1}), answer(404)],
)
def test_an_unhelpful_answer_about_the_quota_changes_nothing(unhelpful: Outcome) -> None:
    script = Script(*[CODELESS] * 3, unhelpful, FINE)
    assert script.run(flow().send(GET)).status == 200


def test_the_question_for_the_quota_does_not_ask_for_itself() -> None:
    script = Script(*[CODELESS] * 3, quota(5))
    assert script.run(flow().get_quota())["remaining"] == 5
    assert len(script.sent) == 4


def test_the_question_for_the_quota_is_free_though_the_quota_is_used_up() -> None:
    script, sender = Script(quota(0)), flow()
    script.run(sender.get_quota())
    script = Script(quota(0))
    assert script.run(sender.get_quota())["remaining"] == 0


def test_the_question_for_the_quota_is_repeated_when_the_minute_is_used_up() -> None:
    sender = flow()
    Script(quota(0)).run(sender.get_quota())
    script = Script(answer(429, headers={"retry-after": "3"}), quota(0))
    assert script.run(sender.get_quota())["remaining"] == 0


def test_a_quota_that_was_asked_for_is_kept_to() -> None:
    sender = flow(quota_reserve=100)
    Script(quota(100)).run(sender.get_quota())
    script = Script()
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        script.run(sender.send(GET))
    assert caught.value.resets_at == datetime(2026, 3, 5, tzinfo=UTC)
    assert script.sent == []


@any_method
def test_a_quota_at_the_reserve_stops_the_next_request(request_: Request) -> None:
    sender = flow(quota_reserve=10)
    Script(quota(11), answer(200, headers={"x-apiquota-remaining": "10"})).run(sender.send(GET))
    script = Script()
    with pytest.raises(MailerSendQuotaExhaustedError):
        script.run(sender.send(request_))
    assert script.sent == []


@any_method
def test_a_quota_at_the_reserve_stops_the_first_request(request_: Request) -> None:
    script = Script(quota(10))
    with pytest.raises(MailerSendQuotaExhaustedError, match="10 requests are left, and 10 are reserved"):
        script.run(flow(quota_reserve=10).send(request_))
    assert [sent.path for sent in script.sent] == ["/api-quota"]


@any_method
@pytest.mark.parametrize(
    "untold", [answer(403, {"message": "No."}), answer(200, {"data": []}), lost(), answer(500), answer(429)]
)
def test_a_quota_that_is_not_told_stops_nothing(request_: Request, untold: Outcome) -> None:
    script, sender = Script(untold, FINE, FINE), flow(quota_reserve=10)
    assert script.run(sender.send(request_)).ok
    assert script.run(sender.send(request_)).ok
    assert [sent.path for sent in script.sent] == ["/api-quota", request_.path, request_.path]


def test_without_a_reserve_no_quota_is_asked_for() -> None:
    script = Script(FINE)
    script.run(flow().send(GET))
    assert [sent.path for sent in script.sent] == [GET.path]


def test_a_list_that_is_known_to_be_newest_first_costs_one_page_at_rest() -> None:
    account = Account()
    account.put_many(50, newest=NOON - 3600)
    for n in range(1500):
        account.put(f"new{n}@x.example", at=NOON)
    sender = flow()

    def read(since: datetime) -> tuple[int, int]:
        script = Script(server=account)
        whole = WholeList(BLOCKLIST, since=since)
        entries: list[Entry] = []
        while whole.request is not None:
            entries += script.run(sender.read_page(whole))
        return len(entries), len(script.sent)

    moment = datetime.fromtimestamp(NOON, UTC)
    assert read(moment) == (1500, 16)
    assert read(moment + timedelta(seconds=1)) == (0, 1)
    # Where it shows that it is not, all is read.
    account.entries.reverse()
    assert read(moment) == (1500, 16)
    assert read(moment + timedelta(seconds=1))[1] == 16


def test_work_goes_on_after_the_quota_has_come_back() -> None:
    sender = flow()
    Script(answer(200, headers={"x-apiquota-remaining": "0"})).run(sender.send(GET))
    midnight = datetime(2026, 3, 5, tzinfo=UTC).timestamp()
    assert Script(FINE, start=midnight).run(sender.send(GET)).status == 200


@pytest.mark.parametrize("before_midnight", [2.0, 3600.0])
@any_method
def test_a_job_starts_over_when_its_last_change_shows_in_the_lists(
    request_: Request, before_midnight: float
) -> None:
    midnight = datetime(2026, 3, 5, tzinfo=UTC).timestamp()
    last_one = answer(200, {"data": []}, {"x-apiquota-remaining": "0"})
    script, sender = Script(last_one, start=midnight - before_midnight), flow()
    script.run(sender.send(request_))
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        script.run(sender.send(GET))
    least = 7.0 if request_.method != "GET" else 0.0
    assert caught.value.resets_at == datetime(2026, 3, 5, tzinfo=UTC)
    assert caught.value.retry_at == max(midnight, script.now + least)


def test_an_unlimited_quota_stops_nothing() -> None:
    unlimited = answer(200, {"data": []}, {"x-apiquota-remaining": "-1"})
    script, sender = Script(quota(-1), unlimited, unlimited), flow(quota_reserve=10**6)
    script.run(sender.send(GET))
    script.run(sender.send(GET))
    assert script.left == 0


def test_a_quota_used_up_by_its_code_ends_the_work_at_once() -> None:
    script = Script(answer(429, {"message": "Daily API quota reached. #MS42901"}, {"retry-after": "1"}))
    with pytest.raises(MailerSendQuotaExhaustedError):
        script.run(flow().send(POST))


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        (
            [answer(429, {"message": "Daily API quota reached. #MS42901"})],
            "Daily API quota reached. #MS42901",
        ),
        ([answer(429, {"message": "Too much."}, {"x-apiquota-remaining": "0"})], "Too much."),
        ([*[CODELESS] * 3, quota(0)], "Please wait a while before retrying."),
    ],
)
def test_a_quota_used_up_is_told_in_the_api_s_own_words(outcomes: list[Outcome], said: str) -> None:
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        Script(*outcomes).run(flow().send(GET))
    assert re.search(f'MailerSend said: ".*{re.escape(said)}"$', str(caught.value))


def test_a_page_of_html_is_not_told_as_the_api_s_words() -> None:
    html = b"<!DOCTYPE html><html></html>"
    with pytest.raises(MailerSendRateLimitError) as limited:
        Script(answer(429, html, {"retry-after": "3600"})).run(flow().send(GET))
    with pytest.raises(MailerSendQuotaExhaustedError) as exhausted:
        Script(answer(429, html, {"x-apiquota-remaining": "0"})).run(flow().send(GET))
    for caught in (limited, exhausted):
        assert "MailerSend said" not in str(caught.value)


def test_what_an_accepted_request_s_429s_said_is_not_told_of_the_quota() -> None:
    sender = flow()
    Script(CODELESS, answer(200, {}, {"x-apiquota-remaining": "0"})).run(sender.send(GET))
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        Script().run(sender.send(GET))
    assert "MailerSend said" not in str(caught.value)


def test_asking_for_the_quota_takes_no_longer_than_is_left_for_the_request() -> None:
    class Watched(Script):
        def perform(self, step: Step) -> object:
            if isinstance(step, Send) and step.request.path == "/api-quota":
                assert step.limited(1_000.0) == pytest.approx(NOON + 300 - self.now)
            return super().perform(step)

    for sender, outcomes in (
        (flow(retry_timeout=300.0, quota_reserve=1), (quota(500), FINE)),
        (flow(retry_timeout=300.0), (*[CODELESS] * 3, quota(500), FINE)),
    ):
        script = Watched(*outcomes, latency=2.0)
        script.run(sender.send(GET))
        assert len(asked_for_quota(script)) == 1
