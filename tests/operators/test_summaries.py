"""What operators log once they are done, over real HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

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
from airflow_provider_mailersend.operators.suppressions import (
    MailerSendAddSuppressionsOperator,
    MailerSendDeleteSuppressionsOperator,
    MailerSendListSuppressionsOperator,
    MailerSendSyncSuppressionsOperator,
)
from airflow_provider_mailersend.sandbox import QUOTA_HEADERS, Fault, Sandbox

Connect = Callable[..., str]
Logged = Callable[[], str]


def people(*numbers: int) -> list[str]:
    return [f"person{number}@example.net" for number in numbers]


def test_a_sync_says_where_what_and_how_long_it_waited(
    connect: Connect, sandbox: Sandbox, logged: Logged
) -> None:
    connect(sandbox, "marketing", extra={"domain_id": sandbox.domain_id("example.com")})
    sandbox.add("unsubscribes", *people(*range(12)), domain="example.com")
    sandbox.fail(Fault(path="/suppressions/*", status=429, headers={"retry-after": "1"}))
    MailerSendSyncSuppressionsOperator(
        task_id="sync",
        suppression_list="unsubscribes",
        recipients=people(*range(1, 14)),
        mode="mirror",
        mailersend_conn_id="marketing",
    ).execute({})
    said = logged()
    assert re.search(
        rf"unsubscribes \(domain {sandbox.domain_id('example.com')}\): added 2, deleted 1; mode mirror; "
        rf"13 wanted, 12 present, 11 unchanged; {len(sandbox.log)} requests; waited \d+ s for the rate limit; "
        r"connection 'marketing'\.",
        said,
    )
    assert "person" not in said


def test_a_domain_is_named_as_it_was_given(connect: Connect, sandbox: Sandbox, logged: Logged) -> None:
    connect(sandbox)
    MailerSendAddSuppressionsOperator(
        task_id="add", suppression_list="unsubscribes", recipients=people(1, 2), domain="example.com"
    ).execute({})
    said = logged()
    assert "unsubscribes (domain example.com): added 2; 2 requests; connection 'mailersend_default'." in said


def test_it_says_what_is_left_of_the_daily_quota_where_that_is_known(
    connect: Connect, logged: Logged
) -> None:
    with Sandbox(blocklist=150, quota=5_000, headers=QUOTA_HEADERS) as sandbox:
        connect(sandbox)
        MailerSendListSuppressionsOperator(task_id="list", suppression_list="blocklist").execute({})
    assert (
        "blocklist (account-wide): found 150; 2 requests, 4,998 of the daily quota left; "
        "connection 'mailersend_default'."
    ) in logged()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            lambda sandbox: MailerSendListSuppressionsOperator(task_id="t", suppression_list="blocklist"),
            "blocklist (account-wide): found 3; 1 request; connection 'mailersend_default'.",
        ),
        (
            lambda sandbox: MailerSendDeleteSuppressionsOperator(
                task_id="t", suppression_list="blocklist", recipients=people(0, 9)
            ),
            "blocklist (account-wide): deleted 1, 1 not found; 2 requests; connection",
        ),
        (
            lambda sandbox: MailerSendAddSuppressionsOperator(
                task_id="t",
                suppression_list="blocklist",
                recipients=["refused@nodot", *people(5)],
                on_invalid="skip",
            ),
            "blocklist (account-wide): added 1, left out 1 that MailerSend refuses; 2 requests; connection",
        ),
        (
            lambda sandbox: MailerSendListRecipientsOperator(task_id="t", domain="example.com"),
            "recipients (domain example.com): found ",
        ),
        (
            lambda sandbox: MailerSendGetRecipientOperator(
                task_id="t", recipient_id=sandbox.entries("recipients")[0]["id"]
            ),
            ": read p***@example.net; 1 request; connection 'mailersend_default'.",
        ),
        (
            lambda sandbox: MailerSendGetSmsRecipientOperator(
                task_id="t", sms_recipient_id=sandbox.entries("sms-recipients")[0]["id"]
            ),
            ": read +1***11, active; 1 request; connection 'mailersend_default'.",
        ),
        (
            lambda sandbox: MailerSendDeleteRecipientOperator(task_id="t", recipient_id="6" * 24),
            f"recipient {'6' * 24}: not there; 1 request; connection 'mailersend_default'.",
        ),
        (
            lambda sandbox: MailerSendListSmsRecipientsOperator(task_id="t"),
            "SMS recipients: found 2; 1 request; connection 'mailersend_default'.",
        ),
        (
            lambda sandbox: MailerSendUpdateSmsRecipientsOperator(
                task_id="t",
                numbers=["+15550001111", "+15550009999"],
                status="opt_out",
                on_missing="skip",
            ),
            "SMS recipients: set 1 to opt_out, 1 not found; 2 requests; connection",
        ),
    ],
)
def test_each_operator_says_what_it_did(
    connect: Connect,
    sandbox: Sandbox,
    logged: Logged,
    make: Callable[[Sandbox], Any],
    expected: str,
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", *people(0, 1, 2))
    sandbox.add("recipients", *people(0))
    sandbox.add("sms-recipients", "+15550001111", "+15550002222")
    make(sandbox).execute({})
    said = logged()
    assert expected in said
    assert "person" not in said


def test_an_error_begins_with_its_cause_and_names_the_host(connect: Connect) -> None:
    connect(host="http://127.0.0.1:9/v1", extra={"max_retries": 0})
    operator = MailerSendListSuppressionsOperator(task_id="t", suppression_list="blocklist")
    with pytest.raises(
        Exception, match=r"^No answer from MailerSend to GET \S+: 127.0.0.1:9 cannot be reached .*refused"
    ):
        operator.execute({})
