from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mailersend.api.answers import Outcome
from airflow_provider_mailersend.api.requests import Request, SuppressionList
from airflow_provider_mailersend.exceptions import (
    MailerSendAuthenticationError,
    MailerSendRequestError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.jobs.additions import Additions
from airflow_provider_mailersend.jobs.domains import Scope
from tests.feeding.account import Account
from tests.feeding.additions import BLOCKLIST, HARD_BOUNCES, add, addresses
from tests.feeding.script import (
    Script,
    answer,
    lost,
    page,
    refusal,
)


def test_addresses_and_patterns_are_added_in_one_request() -> None:
    account = Account()
    work, script = add(account, recipients=["a@x.example"], patterns=[".*@y.example"], domain_id="d1")
    assert script.bodies[0] == {
        "domain_id": "d1",
        "recipients": ["a@x.example"],
        "patterns": [".*@y.example"],
    }
    assert work.result(1) == {
        "added": ["e1", "e2"],
        "rejected": [],
        "stored_differently": [],
        "may_be_incomplete": False,
        "requests": 1,
    }


@pytest.mark.parametrize("given_", [{}, {"recipients": [], "patterns": []}, {"recipients": iter(())}])
@pytest.mark.parametrize("suppression_list", [BLOCKLIST, HARD_BOUNCES])
def test_nothing_given_means_nothing_sent(suppression_list: str, given_: dict[str, Any]) -> None:
    work, script = add(Account(), suppression_list=suppression_list, **given_)
    assert script.sent == []
    assert work.result(0) == {
        "added": [],
        "rejected": [],
        "stored_differently": [],
        "may_be_incomplete": False,
        "requests": 0,
    }


def test_each_address_is_sent_once_in_its_first_spelling_and_order() -> None:
    recipients = [
        "Zoe@x.example",
        " bob@x.example ",
        "zoe@X.example",
        "BOB@x.example",
        "al@x.example",
        "Zoe@x.example",
    ]
    _, script = add(Account(), recipients=recipients)
    assert script.bodies[0]["recipients"] == ["Zoe@x.example", "bob@x.example", "al@x.example"]


def test_patterns_differ_by_case() -> None:
    _, script = add(Account(), patterns=[r"\d+@x", r"\D+@x", r" \d+@x "])
    assert script.bodies[0]["patterns"] == [r"\d+@x", r"\D+@x"]


def test_addresses_that_only_look_alike_are_both_added() -> None:
    recipients = ["info@fußball.example", "info@fussball.example"]
    account = Account()
    add(account, recipients=recipients)
    assert account.of_domain(None)[::-1] == recipients


def test_an_address_and_an_equal_pattern_are_both_added() -> None:
    _, script = add(Account(), recipients=["a@x.example"], patterns=["a@x.example"])
    assert script.sizes == [2]


@pytest.mark.parametrize(
    ("number", "batch_size", "expected"),
    [(1, 500, [1]), (500, 500, [500]), (501, 500, [500, 1]), (7, 3, [3, 3, 1]), (3, 1, [1, 1, 1])],
)
def test_many_are_added_in_batches(number: int, batch_size: int, expected: Any) -> None:
    account = Account()
    work, script = add(account, recipients=addresses(number), batch_size=batch_size)
    assert script.sizes == expected
    assert account.of_domain(None)[::-1] == addresses(number)
    assert work.added == [entry["id"] for entry in account.entries[::-1]]


def test_a_batch_may_hold_addresses_and_patterns() -> None:
    _, script = add(Account(), recipients=addresses(3), patterns=["p1", "p2"], batch_size=4)
    assert [(body.get("recipients", []), body.get("patterns", [])) for body in script.bodies] == [
        (addresses(3), ["p1"]),
        ([], ["p2"]),
    ]


@pytest.mark.parametrize(
    ("most", "names_most", "expected"),
    [(100, True, [500, 100, 100, 100, 100, 100]), (200, False, [500, 250, 125, 125, 125, 125])],
)
def test_a_refused_size_is_made_smaller_and_kept_to(most: int, names_most: bool, expected: Any) -> None:
    account = Account(most=most, names_most=names_most)
    _, script = add(account, recipients=addresses(500))
    assert script.sizes == expected
    assert account.of_domain(None)[::-1] == addresses(500)


def test_one_that_is_refused_for_its_size_is_an_error() -> None:
    with pytest.raises(MailerSendRequestError) as caught:
        add(None, script=Script(answer(413), answer(413)), recipients=addresses(2))
    assert caught.value.status == 413


@pytest.mark.parametrize(
    "suppression_list", [HARD_BOUNCES, SuppressionList.SPAM_COMPLAINTS, SuppressionList.UNSUBSCRIBES]
)
@pytest.mark.parametrize("domain_id", [None, ""])
def test_a_list_that_needs_a_domain_is_refused_without_one(
    suppression_list: SuppressionList, domain_id: str | None
) -> None:
    with pytest.raises(ValueError, match=f"adding to {suppression_list} needs a domain"):
        Additions(suppression_list, recipients=["a@x.example"], scope=Scope(domain_id))


def test_nothing_is_put_on_hold() -> None:
    with pytest.raises(ValueError, match=r"nothing can be added to on-hold-list.*72 hours.*blocklist"):
        Additions(SuppressionList.ON_HOLD, recipients=["a@x.example"], scope=Scope("d1"))


def test_patterns_stand_on_the_blocklist_only() -> None:
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
def test_bad_arguments_are_refused_before_any_request(given_: dict[str, Any], error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        Additions(BLOCKLIST, **given_)


def test_an_invalid_address_ends_the_work_and_is_named_by_its_place() -> None:
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


def test_of_many_invalid_addresses_ten_are_named() -> None:
    account = Account(invalid=addresses(12))
    with pytest.raises(
        MailerSendValidationError,
        match=r"^blocklist \(account-wide\): 12 can't be .* and 2 more\. Correct the source",
    ):
        add(account, recipients=addresses(12))


def test_invalid_ones_are_left_out_when_asked_to() -> None:
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
def test_an_empty_address_is_invalid_and_never_sent(empty: Any) -> None:
    with pytest.raises(MailerSendValidationError, match=r"recipients\[1\] '\*\*\*': It is empty\.") as caught:
        add(None, script=Script(), recipients=["a@x.example", empty])
    assert caught.value.status is None
    assert caught.value.errors == {"recipients.1": ["It is empty."]}
    account = Account()
    work, _ = add(account, recipients=["a@x.example", empty], on_invalid="skip")
    assert work.result(0)["rejected"] == [{"value": "", "reason": "It is empty."}]
    assert account.of_domain(None) == ["a@x.example"]


def test_an_invalid_address_in_a_batch_that_is_too_large_is_left_out_too() -> None:
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
def test_a_refusal_of_more_than_items_ends_the_work(errors: Any, on_invalid: str) -> None:
    script = Script(refusal(errors))
    with pytest.raises(MailerSendValidationError, match="Added to blocklist before that: 0 of 2"):
        add(None, script=script, recipients=addresses(2), on_invalid=on_invalid)
    assert len(script.sent) == 1


def test_an_error_tells_how_much_was_added_before() -> None:
    script = Script(answer(201, {"data": [{"id": "1"}, {"id": "2"}]}), answer(401))
    with pytest.raises(
        MailerSendAuthenticationError, match="Added to blocklist before that: 2 of 3; not added: 1"
    ):
        add(None, script=script, recipients=addresses(3), batch_size=2)


def stored_as(changed: Any) -> Any:
    """Answer an addition with other addresses in some places."""

    def serve(request: Request, script: Script) -> Outcome:
        made = [
            {"id": f"n{n}", "type": "exact", "pattern": changed.get(value, value)}
            for n, value in enumerate((request.body or {})["recipients"])
        ]
        return answer(201, {"data": made})

    return serve


def test_what_is_stored_as_something_else_is_told() -> None:
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
        "may_be_incomplete": False,
        "requests": 1,
    }


def test_what_is_stored_as_another_of_those_sent_is_told() -> None:
    script = Script(stored_as({"jane+a@x.example": "jane@x.example"}))
    recipients = ["jane@x.example", "jane+a@x.example"]
    work, _ = add(None, script=script, recipients=recipients, on_invalid="skip")
    assert [each["value"] for each in work.result(1)["stored_differently"]] == ["jane+a@x.example"]


def test_what_is_stored_as_something_else_fails_once_all_else_is_done() -> None:
    changed = {address: f"x{address}" for address in addresses(12)}
    script = Script(*[stored_as(changed)] * 3)
    with pytest.raises(MailerSendValidationError) as caught:
        add(None, script=script, recipients=addresses(14), batch_size=5)
    message = str(caught.value)
    assert len(script.sent) == 3
    assert message.startswith("blocklist (account-wide): MailerSend stored 12 differently than sent")
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
def test_another_spelling_of_the_same_address_is_the_same(sent: str, shown: str) -> None:
    work, _ = add(None, script=Script(stored_as({sent.strip(): shown})), recipients=[sent])
    assert work.stored_differently == []
    # What is looked up is found in that spelling too.
    entry = {"id": "n1", "created_at": "2026-03-04T12:00:31.000000Z", "pattern": shown, "domain": None}
    work, script = add(None, script=Script(lost(), page(entry)), recipients=[sent])
    assert (work.added, script.methods) == (["n1"], ["POST", "GET"])


def test_an_answer_that_shows_no_addresses_tells_nothing_of_them() -> None:
    script = Script(answer(201, {"data": [{"id": "n1"}, {"id": "n2"}]}))
    assert add(None, script=script, recipients=addresses(2))[0].stored_differently == []


def test_it_tells_how_far_it_is() -> None:
    account = Account(invalid=["bad@x"])
    script = Script(server=account)
    add(account, script=script, recipients=["bad@x", *addresses(4)], batch_size=2, on_invalid="skip")
    assert script.told == [("POST /suppressions/blocklist", done, 5) for done in (1, 3, 5)]
