"""
``python -m tests.chaos [--runs N] [--killed-adds N] [--killed-transfers N] [--seed S]``.

So many runs, with the seeds from S on.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Sequence

from tests.benchmarks.airflow_environment import own_airflow_home


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when every run passed and enough of everything happened, else 1; 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description="Run operators under faults and kills, and check the lists."
    )
    add = parser.add_argument
    add("--runs", type=int, default=400, help="how many runs under faults (default: %(default)s)")
    add(
        "--killed-adds",
        type=int,
        default=50,
        help="how many additions of 2,000 that are killed once (default: %(default)s)",
    )
    add(
        "--killed-transfers",
        type=int,
        default=60,
        help="how many transfers that are killed once (default: %(default)s)",
    )
    add("--seed", type=int, default=1, help="the seed of the first run (default: %(default)s)")
    add("--at-once", type=int, default=16, help="how many runs at once (default: %(default)s)")
    options = parser.parse_args(arguments)
    # Raise an exception on SIGTERM, so that files are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with own_airflow_home():
        # Not imported before: Airflow reads its configuration when it is first imported.
        campaign = importlib.import_module("tests.chaos.campaign")
        if options.killed_transfers and not campaign.databases.is_possible():
            sys.stdout.write("no transfers: apache-airflow-providers-sqlite isn't installed: make services\n")
        cases = campaign.cases(options.seed, options.runs, options.killed_adds, options.killed_transfers)
        report = campaign.run(cases, options.at_once)
    sys.stdout.write(f"{report}\n")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
