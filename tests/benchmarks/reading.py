"""How many requests reading costs where most of a list need not be read, or where all of it is new."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from math import ceil
from typing import Any

from airflow_provider_mailersend.triggers.mailersend import MailerSendNewSuppressionsTrigger
from tests.benchmarks.page_server import DOMAIN, PageServer, address, date_of, page_server
from tests.benchmarks.readers import PAGE, hook_of
from tests.benchmarks.report import Report, exactly

ENTRIES = 25_005
OF_ONE_SECOND = 5_000
LOOKS = 6
INTERVAL = 0.5  # seconds

METHODS = ("GET", "POST", "DELETE")
_PATH = "GET /suppressions/unsubscribes"
_LONGEST = 60.0  # seconds


def run() -> Report:
    """``add_only`` stops once it has met all it wants; entries of one second are read once, not at each look."""
    newest = [address(ENTRIES - 1 - number) for number in range(5)]
    with page_server(ENTRIES) as server:
        here = _requests(server, newest)
        nothing = _requests(server, [])
        one_new = _requests(server, [*newest, "new@example.net"])
    with page_server(OF_ONE_SECOND, f"--of-one-second={OF_ONE_SECOND}") as server:
        hook_of(server)  # defines the connection
        asked = asyncio.run(_asked_by(LOOKS, server))
    looks = asked["page 1"]
    pages = ceil(OF_ONE_SECOND / PAGE)
    return Report(
        f"{ENTRIES:,} entries; {OF_ONE_SECOND:,} of one second",
        [
            exactly("add_only, five addresses of page 1: requests sent, told", here, (1, 1)),
            exactly("add_only, nothing wanted", nothing, (0, 0)),
            # All pages, and the addition.
            exactly("add_only, a sixth that is not there", one_new, (ceil(ENTRIES / PAGE) + 1,) * 2),
            exactly(
                f"since= on {OF_ONE_SECOND:,}: requests of the first look",
                sum(asked[f"page {number}"] > 0 for number in range(1, pages + 1)),
                pages,
            ),
            exactly(f"requests of the {looks - 1} later looks", asked[_PATH] - pages, looks - 1),
        ],
    )


def _requests(server: PageServer, wanted: Sequence[str]) -> tuple[int, int]:
    """Return how many requests a sync sends that count against the quota, and how many its result tells of."""
    server.clear_log()
    result = hook_of(server).sync_suppressions("unsubscribes", recipients=wanted, domain_id=DOMAIN["id"])
    asked = server.asked()
    del asked["GET /api-quota"]
    return sum(count for what, count in asked.items() if what.startswith(METHODS)), result["requests"]


async def _asked_by(looks: int, server: PageServer) -> Counter[str]:
    """Return what the server was asked in at least so many looks: each begins with page 1."""
    server.clear_log()
    event = asyncio.create_task(_event())
    try:
        async with asyncio.timeout(_LONGEST):
            while (await asyncio.to_thread(server.asked))["page 1"] < looks:
                await asyncio.sleep(INTERVAL / 2)
    finally:
        event.cancel()
        await asyncio.gather(event, return_exceptions=True)
    return server.asked()


async def _event() -> Any:
    trigger = MailerSendNewSuppressionsTrigger(
        suppression_list="unsubscribes",
        since=date_of(0, OF_ONE_SECOND),
        at_least=OF_ONE_SECOND + 1,
        domain_id=DOMAIN["id"],
        poke_interval=INTERVAL,
    )
    async for event in trigger.run():
        return event.payload
    return None
