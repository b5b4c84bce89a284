"""Additions, deletions and updates that start over after a used-up quota or a failed try, over real HTTP."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_mailersend.exceptions import MailerSendServerError
from airflow_provider_mailersend.operators.base import start_of_run
from airflow_provider_mailersend.operators.sms_recipients import (
    MailerSendUpdateSmsRecipientsOperator,
)
from airflow_provider_mailersend.operators.suppressions import (
    MailerSendAddSuppressionsOperator,
    MailerSendDeleteSuppressionsOperator,
)
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from tests.operators.deferrals import (
    DAY,
    a_run,
    deferred_by,
    ids_on,
    over_days,
    resumed,
    resumed_to_the_end,
    sent,
)
from tests.operators.syncing import Connect, numbered, use_up
from tests.unsteady import RareFault, UnsteadySandbox

NOON, HOUR, DAYS = datetime(2026, 7, 1, 12, tzinfo=UTC), timedelta(hours=1), timedelta(days=9)


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
def test_deletions_by_id_meet_what_is_gone(connect: Connect, on_missing: Any) -> None:
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


def test_a_cleared_task_finds_what_it_had_added_before_its_dag_run_was_started_anew(
    connect: Connect, sandbox: Sandbox
) -> None:
    connect(sandbox)
    context = a_run()

    def add(last: str) -> Any:
        return MailerSendAddSuppressionsOperator(
            task_id="add", suppression_list="blocklist", recipients=[*numbered(20), last], batch_size=20
        )

    with pytest.raises(AirflowFailException, match="20 of 21; not added: 1"):
        add("refused@nodot").execute(context)
    context["dag_run"].run_after = context["dag_run"].start_date
    context["dag_run"].start_date += timedelta(minutes=5)
    context["dag_run"].clear_number = 1
    context["ti"].try_number = 2
    add("corrected@example.net").execute(context)
    there = Counter(entry["pattern"] for entry in sandbox.entries("blocklist"))
    assert there == Counter([*numbered(20), "corrected@example.net"])


@pytest.mark.parametrize(
    ("cleared", "moments", "hour"),
    [
        (0, {}, 12),
        # A run of a catch-up begins long after it was due.
        (0, {"run_after": NOON - DAYS, "logical_date": NOON - DAYS}, 12),
        (1, {"run_after": NOON - HOUR, "logical_date": NOON - DAYS}, 11),
        (1, {"run_after": NOON - HOUR, "logical_date": None}, 11),
        (1, {"run_after": NOON - HOUR, "logical_date": NOON + DAYS}, 11),
        # On Airflow 2, of a scheduled run and of one triggered by hand.
        (1, {"logical_date": NOON - DAYS, "data_interval_end": NOON - HOUR}, 11),
        (1, {"logical_date": NOON - HOUR, "data_interval_end": NOON - DAYS}, 11),
        (1, {"logical_date": NOON + DAYS, "data_interval_end": NOON + DAYS}, 12),
    ],
)
def test_a_dag_run_began_when_it_began_first(cleared: int, moments: dict[str, Any], hour: int) -> None:
    run = SimpleNamespace(start_date=NOON, clear_number=cleared, **moments)
    context: Any = {"dag_run": run, "ti": SimpleNamespace(start_date=NOON + DAYS)}
    assert start_of_run(context) == NOON.replace(hour=hour)


def test_a_retried_deletion_by_id_deletes_the_rest_before_it_fails_for_unknown_ids(
    connect: Connect,
) -> None:
    with Sandbox(blocklist=30, rate_limit=None) as sandbox:
        connect(sandbox, extra={"max_retries": 0})
        sandbox.fail(Fault(method="DELETE", skip=1, status=503))
        context, ids = a_run(), ids_on(sandbox, "blocklist")

        def delete() -> Any:
            return MailerSendDeleteSuppressionsOperator(
                task_id="delete", suppression_list="blocklist", ids=ids, batch_size=10, on_missing="fail"
            )

        with pytest.raises(MailerSendServerError):
            delete().execute(context)
        context["ti"].try_number = 2
        with pytest.raises(
            AirflowFailException, match=r"10 of the ids given; .* earlier try of this task may"
        ):
            delete().execute(context)
        assert sandbox.entries("blocklist") == []


def test_a_retried_deletion_by_address_waits_for_what_the_try_before_had_sent(connect: Connect) -> None:
    with UnsteadySandbox(unsubscribes=150, rate_limit=None, quota=None) as sandbox:
        connect(sandbox, extra={"max_retries": 0})
        context = a_run()
        wanted = [entry["recipient"]["email"] for entry in sandbox.entries("unsubscribes")]

        def delete() -> Any:
            return MailerSendDeleteSuppressionsOperator(
                task_id="delete", suppression_list="unsubscribes", recipients=wanted, batch_size=50
            )

        sandbox.fail(RareFault(method="DELETE", status=504, processed=True, commit_after=1.5))
        with pytest.raises(MailerSendServerError, match="504"):
            delete().execute(context)
        context["ti"].try_number = 2
        # The deletion is done while the first page is under way.
        sandbox.fail(Fault(method="GET", delay=2.0, delay_when="after"))
        result = delete().execute(context)
        assert ids_on(sandbox, "unsubscribes") == []
        assert len(result["deleted"]) == 100


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


def test_a_list_that_may_be_emptied_already_is_not_emptied_again_on_the_next_day(connect: Connect) -> None:
    with Sandbox(unsubscribes=6, quota=2, quota_window=60, rate_limit=None) as sandbox:
        connect(sandbox)
        sandbox.fail(Fault(method="DELETE", cut="after"))
        with pytest.raises(AirflowFailException, match=r"No answer .* may or may not have been emptied\."):
            MailerSendDeleteSuppressionsOperator(
                task_id="delete",
                suppression_list="unsubscribes",
                delete_all=True,
                domain_id="account",
                deferrable=True,
            ).execute(a_run())
        assert sandbox.entries("unsubscribes") == []


def test_who_opts_out_again_during_a_deferral_is_not_released_by_its_rest(connect: Connect) -> None:
    with Sandbox(unsubscribes=180, quota=5, quota_window=DAY, rate_limit=None) as sandbox:
        domain_id = sandbox.domain_id("example.com")
        connect(sandbox, extra={"domain_id": domain_id})
        ours = [e for e in sandbox.entries("unsubscribes") if e["recipient"]["domain"]["id"] == domain_id]
        addresses = [entry["recipient"]["email"] for entry in ours]

        def delete() -> Any:
            return MailerSendDeleteSuppressionsOperator(
                task_id="delete",
                suppression_list="unsubscribes",
                recipients=addresses,
                batch_size=10,
                deferrable=True,
            )

        deferred = deferred_by(lambda: delete().execute({}))
        sandbox.add("unsubscribes", addresses[0], domain="example.com")
        # A sandbox's days are short: the task began hours ago.
        deferred.kwargs["before"]["began"] -= 36_000
        resumed_to_the_end(delete, deferred)
        left = [e for e in sandbox.entries("unsubscribes") if e["recipient"]["domain"]["id"] == domain_id]
        assert [entry["recipient"]["email"] for entry in left] == addresses[:1]


@pytest.mark.slow
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


def test_updates_by_id_read_nothing_if_none_was_set(connect: Connect) -> None:
    with Sandbox(sms_recipients=500, quota=3, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        ids = ids_on(sandbox, "sms-recipients")[-2:]
        use_up(sandbox, 3)
        # The whole list has more pages than the day has requests.
        _, nights = over_days(
            lambda: MailerSendUpdateSmsRecipientsOperator(
                task_id="set", ids=ids, status="opt_out", deferrable=True
            )
        )
        assert nights == 1
        assert sandbox.requests("GET", "/sms-recipients") == []
        assert [one["status"] for one in sandbox.entries("sms-recipients")[-2:]] == ["opt_out"] * 2


@pytest.mark.slow
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
