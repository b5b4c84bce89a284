from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.api.requests import SuppressionList
from airflow_provider_mailersend.exceptions import (
    MailerSendAmbiguousResultError,
    MailerSendAuthenticationError,
    MailerSendQuotaExhaustedError,
    MailerSendRequestError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.jobs.additions import Additions
from airflow_provider_mailersend.jobs.domains import Scope
from tests.feeding.account import FAULTS, Account, minutes
from tests.feeding.script import (
    NOON,
    Script,
    answer,
    flow,
    lost,
    page,
    properties,
    refusal,
    slowly,
    thorough,
    timed_out,
)

BLOCKLIST = SuppressionList.BLOCKLIST
HARD_BOUNCES = SuppressionList.HARD_BOUNCES


def addresses(number: int) -> list[str]:
    return [f"person{n}@example.com" for n in range(number)]


def add(account, *, script=None, sender=None, suppression_list=BLOCKLIST, **given):
    """Run an addition against *account*; return it and the script it ran by."""
    script = script or Script(server=account)
    work = additions(suppression_list=suppression_list, **given)
    script.run(work.run(sender or flow(max_retries=20)))
    return work, script


def additions(*, suppression_list=BLOCKLIST, domain_id=None, **given):
    return Additions(suppression_list, scope=Scope(domain_id), **given)


def sizes(script: Script) -> list[int]:
    return [
        len(request.body.get("recipients", ())) + len(request.body.get("patterns", ()))
        for request in script.sent
        if request.method == "POST"
    ]


def methods(script: Script) -> list[str]:
    return [request.method for request in script.sent]


def looked_at(script: Script) -> list[int]:
    return [request.params["page"] for request in script.sent if request.method == "GET"]


def test_addresses_and_patterns_are_added_in_one_request():
    account = Account()
    work, script = add(account, recipients=["a@x.example"], patterns=[".*@y.example"], domain_id="d1")
    assert dict(script.sent[0].body) == {
        "domain_id": "d1",
        "recipients": ["a@x.example"],
        "patterns": [".*@y.example"],
    }
    assert work.result(1) == {
        "added": ["e1", "e2"],
        "rejected": [],
        "stored_differently": [],
        "requests": 1,
    }


@pytest.mark.parametrize("given_", [{}, {"recipients": [], "patterns": []}, {"recipients": iter(())}])
@pytest.mark.parametrize("suppression_list", [BLOCKLIST, HARD_BOUNCES])
def test_nothing_given_means_nothing_sent(suppression_list, given_):
    work, script = add(Account(), suppression_list=suppression_list, **given_)
    assert script.sent == []
    assert work.result(0) == {"added": [], "rejected": [], "stored_differently": [], "requests": 0}


def test_each_address_is_sent_once_in_its_first_spelling_and_order():
    recipients = [
        "Zoe@x.example",
        " bob@x.example ",
        "zoe@X.example",
        "BOB@x.example",
        "al@x.example",
        "Zoe@x.example",
    ]
    _, script = add(Account(), recipients=recipients)
    assert script.sent[0].body["recipients"] == ["Zoe@x.example", "bob@x.example", "al@x.example"]


def test_patterns_differ_by_case():
    _, script = add(Account(), patterns=[r"\d+@x", r"\D+@x", r" \d+@x "])
    assert script.sent[0].body["patterns"] == [r"\d+@x", r"\D+@x"]


def test_addresses_that_only_look_alike_are_both_added():
    recipients = ["info@fußball.example", "info@fussball.example"]
    account = Account()
    add(account, recipients=recipients)
    assert account.of_domain(None)[::-1] == recipients


def test_an_address_and_an_equal_pattern_are_both_added():
    _, script = add(Account(), recipients=["a@x.example"], patterns=["a@x.example"])
    assert sizes(script) == [2]


@pytest.mark.parametrize(
    ("number", "batch_size", "expected"),
    [(1, 500, [1]), (500, 500, [500]), (501, 500, [500, 1]), (7, 3, [3, 3, 1]), (3, 1, [1, 1, 1])],
)
def test_many_are_added_in_batches(number, batch_size, expected):
    account = Account()
    work, script = add(account, recipients=addresses(number), batch_size=batch_size)
    assert sizes(script) == expected
    assert account.of_domain(None)[::-1] == addresses(number)
    assert work.added == [entry["id"] for entry in account.entries[::-1]]


def test_a_batch_may_hold_addresses_and_patterns():
    _, script = add(Account(), recipients=addresses(3), patterns=["p1", "p2"], batch_size=4)
    assert [(list(r.body.get("recipients", [])), list(r.body.get("patterns", []))) for r in script.sent] == [
        (addresses(3), ["p1"]),
        ([], ["p2"]),
    ]


@pytest.mark.parametrize(
    ("most", "names_most", "expected"),
    [(100, True, [500, 100, 100, 100, 100, 100]), (200, False, [500, 250, 125, 125, 125, 125])],
)
def test_a_refused_size_is_made_smaller_and_kept_to(most, names_most, expected):
    account = Account(most=most, names_most=names_most)
    _, script = add(account, recipients=addresses(500))
    assert sizes(script) == expected
    assert account.of_domain(None)[::-1] == addresses(500)


def test_one_that_is_refused_for_its_size_is_an_error():
    with pytest.raises(MailerSendRequestError) as caught:
        add(None, script=Script(answer(413), answer(413)), recipients=addresses(2))
    assert caught.value.status == 413


@pytest.mark.parametrize(
    "suppression_list", [HARD_BOUNCES, SuppressionList.SPAM_COMPLAINTS, SuppressionList.UNSUBSCRIBES]
)
@pytest.mark.parametrize("domain_id", [None, ""])
def test_a_list_that_needs_a_domain_is_refused_without_one(suppression_list, domain_id):
    with pytest.raises(ValueError, match=f"adding to {suppression_list} needs a domain"):
        Additions(suppression_list, recipients=["a@x.example"], scope=Scope(domain_id))


def test_nothing_is_put_on_hold():
    with pytest.raises(ValueError, match=r"nothing can be added to on-hold-list.*72 hours.*blocklist"):
        Additions(SuppressionList.ON_HOLD, recipients=["a@x.example"], scope=Scope("d1"))


def test_patterns_stand_on_the_blocklist_only():
    with pytest.raises(ValueError, match="blocklist only, not on hard-bounces"):
        Additions(HARD_BOUNCES, patterns=[".*"], scope=Scope("d1"))


@pytest.mark.parametrize(
    ("given_", "error", "said"),
    [
        ({"recipients": "a@x.example"}, TypeError, "recipients must be a list of strings; got one string"),
        ({"patterns": ".*"}, TypeError, "patterns must be a list of strings; got one string"),
        ({"recipients": ["a@x.example", None]}, TypeError, r"recipients\[1\] must be a string; got NoneType"),
        ({"on_invalid": "ignore"}, ValueError, "on_invalid must be one of fail, skip; got 'ignore'"),
        ({"batch_size": 0}, ValueError, "batch_size must be a whole number, at least 1; got 0"),
        ({"batch_size": 2.5}, ValueError, r"batch_size must be a whole number, at least 1; got 2\.5"),
    ],
)
def test_bad_arguments_are_refused_before_any_request(given_, error, said):
    with pytest.raises(error, match=said):
        Additions(BLOCKLIST, **given_)


def test_an_invalid_address_ends_the_work_and_is_named_by_its_place():
    account = Account(invalid=["not.an.address@x"])
    recipients = [*addresses(5), addresses(1)[0], "not.an.address@x", *addresses(9)[5:]]
    with pytest.raises(MailerSendValidationError) as caught:
        add(account, recipients=recipients, batch_size=4)
    message = str(caught.value)
    assert "recipients[6] 'n***@x': It must be a valid email address. #MS42208" in message
    assert "on_invalid='skip'" in message
    assert "Added to blocklist before that: 4 of 10; not added: 6." in message
    assert "not.an.address" not in message
    assert caught.value.status == 422
    assert caught.value.errors == {"recipients.6": ["It must be a valid email address. #MS42208"]}
    assert caught.value.permanent
    assert len(account.entries) == 4


def test_of_many_invalid_addresses_ten_are_named():
    account = Account(invalid=addresses(12))
    with pytest.raises(MailerSendValidationError, match=r"^blocklist: 12 of what .* and 2 more\. Correct it"):
        add(account, recipients=addresses(12))


def test_invalid_ones_are_left_out_when_asked_to():
    bad = ["bad@x", "worse@x"]
    account = Account(invalid=[*bad, "(", "p1"])
    work, _ = add(
        account,
        recipients=["bad@x", *addresses(5), "worse@x"],
        patterns=["(", "p2"],
        on_invalid="skip",
        batch_size=4,
    )
    assert account.of_domain(None)[::-1] == [*addresses(5), "p2"]
    assert work.result(0)["rejected"] == [
        {"value": "bad@x", "reason": "It must be a valid email address. #MS42208"},
        {"value": "worse@x", "reason": "It must be a valid email address. #MS42208"},
        {"value": "(", "reason": "It must be a valid email address. #MS42208"},
    ]
    assert len(work.added) == 6


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_address_is_invalid_and_never_sent(empty):
    with pytest.raises(MailerSendValidationError, match=r"recipients\[1\] '\*\*\*': It is empty\.") as caught:
        add(None, script=Script(), recipients=["a@x.example", empty])
    assert caught.value.status is None
    assert caught.value.errors == {"recipients.1": ["It is empty."]}
    account = Account()
    work, _ = add(account, recipients=["a@x.example", empty], on_invalid="skip")
    assert work.result(0)["rejected"] == [{"value": "", "reason": "It is empty."}]
    assert account.of_domain(None) == ["a@x.example"]


def test_an_invalid_address_in_a_batch_that_is_too_large_is_left_out_too():
    # Rules for the list and for its items are checked together, and told together.
    both = refusal(
        {
            "recipients": ["The recipients field must not have more than 2 items."],
            "recipients.1": ["It must be a valid email address."],
        }
    )
    account = Account(most=2, invalid=["bad@x"])
    script = Script(both, server=account)
    recipients = ["a@x.example", "bad@x", "b@x.example"]
    work, _ = add(account, script=script, recipients=recipients, on_invalid="skip")
    assert account.of_domain(None)[::-1] == ["a@x.example", "b@x.example"]
    assert [each["value"] for each in work.result(0)["rejected"]] == ["bad@x"]


@pytest.mark.parametrize(
    "errors",
    [
        {"domain_id": ["The selected domain id is invalid."]},
        {"domain_id": ["Invalid."], "recipients.0": ["Invalid."]},
        {"recipients.7": ["There is no such index."]},
        {"recipients": ["Odd."]},
        {},
        "odd",
    ],
)
@pytest.mark.parametrize("on_invalid", ["fail", "skip"])
def test_a_refusal_of_more_than_items_ends_the_work(errors, on_invalid):
    script = Script(refusal(errors))
    with pytest.raises(MailerSendValidationError, match="Added to blocklist before that: 0 of 2"):
        add(None, script=script, recipients=addresses(2), on_invalid=on_invalid)
    assert len(script.sent) == 1


def test_an_error_tells_how_much_was_added_before():
    script = Script(answer(201, {"data": [{"id": "1"}, {"id": "2"}]}), answer(401))
    with pytest.raises(
        MailerSendAuthenticationError, match="Added to blocklist before that: 2 of 3; not added: 1"
    ):
        add(None, script=script, recipients=addresses(3), batch_size=2)


@pytest.mark.parametrize("fault", ["lost after", "truncated", "timed out after", "503 after", "HTML after"])
def test_what_was_added_unseen_is_not_added_again(fault):
    account = Account(faults=[fault])
    work, script = add(account, recipients=addresses(3))
    assert methods(script) == ["POST", "GET"]
    assert account.of_domain(None)[::-1] == addresses(3)
    assert sorted(work.added) == ["e1", "e2", "e3"]


@pytest.mark.parametrize(
    "fault", ["lost before", "timed out before", "408 before", "503 before", "HTML before"]
)
def test_what_was_not_added_is_added_after_a_look(fault):
    account = Account(faults=[fault])
    work, script = add(account, recipients=addresses(3))
    assert methods(script) == ["POST", "GET", "POST"]
    assert account.of_domain(None)[::-1] == addresses(3)
    assert work.added == ["e1", "e2", "e3"]


@pytest.mark.parametrize("fault", ["refused", "429", "429 with retry-after", "421"])
def test_what_was_turned_away_is_sent_again_without_a_look(fault):
    account = Account(faults=[fault])
    _, script = add(account, recipients=addresses(3))
    assert methods(script) == ["POST", "POST"]
    assert account.of_domain(None)[::-1] == addresses(3)


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": []}, {"data": [{"id": "e1"}]}, b"", b"<html>"])
def test_a_success_that_does_not_show_all_entries_is_looked_up(body):
    account = Account()

    def swallow(request, script):
        account(request, script)
        return answer(201, body)

    work, script = add(account, script=Script(swallow, server=account), recipients=addresses(3))
    assert methods(script) == ["POST", "GET"]
    assert len(work.added) == len(account.entries) == 3


def test_what_was_added_in_part_is_completed():
    account = Account()

    def half(request, script):
        account.put(addresses(4)[0], at=script.now)
        account.put(addresses(4)[2], at=script.now)
        return lost()

    work, _ = add(account, script=Script(half, server=account), recipients=addresses(4))
    assert sorted(account.of_domain(None)) == addresses(4)
    assert sorted(work.added) == ["e1", "e2", "e3", "e4"]


def test_an_addition_still_at_work_is_looked_at_until_it_stands_still():
    account = Account()
    wanted = addresses(4)
    at_work = [wanted[:1], wanted[1:3], wanted[3:]]

    def lose(request, script):
        return lost()

    def growing(request, script):
        for value in at_work.pop(0) if request.method == "GET" and at_work else ():
            account.put(value, at=script.now)
        return account(request, script)

    work, script = add(account, script=Script(lose, server=growing), recipients=wanted)
    assert methods(script) == ["POST", "GET", "GET", "GET"]
    assert account.of_domain(None)[::-1] == wanted
    assert len(work.added) == 4


@pytest.mark.parametrize("timeout", [5.0, 30.0])
def test_a_request_that_timed_out_is_given_twice_as_long_again(timeout):
    account = Account()

    def late(request, script):
        if script.now >= NOON + 3 * timeout - 1 and not account.entries:
            for value in addresses(3):
                account.put(value, at=NOON + 3 * timeout - 1)
        return account(request, script)

    script = Script(timed_out(timeout), server=late)
    add(account, script=script, recipients=addresses(3))
    assert methods(script) == ["POST", "GET"]
    assert script.pauses == pytest.approx([2 * timeout])
    assert account.of_domain(None)[::-1] == addresses(3)


def test_no_request_is_given_longer_than_a_minute_more():
    script = Script(timed_out(300.0), server=Account())
    add(None, script=script, recipients=addresses(1))
    assert script.pauses == pytest.approx([60])


@pytest.mark.parametrize("outcome", [lost(), *(answer(status) for status in (502, 503, 504, 524))])
@pytest.mark.parametrize(("seconds", "pause"), [(0.0, 7.0), (29.0, 58.0), (300.0, 60.0)])
def test_the_api_is_given_twice_as_long_again_before_it_is_looked_up(outcome, seconds, pause):
    script = Script(slowly(seconds, outcome), server=Account())
    add(None, script=script, recipients=addresses(1))
    assert script.pauses == [pytest.approx(pause)]


@pytest.mark.parametrize("ahead", [-36000, -3600, -90, 0, 90, 3600, 36000])
@pytest.mark.parametrize("fault", ["lost before", "lost after"])
def test_clocks_that_differ_do_no_harm(ahead, fault):
    account = Account(ahead=ahead, faults=[fault])
    for n, value in enumerate(addresses(3)):
        account.put(value, at=NOON + ahead - minutes(2 + n))  # added by someone else, before
    add(account, recipients=addresses(3))
    assert sorted(account.of_domain(None)) == sorted(addresses(3) * 2)


@pytest.mark.parametrize("ahead", [-200, -30, 0, 30, 200])
@pytest.mark.parametrize("fault", ["lost before", "lost after"])
def test_clocks_that_differ_by_minutes_do_no_harm_though_none_is_told(ahead, fault):
    account = Account(ahead=ahead, faults=[fault], tells_date=False)
    for value in addresses(3):
        account.put(value, at=NOON + ahead - minutes(10))
    add(account, recipients=addresses(3))
    assert sorted(account.of_domain(None)) == sorted(addresses(3) * 2)


@pytest.mark.parametrize("fault", ["lost before", "lost after"])
@pytest.mark.parametrize(("ours", "theirs"), [("d1", "d2"), ("d1", None), (None, "d1")])
def test_entries_of_another_scope_are_not_taken_for_ours(fault, ours, theirs):
    account = Account(faults=[fault])

    def also_adding(request, script):
        if request.method == "POST" and theirs not in map(account.domain_of, account.entries):
            for value in addresses(3):
                account.put(value, at=script.now, domain_id=theirs)
        return account(request, script)

    work, _ = add(account, script=Script(server=also_adding), recipients=addresses(3), domain_id=ours)
    assert sorted(account.of_domain(ours)) == addresses(3)
    added = {entry["id"] for entry in account.entries if account.domain_of(entry) == ours}
    assert set(work.added) == added


def test_an_entry_of_the_account_is_not_taken_for_one_of_a_domain():
    shown = Account().put("a@x.example", at=NOON)
    script = Script(lost(), page(shown), server=Account())
    add(None, script=script, recipients=["a@x.example"], domain_id="d1")
    assert methods(script) == ["POST", "GET", "POST"]


@pytest.mark.parametrize("fault", ["lost before", "lost after"])
def test_a_pattern_is_not_taken_for_an_equal_address(fault):
    account = Account(faults=[fault])
    account.put("a@x.example", at=NOON, kind="patterns")
    add(account, recipients=["a@x.example"])
    assert [entry["type"] for entry in account.entries] == ["exact", "pattern"]


@pytest.mark.parametrize(("fault", "pages"), [("lost after", [1]), ("lost before", [1])])
def test_of_a_long_list_only_the_newest_page_is_read(fault, pages):
    account = Account(faults=[fault])
    account.put_many(5000, newest=NOON - minutes(10))
    _, script = add(account, recipients=addresses(50))
    assert looked_at(script) == pages


def test_a_large_batch_is_looked_for_on_no_more_pages_than_it_fills():
    account = Account(faults=["lost after"])
    account.put_many(5000, newest=NOON - minutes(10))
    work, script = add(account, recipients=addresses(500))
    assert looked_at(script) == [1, 2, 3, 4, 5]
    assert len(work.added) == 500


def test_a_batch_that_shows_no_dates_does_not_hide_those_before_it():
    account = Account(tells_date=False)
    for n in range(500):
        account.put(f"old{n}@example.org", at=NOON - 1)

    def undated(request, script):
        added = account(request, script).json()["data"]
        return answer(201, {"data": [{"id": entry["id"]} for entry in added]})

    script = Script(account, undated, lost(), server=account, latency=3.0)
    add(account, script=script, recipients=addresses(60), batch_size=20)
    assert len(looked_at(script)) == 6
    assert len(account.entries) == 560


@pytest.mark.parametrize("tells_date", [True, False])
def test_batches_added_before_are_no_reason_to_read_on(tells_date):
    account = Account(tells_date=tells_date)
    script = Script(*[account] * 8, lost(), server=account, latency=3.0)
    add(account, script=script, recipients=addresses(900), batch_size=100)
    # The last of them were made within the five seconds by which the API's own clocks may be apart.
    assert looked_at(script) == [1, 2, 3]
    assert len(account.entries) == 900


def test_on_a_list_of_a_domain_only_that_domain_is_looked_at():
    account = Account("hard-bounces", faults=["lost after"])
    _, script = add(account, suppression_list=HARD_BOUNCES, recipients=addresses(2), domain_id="d1")
    assert dict(script.sent[1].params) == {"domain_id": "d1", "page": 1, "limit": 100}


def test_an_entry_that_does_not_say_its_domain_is_ours_on_a_list_of_a_domain():
    bare = {"id": "e1", "created_at": "2026-03-04T12:00:31.000000Z", "recipient": {"email": "A@x.example"}}
    script = Script(lost(), page(bare))
    work, _ = add(
        None, script=script, suppression_list=HARD_BOUNCES, recipients=["a@x.example"], domain_id="d1"
    )
    assert work.added == ["e1"]


class LateAccount(Account):
    """An account that carries out a lost addition so many seconds after, and shows what it did later still."""

    def __init__(self, *, commit_after, visible_after=0.0, gateway_ahead=0.0, **options):
        super().__init__(ahead=gateway_ahead, **options)
        self.commit_after = commit_after
        self.visible_after = visible_after
        self.waiting = []
        self.is_lost = True

    def __call__(self, request, script):
        due = [each for each in self.waiting if each[0] <= script.now]
        self.waiting = [each for each in self.waiting if each[0] > script.now]
        for at, value in due:
            self.put(value, at=at - self.visible_after)
        if request.method == "POST" and self.is_lost:
            self.is_lost = False
            at = script.now + self.commit_after + self.visible_after
            self.waiting = [(at, value) for value in request.body["recipients"]]
            return lost()
        return super().__call__(request, script)

    def _process(self, request, now):
        # The gateway's clock is ahead, and entries are dated by another.
        return super()._process(request, now - self.ahead)


@pytest.mark.parametrize("commit_after", [0.0, 1.2, 4.0])
@pytest.mark.parametrize("visible_after", [0.0, 2.0])
@pytest.mark.parametrize("gateway_ahead", [0.0, 3.0, -3.0])
@pytest.mark.parametrize("before", [0, 1])
def test_a_commit_after_the_answer_doubles_nothing(commit_after, visible_after, gateway_ahead, before):
    account = LateAccount(commit_after=commit_after, visible_after=visible_after, gateway_ahead=gateway_ahead)
    account.put_many(300, newest=NOON - minutes(5))
    account.is_lost = not before

    def then_lose(request, script):
        done = account(request, script)
        account.is_lost = True
        return done

    script = Script(*[then_lose] * before, server=account, latency=0.3)
    add(account, script=script, recipients=addresses(5 + before), batch_size=5 if not before else 1)
    assert not account.waiting
    mine = sorted(value for value in account.of_domain(None) if value in set(addresses(5 + before)))
    assert mine == addresses(5 + before)


def stored_as(changed):
    """Answer an addition with other addresses in some places."""

    def serve(request, script):
        made = [
            {"id": f"n{n}", "type": "exact", "pattern": changed.get(value, value)}
            for n, value in enumerate(request.body["recipients"])
        ]
        return answer(201, {"data": made})

    return serve


def test_what_is_stored_as_something_else_is_told():
    script = Script(stored_as({"Jane+a@x.example": "jane@x.example"}))
    work, _ = add(
        None, script=script, recipients=["b@x.example", "Jane+a@x.example", "c@x.example"], on_invalid="skip"
    )
    assert work.result(1) == {
        "added": ["n0", "n1", "n2"],
        "rejected": [],
        "stored_differently": [
            {"value": "Jane+a@x.example", "where": "recipients[1]", "stored_as": "jane@x.example"}
        ],
        "requests": 1,
    }


def test_what_is_stored_as_another_of_those_sent_is_told():
    script = Script(stored_as({"jane+a@x.example": "jane@x.example"}))
    recipients = ["jane@x.example", "jane+a@x.example"]
    work, _ = add(None, script=script, recipients=recipients, on_invalid="skip")
    assert [each["value"] for each in work.result(1)["stored_differently"]] == ["jane+a@x.example"]


def test_what_is_stored_as_something_else_fails_once_all_else_is_done():
    changed = {address: f"x{address}" for address in addresses(12)}
    script = Script(*[stored_as(changed)] * 3)
    with pytest.raises(MailerSendValidationError) as caught:
        add(None, script=script, recipients=addresses(14), batch_size=5)
    message = str(caught.value)
    assert len(script.sent) == 3
    assert "stored 12 of what was added as something else" in message
    assert "and 2 more" in message
    assert "Correct the source to the stored spelling" in message
    assert "person" not in message
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Jane@X.example", "jane@x.EXAMPLE"),
        (" jane@x.example", "jane@x.example"),
        ("jane@x.example.", "jane@x.example"),
        ("jane@b\u00fccher.example", "jane@xn--bcher-kva.example"),
        ("jane@BU\u0308CHER.example", "jane@xn--BCHER-kva.example"),
        ("jos\u00e9@x.example", "jose\u0301@x.example"),
    ],
)
def test_another_spelling_of_the_same_address_is_the_same(sent, shown):
    work, _ = add(None, script=Script(stored_as({sent.strip(): shown})), recipients=[sent])
    assert work.stored_differently == []
    # What is looked up is found in that spelling too.
    entry = {"id": "n1", "created_at": "2026-03-04T12:00:31.000000Z", "pattern": shown, "domain": None}
    work, script = add(None, script=Script(lost(), page(entry)), recipients=[sent])
    assert (work.added, methods(script)) == (["n1"], ["POST", "GET"])


def test_an_answer_that_shows_no_addresses_tells_nothing_of_them():
    script = Script(answer(201, {"data": [{"id": "n1"}, {"id": "n2"}]}))
    assert add(None, script=script, recipients=addresses(2))[0].stored_differently == []


def test_an_addition_whose_fate_stays_unknown_is_given_up():
    account = Account(faults=["lost before", "fine"] * 10)
    script = Script(server=account)
    with pytest.raises(MailerSendAmbiguousResultError, match=r"before that: 0 of 3; not added: 3\.$"):
        add(account, script=script, sender=flow(max_retries=2), recipients=addresses(3))
    assert methods(script) == ["POST", "GET"] * 3


def test_retries_are_counted_anew_after_each_success():
    account = Account(faults=["lost before", "fine", "fine"] * 4)
    add(account, sender=flow(max_retries=1), recipients=addresses(4), batch_size=1)
    assert account.of_domain(None)[::-1] == addresses(4)


def test_retries_are_counted_anew_after_all_was_found():
    account = Account(faults=["lost after", "fine", "lost before", "fine"])
    add(account, sender=flow(max_retries=1), recipients=addresses(2), batch_size=1)
    assert account.of_domain(None)[::-1] == addresses(2)


def test_what_was_looked_up_is_no_longer_unknown():
    script = Script(lost(), page(), answer(401))
    with pytest.raises(MailerSendAuthenticationError, match=r"before that: 0 of 2; not added: 2\.$"):
        add(None, script=script, recipients=addresses(2))


def test_what_was_found_before_giving_up_is_counted_as_added():
    account = Account()

    def half(request, script):
        account.put(addresses(2)[0], at=script.now)
        return lost()

    script = Script(half, server=account)
    with pytest.raises(MailerSendAmbiguousResultError, match="Added to blocklist before that: 1 of 2"):
        add(account, script=script, sender=flow(max_retries=0), recipients=addresses(2))


def test_without_retries_an_addition_is_still_looked_up():
    account = Account(faults=["lost after"])
    work, _ = add(account, sender=flow(max_retries=0), recipients=addresses(2))
    assert len(work.added) == 2


def test_a_lookup_is_waited_for_longer_each_time():
    account = Account(faults=["lost before", "fine"] * 3)
    _, script = add(account, sender=flow(random=1.0, max_retries=5), recipients=addresses(1))
    assert script.pauses == pytest.approx([7, 14, 28])


def test_a_lookup_that_cannot_be_done_leaves_the_fate_unknown():
    exhausted = answer(429, {"message": "Daily quota reached. #MS42901"})
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        add(None, script=Script(lost(), exhausted), recipients=addresses(2))
    assert str(caught.value).endswith("not added: 0; not known: 2.")


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
    recipients,
    patterns,
    domain_id,
    before,
    batch_size,
    most,
    names_most,
    invalid,
    hours_ahead,
    faults,
    latency,
):
    refused = {f"person{number}@example.com" for number in invalid}
    spellings = [str, str.upper, str.title]
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
    given_ = {value.strip().lower() for value in recipients}
    assert sorted(each["value"].lower() for each in work.result(0)["rejected"]) == sorted(given_ & refused)
    assert [id_ for id_ in there if id_ not in {entry["id"] for entry in account.entries}] == []


@thorough
@given(
    recipients=values,
    before=st.sets(st.integers(0, 30), max_size=20),
    batch_size=st.integers(1, 50),
    faults=faults,
)
def test_a_list_of_a_domain_ends_up_with_each_once_whatever_goes_wrong(
    recipients, before, batch_size, faults
):
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


# Starting over


def start_over(account, *, at=NOON + 300, **given_):
    """Add all of it again, as a retry of a DAG run that began at noon; return the work and the script it ran by."""
    return add(account, script=Script(server=account, start=at), added_since=NOON, settle=True, **given_)


def test_an_error_tells_how_many_were_added_and_no_address():
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
def test_a_killed_worker_s_work_is_started_over_and_nothing_is_added_twice(which, domain_id, wait, fault):
    recipients = [*addresses(5), "bad@x", *addresses(9)[5:], ""]
    given_ = {
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


def test_a_first_run_looks_at_nothing_and_waits_for_nothing():
    script = Script(server=(account := Account()))
    add(account, script=script, recipients=addresses(3))
    assert (methods(script), script.pauses) == (["POST"], [])


def test_what_a_killed_worker_sent_last_is_waited_for():
    account = Account()
    sent = []

    def late(request, script):
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
    assert script.reasons == ["what an earlier try may have sent"]
    assert script.pauses[0] >= 5
    assert methods(script) == ["GET", "POST"]
    assert sorted(account.of_domain(None)) == addresses(5)
    assert len(work.added) == 5


def test_who_was_deferred_need_not_wait():
    _, script = add(account := Account(), recipients=addresses(2), added_since=NOON)
    assert (methods(script), script.pauses) == (["GET", "POST"], [])
    assert account.of_domain(None)[::-1] == addresses(2)


def test_nothing_to_add_looks_at_nothing():
    _, script = start_over(Account(), recipients=[])
    assert (script.sent, script.pauses) == ([], [])


def test_entries_of_before_the_dag_run_are_not_taken_for_its_own():
    account = Account()
    for value in addresses(3):
        account.put(value, at=NOON - minutes(10))
    work, _ = start_over(account, recipients=addresses(3))
    assert sorted(account.of_domain(None)) == sorted(addresses(3) * 2)
    assert len(work.added) == 3


@pytest.mark.parametrize("apart", [-50.0, -10.0, 10.0, 50.0])
def test_the_clock_of_the_machine_that_starts_over_may_differ(apart):
    account = Account(left=1)
    with pytest.raises(MailerSendQuotaExhaustedError):
        add(account, recipients=addresses(3), batch_size=2)
    account.left, account.ahead = None, -apart
    start_over(account, at=NOON + minutes(5) + apart, recipients=addresses(3))
    assert sorted(account.of_domain(None)) == addresses(3)


def test_it_looks_no_further_back_than_the_dag_run_s_beginning():
    account = Account()
    for n in range(350):
        account.put(f"other{n}@x.example", at=NOON - minutes(400 - n))
    _, script = start_over(account, recipients=addresses(1))
    assert methods(script) == ["GET", "POST"]


@properties
@given(
    number=st.integers(0, 12),
    batch_size=st.integers(1, 5),
    days=st.lists(st.integers(0, 4), max_size=5),
    faults=st.lists(st.sampled_from(FAULTS), max_size=8),
)
def test_all_are_added_once_however_many_days_it_takes(number, batch_size, days, faults):
    account, now = Account(faults=faults), NOON
    since = {}
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


def test_it_tells_how_far_it_is():
    account = Account(invalid=["bad@x"])
    script = Script(server=account)
    add(account, script=script, recipients=["bad@x", *addresses(4)], batch_size=2, on_invalid="skip")
    assert script.told == [("POST /suppressions/blocklist", done, 5) for done in (1, 3, 5)]
