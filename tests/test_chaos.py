"""A few of the runs of ``make chaos``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos import databases

pytestmark = pytest.mark.slow


def report_of(*options: str) -> str:
    """Run so much of a campaign, and return its report."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *options],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_handful_of_runs() -> None:
    report = report_of("--runs", "12", "--killed-adds", "2", "--killed-transfers", "0", "--at-once", "7")
    kills = re.search(r"(\d+) processes killed", report)
    assert kills is not None
    assert int(kills[1]) > 0


@pytest.mark.skipif(
    not databases.is_possible() and not os.environ.get("TESTS_NEED_SERVICES"),
    reason="apache-airflow-providers-sqlite isn't installed",
)
def test_a_handful_of_killed_transfers() -> None:
    report = report_of("--runs", "0", "--killed-adds", "0", "--killed-transfers", "6", "--at-once", "6")
    killed = re.findall(r"2 runs.*, (\d) killed before the end .*, whole and right 2", report)
    assert len(killed) == 3
    assert sum(map(int, killed)) > 0
