"""One run: a job on a sandbox, tried until a try succeeds, then checked and done once more."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from tests.chaos.jobs import KILLED_ADD, Draft, Job
from tests.chaos.model import EXPLAINED_BY_INCOMPLETE_READING, Difference
from tests.chaos.sandbox_process import SandboxProcess, sandbox_process
from tests.chaos.tries import Killed, Raised, Returned, Task, Try
from tests.chaos.weather import (
    Limits,
    connection_extra,
    faults_for,
    limits_for,
    names_of,
    slow_line,
    timeout_under,
)
from tests.unsteady import RareFault

#: How many tries a run gets.
_MOST_TRIES = 14

_WRITES = ("POST", "PUT", "DELETE")


@dataclass
class Record:
    """
    What came of a run.

    :param violations: how many differences from the model there were, by kind.
    :param happened: how many requests met each fault or limit.
    :param conditions: what was out of the ordinary all through the run.
    :param added: how many entries more the list held after the job was done.
    :param may_be_incomplete: whether the operator said so.
    :param database: of a killed transfer, which database it was on.
    :param killed_when: of a killed transfer, how far it had come.
    :param told: the arguments, limits and faults, and the logs when the run failed.
    """

    seed: int
    kind: str
    problems: list[str] = field(default_factory=list)
    violations: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    tries: int = 0
    kills: int = 0
    deferrals: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    conditions: Sequence[str] = ()
    added: int = 0
    may_be_incomplete: bool = False
    told: str = ""
    database: str = ""
    killed_when: str = ""


class Run:
    """
    The run of *seed*.

    :param folder: where it may leave files.
    """

    def __init__(self, seed: int, kind: str, folder: Path) -> None:
        self._random = Random(seed)
        self._folder = folder
        self._draft = Draft(self._random, kind)
        self._is_killed = kind == KILLED_ADD or seed % 5 < 2
        self._began = datetime.now(UTC)
        self.record = Record(seed, kind)

    def run(self) -> None:
        """Run, and note in the record what went wrong."""
        limits = self._limits()
        self.record.conditions = list(limits.conditions)
        with sandbox_process(**self._draft.sandbox, **limits.sandbox) as sandbox:
            self._draft.populate(sandbox)
            time.sleep(limits.sandbox.get("visible_after", 0.0))
            self._began = datetime.now(UTC)
            before = sandbox.state()
            job = self._draft.job(before, sandbox.domain_ids(), self._folder)
            faults = self._faults(job)
            extra = connection_extra(self._random, timeout_under(faults))
            self.record.told = f"{job.arguments}\n{limits}\n{extra}\n{faults}"
            connect(sandbox, extra)
            sandbox.fail(faults)
            returned = self._try_until_done(sandbox, job, limits)
            sandbox.await_silence(is_commit_awaited=True)
            time.sleep(limits.sandbox.get("visible_after", 0.0))
            for request in sandbox.log():
                self.record.happened.update(names_of(request, limits))
            after = sandbox.state()
            self.record.added = len(after[self._draft.which]) - len(before[self._draft.which])
            self.record.may_be_incomplete = _may_be_incomplete(returned)
            self._expect_none(job.expected.differences(after), returned)
            if self.record.tries == 1 and not self.record.may_be_incomplete:
                self._expect(*_unlike(returned, job))
            sandbox.clear_faults()
            self._do_again(sandbox, job, limits)

    def _limits(self) -> Limits:
        if self._draft.kind == KILLED_ADD:
            return Limits({"rate_limit": None, "quota": None})
        return limits_for(
            self._random, batch_size=self._draft.batch_size, least_quota=self._draft.least_quota
        )

    def _faults(self, job: Job) -> list[RareFault]:
        if self._draft.kind == KILLED_ADD:
            return [slow_line(self._random)]
        return faults_for(self._random, dict(job.requests), is_slow=self._is_killed)

    def _expect(self, *problems: str) -> None:
        self.record.problems += problems

    def _expect_none(self, differences: Sequence[Difference], returned: Returned, when: str = "") -> None:
        """Note those *differences* that the operator didn't announce."""
        announced = EXPLAINED_BY_INCOMPLETE_READING if _may_be_incomplete(returned) else frozenset()
        unexplained = [difference for difference in differences if difference.kind not in announced]
        self.record.violations.update(difference.kind for difference in unexplained)
        self._expect(*(f"{when}{difference}" for difference in unexplained))

    def _try_until_done(self, sandbox: SandboxProcess, job: Job, limits: Limits) -> Returned:
        kills = 0
        if self._is_killed:
            kills = 1 if self._draft.kind == KILLED_ADD else self._random.choice((1, 1, 2, 3))
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
        raise AssertionError(f"none of {_MOST_TRIES} tries succeeded; the last: {outcome}")

    def _kill_moment(self, sandbox: SandboxProcess, job: Job) -> Callable[[], bool]:
        """Draw when to kill a try: at one of its requests, or some time after its beginning."""
        requests = sum(job.requests.values())
        if self._draft.kind == KILLED_ADD:
            # Each batch is a request; before the last one there is something left to do.
            at = sandbox.count() + self._random.randint(1, job.requests["POST"] - 1)
            delay = self._random.uniform(0.0, 0.03)
            return lambda: _reaches(sandbox, at, delay)
        if self._random.random() < 0.2:
            moment = time.monotonic() + self._random.uniform(0.05, 1.0)
            return lambda: time.monotonic() >= moment
        at = sandbox.count() + self._random.randint(1, max(2, requests))
        return lambda: sandbox.count() >= at

    def _do_again(self, sandbox: SandboxProcess, job: Job, limits: Limits) -> None:
        """Let another task do the same work, undisturbed: where nothing is left to do, it must send no write."""
        before, sent = sandbox.state(), sandbox.count()
        expected = job.expected_again(before)
        time.sleep(limits.pause if limits.is_quota else 0)
        # For Add a retry: in another DAG run it would add everything again.
        again = Try(self._task(job, "again.log", 2 if self._draft.is_add else 1))
        outcome = again.run()
        if not isinstance(outcome, Returned):
            self._expect(f"done again, it failed: {outcome}")
            return
        after = sandbox.state()
        self._expect_none(expected.differences(after), outcome, "done again, ")
        if expected.is_unchanged and not _may_be_incomplete(outcome):
            written = [request for request in sandbox.log()[sent:] if request.method in _WRITES]
            self._expect(*(f"done again, it sent {request.method} {request.path}" for request in written))
            if after != before:
                self._expect("done again, it changed something")

    def _task(self, job: Job, log: str, number: int) -> Task:
        arguments = {**job.arguments, "deferrable": True}
        return Task(job.operator, arguments, self._folder / log, self._began, number)


def _reaches(sandbox: SandboxProcess, count: int, delay: float) -> bool:
    """Return whether the sandbox has got so many requests; when it has, *delay* seconds later."""
    is_reached: bool = sandbox.count() >= count
    if is_reached:
        time.sleep(delay)
    return is_reached


def _may_be_incomplete(returned: Returned) -> bool:
    return isinstance(returned.value, dict) and bool(returned.value.get("may_be_incomplete"))


def connect(sandbox: SandboxProcess, extra: dict[str, object]) -> None:
    """Define the connection to a run's sandbox."""
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
