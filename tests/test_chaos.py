"""A few of the runs of ``make chaos``."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path


def test_a_handful_of_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--runs", "12", "--killed-adds", "2", "--at-once", "7"],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kills = re.search(r"(\d+) processes killed", done.stdout)
    assert kills is not None
    assert int(kills[1]) > 0
