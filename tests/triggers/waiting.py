"""Runs triggers in an event loop, as the triggerer does."""

from __future__ import annotations

import asyncio
from typing import Any

from airflow_provider_mailersend.jobs.packed import unpacked_json


async def first_event(trigger: Any) -> Any:
    """Return the payload of a trigger's first event, what it found unpacked."""
    async with asyncio.timeout(60.0):
        async for event in trigger.run():
            payload = dict(event.payload)
            if "found" in payload:
                assert "@" not in repr(event), "the triggerer logs it"
                assert "+1555" not in repr(event), "the triggerer logs it"
                payload["found"] = unpacked_json(payload["found"])
            return payload
    return None


def again(trigger: Any) -> Any:
    """Return the trigger that another triggerer makes of this one."""
    _, kwargs = trigger.serialize()
    return type(trigger)(**kwargs)


async def until(condition: Any, seconds: float = 20.0) -> None:
    """Wait until *condition* holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
