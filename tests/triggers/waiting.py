"""Makes triggers, and runs them in an event loop as the triggerer does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from airflow_provider_mailersend.jobs.packed import unpacked_json
from airflow_provider_mailersend.triggers.mailersend import (
    MailerSendSuppressionAbsenceTrigger,
    MailerSendSuppressionTrigger,
)

_OPTIONS: dict[str, Any] = {"suppression_list": "blocklist", "kind": "recipients", "poke_interval": 0.2}


def waits_for(value: str, **options: Any) -> MailerSendSuppressionTrigger:
    """Return a trigger that waits for an address on the blocklist, looking often."""
    return MailerSendSuppressionTrigger(value=value, **{**_OPTIONS, **options})


def waits_for_absence(value: str, **options: Any) -> MailerSendSuppressionAbsenceTrigger:
    """Return a trigger that waits for an address to leave the blocklist, looking often."""
    return MailerSendSuppressionAbsenceTrigger(value=value, **{**_OPTIONS, **options})


async def first_event(trigger: Any) -> Any:
    """Return the payload of a trigger's first event, with what it found unpacked."""
    async with asyncio.timeout(60.0):
        async for event in trigger.run():
            payload = dict(event.payload)
            if "found" in payload:
                assert "@" not in repr(event), "the triggerer logs it"
                assert "+1555" not in repr(event), "the triggerer logs it"
                payload["found"] = unpacked_json(payload["found"])
                # tests/sensors/test_status_lines.py reads it where a sensor logs it.
                del payload["outcome"]
            return payload
    return None


def again(trigger: Any) -> Any:
    """Return the trigger that another triggerer makes of this one."""
    _, kwargs = trigger.serialize()
    return type(trigger)(**kwargs)


async def until(condition: Callable[..., bool], seconds: float = 20.0) -> None:
    """Wait until *condition* holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
