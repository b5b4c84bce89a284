"""One run: a job on a sandbox, tried until a try ends well, then checked and done once more."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from tests.chaos import model
from tests.chaos.jobs import KINDS, Draft, Job
from tests.chaos.sandbox_process import SandboxProcess, sandbox_process
from tests.chaos.tries import Killed, Raised, Returned, Task, Try
from tests.chaos.weather import (
    Limits,
    connection_extra,
    faults_for,
    limits_for,
    names_of,
    timeout_under,
)

#: How many tries may fail or be killed before the one that ends well.
_MOST_TRIES = 14

_WRITES = ("POST", "PUT", "DELETE")


@dataclass
class Record:
    """What came of a run."""

    seed: int
    kind: str
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    tries: int = 0
    kills: int = 0
    deferrals: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    told: str = ""


class Run:
    """
    The run of *seed*.

    :param folder: where it may leave files.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self._random = Random(seed)
        self._folder = folder
        self._is_killed = seed % 5 < 2
        self._draft = Draft(self._random, KINDS[seed % len(KINDS)])
        self._began = datetime.now(UTC)
        self.record = Record(seed, self._draft.kind)

    def run(self) -> None:
        """Do it; what went wrong is in the record."""
        limits = limits_for(
            self._random, batch_size=self._draft.batch_size, least_quota=self._draft.least_quota
        )
        with sandbox_process(**self._draft.sandbox, **limits.sandbox) as sandbox:
            self._draft.populate(sandbox)
            time.sleep(limits.sandbox.get("visible_after", 0.0))
            self._began = datetime.now(UTC)
            before = sandbox.state()
            job = self._draft.job(before, sandbox.domain_ids(), self._folder)
            faults = faults_for(self._random, dict(job.requests), is_slow=self._is_killed)
            extra = connection_extra(self._random, timeout_under(faults))
            self.record.told = f"{job.arguments}\n{limits}\n{extra}\n{faults}"
            _connect(sandbox, extra)
            sandbox.fail(faults)
            returned = self._try_until_done(sandbox, job, limits)
            sandbox.await_silence(is_commit_awaited=True)
            time.sleep(limits.sandbox.get("visible_after", 0.0))
            for request in sandbox.log():
                self.record.happened.update(names_of(request, limits))
            differences = job.expected.differences(sandbox.state())
            is_blind = limits.sandbox.get("shuffle_ties") and self._draft.kind == "add"
            if is_blind or _may_be_incomplete(returned):
                # Said to be, or a look-up whose pages change places: nothing is lost, nor changed that should not be.
                self._expect(*(each for each in differences if model.is_loss(each)))
                return
            self._expect(*differences)
            if self.record.tries == 1:
                self._expect(*_unlike(returned, job))
            sandbox.clear_faults()
            self._do_again(sandbox, job, limits)

    def _expect(self, *problems: str) -> None:
        self.record.problems += problems

    def _try_until_done(self, sandbox: SandboxProcess, job: Job, limits: Limits) -> Returned:
        kills = self._random.choice((1, 1, 2, 3)) if self._is_killed else 0
        for number in range(1, _MOST_TRIES + 1):
            task = self._task(job, "tries.log", number)
            is_time_to_kill = self._kill_moment(sandbox, job) if kills else lambda: False
            kills -= bool(kills)
            one = Try(task, is_time_to_kill)
            outcome = one.run()
            self.record.tries += 1
            self.record.deferrals += one.deferrals
            match outcome:
                case Returned():
                    return outcome
                case Killed():
                    self.record.kills += 1
                case Raised(error, permanent=True):
                    raise AssertionError(f"a try failed for good: {error}")
            sandbox.await_silence()
            time.sleep(limits.pause)
        raise AssertionError(f"none of {_MOST_TRIES} tries ended well; the last: {outcome}")

    def _kill_moment(self, sandbox: SandboxProcess, job: Job) -> Callable[[], bool]:
        """Draw when to kill a try: at one of its requests, or some time after its beginning."""
        if self._random.random() < 0.2:
            moment = time.monotonic() + self._random.uniform(0.05, 1.0)
            return lambda: time.monotonic() >= moment
        at = sandbox.count() + self._random.randint(1, max(2, sum(job.requests.values())))
        return lambda: sandbox.count() >= at

    def _do_again(self, sandbox: SandboxProcess, job: Job, limits: Limits) -> None:
        """Another task does the same work, undisturbed."""
        before, sent = sandbox.state(), sandbox.count()
        time.sleep(limits.pause if limits.is_quota else 0)
        # A retry, for Add: another DAG run would add again.
        again = Try(self._task(job, "again.log", 2 if self._draft.kind == "add" else 1))
        outcome = again.run()
        if not isinstance(outcome, Returned):
            self._expect(f"done again, it failed: {outcome}")
        written = [request for request in sandbox.log()[sent:] if request.method in _WRITES]
        self._expect(*(f"done again, it sent {request.method} {request.path}" for request in written))
        if sandbox.state() != before:
            self._expect("done again, it changed something")

    def _task(self, job: Job, log: str, number: int) -> Task:
        arguments = {**job.arguments, "deferrable": True}
        return Task(job.operator, arguments, self._folder / log, self._began, number)


def _may_be_incomplete(returned: Returned) -> bool:
    return isinstance(returned.value, dict) and bool(returned.value.get("may_be_incomplete"))


def _connect(sandbox: SandboxProcess, extra: dict[str, object]) -> None:
    connection = {
        "conn_type": "mailersend",
        "host": sandbox.url(),
        "password": "mlsn.sandbox",
        "extra": extra,
    }
    os.environ["AIRFLOW_CONN_MAILERSEND_DEFAULT"] = json.dumps(connection)


def _unlike(returned: Returned, job: Job) -> list[str]:
    return [
        f"it returned {name}={returned.value[name]!r}, not {value!r}"
        for name, value in job.totals.items()
        if returned.value[name] != value
    ]
