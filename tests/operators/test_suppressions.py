"""The operators on suppression lists, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowNotFoundException

from airflow_provider_mailersend.exceptions import MailerSendQuotaExhaustedError, MailerSendServerError
from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from airflow_provider_mailersend.operators.recipients import MailerSendListRecipientsOperator
from airflow_provider_mailersend.operators.suppressions import (
    MailerSendAddSuppressionsOperator,
    MailerSendDeleteSuppressionsOperator,
    MailerSendListSuppressionsOperator,
)
from airflow_provider_mailersend.sandbox import Fault, Sandbox

Connect = Callable[..., str]
Logged = Callable[[], str]


def test_listing_returns_the_entries(connect: Connect) -> None:
    with Sandbox(unsubscribes=120) as sandbox:
        connect(sandbox)
        found = MailerSendListSuppressionsOperator(task_id="list", suppression_list="unsubscribes").execute(
            {}
        )
        assert found == sandbox.entries("unsubscribes")


def test_listing_keeps_to_the_domain_and_the_moments(connect: Connect) -> None:
    newest = datetime(2025, 6, 1, tzinfo=UTC)
    with Sandbox(unsubscribes=60, newest=newest, spacing=60) as sandbox:
        connect(sandbox)
        domain_id = sandbox.domain_id("example.com")
        since, until = newest - timedelta(minutes=40), newest - timedelta(minutes=10)
        between = [
            entry
            for entry in sandbox.entries("unsubscribes")
            if since <= datetime.fromisoformat(entry["created_at"]) < until
        ]
        for moments in ({"since": since, "until": until}, {"since": str(since), "until": str(until)}):
            operator = MailerSendListSuppressionsOperator(
                task_id="list", suppression_list="unsubscribes", **moments
            )
            assert operator.execute({}) == between
        of_domain = MailerSendListSuppressionsOperator(
            task_id="list", suppression_list="unsubscribes", domain_id=f" {domain_id} "
        )
        found = of_domain.execute({})
        assert len(found) == 20
        assert {entry["recipient"]["domain"]["id"] for entry in found} == {domain_id}


@pytest.mark.parametrize(("max_entries", "fits"), [(249, False), (250, True)])
def test_more_than_fit_through_xcom_fail_and_stop_the_reading(
    connect: Connect, max_entries: int, fits: bool
) -> None:
    with Sandbox(unsubscribes=250) as sandbox:
        connect(sandbox)
        operator = MailerSendListSuppressionsOperator(
            task_id="list", suppression_list="unsubscribes", max_entries=max_entries
        )
        if fits:
            assert len(operator.execute({})) == 250
        else:
            with pytest.raises(
                AirflowFailException, match=r"^unsubscribes.*: there are more than max_entries=249"
            ):
                operator.execute({})
        assert len(sandbox.log) == 3


@pytest.mark.parametrize("max_entries", [0, 2.5, "10", None])
def test_a_number_of_entries_that_cannot_be_fails_at_once(
    connect: Connect, sandbox: Sandbox, max_entries: Any
) -> None:
    connect(sandbox)
    with pytest.raises(ValueError, match="max_entries must be a whole number, at least 1; got"):
        MailerSendListSuppressionsOperator(
            task_id="list", suppression_list="unsubscribes", max_entries=max_entries
        )
    assert sandbox.log == []


def test_ten_thousand_entries_fit_by_default_and_no_more_are_read(connect: Connect) -> None:
    with Sandbox(unsubscribes=10_300, rate_limit=None) as sandbox:
        connect(sandbox)
        with pytest.raises(AirflowFailException, match="more than max_entries=10000"):
            MailerSendListSuppressionsOperator(task_id="list", suppression_list="unsubscribes").execute({})
        assert len(sandbox.log) == 101


def test_a_connection_that_is_not_there_is_left_to_a_retry() -> None:
    operator = MailerSendListSuppressionsOperator(
        task_id="list", suppression_list="unsubscribes", mailersend_conn_id="nowhere"
    )
    # It may be a secrets backend that is down.
    with pytest.raises(AirflowNotFoundException, match="nowhere"):
        operator.execute({})


@pytest.mark.parametrize("nothing", ["None", "", None])
def test_a_filter_rendered_from_nothing_is_none(connect: Connect, nothing: str | None) -> None:
    with Sandbox(unsubscribes=30) as sandbox:
        connect(sandbox)
        operator = MailerSendListSuppressionsOperator(
            task_id="list", suppression_list="unsubscribes", since=nothing, until=nothing
        )
        assert len(operator.execute({})) == 30
        assert set(sandbox.log[0].query) == {"page", "limit"}


@pytest.mark.parametrize(
    "recipients", [["a@example.com"], '["a@example.com"]', "['a@example.com']", "a@example.com"]
)
def test_adding_takes_a_list_however_it_was_rendered(
    connect: Connect, sandbox: Sandbox, recipients: Any
) -> None:
    connect(sandbox)
    result = MailerSendAddSuppressionsOperator(
        task_id="add", suppression_list="blocklist", recipients=recipients
    ).execute({})
    entries = sandbox.entries("blocklist")
    assert [entry["pattern"] for entry in entries] == ["a@example.com"]
    assert result == {
        "added": [entries[0]["id"]],
        "rejected": [],
        "stored_differently": [],
        "may_be_incomplete": False,
        "requests": 1,
    }


def test_addresses_and_patterns_are_added_to_the_domain_given(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    domain_id = sandbox.domain_id("news.example.com")
    MailerSendAddSuppressionsOperator(
        task_id="add",
        suppression_list="blocklist",
        recipients="a@example.com",
        patterns=r"['.*@example\\.org']",
        domain_id=domain_id,
    ).execute({})
    assert [
        (entry["pattern"], entry["domain"]["id"]) for entry in reversed(sandbox.entries("blocklist"))
    ] == [
        ("a@example.com", domain_id),
        (r".*@example\.org", domain_id),
    ]


@pytest.mark.parametrize("nothing", ["None", "", "[]", None, []])
def test_adding_nothing_is_a_success_that_sends_nothing(
    connect: Connect, sandbox: Sandbox, nothing: Any
) -> None:
    connect(sandbox)
    operator = MailerSendAddSuppressionsOperator(
        task_id="add", suppression_list="unsubscribes", recipients=nothing, patterns=nothing
    )
    assert operator.execute({}) == {
        "added": [],
        "rejected": [],
        "stored_differently": [],
        "may_be_incomplete": False,
        "requests": 0,
    }
    assert sandbox.log == []


@pytest.mark.parametrize("nothing", ["None", "", "[]", None, []])
def test_ids_rendered_from_nothing_delete_nothing(connect: Connect, nothing: Any) -> None:
    with Sandbox(blocklist=5) as sandbox:
        connect(sandbox)
        operator = MailerSendDeleteSuppressionsOperator(
            task_id="delete", suppression_list="blocklist", ids=nothing
        )
        assert operator.execute({}) == {
            "deleted": [],
            "missing": [],
            "all": False,
            "may_be_incomplete": False,
            "requests": 0,
        }
        assert sandbox.log == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"delete_all": "True"},
        {"delete_all": True},
        {"delete_all": 1},
        {"delete_all": "yes"},
        {"delete_all": "{{ true }}"},
        {"delete_all": True, "domain_id": "account", "ids": []},
        {"delete_all": True, "domain_id": "account", "ids": None},
        {"delete_all": True, "domain_id": "account", "recipients": None},
        {"delete_all": True, "domain_id": "account", "patterns": []},
        {"ids": ["abc"], "recipients": ["a@example.com"]},
        {"delete_all": True, "domain_id": None},
        {"delete_all": True, "domain": None},
        {"delete_all": True, "domain_id": "account", "ids": "None"},
        {"delete_all": True, "domain_id": "account", "ids": "abc"},
    ],
    ids=str,
)
def test_nothing_but_true_with_a_scope_and_without_ids_deletes_all(
    connect: Connect, arguments: dict[str, Any]
) -> None:
    def delete() -> None:
        MailerSendDeleteSuppressionsOperator(
            task_id="delete", suppression_list="blocklist", **arguments
        ).execute({})

    with Sandbox(blocklist=5) as sandbox:
        connect(sandbox)
        with pytest.raises((AirflowFailException, ValueError)):
            delete()
        assert sandbox.log == []


def test_adding_takes_batches_of_the_size_given(connect: Connect, sandbox: Sandbox, logged: Logged) -> None:
    connect(sandbox)
    recipients = ["a@example.com", "b@example.com", "none@nodot", "c@example.com"]
    MailerSendAddSuppressionsOperator(
        task_id="add", suppression_list="blocklist", recipients=recipients, batch_size=2, on_invalid="skip"
    ).execute({})
    assert [len(request.json["recipients"]) for request in sandbox.log] == [2, 2, 1]
    said = logged()
    assert "Left out n***@nodot: " in said
    assert "none@" not in said


def test_a_domain_is_taken_by_name(connect: Connect) -> None:
    with Sandbox(blocklist=40, recipients=30) as sandbox:
        connect(sandbox)
        name, domain_id = "news.example.com", sandbox.domain_id("news.example.com")
        on: dict[str, Any] = {"suppression_list": "blocklist", "domain": name}
        listed = MailerSendListSuppressionsOperator(task_id="list", **on).execute({})
        assert {entry["domain"]["id"] for entry in listed} == {domain_id}
        recipients = MailerSendListRecipientsOperator(task_id="recipients", domain=name).execute({})
        shown = [MailerSendHook().get_recipient(one["id"]) for one in recipients]
        assert {one["domain"]["id"] for one in shown} == {domain_id}
        MailerSendAddSuppressionsOperator(task_id="add", recipients="a@example.com", **on).execute({})
        assert sandbox.entries("blocklist")[0]["domain"]["id"] == domain_id
        MailerSendDeleteSuppressionsOperator(task_id="delete", delete_all=True, **on).execute({})
        assert len(sandbox.entries("blocklist")) == 30


@pytest.mark.parametrize("field", ["domain_id", "domain"])
def test_an_address_of_a_domain_rendered_to_nothing_is_not_deleted_elsewhere(
    connect: Connect, field: str
) -> None:
    with Sandbox() as sandbox:
        connect(sandbox)
        sandbox.add("unsubscribes", "a@example.com", domain="example.com")
        domain: dict[str, Any] = {field: "None"}
        operator = MailerSendDeleteSuppressionsOperator(
            task_id="delete", suppression_list="unsubscribes", recipients=["a@example.com"], **domain
        )
        with pytest.raises(
            AirflowFailException, match="domain_id or domain was given, but rendered to nothing"
        ):
            operator.execute({})
        assert sandbox.log == []


def test_deleting_by_address_and_by_pattern(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "a@example.com", "b@example.com", "a@example.com", patterns=[".*@c"])
    operator = MailerSendDeleteSuppressionsOperator(
        task_id="delete", suppression_list="blocklist", recipients="['A@example.com']", patterns='[".*@c"]'
    )
    result = operator.execute({})
    assert (len(result["deleted"]), result["missing"], result["requests"]) == (3, [], 2)
    assert [entry["pattern"] for entry in sandbox.entries("blocklist")] == ["b@example.com"]


@pytest.mark.parametrize("nothing", ["None", "", "[]", None, []])
def test_addresses_rendered_from_nothing_delete_nothing(connect: Connect, nothing: Any) -> None:
    with Sandbox(blocklist=5) as sandbox:
        connect(sandbox)
        operator = MailerSendDeleteSuppressionsOperator(
            task_id="delete", suppression_list="blocklist", recipients=nothing, patterns=nothing
        )
        assert operator.execute({}) == {
            "deleted": [],
            "missing": [],
            "all": False,
            "may_be_incomplete": False,
            "requests": 0,
        }
        assert sandbox.log == []


def test_deleting_keeps_to_the_domain(connect: Connect) -> None:
    with Sandbox(blocklist=40) as sandbox:
        connect(sandbox)
        domain_id = sandbox.domain_id("example.com")
        MailerSendDeleteSuppressionsOperator(
            task_id="delete", suppression_list="blocklist", delete_all=True, domain_id=domain_id
        ).execute({})
        (deletion,) = sandbox.requests("DELETE")
        assert deletion.json == {"domain_id": domain_id, "all": True}
        assert len(sandbox.entries("blocklist")) == 30


@pytest.mark.parametrize("rendered", ["None", "", None])
@pytest.mark.parametrize("field", ["domain_id", "domain", "ids", "recipients", "patterns"])
def test_what_was_given_and_rendered_to_nothing_never_turns_into_all(
    connect: Connect, field: str, rendered: str | None
) -> None:
    with Sandbox(blocklist=5) as sandbox:
        connect(sandbox)
        given: dict[str, Any] = {field: "{{ ti.xcom_pull('x') }}"}
        operator = MailerSendDeleteSuppressionsOperator(
            task_id="delete", suppression_list="blocklist", delete_all="true", **given
        )
        setattr(operator, field, rendered)
        with pytest.raises(AirflowFailException):
            operator.execute({})
        assert sandbox.log == []


def test_ids_are_deleted_in_batches_of_the_size_given(connect: Connect) -> None:
    with Sandbox(blocklist=5) as sandbox:
        connect(sandbox)
        ids = [entry["id"] for entry in sandbox.entries("blocklist")]
        MailerSendDeleteSuppressionsOperator(
            task_id="delete", suppression_list="blocklist", ids=ids, batch_size=2
        ).execute({})
        assert [request.json["ids"] for request in sandbox.log] == [ids[:2], ids[2:4], ids[4:]]


def test_deleting_ids_and_deleting_all(connect: Connect) -> None:
    with Sandbox(blocklist=5) as sandbox:
        connect(sandbox)
        ids = [entry["id"] for entry in sandbox.entries("blocklist")]
        some = MailerSendDeleteSuppressionsOperator(
            task_id="delete", suppression_list="blocklist", ids=str([*ids[:2], "unknown"])
        )
        assert some.execute({}) == {
            "deleted": ids[:2],
            "missing": ["unknown"],
            "all": False,
            "may_be_incomplete": False,
            "requests": 2,
        }
        everything = MailerSendDeleteSuppressionsOperator(
            task_id="delete", suppression_list="blocklist", delete_all=True, domain_id="account"
        )
        assert everything.execute({}) == {
            "deleted": [],
            "missing": [],
            "all": True,
            "may_be_incomplete": False,
            "requests": 2,
        }
        assert sandbox.entries("blocklist") == []


@pytest.mark.parametrize(
    ("operator", "complaint"),
    [
        (
            MailerSendAddSuppressionsOperator(
                task_id="c", suppression_list="on-hold-list", recipients=["a@b.com"]
            ),
            "nothing can be added to on-hold-list",
        ),
        (
            MailerSendAddSuppressionsOperator(
                task_id="d", suppression_list="unsubscribes", recipients=["a@b.com"]
            ),
            "set Domain ID in the connection",
        ),
        (
            MailerSendAddSuppressionsOperator(task_id="e", suppression_list="blocklist", recipients={"a": 1}),
            "recipients must be a list of strings; got dict",
        ),
        (
            MailerSendDeleteSuppressionsOperator(
                task_id="f", suppression_list="blocklist", ids=["unknown"], on_missing="fail"
            ),
            "no entries with these ids: unknown",
        ),
    ],
    ids=lambda thing: getattr(thing, "task_id", ""),
)
def test_what_no_retry_can_mend_fails_the_task_at_once(
    connect: Connect, sandbox: Sandbox, operator: Any, complaint: str
) -> None:
    connect(sandbox)
    with pytest.raises(AirflowFailException, match=complaint):
        operator.execute({})


@pytest.mark.parametrize(
    ("status", "complaint"),
    [(401, "API token"), (403, "the scope suppressions_full"), (422, "The domain is paused")],
)
def test_a_refusal_fails_the_task_at_once_naming_the_connection(
    connect: Connect, sandbox: Sandbox, status: int, complaint: str
) -> None:
    connect(sandbox, conn_id="marketing")
    sandbox.fail(Fault(status=status, body={"message": "The domain is paused."}))
    operator = MailerSendAddSuppressionsOperator(
        task_id="add", suppression_list="blocklist", recipients=["a@b.com"], mailersend_conn_id="marketing"
    )
    with pytest.raises(AirflowFailException, match=complaint) as error:
        operator.execute({})
    assert "Connection 'marketing'" in str(error.value)


def test_an_operator_can_leave_more_to_sending_than_its_connection(connect: Connect) -> None:
    with Sandbox(unsubscribes=2000, quota=20, rate_limit=None) as sandbox:
        connect(sandbox, extra={"quota_reserve": 5})
        operator = MailerSendListSuppressionsOperator(
            task_id="list", suppression_list="unsubscribes", quota_reserve=12
        )
        with pytest.raises(MailerSendQuotaExhaustedError, match="12 requests are left, and 12 are reserved"):
            operator.execute({})
        assert sandbox.state()["quota_remaining"] == 12


def test_what_may_pass_is_left_to_airflows_retries(connect: Connect) -> None:
    with Sandbox(unsubscribes=300, quota=1) as sandbox:
        connect(sandbox, extra={"max_retries": 0})
        operator = MailerSendListSuppressionsOperator(task_id="list", suppression_list="unsubscribes")
        sandbox.fail(Fault(status=500))
        with pytest.raises(MailerSendServerError):
            operator.execute({})
        with pytest.raises(MailerSendQuotaExhaustedError):
            operator.execute({})
