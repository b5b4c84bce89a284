"""The trigger that waits for the daily quota to reset."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_provider_mailersend.triggers.mailersend import MailerSendQuotaResetTrigger
from tests.operators.deferrals import (
    restored,
)


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


def test_a_moment_that_is_past_fires_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: pytest.fail("it sleeps"))
    event = first_event(MailerSendQuotaResetTrigger("2020-01-01T00:00:00+00:00"))
    assert event.payload == {"resets_at": "2020-01-01T00:00:00+00:00"}


@pytest.mark.parametrize("moment", [datetime(2030, 1, 1), "2030-01-01T00:00:00"], ids=str)
def test_a_moment_without_a_zone_is_refused(moment: datetime | str) -> None:
    with pytest.raises(ValueError, match="resets_at must have a time zone"):
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
