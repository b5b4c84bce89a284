"""Waiting in the triggerer for a used-up quota to reset, over real HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_mailersend.exceptions import MailerSendQuotaExhaustedError, MailerSendServerError
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
from tests.operators.deferrals import (
    DAY,
    Make,
    deferred_by,
    ids_on,
    over_days,
    resumed,
    sleep_until,
)
from tests.operators.syncing import Connect, Logged, use_up
from tests.public_classes import public_classes


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
        deferred = deferred_by(partial(operator.execute, {}))
        assert isinstance(deferred.trigger, MailerSendQuotaResetTrigger), operator.task_id
        assert deferred.trigger.resets_at == midnight, operator.task_id
        assert json.loads(json.dumps(deferred.kwargs)) == deferred.kwargs, operator.task_id
        assert callable(getattr(operator, deferred.method_name)), operator.task_id
        said = logged()
        assert f"{midnight:%Y-%m-%d %H:%M:%S} UTC" in said, operator.task_id
        assert "Resuming then." in said, operator.task_id


def test_no_operator_is_missing_here(sandbox: Sandbox) -> None:
    for name in ("blocklist", "recipients", "sms-recipients"):
        sandbox.add(name, "+15551234567" if name == "sms-recipients" else "jane@example.com")
    assert {type(operator) for operator in every_operator(sandbox)} == {*public_classes("operators")}


def test_every_operator_does_its_work_when_the_next_day_begins(connect: Connect) -> None:
    with Sandbox(
        blocklist=5, recipients=5, sms_recipients=5, quota=20, quota_window=2 * DAY, rate_limit=None
    ) as sandbox:
        connect(sandbox)
        use_up(sandbox, 20)
        operators = every_operator(sandbox, deferrable=True)
        blocked, recipients = sandbox.entries("blocklist"), sandbox.entries("recipients")
        deferrals = [deferred_by(partial(operator.execute, {})) for operator in operators]
        afresh = iter(every_operator(sandbox, deferrable=True))
        results = {
            operator.task_id: resumed(afresh.__next__, deferred)
            for operator, deferred in zip(operators, deferrals, strict=True)
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
        with pytest.raises(MailerSendQuotaExhaustedError, match="The quota resets at"):
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


@pytest.mark.slow
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
