"""How often triggers ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_mailersend.sandbox import Sandbox

from .waiting import again, first_event, until, waits_for

Connect = Callable[..., str]


def test_the_interval_doubles_up_to_max_wait() -> None:
    trigger = waits_for("a", poke_interval=4.0, exponential_backoff=True, max_wait=20.0)
    delays = [delay for delay, _ in zip(trigger.delays(), range(6), strict=False)]
    for delay, least in zip(delays, (2, 4, 8, 16, 20, 20), strict=True):
        assert min(least, 20) <= delay <= min(2 * least, 20)


def test_the_first_interval_begins_when_the_sensor_asked(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "jane@example.net")
    trigger = again(waits_for("jane@example.net", poke_interval=600, asked_at=time.time() - 601))
    assert asyncio.run(first_event(trigger))["status"] == "success"


@pytest.mark.parametrize("major", [2, 3])
def test_with_backoff_the_last_look_is_before_the_timeout(
    connect: Connect, sandbox: Sandbox, major: int
) -> None:
    connect(sandbox)
    trigger: Any = waits_for("jane@example.net", poke_interval=600, exponential_backoff=True)
    timeout = datetime.now(UTC) + timedelta(seconds=7)
    # As Airflow's triggerer sets it.
    if major == 2:
        trigger.task_instance = SimpleNamespace(task_id="wait", trigger_timeout=timeout.replace(tzinfo=None))
    else:
        trigger.timeout_after = timeout

    async def watch() -> Any:
        event = asyncio.create_task(first_event(trigger))
        await until(lambda: len(sandbox.log) >= 1)
        sandbox.add("blocklist", "jane@example.net")
        async with asyncio.timeout(10.0):
            return await event

    assert asyncio.run(watch())["status"] == "success"
    assert datetime.now(UTC) < timeout


def test_early_answers_to_others_do_not_lengthen_the_interval(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)

    async def watch() -> Any:
        busy = asyncio.create_task(first_event(waits_for("never@example.net", poke_interval=0.02)))
        patient = waits_for("jane@example.net", poke_interval=1, exponential_backoff=True)
        event = asyncio.create_task(first_event(patient))
        await until(lambda: len(sandbox.log) > 40)
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
        sandbox.add("blocklist", "jane@example.net")
        return await event

    assert asyncio.run(watch())["found"]["pattern"] == "jane@example.net"
