from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_mailersend.api.answers import Outcome
from airflow_provider_mailersend.api.requests import Request, SuppressionList
from airflow_provider_mailersend.exceptions import (
    MailerSendAmbiguousResultError,
    MailerSendPermissionError,
    MailerSendUnexpectedAnswerError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.jobs.deletions import DeleteAll
from airflow_provider_mailersend.jobs.domains import Scope
from tests.feeding.account import Account, minutes
from tests.feeding.script import NOON, Script, answer, flow, lost, refusal

BLOCKLIST = SuppressionList.BLOCKLIST


class EmptiedAccount(Account):
    """An account whose list can be emptied. Others add to it so many seconds after the first attempt to."""

    def __init__(
        self, *, others_add_after: Any = (), fault: str = "fine", times: Any = 1, **options: Any
    ) -> None:
        super().__init__(**options)
        self.others_add_after = list(others_add_after)
        self.fault = fault
        self.times = times
        self.attempted_at: float | None = None

    def __call__(self, request: Request, script: Script) -> Outcome:
        while self.attempted_at and self.others_add_after:
            at = self.attempted_at + self.others_add_after[0]
            if at > script.now:
                break
            self.put(f"others{self.others_add_after.pop(0)}@example.org", at=at)
        if request.method != "DELETE" or "ids" in (request.body or {}):
            return super().__call__(request, script)
        assert request.path == f"/suppressions/{self.suppression_list}"
        self.attempted_at = self.attempted_at or script.now
        fails = self.fault != "fine" and self.times > 0
        self.times -= 1
        if not fails or "after" in self.fault:
            domain_id = (request.body or {}).get("domain_id")
            self.entries = [e for e in self.entries if domain_id and self.domain_of(e) != domain_id]
        if not fails:
            return answer(200, b"[]")
        return answer(200, b"<html>") if "HTML" in self.fault else lost()


def empty(account: Account | None, **given: Any) -> tuple[DeleteAll, Script]:
    script = given.pop("script", None) or Script(server=account)
    scope = Scope(given.pop("domain_id", None), given.pop("domain", None))
    work = DeleteAll(BLOCKLIST, scope=scope, **given)
    script.run(work.run(flow(max_retries=3)))
    return work, script


def of(number: int, **options: Any) -> EmptiedAccount:
    account = EmptiedAccount(**options)
    account.put_many(number, newest=NOON - 1)
    return account


def left(account: Account) -> list[str]:
    return sorted(account.value_in(entry) for entry in account.entries)


def asked(script: Script) -> list[str]:
    return [
        "all" if "all" in (request.body or {}) else "ids" if request.body else request.method
        for request in script.sent
    ]


def test_a_list_is_emptied_by_one_request_after_a_look_at_it() -> None:
    account = of(250)
    work, script = empty(account)
    assert (asked(script), account.entries) == (["GET", "all"], [])
    assert work.result(2) == {
        "deleted": [],
        "missing": [],
        "all": True,
        "may_be_incomplete": False,
        "requests": 2,
    }


@pytest.mark.parametrize("fault", ["lost after", "HTML after", "lost before", "HTML before"])
@pytest.mark.parametrize("number", [0, 30, 100, 250])
@pytest.mark.parametrize("seconds", [2.0, 5.0, 6.9])
def test_what_the_next_task_adds_while_the_answer_is_lost_stays(
    fault: str, number: int, seconds: float
) -> None:
    account = of(number, fault=fault, others_add_after=[seconds])
    _, script = empty(account)
    assert left(account) == [f"others{seconds}@example.org"]
    assert script.pauses[0] >= 5.0
    assert asked(script).count("all") == 1


@pytest.mark.parametrize("seconds", [9.0, 15.0])
def test_what_the_next_task_adds_later_stays_where_the_list_was_emptied(seconds: float) -> None:
    account = of(250, fault="lost after", others_add_after=[seconds])
    _, script = empty(account)
    script.now += 60.0
    account(script.sent[0], script)
    assert left(account) == [f"others{seconds}@example.org"]


@pytest.mark.parametrize("number", [30, 250])
def test_where_nothing_is_new_it_is_asked_for_again(number: int) -> None:
    account = of(number, fault="lost before", times=2)
    _, script = empty(account)
    assert (account.entries, asked(script)) == ([], ["GET", "all", "GET", "all", "GET", "all"])
    assert script.pauses == pytest.approx([7, 14])
    assert set(script.reasons) == {"the outcome of a deletion that got no answer"}


def test_a_deletion_that_was_waited_for_long_is_given_longer_to_show() -> None:
    account = of(30, fault="lost before")

    def serve(request: Request, script: Script) -> Outcome:
        script.now += 6.0 if request.method == "DELETE" else 0.0
        return account(request, script)

    _, script = empty(None, script=Script(server=serve))
    assert account.entries == []
    assert script.pauses == pytest.approx([12])


def test_the_newest_entry_shows_where_new_ones_would_be() -> None:
    account = EmptiedAccount(fault="lost before")
    for n in range(150):
        account.put(f"old{n}@example.org", at=NOON - (30 if n == 149 else 60))
    _, script = empty(account)
    assert (account.entries, asked(script)) == ([], ["GET", "all", "GET", "all"])


def test_what_is_deleted_by_id_is_sent_in_batches() -> None:
    account = of(30, fault="lost before", others_add_after=[2.0])
    _, script = empty(account, batch_size=10)
    assert [len(body["ids"]) for body in script.bodies if "ids" in body] == [10, 10, 10]
    assert left(account) == ["others2.0@example.org"]


@pytest.mark.parametrize("ahead", [-3600.0, -3.0, 3.0, 3600.0])
@pytest.mark.parametrize("tells_date", [True, False])
def test_the_clocks_do_not_matter(ahead: float, tells_date: bool) -> None:
    account = of(0, fault="lost before", others_add_after=[2.0], ahead=ahead, tells_date=tells_date)
    account.put_many(250, newest=NOON - 1)
    empty(account)
    assert left(account) == ["others2.0@example.org"]


@pytest.mark.parametrize("number", [100, 101, 250])
@pytest.mark.parametrize("place", [0, 50, 100, -1])
def test_an_entry_added_in_the_second_of_all_others_stays(number: int, place: int) -> None:
    account = EmptiedAccount(fault="lost before", times=2)
    for n in range(number):
        account.put(f"old{n}@example.org", at=NOON)

    def serve(request: Request, script: Script) -> Outcome:
        response = account(request, script)
        if asked(script).count("all") == 1 and request.method == "DELETE":
            # Entries of one second are in any order.
            new = account.put("new@example.org", at=NOON)
            account.entries.remove(new)
            account.entries.insert(place if place >= 0 else len(account.entries), new)
        return response

    with suppress(MailerSendAmbiguousResultError):
        empty(None, script=Script(server=serve))
    assert "new@example.org" in left(account)


def test_the_rest_of_a_long_list_is_old_where_it_is_older() -> None:
    account = EmptiedAccount(fault="lost before")
    for n in range(250):
        account.put(f"old{n}@example.org", at=NOON - 60 + n // 10)
    _, script = empty(account)
    assert (account.entries, asked(script)) == ([], ["GET", "all", "GET", "all"])


def test_where_something_is_new_another_domain_s_entries_are_not_deleted() -> None:
    # A list asked for one domain may hold others, where the filter is ignored.
    account = of(5, fault="lost before", others_add_after=[2.0])
    for n in range(3):
        account.put(f"d{n}@example.org", at=NOON - minutes(1), domain_id="d1")

    def unfiltered(request: Request, script: Script) -> Outcome:
        params = {name: value for name, value in request.params.items() if name != "domain_id"}
        return account(replace(request, params=params), script)

    def add_one(request: Request, script: Script) -> Outcome:
        response = unfiltered(request, script)
        account.put("new@example.org", at=NOON + 1, domain_id="d1")
        return response

    script = Script(unfiltered, add_one, server=unfiltered)
    empty(None, script=script, domain_id="d1")
    assert account.of_domain("d1") == ["new@example.org"]
    assert len(account.of_domain(None)) == 6
    assert asked(script) == ["GET", "all", "GET", "ids"]


def test_a_domain_s_entries_are_meant_alone() -> None:
    account = of(5, fault="lost before", others_add_after=[2.0])
    for n in range(3):
        account.put(f"d{n}@example.org", at=NOON - minutes(1), domain_id="d1")
    _, script = empty(account, domain_id="d1")
    assert len(account.entries) == 6
    assert [body["domain_id"] for body in script.bodies] == ["d1"] * 2


def test_a_domain_s_name_is_resolved_first() -> None:
    account = of(5)
    account.put("d@example.org", at=NOON, domain_id="d1")
    _, script = empty(account, domain="D1.example")
    assert (account.of_domain("d1"), len(account.entries)) == ([], 5)
    assert asked(script) == ["GET", "GET", "all"]


def test_what_is_left_of_a_domain_is_asked_for_by_its_id() -> None:
    account = EmptiedAccount(fault="lost before")
    for n in range(5):
        account.put(f"d{n}@example.org", at=NOON - minutes(1), domain_id="d1")
    _, script = empty(account, domain_id="d1")
    assert asked(script) == ["GET", "all", "GET", "all"]
    assert [request.params["domain_id"] for request in script.sent if request.method == "GET"] == ["d1"] * 2


def test_a_lost_answer_that_stays_lost_is_given_up() -> None:
    account = of(30, fault="lost before", times=9)
    with pytest.raises(MailerSendAmbiguousResultError):
        empty(account)
    assert len(account.entries) == 30


def test_an_answer_that_is_no_json_each_time_is_given_up() -> None:
    account = of(30, fault="HTML before", times=9)
    with pytest.raises(MailerSendAmbiguousResultError, match="isn't valid JSON"):
        empty(account)
    assert len(account.entries) == 30


def test_where_it_cannot_be_told_what_is_new_nothing_more_is_deleted() -> None:
    # Oldest first: what stands on later pages may be old or new.
    account = of(250, fault="lost before")
    account.entries.reverse()
    with pytest.raises(
        MailerSendAmbiguousResultError, match=r"may or may not have been emptied\. Check"
    ) as caught:
        empty(account)
    assert len(account.entries) == 250
    assert caught.value.permanent


# It ends while the list is read, or when the old entries, known by then, are to be deleted by id.
@pytest.mark.parametrize("requests", [2, 4])
def test_what_cannot_be_looked_up_for_want_of_quota_is_not_started_over(requests: int) -> None:
    account = of(250, fault="lost before", others_add_after=[2.0], left=requests)
    with pytest.raises(MailerSendAmbiguousResultError, match=r"failed: The account's daily quota") as caught:
        empty(account)
    assert len(account.entries) == 251
    # Tomorrow it would delete what was added in between.
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (answer(403), MailerSendPermissionError),
        (answer(300), MailerSendUnexpectedAnswerError),
        (answer(200, {"errors": {"all": ["No."]}}), MailerSendValidationError),
        (refusal({"domain_id": ["Invalid."]}), MailerSendValidationError),
    ],
)
def test_what_is_refused_is_not_looked_up(outcome: Any, error: Any) -> None:
    account = of(3)
    with pytest.raises(error):
        empty(None, script=Script(account, outcome))
