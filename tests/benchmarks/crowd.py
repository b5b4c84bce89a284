"""
Many tasks on one account whose responses don't say what its rate limit is: does each get its turn?

Each worker is a process with a hook of its own, as a task is, and reads a short list again and again. Measured are: the
share of the allowed requests that was used until half of the workers were done; the same over the whole run, whose tail
a few workers cannot fill; the share of requests that got a 429; and the longest time that one request took, retries
included, in windows of the limit. That one is bounded in every round, not only at the median.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from math import ceil
from multiprocessing.synchronize import Barrier

from airflow_provider_mailersend.exceptions import MailerSendError
from tests.benchmarks.readers import hook_of
from tests.benchmarks.report import Report, Row, exactly, figure
from tests.benchmarks.sandbox_process import SandboxProcess, sandbox_process

LIMIT = 60
WINDOW = 2.5
ROUNDS = 3

#: Forked, a process has imported everything already, and none of this one's threads is left by then.
_FORK = multiprocessing.get_context("fork")
_LONGEST_START = 60.0  # seconds

_barrier: Barrier


def run() -> Report:
    """24 processes, and 4 on a sliding window: none fails, and no request takes longer than 5 windows."""
    options = (f"--rate-limit={LIMIT}", f"--rate-window={WINDOW}", "--quota=none", "--headers=")
    with sandbox_process("--unsubscribes=10", *options) as sandbox:
        many = [_crowd(sandbox, workers=24, requests=30) for _ in range(ROUNDS)]
    with sandbox_process("--unsubscribes=10", "--sliding-window", *options) as sandbox:
        few = [_crowd(sandbox, workers=4, requests=180) for _ in range(ROUNDS)]
    return Report(
        f"{LIMIT} requests in {WINDOW:g} s, without limit headers, {ROUNDS} rounds",
        [*_rows("24 processes of 30 requests", many), *_rows("4 processes of 180, sliding window", few)],
    )


@dataclass(frozen=True)
class _Worker:
    began_at: float
    ended_at: float
    waits: Sequence[float]
    error: str | None


@dataclass(frozen=True)
class _Crowd:
    """
    What came of a round.

    :param used: the share of the allowed requests that was used until half of the workers were done.
    :param used_in_all: the same over the whole run.
    """

    workers: Sequence[_Worker]
    statuses: Sequence[int | None]
    used: float
    used_in_all: float

    @property
    def refused(self) -> float:
        return self.statuses.count(429) / len(self.statuses)

    @property
    def longest_wait(self) -> float:
        return max(max(worker.waits) for worker in self.workers) / WINDOW

    @property
    def errors(self) -> list[str]:
        return [worker.error for worker in self.workers if worker.error is not None]


def _crowd(sandbox: SandboxProcess, *, workers: int, requests: int) -> _Crowd:
    time.sleep(WINDOW)
    sandbox.clear_log()
    barrier = _FORK.Barrier(workers)
    with ProcessPoolExecutor(workers, _FORK, _wait_at, (barrier,)) as pool:
        done = list(pool.map(_work, [sandbox] * workers, [requests] * workers))
    answers = sandbox.answers()
    started = min(worker.began_at for worker in done)
    ends = sorted(worker.ended_at - started for worker in done)
    accepted = [at - started for status, at in answers if status == 200]

    def used_in(windows: int) -> float:
        return sum(at < windows * WINDOW for at in accepted) / (windows * LIMIT)

    return _Crowd(
        done,
        [status for status, _ in answers],
        used=used_in(max(1, int(ends[workers // 2] // WINDOW))),
        used_in_all=used_in(ceil(ends[-1] / WINDOW)),
    )


def _wait_at(barrier: Barrier) -> None:
    global _barrier
    _barrier = barrier


def _work(sandbox: SandboxProcess, requests: int) -> _Worker:
    hook = hook_of(sandbox, rate_limit_window=WINDOW)
    waits, error = [0.0], None
    # All begin at once, and each process is one worker.
    _barrier.wait(_LONGEST_START)
    began_at = time.time()
    try:
        for _ in range(requests):
            begun = time.monotonic()
            hook.list_suppressions("unsubscribes")
            waits.append(time.monotonic() - begun)
    except MailerSendError as raised:
        error = str(raised)
    return _Worker(began_at, time.time(), waits, error)


def _rows(which: str, crowds: Sequence[_Crowd]) -> list[Row]:
    return [
        figure(f"{which}: rate / allowed rate until half are done", [one.used for one in crowds], "≥", 0.9),
        figure(f"{which}: rate / allowed rate in all", [one.used_in_all for one in crowds]),
        figure(f"{which}: 429s / requests", [one.refused for one in crowds], "≤", 0.2),
        figure(
            f"{which}: longest wait of all rounds, windows",
            [one.longest_wait for one in crowds],
            "≤",
            5,
            form="{:.1f}",
            of=max,
        ),
        exactly(f"{which}: errors", [error for one in crowds for error in one.errors], []),
    ]
