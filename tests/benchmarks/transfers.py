"""
A list of a million entries as a file and as a table, and a million rows of PostgreSQL as a list.

Memory is the peak of a fresh process, minus the peak of one that does the same with 10,000 entries, or of an idle task.
The speed of writing a file is compared with a bare loop over requests that only decodes the pages, in the same round.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from airflow_provider_mailersend.transfers.mailersend_to_object_storage import (
    MailerSendToObjectStorageOperator,
)
from airflow_provider_mailersend.transfers.sql_database import SqlDatabase
from tests.benchmarks.memory import DIFFERENT, FEW, MANY, process_of
from tests.benchmarks.page_server import DOMAIN, address, page_server
from tests.benchmarks.readers import bare_loop, hook_of
from tests.benchmarks.report import Report, Row, exactly, figure
from tests.services.servers import MissingError, Postgres

#: How many entries the speed is measured with, and how often.
ENTRIES = 40_000
ROUNDS = 15


def run() -> Report:
    """A million takes at most 16 MB more than 10,000 to export, and from PostgreSQL at most 250 MB."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        # Servers that run as users of their own come by.
        place.chmod(0o755)
        rows = [*_exports(place), *_speed(place)]
        try:
            rows += _from_sql(place)
        except MissingError as missing:
            rows.append(Row("from PostgreSQL", f"not measured: {missing}"))
    return Report(f"{MANY:,} entries", rows)


def _exports(place: Path) -> list[Row]:
    peaks: dict[tuple[str, int], float] = {}
    counted = []
    for entries in (FEW, MANY):
        with page_server(entries) as server:
            hook_of(server)  # defines the connection
            for kind, target in (("file", f"{entries}.jsonl.gz"), ("table", f"{entries}.db")):
                done = process_of(f"to_{kind}", str(place / target))
                peaks[kind, entries] = done["peak"]
                counted.append((entries, done["result"]["rows"]))
    return [
        *(
            figure(
                f"to a {kind}: MB more than {FEW:,}",
                [peaks[kind, MANY] - peaks[kind, FEW]],
                "≤",
                16,
                form="{:.0f}",
            )
            for kind in ("file", "table")
        ),
        exactly("rows", [rows for _, rows in counted], [entries for entries, _ in counted]),
    ]


def _speed(place: Path) -> list[Row]:
    ratios = []
    with page_server(ENTRIES) as server:
        hook_of(server)  # defines the connection

        def export() -> None:
            MailerSendToObjectStorageOperator(
                task_id="export", list_name="unsubscribes", path=str(place / "speed.jsonl.gz")
            ).execute({})

        def read() -> None:
            for _ in bare_loop(server):
                pass

        export()  # which imports what writing a file needs
        for _ in range(ROUNDS):
            bare = _seconds(read)
            ratios.append(bare / _seconds(export))
    return [figure("speed of writing a file / bare loop", ratios, "≥", 0.8)]


def _from_sql(place: Path) -> list[Row]:
    with Postgres(place / "postgres") as postgres:
        os.environ["AIRFLOW_CONN_CRM"] = postgres.url()
        with SqlDatabase("crm") as database:
            database.execute("CREATE TABLE contacts (email TEXT)")
            for first in range(0, MANY, 10_000):
                numbers = range(first, first + 10_000)
                emails = [address(n) if n % DIFFERENT else f"new{n}@example.net" for n in numbers]
                database.execute(f"INSERT INTO contacts VALUES {', '.join(['(?)'] * len(emails))}", emails)
            database.commit()
        with page_server(MANY) as server:
            hook_of(server)
            idle = process_of()
            done = process_of("from_sql", DOMAIN["id"])
            asked = server.asked()
    different, path = MANY // DIFFERENT, "/suppressions/unsubscribes"
    return [
        figure(
            "from PostgreSQL: MB more than an idle task",
            [done["peak"] - idle["peak"]],
            "≤",
            250,
            form="{:.0f}",
        ),
        exactly(
            "added, deleted", (done["result"]["added"], done["result"]["deleted"]), (different, different)
        ),
        exactly(
            "GET, POST, DELETE",
            tuple(asked[f"{method} {path}"] for method in ("GET", "POST", "DELETE")),
            (MANY // 100, different // 500, different // 500),
        ),
    ]


def _seconds(work: Callable[[], None]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun
