"""Sleeping in the triggerer over a used-up quota, and going on with what is left, over real HTTP."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from airflow_provider_mailersend.exceptions import MailerSendQuotaExhaustedError, MailerSendServerError
from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
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
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from airflow_provider_mailersend.triggers.mailersend import MailerSendQuotaResetTrigger

# How Airflow writes into its database what a task is to be resumed with.
if AIRFLOW_V_3_0_PLUS:
    from airflow.sdk.serde import deserialize, serialize
else:
    from airflow.serialization.serialized_objects import BaseSerialization

    serialize, deserialize = BaseSerialization.serialize, BaseSerialization.deserialize

Connect = Callable[..., str]
Logged = Callable[[], str]
Make = Callable[[], Any]

#: A day of the sandbox's, in seconds.
DAY = 1.5


def restored(serialized: tuple[str, dict[str, Any]]) -> Any:
    """Return a trigger as the triggerer makes it of what is in the database."""
    path, arguments = serialized
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments)))


def numbered(count: int, prefix: str = "wanted") -> list[str]:
    return [f"{prefix}{number}@example.net" for number in range(count)]


def ids_on(sandbox: Sandbox, name: str) -> list[str]:
    return [entry["id"] for entry in sandbox.entries(name)]


def use_up(sandbox: Sandbox, requests: int) -> None:
    """Spend so many of the day's requests."""
    for _ in range(requests):
        MailerSendHook().list_suppressions("spam-complaints")


def sent(sandbox: Sandbox, method: str, field: str) -> list[str]:
    """Return what all successful requests of that method held in one field of their bodies."""
    done = [request for request in sandbox.requests(method) if (request.status or 500) < 300]
    return list(chain.from_iterable(request.json.get(field, ()) for request in done))


def deferred_by(work: Callable[[], Any]) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as deferred:
        work()
    return deferred.value


def sleep_until(moment: datetime) -> None:
    seconds = (moment - datetime.now(UTC)).total_seconds()
    assert seconds < 30, "the sandbox's days are short"
    time.sleep(max(0.0, seconds))


def resumed(make: Make, deferred: TaskDeferred, context: Any = None) -> Any:
    """Wait for the trigger's moment, and resume the task as another process of Airflow's would."""
    trigger = restored(deferred.trigger.serialize())
    sleep_until(trigger.resets_at)
    kwargs = deserialize(json.loads(json.dumps(serialize(deferred.kwargs or {}))))
    event = {"resets_at": trigger.resets_at.isoformat()}
    return getattr(make(), deferred.method_name)(context or {}, event=event, **kwargs)


def a_run() -> Any:
    """Return the context of a task's first try in a DAG run that begins now."""
    return {"dag_run": SimpleNamespace(start_date=datetime.now(UTC)), "ti": SimpleNamespace(try_number=1)}


def over_days(make: Make, context: Any = None) -> tuple[Any, int]:
    """Run a task to its end, and return its result and how often it was deferred."""
    context = a_run() if context is None else context
    try:
        return make().execute(context), 0
    except TaskDeferred as first:
        deferred = first
    for nights in range(1, 10):
        try:
            return resumed(make, deferred, context), nights
        except TaskDeferred as another:
            deferred = another
    raise AssertionError("it is deferred again and again")


def every_operator(sandbox: Sandbox, **arguments: Any) -> list[Any]:
    """Return one of each, each with something to do."""
    recipient_id, sms_id = ids_on(sandbox, "recipients")[0], ids_on(sandbox, "sms-recipients")[0]
    blocked = {"suppression_list": "blocklist", **arguments}
    return [
        MailerSendListSuppressionsOperator(task_id="list", **blocked),
        MailerSendAddSuppressionsOperator(task_id="add", recipients=["a@example.net"], **blocked),
        MailerSendDeleteSuppressionsOperator(task_id="ids", ids=ids_on(sandbox, "blocklist")[:1], **blocked),
        MailerSendDeleteSuppressionsOperator(task_id="value", recipients=["a@example.net"], **blocked),
        MailerSendSyncSuppressionsOperator(task_id="sync", recipients=["b@example.net"], **blocked),
        MailerSendDeleteSuppressionsOperator(task_id="all", delete_all=True, domain_id="account", **blocked),
        MailerSendListRecipientsOperator(task_id="recipients", **arguments),
        MailerSendGetRecipientOperator(task_id="get", recipient_id=recipient_id, **arguments),
        MailerSendDeleteRecipientOperator(task_id="forget", recipient_id=recipient_id, **arguments),
        MailerSendListSmsRecipientsOperator(task_id="all_sms", **arguments),
        MailerSendGetSmsRecipientOperator(task_id="sms", sms_recipient_id=sms_id, **arguments),
        MailerSendUpdateSmsRecipientsOperator(task_id="set", ids=[sms_id], status="opt_out", **arguments),
    ]


@pytest.fixture
def used_up(connect: Connect) -> Any:
    """A sandbox whose requests of the day, which ends at midnight, are used up."""
    with Sandbox(blocklist=5, recipients=5, sms_recipients=5, quota=10, rate_limit=None) as sandbox:
        connect(sandbox)
        use_up(sandbox, 10)
        yield sandbox


@pytest.mark.parametrize("reserve", [0, 4])
def test_a_used_up_quota_fails_the_task_and_says_when_to_come_back(connect: Connect, reserve: int) -> None:
    with Sandbox(blocklist=5, recipients=5, sms_recipients=5, quota=10, rate_limit=None) as sandbox:
        connect(sandbox, extra={"quota_reserve": reserve})
        use_up(sandbox, 10 - reserve)
        midnight = datetime.fromisoformat(sandbox.state()["quota_reset"])
        for operator in every_operator(sandbox, deferrable=False):
            # The reserve is heeded once something is known of the quota.
            operator.hook.get_api_quota()
            with pytest.raises(MailerSendQuotaExhaustedError) as error:
                operator.execute({})
            assert f" at {midnight:%Y-%m-%d %H:%M:%S} UTC" in str(error.value), operator.task_id
            assert error.value.resets_at == midnight, operator.task_id


def test_a_deferrable_task_sleeps_in_the_triggerer_until_the_next_days_requests_begin(
    used_up: Sandbox, logged: Logged
) -> None:
    midnight = datetime.fromisoformat(used_up.state()["quota_reset"])
    for operator in every_operator(used_up, deferrable=True):
        deferred = deferred_by(lambda operator=operator: operator.execute({}))
        assert isinstance(deferred.trigger, MailerSendQuotaResetTrigger), operator.task_id
        assert deferred.trigger.resets_at == midnight, operator.task_id
        assert json.loads(json.dumps(deferred.kwargs)) == deferred.kwargs, operator.task_id
        assert callable(getattr(operator, deferred.method_name)), operator.task_id
        said = logged()
        assert f"{midnight:%Y-%m-%d %H:%M:%S} UTC" in said, operator.task_id
        assert "Resuming then." in said, operator.task_id


def test_every_operator_does_its_work_when_the_next_day_begins(connect: Connect) -> None:
    with Sandbox(
        blocklist=5, recipients=5, sms_recipients=5, quota=20, quota_window=2 * DAY, rate_limit=None
    ) as sandbox:
        connect(sandbox)
        use_up(sandbox, 20)
        operators = every_operator(sandbox, deferrable=True)
        blocked, recipients = sandbox.entries("blocklist"), sandbox.entries("recipients")
        deferrals = [deferred_by(lambda operator=operator: operator.execute({})) for operator in operators]
        afresh = every_operator(sandbox, deferrable=True)
        results = {
            operator.task_id: resumed(lambda operator=operator: operator, deferred)
            for operator, deferred in zip(afresh, deferrals, strict=True)
        }
        assert results["list"] == blocked
        assert (len(results["add"]["added"]), results["add"]["requests"]) == (1, 2)
        assert (results["ids"]["deleted"], results["ids"]["requests"]) == ([blocked[0]["id"]], 2)
        assert results["value"]["deleted"] == results["add"]["added"]
        assert (results["sync"]["added"], results["sync"]["requests"]) == (1, 3)
        assert results["all"]["all"] is True
        # Whoever is deleted as a recipient is blocked from then on.
        assert [entry["pattern"] for entry in sandbox.entries("blocklist")] == [recipients[0]["email"]]
        assert results["recipients"] == recipients
        assert results["get"]["id"] == recipients[0]["id"]
        assert results["forget"]["deleted"] is True
        assert results["all_sms"][0]["status"] == "active"
        assert results["sms"]["id"] == results["all_sms"][0]["id"]
        assert results["set"]["updated"] == [results["all_sms"][0]["id"]]
        assert sandbox.entries("sms-recipients")[0]["status"] == "opt_out"


@pytest.mark.parametrize(
    "answers",
    [
        {"dialect": "observed"},
        {"dialect": "documented"},
        {"headers": []},
    ],
    ids=str,
)
def test_additions_are_looked_up_and_only_the_rest_is_sent(connect: Connect, answers: dict[str, Any]) -> None:
    with Sandbox(quota=4, quota_window=DAY, rate_limit=None, **answers) as sandbox:
        connect(sandbox, extra={"rate_limit_window": 0.1})
        recipients = [*numbered(50), "refused@nodot", *numbered(50, "later")]

        def add() -> Any:
            return MailerSendAddSuppressionsOperator(
                task_id="add",
                suppression_list="blocklist",
                recipients=recipients,
                patterns=[".*@x"],
                batch_size=25,
                on_invalid="skip",
                deferrable=True,
            )

        result, nights = over_days(add)
        assert nights >= 1
        assert Counter(sent(sandbox, "POST", "recipients")) == Counter(
            [*numbered(50), *numbered(50, "later")]
        )
        assert sent(sandbox, "POST", "patterns") == [".*@x"]
        assert sorted(result["added"]) == sorted(ids_on(sandbox, "blocklist"))
        assert [one["value"] for one in result["rejected"]] == ["refused@nodot"]
        assert result["requests"] == len(sandbox.log)


def test_an_addition_without_an_answer_is_looked_up_on_the_next_day(connect: Connect) -> None:
    with Sandbox(quota=2, quota_window=2 * DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        sandbox.fail(Fault(method="POST", skip=1, cut="after"))

        def add() -> Any:
            return MailerSendAddSuppressionsOperator(
                task_id="add",
                suppression_list="blocklist",
                recipients=numbered(50),
                batch_size=20,
                deferrable=True,
            )

        # The second of three batches got no answer; it is looked up when it may have been done, on that day or later.
        result, nights = over_days(add)
        assert nights <= 1
        assert [len(request.json["recipients"]) for request in sandbox.requests("POST")] == [20, 20, 10]
        assert sorted(result["added"]) == sorted(ids_on(sandbox, "blocklist"))
        assert len(result["added"]) == 50
        assert result["requests"] == len(sandbox.log)


@pytest.mark.parametrize("on_missing", ["skip", "fail"])
def test_deletions_by_id_meet_what_is_gone(connect: Connect, on_missing: str) -> None:
    with Sandbox(blocklist=50, quota=6, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        ids = ids_on(sandbox, "blocklist")

        def delete() -> Any:
            return MailerSendDeleteSuppressionsOperator(
                task_id="delete",
                suppression_list="blocklist",
                ids=[*ids[:45], *(["unknown"] if on_missing == "skip" else [])],
                batch_size=10,
                on_missing=on_missing,
                deferrable=True,
            )

        use_up(sandbox, 3)
        result, nights = over_days(delete)
        assert nights >= 1
        assert result["deleted_before"] + len(result["deleted"]) == 45
        assert len(result["missing"]) == result["deleted_before"] + (on_missing == "skip")
        assert Counter(sent(sandbox, "DELETE", "ids")) == Counter(ids[:45])
        assert result["requests"] == len(sandbox.log) - 3
        assert ids_on(sandbox, "blocklist") == ids[45:]


def test_a_retry_finds_what_the_try_before_had_added(connect: Connect) -> None:
    with Sandbox(rate_limit=None) as sandbox:
        connect(sandbox, extra={"max_retries": 0})
        sandbox.fail(Fault(method="POST", skip=2, status=403))
        context = a_run()

        def add() -> Any:
            return MailerSendAddSuppressionsOperator(
                task_id="add", suppression_list="blocklist", recipients=numbered(50), batch_size=20
            )

        with pytest.raises(AirflowFailException):
            add().execute(context)
        context["ti"].try_number = 2
        result = add().execute(context)
        assert Counter(entry["pattern"] for entry in sandbox.entries("blocklist")) == Counter(numbered(50))
        assert sorted(result["added"]) == sorted(ids_on(sandbox, "blocklist"))
        assert result["requests"] == 2


def test_deletions_by_address_read_again_and_delete_the_rest(connect: Connect) -> None:
    with Sandbox(quota=3, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        sandbox.add("blocklist", *numbered(120))
        wanted = [*numbered(60), "unknown@example.net"]

        def delete() -> Any:
            return MailerSendDeleteSuppressionsOperator(
                task_id="delete",
                suppression_list="blocklist",
                recipients=wanted,
                batch_size=20,
                deferrable=True,
            )

        result, nights = over_days(delete)
        assert nights >= 1
        assert result["deleted_before"] + len(result["deleted"]) == 60
        assert len(result["missing"]) == result["deleted_before"] + 1
        assert set(Counter(sent(sandbox, "DELETE", "ids")).values()) == {1}
        assert len(sandbox.entries("blocklist")) == 60
        assert result["requests"] == len(sandbox.log)


def test_updates_by_id_read_what_is_set_already(connect: Connect) -> None:
    with Sandbox(sms_recipients=5, quota=2, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        ids = ids_on(sandbox, "sms-recipients")

        def update() -> Any:
            return MailerSendUpdateSmsRecipientsOperator(
                task_id="set",
                ids=[ids[0], "unknown", *ids[1:]],
                status="opt_out",
                on_missing="skip",
                deferrable=True,
            )

        result, nights = over_days(update)
        assert nights >= 2
        # One had the status from the beginning: only a reading tells that.
        assert result["updated_before"] + len(result["updated"]) + result["unchanged"] == 5
        assert result["missing"] == ["unknown"]
        assert result["requests"] == len(sandbox.log)
        put = Counter(request.path for request in sandbox.requests("PUT"))
        assert set(put.values()) == {1}
        assert {one["status"] for one in sandbox.entries("sms-recipients")} == {"opt_out"}


def test_updates_by_number_read_again_and_set_the_rest(connect: Connect) -> None:
    with Sandbox(sms_recipients=8, quota=3, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        everyone = sandbox.entries("sms-recipients")

        def update() -> Any:
            return MailerSendUpdateSmsRecipientsOperator(
                task_id="set",
                numbers=[*(one["number"] for one in everyone), "+15559999999"],
                status="opt_out",
                on_missing="skip",
                deferrable=True,
            )

        result, nights = over_days(update)
        active = [one["id"] for one in everyone if one["status"] == "active"]
        assert nights >= 2
        assert result["updated_before"] + len(result["updated"]) == len(active)
        assert result["unchanged"] == len(everyone) - len(active)
        assert result["missing"] == ["+15559999999"]
        assert result["requests"] == len(sandbox.log)
        assert len(sandbox.requests("PUT")) == len(active)


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
        assert deferred.kwargs["before"] == {
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


@pytest.mark.parametrize(
    "listing",
    [
        lambda: MailerSendListSuppressionsOperator(
            task_id="list", suppression_list="unsubscribes", deferrable=True
        ),
        lambda: MailerSendListRecipientsOperator(task_id="list", deferrable=True),
        lambda: MailerSendListSmsRecipientsOperator(task_id="list", deferrable=True),
        lambda: MailerSendDeleteSuppressionsOperator(
            task_id="list", suppression_list="unsubscribes", recipients=["a@example.net"], deferrable=True
        ),
        lambda: MailerSendUpdateSmsRecipientsOperator(
            task_id="list", numbers=["+15559999999"], status="opt_out", on_missing="skip", deferrable=True
        ),
    ],
    ids=["suppressions", "recipients", "sms recipients", "delete by address", "update by number"],
)
def test_reading_begins_anew_on_the_next_day_and_fails_where_that_is_not_enough(
    connect: Connect, listing: Make
) -> None:
    with Sandbox(unsubscribes=250, sms_recipients=250, quota=3, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        use_up(sandbox, 1)
        before = len(sandbox.log)
        result, nights = over_days(listing)
        assert nights == 1
        assert len(sandbox.log) == before + 2 + 3
        if isinstance(result, list):
            assert len({one["id"] for one in result}) == len(result) == 250
    with Sandbox(unsubscribes=450, sms_recipients=450, quota=4, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        deferred = deferred_by(lambda: listing().execute({}))
        with pytest.raises(MailerSendQuotaExhaustedError, match="The next day's requests begin at"):
            resumed(listing, deferred)
        assert len(sandbox.log) == 8


def test_where_others_use_up_the_next_day_too_the_task_sleeps_on(connect: Connect) -> None:
    with Sandbox(unsubscribes=50, quota=1, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        use_up(sandbox, 1)

        def listing() -> Any:
            return MailerSendListSuppressionsOperator(
                task_id="list", suppression_list="unsubscribes", deferrable=True
            )

        first = deferred_by(lambda: listing().execute({}))
        sleep_until(first.trigger.resets_at)
        use_up(sandbox, 1)
        second = deferred_by(lambda: resumed(listing, first))
        assert second.trigger.resets_at > first.trigger.resets_at
        assert len(resumed(listing, second)) == 50


def test_what_is_no_matter_of_the_quota_is_not_deferred(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox, extra={"max_retries": 0})
    sandbox.fail(Fault(status=500))
    operator = MailerSendListSuppressionsOperator(
        task_id="list", suppression_list="blocklist", deferrable=True
    )
    with pytest.raises(MailerSendServerError):
        operator.execute({})
    sandbox.fail(Fault(status=401))
    with pytest.raises(AirflowFailException):
        operator.execute({})


def test_the_reserve_is_left_to_sending_on_every_day(connect: Connect) -> None:
    with Sandbox(quota=6, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)

        def add() -> Any:
            return MailerSendAddSuppressionsOperator(
                task_id="add",
                suppression_list="blocklist",
                recipients=numbered(4),
                batch_size=1,
                quota_reserve=3,
                deferrable=True,
            )

        context = a_run()
        deferred = deferred_by(lambda: add().execute(context))
        assert sandbox.state()["quota_remaining"] == 3
        assert len(resumed(add, deferred, context)["added"]) == 4
        assert Counter(sent(sandbox, "POST", "recipients")) == Counter(numbered(4))


@pytest.mark.parametrize(("configured", "expected"), [(None, "False"), ("True", "True")])
def test_the_default_is_airflows(tmp_path: Path, configured: str | None, expected: str) -> None:
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path)}
    if configured is not None:
        environment["AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE"] = configured
    script = (
        "from airflow_provider_mailersend.operators.suppressions import MailerSendListSuppressionsOperator as L\n"
        "from airflow_provider_mailersend.operators.recipients import MailerSendListRecipientsOperator as R\n"
        "print('deferrable:', L(task_id='a', suppression_list='blocklist').deferrable,"
        " R(task_id='b').deferrable, R(task_id='c', deferrable=False).deferrable)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert f"deferrable: {expected} {expected} False" in done.stdout


def first_event(trigger: MailerSendQuotaResetTrigger) -> Any:
    async def wait() -> Any:
        return await anext(trigger.run())

    return asyncio.run(wait())


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2030, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))),
        "2030-01-02T03:04:05+00:00",
        "2030-01-02T03:04:05Z",
    ],
    ids=str,
)
def test_the_trigger_survives_the_database(moment: datetime | str) -> None:
    trigger = MailerSendQuotaResetTrigger(moment)
    again = restored(trigger.serialize())
    assert type(again) is MailerSendQuotaResetTrigger
    assert again.resets_at == trigger.resets_at
    assert again.resets_at == (datetime.fromisoformat(moment) if isinstance(moment, str) else moment)
    assert again.serialize() == trigger.serialize()


def test_the_trigger_fires_after_its_moment_once() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=1)

    async def events() -> list[Any]:
        return [event.payload async for event in MailerSendQuotaResetTrigger(moment).run()]

    assert asyncio.run(events()) == [{"resets_at": moment.isoformat()}]
    assert datetime.now(UTC) > moment


def test_a_moment_that_is_past_fires_at_once() -> None:
    begun = time.monotonic()
    event = first_event(MailerSendQuotaResetTrigger("2020-01-01T00:00:00+00:00"))
    assert time.monotonic() - begun < 5
    assert event.payload == {"resets_at": "2020-01-01T00:00:00+00:00"}


@pytest.mark.parametrize("moment", [datetime(2030, 1, 1), "2030-01-01T00:00:00"], ids=str)
def test_a_moment_without_a_zone_is_refused(moment: datetime | str) -> None:
    with pytest.raises(ValueError, match="a moment with a time zone is needed"):
        MailerSendQuotaResetTrigger(moment)


def test_the_trigger_does_not_block_the_triggerer() -> None:
    async def race() -> tuple[int, bool]:
        moment = datetime.now(UTC) + timedelta(seconds=0.5)
        waiting = asyncio.ensure_future(anext(MailerSendQuotaResetTrigger(moment).run()))
        long = asyncio.ensure_future(anext(MailerSendQuotaResetTrigger(moment + timedelta(seconds=5)).run()))
        turns = 0
        while not waiting.done():
            await asyncio.sleep(0.01)
            turns += 1
        sleeps_on = not long.done()
        long.cancel()
        return turns, sleeps_on

    turns, sleeps_on = asyncio.run(race())
    assert turns > 10
    assert sleeps_on
