"""
Many workers on one account whose answers say nothing of its limit: whether each gets its turn.

Each worker has a hook of its own, as each task process has, and reads a short list again and again. The figures:
how much of what the account allows was used in the windows begun until half of the workers were done, how many
requests were refused, and how long one request took at the most, refusals included.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from airflow_provider_mailersend.exceptions import MailerSendError
from tests.benchmarks.readers import hook_of
from tests.benchmarks.report import Report, Row, exactly, figure
from tests.benchmarks.sandbox_process import SandboxProcess, sandbox_process

LIMIT = 60
WINDOW = 2.5
ROUNDS = 3


def run() -> Report:
    """24 workers, and 4 on a window that slides: none fails, none waits for more than 5 windows."""
    options = (f"--rate-limit={LIMIT}", f"--rate-window={WINDOW}", "--quota=none", "--headers=")
    with sandbox_process("--unsubscribes=10", *options) as sandbox:
        many = [_crowd(sandbox, workers=24, requests=30) for _ in range(ROUNDS)]
    with sandbox_process("--unsubscribes=10", "--sliding-window", *options) as sandbox:
        few = [_crowd(sandbox, workers=4, requests=180) for _ in range(ROUNDS)]
    return Report(
        f"{LIMIT} requests in {WINDOW:g} s, without limit headers, {ROUNDS} rounds",
        [*_rows("24 workers of 30 requests", many), *_rows("4 workers of 180, sliding window", few)],
    )


@dataclass(frozen=True)
class _Worker:
    waits: Sequence[float]
    ended_at: float
    error: MailerSendError | None


@dataclass(frozen=True)
class _Crowd:
    workers: Sequence[_Worker]
    statuses: Sequence[int | None]
    used: float

    @property
    def refused(self) -> float:
        return self.statuses.count(429) / len(self.statuses)

    @property
    def longest_wait(self) -> float:
        return max(max(worker.waits) for worker in self.workers) / WINDOW

    @property
    def failed(self) -> int:
        return sum(worker.error is not None for worker in self.workers)


def _crowd(sandbox: SandboxProcess, *, workers: int, requests: int) -> _Crowd:
    time.sleep(WINDOW)
    sandbox.clear_log()
    with ThreadPoolExecutor(workers) as pool:
        started = time.time()
        done = list(pool.map(lambda _: _work(sandbox, requests), range(workers)))
    answers = sandbox.answers()
    half_done = sorted(worker.ended_at for worker in done)[workers // 2] - started
    windows = max(1, int(half_done // WINDOW))
    accepted = sum(status == 200 and at - started < windows * WINDOW for status, at in answers)
    return _Crowd(done, [status for status, _ in answers], accepted / (windows * LIMIT))


def _work(sandbox: SandboxProcess, requests: int) -> _Worker:
    hook = hook_of(sandbox, rate_limit_window=WINDOW)
    waits, error = [0.0], None
    try:
        for _ in range(requests):
            begun = time.monotonic()
            hook.list_suppressions("unsubscribes")
            waits.append(time.monotonic() - begun)
    except MailerSendError as raised:
        error = raised
    return _Worker(waits, time.time(), error)


def _rows(which: str, crowds: Sequence[_Crowd]) -> list[Row]:
    return [
        figure(f"{which}: rate / allowed rate", [crowd.used for crowd in crowds], "≥", 0.9),
        figure(f"{which}: 429s / requests", [crowd.refused for crowd in crowds], "≤", 0.2),
        figure(
            f"{which}: longest wait, windows", [crowd.longest_wait for crowd in crowds], "≤", 5, form="{:.1f}"
        ),
        exactly(f"{which}: workers that failed", sum(crowd.failed for crowd in crowds), 0),
    ]
