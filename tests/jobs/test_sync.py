from __future__ import annotations

from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.api.answers import Outcome
from airflow_provider_mailersend.api.flow import Steps
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.jobs.domains import Scope
from tests.feeding.account import Account, minutes
from tests.feeding.script import NOON, Script, flow, properties
from tests.feeding.syncs import account_with, people, state, sync, sync_of, values
from tests.feeding.varying import VaryingAccount


def test_what_is_missing_is_added_and_nothing_else_is_touched() -> None:
    account = account_with(3)
    account.put(".*", at=NOON - minutes(60), kind="patterns")
    account.put("person3@x.example", at=NOON - minutes(60), domain_id="d1")
    before = [entry["id"] for entry in account.entries]
    work, script = sync(account, recipients=people(1, 3, 4))
    assert values(account) == [".*", *people(0, 1, 2, 3, 4)]
    assert [entry["id"] for entry in account.entries if entry["id"] in before] == before
    assert script.methods == ["GET", "POST"]
    assert work.result(2) == {
        "wanted": 3,
        "present": 3,
        "unchanged": 1,
        "duplicates": 0,
        "to_add": 2,
        "to_delete": 0,
        "added": 2,
        "deleted": 0,
        "rejected": 0,
        "stored_differently": 0,
        "first_to_add": people(3, 4),
        "first_to_delete": [],
        "first_rejected": [],
        "first_stored_differently": [],
        "may_be_incomplete": False,
        "dry_run": False,
        "plan": None,
        "left_out": 0,
        "refusal": None,
        "requests": 2,
    }


def test_a_mirror_makes_the_list_equal() -> None:
    account = account_with(3)
    account.put(".*", at=NOON - minutes(60), kind="patterns")
    work, script = sync(account, recipients=people(1, 3, 4), mode="mirror", max_deletes=2)
    assert values(account) == [".*", *people(1, 3, 4)]
    assert script.changes == ["POST", "DELETE"]
    result = work.result(4)
    assert (result["added"], result["deleted"], result["to_delete"]) == (2, 2, 2)
    assert result["first_to_delete"] == [
        {"id": "e3", "value": people(2)[0]},
        {"id": "e1", "value": people(0)[0]},
    ]


def test_duplicates_go_when_asked_to_and_the_oldest_stays() -> None:
    account = account_with(2)
    for minute in (50, 40):
        account.put("PERSON1@x.example", at=NOON - minutes(minute))
    work, script = sync(account, recipients=people(0, 1), remove_duplicates=True)
    assert sorted(entry["id"] for entry in account.entries) == ["e1", "e2"]
    assert script.changes == ["DELETE"]
    assert (work.result(0)["duplicates"], work.result(0)["deleted"]) == (2, 2)


@pytest.mark.parametrize("scope", [Scope("d1"), Scope(domain="D1.example")])
@pytest.mark.parametrize("suppression_list", ["blocklist", "unsubscribes", "hard-bounces"])
def test_only_the_entries_of_the_domain_are_meant(suppression_list: str, scope: Any) -> None:
    account = Account(suppression_list)
    for domain_id in ("d1", "d2"):
        for value in people(0, 1):
            account.put(value, at=NOON - minutes(60), domain_id=domain_id)
    _, script = sync(account, recipients=people(1, 2), scope=scope, mode="mirror", max_deletes=1)
    assert (values(account, "d1"), values(account, "d2")) == (people(1, 2), people(0, 1))
    assert [request.params.get("domain_id") for request in script.sent if request.params and "domains" not in
            request.path] == ["d1"]  # fmt: skip
    assert [body["domain_id"] for body in script.bodies] == ["d1", "d1"]


def test_the_account_s_blocklist_is_that_without_a_domain() -> None:
    account = account_with(2)
    account.put("person0@x.example", at=NOON - minutes(60), domain_id="d1")
    sync(account, recipients=[], mode="mirror", max_deletes=1.0, allow_empty=True)
    assert (values(account), values(account, "d1")) == ([], people(0))


@pytest.mark.parametrize("mode", ["add_only", "mirror"])
def test_done_again_it_changes_nothing(mode: str) -> None:
    account = account_with(30)
    for _ in range(2):
        for value in people(4, 5):
            account.put(value, at=NOON - minutes(50))
    given_: dict[str, Any] = {
        "recipients": people(*range(10, 40)),
        "patterns": [r"\d"],
        "mode": mode,
        "max_deletes": 1.0,
    }
    sync(account, remove_duplicates=True, **given_)
    done = state(account)
    work, script = sync(account, remove_duplicates=True, **given_)
    assert (script.changes, state(account)) == ([], done)
    assert (work.result(0)["to_add"], work.result(0)["to_delete"]) == (0, 0)


def test_who_opted_out_is_added_before_anything_is_deleted() -> None:
    account = account_with(4)
    _, script = sync(account, recipients=people(8, 9), mode="mirror", max_deletes=4, batch_size=1)
    assert script.changes == ["POST"] * 2 + ["DELETE"] * 4


@properties
@given(
    there=st.integers(0, 320),
    adds=st.integers(0, 70),
    deletes=st.integers(0, 320),
    batch_size=st.integers(1, 120),
)
def test_it_takes_no_request_too_many(there: int, adds: int, deletes: int, batch_size: int) -> None:
    deletes = min(there, deletes)
    account = account_with(there)
    wanted = people(*range(deletes, there), *range(1000, 1000 + adds))
    given_: dict[str, Any] = {
        "recipients": wanted,
        "mode": "mirror",
        "max_deletes": there,
        "allow_empty": True,
    }
    work, script = sync(account, batch_size=batch_size, **given_)
    pages = max(1, ceil(there / 100))
    asked = [request for request in script.sent if not request.uses_quota]
    assert len(script.sent) == pages + ceil(adds / batch_size) + ceil(deletes / batch_size) + len(asked)
    # No answer tells what is left of the day's: for a long job it is asked, once, and for a short one not.
    assert len(asked) == (work._least_requests() > 21)
    assert values(account) == sorted(wanted)
    _, script = sync(account, batch_size=batch_size, **given_)
    assert len(script.pages_read) == max(1, ceil((there - deletes + adds) / 100))
    assert script.changes == []
    assert work.result(0)["added"] == adds


def test_it_tells_how_far_it_is() -> None:
    account = account_with(150)
    script = Script(server=account)
    wanted = people(*range(140), *range(200, 205))
    script.run(sync_of(account, recipients=wanted, mode="mirror", batch_size=4).run(flow()))
    path = "/suppressions/blocklist"
    assert script.told == [
        (f"GET {path}", 100, None),
        (f"GET {path}", 150, None),
        (f"POST {path}", 4, 5),
        (f"POST {path}", 5, 5),
        (f"DELETE {path}", 4, 10),
        (f"DELETE {path}", 8, 10),
        (f"DELETE {path}", 10, 10),
    ]


def test_adding_only_stops_reading_where_all_that_is_wanted_was_met() -> None:
    account = account_with(0)
    account.put_many(5000, newest=NOON - minutes(5))
    for value in people(0, 1, 2, 3, 4):
        account.put(value, at=NOON - minutes(4))
    _, script = sync(account, recipients=people(0, 1, 2, 3, 4))
    assert script.pages_read == [1]
    _, script = sync(account, recipients=people(0, 1), remove_duplicates=True)
    assert len(script.pages_read) == 51
    _, script = sync(account, recipients=people(0, 1, 2, 3, 4), mode="mirror", dry_run=True)
    assert len(script.pages_read) == 51
    _, script = sync(account, recipients=[])
    assert script.sent == []


def test_a_list_whose_order_keeps_varying_tells_that_some_may_be_missed() -> None:
    account = VaryingAccount()
    for value in people(*range(1000)):
        account.put(value, at=NOON - minutes(60))
    work, _ = sync(account, recipients=people(*range(1000)))
    result = work.result(0)
    assert result["may_be_incomplete"]
    assert set(account.of_domain(None)) == set(people(*range(1000)))
    work, _ = sync(account_with(300), recipients=people(*range(300)))
    assert not work.result(0)["may_be_incomplete"]


def test_what_a_look_for_an_addition_may_have_missed_is_told_too() -> None:
    account = VaryingAccount(faults=["fine", "lost before"])

    def also_adding(request: Request, script: Script) -> Outcome:
        if request.method == "POST" and not account.entries:
            for n in range(300):
                account.put(f"other{n}@x.example", at=script.now)
        return account(request, script)

    work, _ = sync(account, script=Script(server=also_adding), recipients=people(0))
    assert not work.may_be_incomplete
    assert work.result(0)["may_be_incomplete"]


@pytest.mark.parametrize("seed", range(3))
def test_two_that_remove_duplicates_at_once_leave_one_of_each(seed: int) -> None:
    account = VaryingAccount(seed=seed)
    for _ in range(2):
        for value in people(*range(300)):
            account.put(value, at=NOON - minutes(60))
    given_: dict[str, Any] = {"recipients": people(*range(300)), "remove_duplicates": True}
    script = Script(server=account)
    under_way: dict[Steps[None], Any] = {sync_of(account, **given_).run(flow()): None for _ in range(2)}
    while under_way:
        for steps, outcome in list(under_way.items()):
            try:
                under_way[steps] = script.perform(steps.send(outcome))
            except StopIteration:
                del under_way[steps]
    assert sorted(set(account.of_domain(None))) == sorted(people(*range(300)))
