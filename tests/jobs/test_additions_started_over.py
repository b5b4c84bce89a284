from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.api.answers import Outcome
from airflow_provider_mailersend.api.requests import Request, SuppressionList
from airflow_provider_mailersend.exceptions import (
    MailerSendQuotaExhaustedError,
)
from tests.feeding.account import FAULTS, Account, minutes
from tests.feeding.additions import add, additions, addresses, start_over
from tests.feeding.script import (
    NOON,
    Script,
    flow,
    properties,
    thorough,
)
from tests.feeding.varying import VaryingAccount

values = st.lists(
    st.builds(
        lambda number, spelling: spelling(f"person{number}@example.com"),
        st.integers(0, 30),
        st.sampled_from([str, str.upper, str.title, " {} ".format]),
    ),
    max_size=40,
)
faults = st.lists(st.sampled_from(FAULTS), max_size=8)


@thorough
@given(
    recipients=values,
    patterns=st.lists(st.sampled_from([r"\d@x", r"\D@x", ".*@y", " .*@y"]), max_size=4),
    domain_id=st.sampled_from([None, "d1"]),
    before=st.lists(st.tuples(st.integers(0, 30), st.sampled_from([None, "d1", "d2"])), max_size=20),
    batch_size=st.integers(1, 12),
    most=st.none() | st.integers(1, 8),
    names_most=st.booleans(),
    invalid=st.sets(st.integers(0, 30), max_size=3),
    hours_ahead=st.integers(-12, 12),
    faults=faults,
    latency=st.sampled_from([0.0, 0.2, 1.7]),
)
def test_the_blocklist_ends_up_with_each_once_whatever_goes_wrong(
    recipients: Any,
    patterns: Any,
    domain_id: str | None,
    before: Any,
    batch_size: int,
    most: int,
    names_most: bool,
    invalid: Any,
    hours_ahead: int,
    faults: list[str],
    latency: float,
) -> None:
    refused = {f"person{number}@example.com" for number in invalid}
    spellings: list[Callable[[str], str]] = [str, str.upper, str.title]
    account = Account(
        most=most,
        names_most=names_most,
        invalid={spelled(value) for value in refused for spelled in spellings},
        ahead=3600.0 * hours_ahead,
        faults=faults,
    )
    for number, scope in before:
        account.put(f"person{number}@example.com", at=NOON + account.ahead - minutes(3), domain_id=scope)
    there = [entry["id"] for entry in account.entries]

    work, _ = add(
        account,
        script=Script(server=account, latency=latency),
        recipients=recipients,
        patterns=patterns,
        domain_id=domain_id,
        batch_size=batch_size,
        on_invalid="skip",
    )

    wanted = {value.strip().lower() for value in recipients} - refused
    new = [entry for entry in account.entries if entry["id"] not in there]
    found = [account.value_in(entry) for entry in new if entry["type"] == "exact"]
    assert sorted(value.lower() for value in found) == sorted(wanted)
    found = [account.value_in(entry) for entry in new if entry["type"] == "pattern"]
    assert sorted(found) == sorted({pattern.strip() for pattern in patterns})
    assert {account.domain_of(entry) for entry in new} <= {domain_id}
    assert sorted(work.added) == sorted(entry["id"] for entry in new)
    all_given = {value.strip().lower() for value in recipients}
    assert sorted(each["value"].lower() for each in work.result(0)["rejected"]) == sorted(all_given & refused)
    assert [id_ for id_ in there if id_ not in {entry["id"] for entry in account.entries}] == []


@thorough
@given(
    recipients=values,
    before=st.sets(st.integers(0, 30), max_size=20),
    batch_size=st.integers(1, 50),
    faults=faults,
)
def test_a_list_of_a_domain_ends_up_with_each_once_whatever_goes_wrong(
    recipients: Any, before: Any, batch_size: int, faults: list[str]
) -> None:
    account = Account("unsubscribes", faults=faults)
    for number in before:
        for scope in ("d1", "d2") if number % 2 else ("d2",):
            account.put(f"person{number}@example.com", at=NOON - minutes(60), domain_id=scope)
    there = {value.lower() for value in account.of_domain("d1")}

    work, _ = add(
        account,
        suppression_list=SuppressionList.UNSUBSCRIBES,
        recipients=recipients,
        domain_id="d1",
        batch_size=batch_size,
    )

    wanted = {value.strip().lower() for value in recipients}
    assert sorted(value.lower() for value in account.of_domain("d1")) == sorted(there | wanted)
    by_id = {entry["id"]: account.value_in(entry).lower() for entry in account.entries}
    assert sorted(by_id[id_] for id_ in work.added) == sorted(wanted)


def test_an_error_tells_how_many_were_added_and_no_address() -> None:
    account = Account(invalid=["bad@x"], left=2)
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        add(
            account,
            recipients=["a@x.example", "bad@x", "b@x.example", "c@x.example"],
            batch_size=2,
            on_invalid="skip",
        )
    assert caught.value.counts == {"added": 2}
    account.left = 1
    with pytest.raises(MailerSendQuotaExhaustedError, match="before that: 2 of 4; not added: 2") as caught:
        start_over(account, recipients=["a@x.example", "b@x.example", *addresses(2)])
    # What was found added is no progress.
    assert caught.value.counts == {"added": 0}


STEPS_OF_AN_ADDITION = 40


@pytest.mark.parametrize(("which", "domain_id"), [("blocklist", None), ("unsubscribes", "d1")])
@pytest.mark.parametrize("wait", [0.0, 5.0, minutes(5), 43200.0])
@pytest.mark.parametrize("fault", ["fine", "lost before", "lost after", "503 after", "HTML after"])
def test_a_killed_worker_s_work_is_started_over_and_nothing_is_added_twice(
    which: str, domain_id: str | None, wait: float, fault: str
) -> None:
    recipients = [*addresses(5), "bad@x", *addresses(9)[5:], ""]
    given_: dict[str, Any] = {
        "suppression_list": SuppressionList(which),
        "domain_id": domain_id,
        "batch_size": 3,
        "on_invalid": "skip",
        "recipients": recipients,
    }
    for steps in range(STEPS_OF_AN_ADDITION):
        account = Account(which, invalid=["bad@x"], faults=["fine", fault])
        work = additions(**given_)
        script = Script(server=account, latency=0.2)
        is_done = script.run_some(work.run(flow()), steps)
        account.faults = []
        again, _ = start_over(account, at=script.now + wait, **given_)
        assert sorted(account.of_domain(domain_id)) == addresses(9), steps
        assert sorted(again.added) == sorted(entry["id"] for entry in account.entries), steps
        assert sorted(each["value"] for each in again.result(0)["rejected"]) == ["", "bad@x"]
    assert is_done


def test_a_first_run_looks_at_nothing_and_waits_for_nothing() -> None:
    script = Script(server=(account := Account()))
    add(account, script=script, recipients=addresses(3))
    assert (script.methods, script.pauses) == (["POST"], [])


def test_what_a_killed_worker_sent_last_is_waited_for() -> None:
    account = Account()
    sent: list[Any] = []

    def late(request: Request, script: Script) -> Outcome:
        # The killed worker's request is carried out some seconds after it was sent.
        if not sent and script.now >= NOON + 305:
            sent.extend(account.put(value, at=NOON + 304) for value in addresses(3))
        return account(request, script)

    work, script = add(
        account,
        script=Script(server=late, start=NOON + 300),
        recipients=addresses(5),
        added_since=NOON,
        settle=True,
    )
    assert script.reasons == ["requests that an earlier attempt may have sent"]
    assert script.pauses[0] >= 5
    assert script.methods == ["GET", "POST"]
    assert sorted(account.of_domain(None)) == addresses(5)
    assert len(work.added) == 5


def test_who_was_deferred_need_not_wait() -> None:
    _, script = add(account := Account(), recipients=addresses(2), added_since=NOON)
    assert (script.methods, script.pauses) == (["GET", "POST"], [])
    assert account.of_domain(None)[::-1] == addresses(2)


@pytest.mark.parametrize("seed", range(5))
def test_an_order_that_keeps_varying_hides_little_and_that_is_told(seed: int) -> None:
    account = VaryingAccount(seed=seed)
    for value in addresses(300):
        account.put(value, at=NOON + 1)
    work, _ = start_over(account, recipients=addresses(300))
    assert len(account.entries) == 300
    assert not work.result(0)["may_be_incomplete"]
    # That one isn't there at all is never sure.
    work, _ = start_over(account, recipients=addresses(301))
    assert len(account.entries) == 301
    assert work.result(0)["may_be_incomplete"]


def test_nothing_to_add_looks_at_nothing() -> None:
    _, script = start_over(Account(), recipients=[])
    assert (script.sent, script.pauses) == ([], [])


def test_entries_of_before_the_dag_run_are_not_taken_for_its_own() -> None:
    account = Account()
    for value in addresses(3):
        account.put(value, at=NOON - minutes(10))
    work, _ = start_over(account, recipients=addresses(3))
    assert sorted(account.of_domain(None)) == sorted(addresses(3) * 2)
    assert len(work.added) == 3


@pytest.mark.parametrize("apart", [-50.0, -10.0, 10.0, 50.0])
def test_the_clock_of_the_machine_that_starts_over_may_differ(apart: float) -> None:
    account = Account(left=1)
    with pytest.raises(MailerSendQuotaExhaustedError):
        add(account, recipients=addresses(3), batch_size=2)
    account.left, account.ahead = None, -apart
    start_over(account, at=NOON + minutes(5) + apart, recipients=addresses(3))
    assert sorted(account.of_domain(None)) == addresses(3)


def test_it_looks_no_further_back_than_the_dag_run_s_beginning() -> None:
    account = Account()
    for n in range(350):
        account.put(f"other{n}@x.example", at=NOON - minutes(400 - n))
    _, script = start_over(account, recipients=addresses(1))
    assert script.methods == ["GET", "POST"]


@properties
@given(
    number=st.integers(0, 12),
    batch_size=st.integers(1, 5),
    days=st.lists(st.integers(0, 4), max_size=5),
    faults=st.lists(st.sampled_from(FAULTS), max_size=8),
)
def test_all_are_added_once_however_many_days_it_takes(
    number: int, batch_size: int, days: list[int], faults: list[str]
) -> None:
    account, now = Account(faults=faults), NOON
    since: dict[str, Any] = {}
    for left in [*days, None]:
        account.left = left
        script = Script(server=account, start=now)
        try:
            work, _ = add(
                account, script=script, batch_size=batch_size, recipients=addresses(number), **since
            )
            break
        except MailerSendQuotaExhaustedError:
            now, since = script.now + 86_400, {"added_since": NOON}
    assert sorted(account.of_domain(None)) == sorted(addresses(number))
    assert sorted(work.added) == sorted(entry["id"] for entry in account.entries)
