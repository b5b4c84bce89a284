"""Asset events from suppression lists, without a triggerer."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import traceback
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from airflow_provider_mailersend.exceptions import MailerSendAuthenticationError
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from airflow_provider_mailersend.triggers import polls
from tests.unsteady import UnsteadySandbox

from .waiting import again, until

Connect = Callable[..., str]

on_airflow_3 = pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="asset watchers are for Airflow 3")


class Store:
    """The asset state store that a trigger gets on Airflow 3.3; it holds JSON."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def aget(self, key: str) -> Any:
        return json.loads(self.kept[key]) if key in self.kept else None

    async def aset(self, key: str, value: Any) -> None:
        self.kept[key] = json.dumps(value)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Make a trigger that waits only briefly for its events to be stored."""
    events = importlib.import_module("airflow_provider_mailersend.triggers.events")
    monkeypatch.setattr(events, "STORED_AFTER", 0.05)

    def make(store: Store | None = None, suppression_list: str = "blocklist", **options: Any) -> Any:
        options = {"poke_interval": 0.1, **options}
        trigger = events.MailerSendSuppressionEventTrigger(suppression_list=suppression_list, **options)
        trigger.asset_state_store = store
        return trigger

    return make


class Triggerer:
    """Runs one trigger and records its events; a context manager."""

    def __init__(self, trigger: Any) -> None:
        self.payloads: list[dict[str, Any]] = []
        self._trigger = trigger

    async def __aenter__(self) -> Triggerer:
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    @property
    def ids(self) -> list[str]:
        return [id_ for payload in self.payloads for id_ in payload["ids"]]

    @property
    def error(self) -> BaseException | None:
        return self._running.exception() if self._running.done() else None

    async def _run(self) -> None:
        async for event in self._trigger.run():
            self.payloads.append(json.loads(json.dumps(event.payload)))


def again_with(store: Store, trigger: Any) -> Any:
    """Return the trigger that another triggerer makes of this one, with its saved state."""
    restarted = again(trigger)
    restarted.asset_state_store = store
    return restarted


async def reported(sandbox: Sandbox, trigger: Any, *addresses: str) -> list[str]:
    """Add each of *addresses* once the one before was reported; return the reported ids."""
    async with Triggerer(trigger) as triggerer:
        await until(lambda: len(sandbox.requests("GET", "/suppressions/*")) >= 2)
        for count, address in enumerate(addresses, start=1):
            sandbox.add("blocklist", address)
            await until(lambda count=count: len(triggerer.ids) >= count)
        assert triggerer.error is None
        return triggerer.ids


@pytest.mark.skipif(AIRFLOW_V_3_0_PLUS, reason="Airflow 2 has no asset watchers")
def test_on_airflow_2_the_import_error_says_what_is_needed() -> None:
    with pytest.raises(ImportError, match=r"needs Airflow 3\.0 or newer"):
        importlib.import_module("airflow_provider_mailersend.triggers.events")


@on_airflow_3
def test_a_domain_is_resolved_once_for_all_looks(connect: Connect, watch: Any) -> None:
    with Sandbox(blocklist=5, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)

        async def scenario() -> None:
            async with Triggerer(watch(domain="example.com")) as triggerer:
                await until(lambda: len(sandbox.requests("GET", "/suppressions/*")) >= 4)
                assert triggerer.error is None

        asyncio.run(scenario())
        assert len(sandbox.requests(path="/domains")) == 1


@on_airflow_3
def test_entries_added_after_the_first_look_are_reported(connect: Connect, watch: Any) -> None:
    with Sandbox(blocklist=250, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)
        sandbox.add("blocklist", "before@example.net")

        async def scenario() -> list[dict[str, Any]]:
            async with Triggerer(watch()) as triggerer:
                await until(lambda: len(sandbox.log) >= 3)
                sandbox.add("blocklist", "a@example.net", "b@example.net")
                await until(lambda: len(triggerer.ids) == 2)
                sandbox.add("blocklist", "c@example.net")
                await until(lambda: len(triggerer.ids) == 3)
                return triggerer.payloads

        first, second = asyncio.run(scenario())
        newest, *older = sandbox.entries("blocklist")[:3]
        assert sorted(first["ids"]) == sorted(entry["id"] for entry in older)
        assert (first["suppression_list"], first["count"], second["count"]) == ("blocklist", 2, 1)
        assert second["ids"] == [newest["id"]]
        assert second["newest"][:19] == newest["created_at"][:19]
        assert not polls.polls


@on_airflow_3
def test_after_its_first_look_it_logs_what_it_watches(
    connect: Connect, sandbox: Sandbox, watch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    domain_id = sandbox.domain_id("example.com")
    connect(sandbox, "marketing", extra={"domain_id": domain_id, "max_retries": 0})
    sandbox.add("blocklist", "other@example.net")
    store = Store()

    def told() -> list[str]:
        return [message for message in caplog.messages if "watching" in message]

    async def scenario() -> str:
        sandbox.fail(Fault(path="/suppressions/*", status=503, times=2))
        trigger = watch(store, mailersend_conn_id="marketing")
        async with Triggerer(trigger) as triggerer:
            await until(lambda: len(sandbox.requests("GET", "/suppressions/*")) >= 2)
            assert told() == []
            await until(lambda: bool(told()))
            looks = len(sandbox.log)
            await until(lambda: len(sandbox.log) >= looks + 3)
            assert len(told()) == 1
            kept = json.dumps(store.kept)
            sandbox.add("blocklist", "jane@example.net", domain="example.com")
            await until(lambda: bool(triggerer.ids) and json.dumps(store.kept) != kept)
        (saved,) = store.kept.values()
        since: str = json.loads(saved)["moment"]
        async with Triggerer(again_with(store, trigger)):
            await until(lambda: len(told()) == 2)
        return since

    since = datetime.fromisoformat(asyncio.run(scenario())).isoformat(sep=" ", timespec="seconds")
    first, restarted = told()
    where = f"blocklist (domain {domain_id}): watching every 0.1 s for entries made since "
    assert first.startswith(where)
    end = "; next check in 0 s; connection 'marketing'."
    assert first.endswith(f"+00:00{end}")
    assert restarted == f"{where}{since}{end}"


@on_airflow_3
def test_what_no_retry_can_mend_is_logged_at_once(
    connect: Connect, sandbox: Sandbox, watch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    connect(sandbox, password="mlsn.wrong")

    async def scenario() -> None:
        async with Triggerer(watch(poke_interval=300)):
            await until(lambda: any(record.levelname == "ERROR" for record in caplog.records))

    asyncio.run(scenario())
    (said,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert said.startswith("blocklist: MailerSend does not accept the API token")
    assert said.endswith("The watcher starts over in 300 s.")


@on_airflow_3
def test_what_may_pass_is_logged_once_with_the_list_and_the_next_check(
    connect: Connect, sandbox: Sandbox, watch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    connect(sandbox, extra={"max_retries": 0})
    sandbox.fail(Fault(path="/suppressions/*", status=503, times=3))

    async def scenario() -> None:
        async with Triggerer(watch()):
            await until(lambda: len(sandbox.requests("GET", "/suppressions/*")) >= 5)

    asyncio.run(scenario())
    (said,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said.startswith("blocklist (account-wide): GET /suppressions/blocklist answered 503")
    assert said.endswith("Next check in 0 s.")


@on_airflow_3
def test_with_a_state_store_a_restart_skips_and_repeats_nothing(connect: Connect, watch: Any) -> None:
    with Sandbox(rate_limit=None, quota=None) as sandbox:
        connect(sandbox)
        store = Store()
        told: list[str] = []

        async def scenario() -> None:
            added = 0
            for _ in range(4):
                async with Triggerer(watch(store)) as triggerer:
                    looks = len(sandbox.log)
                    # Except for the first start, entries added while nobody watched are reported first.
                    await until(lambda at=looks: len(sandbox.log) >= at + 3)
                    for _ in range(3):
                        sandbox.add("blocklist", *[f"{added + n}@example.net" for n in range(70)])
                        added += 70
                        await until(lambda now=added: len(told) + len(triggerer.ids) >= now)
                    # Wait until the watermark is saved.
                    await asyncio.sleep(0.3)
                told.extend(triggerer.ids)
                sandbox.add("blocklist", *[f"{added + n}@example.net" for n in range(130)])
                added += 130
            async with Triggerer(watch(store)) as triggerer:
                await until(lambda: len(told) + len(triggerer.ids) >= added)
                await asyncio.sleep(0.5)
            told.extend(triggerer.ids)

        asyncio.run(scenario())
        assert sorted(told) == sorted(entry["id"] for entry in sandbox.entries("blocklist"))


@on_airflow_3
@pytest.mark.parametrize("minutes", [-60, 60])
def test_it_uses_mailersends_clock(connect: Connect, watch: Any, minutes: int) -> None:
    with UnsteadySandbox(rate_limit=None, quota=None, clock_ahead=60.0 * minutes) as sandbox:
        connect(sandbox)
        sandbox.add("blocklist", "before@example.net")
        told = asyncio.run(reported(sandbox, watch(Store()), "after@example.net"))
        assert told == [sandbox.entries("blocklist")[0]["id"]]


class Supervisor:
    """Responds to Airflow's real state store accessors as the triggerer's parent process does."""

    def __init__(self) -> None:
        self.stores = {"one": Store(), "other": Store()}

    async def asend(self, message: Any) -> Any:
        comms = importlib.import_module("airflow.sdk.execution_time.comms")
        store = self.stores[message.name]
        if isinstance(message, comms.SetAssetStateStoreByName):
            return await store.aset(message.key, message.value)
        value = await store.aget(message.key)
        return comms.AssetStateStoreResult(value=value) if value is not None else None


@on_airflow_3
def test_the_watermark_is_saved_for_each_of_several_assets(
    connect: Connect, sandbox: Sandbox, watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = importlib.import_module("airflow.sdk.execution_time.context")
    if not hasattr(context, "AssetStateStoreAccessors"):
        pytest.skip("this Airflow keeps no state of assets")
    connect(sandbox)
    supervisor = Supervisor()
    runner = "airflow.sdk.execution_time.task_runner.SUPERVISOR_COMMS"
    monkeypatch.setattr(runner, supervisor, raising=False)
    # Airflow runs equal triggers as one, with the stores of all their assets.
    assets = [importlib.import_module("airflow.sdk").Asset(name) for name in supervisor.stores]
    one, other = supervisor.stores.values()

    async def scenario() -> list[str]:
        async with Triggerer(watch(context.AssetStateStoreAccessors(inlets=assets))):
            await until(lambda: bool(one.kept) and bool(other.kept))
        sandbox.add("blocklist", "meanwhile@example.net")
        other.kept.clear()
        async with Triggerer(watch(context.AssetStateStoreAccessors(inlets=assets))) as triggerer:
            await until(lambda: bool(triggerer.ids) and bool(other.kept))
        return triggerer.ids

    assert asyncio.run(scenario()) == [sandbox.entries("blocklist")[0]["id"]]
    assert one.kept == other.kept


@on_airflow_3
def test_watchers_of_one_asset_keep_their_watermarks_apart(
    connect: Connect, sandbox: Sandbox, watch: Any
) -> None:
    connect(sandbox)
    store = Store()

    async def scenario() -> None:
        lists = ("blocklist", "unsubscribes")
        async with Triggerer(watch(store, lists[0])), Triggerer(watch(store, lists[1])):
            await until(lambda: len(store.kept) == 2)

    asyncio.run(scenario())
    assert set(store.kept) == {
        "mailersend/mailersend_default/blocklist/",
        "mailersend/mailersend_default/unsubscribes/",
    }


@on_airflow_3
def test_a_store_that_cannot_be_written_does_not_stop_the_watcher(
    connect: Connect, sandbox: Sandbox, watch: Any
) -> None:
    connect(sandbox)

    class Broken(Store):
        async def aset(self, key: str, value: Any) -> None:
            raise RuntimeError("out of space")

    told = asyncio.run(reported(sandbox, watch(Broken()), "a@example.net", "b@example.net"))
    assert told == [entry["id"] for entry in reversed(sandbox.entries("blocklist"))]


@on_airflow_3
@pytest.mark.parametrize(
    "kept", ["nonsense", {"moment": "soon"}, {"moment": "2026-01-01T00:00:00+00:00", "told": "?"}]
)
def test_an_unreadable_watermark_is_ignored(
    connect: Connect, sandbox: Sandbox, watch: Any, kept: Any
) -> None:
    connect(sandbox)
    store = Store()
    store.kept["mailersend/mailersend_default/blocklist/"] = json.dumps(kept)
    told = asyncio.run(reported(sandbox, watch(store), "a@example.net"))
    assert told == [sandbox.entries("blocklist")[0]["id"]]


@on_airflow_3
def test_it_starts_even_if_the_quota_is_unreadable(connect: Connect, sandbox: Sandbox, watch: Any) -> None:
    connect(sandbox)
    sandbox.fail(Fault(path="/api-quota", status=200, body={"data": []}, times=None))
    assert len(asyncio.run(reported(sandbox, watch(), "a@example.net"))) == 1


@on_airflow_3
@pytest.mark.parametrize("poke_interval", [0, -5, "often", None, timedelta(0)])
def test_the_interval_must_be_positive(poke_interval: Any) -> None:
    events = importlib.import_module("airflow_provider_mailersend.triggers.events")
    with pytest.raises(ValueError, match="poke_interval must be a number of seconds, more than 0; got"):
        events.MailerSendSuppressionEventTrigger(suppression_list="blocklist", poke_interval=poke_interval)


@on_airflow_3
def test_a_timedelta_is_an_interval_and_two_domains_are_refused() -> None:
    events = importlib.import_module("airflow_provider_mailersend.triggers.events")
    options = {"suppression_list": "blocklist", "poke_interval": timedelta(minutes=2)}
    assert events.MailerSendSuppressionEventTrigger(**options).serialize()[1]["poke_interval"] == 120.0
    with pytest.raises(ValueError, match="either domain_id or domain"):
        events.MailerSendSuppressionEventTrigger(domain_id="d", domain="example.com", **options)


@on_airflow_3
def test_after_a_permanent_error_it_waits_before_it_fails(
    connect: Connect, sandbox: Sandbox, watch: Any
) -> None:
    # Airflow restarts it at once.
    connect(sandbox, password="mlsn.wrong")

    async def scenario() -> None:
        async with Triggerer(watch()) as triggerer:
            await until(lambda: len(sandbox.requests("GET", "/suppressions/*")) >= 1)
            await asyncio.sleep(0.05)
            assert triggerer.error is None
            await until(lambda: triggerer.error is not None)

    asyncio.run(scenario())
    assert len(sandbox.requests("GET", "/suppressions/*")) == 1


@on_airflow_3
def test_the_traceback_of_a_shared_error_does_not_grow(
    connect: Connect, sandbox: Sandbox, watch: Any
) -> None:
    connect(sandbox, password="mlsn.wrong")

    async def frames() -> int:
        try:
            async for _ in watch().run():
                pass
        except MailerSendAuthenticationError as error:
            return len(list(traceback.walk_tb(error.__traceback__)))
        return 0

    async def scenario() -> list[int]:
        return await asyncio.gather(*[frames() for _ in range(30)])

    found = asyncio.run(scenario())
    assert 0 < max(found) == min(found)


@on_airflow_3
def test_without_a_state_store_a_restart_starts_over(connect: Connect, sandbox: Sandbox, watch: Any) -> None:
    connect(sandbox)

    async def scenario() -> list[str]:
        async with Triggerer(watch()) as triggerer:
            await until(lambda: len(sandbox.log) >= 2)
        sandbox.add("blocklist", "meanwhile@example.net")
        async with Triggerer(watch()) as triggerer:
            looks = len(sandbox.log)
            await until(lambda: len(sandbox.log) >= looks + 2)
            sandbox.add("blocklist", "after@example.net")
            await until(lambda: bool(triggerer.ids))
        return triggerer.ids

    assert asyncio.run(scenario()) == [sandbox.entries("blocklist")[0]["id"]]


@on_airflow_3
def test_fifty_watchers_cost_as_much_as_one(connect: Connect, watch: Any) -> None:
    async def requests_of(count: int, sandbox: Sandbox) -> int:
        async with AsyncExitStack() as running:
            triggerers = [await running.enter_async_context(Triggerer(watch())) for _ in range(count)]
            await until(lambda: len(sandbox.requests("GET", "/suppressions/*")) >= 8)
            sandbox.add("blocklist", "a@example.net")
            await until(lambda: all(len(triggerer.ids) == 1 for triggerer in triggerers))
            return len(sandbox.log)

    found = []
    for count in (1, 2, 50):
        with Sandbox(blocklist=250, rate_limit=None, quota=None) as sandbox:
            connect(sandbox)
            found.append(asyncio.run(requests_of(count, sandbox)))
    assert max(found) <= min(found) + 2, found
    assert not polls.polls


@on_airflow_3
def test_temporary_errors_are_retried_and_permanent_ones_raised(
    connect: Connect, sandbox: Sandbox, watch: Any
) -> None:
    connect(sandbox, extra={"max_retries": 0})
    sandbox.fail(Fault(method="GET", status=503, times=2))

    async def scenario() -> BaseException | None:
        async with Triggerer(watch()) as triggerer:
            await until(lambda: len(sandbox.log) >= 5)
            sandbox.add("blocklist", "a@example.net")
            await until(lambda: bool(triggerer.ids))
            sandbox.fail(Fault(method="GET", status=401, times=None))
            await until(lambda: triggerer.error is not None)
            return triggerer.error

    assert "API token" in str(asyncio.run(scenario()))


@on_airflow_3
def test_it_serializes_and_rejects_unknown_lists(watch: Any) -> None:
    trigger = watch(domain_id="d", mailersend_conn_id="other", quota_reserve=7)
    assert again(trigger).serialize() == trigger.serialize()
    with pytest.raises(ValueError, match="suppression_list must be one of"):
        watch(suppression_list="greylist")
