"""Syncs that start over after a used-up quota, over real HTTP."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_mailersend.operators.suppressions import (
    MailerSendSyncSuppressionsOperator,
)
from airflow_provider_mailersend.sandbox import Sandbox
from tests.operators.deferrals import (
    DAY,
    Make,
    deferred_by,
    over_days,
    resumed,
    resumed_to_the_end,
    sent,
    sleep_until,
)
from tests.operators.syncing import Connect, numbered, use_up


def syncing(**arguments: Any) -> Make:
    def make() -> Any:
        return MailerSendSyncSuppressionsOperator(
            task_id="sync", **{"suppression_list": "blocklist", "deferrable": True, **arguments}
        )

    return make


@pytest.mark.parametrize("domain", [None, "news.example.com"])
def test_a_synchronization_starts_over_and_tells_of_all_days(connect: Connect, domain: str | None) -> None:
    with Sandbox(quota=6, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        sandbox.add("blocklist", *numbered(150, "there"), domain=domain)
        sandbox.add("blocklist", *numbered(30, "elsewhere"), domain="example.com")
        wanted = [*numbered(110, "there"), "refused@nodot", *numbered(60)]
        scope = {} if domain is None else {"domain": domain}
        result, nights = over_days(
            syncing(
                recipients=wanted,
                mode="mirror",
                max_deletes=40,
                batch_size=20,
                on_invalid="skip",
                **scope,
            )
        )
        assert nights >= 1
        assert (result["added"], result["deleted"], result["rejected"]) == (60, 40, 1)
        assert (result["to_add"], result["to_delete"]) == (61, 40)
        assert (result["present"], result["unchanged"]) == (150, 110)
        assert result["first_rejected"][0]["where"] == "recipients[110]"
        assert Counter(sent(sandbox, "POST", "recipients")) == Counter(numbered(60))
        assert max(Counter(sent(sandbox, "DELETE", "ids")).values()) == 1
        left = [
            entry for entry in sandbox.entries("blocklist") if (entry["domain"] or {}).get("name") == domain
        ]
        assert sorted(entry["pattern"] for entry in left) == sorted([*numbered(110, "there"), *numbered(60)])
        assert len(sandbox.entries("blocklist")) == 200
        assert result["requests"] == len(sandbox.log)
        assert len(sandbox.requests(path="/domains")) == (domain is not None)


def test_a_synchronization_that_cannot_begin_today_begins_on_the_next_day(connect: Connect) -> None:
    with Sandbox(quota=4, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        use_up(sandbox, 3)
        # At the least a page and two batches, which a whole day's requests are enough for.
        deferred = deferred_by(lambda: syncing(recipients=numbered(1100))().execute({}))
        assert [request.path for request in sandbox.log[3:]] == ["/suppressions/blocklist", "/api-quota"]
        result = resumed(syncing(recipients=numbered(1100)), deferred)
        assert (result["added"], result["requests"]) == (1100, 6)


@pytest.mark.slow
def test_what_takes_more_than_a_day_is_begun_anyway(connect: Connect) -> None:
    with Sandbox(quota=9, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        use_up(sandbox, 1)
        result, nights = over_days(syncing(recipients=numbered(701), batch_size=50))
        assert nights >= 2
        assert Counter(sent(sandbox, "POST", "recipients")) == Counter(numbered(701))
        assert result["requests"] == len(sandbox.log) - 1


def test_what_is_left_of_the_day_is_not_begun_with_where_nothing_is_left(connect: Connect) -> None:
    with Sandbox(quota=3, rate_limit=None) as sandbox:
        connect(sandbox)
        use_up(sandbox, 3)
        before = len(sandbox.log)
        deferred_by(lambda: syncing(recipients=numbered(300), batch_size=50)().execute({}))
        deferred_by(lambda: syncing(recipients=numbered(300), batch_size=50, quota_reserve=1)().execute({}))
        assert "POST" not in [request.method for request in sandbox.log[before:]]


def test_a_day_that_others_use_up_is_slept_over_with_the_counts_of_before(connect: Connect) -> None:
    with Sandbox(quota=2, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        make = syncing(recipients=numbered(5), batch_size=1)
        deferred = deferred_by(lambda: make().execute({}))
        sleep_until(deferred.trigger.resets_at)
        use_up(sandbox, 2)
        before = len(sandbox.log)
        again = deferred_by(lambda: resumed(make, deferred))
        assert [request.path for request in sandbox.log[before:]] == ["/suppressions/blocklist"]
        began = deferred.kwargs["before"]["began"]
        assert 0 <= time.time() - began < 60
        assert deferred.kwargs["before"] == {
            "began": began,
            "added": 1,
            "deleted": 0,
            "duplicates": 0,
            "pages": 0,
            "requests": 2,
        }
        assert again.kwargs["before"] == {**deferred.kwargs["before"], "requests": 3}


def test_a_list_longer_than_a_days_requests_is_not_begun_on_every_day(connect: Connect) -> None:
    with Sandbox(blocklist=350, quota=3, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        deferred = deferred_by(lambda: syncing(recipients=["a@example.net"])().execute({}))
        with pytest.raises(AirflowFailException, match="A full day's quota of 3 is not enough"):
            resumed(syncing(recipients=["a@example.net"]), deferred)
        assert len(sandbox.requests(path="/suppressions/*")) == 4


def test_another_source_on_the_next_day_is_synchronized_with_instead(connect: Connect) -> None:
    with Sandbox(quota=2, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        deferred = deferred_by(
            lambda: syncing(recipients=["a@example.net", "b@example.net"], batch_size=1)().execute({})
        )
        result = resumed(syncing(recipients=["a@example.net", "c@example.net"], batch_size=1), deferred)
        assert (result["unchanged"], result["added"]) == (0, 2)
        assert sorted(sent(sandbox, "POST", "recipients")) == ["a@example.net", "c@example.net"]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["add_only", "mirror"])
def test_a_value_that_the_first_day_saw_refused_fails_the_last_one(connect: Connect, mode: str) -> None:
    with Sandbox(quota=4, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        sandbox.add("blocklist", "old@example.net")
        make = syncing(recipients=["refused@nodot", *numbered(80)], mode=mode, max_deletes=1, batch_size=20)
        deferred = deferred_by(lambda: make().execute({}))
        assert 422 in [request.status for request in sandbox.requests("POST")]
        assert "refused@nodot" not in sent(sandbox, "POST", "recipients")
        with pytest.raises(AirflowFailException, match=r"1 can't be added: recipients\[0\]"):
            resumed_to_the_end(make, deferred)
        assert Counter(sent(sandbox, "POST", "recipients")) == Counter(numbered(80))
        # The API refused it, so nothing stands for it: all else is done, deletions too.
        left = [entry["pattern"] for entry in sandbox.entries("blocklist")]
        assert ("old@example.net" in left) == (mode == "add_only")
