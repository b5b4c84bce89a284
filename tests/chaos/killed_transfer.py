"""The run of a transfer: once undisturbed, which shows how long it takes, and once killed and retried."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from tests.chaos import databases
from tests.chaos.run import Record, connect
from tests.chaos.sandbox_process import SandboxProcess, sandbox_process
from tests.chaos.transfers import TRANSFERS
from tests.chaos.tries import Killed, Returned, Task, Try
from tests.chaos.weather import slow_line

#: How many kills fall into the time after the last request: there a file is renamed, a transaction committed.
_LATE = 0.5


@dataclass
class _Course:
    """How a try went, noted while it runs: its requests, and when the last one came."""

    sandbox: SandboxProcess
    began: float = field(default_factory=time.monotonic)
    requests: int = 0
    last: float = 0.0

    def __post_init__(self) -> None:
        self._sent_before: int = self.sandbox.count()

    def look(self) -> bool:
        """Note where it is. It is never time to kill."""
        requests = self.sandbox.count() - self._sent_before
        if requests != self.requests:
            self.requests, self.last = requests, time.monotonic()
        return False


class KilledTransfer:
    """
    The run of *seed*.

    :param folder: where it may leave files.
    """

    def __init__(self, seed: int, kind: str, folder: Path) -> None:
        self._random = Random(seed)
        self._folder = folder
        self._transfer = TRANSFERS[kind](self._random, seed, folder)
        self._began = datetime.now(UTC)
        self.record = Record(seed, kind)

    def run(self) -> None:
        """Run, and note in the record what went wrong."""
        transfer, record = self._transfer, self.record
        # The kinds take turns by seed: so that each of them meets each database.
        if transfer.uses_database:
            record.database = databases.connect(record.seed, record.seed // len(TRANSFERS), self._folder)
        with sandbox_process(rate_limit=None, quota=None, **transfer.sandbox) as sandbox:
            connect(sandbox, {})
            sandbox.fail([slow_line(self._random)])
            record.told = f"{record.database}\n{transfer.arguments('killed')}"
            if transfer.prepare(sandbox):
                for name in ("measured", "killed"):
                    self._finish(name)
                transfer.change(sandbox)
            is_time_to_kill = self._kill_moment(sandbox)
            transfer.begin(sandbox)
            self._began = datetime.now(UTC)
            outcome = self._try("killed", 1, is_time_to_kill)
            if isinstance(outcome, Killed):
                record.kills = 1
                sandbox.await_silence()
                record.killed_when, problems = transfer.after_kill(sandbox)
                record.problems += problems
                outcome = self._try("killed", 2)
            if not isinstance(outcome, Returned):
                raise AssertionError(f"it did not succeed: {outcome}")
            record.problems += transfer.after_retry(sandbox, outcome.value)

    def _finish(self, name: str) -> None:
        outcome = self._try(name, 1)
        if not isinstance(outcome, Returned):
            raise AssertionError(f"undisturbed, it did not succeed: {outcome}")

    def _kill_moment(self, sandbox: SandboxProcess) -> Callable[[], bool]:
        """Let it run undisturbed, and draw from how long that takes when to kill it."""
        course = _Course(sandbox)
        outcome = self._try("measured", 1, course.look)
        ended = time.monotonic()
        if not isinstance(outcome, Returned):
            raise AssertionError(f"undisturbed, it did not succeed: {outcome}")
        is_late = self._random.random() < _LATE
        # A late one early rather than late: the process ends more slowly than a transaction.
        share = self._random.random() ** (2 if is_late else 1)
        seconds = share * (ended - (course.last if is_late else course.began))
        killed: _Course | None = None

        def is_time() -> bool:
            nonlocal killed
            killed = killed or _Course(sandbox)
            killed.look()
            now = time.monotonic()
            if is_late:
                return killed.requests >= course.requests and now >= killed.last + seconds
            return now >= killed.began + seconds

        return is_time

    def _try(self, name: str, number: int, is_time_to_kill: Callable[[], bool] = lambda: False) -> object:
        arguments = self._transfer.arguments(name)
        log = self._folder / f"{name}.log"
        task = Task(self._transfer.operator, arguments, log, self._began, number)
        self.record.tries += 1
        return Try(task, is_time_to_kill).run()
