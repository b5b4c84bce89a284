"""The operator that makes a suppression list equal to a source of truth, over real HTTP."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_mailersend.sandbox import Sandbox
from tests.operators.syncing import (
    DOMAINS,
    NOTHING,
    Connect,
    Logged,
    changes,
    numbered,
    operator,
    sync,
    texts,
)
from tests.unsteady import UnsteadySandbox


def test_by_default_it_adds_what_is_missing_and_deletes_nothing(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "a@example.net", "old@example.net")
    result = sync(recipients=["A@example.net ", "b@example.net", "B@EXAMPLE.net", "c@example.net"])
    assert texts(sandbox) == ["a@example.net", "old@example.net", "b@example.net", "c@example.net"]
    assert (result["to_add"], result["added"], result["to_delete"], result["deleted"]) == (2, 2, 0, 0)
    assert changes(sandbox) == ["POST"]


def test_a_mirror_deletes_what_is_not_wanted_after_it_has_added(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "a@example.net", "old@example.net", "older@example.net")
    sync(recipients=["a@example.net", "b@example.net"], mode="mirror", max_deletes=2)
    assert sorted(texts(sandbox)) == ["a@example.net", "b@example.net"]
    assert changes(sandbox) == ["POST", "DELETE"]


@pytest.mark.parametrize("dialect", ["observed", "documented", "documented-2021"])
@pytest.mark.parametrize("suppression_list", ["hard-bounces", "spam-complaints", "unsubscribes"])
def test_every_list_of_a_domain_is_mirrored_in_every_dialect(
    connect: Connect, suppression_list: str, dialect: str
) -> None:
    name = suppression_list.replace("-", "_")
    entries: dict[str, Any] = {name: 330}
    with UnsteadySandbox(dialect=dialect, rate_limit=None, **entries) as sandbox:
        connect(sandbox)
        domain = "shop.example.org"
        others = {name: texts(sandbox, suppression_list, name) for name in DOMAINS if name != domain}
        keep = texts(sandbox, suppression_list, domain)[5:]
        wanted = [*numbered(3), *keep]
        result = sync(suppression_list, recipients=wanted, domain=domain, mode="mirror", max_deletes=5)
        assert (result["added"], result["deleted"], result["unchanged"]) == (3, 5, len(keep))
        assert sorted(texts(sandbox, suppression_list, domain)) == sorted(wanted)
        assert {other: texts(sandbox, suppression_list, other) for other in others} == others


def test_it_returns_numbers_and_the_first_of_each_kind(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    old = sandbox.add("blocklist", *numbered(12, "old"))
    sandbox.add("blocklist", "kept@example.net", "KEPT@example.net", patterns=[".*@spam"])
    sandbox.add("blocklist", "a@example.org", domain="example.com")
    result = sync(
        recipients=["kept@example.net", *numbered(11), "refused@nodot", " "],
        mode="mirror",
        max_deletes=1.0,
        on_invalid="skip",
    )
    reason = result["first_rejected"][1].pop("reason")
    assert "valid email address" in reason
    assert result == {
        "wanted": 13,
        "present": 14,
        "unchanged": 1,
        "duplicates": 1,
        "to_add": 12,
        "to_delete": 12,
        "added": 11,
        "deleted": 12,
        "rejected": 2,
        "stored_differently": 0,
        "first_to_add": numbered(10),
        # The list is read newest first.
        "first_to_delete": [{"id": entry["id"], "value": entry["pattern"]} for entry in old[:1:-1]],
        "first_rejected": [
            {"value": "", "where": "recipients[13]", "reason": "It is empty."},
            {"value": "refused@nodot", "where": "recipients[12]"},
        ],
        "first_stored_differently": [],
        "may_be_incomplete": False,
        "dry_run": False,
        "plan": None,
        "left_out": 0,
        "refusal": None,
        "requests": len(sandbox.log),
    }


def test_a_dry_run_returns_the_plan_and_changes_nothing(connect: Connect, logged: Logged) -> None:
    with Sandbox(blocklist=120, rate_limit=None) as sandbox:
        connect(sandbox)
        before = sandbox.entries("blocklist")
        own = [text for text in texts(sandbox, domain="account") if ".*" not in text]
        result = sync(recipients=[*own[4:], "new@example.net"], mode="mirror", dry_run=True, max_deletes=4)
        assert sandbox.entries("blocklist") == before
        assert changes(sandbox) == []
        assert (result["dry_run"], result["refusal"]) == (True, None)
        assert (result["to_add"], result["added"], result["to_delete"], result["deleted"]) == (1, 0, 4, 0)
        assert result["first_to_add"] == ["new@example.net"]
        assert [one["value"] for one in result["first_to_delete"]] == own[3::-1]
        assert result["requests"] == len(sandbox.log) == 2
        assert "blocklist (account-wide): would add 1, would delete 4 (dry run); mode mirror; " in logged()


@pytest.mark.parametrize(
    "recipients",
    ["a@example.net", '["a@example.net"]', "['a@example.net']", ["a@example.net"], ("a@example.net",)],
    ids=str,
)
def test_a_list_may_come_as_it_is_or_as_its_text(connect: Connect, sandbox: Sandbox, recipients: Any) -> None:
    connect(sandbox)
    assert sync(recipients=recipients)["added"] == 1
    assert texts(sandbox) == ["a@example.net"]


def test_its_fields_are_templates(connect: Connect, sandbox: Sandbox, tmp_path: Path) -> None:
    connect(sandbox, conn_id="marketing")
    context: Any = {
        "name": "example.com",
        "opted_out": ["a@example.net", "b@example.net"],
        "folder": str(tmp_path),
        "none": None,
        "kind": "email",
    }
    by_list = operator(
        "{{ 'block' + 'list' }}",
        recipients="{{ opted_out }}",
        patterns="{{ ['.*@x'] | tojson }}",
        domain="{{ name }}",
        mailersend_conn_id="{{ 'market' }}ing",
    )
    by_list.render_template_fields(context)
    assert by_list.execute({})["added"] == 3
    assert sorted(texts(sandbox, domain="example.com")) == [".*@x", "a@example.net", "b@example.net"]
    (tmp_path / "list.csv").write_text("email,what\na@example.net,.*@y\n")
    by_file = operator(
        file="{{ folder }}/list.csv",
        recipients_column=None,
        patterns_column="{{ 'what' }}",
        domain_id="{{ 'account' }}",
        mailersend_conn_id="marketing",
    )
    by_file.render_template_fields(context)
    assert by_file.execute({})["added"] == 1
    assert texts(sandbox, domain="account") == [".*@y"]


@pytest.mark.parametrize("nothing", NOTHING)
def test_what_was_rendered_to_nothing_wants_nothing_and_deletes_nothing(
    connect: Connect, sandbox: Sandbox, nothing: Any
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "a@example.net", patterns=[".*@x"])
    for field in ("recipients", "patterns"):
        syncing = operator(**{field: "{{ ti.xcom_pull('x') }}"})
        setattr(syncing, field, nothing)
        result = syncing.execute({})
        assert (result["wanted"], result["added"], result["unchanged"]) == (0, 0, 0)
    assert sandbox.log == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "give file, recipients or patterns"),
        ({"suppression_list": "None", "recipients": ["a@b.com"]}, "suppression_list must not be empty"),
        ({"suppression_list": "blocked", "recipients": ["a@b.com"]}, "must be one of blocklist"),
        ({"suppression_list": "on-hold-list", "recipients": ["a@b.com"]}, "on-hold-list"),
        ({"suppression_list": "on-hold-list", "recipients": ["a@b.com"], "domain_id": "x"}, "on-hold-list"),
        ({"suppression_list": "unsubscribes", "patterns": ["a"], "domain_id": "x"}, "on the blocklist only"),
        ({"recipients": ["a@b.com"], "mode": "merge"}, "mode must be one of add_only, mirror"),
        ({"recipients": ["a@b.com"], "on_invalid": "drop"}, "on_invalid must be one of fail, skip"),
        ({"recipients": ["a@b.com"], "max_deletes": -1}, "max_deletes must be a number of entries"),
        ({"recipients": ["a@b.com"], "max_deletes": 1.5}, "max_deletes must be a number of entries"),
        ({"recipients": ["a@b.com"], "max_deletes": True}, "max_deletes must be a number of entries"),
        ({"recipients": ["a@b.com"], "max_deletes": "a tenth"}, "max_deletes must be a number of entries"),
        ({"recipients": ["a@b.com"], "allow_empty": "yes"}, "allow_empty must be true or false; got 'yes'"),
        ({"recipients": ["a@b.com"], "remove_duplicates": 1}, "remove_duplicates must be True or False"),
        ({"recipients": ["a@b.com"], "dry_run": 1}, "dry_run must be true or false; got 1"),
        ({"recipients": ["a@b.com"], "batch_size": 0}, "batch_size must be a whole number, at least 1"),
        ({"recipients": {"a@b.com": 1}}, "recipients must be a list of strings; got dict"),
        ({"recipients": ["a@b.com", 7]}, r"recipients\[1\] must be a string; got int"),
        (
            {"recipients": "a@b.com, b@b.com"},
            r'recipients is text with commas, not a list: write \["a", "b"\]',
        ),
        ({"recipients": ["a@b.com"], "domain_id": "x", "domain": "y"}, "either domain_id or domain"),
        ({"file": "x.csv", "recipients": ["a@b.com"]}, "either file or recipients, not both"),
        ({"file": "x.csv", "recipients": None}, "either file or recipients, not both"),
        ({"recipients": ["a@b.com"], "patterns": ".*"}, "patterns must be a list, or a list written as text"),
        ({"file": "x.csv", "recipients": [], "patterns": "x"}, "either file or recipients and patterns"),
        ({"file": "None"}, "file must not be empty; got 'None'"),
        ({"file": "x.csv", "recipients_column": None}, "file needs recipients_column, patterns_column"),
        ({"file": "x.csv", "recipients_column": "None"}, "recipients_column must not be empty; got 'None'"),
        ({"file": "x.csv", "patterns_column": ""}, "patterns_column must not be empty; got ''"),
    ],
    ids=str,
)
def test_what_no_retry_can_mend_fails_the_task_before_any_request(
    connect: Connect, sandbox: Sandbox, arguments: dict[str, Any], complaint: str
) -> None:
    connect(sandbox)
    # What is a literal fails when the DAG is parsed.
    with pytest.raises((AirflowFailException, ValueError, TypeError), match=complaint):
        sync(**arguments)
    assert sandbox.log == []


def test_a_file_that_was_rendered_to_nothing_is_not_left_out(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    syncing = operator(file="{{ ti.xcom_pull('x') }}", mode="mirror", allow_empty=True)
    syncing.file = None
    with pytest.raises(AirflowFailException, match="file must not be empty; got None"):
        syncing.execute({})
    assert sandbox.log == []


@pytest.mark.parametrize("batch_size", [7, 100, 500])
@pytest.mark.parametrize(
    ("present", "added", "deleted"),
    [(0, 0, 0), (0, 1, 0), (100, 0, 0), (101, 0, 1), (250, 700, 0), (250, 0, 250), (1000, 501, 499)],
)
def test_it_takes_exactly_so_many_requests(
    connect: Connect, sandbox: Sandbox, present: int, added: int, deleted: int, batch_size: int
) -> None:
    connect(sandbox)
    there = numbered(present, "there")
    sandbox.add("blocklist", *there)
    arguments: dict[str, Any] = {
        "recipients": [*numbered(added), *there[deleted:]],
        "mode": "mirror",
        "max_deletes": deleted,
        "allow_empty": True,
        "batch_size": batch_size,
    }
    result = sync(**arguments)
    asked = [(request.method, request.path) for request in sandbox.log]
    assert asked == [
        *[("GET", "/suppressions/blocklist")] * max(1, ceil(present / 100)),
        *[("POST", "/suppressions/blocklist")] * ceil(added / batch_size),
        *[("DELETE", "/suppressions/blocklist")] * ceil(deleted / batch_size),
    ]
    assert result["requests"] == len(asked)
    assert (result["added"], result["deleted"]) == (added, deleted)
    again = sync(**arguments)
    assert (again["to_add"], again["to_delete"]) == (0, 0)
    assert changes(sandbox) == [method for method, _ in asked if method != "GET"]
    left = present + added - deleted
    assert again["requests"] == max(1, ceil(left / 100))


def test_batches_shrink_to_what_the_api_takes(connect: Connect) -> None:
    with UnsteadySandbox(max_batch=30, rate_limit=None) as sandbox:
        connect(sandbox)
        old = sandbox.add("blocklist", *numbered(70, "old"))
        result = sync(recipients=numbered(70), mode="mirror", max_deletes=70)
        assert (result["added"], result["deleted"]) == (70, 70)
        posted = [request for request in sandbox.requests("POST") if request.status == 201]
        assert [len(request.json["recipients"]) for request in posted] == [30, 30, 10]
        deleted = [request.json["ids"] for request in sandbox.requests("DELETE") if request.status == 200]
        assert sorted(id_ for ids in deleted for id_ in ids) == sorted(entry["id"] for entry in old)
