"""
What a list of a million entries costs in memory: to read it, and to mirror a million addresses to it.

Each figure is the peak of a fresh process, minus the peak of one that does the same with 10,000 entries, or of one that
only holds the million addresses. A server makes the pages on request.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.page_server import DOMAIN, address, page_server
from tests.benchmarks.readers import hook_of
from tests.benchmarks.report import Report, exactly, figure

MANY = 1_000_000
FEW = 10_000
#: One in so many of the wanted addresses is not on the list, and the other way round.
DIFFERENT = 100


def run() -> Report:
    """A million takes at most 16 MB more to read than 10,000, and at most 250 MB more to mirror than to hold."""
    few, many = _read(FEW), _read(MANY)
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "wanted.json")
        wanted.write_text(
            json.dumps([address(n) if n % DIFFERENT else f"new{n}@example.net" for n in range(MANY)])
        )
        held = process_of("hold", str(wanted))
        with page_server(MANY) as server:
            hook_of(server)  # defines the connection
            mirrored = process_of("mirror", str(wanted), DOMAIN["id"])
            asked = server.asked()
    result = mirrored["result"]
    path = "/suppressions/unsubscribes"
    return Report(
        f"{MANY:,} entries",
        [
            figure(f"reading: MB more than {FEW:,}", [many["peak"] - few["peak"]], "≤", 16, form="{:.0f}"),
            exactly("read", many["result"], MANY),
            figure(
                "mirroring: MB more than the addresses",
                [mirrored["peak"] - held["peak"]],
                "≤",
                250,
                form="{:.0f}",
            ),
            exactly(
                "added, deleted",
                (result["added"], result["deleted"]),
                (MANY // DIFFERENT, MANY // DIFFERENT),
            ),
            exactly(
                "GET, POST, DELETE",
                tuple(asked[f"{method} {path}"] for method in ("GET", "POST", "DELETE")),
                (MANY // 100, MANY // DIFFERENT // 500, MANY // DIFFERENT // 500),
            ),
        ],
    )


def _read(entries: int) -> dict[str, Any]:
    with page_server(entries) as server:
        hook_of(server)  # defines the connection
        return process_of("read")


def process_of(*arguments: str) -> dict[str, Any]:
    """Return the peak of memory and the result of a piece of work in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.task_process", *arguments]
    process = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    # Airflow prints a warning on the standard output first.
    told: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return told
