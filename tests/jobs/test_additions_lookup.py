from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest

from airflow_provider_mailersend.api.answers import Answer, Outcome
from airflow_provider_mailersend.api.requests import Request, list_suppressions
from airflow_provider_mailersend.exceptions import (
    MailerSendAmbiguousResultError,
    MailerSendAuthenticationError,
    MailerSendQuotaExhaustedError,
)
from tests.feeding.account import Account, minutes
from tests.feeding.additions import BLOCKLIST, HARD_BOUNCES, add, addresses
from tests.feeding.script import (
    NOON,
    Script,
    answer,
    flow,
    lost,
    page,
    slowly,
    timed_out,
)
from tests.feeding.varying import VaryingAccount


@pytest.mark.parametrize("fault", ["lost after", "truncated", "timed out after", "503 after", "HTML after"])
def test_what_was_added_unseen_is_not_added_again(fault: str) -> None:
    account = Account(faults=[fault])
    work, script = add(account, recipients=addresses(3))
    assert script.methods == ["POST", "GET"]
    assert account.of_domain(None)[::-1] == addresses(3)
    assert sorted(work.added) == ["e1", "e2", "e3"]


@pytest.mark.parametrize(
    "fault", ["lost before", "timed out before", "408 before", "503 before", "HTML before"]
)
def test_what_was_not_added_is_added_after_a_look(fault: str) -> None:
    account = Account(faults=[fault])
    work, script = add(account, recipients=addresses(3))
    assert script.methods == ["POST", "GET", "POST"]
    assert account.of_domain(None)[::-1] == addresses(3)
    assert work.added == ["e1", "e2", "e3"]


@pytest.mark.parametrize("fault", ["refused", "429", "429 with retry-after", "421"])
def test_what_was_turned_away_is_sent_again_without_a_look(fault: str) -> None:
    account = Account(faults=[fault])
    _, script = add(account, recipients=addresses(3))
    assert script.methods == ["POST", "POST"]
    assert account.of_domain(None)[::-1] == addresses(3)


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": []}, {"data": [{"id": "e1"}]}, b"", b"<html>"])
def test_a_success_that_does_not_show_all_entries_is_looked_up(body: Any) -> None:
    account = Account()

    def swallow(request: Request, script: Script) -> Outcome:
        account(request, script)
        return answer(201, body)

    work, script = add(account, script=Script(swallow, server=account), recipients=addresses(3))
    assert script.methods == ["POST", "GET"]
    assert len(work.added) == len(account.entries) == 3


def test_what_was_added_in_part_is_completed() -> None:
    account = Account()

    def half(request: Request, script: Script) -> Outcome:
        account.put(addresses(4)[0], at=script.now)
        account.put(addresses(4)[2], at=script.now)
        return lost()

    work, _ = add(account, script=Script(half, server=account), recipients=addresses(4))
    assert sorted(account.of_domain(None)) == addresses(4)
    assert sorted(work.added) == ["e1", "e2", "e3", "e4"]


def test_an_addition_still_at_work_is_looked_at_until_it_stands_still() -> None:
    account = Account()
    wanted = addresses(4)
    at_work = [wanted[:1], wanted[1:3], wanted[3:]]

    def lose(request: Request, script: Script) -> Outcome:
        return lost()

    def growing(request: Request, script: Script) -> Outcome:
        for value in at_work.pop(0) if request.method == "GET" and at_work else ():
            account.put(value, at=script.now)
        return account(request, script)

    work, script = add(account, script=Script(lose, server=growing), recipients=wanted)
    assert script.methods == ["POST", "GET", "GET", "GET"]
    assert account.of_domain(None)[::-1] == wanted
    assert len(work.added) == 4


@pytest.mark.parametrize("timeout", [5.0, 30.0])
def test_a_request_that_timed_out_is_given_twice_as_long_again(timeout: float) -> None:
    account = Account()

    def late(request: Request, script: Script) -> Outcome:
        if script.now >= NOON + 3 * timeout - 1 and not account.entries:
            for value in addresses(3):
                account.put(value, at=NOON + 3 * timeout - 1)
        return account(request, script)

    script = Script(timed_out(timeout), server=late)
    add(account, script=script, recipients=addresses(3))
    assert script.methods == ["POST", "GET"]
    assert script.pauses == pytest.approx([2 * timeout])
    assert account.of_domain(None)[::-1] == addresses(3)


def test_no_request_is_given_longer_than_a_minute_more() -> None:
    script = Script(timed_out(300.0), server=Account())
    add(None, script=script, recipients=addresses(1))
    assert script.pauses == pytest.approx([60])


@pytest.mark.parametrize("outcome", [lost(), *(answer(status) for status in (502, 503, 504, 524))])
@pytest.mark.parametrize(("seconds", "pause"), [(0.0, 7.0), (29.0, 58.0), (300.0, 60.0)])
def test_the_api_is_given_twice_as_long_again_before_it_is_looked_up(
    outcome: Any, seconds: float, pause: float
) -> None:
    script = Script(slowly(seconds, outcome), server=Account())
    add(None, script=script, recipients=addresses(1))
    assert script.pauses == [pytest.approx(pause)]


@pytest.mark.parametrize("ahead", [-36000, -3600, -90, 0, 90, 3600, 36000])
@pytest.mark.parametrize("fault", ["lost before", "lost after"])
def test_clocks_that_differ_do_no_harm(ahead: float, fault: str) -> None:
    account = Account(ahead=ahead, faults=[fault])
    for n, value in enumerate(addresses(3)):
        account.put(value, at=NOON + ahead - minutes(2 + n))  # added by someone else, before
    add(account, recipients=addresses(3))
    assert sorted(account.of_domain(None)) == sorted(addresses(3) * 2)


@pytest.mark.parametrize("ahead", [-200, -30, 0, 30, 200])
@pytest.mark.parametrize("fault", ["lost before", "lost after"])
def test_clocks_that_differ_by_minutes_do_no_harm_though_none_is_told(ahead: float, fault: str) -> None:
    account = Account(ahead=ahead, faults=[fault], tells_date=False)
    for value in addresses(3):
        account.put(value, at=NOON + ahead - minutes(10))
    add(account, recipients=addresses(3))
    assert sorted(account.of_domain(None)) == sorted(addresses(3) * 2)


@pytest.mark.parametrize("fault", ["lost before", "lost after"])
@pytest.mark.parametrize(("ours", "theirs"), [("d1", "d2"), ("d1", None), (None, "d1")])
def test_entries_of_another_scope_are_not_taken_for_ours(
    fault: str, ours: str | None, theirs: str | None
) -> None:
    account = Account(faults=[fault])

    def also_adding(request: Request, script: Script) -> Outcome:
        if request.method == "POST" and theirs not in map(account.domain_of, account.entries):
            for value in addresses(3):
                account.put(value, at=script.now, domain_id=theirs)
        return account(request, script)

    work, _ = add(account, script=Script(server=also_adding), recipients=addresses(3), domain_id=ours)
    assert sorted(account.of_domain(ours)) == addresses(3)
    added = {entry["id"] for entry in account.entries if account.domain_of(entry) == ours}
    assert set(work.added) == added


def test_an_entry_of_the_account_is_not_taken_for_one_of_a_domain() -> None:
    shown = Account().put("a@x.example", at=NOON)
    script = Script(lost(), page(shown), server=Account())
    add(None, script=script, recipients=["a@x.example"], domain_id="d1")
    assert script.methods == ["POST", "GET", "POST"]


@pytest.mark.parametrize("fault", ["lost before", "lost after"])
def test_a_pattern_is_not_taken_for_an_equal_address(fault: str) -> None:
    account = Account(faults=[fault])
    account.put("a@x.example", at=NOON, kind="patterns")
    add(account, recipients=["a@x.example"])
    assert [entry["type"] for entry in account.entries] == ["exact", "pattern"]


@pytest.mark.parametrize(("fault", "pages"), [("lost after", [1]), ("lost before", [1])])
def test_of_a_long_list_only_the_newest_page_is_read(fault: str, pages: Any) -> None:
    account = Account(faults=[fault])
    account.put_many(5000, newest=NOON - minutes(10))
    _, script = add(account, recipients=addresses(50))
    assert script.pages_read == pages


def test_a_large_batch_is_looked_for_on_no_more_pages_than_it_fills() -> None:
    account = Account(faults=["lost after"])
    account.put_many(5000, newest=NOON - minutes(10))
    work, script = add(account, recipients=addresses(500))
    assert script.pages_read == [1, 2, 3, 4, 5]
    assert len(work.added) == 500


def test_a_batch_that_shows_no_dates_does_not_hide_those_before_it() -> None:
    account = Account(tells_date=False)
    for n in range(500):
        account.put(f"old{n}@example.org", at=NOON - 1)

    def undated(request: Request, script: Script) -> Outcome:
        made = account(request, script)
        assert isinstance(made, Answer)
        added = made.parsed["data"]
        return answer(201, {"data": [{"id": entry["id"]} for entry in added]})

    script = Script(account, undated, lost(), server=account, latency=3.0)
    add(account, script=script, recipients=addresses(60), batch_size=20)
    assert len(script.pages_read) == 6
    assert len(account.entries) == 560


@pytest.mark.parametrize("tells_date", [True, False])
def test_batches_added_before_are_no_reason_to_read_on(tells_date: bool) -> None:
    account = Account(tells_date=tells_date)
    script = Script(*[account] * 8, lost(), server=account, latency=3.0)
    add(account, script=script, recipients=addresses(900), batch_size=100)
    # The last of them were made within the five seconds by which the API's own clocks may be apart.
    assert script.pages_read == [1, 2, 3]
    assert len(account.entries) == 900


def test_on_a_list_of_a_domain_only_that_domain_is_looked_at() -> None:
    account = Account("hard-bounces", faults=["lost after"])
    _, script = add(account, suppression_list=HARD_BOUNCES, recipients=addresses(2), domain_id="d1")
    assert dict(script.sent[1].params) == {"domain_id": "d1", "page": 1, "limit": 100}


def test_an_entry_that_does_not_say_its_domain_is_ours_on_a_list_of_a_domain() -> None:
    bare = {"id": "e1", "created_at": "2026-03-04T12:00:31.000000Z", "recipient": {"email": "A@x.example"}}
    script = Script(lost(), page(bare))
    work, _ = add(
        None, script=script, suppression_list=HARD_BOUNCES, recipients=["a@x.example"], domain_id="d1"
    )
    assert work.added == ["e1"]


class LateAccount(Account):
    """An account that carries out a lost addition so many seconds after, and shows what it did later still."""

    def __init__(
        self, *, commit_after: float, visible_after: float = 0.0, gateway_ahead: float = 0.0, **options: Any
    ) -> None:
        super().__init__(ahead=gateway_ahead, **options)
        self.commit_after = commit_after
        self.visible_after = visible_after
        self.waiting: list[tuple[float, str]] = []
        self.is_lost = True

    def __call__(self, request: Request, script: Script) -> Outcome:
        due = [each for each in self.waiting if each[0] <= script.now]
        self.waiting = [each for each in self.waiting if each[0] > script.now]
        for at, value in due:
            self.put(value, at=at - self.visible_after)
        if request.method == "POST" and self.is_lost:
            self.is_lost = False
            at = script.now + self.commit_after + self.visible_after
            self.waiting = [(at, value) for value in (request.body or {})["recipients"]]
            return lost()
        return super().__call__(request, script)

    def _process(self, request: Request, now: Any) -> Any:
        # The gateway's clock is ahead, and entries are dated by another.
        return super()._process(request, now - self.ahead)


@pytest.mark.parametrize("commit_after", [0.0, 1.2, 4.0])
@pytest.mark.parametrize("visible_after", [0.0, 2.0])
@pytest.mark.parametrize("gateway_ahead", [0.0, 3.0, -3.0])
@pytest.mark.parametrize("before", [0, 1])
def test_a_commit_after_the_answer_doubles_nothing(
    commit_after: float, visible_after: float, gateway_ahead: float, before: Any
) -> None:
    account = LateAccount(commit_after=commit_after, visible_after=visible_after, gateway_ahead=gateway_ahead)
    account.put_many(300, newest=NOON - minutes(5))
    account.is_lost = not before

    def then_lose(request: Request, script: Script) -> Outcome:
        done = account(request, script)
        account.is_lost = True
        return done

    script = Script(*[then_lose] * before, server=account, latency=0.3)
    add(account, script=script, recipients=addresses(5 + before), batch_size=5 if not before else 1)
    assert not account.waiting
    mine = sorted(value for value in account.of_domain(None) if value in set(addresses(5 + before)))
    assert mine == addresses(5 + before)


def test_an_addition_whose_fate_stays_unknown_is_given_up() -> None:
    account = Account(faults=["lost before", "fine"] * 10)
    script = Script(server=account)
    with pytest.raises(MailerSendAmbiguousResultError, match=r"before that: 0 of 3; not added: 3\.$"):
        add(account, script=script, sender=flow(max_retries=2), recipients=addresses(3))
    assert script.methods == ["POST", "GET"] * 3


def test_retries_are_counted_anew_after_each_success() -> None:
    account = Account(faults=["lost before", "fine", "fine"] * 4)
    add(account, sender=flow(max_retries=1), recipients=addresses(4), batch_size=1)
    assert account.of_domain(None)[::-1] == addresses(4)


def test_retries_are_counted_anew_after_all_was_found() -> None:
    account = Account(faults=["lost after", "fine", "lost before", "fine"])
    add(account, sender=flow(max_retries=1), recipients=addresses(2), batch_size=1)
    assert account.of_domain(None)[::-1] == addresses(2)


def test_what_was_looked_up_is_no_longer_unknown() -> None:
    script = Script(lost(), page(), answer(401))
    with pytest.raises(MailerSendAuthenticationError, match=r"before that: 0 of 2; not added: 2\.$"):
        add(None, script=script, recipients=addresses(2))


def test_what_was_found_before_giving_up_is_counted_as_added() -> None:
    account = Account()

    def half(request: Request, script: Script) -> Outcome:
        account.put(addresses(2)[0], at=script.now)
        return lost()

    script = Script(half, server=account)
    with pytest.raises(MailerSendAmbiguousResultError, match="Added to blocklist before that: 1 of 2"):
        add(account, script=script, sender=flow(max_retries=0), recipients=addresses(2))


def test_without_retries_an_addition_is_still_looked_up() -> None:
    account = Account(faults=["lost after"])
    work, _ = add(account, sender=flow(max_retries=0), recipients=addresses(2))
    assert len(work.added) == 2


def test_a_lookup_is_waited_for_longer_each_time() -> None:
    account = Account(faults=["lost before", "fine"] * 3)
    _, script = add(account, sender=flow(random=1.0, max_retries=5), recipients=addresses(1))
    assert script.pauses == pytest.approx([7, 14, 28])


def test_a_lookup_that_cannot_be_done_leaves_the_fate_unknown() -> None:
    exhausted = answer(429, {"message": "Daily quota reached. #MS42901"})
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        add(None, script=Script(lost(), exhausted), recipients=addresses(2))
    assert str(caught.value).endswith("not added: 0; unknown: 2.")


@pytest.mark.parametrize("behind", [0.0, 30.0, 58.0])
def test_a_date_header_from_a_clock_up_to_a_minute_ahead_hides_nothing_that_was_added(behind: float) -> None:
    # A gateway may write the Date header by its own clock, and the API the entries' dates by another.
    account = Account(faults=["fine", "lost after"], ahead=-behind, tells_date=False)

    def serve(request: Request, script: Script) -> Outcome:
        outcome = account(request, script)
        if isinstance(outcome, Answer):
            return replace(outcome, headers={"date": formatdate(script.now, usegmt=True)})
        return outcome

    script = Script(server=serve)
    sender = flow(max_retries=20)
    script.run(sender.send(list_suppressions(BLOCKLIST)))
    add(account, script=script, sender=sender, recipients=addresses(3))
    assert account.of_domain(None)[::-1] == addresses(3)
    assert script.changes == ["POST"]


@pytest.mark.parametrize("seed", range(4))
def test_an_order_that_keeps_varying_is_looked_at_until_it_shows_no_more(seed: int) -> None:
    account = VaryingAccount(faults=["lost after"], seed=seed)
    work, _ = add(account, recipients=addresses(300))
    assert len(account.entries) == 300
    assert not work.result(0)["may_be_incomplete"]


def test_what_an_order_that_keeps_varying_may_hide_is_told() -> None:
    account = VaryingAccount(faults=["lost before"])
    for n in range(300):
        account.put(f"other{n}@example.com", at=NOON)
    work, _ = add(account, recipients=addresses(1))
    assert len(account.entries) == 301
    assert work.result(0)["may_be_incomplete"]
