"""How the processes of a campaign handle signals."""

from __future__ import annotations

import os
import signal
import sys


class Asked:
    """
    Notes Ctrl-C and SIGTERM: ``code`` is then the exit code.

    An exception would get lost when it is raised while a process forks.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._take)

    def _take(self, number: int, _: object) -> None:
        self.code = 128 + number


def head_a_group() -> None:
    """Start a process group, exit on SIGTERM, and leave Ctrl-C to the process that started this one."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def be_of_the_group() -> None:
    """Die at once on SIGTERM, without cleaning up."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
