"""
``python -m tests.benchmarks.fresh_import MODULE ... [--without NAME ...]``: how long importing the modules takes.

Airflow is imported first. Prints JSON: the seconds for ``airflow`` and ``provider``, and the modules ``added``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("modules", nargs="+")
    parser.add_argument(
        "--without", nargs="*", default=[], help="modules that can't be imported after Airflow"
    )
    given = parser.parse_args()
    started = time.perf_counter()
    from airflow.sdk import BaseOperator, BaseSensorOperator  # noqa: F401
    from airflow.triggers.base import BaseTrigger  # noqa: F401

    airflow_imported = time.perf_counter()
    before = set(sys.modules)
    for name in given.without:
        sys.modules[name] = None  # type: ignore[assignment]
    provider_started = time.perf_counter()
    for name in given.modules:
        importlib.import_module(name)
    told = {
        "airflow": airflow_imported - started,
        "provider": time.perf_counter() - provider_started,
        "added": sorted(set(sys.modules) - before),
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
