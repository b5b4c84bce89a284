"""The CPU time of planning a sync, without reading the list."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from airflow_provider_mailersend.jobs.plan import MAX_DELETES, Plan, Planner
from airflow_provider_mailersend.jobs.wanted import Wanted
from tests.benchmarks.readers import PAGE
from tests.benchmarks.report import Row, exactly, figure

ROUNDS = 5

Entries = Sequence[dict[str, Any]]


def rows_of(entries: Entries, wanted: Sequence[str], domain_id: str, different: int) -> list[Row]:
    """It takes at most 2 s; for comparison, the time for parsing the same pages and for plain sets."""
    pages = [json.dumps({"data": entries[at : at + PAGE]}) for at in range(0, len(entries), PAGE)]
    planning, parsing, plain = [], [], []
    for _ in range(ROUNDS):
        seconds, plan = _timed(lambda: _plan(entries, wanted, domain_id))
        planning.append(seconds)
        parsing.append(_timed(lambda: [len(json.loads(page)) for page in pages])[0])
        plain.append(_timed(lambda: _plain_sets(entries, wanted))[0])
    return [
        figure("planning, s of CPU", planning, "≤", 2.0, form="{:.2f}"),
        figure("planning / JSON", [mine / theirs for mine, theirs in zip(planning, parsing, strict=True)]),
        figure(
            "planning / plain sets", [mine / theirs for mine, theirs in zip(planning, plain, strict=True)]
        ),
        exactly("to add, to delete", (len(plan.to_add), len(plan.to_delete)), (different, different)),
    ]


def _plan(entries: Entries, wanted: Sequence[str], domain_id: str) -> Plan:
    given = Wanted(wanted)
    planner = Planner(given, domain_id=domain_id, mode="mirror")
    for entry in entries:
        planner.see(entry)
    plan = planner.plan()
    plan.excess_over(MAX_DELETES)
    return plan


def _plain_sets(entries: Entries, wanted: Sequence[str]) -> tuple[set[str], list[str]]:
    there = {entry["recipient"]["email"].strip().lower(): entry["id"] for entry in entries}
    given = {address.strip().lower() for address in wanted}
    return given - there.keys(), [id_ for address, id_ in there.items() if address not in given]


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    # Keep the garbage collector off what was there before: a task holds one page at a time.
    gc.collect()
    gc.freeze()
    try:
        started = time.process_time()
        result = work()
        return time.process_time() - started, result
    finally:
        gc.unfreeze()
