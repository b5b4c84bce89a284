"""What triggers do about errors: retry temporary ones, report permanent ones."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_mailersend.exceptions import MailerSendAuthenticationError
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from airflow_provider_mailersend.triggers import polls
from airflow_provider_mailersend.triggers.base import MailerSendTrigger
from airflow_provider_mailersend.triggers.mailersend import (
    MailerSendNewSuppressionsTrigger,
    MailerSendSmsRecipientStatusTrigger,
)
from airflow_provider_mailersend.triggers.polls import Query

from .waiting import first_event, until, waits_for, waits_for_absence

Connect = Callable[..., str]


def test_temporary_errors_are_retried(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox, extra={"max_retries": 0})
    sandbox.fail(Fault(method="GET", status=503, times=2))
    sandbox.fail(Fault(method="GET", cut="after", times=1))
    sandbox.add("blocklist", "jane@example.net")
    event = asyncio.run(first_event(waits_for("jane@example.net")))
    assert event["status"] == "success"
    assert len(sandbox.log) == 4


def test_the_log_says_that_it_goes_on_after_an_error(
    connect: Connect, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    connect(sandbox, extra={"max_retries": 0})

    async def watch() -> None:
        event = asyncio.create_task(first_event(waits_for("jane@example.net")))
        await until(lambda: len(sandbox.log) >= 3)
        sandbox.fail(Fault(status=503, times=2))
        await until(lambda: len(sandbox.log) >= 8)
        sandbox.add("blocklist", "jane@example.net")
        await event

    asyncio.run(watch())
    goes_on = "blocklist (account-wide): j***@example.net not there yet"
    failed = "blocklist (account-wide): GET /suppressions/blocklist answered 503"
    told = [message for message in caplog.messages if message.startswith("blocklist (")]
    assert len(told) == 3
    assert all(
        message.startswith(start) for message, start in zip(told, (goes_on, failed, goes_on), strict=True)
    )


def test_it_waits_for_the_quota_to_reset(connect: Connect) -> None:
    with Sandbox(quota=1, quota_window=2.0, rate_limit=None) as sandbox:
        connect(sandbox)
        asyncio.run(
            first_event(
                MailerSendNewSuppressionsTrigger(
                    suppression_list="blocklist",
                    since=datetime.now(UTC).isoformat(),
                    at_least=0,
                    poke_interval=0.01,
                )
            )
        )
        sandbox.add("blocklist", "jane@example.net")
        assert asyncio.run(first_event(waits_for("jane@example.net")))["status"] == "success"
        assert len(sandbox.log) <= 4


def test_a_quota_used_up_during_the_first_look_resets_and_the_look_goes_on(connect: Connect) -> None:
    with Sandbox(blocklist=250, quota=4, quota_window=2.0, rate_limit=None) as sandbox:
        connect(sandbox)
        for number in range(2):
            trigger = waits_for_absence(f"{number}@example.net", suppression_list="unsubscribes")
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


@pytest.mark.parametrize(
    ("trigger", "complaint"),
    [
        (
            MailerSendSmsRecipientStatusTrigger(sms_recipient_id="abc", status="active", poke_interval=0),
            "with this id",
        ),
        (
            waits_for_absence("a@x", domain_id="no", poke_interval=0),
            "domain id is invalid",
        ),
        (
            waits_for_absence("a@x", domain="no.example", poke_interval=0),
            "has no domain 'no.example'",
        ),
    ],
    ids=["id", "domain id", "domain"],
)
def test_a_permanent_error_is_reported_in_the_event(
    connect: Connect, sandbox: Sandbox, trigger: Any, complaint: str
) -> None:
    connect(sandbox)
    event = asyncio.run(first_event(trigger))
    assert event["status"] == "error"
    assert complaint in event["message"]


def test_a_domain_that_was_deleted_and_added_again_is_resolved_again(connect: Connect) -> None:
    async def watch(before: Sandbox) -> list[Any]:
        # Somebody else keeps the connection's hook.
        stays = asyncio.create_task(first_event(waits_for("never@example.net")))
        await first_event(waits_for_absence("a@example.net", domain="example.com"))
        port = urlsplit(before.url).port or 0
        before.stop()
        # Its IDs are other ones.
        with Sandbox(port=port, seed=8, rate_limit=None, quota=None):
            events = [
                await first_event(waits_for_absence("a@example.net", domain="example.com")) for _ in range(2)
            ]
        stays.cancel()
        await asyncio.gather(stays, return_exceptions=True)
        return [event["status"] for event in events]

    with Sandbox(rate_limit=None, quota=None) as sandbox:
        connect(sandbox)
        assert asyncio.run(watch(sandbox)) == ["error", "success"]


def test_a_missing_connection_fails_all_triggers_on_it() -> None:
    async def watch() -> list[Any]:
        triggers = [waits_for("a", mailersend_conn_id="nowhere") for _ in range(3)]
        return await asyncio.gather(*[first_event(trigger) for trigger in triggers])

    for event in asyncio.run(watch()):
        assert event["status"] == "error"
        assert "nowhere" in event["message"]


def test_after_an_authentication_error_the_next_trigger_reads_the_connection_again(
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


def test_a_token_that_is_replaced_does_not_end_the_waiting(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    (recipient,) = sandbox.add("sms-recipients", "+15550001111")
    (joe,) = sandbox.add("blocklist", "joe@example.net")

    async def watch() -> list[Any]:
        triggers = [
            waits_for("jane@example.net"),
            waits_for_absence("joe@example.net"),
            MailerSendSmsRecipientStatusTrigger(
                sms_recipient_id=recipient["id"], status="opt_out", poke_interval=0.2
            ),
        ]
        events = [asyncio.create_task(first_event(trigger)) for trigger in triggers]
        await until(lambda: len(sandbox.log) >= 6)
        connect(sandbox, password="mlsn.new")
        sandbox.token = "mlsn.new"
        sandbox.clear_log()
        await until(lambda: len(sandbox.requests("GET", "/sms-recipients/*")) >= 3)
        sandbox.add("blocklist", "jane@example.net")
        sandbox.remove("blocklist", [joe["id"]])
        sandbox.set_sms_status(recipient["id"], "opt_out")
        return await asyncio.gather(*events)

    assert [event["status"] for event in asyncio.run(watch())] == ["success"] * 3
    assert sum(request.status == 401 for request in sandbox.log) <= 3
    assert not polls.hooks


def test_a_forgotten_hook_does_not_make_its_successor_be_forgotten(
    connect: Connect, sandbox: Sandbox
) -> None:
    connect(sandbox, password="mlsn.wrong")

    class Quota(Query[Any]):
        async def ask(self, requirements: list[Any]) -> Any:
            return await self.hook.get_api_quota()

    def poll() -> Any:
        return polls.polling(Quota, None, "mailersend_default", None)

    async def watch() -> bool:
        has_begun, may_ask = asyncio.Event(), asyncio.Event()

        async def ask_later() -> None:
            async with poll() as old:
                has_begun.set()
                await may_ask.wait()
                await old.answer(0.0)

        later = asyncio.create_task(ask_later())
        await has_begun.wait()
        with pytest.raises(MailerSendAuthenticationError):
            async with poll() as old:
                await old.answer(0.0)
        connect(sandbox)
        async with poll() as new:
            assert await new.answer(0.0)
            may_ask.set()
            with pytest.raises(MailerSendAuthenticationError):
                await later
            async with poll() as newer:
                return newer is new

    assert asyncio.run(watch())
    assert not polls.hooks


def test_an_error_of_the_machine_is_retried(
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
def test_errors_other_than_mailersends_are_retried(error: type[Exception]) -> None:
    left = [error("The secrets backend is down.")]

    class IsItThere(Query[str]):
        async def ask(self, requirements: list[Any]) -> str:
            if left:
                raise left.pop()
            return "there"

    class Trigger(MailerSendTrigger):
        query = IsItThere

        @property
        def query_key(self) -> str:
            return "anything"

        def subject(self, hook: Any) -> str:
            return "anything"

        def found_in(self, answer: str) -> list[str]:
            return [answer]

        def outcome(self, found: str) -> str:
            return found

    event = asyncio.run(first_event(Trigger(poke_interval=0.05)))
    assert event == {"status": "success", "found": "there"}
    assert left == []
