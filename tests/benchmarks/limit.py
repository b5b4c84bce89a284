"""
Listing under a rate limit: how much of the allowed rate the hook uses, and how many of its requests get a 429.

A sandbox allows 60 requests in a window that begins with the first request after the last window's end; 300 pages are
read. A perfect client, which knows when each window ends, needs four whole windows and the time to read the last 60
pages. That time is measured in each round by a bare loop over 60 pages, just before the hook's listing, which begins
with a fresh window. The figure is the perfect client's time divided by the hook's; noise in those 60 pages can lift it
a little above 1.

With headers, each response says how many requests are left and when the window ends; without them there are only the
429s, and the window's length in the connection. The window is not a whole number of seconds, so that the sandbox sends
the headers with a fraction: rounding up to a second would be most of such a short window.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from airflow_provider_mailersend.sandbox import ALL_HEADERS
from tests.benchmarks.readers import PAGE, bare_loop, hook_of
from tests.benchmarks.report import Report, Row, exactly, figure
from tests.benchmarks.sandbox_process import SandboxProcess, sandbox_process

LIMIT = 60
WINDOW = 2.5
WINDOWS = 5
PAGES = LIMIT * WINDOWS
ROUNDS = 3


def run() -> Report:
    """The hook uses at least 0.95 of the allowed rate, and at most 5 % of its requests get a 429."""
    options = (f"--unsubscribes={PAGES * PAGE}", f"--rate-limit={LIMIT}", f"--rate-window={WINDOW}")
    with (
        sandbox_process(*options, "--quota=none", f"--headers={','.join(sorted(ALL_HEADERS))}") as telling,
        sandbox_process(*options, "--quota=none", "--headers=") as silent,
    ):
        rounds = [(_round(telling), _round(silent)) for _ in range(ROUNDS)]
    with_headers, without = zip(*rounds, strict=True)
    return Report(
        f"{PAGES} pages, {LIMIT} requests in {WINDOW} s, {ROUNDS} rounds",
        [*_rows("with headers", with_headers), *_rows("without headers", without)],
    )


@dataclass(frozen=True)
class _Listing:
    """One listing by the hook, and the time that a perfect client would need."""

    seconds: float
    perfect: float
    ids: int
    statuses: list[int | None]

    @property
    def refused(self) -> float:
        return self.statuses.count(429) / len(self.statuses)


def _round(sandbox: SandboxProcess) -> _Listing:
    _await_whole_limit(sandbox)
    started = time.perf_counter()
    for _ in islice(bare_loop(sandbox), LIMIT):
        pass
    burst = time.perf_counter() - started
    _await_whole_limit(sandbox)
    sandbox.clear_log()
    started = time.perf_counter()
    entries = hook_of(sandbox, rate_limit_window=WINDOW).list_suppressions("unsubscribes")
    seconds = time.perf_counter() - started
    return _Listing(
        seconds=seconds,
        perfect=(WINDOWS - 1) * WINDOW + burst,
        ids=len({entry["id"] for entry in entries}),
        statuses=sandbox.statuses(),
    )


def _await_whole_limit(sandbox: SandboxProcess) -> None:
    while sandbox.state()["rate_remaining"] < LIMIT:
        time.sleep(0.02)


def _rows(which: str, listings: Sequence[_Listing]) -> list[Row]:
    return [
        figure(
            f"{which}: rate / allowed rate", [each.perfect / each.seconds for each in listings], "≥", 0.95
        ),
        figure(f"{which}: 429s / requests", [each.refused for each in listings], "≤", 0.05),
        figure(f"{which}: listing, s", [each.seconds for each in listings], form="{:.2f}"),
        exactly(f"{which}: different ids", min(each.ids for each in listings), PAGES * PAGE),
        exactly(
            f"{which}: answers other than 200 and 429",
            sum(status not in (200, 429) for each in listings for status in each.statuses),
            0,
        ),
    ]
