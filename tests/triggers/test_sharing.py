"""Triggers in one process share requests and hooks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from airflow_provider_mailersend.sandbox import Fault, Sandbox
from airflow_provider_mailersend.triggers import polls
from airflow_provider_mailersend.triggers.mailersend import (
    MailerSendNewSuppressionsTrigger,
    MailerSendSmsRecipientStatusTrigger,
)

from .waiting import first_event, until, waits_for, waits_for_absence

Connect = Callable[..., str]


def test_equal_queries_share_requests(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)

    async def watch() -> None:
        events = [
            asyncio.create_task(first_event(waits_for(f"{number}@example.net", poke_interval=0.5)))
            for number in range(200)
        ]
        await until(lambda: len(sandbox.log) >= 4)
        sandbox.add("blocklist", *[f"{number}@example.net" for number in range(200)])
        assert {event["status"] for event in await asyncio.gather(*events)} == {"success"}

    asyncio.run(watch())
    assert len(sandbox.log) <= 4 + 1 + 2, "the last reading takes two pages more"
    assert not polls.polls


def test_other_connections_domains_and_reserves_send_their_own_requests(
    connect: Connect, sandbox: Sandbox
) -> None:
    connect(sandbox)
    connect(sandbox, "other")
    sandbox.add("blocklist", "jane@example.net", domain="example.com")

    async def watch() -> list[Any]:
        triggers = [
            waits_for("jane@example.net"),
            waits_for("jane@example.net", mailersend_conn_id="other"),
            waits_for("jane@example.net", domain_id=sandbox.domain_id("example.com")),
            waits_for("jane@example.net", quota_reserve=1),
        ]
        return await asyncio.gather(*[first_event(trigger) for trigger in triggers])

    assert len(asyncio.run(watch())) == 4
    assert len(sandbox.requests("GET", "/suppressions/blocklist")) == 4


def test_who_begins_once_the_connection_was_changed_looks_there(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    with Sandbox(rate_limit=None, quota=None) as other:
        other.add("blocklist", "jane@example.net")

        async def watch() -> list[Any]:
            # A watcher keeps the hook of its connection for ever.
            watcher = asyncio.create_task(first_event(waits_for("never@example.net")))
            await until(lambda: len(sandbox.log) >= 2)
            connect(other)
            gone = asyncio.create_task(first_event(waits_for_absence("jane@example.net")))
            await until(lambda: len(other.log) >= 2)
            assert not gone.done()
            there = await first_event(waits_for("jane@example.net"))
            assert len(polls.hooks) == 2
            connect(other, conn_type="")
            refused = await first_event(waits_for("jane@example.net"))
            for waiting in (watcher, gone):
                waiting.cancel()
            await asyncio.gather(watcher, gone, return_exceptions=True)
            return [there["status"], refused["status"]]

        assert asyncio.run(watch()) == ["success", "error"]
    assert not polls.hooks


def test_all_triggers_on_one_connection_keep_to_its_rate_limit(connect: Connect) -> None:
    with Sandbox(rate_limit=20, rate_window=1.0, quota=None, sms_recipients=50) as sandbox:
        connect(sandbox, extra={"rate_limit_window": 1.0})
        ids = [one["id"] for one in sandbox.entries("sms-recipients")]

        async def watch() -> None:
            triggers = [
                MailerSendSmsRecipientStatusTrigger(sms_recipient_id=id_, status="blocked", poke_interval=0.5)
                for id_ in ids
            ]
            waiting = [asyncio.create_task(first_event(trigger)) for trigger in triggers]
            await until(lambda: sum(request.status == 200 for request in sandbox.log) >= 60)
            assert len(polls.hooks) == 1
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

        asyncio.run(watch())
        statuses = [request.status for request in sandbox.log]
        assert statuses.count(200) >= 60
        assert statuses.count(429) <= 15
        assert not polls.polls
        assert not polls.hooks


def test_reading_a_long_list_does_not_block_other_triggers(connect: Connect) -> None:
    with Sandbox(blocklist=6000, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)
        (recipient,) = sandbox.add("sms-recipients", "+15550001111")
        last = sandbox.entries("blocklist")[-1]["pattern"]
        sandbox.fail(Fault(path="/suppressions/*", delay=0.1, times=None))

        async def watch() -> None:
            long = asyncio.create_task(first_event(waits_for_absence(last, poke_interval=0.0)))
            await until(lambda: bool(sandbox.log))
            short = MailerSendSmsRecipientStatusTrigger(
                sms_recipient_id=recipient["id"], status="active", poke_interval=0.0
            )
            assert (await first_event(short))["status"] == "success"
            assert len(sandbox.requests("GET", "/suppressions/*")) < 30
            long.cancel()
            await asyncio.gather(long, return_exceptions=True)

        asyncio.run(watch())
        assert not polls.hooks


def test_a_rare_look_far_back_does_not_make_the_others_read_far_back(connect: Connect) -> None:
    with Sandbox(blocklist=950, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)

        async def watch() -> Any:
            seldom = MailerSendNewSuppressionsTrigger(
                suppression_list="blocklist",
                since="2000-01-01T00:00:00+00:00",
                at_least=5_000,
                poke_interval=3600,
            )
            far_back = asyncio.create_task(first_event(seldom))
            await until(lambda: len(sandbox.log) >= 10)
            await asyncio.sleep(0.2)
            event = asyncio.create_task(first_event(waits_for("jane@example.net")))
            await until(lambda: len(sandbox.log) >= 10 + 20 + 3)
            sandbox.add("blocklist", "jane@example.net")
            found = await event
            far_back.cancel()
            await asyncio.gather(far_back, return_exceptions=True)
            return found

        assert asyncio.run(watch())["status"] == "success"
        assert {request.query["page"] for request in sandbox.log[30:]} == {"1"}


def test_each_absence_trigger_gets_the_answer_for_its_own_entry(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "here@example.net")

    async def watch() -> list[Any]:
        here = waits_for_absence("here@example.net", poke_interval=30.0)
        gone = waits_for_absence("gone@example.net", poke_interval=0.1)
        waiting = asyncio.create_task(first_event(here))
        told = await first_event(gone)
        await asyncio.sleep(0.2)
        is_done = waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return [told["status"], is_done]

    assert asyncio.run(watch()) == ["success", False]


def test_a_cancelled_trigger_leaves_the_others_waiting(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)

    async def watch() -> Any:
        event, cancelled = (
            asyncio.create_task(first_event(waits_for(f"{number}@example.net"))) for number in range(2)
        )
        await until(lambda: len(sandbox.log) >= 1)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        sandbox.add("blocklist", "0@example.net")
        return await event

    assert asyncio.run(watch())["status"] == "success"
    assert not polls.polls


def test_nothing_is_left_after_the_last_trigger(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)

    async def watch() -> None:
        for _ in range(3):
            events = [asyncio.create_task(first_event(waits_for("a@example.net"))) for _ in range(20)]
            seen = len(sandbox.log)
            await until(lambda seen=seen: len(sandbox.log) > seen)
            for event in events:
                event.cancel()
            await asyncio.gather(*events, return_exceptions=True)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(watch())
    assert not polls.polls


def test_twenty_triggers_started_one_after_another_cost_as_much_as_one(connect: Connect) -> None:
    async def requests_of(addresses: list[str], sandbox: Sandbox) -> int:
        events = []
        for address in addresses:
            events.append(asyncio.create_task(first_event(waits_for(address, poke_interval=1.0))))
            await asyncio.sleep(0.05)
        await until(lambda: len(sandbox.log) >= 60)
        await asyncio.sleep(0.3)
        sandbox.add("blocklist", *addresses)
        assert {event["status"] for event in await asyncio.gather(*events)} == {"success"}
        return len(sandbox.log)

    found = []
    for count in (1, 20):
        with Sandbox(blocklist=3000, rate_limit=None, quota=None) as sandbox:
            connect(sandbox)
            addresses = [f"{number}@example.net" for number in range(count)]
            found.append(asyncio.run(requests_of(addresses, sandbox)))
    one, twenty = found
    assert twenty <= 1.05 * one, found


def test_the_first_look_for_the_absence_of_a_known_entry_sends_no_request(connect: Connect) -> None:
    with Sandbox(blocklist=3000, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)
        exact = [entry for entry in sandbox.entries("blocklist") if entry["type"] == "exact"]
        # The deepest first: all of the list is read for it.
        chosen = [exact[-1], *exact[10:-110:150]]

        async def watch() -> list[Any]:
            def begin(entry: dict[str, Any]) -> asyncio.Task[Any]:
                return asyncio.create_task(
                    first_event(waits_for_absence(entry["pattern"], poke_interval=2.0))
                )

            events = [begin(chosen[0])]
            await until(lambda: len(sandbox.log) >= 30)
            await asyncio.sleep(0.1)
            events += [begin(entry) for entry in chosen[1:]]
            await asyncio.sleep(0.5)
            assert len(sandbox.log) == 30
            assert not any(event.done() for event in events)
            patterns = {entry["pattern"].lower() for entry in chosen}
            gone = [entry["id"] for entry in exact if entry["pattern"].lower() in patterns]
            sandbox.remove("blocklist", gone)
            return await asyncio.gather(*events)

        assert asyncio.run(watch()) == [{"status": "success", "found": None}] * len(chosen)
