from __future__ import annotations

import pytest

from airflow_provider_mailersend.api.requests import SuppressionList
from airflow_provider_mailersend.exceptions import MailerSendAuthenticationError, MailerSendServerError
from airflow_provider_mailersend.jobs.domains import Scope
from airflow_provider_mailersend.jobs.plan import Plan
from airflow_provider_mailersend.jobs.sync import Changes
from airflow_provider_mailersend.jobs.wanted import Item
from tests.feeding.account import Account, minutes
from tests.feeding.script import NOON, Script, answer, flow

BLOCKLIST = SuppressionList.BLOCKLIST


def plan(*, adds=0, deletes=0):
    return Plan(
        wanted=adds,
        present=deletes,
        duplicates=0,
        to_add=[Item("recipients", f"new{n}@x.example", n) for n in range(adds)],
        to_delete=[f"e{n + 1}" for n in range(deletes)],
        first_to_delete=[],
    )


def account_of(number=0, **options):
    account = Account(**options)
    for n in range(number):
        account.put(f"old{n}@x.example", at=NOON - minutes(100 - n))
    return account


def methods(script):
    return [request.method for request in script.sent]


def test_all_is_added_before_any_is_deleted():
    account = account_of(5)
    script, work = Script(server=account), Changes(BLOCKLIST, plan(adds=3, deletes=5), batch_size=2)
    script.run(work.run(flow()))
    assert methods(script) == ["POST"] * 2 + ["DELETE"] * 3
    assert account.of_domain(None)[::-1] == [f"new{n}@x.example" for n in range(3)]
    assert (work.added, work.deleted, work.rejected) == (3, 5, 0)


def test_a_domain_is_told_with_each_request():
    account = Account("unsubscribes")
    account.put("old@x.example", at=NOON - minutes(9), domain_id="d1")
    work = Changes(SuppressionList.UNSUBSCRIBES, plan(adds=1, deletes=1), scope=Scope("d1"))
    script = Script(server=account)
    script.run(work.run(flow()))
    assert [request.body["domain_id"] for request in script.sent] == ["d1", "d1"]
    assert account.of_domain("d1") == ["new0@x.example"]


def test_nothing_to_do_sends_nothing():
    script = Script()
    script.run(Changes(BLOCKLIST, plan()).run(flow()))
    assert script.sent == []


def test_it_tells_in_words_what_was_done():
    account = account_of(3)
    work = Changes(BLOCKLIST, plan(adds=3, deletes=3), batch_size=2)
    assert work.progress == "Added before that: 0 of 3; deleted: 0 of 3."
    script = Script(account, account, account, answer(401))
    with pytest.raises(MailerSendAuthenticationError):
        script.run(work.run(flow()))
    assert work.progress == "Added before that: 3 of 3; deleted: 2 of 3."


def test_a_smaller_batch_is_kept_to():
    account = account_of(5, most=2)
    script = Script(server=account)
    script.run(Changes(BLOCKLIST, plan(adds=5, deletes=5)).run(flow()))
    assert methods(script) == ["POST"] * 4 + ["DELETE"] * 4


def test_what_is_refused_is_left_out_and_told():
    account = account_of(invalid=[f"new{n}@x.example" for n in (1, 3)])
    script, work = Script(server=account), Changes(BLOCKLIST, plan(adds=5), batch_size=2)
    script.run(work.run(flow()))
    assert (work.added, work.rejected) == (3, 2)
    assert [(one["value"], one["where"]) for one in work.first_rejected] == [
        ("new1@x.example", "recipients[1]"),
        ("new3@x.example", "recipients[3]"),
    ]
    assert "valid email address" in work.first_rejected[0]["reason"]


def test_ten_of_those_refused_are_told():
    account = account_of(invalid=[f"new{n}@x.example" for n in range(14)])
    for batch_size in (3, 20):
        script, work = Script(server=account), Changes(BLOCKLIST, plan(adds=14), batch_size=batch_size)
        script.run(work.run(flow()))
        assert (work.rejected, len(work.first_rejected)) == (14, 10)


def test_a_fault_that_lasts_ends_it_where_it_stands():
    account = account_of(4)
    script = Script(account, server=lambda *_: answer(503))
    work = Changes(BLOCKLIST, plan(deletes=4), batch_size=2)
    with pytest.raises(MailerSendServerError):
        script.run(work.run(flow(max_retries=1)))
    assert work.counts == {"added": 0, "deleted": 2, "duplicates": 0}
