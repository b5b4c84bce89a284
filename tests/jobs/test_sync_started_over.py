from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.api.answers import Outcome
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.exceptions import (
    MailerSendQuotaExhaustedError,
)
from tests.feeding.account import FAULTS, Account, minutes
from tests.feeding.script import NOON, Script, flow, thorough
from tests.feeding.syncs import HOUR, account_with, people, state, sync, sync_of, values


class Case:
    """A list and what it is to be made, a few batches of it wrong."""

    def __init__(
        self, suppression_list: str = "blocklist", *, invalid: Any = True, long: Any = False, **options: Any
    ) -> None:
        self.domain_id = None if suppression_list == "blocklist" else "d1"
        bad = people(21, 24) if invalid else []
        self.account = Account(suppression_list, invalid=bad, **options)
        for n in range(230 if long else 6):
            self.put(f"old{n}@x.example", minutes_ago=500 - n)
        for n in range(7):
            self.put(people(n)[0], minutes_ago=100)
        for value in people(0, 20, 21):
            self.account.put(value, at=NOON - minutes(95), domain_id="d2")
        if suppression_list == "blocklist":
            self.put(people(1)[0], minutes_ago=90)
        old = [f"old{n}@x.example" for n in range(230 if long else 6)]
        self.given: dict[str, Any] = {
            "recipients": [*old, *people(1, 2), " ", *people(20, 21, 22, 23, 24, 25, 26)],
            "mode": "mirror",
            "max_deletes": 20,
            "remove_duplicates": True,
            "on_invalid": "skip",
            "batch_size": 2,
            "domain_id": self.domain_id,
        }

    def put(self, value: str, *, minutes_ago: float) -> None:
        self.account.put(value, at=NOON - minutes(minutes_ago), domain_id=self.domain_id)

    def work(self, **more: Any) -> Any:
        return sync_of(self.account, **(self.given | more))

    def begin(self, number: int, *, start: float = NOON, **more: Any) -> Any:
        """Do so many steps, and then die; return the script."""
        script = Script(server=self.account, start=start, latency=0.2)
        script.run_some(self.work(**more).run(flow(max_retries=20)), number)
        return script

    def finish(self, *, start: float = NOON, **more: Any) -> Any:
        """Do it to its end; return the work and the script."""
        script = Script(server=self.account, start=start, latency=0.2)
        work = self.work(**more)
        script.run(work.run(flow(max_retries=20)))
        return work, script


def old_ids(account: Account) -> Any:
    """Return the ids of what is left of the entries that a case begins with."""
    return [entry["id"] for entry in account.entries if int(entry["id"][1:]) <= 16]


def undisturbed(**options: Any) -> Any:
    case = Case(**options)
    work, script = case.finish()
    return case, work, script


LISTS = ("blocklist", "unsubscribes")
STEPS = {which: undisturbed(suppression_list=which)[2].steps for which in LISTS}


@pytest.mark.parametrize("which", LISTS)
@pytest.mark.parametrize("wait", [0.0, 3.0, minutes(5), 30 * HOUR])
@pytest.mark.parametrize("fault", ["fine", "lost before", "lost after", "503 after", "timed out after"])
def test_a_run_that_dies_at_any_moment_is_started_over(which: str, wait: float, fault: str) -> None:
    done, _, _ = undisturbed(suppression_list=which)
    for number in range(STEPS[which] + 1):
        case = Case(which, faults=["fine", "fine", fault])
        script = case.begin(number)
        case.account.faults = []
        work, _ = case.finish(start=script.now + wait, settle=True)
        assert state(case.account) == state(done.account), number
        assert old_ids(case.account) == old_ids(done.account), number
        result = work.result(0)
        assert (result["added"], result["deleted"]) == (result["to_add"] - 2, result["to_delete"]), number


@pytest.mark.parametrize("which", LISTS)
@pytest.mark.parametrize("fault", ["fine", "lost before", "lost after", "503 after", "timed out after"])
def test_a_day_that_ends_at_any_request_is_started_over_on_the_next(which: str, fault: str) -> None:
    done, work, script = undisturbed(suppression_list=which)
    total, whole = len(script.sent), work.result(0)
    for left in range(total + 1):
        for at in range(total) if fault != "fine" else [0]:
            case = Case(which, left=left, tells_quota=False, faults=["fine"] * at + [fault])
            before = {}
            try:
                again, script = case.finish()
            except MailerSendQuotaExhaustedError as error:
                before = error.counts
                case.account.left, case.account.faults = None, []
                again, script = case.finish(start=NOON + 12 * HOUR)
            assert state(case.account) == state(done.account), (left, at)
            if fault == "fine":
                for name in ("added", "deleted"):
                    assert again.result(0)[name] + before.get(name, 0) == whole[name], (left, name)


def test_a_first_run_waits_for_nothing_and_a_retry_for_what_a_killed_worker_sent_last() -> None:
    account, sent = account_with(1), list[Any]()

    def late(request: Request, script: Script) -> Outcome:
        # The killed worker's request is carried out some seconds after it was sent.
        if not sent and script.now >= NOON + 5:
            sent.append(account.put(people(1)[0], at=NOON + 4))
        return account(request, script)

    _, script = sync(account, script=Script(server=late), recipients=people(0, 1, 2), settle=True)
    assert script.reasons == ["requests that an earlier attempt may have sent"]
    assert values(account) == people(0, 1, 2)
    _, script = sync(account, recipients=people(0, 1, 2, 3))
    assert script.pauses == []


@thorough
@given(
    which=st.sampled_from(LISTS),
    invalid=st.booleans(),
    faults=st.lists(st.sampled_from([*FAULTS, "fine", "fine"]), max_size=12),
    tries=st.lists(
        st.tuples(
            st.booleans(),  # whether the worker dies, or the day ends
            st.integers(0, 45),  # when
            st.sampled_from([0.0, 2.0, minutes(5), 14 * HOUR]),  # how long until the next try
        ),
        max_size=4,
    ),
    batch_size=st.integers(1, 4),
    most=st.none() | st.integers(1, 3),
    ahead=st.sampled_from([0.0, -HOUR, 30.0]),
)
def test_the_list_ends_up_as_wanted_whatever_goes_wrong(
    which: str, invalid: Any, faults: list[str], tries: Any, batch_size: int, most: int, ahead: float
) -> None:
    done, _, _ = undisturbed(suppression_list=which, invalid=invalid)
    case = Case(which, invalid=invalid, faults=faults, most=most, ahead=ahead)
    case.account.tells_quota = False
    now = NOON
    for dies, when, wait in tries:
        script = Script(server=case.account, start=now, latency=0.2)
        steps = case.work(batch_size=batch_size).run(flow(max_retries=20))
        case.account.left = None if dies else when % 14
        with suppress(MailerSendQuotaExhaustedError):
            script.run_some(steps, when if dies else 10_000)
        case.account.left = None
        now = script.now + wait
    case.finish(start=now, batch_size=batch_size)
    assert state(case.account) == state(done.account)
