"""The sandbox as a program, with the options of tests."""

from __future__ import annotations

import subprocess
import sys
import time
from email.utils import parsedate_to_datetime

import requests


def test_the_program_with_weather() -> None:
    options = ["--sliding-window", "--visible-after=3000", "--gateway-clock-ahead=5000", "--shuffle-ties"]
    command = [sys.executable, "-m", "tests.unsteady", "--port=0", "--blocklist=2", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url, token = (process.stdout.readline().split()[1] for _ in range(2))
        headers = {"Authorization": f"Bearer {token}"}
        blocklist = f"{url}/suppressions/blocklist"
        added = requests.post(blocklist, json={"recipients": ["a@a.co"]}, headers=headers, timeout=10)
        assert parsedate_to_datetime(added.headers["date"]).timestamp() > time.time() + 4000
        assert len(requests.get(blocklist, headers=headers, timeout=10).json()["data"]) == 2
        process.terminate()
