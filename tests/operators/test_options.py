"""What a run may change: templated options, and a domain that must not get lost in rendering."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException

from airflow_provider_mailersend.operators.recipients import (
    MailerSendDeleteRecipientOperator,
    MailerSendListRecipientsOperator,
)
from airflow_provider_mailersend.operators.sms_recipients import (
    MailerSendListSmsRecipientsOperator,
    MailerSendUpdateSmsRecipientsOperator,
)
from airflow_provider_mailersend.operators.suppressions import (
    MailerSendAddSuppressionsOperator,
    MailerSendDeleteSuppressionsOperator,
    MailerSendListSuppressionsOperator,
    MailerSendSyncSuppressionsOperator,
)
from airflow_provider_mailersend.sandbox import Sandbox
from airflow_provider_mailersend.sensors.suppressions import (
    MailerSendNewSuppressionsSensor,
    MailerSendSuppressionSensor,
)
from tests.dags.in_airflow import (
    RUN_PARAMS,
    mapped_modes,
    native_options,
    options_by_params,
    options_by_xcom,
)

Connect = Callable[..., str]

LIST = MailerSendListSuppressionsOperator
ADD = MailerSendAddSuppressionsOperator
DELETE = MailerSendDeleteSuppressionsOperator
SYNC = MailerSendSyncSuppressionsOperator

ON_A_DOMAIN: list[tuple[Any, dict[str, Any]]] = [
    (LIST, {"suppression_list": "blocklist"}),
    (ADD, {"suppression_list": "blocklist", "recipients": ["a@example.net"]}),
    (DELETE, {"suppression_list": "blocklist", "ids": ["abc"]}),
    (DELETE, {"suppression_list": "blocklist", "recipients": ["a@example.net"]}),
    (DELETE, {"suppression_list": "blocklist", "delete_all": True}),
    (SYNC, {"suppression_list": "blocklist", "recipients": ["a@example.net"]}),
    (MailerSendListRecipientsOperator, {}),
    (MailerSendSuppressionSensor, {"suppression_list": "blocklist", "recipient": "a@example.net"}),
    (MailerSendNewSuppressionsSensor, {"suppression_list": "blocklist", "since": "2026-01-01"}),
]


def sync(**arguments: Any) -> dict[str, Any]:
    result: dict[str, Any] = SYNC(task_id="sync", suppression_list="blocklist", **arguments).execute({})
    return result


@pytest.mark.parametrize("rendered", ["None", "", "  ", None, "nan", "{{ params.domain }}"])
@pytest.mark.parametrize("field", ["domain_id", "domain"])
@pytest.mark.parametrize(("task", "arguments"), ON_A_DOMAIN)
def test_a_domain_rendered_to_nothing_is_refused_by_every_task(
    connect: Connect, sandbox: Sandbox, task: Any, arguments: dict[str, Any], field: str, rendered: Any
) -> None:
    connect(sandbox, extra={"domain_id": sandbox.domain_id("example.com")})
    made = task(task_id="on_a_domain", **arguments, **{field: "{{ ti.xcom_pull('x') }}"})
    setattr(made, field, rendered)
    with pytest.raises(AirflowFailException, match=r"domain_id or domain was given, but|is not a domain"):
        made.execute({})
    assert sandbox.log == []


def test_of_two_that_are_given_the_one_that_is_there_counts(connect: Connect) -> None:
    with Sandbox(blocklist=30) as sandbox:
        connect(sandbox)
        found = LIST(
            task_id="list", suppression_list="blocklist", domain_id=None, domain="example.com"
        ).execute({})
        assert {entry["domain"]["name"] for entry in found} == {"example.com"}


@pytest.mark.parametrize(
    ("task", "arguments", "complaint"),
    [
        (SYNC, {"mode": "replace"}, "mode must be one of add_only, mirror; got 'replace'"),
        (SYNC, {"mode": None}, "mode must be one of"),
        (SYNC, {"mode": True}, "mode must be one of"),
        (SYNC, {"mode": ["mirror"]}, "mode must be one of"),
        (SYNC, {"mode": {"mirror"}}, "mode must be one of"),
        (SYNC, {"mode": b"mirror"}, "mode must be one of"),
        (SYNC, {"dry_run": []}, "dry_run must be true or false; got list"),
        (SYNC, {"dry_run": {}}, "dry_run must be true or false; got dict"),
        (SYNC, {"max_deletes": (5,)}, "max_deletes must be a number of entries"),
        (SYNC, {"max_deletes": ["{{ params.x }}"]}, "max_deletes must be a number of entries"),
        (DELETE, {"delete_all": [True]}, "delete_all must be true or false; got list"),
        (LIST, {"suppression_list": ["blocklist"]}, "suppression_list must be a string; got list"),
        (SYNC, {"deferrable": "False"}, "deferrable must be True or False"),
        (LIST, {"deferrable": "{{ params.x }}"}, "deferrable must be True or False"),
        (
            MailerSendSuppressionSensor,
            {"suppression_list": "blocklist", "recipient": "a@b.example", "deferrable": 1},
            "deferrable must be True or False",
        ),
        (SYNC, {"max_deletes": 2.5}, "max_deletes must be a number of entries"),
        (SYNC, {"max_deletes": "many"}, "max_deletes must be a number of entries .* got 'many'"),
        (SYNC, {"max_deletes": True}, "max_deletes must be"),
        (SYNC, {"max_deletes": None}, "max_deletes must be"),
        (SYNC, {"allow_empty": "yes"}, "allow_empty must be true or false; got 'yes'"),
        (SYNC, {"allow_empty": 1}, "allow_empty must be true or false; got 1"),
        (SYNC, {"dry_run": "None"}, "dry_run must be true or false; got 'None'"),
        (SYNC, {"dry_run": ""}, "dry_run must be true or false"),
        (SYNC, {"batch_size": "5"}, "batch_size must be a whole number, at least 1; got '5'"),
        (SYNC, {"batch_size": True}, "batch_size must be"),
        (SYNC, {"on_invalid": "{{ params.x }}"}, "on_invalid must be one of fail, skip"),
        (SYNC, {"remove_duplicates": "true"}, "remove_duplicates must be True or False"),
        (SYNC, {"quota_reserve": True}, "quota_reserve must be a whole number"),
        (SYNC, {"suppression_list": "blocked"}, "suppression_list must be one of"),
        (DELETE, {"delete_all": "all"}, "delete_all must be true or false; got 'all'"),
        (DELETE, {"delete_all": 1}, "delete_all must be"),
        (DELETE, {"on_missing": "no"}, "on_missing must be one of fail, skip; got 'no'"),
        (DELETE, {"batch_size": 0}, "batch_size must be"),
        (DELETE, {"ids": ["e1"], "recipients": ["a@b.example"]}, "give one of these: ids, or"),
        (DELETE, {"ids": ["e1"], "delete_all": True}, "give one of these: ids, or"),
        (DELETE, {"patterns": [".*"], "delete_all": True}, "give one of these: ids, or"),
        (SYNC, {"file": "a.csv", "recipients": []}, "give either file or recipients, not both"),
        (DELETE, {}, "give one of these: ids, or"),
        (DELETE, {"recipients": ["a@b.example"], "on_missing": "fail"}, "on_missing='fail' is for ids"),
        (DELETE, {"delete_all": True, "on_missing": "fail"}, "on_missing='fail' is for ids"),
        (SYNC, {"recipients": [], "file_delimiter": ";"}, "file_delimiter is for a file: leave it out"),
        (SYNC, {}, "give file, recipients or patterns"),
        (ADD, {}, "give recipients or patterns, or both"),
        (ADD, {"on_invalid": "drop"}, "on_invalid must be one of"),
        (ADD, {"batch_size": 2.5}, "batch_size must be"),
        (ADD, {"suppression_list": "None"}, "suppression_list must not be empty"),
        (LIST, {"max_entries": "10"}, "max_entries must be a whole number"),
        (LIST, {"max_entries": True}, "max_entries must be a whole number"),
        (MailerSendListRecipientsOperator, {"max_entries": 0}, "max_entries must be"),
        (MailerSendListSmsRecipientsOperator, {"status": "gone"}, "status must be one of"),
        (MailerSendListSmsRecipientsOperator, {"status": None}, "status must not be empty"),
        (MailerSendUpdateSmsRecipientsOperator, {"status": "opt_out"}, "give either ids or numbers"),
        (
            MailerSendUpdateSmsRecipientsOperator,
            {"status": "opt_out", "numbers": ["+15551234567"], "ids": ["abc"]},
            "give either ids or numbers",
        ),
        (
            MailerSendUpdateSmsRecipientsOperator,
            {"status": "opt_out", "ids": ["abc"], "sms_number_id": "n1"},
            "sms_number_id is for numbers: leave it out with ids",
        ),
        (
            MailerSendDeleteRecipientOperator,
            {"recipient_id": "a", "on_missing": True},
            "on_missing must be",
        ),
    ],
)
def test_a_literal_that_cannot_be_fails_when_the_dag_is_parsed(
    task: Any, arguments: dict[str, Any], complaint: str
) -> None:
    if task in (LIST, ADD, DELETE, SYNC):
        arguments = {"suppression_list": "blocklist", **arguments}
    with pytest.raises((ValueError, TypeError), match=complaint):
        task(task_id="wrong", **arguments)


@pytest.mark.parametrize("name", ["mode", "dry_run", "max_deletes", "allow_empty"])
def test_what_is_rendered_later_is_not_checked_when_the_dag_is_parsed(name: str) -> None:
    with DAG("rendered_later", schedule=None):
        earlier: Any = LIST(task_id="earlier", suppression_list="blocklist")
        templated: dict[str, Any] = {name: earlier.output["option"]}
        SYNC(task_id="by_xcom", suppression_list="blocklist", recipients=[], **templated)
        templated = {name: "{{ params.option }}"}
        SYNC(task_id="by_template", suppression_list="blocklist", recipients=[], **templated)


@pytest.mark.parametrize(
    ("field", "rendered"),
    [
        ("mode", "replace"),
        ("mode", "None"),
        ("max_deletes", "2.5"),
        ("max_deletes", "20%"),
        ("max_deletes", "-1"),
        ("max_deletes", "None"),
        ("max_deletes", None),
        ("max_deletes", [5]),
        ("allow_empty", "1"),
        ("allow_empty", None),
        ("dry_run", "yes"),
        ("dry_run", ""),
        ("dry_run", {}),
    ],
)
def test_what_is_rendered_to_something_else_fails_naming_its_field(
    connect: Connect, sandbox: Sandbox, field: str, rendered: Any
) -> None:
    connect(sandbox)
    templated: dict[str, Any] = {field: "{{ params.it }}"}
    operator = SYNC(task_id="sync", suppression_list="blocklist", recipients=["a@example.net"], **templated)
    setattr(operator, field, rendered)
    with pytest.raises(AirflowFailException, match=f"^{field} must be "):
        operator.execute({})
    assert sandbox.log == []


@pytest.mark.parametrize("yes", [True, "true", "True", " TRUE "])
def test_flags_are_read_however_they_were_rendered(connect: Connect, sandbox: Sandbox, yes: Any) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "old@example.net")
    dry = sync(recipients=[], mode="mirror", max_deletes="1", allow_empty=yes, dry_run=yes)
    assert (dry["dry_run"], dry["refusal"], dry["to_delete"]) == (True, None, 1)
    assert sync(recipients=[], mode=" mirror ", max_deletes="1.0", allow_empty=yes)["deleted"] == 1
    sandbox.add("blocklist", "old@example.net")
    DELETE(task_id="all", suppression_list="blocklist", delete_all=yes, domain_id="account").execute({})
    assert sandbox.entries("blocklist") == []


@pytest.mark.parametrize(
    ("max_deletes", "passes"),
    [
        ("2", True),
        ("1", False),
        ("0.2", True),
        ("0.1", False),
        (".2", True),
        (2, True),
        (0.1, False),
        ("1.0", True),
    ],
)
def test_max_deletes_is_a_count_or_a_fraction(
    connect: Connect, sandbox: Sandbox, max_deletes: Any, passes: bool
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", *(f"old{n}@example.net" for n in range(10)))
    result = sync(
        recipients=[f"old{n}@example.net" for n in range(8)],
        mode="mirror",
        max_deletes=max_deletes,
        dry_run=True,
    )
    assert (result["refusal"] is None) == passes


def test_the_guard_names_a_way_that_a_run_has(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sandbox.add("blocklist", *(f"old{n}@example.net" for n in range(10)))
    with pytest.raises(
        AirflowFailException, match=r"max_deletes='\{\{ params.max_deletes \}\}', a param of the DAG"
    ):
        sync(recipients=["old1@example.net"], mode="mirror")


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize(
    ("conf", "state", "left"),
    [
        ({}, "failed", 10),
        ({"max_deletes": 10}, "success", 1),
        ({"max_deletes": "1.0"}, "success", 1),
        ({"max_deletes": 1.0, "dry_run": "true"}, "success", 10),
        ({"max_deletes": 10, "dry_run": True}, "success", 10),
        ({"max_deletes": 10, "mode": "add_only"}, "success", 11),
        ({"max_deletes": 10, "mode": "replace"}, "failed", 10),
        ({"max_deletes": "many"}, "failed", 10),
        ({"empty": True, "max_deletes": 10}, "failed", 10),
        ({"empty": True, "max_deletes": 10, "allow_empty": True}, "success", 0),
    ],
    ids=str,
)
@pytest.mark.parametrize("dag", [options_by_params, native_options], ids=["text", "native"])
def test_a_run_changes_them_by_its_params(
    connect: Connect, sandbox: Sandbox, dag: Any, conf: dict[str, Any], state: str, left: int
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", *(f"old{n}@example.net" for n in range(10)))
    # All of them: within one process Airflow's params keep what the run before said.
    assert dag.test(run_conf={**RUN_PARAMS, **conf}).state == state
    # What is wanted is one that is not there.
    assert len(sandbox.entries("blocklist")) == left


@pytest.mark.usefixtures("airflow_db")
@pytest.mark.parametrize(("really", "left"), [(True, 0), (False, 5), ("true", 0), ("maybe", 5), (None, 5)])
def test_another_task_may_decide(connect: Connect, really: Any, left: int) -> None:
    with Sandbox(blocklist=5) as sandbox:
        connect(sandbox)
        dag_run = options_by_xcom.test(run_conf={"really": really})
        assert dag_run.state == ("failed" if really in ("maybe", None) else "success")
        assert len(sandbox.entries("blocklist")) == left


@pytest.mark.usefixtures("airflow_db")
def test_they_can_be_mapped(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "old@example.net")
    assert mapped_modes.test().state == "success"
    assert [entry["pattern"] for entry in sandbox.entries("blocklist")] == ["new@example.net"]
