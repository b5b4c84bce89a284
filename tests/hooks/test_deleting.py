"""Deleting by the hook, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_mailersend.exceptions import (
    MailerSendValidationError,
)
from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from airflow_provider_mailersend.sandbox import Fault, Sandbox

Connect = Callable[..., str]
LISTS = ["blocklist", "hard-bounces", "spam-complaints", "unsubscribes", "on-hold-list"]
DIALECTS = ["observed", "documented"]


def addresses(sandbox: Sandbox, suppression_list: str) -> list[str]:
    return [
        entry["pattern"] if suppression_list == "blocklist" else entry["recipient"]["email"]
        for entry in sandbox.entries(suppression_list)
    ]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("suppression_list", LISTS)
def test_deleting_by_id_from_every_list(connect: Connect, suppression_list: str, dialect: str) -> None:
    name = {"on-hold-list": "on_hold"}.get(suppression_list, suppression_list.replace("-", "_"))
    entries: Any = {name: 30}
    with Sandbox(dialect=dialect, rate_limit=None, **entries) as sandbox:
        ids = [entry["id"] for entry in sandbox.entries(suppression_list)]
        hook = MailerSendHook(connect(sandbox))
        result = hook.delete_suppressions(suppression_list, ids=[*ids[:20], ids[0]], batch_size=8)
        assert result == {
            "deleted": ids[:20],
            "missing": [],
            "all": False,
            "may_be_incomplete": False,
            "requests": 3,
        }
        assert [entry["id"] for entry in sandbox.entries(suppression_list)] == ids[20:]


def test_deleting_by_id_names_the_domain(connect: Connect) -> None:
    with Sandbox(unsubscribes=30, rate_limit=None) as sandbox:
        domain_id = sandbox.domain_id("example.com")
        hook = MailerSendHook(connect(sandbox))
        ids = [entry["id"] for entry in hook.list_suppressions("unsubscribes", domain_id=domain_id)]
        hook.delete_suppressions("unsubscribes", ids=ids[:2], domain_id=domain_id)
        assert sandbox.log[-1].json == {"domain_id": domain_id, "ids": ids[:2]}


@pytest.mark.parametrize("ids", [[], (), iter(())])
def test_no_ids_delete_nothing(connect: Connect, ids: Any) -> None:
    with Sandbox(blocklist=5) as sandbox:
        result = MailerSendHook(connect(sandbox)).delete_suppressions("blocklist", ids=ids)
        assert result == {
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
        {},
        {"delete_all": "true"},
        {"delete_all": 1},
        {"delete_all": True},
        {"delete_all": True, "domain_id": "account", "ids": []},
        {"delete_all": True, "domain_id": "account", "ids": ["abc"]},
        {"delete_all": True, "domain_id": ""},
        {"delete_all": True, "domain_id": " "},
        {"delete_all": True, "domain_id": "None"},
        {"delete_all": True, "domain": ""},
        {"delete_all": False},
        {"delete_all": True, "domain_id": "account", "recipients": []},
        {"ids": [], "recipients": []},
        {"ids": "abc"},
        {"ids": [""]},
        {"ids": [None]},
        {"ids": ["nan"]},
        {"ids": ["{{ x }}"]},
        {"ids": ["+15551234567"]},
        {"ids": ["abc"], "domain_id": ""},
        {"recipients": ["a@example.com"], "on_missing": "fail"},
        {"delete_all": True, "domain_id": "account", "on_missing": "fail"},
        {"recipients": [""]},
        {"recipients": ["None"]},
        {"recipients": ["Jane <jane@example.com>"]},
        {"recipients": ["a@example.com, b@example.com"]},
        {"patterns": ["nan"]},
        {"delete_all": True, "domain_id": "account", "made_before": "2026-01-01"},
        {"ids": ["abc"], "made_before": "2026-01-01"},
    ],
)
def test_only_a_literal_true_without_ids_deletes_all(connect: Connect, arguments: dict[str, Any]) -> None:
    with Sandbox(blocklist=5) as sandbox:
        with pytest.raises((ValueError, TypeError)):
            MailerSendHook(connect(sandbox)).delete_suppressions("blocklist", **arguments)
        assert sandbox.log == []


def test_emptying_a_list_takes_its_scope(connect: Connect) -> None:
    with Sandbox(blocklist=40, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        with pytest.raises(ValueError, match="domain_id='account'"):
            hook.delete_suppressions("blocklist", delete_all=True)
        assert sandbox.log == []
        of_connection = MailerSendHook(
            connect(sandbox, extra={"domain_id": sandbox.domain_id("example.com")})
        )
        of_connection.delete_suppressions("blocklist", delete_all=True)
        assert len(sandbox.entries("blocklist")) == 30
        of_connection.delete_suppressions("blocklist", delete_all=True, domain_id="account")
        assert sandbox.entries("blocklist") == []


def test_the_account_can_be_meant_whatever_the_connection_says(connect: Connect) -> None:
    with Sandbox(blocklist=40, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox, extra={"domain_id": sandbox.domain_id("example.com")}))
        assert len(hook.list_suppressions("blocklist")) == 10
        assert len(hook.list_suppressions("blocklist", domain_id="account")) == 40
        hook.add_suppressions("blocklist", recipients=["jane@example.net"], domain_id="account")
        assert sandbox.entries("blocklist")[0]["domain"] is None
        with pytest.raises(ValueError, match="needs a domain"):
            hook.add_suppressions("unsubscribes", recipients=["jane@example.net"], domain_id="account")


def test_deleting_all_keeps_to_the_domain(connect: Connect) -> None:
    with Sandbox(unsubscribes=30, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        domain_id = sandbox.domain_id("example.com")
        result = hook.delete_suppressions("unsubscribes", delete_all=True, domain_id=domain_id)
        assert result == {
            "deleted": [],
            "missing": [],
            "all": True,
            "may_be_incomplete": False,
            "requests": 2,
        }
        left = {entry["recipient"]["domain"]["id"] for entry in sandbox.entries("unsubscribes")}
        assert domain_id not in left
        assert len(left) == 2
        hook.delete_suppressions("unsubscribes", delete_all=True, domain_id="account")
        assert sandbox.entries("unsubscribes") == []


@pytest.mark.parametrize("suppression_list", LISTS[:-1])
def test_deleting_by_address_takes_every_entry_in_scope_and_no_other(
    connect: Connect, suppression_list: str
) -> None:
    with Sandbox(rate_limit=None) as sandbox:
        here, elsewhere = "example.com", "news.example.com"
        for domain in (here, elsewhere):
            sandbox.add(suppression_list, "jane@example.net", "joe@example.net", domain=domain)
        twice = suppression_list == "blocklist"
        if twice:
            sandbox.add("blocklist", "JANE@example.net", domain=here)
        hook = MailerSendHook(connect(sandbox))
        result = hook.delete_suppressions(
            suppression_list, recipients=["Jane@example.net ", "who@example.net"], domain=here
        )
        assert len(result["deleted"]) == (2 if twice else 1)
        assert result["missing"] == ["who@example.net"]
        assert sorted(addresses(sandbox, suppression_list)) == ["jane@example.net", *["joe@example.net"] * 2]
        again = hook.delete_suppressions(suppression_list, recipients=["jane@example.net"], domain=here)
        assert (again["deleted"], again["missing"]) == ([], ["jane@example.net"])
        assert len(sandbox.requests("DELETE")) == 1


def test_deleting_by_value_from_the_blocklist_without_a_domain_takes_the_accounts_own(
    connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.add("blocklist", "jane@example.net", patterns=[r".*@example\.org"])
    sandbox.add("blocklist", "jane@example.net", patterns=[r".*@example\.org"], domain="example.com")
    hook = MailerSendHook(connect(sandbox))
    result = hook.delete_suppressions(
        "blocklist", recipients=["jane@example.net"], patterns=[r".*@example\.org", r".*@EXAMPLE\.org"]
    )
    assert len(result["deleted"]) == 2
    assert result["missing"] == [r".*@EXAMPLE\.org"]
    assert [entry["domain"]["name"] for entry in sandbox.entries("blocklist")] == ["example.com"] * 2


def test_unknown_ids_are_left_out_and_the_rest_deleted(connect: Connect) -> None:
    with Sandbox(blocklist=10, rate_limit=None) as sandbox:
        ids = [entry["id"] for entry in sandbox.entries("blocklist")]
        hook = MailerSendHook(connect(sandbox))
        result = hook.delete_suppressions("blocklist", ids=["unknown1", *ids[:5], "unknown2"])
        assert result == {
            "deleted": ids[:5],
            "missing": ["unknown1", "unknown2"],
            "all": False,
            "may_be_incomplete": False,
            "requests": 2,
        }
        only_unknown = hook.delete_suppressions("blocklist", ids=["unknown1"])
        assert only_unknown == {
            "deleted": [],
            "missing": ["unknown1"],
            "all": False,
            "may_be_incomplete": False,
            "requests": 1,
        }
        assert [entry["id"] for entry in sandbox.entries("blocklist")] == ids[5:]


def test_unknown_ids_can_fail_the_deletion_naming_them(connect: Connect) -> None:
    with Sandbox(blocklist=10, rate_limit=None) as sandbox:
        ids = [entry["id"] for entry in sandbox.entries("blocklist")]
        with pytest.raises(MailerSendValidationError, match="no entries with these ids: unknown1, unknown2"):
            MailerSendHook(connect(sandbox)).delete_suppressions(
                "blocklist", ids=["unknown1", *ids, "unknown2"], on_missing="fail"
            )
        assert len(sandbox.entries("blocklist")) == 10


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_deletion_whose_answer_is_lost_is_repeated_and_counts_once(connect: Connect, cut: Any) -> None:
    with Sandbox(blocklist=10, rate_limit=None) as sandbox:
        ids = [entry["id"] for entry in sandbox.entries("blocklist")]
        sandbox.fail(Fault(method="DELETE", cut=cut))
        result = MailerSendHook(connect(sandbox)).delete_suppressions("blocklist", ids=ids, on_missing="fail")
        assert (result["deleted"], result["missing"]) == (ids, [])
        assert sandbox.entries("blocklist") == []
