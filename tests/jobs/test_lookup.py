from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.api.answers import Outcome
from airflow_provider_mailersend.api.requests import Request, SuppressionList
from airflow_provider_mailersend.exceptions import (
    MailerSendIncompleteListError,
    MailerSendUnexpectedAnswerError,
)
from airflow_provider_mailersend.jobs.domains import Scope
from airflow_provider_mailersend.jobs.lookup import Lookup
from tests.feeding.account import Account
from tests.feeding.script import NOON, Script, answer, flow, properties
from tests.feeding.varying import VaryingAccount

BLOCKLIST = SuppressionList.BLOCKLIST


def look(
    account: Account, last_pages: dict[tuple[str, str], int], **options: Any
) -> tuple[dict[tuple[str, str], int], int]:
    """Return the pages of those that are there, and how many requests it took."""
    script = Script(server=account)
    found = script.run(Lookup(BLOCKLIST, last_pages, **options).run(flow()))
    assert all(
        account.value_in(entry).lower() == what[1].strip().lower() for what, (_, entry) in found.items()
    )
    return {what: page for what, (page, _) in found.items()}, len(script.sent)


def address(n: int) -> tuple[str, str]:
    return "recipients", f"old{n}@example.org"


def long_account(entries: int = 1000) -> Account:
    account = Account()
    account.put_many(entries, newest=NOON)
    return account


def page_of(account: Account, what: Any) -> Any:
    values = [account.value_in(entry) for entry in account.entries]
    return values.index(what[1]) // 100 + 1 if what[1] in values else None


@properties
@given(
    entries=st.integers(0, 700),
    looked_for=st.sets(st.integers(0, 720), min_size=1, max_size=4),
    changes=st.lists(
        st.tuples(st.integers(0, 250), st.sets(st.integers(0, 700), max_size=40)), min_size=1, max_size=4
    ),
)
def test_what_is_there_is_found_and_what_is_gone_is_not(entries: int, looked_for: Any, changes: Any) -> None:
    account = long_account(entries)
    last_pages = dict.fromkeys(map(address, looked_for), 1)
    for added, deleted in changes:
        found, requests = look(account, last_pages)
        assert found == {what: page for what in last_pages if (page := page_of(account, what))}
        # Near where they stood, and at the worst the whole list.
        assert requests <= 3 * len(last_pages) + 2 * (len(account.entries) // 100 + 1)
        last_pages |= found
        for n in range(added):
            account.put(f"new{n}@example.org", at=NOON)
        gone = {address(n)[1] for n in deleted}
        account.entries = [entry for entry in account.entries if account.value_in(entry) not in gone]


@pytest.mark.parametrize(("added", "deleted", "requests"), [(0, 0, 1), (100, 0, 2), (0, 100, 3)])
def test_what_is_still_there_costs_a_request_wherever_it_stands(
    added: int, deleted: int, requests: int
) -> None:
    account = long_account()
    last_pages, read = look(account, {address(150): 1})
    assert (last_pages, read) == ({address(150): 9}, 9)
    for n in range(added):
        account.put(f"new{n}@example.org", at=NOON)
    del account.entries[:deleted]
    found, read = look(account, last_pages)
    assert found == {address(150): page_of(account, address(150))}
    assert read == requests


def test_that_one_is_gone_takes_the_whole_list_both_ways() -> None:
    account = long_account()
    del account.entries[849]
    assert look(account, {address(150): 9}) == ({}, 3 + 10 + 10)
    assert look(account, {address(150): 9}, both_ways=False) == ({}, 3 + 10)


@pytest.mark.parametrize("hidden", [49, 149])
@pytest.mark.parametrize("both_ways", [True, False])
def test_what_a_deletion_hides_is_found_from_the_end(hidden: int, both_ways: bool) -> None:
    account = long_account(hidden + 101)  # two pages or three, and it is the first of the second

    def serve(request: Request, script: Script) -> Outcome:
        answered = account(request, script)
        if len(script.sent) == 1:
            del account.entries[0]
        return answered

    script = Script(server=serve)
    found = script.run(Lookup(BLOCKLIST, {address(hidden): 1}, both_ways=both_ways).run(flow()))
    assert {what: page for what, (page, _) in found.items()} == ({address(hidden): 1} if both_ways else {})


def test_many_that_stand_all_over_are_read_from_the_top() -> None:
    account = long_account()
    last_pages = {address(n): page_of(account, address(n)) for n in range(1, 1000, 2)}
    assert look(account, last_pages) == (last_pages, 10)


def test_all_spellings_are_found_and_told_as_they_were_given() -> None:
    account = Account()
    account.put("Jane@Example.org", at=NOON)
    account.put(r"\D+@example\.org", at=NOON, kind="patterns")
    account.put_many(120, newest=NOON)
    jane, pattern, other = (
        ("recipients", " jANE@example.org "),
        ("patterns", r"\D+@example\.org"),
        (
            "patterns",
            r"\d+@example\.org",
        ),
    )
    found, _ = look(account, {jane: 1, pattern: 1, other: 1})
    assert found == {jane: 2, pattern: 2}


def test_the_domain_is_asked_for() -> None:
    account = long_account(150)
    account.put("a@example.org", at=NOON, domain_id="d1")
    a = "recipients", "a@example.org"
    assert look(account, {a: 2}, scope=Scope("d1")) == ({a: 1}, 3)
    assert look(account, {a: 1}, scope=Scope("d2")) == ({}, 1)
    assert look(account, {a: 1}, scope=Scope(domain="d1.example")) == ({a: 1}, 1 + 1)


def test_nothing_looked_for_asks_nothing() -> None:
    assert look(Account(), {}) == ({}, 0)


@pytest.mark.parametrize("page", [0, -3, 1.5, "1", None])
def test_a_page_is_a_number_from_1(page: Any) -> None:
    with pytest.raises(ValueError, match=r"^the page of an entry must be a whole number, at least 1; got"):
        Lookup(BLOCKLIST, {address(1): page})


@pytest.mark.parametrize("last_page", [1, 7])
def test_a_page_that_is_none_is_an_error_that_names_the_list(last_page: int) -> None:
    script = Script(answer(200, {"data": "none"}))
    with pytest.raises(MailerSendUnexpectedAnswerError) as error:
        script.run(Lookup(BLOCKLIST, {address(1): last_page}).run(flow()))
    assert error.value.endpoint == "GET /suppressions/blocklist"


def test_patterns_stand_on_the_blocklist_only() -> None:
    with pytest.raises(ValueError, match="blocklist only, not on unsubscribes"):
        Lookup(SuppressionList.UNSUBSCRIBES, {("patterns", ".*"): 1})


def test_what_is_not_met_on_a_list_whose_order_keeps_varying_may_be_there() -> None:
    account = VaryingAccount()
    for n in range(1000):
        account.put(f"old{n}@example.org", at=NOON)
    with pytest.raises(
        MailerSendIncompleteListError, match=r"1 of those looked for .* may be there"
    ) as error:
        look(account, {address(2000): 1})
    assert error.value.endpoint == "GET /suppressions/blocklist"


def test_what_is_met_on_a_list_whose_order_keeps_varying_is_there() -> None:
    account = VaryingAccount()
    for n in range(1000):
        account.put(f"old{n}@example.org", at=NOON)
    for n in range(0, 1000, 50):
        try:
            found, _ = look(account, {address(n): 1})
        except MailerSendIncompleteListError:
            continue
        assert address(n) in found
