"""The operators on recipients and SMS recipients, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_mailersend.exceptions import MailerSendUnexpectedAnswerError
from airflow_provider_mailersend.operators.recipients import (
    MailerSendDeleteRecipientOperator,
    MailerSendGetRecipientOperator,
    MailerSendListRecipientsOperator,
)
from airflow_provider_mailersend.operators.sms_recipients import (
    MailerSendGetSmsRecipientOperator,
    MailerSendListSmsRecipientsOperator,
    MailerSendUpdateSmsRecipientsOperator,
)
from airflow_provider_mailersend.operators.suppressions import MailerSendDeleteSuppressionsOperator
from airflow_provider_mailersend.sandbox import Fault, Sandbox

Connect = Callable[..., str]


def test_recipients_are_listed_got_and_deleted(connect: Connect) -> None:
    with Sandbox(recipients=130) as sandbox:
        connect(sandbox)
        listed = MailerSendListRecipientsOperator(task_id="list").execute({})
        assert listed == sandbox.entries("recipients")
        of_domain = MailerSendListRecipientsOperator(task_id="d", domain_id=sandbox.domain_id("example.com"))
        assert 0 < len(of_domain.execute({})) < 130
        id_ = listed[3]["id"]
        assert MailerSendGetRecipientOperator(task_id="get", recipient_id=id_).execute({})["id"] == id_
        assert MailerSendDeleteRecipientOperator(task_id="delete", recipient_id=id_).execute({}) == {
            "deleted": True,
            "requests": 1,
        }
        assert MailerSendDeleteRecipientOperator(task_id="again", recipient_id=id_).execute({}) == {
            "deleted": False,
            "requests": 1,
        }
        for operator in (
            MailerSendGetRecipientOperator(task_id="gone", recipient_id=id_),
            MailerSendDeleteRecipientOperator(task_id="missing", recipient_id=id_, on_missing="fail"),
        ):
            with pytest.raises(AirflowFailException, match="has nothing with this id"):
                operator.execute({})


@pytest.mark.parametrize(
    "operator",
    [
        MailerSendGetRecipientOperator(task_id="a", recipient_id="None"),
        MailerSendDeleteRecipientOperator(task_id="b", recipient_id=""),
        MailerSendGetSmsRecipientOperator(task_id="c", sms_recipient_id="  "),
    ],
    ids=lambda operator: type(operator).__name__,
)
def test_an_id_rendered_from_nothing_asks_nothing(connect: Connect, sandbox: Sandbox, operator: Any) -> None:
    connect(sandbox)
    with pytest.raises(AirflowFailException, match="recipient_id must not be empty"):
        operator.execute({})
    assert sandbox.log == []


@pytest.mark.parametrize(
    "operator",
    [
        MailerSendListRecipientsOperator(task_id="a", max_entries=10),
        MailerSendListSmsRecipientsOperator(task_id="b", max_entries=10),
    ],
    ids=lambda operator: type(operator).__name__,
)
def test_more_than_fit_through_xcom_fail(connect: Connect, operator: Any) -> None:
    with Sandbox(recipients=11, sms_recipients=11) as sandbox:
        connect(sandbox)
        with pytest.raises(AirflowFailException, match="more than max_entries=10"):
            operator.execute({})


def test_sms_recipients_are_listed_got_and_set(connect: Connect) -> None:
    with Sandbox(sms_recipients=130, rate_limit=None) as sandbox:
        connect(sandbox)
        active = MailerSendListSmsRecipientsOperator(task_id="list", status="active").execute({})
        assert active == [one for one in sandbox.entries("sms-recipients") if one["status"] == "active"]
        ids = [one["id"] for one in active[:5]]
        operator = MailerSendUpdateSmsRecipientsOperator(
            task_id="set", ids=str([*ids, ids[0]]), status="opt_out"
        )
        assert operator.execute({}) == {
            "updated": ids,
            "unchanged": 0,
            "missing": [],
            "may_be_incomplete": False,
            "requests": 5,
        }
        one = MailerSendGetSmsRecipientOperator(task_id="get", sms_recipient_id=ids[0]).execute({})
        assert one["status"] == "opt_out"


@pytest.mark.parametrize("nothing", ["None", "", "[]", None, []])
def test_no_ids_set_nothing(connect: Connect, sandbox: Sandbox, nothing: Any) -> None:
    connect(sandbox)
    operator = MailerSendUpdateSmsRecipientsOperator(task_id="set", ids=nothing, status="opt_out")
    assert operator.execute({}) == {
        "updated": [],
        "unchanged": 0,
        "missing": [],
        "may_be_incomplete": False,
        "requests": 0,
    }
    assert sandbox.log == []


def test_an_unknown_id_holds_up_none_of_the_others(connect: Connect) -> None:
    with Sandbox(sms_recipients=3, rate_limit=None) as sandbox:
        connect(sandbox)
        ids = [one["id"] for one in sandbox.entries("sms-recipients")]
        wanted = [ids[0], "unknown", ids[1]]
        with pytest.raises(
            AirflowFailException,
            match=r"no SMS recipients for unknown; .* All others \(2\) were set to opt_out",
        ):
            MailerSendUpdateSmsRecipientsOperator(task_id="set", ids=wanted, status="opt_out").execute({})
        assert [one["status"] for one in sandbox.entries("sms-recipients")[:2]] == ["opt_out"] * 2
        skipping = MailerSendUpdateSmsRecipientsOperator(
            task_id="skip", ids=wanted, status="active", on_missing="skip"
        )
        assert skipping.execute({}) == {
            "updated": [ids[0], ids[1]],
            "unchanged": 0,
            "missing": ["unknown"],
            "may_be_incomplete": False,
            "requests": 3,
        }


def test_a_number_given_as_an_id_is_refused_masked(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    operator = MailerSendUpdateSmsRecipientsOperator(task_id="set", ids=["+15551234567"], status="opt_out")
    with pytest.raises(AirflowFailException, match=r"not a phone number: .*numbers=") as error:
        operator.execute({})
    assert "5551234567" not in str(error.value)
    assert sandbox.log == []


@pytest.mark.parametrize("number", ["+15551234567", "15551234567", "0171 1234567"])
def test_a_number_is_no_id_of_one_sms_recipient(connect: Connect, sandbox: Sandbox, number: str) -> None:
    connect(sandbox)
    with pytest.raises(AirflowFailException, match="not a phone number") as error:
        MailerSendGetSmsRecipientOperator(task_id="get", sms_recipient_id=number).execute({})
    assert "1234567" not in str(error.value)
    assert sandbox.log == []


def test_a_zero_in_brackets_is_explained(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    operator = MailerSendUpdateSmsRecipientsOperator(
        task_id="set", numbers="+44 (0)20 7946 0958", status="opt_out"
    )
    with pytest.raises(AirflowFailException, match=r"has a 0 after a bracket, which in most") as error:
        operator.execute({})
    assert "7946" not in str(error.value)
    assert sandbox.log == []


@pytest.mark.parametrize("nothing", ["None", "", None])
def test_an_sms_number_rendered_to_nothing_does_not_turn_into_all(
    connect: Connect, sandbox: Sandbox, nothing: str | None
) -> None:
    connect(sandbox)
    for operator in (
        MailerSendListSmsRecipientsOperator(task_id="list", sms_number_id=nothing),
        MailerSendUpdateSmsRecipientsOperator(
            task_id="set", numbers=["+15551234567"], status="opt_out", sms_number_id=nothing
        ),
    ):
        with pytest.raises(AirflowFailException, match="sms_number_id was given, but rendered to nothing"):
            operator.execute({})
    assert sandbox.log == []


@pytest.mark.parametrize("nothing", ["None", "", None])
def test_a_status_rendered_to_nothing_does_not_turn_into_all(
    connect: Connect, sandbox: Sandbox, nothing: str | None
) -> None:
    connect(sandbox)
    for sms_number in ({}, {"sms_number_id": "n1"}):
        operator = MailerSendListSmsRecipientsOperator(task_id="list", status="{{ x }}", **sms_number)
        operator.status = nothing
        with pytest.raises(AirflowFailException, match="status was given, but rendered to nothing"):
            operator.execute({})
    assert sandbox.log == []


def test_an_id_that_mailersend_refuses_holds_up_none_of_the_others(connect: Connect) -> None:
    with Sandbox(sms_recipients=3, rate_limit=None) as sandbox:
        connect(sandbox)
        ids = [one["id"] for one in sandbox.entries("sms-recipients")]
        sandbox.fail(Fault(method="PUT", status=422, body={"message": "The number is blocked."}))
        with pytest.raises(
            AirflowFailException,
            match=r"The number is blocked\. Leave them out.* All others \(2\) were set to opt_out",
        ):
            MailerSendUpdateSmsRecipientsOperator(task_id="set", ids=ids, status="opt_out").execute({})


def test_a_gateway_that_knows_no_such_page_does_not_count_as_deleted_or_missing(connect: Connect) -> None:
    with Sandbox(recipients=1, sms_recipients=1) as sandbox:
        connect(sandbox)
        sandbox.fail(Fault(path="/*recipients/*", status=404, body="<h1>404 Not Found</h1>", times=None))
        for operator in (
            MailerSendDeleteRecipientOperator(
                task_id="a", recipient_id=sandbox.entries("recipients")[0]["id"]
            ),
            MailerSendUpdateSmsRecipientsOperator(
                task_id="b",
                ids=[sandbox.entries("sms-recipients")[0]["id"]],
                status="opt_out",
                on_missing="skip",
            ),
        ):
            with pytest.raises(MailerSendUnexpectedAnswerError, match="check that the connection's host is"):
                operator.execute({})


@pytest.mark.parametrize("written", ["['{}']", '["{}"]', '"{}"', "{},{}"])
def test_an_id_within_other_text_is_refused_and_does_not_count_as_deleted(
    connect: Connect, written: str
) -> None:
    with Sandbox(recipients=1, blocklist=1) as sandbox:
        connect(sandbox)
        recipient_id = sandbox.entries("recipients")[0]["id"]
        entry_id = sandbox.entries("blocklist")[0]["id"]
        for operator in (
            MailerSendDeleteRecipientOperator(task_id="a", recipient_id=written.replace("{}", recipient_id)),
            MailerSendDeleteSuppressionsOperator(
                task_id="b", suppression_list="blocklist", ids=[written.replace("{}", entry_id)]
            ),
        ):
            with pytest.raises(
                AirflowFailException, match="must be one id, without quotes, brackets or comm"
            ):
                operator.execute({})
        assert sandbox.log == []


@pytest.mark.parametrize("ids", [["abc", " "], ["abc", ""]])
def test_an_empty_id_is_refused_before_any_request(
    connect: Connect, sandbox: Sandbox, ids: list[str]
) -> None:
    connect(sandbox)
    with pytest.raises(AirflowFailException, match=r"ids\[1\] must be an id, as a string"):
        MailerSendUpdateSmsRecipientsOperator(task_id="set", ids=ids, status="opt_out").execute({})
    assert sandbox.log == []


def test_numbers_opt_out_every_sms_recipient_they_have_and_only_once(connect: Connect) -> None:
    with Sandbox(sms_recipients=230, rate_limit=None) as sandbox:
        connect(sandbox)
        everyone = sandbox.entries("sms-recipients")
        shared = next(a["number"] for a, b in pairwise(everyone) if a["number"] == b["number"])
        other = next(
            one["number"] for one in everyone if one["status"] == "opt_out" and one["number"] != shared
        )
        written = [f"{shared[:2]} ({shared[2:5]}) {shared[5:8]}-{shared[8:]}", other]
        operator = MailerSendUpdateSmsRecipientsOperator(task_id="set", numbers=written, status="opt_out")
        result = operator.execute({})
        meant = [one for one in everyone if one["number"] in (shared, other)]
        assert sorted(result["updated"]) == sorted(one["id"] for one in meant if one["status"] == "active")
        assert result["updated"]
        assert result["unchanged"] == len(meant) - len(result["updated"])
        assert result["requests"] == 3 + len(result["updated"])
        now = [one["status"] for one in sandbox.entries("sms-recipients") if one["number"] in (shared, other)]
        assert set(now) == {"opt_out"}
        again = MailerSendUpdateSmsRecipientsOperator(
            task_id="again", numbers=written, status="opt_out"
        ).execute({})
        assert (again["updated"], again["requests"]) == ([], 3)


def test_numbers_within_one_sms_number(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    (one,) = sandbox.add("sms-recipients", "+15550001111")
    other_id = sandbox.sms_number_id("+15005550002")
    operator = MailerSendUpdateSmsRecipientsOperator(
        task_id="set", numbers=["+15550001111"], sms_number_id=other_id, status="opt_out", on_missing="skip"
    )
    assert operator.execute({})["missing"] == ["+15550001111"]
    assert sandbox.entries("sms-recipients")[0]["status"] == one["status"] == "active"


def test_an_unknown_number_holds_up_none_of_the_others_and_is_named_masked(
    connect: Connect, sandbox: Sandbox
) -> None:
    connect(sandbox)
    sandbox.add("sms-recipients", "+15550001111")
    with pytest.raises(
        AirflowFailException, match=r"for numbers\[\d\] \+1\*\*\*99; .* All others \(1\) were set"
    ) as error:
        MailerSendUpdateSmsRecipientsOperator(
            task_id="set", numbers=["+15559999999", "+15550001111"], status="opt_out"
        ).execute({})
    assert "+15559999999" not in str(error.value)
    assert sandbox.entries("sms-recipients")[0]["status"] == "opt_out"


def test_numbers_that_cannot_be_are_all_named_before_any_request(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    wrong = ["5551234567", "+15551234567", "hello"]
    with pytest.raises(
        AirflowFailException,
        match=r"^numbers\[0\] '5\*\*\*' is not a phone number in E\.164.*; numbers\[2\] 'h\*\*\*' is not",
    ):
        MailerSendUpdateSmsRecipientsOperator(task_id="set", status="opt_out", numbers=wrong).execute({})
    assert sandbox.log == []


def test_sms_recipients_of_one_number(connect: Connect) -> None:
    with Sandbox(sms_recipients=30) as sandbox:
        connect(sandbox)
        number_id = sandbox.sms_number_id("+15005550002")
        listed = MailerSendListSmsRecipientsOperator(task_id="list", sms_number_id=number_id).execute({})
        assert sandbox.log[-1].query["sms_number_id"] == number_id
        assert 0 < len(listed) < 30


def test_a_refusal_says_what_was_set_before(connect: Connect) -> None:
    with Sandbox(sms_recipients=3) as sandbox:
        connect(sandbox)
        ids = [one["id"] for one in sandbox.entries("sms-recipients")]
        sandbox.fail(Fault(method="PUT", status=403, skip=1))
        with pytest.raises(AirflowFailException, match=r"sms_full.* Set to opt_out before that: 1 of 3"):
            MailerSendUpdateSmsRecipientsOperator(task_id="set", ids=ids, status="opt_out").execute({})


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"status": "blocked"}, "status must be one of active, opt_out"),
        ({"status": "opt_out", "on_missing": "ignore"}, "on_missing must be one of fail, skip"),
    ],
    ids=str,
)
def test_arguments_that_cannot_be_fail_at_once(
    connect: Connect, sandbox: Sandbox, arguments: dict[str, Any], complaint: str
) -> None:
    connect(sandbox)
    # What is a literal fails when the DAG is parsed.
    with pytest.raises(ValueError, match=complaint):
        MailerSendUpdateSmsRecipientsOperator(task_id="set", ids=["abc"], **arguments)
    assert sandbox.log == []
