"""One try of a task, in processes that may be killed."""

from __future__ import annotations

import asyncio
import importlib
import json
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator, TaskDeferred

from tests.chaos.signals import be_of_the_group

_FORK = multiprocessing.get_context("fork")

#: How long a process may work, and how long a deferred task may wait, in seconds.
_LONGEST_WORK = 180.0
_LONGEST_SLEEP = 20.0


@dataclass(frozen=True)
class _StateFile:
    """The state store of any asset, in a file that outlives the tries' processes."""

    path: Path

    def __getitem__(self, asset: object) -> _StateFile:
        return self

    def get(self, key: str) -> Any:
        return json.loads(self.path.read_text()).get(key) if self.path.exists() else None

    def set(self, key: str, value: Any) -> None:
        written = self.path.with_suffix(".part")
        written.write_text(json.dumps({key: value}))
        written.replace(self.path)
        # Airflow's takes a request, too: a kill often comes when it has stored the value.
        time.sleep(0.2)


@dataclass(frozen=True)
class Task:
    """An operator with its arguments and log file, the start of its DAG run, and its try number."""

    operator: type[BaseOperator]
    arguments: Mapping[str, Any]
    log: Path
    began: datetime
    number: int = 1

    @property
    def context(self) -> dict[str, Any]:
        dag_run, task_instance = (
            SimpleNamespace(start_date=self.began),
            SimpleNamespace(try_number=self.number, run_id="chaos"),
        )
        store = _StateFile(self.log.with_suffix(".state"))
        return {"dag_run": dag_run, "ti": task_instance, "asset_state_store": store}


@dataclass(frozen=True)
class Call:
    """A method of the operator, and its arguments besides the context."""

    method: str = "execute"
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Returned:
    """The task returned *value*."""

    value: Any


@dataclass(frozen=True)
class Raised:
    """The task failed; *permanent* where Airflow would not retry it."""

    error: str
    permanent: bool


@dataclass(frozen=True)
class Killed:
    """The process was killed before the task ended."""


@dataclass(frozen=True)
class _Deferred:
    """The task waits for a trigger of this class and these arguments, and resumes with *call*."""

    trigger: str
    arguments: Mapping[str, Any]
    call: Call


@dataclass
class Try:
    """
    A try of *task*; each resumption after a deferral is another process.

    :param is_time_to_kill: called again and again while a process works; the process is killed when it returns True.
    """

    task: Task
    is_time_to_kill: Callable[[], bool] = lambda: False
    deferrals: int = 0

    def run(self) -> Returned | Raised | Killed:
        """Run it to its end."""
        call = Call()
        while True:
            outcome = self._in_a_process(call)
            if not isinstance(outcome, _Deferred):
                return outcome
            self.deferrals += 1
            payload = asyncio.run(asyncio.wait_for(_fired(outcome), _LONGEST_SLEEP))
            call = Call(outcome.call.method, {**outcome.call.arguments, "event": payload})

    def _in_a_process(self, call: Call) -> Returned | Raised | Killed | _Deferred:
        ours, theirs = _FORK.Pipe(duplex=False)
        process = _FORK.Process(target=_run_one, args=(self.task, call, theirs), daemon=True)
        process.start()
        theirs.close()
        deadline = time.monotonic() + _LONGEST_WORK
        try:
            while not ours.poll(0.005):
                if self.is_time_to_kill():
                    os.kill(process.pid or 0, signal.SIGKILL)
                    break
                if time.monotonic() > deadline:
                    raise AssertionError(f"a try took longer than {_LONGEST_WORK:.0f} s")
            process.join()
            try:
                outcome: Returned | Raised | _Deferred = ours.recv()
            except EOFError:
                if process.exitcode == -signal.SIGKILL:
                    return Killed()
                raise AssertionError(f"a try's process ended with {process.exitcode}") from None
            return outcome
        finally:
            ours.close()
            process.kill()
            process.join()


async def _fired(waiting: _Deferred) -> Any:
    module, _, name = waiting.trigger.rpartition(".")
    trigger = getattr(importlib.import_module(module), name)(**waiting.arguments)
    async for event in trigger.run():
        return event.payload
    raise AssertionError("the trigger ended without an event")


def _run_one(task: Task, call: Call, pipe: Connection) -> None:
    be_of_the_group()
    with task.log.open("a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    pipe.send(_outcome(task, call))


def _outcome(task: Task, call: Call) -> Returned | Raised | _Deferred:
    try:
        operator = task.operator(task_id="chaos", **task.arguments)
        return Returned(getattr(operator, call.method)(task.context, **call.arguments))
    except TaskDeferred as deferred:
        # Airflow passes these through its database, as JSON.
        path, arguments = deferred.trigger.serialize()
        kept = json.loads(json.dumps([arguments, deferred.kwargs or {}]))
        return _Deferred(path, kept[0], Call(deferred.method_name, kept[1]))
    except Exception as error:
        traceback.print_exc()
        return Raised(f"{type(error).__name__}: {error}", isinstance(error, AirflowFailException))
