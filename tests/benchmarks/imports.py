"""
How long the provider's modules that DAG files use take to import: they are imported at each parsing.

Each figure comes from fresh processes that import Airflow's base classes first. As Airflow may have imported an HTTP
library by then, in one more process importing one fails after that, and the provider must still be importable.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from airflow_provider_mailersend import get_provider_info
from tests.benchmarks.report import Report, exactly, figure

PROCESSES = 9
HTTP_LIBRARIES = ("requests", "httpx")


def run() -> Report:
    """The provider takes at most 30 ms, and imports no HTTP library."""
    info = get_provider_info()
    modules = [
        name
        for kind in ("operators", "sensors", "triggers")
        for each in info[kind]
        for name in each["python-modules"]
    ]
    _import(*modules)  # writes the bytecode
    told = [_import(*modules) for _ in range(PROCESSES)]
    added = {name for each in told for name in each["added"]}
    blocked = _run(*modules, "--without", *HTTP_LIBRARIES)
    return Report(
        f"{len(modules)} modules, {PROCESSES} fresh processes",
        [
            figure("provider, ms", [each["provider"] * 1000 for each in told], "≤", 30, form="{:.1f}"),
            figure("Airflow, ms", [each["airflow"] * 1000 for each in told], form="{:.0f}"),
            figure("provider / Airflow", [each["provider"] / each["airflow"] for each in told]),
            exactly(
                f"{' and '.join(HTTP_LIBRARIES)} added",
                ", ".join(sorted(added.intersection(HTTP_LIBRARIES))) or "none",
                "none",
            ),
            exactly("exit code where they cannot be imported", blocked.returncode, 0),
        ],
    )


def _import(*arguments: str) -> dict[str, Any]:
    process = _run(*arguments)
    process.check_returncode()
    told: dict[str, Any] = json.loads(process.stdout)
    return told


def _run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "tests.benchmarks.fresh_import", *arguments]
    return subprocess.run(command, env=environment, check=False, stdout=subprocess.PIPE)
