"""What sensors log while they wait, in the worker and in the triggerer, over real HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from airflow_provider_mailersend.hooks import progress
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from airflow_provider_mailersend.sensors.quota import MailerSendApiQuotaSensor
from airflow_provider_mailersend.sensors.sms_recipients import MailerSendSmsRecipientStatusSensor
from airflow_provider_mailersend.sensors.suppressions import (
    MailerSendNewSuppressionsSensor,
    MailerSendSuppressionSensor,
)
from airflow_provider_mailersend.task import MailerSendSuppressionListTask
from airflow_provider_mailersend.triggers.mailersend import MailerSendNewSuppressionsTrigger

Connect = Callable[..., str]
Logged = Callable[[], str]


@pytest.mark.parametrize(
    ("make", "expected", "wanted"),
    [
        (
            lambda **options: MailerSendSuppressionSensor(
                suppression_list="blocklist", recipient="jane@example.net", **options
            ),
            "blocklist (account-wide): j***@example.net not there yet",
            "blocklist: waiting for j***@example.net to be there",
        ),
        (
            lambda **options: MailerSendSuppressionSensor(
                suppression_list="blocklist",
                recipient="joe@example.net",
                present=False,
                domain="example.com",
                **options,
            ),
            "blocklist (domain example.com): j***@example.net still there",
            "blocklist (domain example.com): waiting for j***@example.net to be gone",
        ),
        (
            lambda **options: MailerSendNewSuppressionsSensor(
                suppression_list="hard-bounces", since="2026-01-01", at_least=50, **options
            ),
            "hard-bounces (account-wide): 3 of 50 new since 2026-01-01 00:00:00+00:00",
            "hard-bounces: waiting for 50 new since 2026-01-01 00:00:00+00:00",
        ),
        (
            lambda **options: MailerSendApiQuotaSensor(at_least=1000, **options),
            "daily quota: 997 requests left of the 1,000 waited for",
            None,
        ),
    ],
)
@pytest.mark.parametrize("deferrable", [False, True], ids=["poke", "deferred"])
def test_a_sensor_says_what_it_waits_for_and_how_far_it_is(
    connect: Connect,
    logged: Logged,
    make: Callable[..., Any],
    expected: str,
    wanted: str | None,
    deferrable: bool,
) -> None:
    with Sandbox(quota=1000, rate_limit=None) as sandbox:
        connect(sandbox)
        sandbox.add("blocklist", "joe@example.net", domain="example.com")
        sandbox.add("hard-bounces", "a@example.net", "b@example.net", "c@example.net")
        for _ in range(3):
            MailerSendSuppressionSensor(
                task_id="asks", suppression_list="on-hold-list", recipient="a@b.com", present=False
            ).poke({})
        logged()
        sensor = make(task_id="wait", poke_interval=75, deferrable=deferrable)
        if deferrable:
            with pytest.raises(TaskDeferred):
                sensor.execute({})
            first = f"{wanted}; the triggerer checks now, then every 75 s"
            told = first if wanted else f"{expected}; next check in 75 s by the triggerer"
            assert f"{told}; connection 'mailersend_default'." in logged()
        else:
            assert not sensor.poke({})
            assert (
                f"{expected}; next check in 75 s; checks that find no change aren't logged; "
                "connection 'mailersend_default'."
            ) in logged()
            assert not sensor.poke({})
            assert "next check" not in logged()


def test_a_sensor_that_defers_at_once_reads_no_connection(logged: Logged) -> None:
    sensor = MailerSendSuppressionSensor(
        task_id="wait",
        suppression_list="blocklist",
        recipient="jane@example.net",
        domain_id="account",
        mailersend_conn_id="only_the_triggerer_has_it",
        deferrable=True,
    )
    with pytest.raises(TaskDeferred):
        sensor.execute({})
    assert (
        "blocklist (account-wide): waiting for j***@example.net to be there; the triggerer checks now, then every "
        "60 s; connection 'only_the_triggerer_has_it'."
    ) in logged()


def test_the_state_of_an_sms_recipient_is_told(connect: Connect, sandbox: Sandbox, logged: Logged) -> None:
    connect(sandbox)
    (one,) = sandbox.add("sms-recipients", "+15550001111")
    sensor = MailerSendSmsRecipientStatusSensor(task_id="wait", sms_recipient_id=one["id"], status="opt_out")
    assert not sensor.poke({})
    said = logged()
    assert f"SMS recipient {one['id']}: active, not opt_out yet; next check in 60 s" in said
    assert "+1555" not in said


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (
            lambda **options: MailerSendSuppressionSensor(
                suppression_list="blocklist", recipient="joe@example.net", domain="example.com", **options
            ),
            "blocklist (domain example.com): j***@example.net is there",
        ),
        (
            lambda **options: MailerSendSuppressionSensor(
                suppression_list="blocklist", recipient="jane@example.net", present=False, **options
            ),
            "blocklist (domain {domain_id}): j***@example.net is gone",
        ),
        (
            lambda **options: MailerSendNewSuppressionsSensor(
                suppression_list="hard-bounces",
                since="2026-01-01",
                at_least=2,
                domain_id="account",
                **options,
            ),
            "hard-bounces (account-wide): 3 new since 2026-01-01 00:00:00+00:00",
        ),
        (
            lambda **options: MailerSendSmsRecipientStatusSensor(
                sms_recipient_id="{sms_id}", status="active", **options
            ),
            "SMS recipient {sms_id}: active",
        ),
    ],
    ids=["there", "gone", "new", "status"],
)
@pytest.mark.parametrize("deferrable", [False, True], ids=["poke", "deferred"])
def test_at_its_end_a_sensor_says_what_it_found(
    connect: Connect, logged: Logged, make: Callable[..., Any], expected: str, deferrable: bool
) -> None:
    with Sandbox(quota=1000, rate_limit=None) as sandbox:
        domain_id = sandbox.domain_id("example.com")
        connect(sandbox, "marketing", extra={"domain_id": domain_id})
        sandbox.add("blocklist", "joe@example.net", domain="example.com")
        sandbox.add("hard-bounces", "a@example.net", "b@example.net", "c@example.net")
        (sms,) = sandbox.add("sms-recipients", "+15550001111")
        sensor = make(task_id="wait", mailersend_conn_id="marketing", deferrable=deferrable)
        if isinstance(sensor, MailerSendSmsRecipientStatusSensor):
            sensor.sms_recipient_id = sms["id"]
        finish(sensor)
        said = logged()
        requests = len(sandbox.log)
    expected = expected.format(domain_id=domain_id, sms_id=sms["id"])
    plural = "" if requests == 1 else "s"
    cost = f"{requests} request{plural}, {1000 - requests} of the daily quota left; "
    at_end = [line for line in said.splitlines() if expected in line]
    assert len(at_end) == 1
    # An SMS recipient's sensor has looked itself before it would defer.
    cost = "" if deferrable and isinstance(sensor, MailerSendSuppressionListTask) else cost
    assert f"{expected}; {cost}connection 'marketing'." in at_end[0]
    assert "joe@" not in said
    assert "+1555" not in said


@pytest.mark.parametrize(("quota", "told"), [(1000, "1,000 requests left"), (None, "unlimited")])
def test_the_quota_sensor_says_what_is_left(
    connect: Connect, logged: Logged, quota: int | None, told: str
) -> None:
    with Sandbox(quota=quota, rate_limit=None) as sandbox:
        connect(sandbox)
        assert MailerSendApiQuotaSensor(task_id="wait", at_least=500).poke({})
    assert f"daily quota: {told}; 1 request" in logged()


def finish(sensor: Any) -> None:
    """Run *sensor* as a worker does, and if it defers, its trigger as the triggerer does."""
    try:
        sensor.execute({})
    except TaskDeferred as deferral:
        event = asyncio.run(anext(aiter(deferral.trigger.run())))
        sensor.resume_execution(deferral.method_name, {"event": event.payload}, {})


def test_a_change_is_told(connect: Connect, sandbox: Sandbox, logged: Logged) -> None:
    connect(sandbox)
    sensor = MailerSendNewSuppressionsSensor(
        task_id="wait",
        suppression_list="hard-bounces",
        since="2026-01-01",
        at_least=5,
        exponential_backoff=True,
    )
    told = []
    for address in ("a@example.net", None, "b@example.net"):
        if address:
            sandbox.add("hard-bounces", address)
        assert not sensor.poke({})
        told.append([line for line in logged().splitlines() if "next check in" in line])
    assert [len(lines) for lines in told] == [1, 0, 1]
    next_check = "new since 2026-01-01 00:00:00+00:00; next check in 60 s or more"
    assert f"hard-bounces (account-wide): 1 of 5 {next_check}" in told[0][0]
    assert f"hard-bounces (account-wide): 2 of 5 {next_check}; connection 'mailersend_default'." in told[2][0]


def test_the_triggerer_logs_what_changes_and_nothing_else(
    connect: Connect, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    domain_id = sandbox.domain_id("example.com")
    connect(sandbox, extra={"domain_id": domain_id})
    since = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    sensor = MailerSendNewSuppressionsSensor(
        task_id="wait",
        suppression_list="hard-bounces",
        since=since,
        at_least=3,
        deferrable=True,
        poke_interval=0.1,
    )
    sandbox.add("hard-bounces", "a@example.net", domain="example.com")
    with pytest.raises(TaskDeferred) as deferral:
        sensor.execute({})
    trigger = deferral.value.trigger

    async def looked(times: int) -> None:
        before = len(sandbox.log)
        while len(sandbox.log) < before + times:
            await asyncio.sleep(0.02)

    async def wait() -> list[Any]:
        async with asyncio.timeout(30):
            waiting = asyncio.create_task(anext(aiter(trigger.run())))
            await looked(4)
            sandbox.add("hard-bounces", "b@example.net", domain="example.com")
            await looked(4)
            sandbox.add("hard-bounces", "c@example.net", domain="example.com")
            return [await waiting]

    assert asyncio.run(wait())[0].payload["status"] == "success"
    told = [message for message in caplog.messages if message.startswith("hard-bounces (domain ")]
    assert [message.partition(" of")[0] for message in told] == [
        f"hard-bounces (domain {domain_id}): 1",
        f"hard-bounces (domain {domain_id}): 2",
    ]
    assert all(message.endswith("; next check in 0 s; connection 'mailersend_default'.") for message in told)
    assert [message for message in caplog.messages if " done" in message] == []


def test_what_many_wait_for_is_logged_as_nobodys_own(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of the shared reading must not go to the log of the task that happened to ask first."""
    whose: ContextVar[str] = ContextVar("whose", default="the triggerer's")
    lines: list[tuple[str, str]] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append((record.getMessage(), whose.get()))

    monkeypatch.setattr(progress, "INTERVAL", 0.1)
    handler = Collect()
    root = logging.getLogger()
    root.addHandler(handler)
    monkeypatch.setattr(root, "level", logging.INFO)
    try:
        with Sandbox(hard_bounces=500, rate_limit=None) as sandbox:
            connect(sandbox)
            sandbox.fail(Fault(delay=0.15, times=None))
            since = datetime(2020, 1, 1, tzinfo=UTC).isoformat()

            async def wait_for(number: int) -> None:
                whose.set(f"task {number}'s")
                trigger = MailerSendNewSuppressionsTrigger(
                    suppression_list="hard-bounces", since=since, at_least=10_000, poke_interval=0.1
                )
                async for _ in trigger.run():
                    return

            async def wait() -> None:
                tasks = [asyncio.create_task(wait_for(number)) for number in range(2)]
                while sum(line.startswith("hard-bounces (account-wide): ") for line, _ in lines) < 2:
                    await asyncio.sleep(0.05)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

            async def bounded() -> None:
                async with asyncio.timeout(30):
                    await wait()

            asyncio.run(bounded())
    finally:
        root.removeHandler(handler)
    own = sorted(owner for line, owner in lines if line.startswith("hard-bounces (account-wide): "))
    assert own == ["task 0's", "task 1's"]
    # On Airflow 3 hooks do not log by way of logging, and this cannot tell.
    of_reading = {owner for line, owner in lines if " done; " in line}
    assert of_reading == (set() if AIRFLOW_V_3_0_PLUS else {"the triggerer's"})
