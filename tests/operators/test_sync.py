"""The operator that makes a suppression list equal to a source of truth, over real HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_mailersend.exceptions import (
    MailerSendConnectionError,
    MailerSendError,
    MailerSendQuotaExhaustedError,
    MailerSendServerError,
)
from airflow_provider_mailersend.operators.suppressions import (
    MailerSendListSuppressionsOperator,
    MailerSendSyncSuppressionsOperator,
)
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from tests.unsteady import UnsteadySandbox

Connect = Callable[..., str]
Logged = Callable[[], str]

NOTHING = ["None", "", "[]", None, []]
DOMAINS = ["example.com", "news.example.com", "shop.example.org"]


def operator(suppression_list: str = "blocklist", **arguments: Any) -> MailerSendSyncSuppressionsOperator:
    return MailerSendSyncSuppressionsOperator(task_id="sync", suppression_list=suppression_list, **arguments)


def sync(suppression_list: str = "blocklist", **arguments: Any) -> dict[str, Any]:
    result: dict[str, Any] = operator(suppression_list, **arguments).execute({})
    return result


def numbered(count: int, prefix: str = "wanted") -> list[str]:
    return [f"{prefix}{number}@example.net" for number in range(count)]


def texts(sandbox: Sandbox, suppression_list: str = "blocklist", domain: str | None = None) -> list[str]:
    """Return what stands on the list, of one domain where one is named, oldest first."""
    found = []
    for entry in reversed(sandbox.entries(suppression_list)):
        on_blocklist = suppression_list == "blocklist"
        theirs = (entry if on_blocklist else entry["recipient"])["domain"]
        if domain is None or (theirs or {"name": "account"})["name"] == domain:
            found.append(entry["pattern"] if on_blocklist else entry["recipient"]["email"])
    return found


def changes(sandbox: Sandbox) -> list[str]:
    """Return the methods of all requests that change something, in their order."""
    return [request.method for request in sandbox.log if request.method != "GET"]


def use_up(sandbox: Sandbox, requests: int) -> None:
    """Spend so many of the day's requests."""
    for _ in range(requests):
        MailerSendListSuppressionsOperator(task_id="list", suppression_list="spam-complaints").execute({})


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
    with UnsteadySandbox(dialect=dialect, rate_limit=None, **{name: 330}) as sandbox:
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
    ("arguments", "complaint"),
    [
        ({"recipients": numbered(8), "max_deletes": 1}, "2 to delete are more than max_deletes=1 allows"),
        ({"recipients": [], "max_deletes": 1.0}, "no recipients are wanted at all"),
    ],
    ids=["max_deletes", "allow_empty"],
)
def test_a_dry_run_tells_what_its_plan_would_be_refused_for(
    connect: Connect, sandbox: Sandbox, logged: Logged, arguments: dict[str, Any], complaint: str
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", *numbered(10))
    result = sync(mode="mirror", dry_run=True, **arguments)
    assert complaint in result["refusal"]
    assert result["to_delete"] == 10 - len(arguments["recipients"])
    assert "wanted0@example.net" not in result["refusal"]
    assert f"Without dry_run this would be refused: {result['refusal']}" in logged()
    assert changes(sandbox) == []


@pytest.mark.parametrize(
    ("present", "unwanted", "max_deletes", "allowed"),
    [
        (100, 10, None, True),
        (100, 11, None, False),
        (100, 29, 0.29, True),
        (100, 30, 0.29, False),
        (19, 2, 0.1, False),
        (20, 2, 0.1, True),
        (3, 3, 3, True),
        (3, 3, 2, False),
        (3, 1, 0, False),
        (3, 0, 0, True),
        (3, 1, 0.0, False),
        (3, 2, 1.0, True),
        (3, 2, 1, False),
    ],
)
def test_no_more_is_deleted_than_the_guard_allows(
    connect: Connect,
    sandbox: Sandbox,
    present: int,
    unwanted: int,
    max_deletes: float | None,
    allowed: bool,
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", *numbered(present))
    wanted = [*numbered(present)[unwanted:], "new@example.net"]
    guard = {} if max_deletes is None else {"max_deletes": max_deletes}
    if allowed:
        assert sync(recipients=wanted, mode="mirror", **guard)["deleted"] == unwanted
        assert sorted(texts(sandbox)) == sorted(wanted)
        return
    with pytest.raises(AirflowFailException, match="to delete are more than max_deletes") as error:
        sync(recipients=wanted, mode="mirror", **guard)
    assert f"{present} are there, {len(wanted)} are wanted: 1 to add (n***@example.net)" in str(error.value)
    assert str(error.value).endswith("Nothing was changed. Connection 'mailersend_default'.")
    assert changes(sandbox) == []
    assert len(texts(sandbox)) == present


def test_the_guards_count_the_scope_and_the_kinds_that_are_mirrored(
    connect: Connect, sandbox: Sandbox
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", *numbered(10))
    sandbox.add("blocklist", *numbered(500, "elsewhere"), domain="example.com")
    sandbox.add("blocklist", patterns=[f".*@{number}" for number in range(500)])
    with pytest.raises(AirflowFailException, match=r"2 to delete are more than .* allows, which is 1\."):
        sync(recipients=numbered(8), mode="mirror")
    assert changes(sandbox) == []


def test_adding_only_needs_no_guard(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "a@example.net", "a@example.net", "b@example.net")
    assert sync(recipients=[], max_deletes=0)["requests"] == 0
    result = sync(recipients=["a@example.net"], max_deletes=0, remove_duplicates=True)
    assert (result["duplicates"], result["deleted"]) == (1, 1)


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_mirror_of_nothing_is_refused_before_any_request(
    connect: Connect, sandbox: Sandbox, nothing: Any
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "a@example.net")
    with pytest.raises(
        AirflowFailException, match=r"blocklist: no recipients are wanted at all.*allow_empty"
    ):
        sync(recipients=nothing, mode="mirror", max_deletes=1.0)
    assert sandbox.log == []


def test_a_mirror_of_nothing_can_be_allowed_and_keeps_its_other_guard(
    connect: Connect, sandbox: Sandbox
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "a@example.net", "b@example.net", patterns=[".*@c"])
    with pytest.raises(AirflowFailException, match="max_deletes"):
        sync(recipients="[]", mode="mirror", allow_empty=True)
    assert sync(recipients="[]", mode="mirror", allow_empty=True, max_deletes=1.0)["deleted"] == 2
    assert texts(sandbox) == [".*@c"]


@pytest.mark.parametrize("empty", ["recipients", "patterns"])
def test_each_kind_that_is_given_must_hold_something(connect: Connect, sandbox: Sandbox, empty: str) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "a@example.net", patterns=[".*@a"])
    wanted = {"recipients": ["a@example.net"], "patterns": [".*@a"], empty: []}
    with pytest.raises(AirflowFailException, match=f"no {empty} are wanted at all"):
        sync(mode="mirror", max_deletes=1.0, **wanted)
    assert sandbox.log == []


def test_only_spaces_are_nothing(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    with pytest.raises(AirflowFailException, match="no recipients are wanted at all"):
        sync(recipients=["", "  "], mode="mirror", max_deletes=1.0)
    assert sandbox.log == []


@pytest.mark.parametrize(("given", "left"), [("recipients", ".*@old"), ("patterns", "old@example.net")])
def test_a_kind_that_is_not_given_is_left_alone(
    connect: Connect, sandbox: Sandbox, given: str, left: str
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "old@example.net", patterns=[".*@old"])
    result = sync(mode="mirror", max_deletes=1.0, **{given: ["new@example.net"]})
    assert (result["present"], result["added"], result["deleted"]) == (1, 1, 1)
    assert texts(sandbox) == [left, "new@example.net"]
    assert sandbox.entries("blocklist")[0]["type"] == ("pattern" if given == "patterns" else "exact")


def test_addresses_and_patterns_of_the_same_text_are_told_apart(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "a@example.net", patterns=[r"\D@x"])
    result = sync(
        recipients=["b@example.net"], patterns=["a@example.net", r"\d@x"], mode="mirror", max_deletes=2
    )
    assert (result["added"], result["deleted"]) == (3, 2)
    assert sorted((entry["type"], entry["pattern"]) for entry in sandbox.entries("blocklist")) == [
        ("exact", "b@example.net"),
        ("pattern", r"\d@x"),
        ("pattern", "a@example.net"),
    ]


@pytest.mark.parametrize("scope", ["account", *DOMAINS])
@pytest.mark.parametrize("named_by", ["domain_id", "domain", "connection"])
def test_only_the_scopes_own_entries_are_counted_and_touched(
    connect: Connect, sandbox: Sandbox, scope: str, named_by: str
) -> None:
    for domain in (None, *DOMAINS):
        sandbox.add("blocklist", "same@example.net", "old@example.net", domain=domain)
    by_id = "account" if scope == "account" else sandbox.domain_id(scope)
    elsewhere = sandbox.domain_id("example.com" if scope == "account" else "news.example.com")
    if named_by == "connection":
        connect(sandbox, extra={} if scope == "account" else {"domain_id": by_id})
        arguments = {}
    else:
        connect(sandbox, extra={"domain_id": elsewhere})
        # The account has no name: "account" stands in the place of an id.
        by_name = named_by == "domain" and scope != "account"
        arguments = {"domain": scope.upper()} if by_name else {"domain_id": by_id}
    result = sync(
        recipients=["same@example.net", "new@example.net"], mode="mirror", max_deletes=1, **arguments
    )
    assert (result["present"], result["unchanged"], result["added"], result["deleted"]) == (2, 1, 1, 1)
    for other in ("account", *DOMAINS):
        texts_there = ["same@example.net", "new@example.net" if other == scope else "old@example.net"]
        assert texts(sandbox, domain=other) == texts_there


@pytest.mark.parametrize("scope", DOMAINS)
def test_the_same_address_on_another_domains_list_is_not_taken_for_this_ones(
    connect: Connect, sandbox: Sandbox, scope: str
) -> None:
    connect(sandbox)
    others = [domain for domain in DOMAINS if domain != scope]
    for domain in others:
        sandbox.add("unsubscribes", "same@example.net", "theirs@example.net", domain=domain)
    result = sync("unsubscribes", recipients=["same@example.net"], domain=scope, mode="mirror", max_deletes=0)
    assert (result["present"], result["added"]) == (0, 1)
    assert [texts(sandbox, "unsubscribes", domain) for domain in others] == [
        ["same@example.net", "theirs@example.net"]
    ] * 2


@pytest.mark.parametrize("rendered", ["None", "", None])
@pytest.mark.parametrize("field", ["domain_id", "domain"])
def test_a_domain_rendered_to_nothing_is_refused(
    connect: Connect, sandbox: Sandbox, field: str, rendered: str | None
) -> None:
    connect(sandbox, extra={"domain_id": sandbox.domain_id("example.com")})
    syncing = operator(recipients=["a@example.net"], **{field: "{{ ti.xcom_pull('x') }}"})
    setattr(syncing, field, rendered)
    with pytest.raises(AirflowFailException, match="a domain was given, and rendered to nothing"):
        syncing.execute({})
    assert sandbox.log == []


def test_a_domain_that_the_account_does_not_have_changes_nothing(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    with pytest.raises(AirflowFailException, match=r"no domain 'example\.org'; it has example\.com"):
        sync(recipients=["a@example.net"], domain="example.org")
    assert changes(sandbox) == []


@pytest.mark.parametrize("suppression_list", ["hard-bounces", "spam-complaints", "unsubscribes"])
def test_a_list_that_needs_a_domain_says_where_to_set_it(
    connect: Connect, sandbox: Sandbox, suppression_list: str
) -> None:
    connect(sandbox)
    for arguments in ({}, {"domain_id": "account"}):
        with pytest.raises(AirflowFailException, match=r"needs a domain.* set Domain ID in the connection"):
            sync(suppression_list, recipients=["a@example.net"], **arguments)
    assert sandbox.log == []


@pytest.mark.parametrize("mode", ["add_only", "mirror"])
def test_of_what_is_there_several_times_all_but_the_oldest_can_be_deleted(
    connect: Connect, sandbox: Sandbox, mode: str
) -> None:
    connect(sandbox)
    (oldest,) = sandbox.add("blocklist", "a@example.net")
    sandbox.add("blocklist", "A@example.net", "b@example.net", "a@EXAMPLE.net", "a@example.net")
    sandbox.add("blocklist", "a@example.net", domain="example.com")
    wanted = ["a@example.net", "b@example.net"]
    left_there = sync(recipients=wanted, mode=mode, max_deletes=3)
    assert (left_there["duplicates"], left_there["to_delete"], left_there["unchanged"]) == (3, 0, 2)
    assert changes(sandbox) == []
    result = sync(recipients=wanted, mode=mode, remove_duplicates=True, max_deletes=3)
    assert (result["duplicates"], result["deleted"]) == (3, 3)
    assert texts(sandbox, domain="account") == ["a@example.net", "b@example.net"]
    assert oldest["id"] in {entry["id"] for entry in sandbox.entries("blocklist")}
    assert texts(sandbox, domain="example.com") == ["a@example.net"]


def test_duplicates_that_are_removed_count_for_the_guard_of_a_mirror(
    connect: Connect, sandbox: Sandbox
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "a@example.net", "a@example.net", "a@example.net")
    with pytest.raises(AirflowFailException, match="2 to delete are more than max_deletes=1"):
        sync(recipients=["a@example.net"], mode="mirror", remove_duplicates=True, max_deletes=1)
    assert changes(sandbox) == []


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
        recipients_column="{{ none }}",
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
        ({}, "give recipients or patterns"),
        ({"suppression_list": "None", "recipients": ["a@b.com"]}, "suppression_list is empty"),
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
            r'recipients is a text with commas, which is not a list: write \["a", "b"\]',
        ),
        ({"recipients": ["a@b.com"], "domain_id": "x", "domain": "y"}, "either domain_id or domain"),
        ({"file": "x.csv", "recipients": ["a@b.com"]}, "either file or recipients, and not both"),
        ({"file": "x.csv", "recipients": None}, "either file or recipients, and not both"),
        ({"recipients": ["a@b.com"], "patterns": ".*"}, "patterns must be a list, or the text of one"),
        ({"file": "x.csv", "recipients": [], "patterns": "x"}, "either file or recipients and patterns"),
        ({"file": "None"}, "file is empty: it is 'None'"),
        ({"file": "x.csv", "recipients_column": None}, "file needs recipients_column, patterns_column"),
        ({"file": "x.csv", "recipients_column": "None", "patterns_column": ""}, "file needs recipients_col"),
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
    with pytest.raises(AirflowFailException, match="file is empty: it is None"):
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
    arguments = {
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
    with Sandbox(max_batch=30, rate_limit=None) as sandbox:
        connect(sandbox)
        old = sandbox.add("blocklist", *numbered(70, "old"))
        result = sync(recipients=numbered(70), mode="mirror", max_deletes=70)
        assert (result["added"], result["deleted"]) == (70, 70)
        posted = [request for request in sandbox.requests("POST") if request.status == 201]
        assert [len(request.json["recipients"]) for request in posted] == [30, 30, 10]
        deleted = [request.json["ids"] for request in sandbox.requests("DELETE") if request.status == 200]
        assert sorted(id_ for ids in deleted for id_ in ids) == sorted(entry["id"] for entry in old)


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
    assert "blocklist: 1 of what is wanted cannot be added: recipients[1] 'j***@roe': " in said
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
    assert "Left out 1 that MailerSend refuses, the first being recipients[1] j***@roe: " in said
    assert "jane@" not in said


def test_of_many_refused_the_first_ten_are_named(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    with pytest.raises(
        AirflowFailException, match=r"12 of what is wanted cannot be .* and 2 more\. All else"
    ):
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


@pytest.mark.parametrize(
    ("left", "reserve", "fits"), [(6, 0, True), (5, 0, False), (8, 2, True), (7, 2, False)]
)
def test_the_days_requests_must_be_enough_before_it_begins(
    connect: Connect, left: int, reserve: int, fits: bool
) -> None:
    # A page, and five batches: less than these it cannot be.
    with Sandbox(quota=20, rate_limit=None) as sandbox:
        connect(sandbox)
        recipients = numbered(2600)
        sandbox.add("blocklist", *recipients[:100])
        use_up(sandbox, 20 - left)
        before = len(sandbox.log)
        if fits:
            result = sync(recipients=recipients, quota_reserve=reserve)
            # The first page tells that it is enough; a reserve holds from the first request on.
            assert (result["added"], result["requests"]) == (2500, 7 if reserve else 6)
            return
        with pytest.raises(MailerSendQuotaExhaustedError) as error:
            sync(recipients=recipients, quota_reserve=reserve)
        said = str(error.value)
        assert f"takes at least 5 requests, and {left - reserve - 1} of the day's are left" in said
        assert ("reserved for sending" in said) == bool(reserve)
        assert "The next day's begin at " in said
        assert said.endswith("Nothing was changed. Connection 'mailersend_default'.")
        asked = [request.path for request in sandbox.log[before:]]
        assert asked == ["/api-quota"] * bool(reserve) + ["/suppressions/blocklist", "/api-quota"]


def test_what_no_whole_day_is_enough_for_fails_at_once(connect: Connect) -> None:
    with Sandbox(quota=5, rate_limit=None) as sandbox:
        connect(sandbox)
        with pytest.raises(AirflowFailException, match=r"No whole day's 5 are enough for it"):
            sync(recipients=numbered(2600), deferrable=False)
        with pytest.raises(AirflowFailException, match=r"No whole day's 3 are enough for it"):
            sync(recipients=numbered(1600), deferrable=False, quota_reserve=2)
        assert changes(sandbox) == []
        assert len(sandbox.requests("GET", "/suppressions/*")) == 2


def test_what_is_enough_on_another_day_is_left_to_airflows_retries(connect: Connect) -> None:
    with Sandbox(quota=6, rate_limit=None) as sandbox:
        connect(sandbox)
        use_up(sandbox, 1)
        with pytest.raises(MailerSendQuotaExhaustedError, match="takes at least 5 requests, and 4 of"):
            sync(recipients=numbered(2600))


def test_a_dry_run_asks_for_no_more_than_reading_takes(connect: Connect) -> None:
    with Sandbox(quota=1, rate_limit=None) as sandbox:
        connect(sandbox)
        assert sync(recipients=numbered(2600), dry_run=True)["to_add"] == 2600


@pytest.mark.parametrize("status", [403, 404])
def test_whoever_may_not_ask_for_the_quota_may_still_synchronize(
    connect: Connect, sandbox: Sandbox, status: int
) -> None:
    connect(sandbox)
    sandbox.fail(Fault(path="/api-quota", status=status))
    assert sync(recipients=["a@example.net"])["added"] == 1


def test_a_quota_without_limit_is_enough(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    assert sync(recipients=numbered(2600), quota_reserve=500)["added"] == 2600
