"""``python -m tests.benchmarks [NAME ...]``: run all benchmarks, or those named."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Sequence

from tests.benchmarks.airflow_environment import own_airflow_home
from tests.benchmarks.report import Report

NAMES = ("listing", "limit", "crowd", "imports", "syncing", "reading", "memory", "transfers", "waiting")


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when every figure keeps its bound, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Check the bounds.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; all unless given")
    names = parser.parse_args(arguments).names or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    # Raise an exception on SIGTERM, so that sandboxes end and the Airflow home is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with own_airflow_home():
        reports = [_run(name) for name in names]
    return 0 if all(report.ok for report in reports) else 1


def _run(name: str) -> Report:
    # Not imported before: Airflow reads its configuration when it is first imported.
    report: Report = importlib.import_module(f"tests.benchmarks.{name}").run()
    sys.stdout.write(f"{name}: {report}\n\n")
    sys.stdout.flush()
    return report


if __name__ == "__main__":
    sys.exit(main())
