"""Many runs at once, each in a process of its own, forked after everything was imported and used once."""

from __future__ import annotations

import gc
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path

from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from airflow_provider_mailersend.sandbox import Sandbox
from airflow_provider_mailersend.transfers.lineage import report
from tests.benchmarks.airflow_environment import define_connection
from tests.chaos import databases
from tests.chaos.jobs import KILLED_ADD, KINDS
from tests.chaos.killed_transfer import KilledTransfer
from tests.chaos.report import Report
from tests.chaos.run import Record, Run
from tests.chaos.signals import Asked, head_a_group
from tests.chaos.transfers import TRANSFERS

_FORK = multiprocessing.get_context("fork")

#: How long a run may take, and how long it may take to end on SIGTERM, in seconds. With the smallest quota a run
#: sleeps over some thirty resets, at least 7 s each, until its last change shows in the list.
_LONGEST_RUN = 480.0
_LONGEST_END = 5.0

#: How many characters of each log of a failed run are printed.
_MOST_TOLD = 6000


@dataclass(frozen=True)
class Case:
    """What a run is drawn from."""

    seed: int
    kind: str

    @property
    def command(self) -> str:
        """How to do just this run again."""
        counts = {"--runs": 0, "--killed-adds": 0, "--killed-transfers": 0}
        counts[_OPTIONS.get(self.kind, "--runs")] = 1
        options = " ".join(f"{option} {count}" for option, count in counts.items())
        return f"python -m tests.chaos {options} --seed {self.seed}"


_OPTIONS = {KILLED_ADD: "--killed-adds", **dict.fromkeys(TRANSFERS, "--killed-transfers")}


def cases(seed: int, runs: int, killed_adds: int, killed_transfers: int) -> list[Case]:
    """Return the cases of a campaign, with the seeds from *seed* on."""
    transfers = [*TRANSFERS]
    return [
        *(Case(one, KINDS[one % len(KINDS)]) for one in range(seed, seed + runs)),
        *(Case(one, KILLED_ADD) for one in range(seed, seed + killed_adds)),
        *(
            Case(one, transfers[one % len(transfers)])
            for one in range(seed, seed + (killed_transfers if databases.is_possible() else 0))
        ),
    ]


@dataclass
class _Running:
    case: Case
    folder: Path
    process: ForkProcess
    deadline: float

    def end(self) -> None:
        """Let it end its processes and itself; kill them all if it doesn't."""
        self.process.terminate()
        self.process.join(_LONGEST_END)
        if self.process.is_alive() and self.process.pid:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.join()
        shutil.rmtree(self.folder, ignore_errors=True)


def run(cases: Sequence[Case], at_once: int) -> Report:
    """Do the runs of all *cases*, *at_once* at a time."""
    needs_databases = any(case.kind in TRANSFERS for case in cases)
    with databases.servers() if needs_databases else nullcontext():
        return _run(cases, at_once)


def _run(cases: Iterable[Case], at_once: int) -> Report:
    started = time.monotonic()
    records: list[Record] = []
    running: dict[Connection, _Running] = {}
    _warm_up()
    asked = Asked()
    with tempfile.TemporaryDirectory(prefix="mailersend-chaos-") as home:
        try:
            left = iter(cases)
            while asked.code is None:
                while len(running) < at_once and (case := next(left, None)) is not None:
                    ours, one = _start(case, Path(home, f"{case.kind} {case.seed}"))
                    running[ours] = one
                if not running:
                    break
                for ours in _ready(running):
                    one = running.pop(ours)
                    records.append(_result(ours, one))
                    if records[-1].problems:
                        _tell(one.case, records[-1])
        finally:
            for one in running.values():
                one.process.terminate()
            for one in running.values():
                one.end()
    if asked.code is not None:
        sys.exit(asked.code)
    return Report(records, time.monotonic() - started)


def _warm_up() -> None:
    """Import all that is imported late, and leave no thread behind."""
    with Sandbox() as sandbox:
        define_connection(
            "mailersend_default", conn_type="mailersend", host=sandbox.url, password=sandbox.token
        )
        hook = MailerSendHook()
        hook.list_suppressions("unsubscribes")
        hook.get_conn().close()
        report(hook, [], [])
    if databases.is_possible():
        databases.warm_up()
    gc.collect()
    gc.freeze()


def _start(case: Case, folder: Path) -> tuple[Connection, _Running]:
    folder.mkdir()
    ours, theirs = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_run_one, args=(case, folder, theirs))
    process.start()
    theirs.close()
    return ours, _Running(case, folder, process, time.monotonic() + _LONGEST_RUN)


def _ready(running: dict[Connection, _Running]) -> list[Connection]:
    """Wait a little; return the runs that have ended or take too long."""
    ended = wait([*running], 0.5)
    return [ours for ours, one in running.items() if ours in ended or one.deadline <= time.monotonic()]


def _result(ours: Connection, one: _Running) -> Record:
    try:
        record: Record = (
            ours.recv() if ours.poll() else _without_result(one, f"it took longer than {_LONGEST_RUN:.0f} s")
        )
    except EOFError:
        record = _without_result(one, "its process died")
    if record.problems:
        record.told += "".join(
            f"\n--- {log.name}\n{log.read_text()[-_MOST_TOLD:]}" for log in sorted(one.folder.glob("*.log"))
        )
    ours.close()
    one.end()
    return record


def _without_result(one: _Running, problem: str) -> Record:
    return Record(one.case.seed, one.case.kind, [problem])


def _run_one(case: Case, folder: Path, pipe: Connection) -> None:
    head_a_group()
    started = time.monotonic()
    kind = KilledTransfer if case.kind in TRANSFERS else Run
    one = kind(case.seed, case.kind, folder)
    try:
        one.run()
    except Exception:
        one.record.problems.append(traceback.format_exc())
    one.record.seconds = time.monotonic() - started
    pipe.send(one.record)


def _tell(case: Case, record: Record) -> None:
    problems = "\n".join(f"  {problem}" for problem in record.problems)
    sys.stdout.write(f"FAILED: {case.command}  ({case.kind})\n{problems}\n{record.told}\n\n")
    sys.stdout.flush()
