"""A sandbox in a process of its own, driven through a pipe, so that the processes that fork have no threads."""

from __future__ import annotations

import multiprocessing
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Protocol

from airflow_provider_mailersend.sandbox import Fault, LoggedRequest
from tests.chaos.signals import be_of_the_group
from tests.unsteady import UnsteadySandbox

LISTS = ("blocklist", "hard-bounces", "spam-complaints", "unsubscribes", "on-hold-list", "sms-recipients")

#: How long a request may take, in seconds, its delays included.
_LONGEST_SILENCE = 60.0

State = dict[str, list[dict[str, Any]]]

_FORK = multiprocessing.get_context("fork")


class Desk:
    """What a run may ask its sandbox to do."""

    def __init__(self, sandbox: UnsteadySandbox) -> None:
        self._sandbox = sandbox

    def url(self) -> str:
        return self._sandbox.url

    def domain_ids(self) -> dict[str, str]:
        return {name: self._sandbox.domain_id(name) for name in self._sandbox.domains}

    def add(self, name: str, *recipients: str, **options: Any) -> None:
        self._sandbox.add(name, *recipients, **options)

    def remove(self, name: str, ids: list[str]) -> None:
        self._sandbox.remove(name, ids)

    def fail(self, faults: list[Fault]) -> None:
        for fault in faults:
            self._sandbox.fail(fault)

    def clear_faults(self) -> None:
        self._sandbox.clear_faults()

    def count(self) -> int:
        return len(self._sandbox.log)

    def log(self) -> list[LoggedRequest]:
        return self._sandbox.log

    def state(self) -> State:
        """Return the entries of each list."""
        return {name: self._sandbox.entries(name) for name in LISTS}

    def await_silence(self, *, is_commit_awaited: bool = False) -> None:
        """Return when no request is under way: one that is delayed is processed though its client is dead.

        :param is_commit_awaited: whether to wait for what is committed late, too; the next try is to meet it.
        """
        control = self._sandbox.url.removesuffix("/v1") + "/_sandbox/state"
        # Connections are accepted in their order: after this one, all those of dead clients are open, or done with.
        with urllib.request.urlopen(control, timeout=60) as answer:
            answer.read()
        deadline = time.monotonic() + _LONGEST_SILENCE
        while self._sandbox.open_connections or (is_commit_awaited and self._sandbox.late_requests):
            if time.monotonic() > deadline:
                raise AssertionError("a client keeps its connection")
            time.sleep(0.02)


class SandboxProcess(Protocol):
    """A :class:`Desk` at the other end of a pipe."""

    def __getattr__(self, name: str) -> Any: ...


class _Remote:
    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def __getattr__(self, name: str) -> Any:
        def ask(*arguments: Any, **options: Any) -> Any:
            self._pipe.send((name, arguments, options))
            answer = self._pipe.recv()
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask


@contextmanager
def sandbox_process(**options: Any) -> Iterator[SandboxProcess]:
    """Run a sandbox with *options* in a process of its own."""
    ours, theirs = _FORK.Pipe()
    process = _FORK.Process(target=_serve, args=(ours, theirs, options), daemon=True)
    process.start()
    theirs.close()
    try:
        yield _Remote(ours)
    finally:
        ours.close()
        process.join(10)
        process.kill()
        process.join()


def _serve(ours: Connection, theirs: Connection, options: dict[str, Any]) -> None:
    be_of_the_group()
    ours.close()
    with UnsteadySandbox(**options) as sandbox:
        desk = Desk(sandbox)
        while True:
            try:
                name, arguments, given = theirs.recv()
            except EOFError:
                return
            try:
                theirs.send(getattr(desk, name)(*arguments, **given))
            except Exception as error:
                theirs.send(error)
