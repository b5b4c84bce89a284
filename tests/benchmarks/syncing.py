"""
Syncing 200,000 unsubscribes of which one in a hundred differs: planning time, memory, requests.

Planning is timed alone. The task's memory is the peak of a fresh process that runs it, minus the peak of one whose task
does nothing; the sandbox is in a process of its own. The first sync, to an empty list, is for comparison.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

from airflow_provider_mailersend.api.requests import BATCH_SIZE
from airflow_provider_mailersend.sandbox import Sandbox
from tests.benchmarks import planning
from tests.benchmarks.readers import PAGE, hook_of
from tests.benchmarks.report import Report, Row, exactly, figure
from tests.benchmarks.sandbox_process import sandbox_process

ENTRIES = 200_000
DIFFERENT = ENTRIES // 100
IDLE = 3

_DOMAIN = "example.com"


def run() -> Report:
    """Planning takes at most 2 s, the task at most 200 MB more than an idle one, and no unneeded request."""
    # Never started: it has the same addresses as the sandboxes that will be.
    sandbox = Sandbox(unsubscribes=ENTRIES, domains=[_DOMAIN])
    domain_id, entries = sandbox.domain_id(_DOMAIN), sandbox.entries("unsubscribes")
    wanted = _wanted(entries)
    rows = planning.rows_of(entries, wanted, domain_id, DIFFERENT)
    idle = [_task()["peak"] for _ in range(IDLE)]
    with tempfile.TemporaryDirectory() as folder:
        csv, listed = Path(folder, "wanted.csv"), Path(folder, "wanted.json")
        csv.write_text("\n".join(["email", *wanted]))
        listed.write_text(json.dumps(wanted))
        for file, what, there in (
            (csv, "from a file", ENTRIES),
            (listed, "from a list", ENTRIES),
            (csv, "the first time", 0),
        ):
            rows += _synchronized(file, domain_id, what, there, median(idle))
    return Report(
        f"{ENTRIES:,} wanted, {ENTRIES:,} there, {DIFFERENT:,} of each unlike the other's",
        [*rows, figure("idle task, MB", idle, form="{:.0f}")],
    )


def _wanted(entries: list[dict[str, Any]]) -> list[str]:
    addresses = [entry["recipient"]["email"] for entry in entries]
    addresses[:: ENTRIES // DIFFERENT] = [f"new{number}@example.com" for number in range(DIFFERENT)]
    random.Random(1).shuffle(addresses)
    return addresses


def _synchronized(file: Path, domain_id: str, what: str, there: int, idle: float) -> list[Row]:
    """Sync a new sandbox; for the first sync memory has no bound."""
    options = (f"--unsubscribes={there}", f"--domain={_DOMAIN}", "--rate-limit=none", "--quota=none")
    with sandbox_process(*options) as sandbox:
        hook_of(sandbox)  # defines the connection
        told = _task("mirror", str(file), domain_id)
        asked, left = sandbox.asked(), sandbox.state()["lists"]["unsubscribes"]
    result, more = told["result"], [told["peak"] - idle]
    to_add, to_delete = (DIFFERENT, DIFFERENT) if there else (ENTRIES, 0)
    path = "/suppressions/unsubscribes"
    endpoints = (f"GET {path}", f"POST {path}", f"DELETE {path}", "GET /api-quota")
    least = (max(1, ceil(there / PAGE)), ceil(to_add / BATCH_SIZE), ceil(to_delete / BATCH_SIZE), 0)
    memory = f"{what}: MB more than idle"
    return [
        figure(memory, more, "≤", 200, form="{:.0f}") if there else figure(memory, more, form="{:.0f}"),
        exactly(
            f"{what}: GET, POST, DELETE, quota",
            tuple(asked[endpoint] for endpoint in endpoints),
            least,
        ),
        exactly(f"{what}: requests told, logged", (result["requests"], asked.total()), (sum(least),) * 2),
        exactly(
            f"{what}: added, deleted, there",
            (result["added"], result["deleted"], left),
            (to_add, to_delete, ENTRIES),
        ),
    ]


def _task(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.task_process", *arguments]
    process = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    # Airflow prints a warning on the standard output first.
    told: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return told
