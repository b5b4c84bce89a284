"""What keeps a sync from beginning, or from deleting too much, over real HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_mailersend.exceptions import (
    MailerSendQuotaExhaustedError,
)
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from tests.operators.syncing import (
    NOTHING,
    Connect,
    Logged,
    changes,
    numbered,
    sync,
    texts,
    use_up,
)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"recipients": numbered(8), "max_deletes": 1}, "2 to delete exceed max_deletes=1, which allows 1"),
        ({"recipients": [], "max_deletes": 1.0}, "the source has no valid recipients"),
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
    guard: dict[str, Any] = {} if max_deletes is None else {"max_deletes": max_deletes}
    if allowed:
        assert sync(recipients=wanted, mode="mirror", **guard)["deleted"] == unwanted
        assert sorted(texts(sandbox)) == sorted(wanted)
        return
    with pytest.raises(AirflowFailException, match="to delete exceed max_deletes") as error:
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
    with pytest.raises(AirflowFailException, match=r"2 to delete exceed .*, which allows 1\."):
        sync(recipients=numbered(8), mode="mirror")
    assert changes(sandbox) == []


def test_a_refusal_names_the_domain(connect: Connect, sandbox: Sandbox) -> None:
    domain_id = sandbox.domain_id("example.com")
    connect(sandbox, extra={"domain_id": domain_id})
    sandbox.add("blocklist", *numbered(10), domain="example.com")
    with pytest.raises(
        AirflowFailException, match=rf"^blocklist \(domain {domain_id}\): 9 to delete exceed"
    ) as error:
        sync(recipients=numbered(1), mode="mirror")
    assert 'triggered with {"max_deletes": 9}' in str(error.value)


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
        AirflowFailException,
        match=r"blocklist \(account-wide\): the source has no valid recipients.*allow_empty",
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
    wanted: dict[str, Any] = {"recipients": ["a@example.net"], "patterns": [".*@a"], empty: []}
    with pytest.raises(AirflowFailException, match=f"the source has no valid {empty}"):
        sync(mode="mirror", max_deletes=1.0, **wanted)
    assert sandbox.log == []


def test_only_spaces_are_nothing(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    with pytest.raises(AirflowFailException, match="the source has no valid recipients"):
        sync(recipients=["", "  "], mode="mirror", max_deletes=1.0)
    assert sandbox.log == []


def test_duplicates_that_are_removed_count_for_the_guard_of_a_mirror(
    connect: Connect, sandbox: Sandbox
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "a@example.net", "a@example.net", "a@example.net")
    with pytest.raises(AirflowFailException, match="2 to delete exceed max_deletes=1"):
        sync(recipients=["a@example.net"], mode="mirror", remove_duplicates=True, max_deletes=1)
    assert changes(sandbox) == []


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
        assert f"needs at least 5 requests, and {left - reserve - 1} are left of the daily quota" in said
        assert ("reserved for sending" in said) == bool(reserve)
        assert "The quota resets at " in said
        assert said.endswith("Nothing was changed. Connection 'mailersend_default'.")
        asked = [request.path for request in sandbox.log[before:]]
        assert asked == ["/api-quota"] * bool(reserve) + ["/suppressions/blocklist", "/api-quota"]


def test_what_no_whole_day_is_enough_for_fails_at_once(connect: Connect) -> None:
    with Sandbox(quota=5, rate_limit=None) as sandbox:
        connect(sandbox)
        with pytest.raises(AirflowFailException, match=r"A full day's quota of 5 is not enough"):
            sync(recipients=numbered(2600), deferrable=False)
        with pytest.raises(AirflowFailException, match=r"A full day's quota of 3 is not enough"):
            sync(recipients=numbered(1600), deferrable=False, quota_reserve=2)
        assert changes(sandbox) == []
        assert len(sandbox.requests("GET", "/suppressions/*")) == 2


def test_what_is_enough_on_another_day_is_left_to_airflows_retries(connect: Connect) -> None:
    with Sandbox(quota=6, rate_limit=None) as sandbox:
        connect(sandbox)
        use_up(sandbox, 1)
        with pytest.raises(MailerSendQuotaExhaustedError, match="needs at least 5 requests, and 4 are left"):
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
