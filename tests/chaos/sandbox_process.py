"""A sandbox in a process of its own, driven through a pipe, so that the processes that fork have no threads."""

from __future__ import annotations

import multiprocessing
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Protocol

from airflow_provider_mailersend.sandbox import Fault, LoggedRequest, Sandbox
from tests.chaos.signals import be_of_the_group

LISTS = ("blocklist", "hard-bounces", "spam-complaints", "unsubscribes", "on-hold-list", "sms-recipients")

State = dict[str, list[dict[str, Any]]]

_FORK = multiprocessing.get_context("fork")


class Desk:
    """What a run may ask its sandbox to do."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def url(self) -> str:
        return self._sandbox.url

    def domain_ids(self) -> dict[str, str]:
        return {name: self._sandbox.domain_id(name) for name in self._sandbox.domains}

    def add(self, name: str, *recipients: str, **options: Any) -> None:
        self._sandbox.add(name, *recipients, **options)

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
        """Wait until no request is in flight: a delayed one is processed even when its client is dead."""
        control = self._sandbox.url.removesuffix("/v1") + "/_sandbox/state"
        while True:
            # The same event loop answers this: by then, whatever was sent before is in the log.
            with urllib.request.urlopen(control, timeout=60) as answer:
                answer.read()
            if all(_is_over(request, is_commit_awaited) for request in self._sandbox.log):
                return
            time.sleep(0.02)


def _is_over(request: LoggedRequest, is_commit_awaited: bool) -> bool:
    # What is committed late is left for the next try to meet.
    is_committed_late = request.fault is not None and request.fault.commit_after > 0
    return request.is_over or (is_committed_late and not is_commit_awaited)


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
    with Sandbox(**options) as sandbox:
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
