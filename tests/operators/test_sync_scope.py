"""Which entries a sync counts and changes: domains, kinds and duplicates, over real HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_mailersend.sandbox import Sandbox
from tests.operators.syncing import (
    DOMAINS,
    Connect,
    changes,
    operator,
    sync,
    texts,
)


@pytest.mark.parametrize(("given", "left"), [("recipients", ".*@old"), ("patterns", "old@example.net")])
def test_a_kind_that_is_not_given_is_left_alone(
    connect: Connect, sandbox: Sandbox, given: str, left: str
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "old@example.net", patterns=[".*@old"])
    wanted: dict[str, Any] = {given: ["new@example.net"]}
    result = sync(mode="mirror", max_deletes=1.0, **wanted)
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
    with pytest.raises(AirflowFailException, match="domain_id or domain was given, but rendered to nothing"):
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
