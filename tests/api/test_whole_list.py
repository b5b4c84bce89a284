from __future__ import annotations

import random
from typing import Any, TypeVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_mailersend.api import requests
from airflow_provider_mailersend.api.answers import Outcome
from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.pages import WholeList
from airflow_provider_mailersend.api.requests import Request
from tests.feeding.account import Account, minutes
from tests.feeding.samples import BLOCKLIST
from tests.feeding.script import NOON, Script, Server, flow, page, properties
from tests.feeding.varying import VaryingAccount

AnyAccount = TypeVar("AnyAccount", bound=Account)


def read(server: Server, asked: Request = BLOCKLIST, **bounds: Any) -> tuple[list[str], WholeList, Script]:
    """Return the ids of what was read, the reading, and the script it ran by."""
    script, whole, sender = Script(server=server), WholeList(asked, **bounds), flow()
    found: list[Entry] = []
    while whole.request is not None:
        found += script.run(sender.read_page(whole))
    return [entry["id"] for entry in found], whole, script


def pages(script: Script) -> list[object]:
    return [request.params["page"] for request in script.sent]


def filled(account: AnyAccount, number: int, *, seconds: int = 1) -> AnyAccount:
    """Put so many entries on the list, each of one of so many seconds."""
    for n in range(number):
        account.put(f"old{n}@example.org", at=NOON - minutes(9) + n * seconds // max(number, 1))
    return account


@pytest.mark.parametrize("number", [0, 1, 100, 101, 350])
def test_a_list_at_rest_is_read_once(number: int) -> None:
    account = filled(Account(), number)
    found, whole, script = read(account)
    assert found == [entry["id"] for entry in account.entries]
    assert (len(script.sent), whole.may_be_incomplete) == (max(1, -(-number // 100)), False)


def test_entries_added_meanwhile_explain_what_is_met_twice_at_the_cost_of_one_request() -> None:
    account = filled(Account(), 350)

    def adding(request: Request, script: Script) -> Outcome:
        answered = account(request, script)
        if len(script.sent) <= 3:
            account.put("new@example.org", at=script.now)
        return answered

    found, whole, script = read(adding)
    assert sorted(found) == sorted(entry["id"] for entry in account.entries)
    assert (pages(script), whole.may_be_incomplete) == ([1, 2, 3, 4, 1], False)


def test_a_page_full_of_new_entries_is_no_reason_to_read_again() -> None:
    account = filled(Account(), 250)

    def adding(request: Request, script: Script) -> Outcome:
        answered = account(request, script)
        if len(script.sent) == 1:
            for _ in range(150):
                account.put("new@example.org", at=script.now)
        return answered

    found, whole, script = read(adding)
    assert sorted(found) == sorted(entry["id"] for entry in account.entries)
    assert (pages(script), whole.may_be_incomplete) == ([1, 2, 3, 4, 1], False)


def test_one_that_changed_places_over_the_border_of_two_pages_is_found_by_another_reading() -> None:
    account = filled(Account(), 200)

    def swapping(request: Request, script: Script) -> Outcome:
        if len(script.sent) == 2:
            account.entries[99], account.entries[100] = account.entries[100], account.entries[99]
        return account(request, script)

    found, whole, script = read(swapping)
    assert sorted(found) == sorted(entry["id"] for entry in account.entries)
    assert not whole.may_be_incomplete
    assert len(script.sent) <= 4


def test_one_that_was_passed_over_is_found_on_the_page_where_it_is_then() -> None:
    a, b, missed, c = ({"id": id_} for id_ in ("a", "b", "missed", "c"))
    script = Script(page(a, b, more=True), page(b, c), page(a, b, more=True), page(missed, c))
    whole, sender = WholeList(BLOCKLIST), flow()
    found: list[Entry] = []
    while whole.request is not None:
        found += script.run(sender.read_page(whole))
    assert [entry["id"] for entry in found] == ["a", "b", "c", "missed"]
    assert not whole.may_be_incomplete


@pytest.mark.parametrize("seed", range(5))
def test_a_list_whose_order_keeps_varying_may_be_incomplete_and_says_so(seed: int) -> None:
    account = filled(VaryingAccount(seed=seed), 1000)
    found, whole, script = read(account)
    assert len(found) == len(set(found)) < 1000
    assert whole.may_be_incomplete
    assert len(script.sent) == 30


def test_recipients_are_read_once_although_new_ones_may_stand_anywhere() -> None:
    entries = [{"id": f"r{n:04}"} for n in range(0, 700, 2)]

    def serve(request: Request, script: Script) -> Outcome:
        at = (int(request.params["page"]) - 1) * 100
        answered = page(*entries[at : at + 100], more=len(entries) > at + 100)
        entries.insert(3, {"id": f"r{len(script.sent):04}a"})
        return answered

    _, whole, script = read(serve, requests.list_recipients())
    assert (pages(script), whole.may_be_incomplete) == ([1, 2, 3, 4], False)


def test_a_list_is_not_read_again_where_nobody_reads_to_its_end() -> None:
    account = filled(VaryingAccount(), 1000)
    script, whole = Script(server=account), WholeList(BLOCKLIST)
    for _ in range(5):
        script.run(flow().read_page(whole))
    assert whole.request is not None
    assert (whole.request.params["page"], whole.may_be_incomplete) == (6, False)


events = st.lists(st.tuples(st.sampled_from(["shuffle", "add", "rest"]), st.integers(1, 120)), max_size=12)


@properties
@given(st.integers(0, 520), st.integers(1, 9), events, st.integers(0, 2**16))
# The entry added after the last page doesn't explain the one that came twice.
@example(155, 6, [("shuffle", 1), ("shuffle", 1), ("add", 1)], 0)
def test_what_stood_there_all_along_is_read_once_or_the_reading_says_otherwise(
    number: int, seconds: int, happening: list[tuple[str, int]], seed: int
) -> None:
    account, chance = filled(Account(), number, seconds=seconds), random.Random(seed)
    at_first = [entry["id"] for entry in account.entries]
    happening = list(happening)

    def serve(request: Request, script: Script) -> Outcome:
        what, count = happening.pop(0) if happening else ("rest", 0)
        if what == "shuffle":
            chance.shuffle(account.entries)
            account.entries.sort(key=lambda entry: entry["created_at"], reverse=True)
        elif what == "add":
            for _ in range(count):
                account.put("new@example.org", at=script.now)
        script.now += 1.0
        return account(request, script)

    found, whole, script = read(serve)
    assert len(found) == len(set(found))
    assert set(found) <= {entry["id"] for entry in account.entries}
    missed = set(at_first) - set(found)
    assert not missed or whole.may_be_incomplete
    assert len(script.sent) <= 4 * (len(account.entries) // 100 + 2)


@properties
@given(st.integers(0, 520), st.lists(st.integers(1, 60), max_size=8), st.integers(0, 2**16))
def test_what_is_deleted_meanwhile_brings_nothing_twice_and_ends(
    number: int, deletions: list[int], seed: int
) -> None:
    account, chance = filled(Account(), number), random.Random(seed)
    ids = {entry["id"] for entry in account.entries}
    deletions = list(deletions)

    def serve(request: Request, script: Script) -> Outcome:
        for _ in range(deletions.pop(0) if deletions else 0):
            if account.entries:
                account.entries.pop(chance.randrange(len(account.entries)))
        return account(request, script)

    found, whole, _ = read(serve)
    assert len(found) == len(set(found))
    assert set(found) <= ids
    assert not whole.may_be_incomplete
