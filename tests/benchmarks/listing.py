"""
Listing 100,000 unsubscribes: with the provider's hook, a bare loop over requests, the SDK, and Airflow's HttpHook.

In each round all four read the whole list from the same sandbox, taking turns of ten pages; a round's figure is the
ratio of their times. A reader's time includes everything: making its client, the requests, parsing the JSON, building
the list. It includes the sandbox's time too, which is the same for all.
"""

from __future__ import annotations

from tests.benchmarks.readers import bare_loop, hook_of, http_hook, official_sdk, provider_hook
from tests.benchmarks.report import Report, exactly, figure
from tests.benchmarks.sandbox_process import sandbox_process
from tests.benchmarks.turns import read_in_turns

ENTRIES = 100_000
ROUNDS = 3

_READERS = {"hook": provider_hook, "bare loop": bare_loop, "SDK": official_sdk, "HttpHook": http_hook}


def run() -> Report:
    """The hook takes at most 1.15 times as long as the bare loop, and less time than the other two."""
    rounds: list[dict[str, float]] = []
    same = 0
    with sandbox_process(f"--unsubscribes={ENTRIES}", "--rate-limit=none", "--quota=none") as sandbox:
        ids = [entry["id"] for entry in hook_of(sandbox).list_suppressions("unsubscribes")]
        for _ in range(ROUNDS):
            readings = read_in_turns({name: reader(sandbox) for name, reader in _READERS.items()})
            rounds.append({name: reading.seconds for name, reading in readings.items()})
            same += sum(reading.ids == ids for reading in readings.values())
            del readings
            sandbox.clear_log()

    def ratios(other: str) -> list[float]:
        return [seconds["hook"] / seconds[other] for seconds in rounds]

    return Report(
        f"{ENTRIES:,} entries by 100 a page, {ROUNDS} rounds",
        [
            figure("time of hook / bare loop", ratios("bare loop"), "≤", 1.15),
            figure("time of hook / SDK", ratios("SDK"), "<", 1.0),
            figure("time of hook / HttpHook", ratios("HttpHook"), "<", 1.0),
            *(
                figure(f"{name}, s", [seconds[name] for seconds in rounds], form="{:.2f}")
                for name in _READERS
            ),
            exactly("different ids that list_suppressions returns", len(set(ids)), ENTRIES),
            exactly("readings of just these ids in this order", same, ROUNDS * len(_READERS)),
        ],
    )
