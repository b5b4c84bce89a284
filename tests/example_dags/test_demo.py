"""The demo, as ``make demo`` runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

DEMO = Path(__file__).parent.parent.parent / "example_dags" / "demo.py"


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="the demo is for Airflow 3")
def test_the_demo_shows_what_two_runs_made_of_the_lists() -> None:
    shown = subprocess.run(
        [sys.executable, DEMO],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": ""},
    )
    assert shown.returncode == 0, shown.stderr
    table = {
        line[:18].strip(): [int(number.replace(",", "")) for number in line[18:].split()]
        for line in shown.stdout.splitlines()
        if re.fullmatch(r"[a-zA-Z -]+ [\d, ]+", line)
    }
    assert table["blocklist"] == [2000, 2060, 2060]
    assert table["unsubscribes"] == [1200, 1254, 1254]
    assert table["SMS opt-outs"] == [125, 140, 140]
    assert table["hard-bounces"] == [900, 900, 900]
    assert all(number > 0 for number in table["requests used"])
    assert re.search(r"[\d,]+ of the day's requests are left\. Both runs took \d+ s", shown.stdout)
