"""A clock of its own, and a rate limit whose window slides."""

from __future__ import annotations

import time
from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest

from tests.sandbox_client import Start
from tests.unsteady import SlidingWindow, UnsteadySandbox


@pytest.mark.parametrize("hours", [-2, 2])
def test_its_clock_may_be_another(start: Start, hours: int) -> None:
    client = start(rate_limit=1, dialect="documented", clock_ahead=3600.0 * hours)

    before = time.time() + 3600 * hours
    answer = client("POST", "/suppressions/blocklist", {"recipients": ["a@example.net"]})

    made = datetime.fromisoformat(answer.json()["data"][0]["created_at"]).timestamp()
    dated = parsedate_to_datetime(answer.headers["date"]).timestamp()
    resets = int(answer.headers["x-ratelimit-reset"])
    assert before <= made <= before + 3
    assert before - 1 <= dated <= before + 3
    assert before + 59 <= resets <= before + 63
    with pytest.raises(ValueError, match="clock_ahead must be seconds"):
        UnsteadySandbox(clock_ahead=1e9)


def test_a_sliding_window_counts_the_last_seconds() -> None:
    now = 0.0
    window = SlidingWindow(2, 10.0, lambda: now)
    assert (window.remaining, window.ends) == (2, 10)

    assert window.spend()
    now = 6
    assert window.spend()
    assert not window.spend()
    assert (window.remaining, window.ends) == (0, 10)

    now = 10
    assert window.spend()
    assert not window.spend()
    assert window.ends == 16


def test_a_sliding_window_over_http(start: Start) -> None:
    client = start(rate_limit=2, rate_window=0.5, sliding_window=True, dialect="documented")

    assert [client.get("/domains").status_code for _ in range(3)] == [200, 200, 429]
    refused = client.get("/domains")
    assert 0 < float(refused.headers["retry-after"]) <= 0.501
    time.sleep(float(refused.headers["retry-after"]))
    assert client.get("/domains").status_code == 200
