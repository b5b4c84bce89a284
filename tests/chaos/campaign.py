"""Many runs at once, each in a process of its own that is forked from one that has imported and used everything."""

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
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path

from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from airflow_provider_mailersend.sandbox import Sandbox
from tests.benchmarks.airflow_environment import define_connection
from tests.chaos.report import Report
from tests.chaos.run import Record, Run
from tests.chaos.signals import Asked, head_a_group

_FORK = multiprocessing.get_context("fork")

#: How long a run may take, and how long its end when it is asked for, in seconds.
_LONGEST_RUN = 240.0
_LONGEST_END = 5.0

#: How much of the log of a run that failed is told, in characters.
_MOST_TOLD = 6000


@dataclass
class _Running:
    seed: int
    folder: Path
    process: ForkProcess
    deadline: float

    def end(self) -> None:
        """Let it end its processes and itself, or kill them all."""
        self.process.terminate()
        self.process.join(_LONGEST_END)
        if self.process.is_alive() and self.process.pid:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.join()
        shutil.rmtree(self.folder, ignore_errors=True)


def run(seeds: Iterable[int], at_once: int) -> Report:
    """Do the runs of all *seeds*."""
    started = time.monotonic()
    records: list[Record] = []
    running: dict[Connection, _Running] = {}
    _warm_up()
    asked = Asked()
    with tempfile.TemporaryDirectory(prefix="mailersend-chaos-") as home:
        try:
            left = iter(seeds)
            while asked.code is None:
                while len(running) < at_once and (seed := next(left, None)) is not None:
                    ours, one = _start(seed, Path(home, str(seed)))
                    running[ours] = one
                if not running:
                    break
                for ours in _ready(running):
                    one = running.pop(ours)
                    records.append(_result(ours, one))
                    if records[-1].problems:
                        _tell(records[-1])
        finally:
            for one in running.values():
                one.process.terminate()
            for one in running.values():
                one.end()
    if asked.code is not None:
        sys.exit(asked.code)
    return Report(records, time.monotonic() - started)


def _warm_up() -> None:
    """Let everything be imported that is imported late, and leave no thread."""
    with Sandbox() as sandbox:
        define_connection(
            "mailersend_default", conn_type="mailersend", host=sandbox.url, password=sandbox.token
        )
        hook = MailerSendHook()
        hook.list_suppressions("unsubscribes")
        hook.get_conn().close()
    gc.collect()
    gc.freeze()


def _start(seed: int, folder: Path) -> tuple[Connection, _Running]:
    folder.mkdir()
    ours, theirs = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_run_one, args=(seed, folder, theirs))
    process.start()
    theirs.close()
    return ours, _Running(seed, folder, process, time.monotonic() + _LONGEST_RUN)


def _ready(running: dict[Connection, _Running]) -> list[Connection]:
    """Return those runs that have ended, or are to be ended because they take too long; wait a little for one."""
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
    return Record(one.seed, "?", [problem])


def _run_one(seed: int, folder: Path, pipe: Connection) -> None:
    head_a_group()
    started = time.monotonic()
    one = Run(seed, folder)
    try:
        one.run()
    except Exception:
        one.record.problems.append(traceback.format_exc())
    one.record.seconds = time.monotonic() - started
    pipe.send(one.record)


def _tell(record: Record) -> None:
    problems = "\n".join(f"  {problem}" for problem in record.problems)
    sys.stdout.write(
        f"FAILED: python -m tests.chaos --runs 1 --seed {record.seed}  ({record.kind})\n{problems}\n{record.told}\n\n"
    )
    sys.stdout.flush()
