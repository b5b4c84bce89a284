"""``python -m tests.chaos [--runs N] [--seed S]``: N runs, of the seeds from S on."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Sequence

from tests.benchmarks.airflow_environment import own_airflow_home


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when every run ended as it should, else 1; 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description="Check what holds whatever happens."
    )
    parser.add_argument("--runs", type=int, default=320, help="how many runs, 320 unless given")
    parser.add_argument("--seed", type=int, default=1, help="the first run's seed, 1 unless given")
    parser.add_argument("--at-once", type=int, default=12, help="how many runs at once, 12 unless given")
    options = parser.parse_args(arguments)
    # As an exception, so that files are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with own_airflow_home():
        # Imported only here: Airflow reads its configuration when it is first imported.
        campaign = importlib.import_module("tests.chaos.campaign")
        report = campaign.run(range(options.seed, options.seed + options.runs), options.at_once)
    sys.stdout.write(f"{report}\n")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
