"""What the triggers of deferred sensors find, over real HTTP, without a triggerer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_mailersend.sandbox import Sandbox
from airflow_provider_mailersend.triggers.base import MailerSendTrigger
from airflow_provider_mailersend.triggers.mailersend import (
    MailerSendApiQuotaTrigger,
    MailerSendNewSuppressionsTrigger,
    MailerSendSmsRecipientStatusTrigger,
    MailerSendSuppressionAbsenceTrigger,
    MailerSendSuppressionTrigger,
)
from tests.unsteady import UnsteadySandbox

from .waiting import again, first_event, until, waits_for, waits_for_absence

Connect = Callable[..., str]

TRIGGERS: list[Any] = [
    MailerSendSuppressionTrigger(
        suppression_list="blocklist", kind="patterns", value="a", domain="example.com"
    ),
    MailerSendSuppressionAbsenceTrigger(
        suppression_list="unsubscribes", kind="recipients", value="a", domain_id="d"
    ),
    MailerSendNewSuppressionsTrigger(
        suppression_list="hard-bounces", since=datetime.now(UTC).isoformat(), at_least=3
    ),
    MailerSendSmsRecipientStatusTrigger(sms_recipient_id="i", status="active"),
    MailerSendApiQuotaTrigger(at_least=7),
    MailerSendApiQuotaTrigger(
        at_least=7,
        mailersend_conn_id="other",
        quota_reserve=5,
        poke_interval=7.5,
        exponential_backoff=True,
        max_wait=90.0,
    ),
]


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: type(trigger).__name__)
def test_a_trigger_survives_serialization(trigger: MailerSendTrigger) -> None:
    path, kwargs = trigger.serialize()
    assert path == f"{type(trigger).__module__}.{type(trigger).__name__}"
    assert json.loads(json.dumps(kwargs)) == kwargs
    other = type(trigger)(**kwargs)
    assert other.serialize() == trigger.serialize()
    assert other.query_key == trigger.query_key


@pytest.mark.parametrize("suppression_list", ["blocklist", "unsubscribes"])
def test_an_added_address_is_found(connect: Connect, suppression_list: str) -> None:
    with Sandbox(blocklist=950, unsubscribes=950, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)

        async def watch() -> Any:
            trigger = waits_for(" Jane@Example.net", suppression_list=suppression_list)
            event = asyncio.create_task(first_event(trigger))
            await until(lambda: len(sandbox.log) >= 10 + 10 + 2)
            sandbox.add(suppression_list, "jane@example.NET")
            return await event

        event = asyncio.run(watch())
        assert event == {"status": "success", "found": sandbox.entries(suppression_list)[0]}
        pages = [request.query["page"] for request in sandbox.log[20:]]
        assert set(pages) == {"1"}, "what is old is not read again"


def test_an_address_added_before_the_first_look_is_found(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    trigger = waits_for("jane@example.net")
    sandbox.add("blocklist", "jane@example.net", *[f"{number}@example.net" for number in range(250)])
    event = asyncio.run(first_event(again(trigger)))
    assert event["found"]["pattern"] == "jane@example.net"


def test_a_deleted_address_is_noticed(connect: Connect) -> None:
    with Sandbox(blocklist=250, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)
        (jane,) = sandbox.add("blocklist", "jane@example.net")
        sandbox.add("blocklist", *[f"{number}@example.net" for number in range(120)])

        async def watch() -> Any:
            event = asyncio.create_task(first_event(waits_for_absence("Jane@example.net")))
            await until(lambda: len(sandbox.log) >= 4)
            assert [request.query["page"] for request in sandbox.log[:4]] == ["1", "2", "2", "2"]
            sandbox.remove("blocklist", [jane["id"]])
            return await event

        assert asyncio.run(watch()) == {"status": "success", "found": None}


def test_absence_is_not_found_on_a_list_whose_order_keeps_varying(connect: Connect) -> None:
    with UnsteadySandbox(rate_limit=None, quota=None, shuffle_ties=True) as sandbox:
        connect(sandbox)
        sandbox.add("blocklist", *[f"{number}@example.net" for number in range(1000)])

        async def watch() -> bool:
            event = asyncio.create_task(first_event(waits_for_absence("gone@example.net")))
            # One look reads the ten pages three times.
            await until(lambda: len(sandbox.log) >= 70 or event.done())
            was_found = event.done()
            event.cancel()
            return was_found

        assert not asyncio.run(watch())


def test_new_entries_are_counted(connect: Connect) -> None:
    with Sandbox(hard_bounces=300, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)

        async def watch() -> Any:
            # Entries are dated in whole seconds.
            since = datetime.now(UTC).replace(microsecond=0).isoformat()
            trigger = MailerSendNewSuppressionsTrigger(
                suppression_list="hard-bounces", since=since, at_least=3, poke_interval=0.2
            )
            event = asyncio.create_task(first_event(trigger))
            sandbox.add("hard-bounces", "a@example.net", "b@example.net", domain="example.com")
            seen = len(sandbox.log)
            await until(lambda: len(sandbox.log) >= seen + 3)
            assert not event.done()
            sandbox.add("hard-bounces", "c@example.net", domain="example.com")
            return await event

        found = asyncio.run(watch())["found"]
        newest = sandbox.entries("hard-bounces")[:3]
        assert found["count"] == 3
        assert found["ids"] == [entry["id"] for entry in newest]
        assert datetime.fromisoformat(found["newest"]) == datetime.fromisoformat(newest[0]["created_at"])


def test_a_status_and_a_quota_are_found(connect: Connect) -> None:
    with Sandbox(quota=2, quota_window=2.0, rate_limit=None) as sandbox:
        connect(sandbox)
        (recipient,) = sandbox.add("sms-recipients", "+15550001111")

        async def watch() -> list[Any]:
            status = MailerSendSmsRecipientStatusTrigger(
                sms_recipient_id=recipient["id"], status="active", poke_interval=0.1
            )
            first = await first_event(status)
            await first_event(again(status))
            quota = MailerSendApiQuotaTrigger(at_least=2, poke_interval=0.2)
            return [first, await first_event(quota)]

        status, quota = asyncio.run(watch())
        assert status["found"]["number"] == "+15550001111"
        assert quota["found"]["remaining"] == 2


def test_the_repr_masks_the_address() -> None:
    shown = repr(waits_for("jane@example.net"))
    assert "***@example.net" in shown
    assert "jane" not in shown
