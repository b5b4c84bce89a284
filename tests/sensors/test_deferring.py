"""Sensors that wait in the triggerer."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from airflow_provider_mailersend.sandbox import Fault, Sandbox
from airflow_provider_mailersend.sensors.quota import MailerSendApiQuotaSensor
from airflow_provider_mailersend.sensors.sms_recipients import MailerSendSmsRecipientStatusSensor
from airflow_provider_mailersend.sensors.suppressions import (
    MailerSendNewSuppressionsSensor,
    MailerSendSuppressionSensor,
)
from tests.unsteady import UnsteadySandbox

Connect = Callable[..., str]

OFTEN: dict[str, Any] = {"task_id": "wait", "deferrable": True, "poke_interval": 0.2}


def deferred(sensor: Any) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        sensor.execute({})
    return caught.value


def waited(sensor: Any, deferral: TaskDeferred) -> Any:
    """Wait as the triggerer does, and resume as the worker does."""
    _, kwargs = deferral.trigger.serialize()
    trigger = type(deferral.trigger)(**json.loads(json.dumps(kwargs)))

    async def wait() -> list[Any]:
        async with asyncio.timeout(60.0):
            return [event.payload async for event in trigger.run()]

    (event,) = json.loads(json.dumps(asyncio.run(wait())))
    return sensor.resume_execution(deferral.method_name, {**(deferral.kwargs or {}), "event": event}, {})


def test_an_address_is_waited_for(connect: Connect) -> None:
    with Sandbox(blocklist=950, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)
        options = {**OFTEN, "suppression_list": "blocklist"}
        comes = MailerSendSuppressionSensor(recipient=" Jane@example.net", **options)
        deferral = deferred(comes)
        assert len(sandbox.log) == 0, "the triggerer looks first"
        (jane,) = sandbox.add("blocklist", "jane@example.net")
        assert waited(comes, deferral)["id"] == jane["id"]
        assert len(sandbox.log) == 1

        goes = MailerSendSuppressionSensor(recipient="jane@example.net", present=False, **options)
        deferral = deferred(goes)
        sandbox.remove("blocklist", [jane["id"]])
        assert waited(goes, deferral) is None


@pytest.mark.parametrize("deferrable", [False, True], ids=["poke", "deferred"])
@pytest.mark.parametrize("present", [True, False])
def test_an_address_at_a_domain_of_emoji_is_waited_for(
    connect: Connect, sandbox: Sandbox, present: bool, deferrable: bool
) -> None:
    connect(sandbox)
    address = "jane@xn--ls8h.example"
    options = {**OFTEN, "deferrable": deferrable, "suppression_list": "blocklist", "present": present}
    if present:
        sandbox.add("blocklist", address)
    sensor = MailerSendSuppressionSensor(recipient=address, **options)
    found = waited(sensor, deferred(sensor)) if deferrable else sensor.execute({})
    assert found == (sandbox.entries("blocklist")[0] if present else None)


def test_new_entries_are_waited_for(connect: Connect) -> None:
    with Sandbox(hard_bounces=300, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)
        since = datetime.now(UTC) - timedelta(seconds=2)
        sensor = MailerSendNewSuppressionsSensor(
            suppression_list="hard-bounces",
            since=since.isoformat(),
            at_least=2,
            domain="example.com",
            **OFTEN,
        )
        sandbox.add("hard-bounces", "a@example.net", domain="example.com")
        sandbox.add("hard-bounces", "z@example.net", domain="news.example.com")
        deferral = deferred(sensor)
        sandbox.add("hard-bounces", "b@example.net", domain="example.com")
        found = waited(sensor, deferral)
        ids = [entry["id"] for entry in sandbox.entries("hard-bounces")]
        assert found["count"] == 2
        assert found["ids"] == [ids[0], ids[2]]


def test_a_status_is_waited_for(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    (recipient,) = sandbox.add("sms-recipients", "+15550001111")
    sensor = MailerSendSmsRecipientStatusSensor(sms_recipient_id=recipient["id"], status="opt_out", **OFTEN)
    deferral = deferred(sensor)
    sandbox.set_sms_status(recipient["id"], "opt_out")
    assert waited(sensor, deferral)["status"] == "opt_out"
    assert sensor.execute({})["status"] == "opt_out"


def test_requests_of_the_day_are_waited_for(connect: Connect) -> None:
    with Sandbox(quota=3, quota_window=3.0, rate_limit=None) as sandbox:
        connect(sandbox)
        sensor = MailerSendApiQuotaSensor(at_least=3, **OFTEN)
        assert sensor.execute({})["remaining"] == 3
        MailerSendSuppressionSensor(
            task_id="asks", suppression_list="blocklist", recipient="a@b.com", present=False
        ).execute({})
        assert waited(sensor, deferred(sensor))["remaining"] == 3
    with Sandbox(quota=None) as sandbox:
        connect(sandbox)
        assert MailerSendApiQuotaSensor(at_least=10**6, **OFTEN).execute({})["remaining"] == -1


def used_up(sandbox: Sandbox, **options: Any) -> Callable[[], MailerSendSmsRecipientStatusSensor]:
    """Use up the only request of the day, and return what makes a sensor that opens by its next look."""
    (recipient,) = sandbox.add("sms-recipients", "+15550001111")
    options = {**OFTEN, "sms_recipient_id": recipient["id"], "status": "active", **options}
    MailerSendSmsRecipientStatusSensor(**options).execute({})
    return lambda: MailerSendSmsRecipientStatusSensor(**options)


def test_a_used_up_day_is_slept_over_before_the_first_look(connect: Connect) -> None:
    with Sandbox(quota=1, quota_window=2.0, rate_limit=None) as sandbox:
        connect(sandbox)
        sensor = used_up(sandbox)
        deferral = deferred(sensor())
        assert type(deferral.trigger).__name__ == "MailerSendQuotaResetTrigger"
        assert waited(sensor(), deferral)["number"] == "+15550001111"


def test_the_triggerer_waits_out_a_used_up_day(connect: Connect) -> None:
    with Sandbox(quota=1, quota_window=2.0, rate_limit=None) as sandbox:
        connect(sandbox)
        used_up(sandbox)
        sandbox.add("blocklist", "jane@example.net")
        sensor = MailerSendSuppressionSensor(
            suppression_list="blocklist", recipient="jane@example.net", **OFTEN
        )
        assert waited(sensor, deferred(sensor))["pattern"] == "jane@example.net"


def test_the_time_slept_over_a_used_up_day_counts_towards_the_timeout(connect: Connect) -> None:
    with Sandbox(quota=1, quota_window=2.0, rate_limit=None) as sandbox:
        connect(sandbox)
        sensor = used_up(sandbox, timeout=60)
        asleep = deferred(sensor())
        assert asleep.timeout == timedelta(seconds=60)
        sandbox.set_sms_status(sensor().sms_recipient_id, "opt_out")
        with pytest.raises(TaskDeferred) as awake:
            waited(sensor(), asleep)
        assert timedelta(0) < awake.value.timeout < timedelta(seconds=59)


def test_a_used_up_day_is_slept_over_by_mailersends_clock(connect: Connect) -> None:
    with UnsteadySandbox(quota=1, quota_window=30.0, rate_limit=None, clock_ahead=-3600.0) as sandbox:
        connect(sandbox)
        sleeps = deferred(used_up(sandbox)()).trigger.resets_at - datetime.now(UTC)
        assert timedelta(seconds=15) < sleeps < timedelta(seconds=32)


def test_after_a_used_up_day_it_pokes_where_it_defers_no_longer(connect: Connect) -> None:
    with Sandbox(rate_limit=None) as sandbox:
        connect(sandbox)
        sensor = MailerSendSuppressionSensor(
            task_id="wait",
            suppression_list="blocklist",
            recipient="jane@example.net",
            deferrable=False,
            poke_interval=0.1,
            timeout=1,
        )
        with pytest.raises(AirflowSensorTimeout):
            sensor.resume_execution("resume", {"event": {}}, {})
        assert len(sandbox.log) > 2


@pytest.mark.parametrize(
    ("method", "kwargs"),
    [
        ("resume", {"event": {}}),
        ("execute_complete", {"event": {"status": "error", "message": "No.", "permanent": True}}),
        ("execute_complete", {"event": {"status": "error", "message": "No.", "permanent": False}}),
        ("__fail__", {"error": "Trigger timeout"}),
    ],
)
def test_after_a_deferral_too_it_skips_where_it_is_to_fail_never(
    connect: Connect, sandbox: Sandbox, method: str, kwargs: dict[str, Any]
) -> None:
    connect(sandbox, extra={"max_retries": 0})
    sandbox.fail(Fault(status=503, times=None))
    sensor = MailerSendApiQuotaSensor(at_least=1, never_fail=True, **OFTEN)
    with pytest.raises(AirflowSkipException):
        sensor.resume_execution(method, kwargs, {})


def test_a_connection_that_the_triggerer_does_not_find_is_left_to_a_retry() -> None:
    # As without a deferral: a secrets backend may be down.
    sensor = MailerSendSuppressionSensor(
        suppression_list="blocklist", recipient="jane@example.net", mailersend_conn_id="nowhere", **OFTEN
    )
    with pytest.raises(AirflowException, match="nowhere") as caught:
        waited(sensor, deferred(sensor))
    assert not isinstance(caught.value, AirflowFailException)


def test_more_than_a_whole_day_has_is_not_waited_for(connect: Connect) -> None:
    with Sandbox(quota=1000) as sandbox:
        connect(sandbox)
        with pytest.raises(
            AirflowFailException, match="at_least=1001 is more than a whole day's 1000 requests"
        ):
            MailerSendApiQuotaSensor(at_least=1001, **OFTEN).execute({})


@pytest.mark.parametrize("at_least", [-1, True, "5", None, 0.5])
def test_a_number_that_is_none_fails_when_the_dag_is_parsed(at_least: Any) -> None:
    with pytest.raises(ValueError, match="at_least must be a whole number, at least 1"):
        MailerSendNewSuppressionsSensor(
            suppression_list="blocklist", since="2026-01-01", at_least=at_least, **OFTEN
        )
    with pytest.raises(ValueError, match="at_least must be a whole number"):
        MailerSendApiQuotaSensor(at_least=at_least, **OFTEN)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"since": "None"}, "since must not be empty"),
        ({"since": "soon"}, "ISO 8601"),
    ],
)
def test_what_is_new_needs_a_moment(
    connect: Connect, sandbox: Sandbox, options: dict[str, Any], complaint: str
) -> None:
    connect(sandbox)
    options = {"since": "2026-01-01", **options}
    sensor = MailerSendNewSuppressionsSensor(suppression_list="blocklist", **options, **OFTEN)
    with pytest.raises(AirflowFailException, match=complaint):
        sensor.execute({})


def test_the_trigger_waits_as_the_sensor_would(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox, "other")
    sensor = MailerSendSuppressionSensor(
        task_id="wait",
        suppression_list="blocklist",
        pattern=".*@example.net",
        domain="example.com",
        mailersend_conn_id="other",
        quota_reserve=3,
        deferrable=True,
        poke_interval=timedelta(seconds=30),
        exponential_backoff=True,
        max_wait=timedelta(minutes=5),
        timeout=7200,
    )
    deferral = deferred(sensor)
    assert deferral.timeout == timedelta(hours=2)
    _, kwargs = deferral.trigger.serialize()
    assert sandbox.log == []
    assert kwargs == {
        "asked_at": None,
        "suppression_list": "blocklist",
        "kind": "patterns",
        "value": ".*@example.net",
        # Its trigger resolves it, once for all that share its connection.
        "domain_id": None,
        "domain": "example.com",
        "mailersend_conn_id": "other",
        "quota_reserve": 3,
        "poke_interval": 30.0,
        "exponential_backoff": True,
        "max_wait": 300.0,
    }


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"suppression_list": "unsubscribes", "pattern": ".*"}, "blocklist only, not on unsubscribes"),
        ({"recipient": "jane"}, "recipient must be one address"),
        ({"recipient": "a@b.com", "domain": "a.example", "domain_id": "d"}, "either domain_id or domain"),
        ({"recipient": "a@b.com", "suppression_list": "{{ none }}"}, "suppression_list must be one of"),
    ],
)
def test_arguments_that_are_wrong_are_not_deferred(
    connect: Connect, sandbox: Sandbox, options: dict[str, Any], complaint: str
) -> None:
    connect(sandbox)
    sensor = MailerSendSuppressionSensor(**{"suppression_list": "blocklist", **options, **OFTEN})
    with pytest.raises(AirflowFailException, match=complaint):
        sensor.execute({})
    assert sandbox.log == []


@pytest.mark.parametrize("soft_fail", [False, True])
def test_what_waiting_cannot_mend_ends_the_task(connect: Connect, sandbox: Sandbox, soft_fail: bool) -> None:
    connect(sandbox)
    (recipient,) = sandbox.add("sms-recipients", "+15550001111")
    sensor = MailerSendSmsRecipientStatusSensor(
        sms_recipient_id=recipient["id"], status="opt_out", soft_fail=soft_fail, **OFTEN
    )
    deferral = deferred(sensor)
    sandbox.fail(Fault(path="/sms-recipients/*", status=403, times=None))
    expected = AirflowSkipException if soft_fail else AirflowFailException
    with pytest.raises(expected) as caught:
        waited(sensor, deferral)
    assert soft_fail or "403" in str(caught.value)


@pytest.mark.parametrize("soft_fail", [False, True])
def test_a_timeout_of_the_trigger_fails_or_skips_the_task(soft_fail: bool) -> None:
    sensor = MailerSendApiQuotaSensor(at_least=1, soft_fail=soft_fail, **OFTEN)
    with pytest.raises(AirflowSkipException if soft_fail else AirflowException):
        sensor.resume_execution("__fail__", {"error": "Trigger timeout"}, {})


def test_in_poke_mode_later_looks_read_only_what_is_new(connect: Connect) -> None:
    with Sandbox(blocklist=950, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)
        sensor = MailerSendSuppressionSensor(
            task_id="wait", suppression_list="blocklist", recipient="jane@example.net", deferrable=False
        )
        assert not sensor.poke({})
        assert not sensor.poke({})
        sandbox.add("blocklist", "jane@example.net")
        assert sensor.poke({})
        assert len(sandbox.log) == 20 + 1 + 1


@pytest.mark.parametrize("deferrable", [False, True], ids=["poke", "deferred"])
@pytest.mark.parametrize("ahead", [-10, 0, 10])
def test_what_is_new_is_read_by_the_clock_of_the_api(connect: Connect, ahead: int, deferrable: bool) -> None:
    newest = datetime.now(UTC) + timedelta(minutes=ahead - 7)
    with UnsteadySandbox(
        blocklist=250,
        newest=newest,
        spacing=0.1,
        clock_ahead=60.0 * ahead,
        rate_limit=None,
        quota=None,
    ) as sandbox:
        connect(sandbox)
        sensor = MailerSendSuppressionSensor(
            suppression_list="blocklist",
            recipient="jane@example.net",
            **{**OFTEN, "deferrable": deferrable},
        )

        def add_after(requests: int) -> None:
            while len(sandbox.log) < requests:
                time.sleep(0.01)
            sandbox.add("blocklist", "jane@example.net")

        somebody_else = threading.Thread(target=add_after, args=(2 * 3 + 1,), daemon=True)
        somebody_else.start()
        if deferrable:
            found = waited(sensor, deferred(sensor))
        else:
            while not (looked := sensor.poke({})):
                time.sleep(0.05)
            found = looked.xcom_value
        assert found["pattern"] == "jane@example.net"
        later = [request.query["page"] for request in sandbox.log[2 * 3 :]]
        assert set(later) == {"1"}, "later looks read only what is new"


def test_of_what_is_to_go_later_looks_read_where_it_stood(connect: Connect) -> None:
    with Sandbox(blocklist=550, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)
        last = [entry for entry in sandbox.entries("blocklist") if entry["type"] == "exact"][-1]
        arguments = {
            "suppression_list": "blocklist",
            "recipient": last["pattern"],
            "domain_id": "account",
            "present": False,
        }
        in_poke_mode = MailerSendSuppressionSensor(task_id="poke", deferrable=False, **arguments)
        assert [in_poke_mode.poke({}).is_done for _ in range(3)] == [False] * 3
        assert [request.query["page"] for request in sandbox.log] == ["1", "2", "3", "4", "5", "6", "6", "6"]
        deferral = deferred(MailerSendSuppressionSensor(**OFTEN, **arguments))
        sandbox.remove("blocklist", [last["id"]])
        assert in_poke_mode.poke({}).is_done
        assert waited(MailerSendSuppressionSensor(**OFTEN, **arguments), deferral) is None


@pytest.mark.slow
def test_airflow_says_whether_sensors_are_deferrable() -> None:
    code = (
        "from airflow_provider_mailersend.sensors.quota import MailerSendApiQuotaSensor as Sensor;"
        "print(Sensor(task_id='a', at_least=1).deferrable);"
        "print(Sensor(task_id='b', at_least=1, deferrable=False).deferrable)"
    )
    for default in ("True", "False"):
        environment = {**os.environ, "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": default}
        said = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout.split()[-2:] == [default, "False"]
