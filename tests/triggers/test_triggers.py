"""The triggers that deferred sensors wait by, over real HTTP, without a triggerer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_mailersend.exceptions import MailerSendAuthenticationError
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from airflow_provider_mailersend.triggers import polls
from airflow_provider_mailersend.triggers.base import MailerSendTrigger
from airflow_provider_mailersend.triggers.mailersend import (
    MailerSendApiQuotaTrigger,
    MailerSendNewSuppressionsTrigger,
    MailerSendSmsRecipientStatusTrigger,
    MailerSendSuppressionAbsenceTrigger,
    MailerSendSuppressionTrigger,
)
from airflow_provider_mailersend.triggers.polls import Query

from .waiting import again, first_event, until

Connect = Callable[..., str]

NOW = datetime.now(UTC).isoformat()


def waits_for(value: str, **options: Any) -> MailerSendSuppressionTrigger:
    options = {"suppression_list": "blocklist", "kind": "recipients", "poke_interval": 0.2, **options}
    return MailerSendSuppressionTrigger(value=value, **options)


TRIGGERS: list[Any] = [
    MailerSendSuppressionTrigger(
        suppression_list="blocklist", kind="patterns", value="a", domain="example.com"
    ),
    MailerSendSuppressionAbsenceTrigger(
        suppression_list="unsubscribes", kind="recipients", value="a", domain_id="d"
    ),
    MailerSendNewSuppressionsTrigger(suppression_list="hard-bounces", since=NOW, at_least=3),
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
def test_another_triggerer_makes_the_same_of_what_is_serialized(trigger: MailerSendTrigger) -> None:
    path, kwargs = trigger.serialize()
    assert path == f"{type(trigger).__module__}.{type(trigger).__name__}"
    assert json.loads(json.dumps(kwargs)) == kwargs
    other = type(trigger)(**kwargs)
    assert other.serialize() == trigger.serialize()
    assert other.query_key == trigger.query_key


@pytest.mark.parametrize("suppression_list", ["blocklist", "unsubscribes"])
def test_it_sees_an_address_that_is_added(connect: Connect, suppression_list: str) -> None:
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


def test_it_sees_what_was_added_while_nobody_watched(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    trigger = waits_for("jane@example.net")
    sandbox.add("blocklist", "jane@example.net", *[f"{number}@example.net" for number in range(250)])
    event = asyncio.run(first_event(again(trigger)))
    assert event["found"]["pattern"] == "jane@example.net"


def test_it_sees_an_address_go(connect: Connect) -> None:
    with Sandbox(blocklist=250, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)
        (jane,) = sandbox.add("blocklist", "jane@example.net")
        sandbox.add("blocklist", *[f"{number}@example.net" for number in range(120)])

        async def watch() -> Any:
            options = {"suppression_list": "blocklist", "kind": "recipients", "poke_interval": 0.2}
            trigger = MailerSendSuppressionAbsenceTrigger(value="Jane@example.net", **options)
            event = asyncio.create_task(first_event(trigger))
            await until(lambda: len(sandbox.log) >= 4)
            assert [request.query["page"] for request in sandbox.log[:4]] == ["1", "2", "2", "2"]
            sandbox.remove("blocklist", [jane["id"]])
            return await event

        assert asyncio.run(watch()) == {"status": "success", "found": None}


def test_it_counts_what_is_new(connect: Connect) -> None:
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


def test_it_sees_a_status_and_a_quota(connect: Connect) -> None:
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


def test_a_fault_that_passes_is_waited_out(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox, extra={"max_retries": 0})
    sandbox.fail(Fault(method="GET", status=503, times=2))
    sandbox.fail(Fault(method="GET", cut="after", times=1))
    sandbox.add("blocklist", "jane@example.net")
    event = asyncio.run(first_event(waits_for("jane@example.net")))
    assert event["status"] == "success"
    assert len(sandbox.log) == 4


def test_a_used_up_quota_is_waited_out(connect: Connect) -> None:
    with Sandbox(quota=1, quota_window=2.0, rate_limit=None) as sandbox:
        connect(sandbox)
        asyncio.run(
            first_event(
                MailerSendNewSuppressionsTrigger(
                    suppression_list="blocklist", since=NOW, at_least=0, poke_interval=0.01
                )
            )
        )
        sandbox.add("blocklist", "jane@example.net")
        assert asyncio.run(first_event(waits_for("jane@example.net")))["status"] == "success"
        assert len(sandbox.log) <= 4


@pytest.mark.parametrize(
    ("trigger", "complaint"),
    [
        (
            MailerSendSmsRecipientStatusTrigger(sms_recipient_id="abc", status="active", poke_interval=0),
            "of this id",
        ),
        (
            MailerSendSuppressionAbsenceTrigger(
                suppression_list="blocklist", kind="recipients", value="a@x", domain_id="no", poke_interval=0
            ),
            "domain id is invalid",
        ),
        (
            MailerSendSuppressionAbsenceTrigger(
                suppression_list="blocklist",
                kind="recipients",
                value="a@x",
                domain="no.example",
                poke_interval=0,
            ),
            "has no domain 'no.example'",
        ),
    ],
    ids=["id", "domain id", "domain"],
)
def test_what_waiting_cannot_mend_ends_it_with_its_message(
    connect: Connect, sandbox: Sandbox, trigger: Any, complaint: str
) -> None:
    connect(sandbox)
    event = asyncio.run(first_event(trigger))
    assert event["status"] == "error"
    assert complaint in event["message"]


def test_a_connection_that_is_not_there_ends_all_who_wait() -> None:
    async def watch() -> list[Any]:
        triggers = [waits_for("a", mailersend_conn_id="nowhere") for _ in range(3)]
        return await asyncio.gather(*[first_event(trigger) for trigger in triggers])

    for event in asyncio.run(watch()):
        assert event["status"] == "error"
        assert "nowhere" in event["message"]


def test_the_interval_doubles_up_to_the_longest_wait(connect: Connect) -> None:
    trigger = waits_for("a", poke_interval=4.0, exponential_backoff=True, max_wait=20.0)
    delays = [delay for delay, _ in zip(trigger.delays(), range(6), strict=False)]
    for delay, least in zip(delays, (2, 4, 8, 16, 20, 20), strict=True):
        assert min(least, 20) <= delay <= min(2 * least, 20)


def test_triggers_that_ask_the_same_share_their_requests(connect: Connect, sandbox: Sandbox) -> None:
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


def test_other_lists_connections_and_domains_are_asked_for_themselves(
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


def test_what_is_asked_of_one_connection_keeps_to_its_limit(connect: Connect) -> None:
    with Sandbox(rate_limit=20, rate_window=1.0, quota=None, sms_recipients=50) as sandbox:
        connect(sandbox, extra={"rate_limit_window": 1.0})
        ids = [one["id"] for one in sandbox.entries("sms-recipients")]

        async def watch() -> None:
            triggers = [
                MailerSendSmsRecipientStatusTrigger(sms_recipient_id=id_, status="blocked", poke_interval=0.5)
                for id_ in ids
            ]
            waiting = [asyncio.create_task(first_event(trigger)) for trigger in triggers]
            await asyncio.sleep(4)
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


def test_who_reads_a_long_list_does_not_hold_up_the_others(connect: Connect) -> None:
    with Sandbox(blocklist=6000, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)
        (recipient,) = sandbox.add("sms-recipients", "+15550001111")
        last = sandbox.entries("blocklist")[-1]["pattern"]
        sandbox.fail(Fault(path="/suppressions/*", delay=0.1, times=None))

        async def watch() -> None:
            options = {"suppression_list": "blocklist", "kind": "recipients", "poke_interval": 0.0}
            long = asyncio.create_task(
                first_event(MailerSendSuppressionAbsenceTrigger(value=last, **options))
            )
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


def test_what_others_ask_does_not_lengthen_its_interval(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)

    async def watch() -> Any:
        busy = asyncio.create_task(first_event(waits_for("never@example.net", poke_interval=0.02)))
        patient = waits_for("jane@example.net", poke_interval=1, exponential_backoff=True)
        event = asyncio.create_task(first_event(patient))
        await until(lambda: len(sandbox.log) > 40)
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
        sandbox.add("blocklist", "jane@example.net")
        return await asyncio.wait_for(event, 10)

    assert asyncio.run(watch())["found"]["pattern"] == "jane@example.net"


def test_a_connection_that_was_mended_is_read_anew_by_who_comes_next(
    connect: Connect, sandbox: Sandbox
) -> None:
    connect(sandbox, password="mlsn.wrong")
    sandbox.add("blocklist", "jane@example.net")

    async def watch() -> list[Any]:
        stays = waits_for("never@example.net", poke_interval=600, suppression_list="unsubscribes")
        waiting = asyncio.create_task(first_event(stays))
        refused = await first_event(waits_for("jane@example.net"))
        connect(sandbox)
        found = await first_event(waits_for("jane@example.net"))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return [refused["status"], found["status"]]

    assert asyncio.run(watch()) == ["error", "success"]
    assert not polls.polls
    assert not polls.hooks


def test_a_triggerer_that_starts_later_does_not_wait_anew(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "jane@example.net")
    trigger = again(waits_for("jane@example.net", poke_interval=600, asked_at=time.time() - 601))
    assert asyncio.run(asyncio.wait_for(first_event(trigger), 10))["status"] == "success"


def test_a_growing_interval_ends_before_the_timeout_does(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "jane@example.net")
    trigger = waits_for("jane@example.net", poke_interval=600, exponential_backoff=True)
    # As the triggerer sets it.
    trigger.timeout_after = datetime.now(UTC) + timedelta(seconds=6)
    assert asyncio.run(asyncio.wait_for(first_event(trigger), 10))["status"] == "success"


def test_a_hook_that_was_given_up_takes_no_other_with_it(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox, password="mlsn.wrong")

    async def watch() -> bool:
        class Quota(Query[Any]):
            async def ask(self, requirements: list[Any]) -> Any:
                return await self.hook.get_api_quota()

        def poll() -> Any:
            return polls.polling(Quota, None, "mailersend_default", None)

        async with poll() as old, poll() as other_old:
            with pytest.raises(MailerSendAuthenticationError):
                await old.answer(0.0)
            connect(sandbox)
            async with poll() as new:
                assert await new.answer(0.0)
                with pytest.raises(MailerSendAuthenticationError):
                    await other_old.answer(0.0)
                async with poll() as newer:
                    return newer is new

    assert asyncio.run(watch())
    assert not polls.hooks


def test_its_repr_shows_no_address() -> None:
    shown = repr(waits_for("jane@example.net"))
    assert "***@example.net" in shown
    assert "jane" not in shown


def test_who_looks_far_back_and_seldom_does_not_make_the_others_do_so(connect: Connect) -> None:
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


def test_of_two_who_wait_for_absence_each_is_told_of_its_own(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "here@example.net")

    async def watch() -> list[Any]:
        options = {"suppression_list": "blocklist", "kind": "recipients"}
        here = MailerSendSuppressionAbsenceTrigger(value="here@example.net", poke_interval=30.0, **options)
        gone = MailerSendSuppressionAbsenceTrigger(value="gone@example.net", poke_interval=0.1, **options)
        waiting = asyncio.create_task(first_event(here))
        told = await first_event(gone)
        await asyncio.sleep(0.2)
        is_done = waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return [told["status"], is_done]

    assert asyncio.run(watch()) == ["success", False]


def test_what_keeps_the_triggerer_from_asking_for_a_while_is_waited_out(
    connect: Connect, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "jane@example.net")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    monkeypatch.setenv(
        "AIRFLOW_CONN_MAILERSEND_DEFAULT",
        json.dumps(
            {
                "conn_type": "mailersend",
                "password": "mlsn.x",
                "host": "https://api.mailersend.invalid",
                "extra": {"max_retries": 0},
            }
        ),
    )

    async def watch() -> Any:
        event = asyncio.create_task(first_event(waits_for("jane@example.net")))
        await asyncio.sleep(0.5)
        assert not event.done()
        event.cancel()
        await asyncio.gather(event, return_exceptions=True)

    asyncio.run(watch())


@pytest.mark.parametrize("error", [ConnectionError, RuntimeError, AirflowException])
def test_what_is_no_error_of_mailersends_is_waited_out(error: type[Exception]) -> None:
    left = [error("The secrets backend is down."), "there"]

    class IsItThere(Query[str]):
        async def ask(self, requirements: list[Any]) -> str:
            outcome = left.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

    class Trigger(MailerSendTrigger):
        query = IsItThere
        query_key = "Is it there?"

        def found_in(self, answer: str) -> list[str]:
            return [answer]

        def how_far(self, answer: str) -> str:
            return "not there yet"

    event = asyncio.run(first_event(Trigger(poke_interval=0.05)))
    assert event == {"status": "success", "found": "there"}
    assert left == []


def test_one_that_is_cancelled_leaves_the_others_waiting(connect: Connect, sandbox: Sandbox) -> None:
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


def test_nothing_is_left_when_all_have_gone(connect: Connect, sandbox: Sandbox) -> None:
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


def test_twenty_that_begin_one_after_another_cost_what_one_costs(connect: Connect) -> None:
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


def test_a_quota_used_up_in_the_first_look_is_waited_out(connect: Connect) -> None:
    with Sandbox(blocklist=250, quota=4, quota_window=2.0, rate_limit=None) as sandbox:
        connect(sandbox)
        for number in range(2):
            trigger = MailerSendSuppressionAbsenceTrigger(
                suppression_list="unsubscribes", kind="recipients", value=f"{number}@example.net"
            )
            assert asyncio.run(first_event(trigger))["status"] == "success"
        last = [entry for entry in sandbox.entries("blocklist") if entry["type"] == "exact"][-1]
        event = asyncio.run(first_event(waits_for(last["pattern"])))
        assert event["found"]["id"] == last["id"]
        pages = [
            one.query["page"]
            for one in sandbox.requests("GET", "/suppressions/blocklist")
            if one.status == 200
        ]
        assert pages == ["1", "2", "1", "2", "3"]


def test_who_waits_for_what_others_have_met_to_go_knows_that_it_is_there(connect: Connect) -> None:
    with Sandbox(blocklist=3000, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)
        exact = [entry for entry in sandbox.entries("blocklist") if entry["type"] == "exact"]
        # The deepest first: all of the list is read for it.
        chosen = [exact[-1], *exact[10:-110:150]]

        async def watch() -> list[Any]:
            def begin(entry: dict[str, Any]) -> asyncio.Task[Any]:
                options = {"suppression_list": "blocklist", "kind": "recipients", "poke_interval": 2.0}
                return asyncio.create_task(
                    first_event(MailerSendSuppressionAbsenceTrigger(value=entry["pattern"], **options))
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
