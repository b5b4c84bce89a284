"""What a sync does about refused addresses and failing requests, over real HTTP."""

from __future__ import annotations

import threading
import time

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_mailersend.exceptions import (
    MailerSendConnectionError,
    MailerSendError,
    MailerSendServerError,
)
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from tests.operators.syncing import (
    Connect,
    Logged,
    changes,
    numbered,
    sync,
    texts,
)


@pytest.mark.parametrize("mode", ["add_only", "mirror"])
def test_an_address_that_mailersend_refuses_fails_the_task_once_all_else_is_done(
    connect: Connect, sandbox: Sandbox, mode: str
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "old@example.net")
    recipients = ["a@example.net", "jane@roe", "b@example.net", "c@example.net"]
    with pytest.raises(AirflowFailException) as error:
        sync(recipients=recipients, mode=mode, max_deletes=1, batch_size=2)
    said = str(error.value)
    assert "blocklist (account-wide): 1 can't be added: recipients[1] 'j***@roe': " in said
    assert "jane@" not in said
    assert "on_invalid='skip'" in said
    old = [] if mode == "mirror" else ["old@example.net"]
    assert texts(sandbox) == [*old, "a@example.net", "b@example.net", "c@example.net"]


def test_an_address_that_mailersend_refuses_can_be_skipped(
    connect: Connect, sandbox: Sandbox, logged: Logged
) -> None:
    connect(sandbox)
    result = sync(recipients=["a@example.net", "jane@roe"], on_invalid="skip")
    assert (result["added"], result["rejected"], result["to_add"]) == (1, 1, 2)
    said = logged()
    assert "Skipped 1 rejected value; the first is recipients[1] j***@roe: " in said
    assert "jane@" not in said


def test_of_many_refused_the_first_ten_are_named(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    with pytest.raises(AirflowFailException, match=r"12 can't be added: .* and 2 more\. Everything else"):
        sync(recipients=[f"nobody{number}@nodot" for number in range(12)])
    result = sync(recipients=[f"nobody{number}@nodot" for number in range(12)], on_invalid="skip")
    assert result["rejected"] == 12
    assert [one["where"] for one in result["first_rejected"]] == [f"recipients[{n}]" for n in range(10)]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    ("status", "complaint"),
    [(401, "API token"), (403, "the scope suppressions_"), (422, "The domain is paused")],
)
def test_a_refusal_fails_the_task_at_once_and_says_what_was_done(
    connect: Connect, sandbox: Sandbox, method: str, status: int, complaint: str
) -> None:
    connect(sandbox, conn_id="marketing")
    sandbox.add("blocklist", "old@example.net")
    sandbox.fail(
        Fault(method=method, path="/suppressions/*", status=status, body={"message": "The domain is paused."})
    )
    with pytest.raises(AirflowFailException, match=complaint) as error:
        sync(recipients=["new@example.net"], mode="mirror", max_deletes=1, mailersend_conn_id="marketing")
    done = {
        "GET": "Nothing was changed.",
        "POST": "Added before that: 0 of 1; deleted: 0 of 1.",
        "DELETE": "Added before that: 1 of 1; deleted: 0 of 1.",
    }
    assert str(error.value).endswith(f"{done[method]} Connection 'marketing'.")
    assert changes(sandbox) == {"GET": [], "POST": ["POST"], "DELETE": ["POST", "DELETE"]}[method]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(path="/suppressions/*", method="GET", status=503), MailerSendServerError),
        (Fault(path="/suppressions/*", method="GET", cut="before"), MailerSendConnectionError),
        (Fault(path="/suppressions/*", method="DELETE", status=500), MailerSendServerError),
        (Fault(path="/suppressions/*", method="POST", status=500), MailerSendError),
    ],
    ids=["GET 503", "GET cut", "DELETE 500", "POST 500"],
)
def test_what_may_pass_is_left_to_airflows_retries(
    connect: Connect, sandbox: Sandbox, fault: Fault, kind: type[Exception]
) -> None:
    connect(sandbox, extra={"max_retries": 0})
    sandbox.add("blocklist", "old@example.net")
    sandbox.fail(fault)
    with pytest.raises(kind) as error:
        sync(recipients=["new@example.net"], mode="mirror", max_deletes=1)
    assert not isinstance(error.value, AirflowFailException)
    sync(recipients=["new@example.net"], mode="mirror", max_deletes=1)
    assert texts(sandbox) == ["new@example.net"]


def test_neither_token_nor_address_is_in_logs_and_errors(
    connect: Connect, sandbox: Sandbox, logged: Logged
) -> None:
    connect(sandbox)
    secrets = ["jane.roe@example.net", "john.doe@example.net", "no.address@", "mlsn.sandbox"]
    sandbox.add("blocklist", "john.doe@example.net", patterns=[".*@b"])
    wanted = ["jane.roe@example.net", "no.address@at-all"]
    said = []
    for arguments in (
        {"mode": "mirror", "dry_run": True},
        {"mode": "mirror", "max_deletes": 0},
        {"on_invalid": "skip"},
        {"mode": "mirror", "max_deletes": 1.0},
    ):
        try:
            sync(recipients=wanted, **arguments)
        except AirflowFailException as error:
            said.append(str(error))
    assert len(said) == 2
    everything = logged() + "".join(said)
    assert "j***@example.net" in everything
    assert [secret for secret in secrets if secret in everything] == []


def test_entries_that_are_gone_already_count_as_deleted(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sandbox.add("blocklist", *numbered(3))
    plan = sync(recipients=["new@example.net"], mode="mirror", max_deletes=3, dry_run=True)
    # Somebody deletes an entry after the list was read.
    gone = plan["first_to_delete"][1]["id"]
    sandbox.fail(Fault(method="POST", delay=0.5, delay_when="before"))

    def delete_meanwhile() -> None:
        while not sandbox.requests("POST"):
            time.sleep(0.01)
        sandbox.remove("blocklist", [gone])

    somebody_else = threading.Thread(target=delete_meanwhile, daemon=True)
    somebody_else.start()
    result = sync(recipients=["new@example.net"], mode="mirror", max_deletes=3)
    somebody_else.join()
    assert result["deleted"] == 3
    assert texts(sandbox) == ["new@example.net"]


def test_an_addition_whose_answer_is_lost_is_not_made_twice(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sandbox.fail(Fault(method="POST", cut="after"))
    assert sync(recipients=numbered(30), batch_size=20)["added"] == 30
    assert texts(sandbox) == numbered(30)
    assert len(sandbox.requests("POST")) == 2
