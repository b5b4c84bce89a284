"""One server for all processes of a test run: the first that needs it starts it, the last one stops it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from tests.services.servers import Server

S = TypeVar("S", bound=Server)


@contextmanager
def shared(kind: type[S], folder: Path) -> Iterator[S]:
    """
    Use the server of this kind that keeps its files in *folder*, which all processes name alike.

    :raises MissingError: it isn't installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Servers that don't run as root read it too.
    folder.chmod(0o755)
    server = kind(folder / kind.__name__)
    noted = folder / f"{kind.__name__}.json"
    with _locked(noted):
        state = json.loads(noted.read_text()) if noted.exists() else {"users": 0}
        if state["users"]:
            server.port = state["port"]
        else:
            server.start()
            state |= {"port": server.port, "pid": server.pid}
        noted.write_text(json.dumps(state | {"users": state["users"] + 1}))
    try:
        yield server
    finally:
        with _locked(noted):
            state = json.loads(noted.read_text())
            noted.write_text(json.dumps(state | {"users": state["users"] - 1}))
            if state["users"] == 1:
                _end(state["pid"])
                shutil.rmtree(server.folder)
                noted.unlink()
        with suppress(OSError):
            # Not where other servers are still in use.
            folder.rmdir()
            _lock_of(noted).unlink()


@contextmanager
def _locked(noted: Path) -> Iterator[None]:
    with _lock_of(noted).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _lock_of(noted: Path) -> Path:
    # Beside the folder, which is deleted while it is held.
    return Path(f"{noted.parent}.lock")


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        try:
            # A child of ours is gone once it has been waited for; another's once the signal finds nobody.
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                return
        except ChildProcessError:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
