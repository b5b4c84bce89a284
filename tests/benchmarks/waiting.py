"""
What waiting costs: a thousand triggers on one list, from their first look on, and on fifty domains; a watcher of a
busy list; and what ten thousand triggers leave behind.

All run in one event loop, as in a triggerer; the sandbox is in a process of its own.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from airflow_provider_mailersend.triggers.mailersend import MailerSendSuppressionTrigger
from tests.benchmarks.readers import hook_of
from tests.benchmarks.report import Report, figure
from tests.benchmarks.sandbox_process import SandboxProcess, sandbox_process

TRIGGERS = 1_000
DOMAINS = 50
ROUNDS = 3

#: How many triggers begin one after another on a list of how many entries, and over how many seconds.
FEW, ENTRIES, SECONDS = 20, 3_000, 3.0

#: A poll interval, and how many of them are counted, in seconds.
INTERVAL = 1.0
INTERVALS = 10

#: A busy list: how many entries are added in how many seconds, and how often the watcher looks, in seconds.
BUSY_ENTRIES, BUSY_SECONDS, BUSY_INTERVAL = 2_000, 120, 5.0

#: How many triggers come and go, in how many groups.
GONE, GROUPS = 10_000, 20


def run() -> Report:
    """A thousand cost what one costs, within bounds, and leave nothing."""
    domains = [f"d{number}.example.com" for number in range(DOMAINS)]
    options = [f"--domain={domain}" for domain in domains]
    with sandbox_process("--blocklist=950", *options, "--rate-limit=none", "--quota=none") as sandbox:
        hook_of(sandbox)  # defines the connection
        one = [asyncio.run(_cost(sandbox, [None]))[0] for _ in range(ROUNDS)]
        same = [asyncio.run(_cost(sandbox, [None] * TRIGGERS)) for _ in range(ROUNDS)]
        many = [asyncio.run(_cost(sandbox, [*domains] * (TRIGGERS // DOMAINS))) for _ in range(ROUNDS)]
        latencies = [asyncio.run(_latency(sandbox, number)) for number in range(ROUNDS)]
        asyncio.run(_come_and_go(sandbox, GONE // GROUPS))
        grown = [asyncio.run(_grown(sandbox))]
    alone = [asyncio.run(_from_start_to_found(1, TRIGGERS)) for _ in range(ROUNDS)]
    few = [asyncio.run(_from_start_to_found(FEW, TRIGGERS)) for _ in range(ROUNDS)]
    crowd = [asyncio.run(_from_start_to_found(TRIGGERS, TRIGGERS)) for _ in range(ROUNDS)]
    watched = [asyncio.run(_watch_a_busy_list())]
    return Report(
        f"{TRIGGERS:,} triggers, a look every {INTERVAL:g} s, {INTERVALS} of them",
        [
            figure("requests on one list / of one trigger", _ratios(same, one), "≤", 1.05),
            figure(f"requests from start to found, {FEW} triggers / one", _over(few, alone), "≤", 1.05),
            figure(
                f"requests from start to found, {TRIGGERS:,} triggers / one", _over(crowd, alone), "≤", 1.05
            ),
            figure(
                f"requests of a watcher, {BUSY_ENTRIES:,} entries in {BUSY_SECONDS} s, look every {BUSY_INTERVAL:g} s",
                watched,
                "≤",
                60,
                form="{:.0f}",
            ),
            figure("CPU share on one list", [share for _, share in same], "≤", 0.20),
            figure(f"requests on {DOMAINS} domains / of one trigger", _ratios(many, one), "≤", DOMAINS),
            figure(f"CPU share on {DOMAINS} domains", [share for _, share in many]),
            figure("entry there to event, s more than an interval", latencies, "≤", 2.0),
            figure(f"MB more after {GONE:,} have come and gone", grown, "≤", 5.0, form="{:.1f}"),
        ],
    )


def _ratios(costs: Sequence[tuple[float, float]], ones: Sequence[float]) -> list[float]:
    return [requests / one for (requests, _), one in zip(costs, ones, strict=True)]


def _over(many: Sequence[int], ones: Sequence[int]) -> list[float]:
    return [requests / one for requests, one in zip(many, ones, strict=True)]


async def _from_start_to_found(count: int, added: int) -> int:
    """Return how many requests it takes until *count* triggers that begin one after another have found theirs."""
    addresses = [f"new{number}@x.example" for number in range(added)]
    with sandbox_process(f"--blocklist={ENTRIES}", "--rate-limit=none", "--quota=none") as sandbox:
        hook_of(sandbox)
        events = []
        begun = time.monotonic()
        for number, address in enumerate(addresses[:count], start=1):
            events.append(asyncio.create_task(_event(address)))
            # By the clock: a thousand short sleeps take longer than their sum, and more looks would fall into it.
            await asyncio.sleep(max(0.0, begun + SECONDS * number / count - time.monotonic()))
        await asyncio.to_thread(sandbox.add, "blocklist", *addresses)
        found = await asyncio.gather(*events)
        assert all(event["status"] == "success" for event in found)
        return _asked(sandbox)


async def _watch_a_busy_list() -> int:
    """Return how many requests a watcher sends until it has reported all entries that are added to a list."""
    # Airflow 2 has no watchers.
    from airflow_provider_mailersend.triggers.events import MailerSendSuppressionEventTrigger

    trigger = MailerSendSuppressionEventTrigger(suppression_list="blocklist", poke_interval=BUSY_INTERVAL)
    reported: list[str] = []

    async def watch() -> None:
        async for event in trigger.run():
            reported.extend(event.payload["ids"])

    with sandbox_process("--blocklist=950", "--rate-limit=none", "--quota=none") as sandbox:
        hook_of(sandbox)
        watching = asyncio.create_task(watch())
        while not sandbox.asked()["GET /suppressions/blocklist"]:
            await asyncio.sleep(0.05)
        begun, added = time.monotonic(), 0
        for second in range(1, BUSY_SECONDS + 1):
            upto = BUSY_ENTRIES * second // BUSY_SECONDS
            addresses = [f"busy{number}@x.example" for number in range(added, upto)]
            await asyncio.to_thread(sandbox.add, "blocklist", *addresses)
            added = upto
            await asyncio.sleep(max(0.0, begun + second - time.monotonic()))
        while len(reported) < BUSY_ENTRIES:
            await asyncio.sleep(0.1)
        await _end([watching])
        assert len(set(reported)) == len(reported) == BUSY_ENTRIES
        return _asked(sandbox)


async def _cost(sandbox: SandboxProcess, domains: Sequence[str | None]) -> tuple[float, float]:
    """Return how many requests an interval takes, and which share of a core."""
    events = [asyncio.create_task(_event(f"nobody{n}@x.example", domain)) for n, domain in enumerate(domains)]
    try:
        await asyncio.sleep(2.5 * INTERVAL)
        asked, spent = _asked(sandbox), time.process_time()
        await asyncio.sleep(INTERVALS * INTERVAL)
        spent = time.process_time() - spent
        return (_asked(sandbox) - asked) / INTERVALS, spent / (INTERVALS * INTERVAL)
    finally:
        await _end(events)


async def _latency(sandbox: SandboxProcess, number: int) -> float:
    event = asyncio.create_task(_event(f"late{number}@x.example"))
    await asyncio.sleep(1.3 * INTERVAL)
    await asyncio.to_thread(sandbox.add, "blocklist", f"late{number}@x.example")
    added = time.monotonic()
    await event
    return time.monotonic() - added - INTERVAL


async def _grown(sandbox: SandboxProcess) -> float:
    before = _memory()
    for _ in range(GROUPS):
        await _come_and_go(sandbox, GONE // GROUPS)
    return _memory() - before


async def _come_and_go(sandbox: SandboxProcess, count: int) -> None:
    events = [asyncio.create_task(_event(f"gone{number}@x.example", interval=0.1)) for number in range(count)]
    asked = _asked(sandbox)
    while _asked(sandbox) < asked + 2:
        await asyncio.sleep(0.05)
    await _end(events)


async def _event(address: str, domain: str | None = None, interval: float = INTERVAL) -> Any:
    trigger = MailerSendSuppressionTrigger(
        suppression_list="blocklist",
        kind="recipients",
        value=address,
        domain=domain,
        poke_interval=interval,
    )
    async for event in trigger.run():
        return event.payload
    return None


async def _end(events: Sequence[asyncio.Task[Any]]) -> None:
    for event in events:
        event.cancel()
    await asyncio.gather(*events, return_exceptions=True)


def _asked(sandbox: SandboxProcess) -> int:
    return sandbox.asked().total()


def _memory() -> float:
    """Return how much memory this process holds, in MB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1024**2
