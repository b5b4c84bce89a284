from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mailersend.exceptions import (
    MailerSendAuthenticationError,
    MailerSendError,
    MailerSendGuardError,
    MailerSendServerError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.jobs.wanted import Line, Wanted
from tests.feeding.account import Account, minutes
from tests.feeding.script import NOON, Script, answer, flow
from tests.feeding.syncs import account_with, people, sync, sync_of, values


def test_invalid_ones_fail_it_once_all_else_is_done() -> None:
    account = account_with(3, invalid=["bad.one@x", "worse@x"])
    with pytest.raises(MailerSendValidationError) as caught:
        sync(
            account,
            recipients=["a@x.example", "bad.one@x", "b@x.example", "worse@x"],
            mode="mirror",
            max_deletes=3,
            batch_size=2,
        )
    assert values(account) == ["a@x.example", "b@x.example"]
    reason = "It must be a valid email address. #MS42208"
    assert str(caught.value).startswith(
        f"blocklist (account-wide): 2 can't be added: recipients[1] 'b***@x': {reason}; "
        f"recipients[3] 'w***@x': {reason}. "
        "Everything else is on the list. Correct the source, or pass on_invalid='skip' to leave them out."
    )
    assert "bad.one" not in str(caught.value)
    assert caught.value.permanent
    assert str(caught.value).endswith("Added before that: 2 of 4; deleted: 3 of 3.")


ODD = [
    "",
    "nan",
    "None",
    "{{ x }}",
    "no address",
    "a@",
    "Person 0 <person0@x.example>",
    "person0@x.example, b@y",
]


@pytest.mark.parametrize("odd", ODD)
def test_a_mirror_deletes_nothing_where_it_cannot_read_all_that_is_wanted(odd: str) -> None:
    account = account_with(3)
    with pytest.raises(MailerSendValidationError, match=r"recipients\[1\]") as caught:
        sync(account, recipients=["a@x.example", odd], mode="mirror", max_deletes=3)
    assert sorted(values(account)) == ["a@x.example", *people(0, 1, 2)]
    assert (
        "Everything else is on the list, and nothing is deleted until they are corrected. Correct the source, or "
        in str(caught.value)
    )
    assert "person0" not in str(caught.value)


@pytest.mark.parametrize("odd", ODD)
def test_a_mirror_that_skips_what_it_cannot_read_deletes_nobody_named_in_it(odd: str) -> None:
    account = account_with(3)
    work, _ = sync(account, recipients=["a@x.example", odd], mode="mirror", max_deletes=3, on_invalid="skip")
    kept = people(0) if "person0" in odd else []
    assert values(account) == ["a@x.example", *kept]
    result = work.result(0)
    assert (result["rejected"], result["added"], result["deleted"]) == (1, 1, 3 - len(kept))
    assert (result["first_rejected"][0]["value"], result["first_rejected"][0]["where"]) == (
        odd,
        "recipients[1]",
    )


def test_a_mirror_of_nothing_that_can_be_read_is_a_mirror_of_nothing() -> None:
    account = account_with(3)
    with pytest.raises(MailerSendGuardError, match="the source has no valid recipients"):
        sync(account, recipients=["{{ x }}"], mode="mirror", max_deletes=3, on_invalid="skip")
    assert len(account.entries) == 3


def test_invalid_ones_from_a_file_are_named_by_their_lines() -> None:
    wanted = Wanted([Line("recipients", value, n) for n, value in enumerate(["a@x.example", "bad@x", ""], 2)])
    account = Account(invalid=["bad@x"])
    with pytest.raises(
        MailerSendValidationError, match=r"line 4 '\*\*\*': It is empty; line 3 'b\*\*\*@x': It"
    ):
        sync(account, wanted)
    assert values(account) == ["a@x.example"]


def test_invalid_ones_are_left_out_when_asked_to() -> None:
    account = Account(invalid=["bad@x"])
    work, _ = sync(account, recipients=["bad@x", "", "a@x.example"], on_invalid="skip")
    result = work.result(0)
    assert (result["wanted"], result["to_add"], result["added"], result["rejected"]) == (2, 2, 1, 2)
    assert result["first_rejected"] == [
        {"value": "", "where": "recipients[1]", "reason": "It is empty."},
        {
            "value": "bad@x",
            "where": "recipients[0]",
            "reason": "It must be a valid email address. #MS42208",
        },
    ]


@pytest.mark.parametrize(
    ("bad", "empty", "more"),
    [(10, 0, ""), (12, 0, " and 2 more"), (9, 3, " and 2 more"), (0, 11, " and 1 more")],
)
def test_ten_of_the_invalid_ones_are_named(bad: int, empty: Any, more: str) -> None:
    invalid = [f"bad{n}@x" for n in range(bad)]
    account = Account(invalid=invalid)
    with pytest.raises(MailerSendValidationError) as caught:
        sync(account, recipients=[*invalid, *[""] * empty, "a@x.example"])
    message = str(caught.value)
    assert message.startswith(f"blocklist (account-wide): {bad + empty} can't be added")
    assert message.count("recipients[") == 10
    assert f"{more}. Everything else is on the list." in message
    work, _ = sync(Account(invalid=invalid), recipients=[*invalid, *[""] * empty], on_invalid="skip")
    assert len(work.result(0)["first_rejected"]) == 10
    assert work.result(0)["rejected"] == bad + empty


def test_one_that_is_there_is_not_invalid() -> None:
    account = Account(invalid=["odd@x"])
    account.put("odd@x", at=NOON - minutes(5))
    work, script = sync(account, recipients=["odd@x"])
    assert (script.changes, work.result(0)["rejected"]) == ([], 0)


@pytest.mark.parametrize("status", [403, 500])
def test_where_something_else_fails_that_is_told(status: Any) -> None:
    account = Account(invalid=["bad@x"])
    script = Script(account, account, server=lambda *_: answer(status, {"data": []}))
    with pytest.raises(MailerSendError, match="Added before that: 0 of 2") as caught:
        sync(account, script=script, sender=flow(max_retries=0), recipients=["bad@x", "a@x.example"])
    assert not isinstance(caught.value, MailerSendValidationError)


# What is added and deleted, and in what order


def new(number: int) -> list[str]:
    return [f"new{n}@x.example" for n in range(number)]


MIRROR: dict[str, Any] = {"mode": "mirror", "max_deletes": 1.0, "allow_empty": True}


def test_all_is_added_before_any_is_deleted() -> None:
    account = account_with(5)
    work, script = sync(account, recipients=new(3), batch_size=2, **MIRROR)
    assert script.methods == ["GET", *["POST"] * 2, *["DELETE"] * 3]
    assert account.of_domain(None)[::-1] == new(3)
    assert work.report()[1] == {"added": 3, "deleted": 5, "duplicates": 0, "pages": 0}


def test_a_domain_is_told_with_each_request() -> None:
    account = Account("unsubscribes")
    account.put("old@x.example", at=NOON - minutes(9), domain_id="d1")
    _, script = sync(account, recipients=new(1), domain_id="d1", **MIRROR)
    assert [body["domain_id"] for body in script.bodies] == ["d1", "d1"]
    assert account.of_domain("d1") == new(1)


def test_it_tells_in_words_what_was_done() -> None:
    account = account_with(3)
    work = sync_of(account, recipients=new(3), batch_size=2, **MIRROR)
    assert work.report()[0] == "Nothing was changed."
    script = Script(*[account] * 4, answer(401))
    with pytest.raises(MailerSendAuthenticationError):
        script.run(work.run(flow()))
    assert work.report()[0] == "Added before that: 3 of 3; deleted: 2 of 3."


def test_a_smaller_batch_is_kept_to() -> None:
    account = account_with(5, most=2)
    _, script = sync(account, recipients=new(5), **MIRROR)
    assert script.changes == ["POST"] * 4 + ["DELETE"] * 4


def test_what_is_refused_is_left_out_and_told() -> None:
    account = Account(invalid=[new(4)[1], new(4)[3]])
    work, _ = sync(account, recipients=new(5), batch_size=2, on_invalid="skip")
    result = work.result(0)
    assert (result["added"], result["rejected"]) == (3, 2)
    assert [(one["value"], one["where"]) for one in result["first_rejected"]] == [
        ("new1@x.example", "recipients[1]"),
        ("new3@x.example", "recipients[3]"),
    ]
    assert "valid email address" in result["first_rejected"][0]["reason"]


def test_ten_of_those_refused_are_told() -> None:
    for batch_size in (3, 20):
        account = Account(invalid=new(14))
        work, _ = sync(account, recipients=new(14), batch_size=batch_size, on_invalid="skip")
        assert (work.result(0)["rejected"], len(work.result(0)["first_rejected"])) == (14, 10)


def test_a_fault_that_lasts_ends_it_where_it_stands() -> None:
    account = account_with(4)
    script = Script(account, account, server=lambda *_: answer(503))
    with pytest.raises(MailerSendServerError) as caught:
        sync(account, script=script, sender=flow(max_retries=1), recipients=[], batch_size=2, **MIRROR)
    assert caught.value.counts == {"added": 0, "deleted": 2, "duplicates": 0, "pages": 0}
