"""How the processes of a campaign take signals."""

from __future__ import annotations

import os
import signal
import sys


class Asked:
    """
    Takes Ctrl-C and SIGTERM as a request to end, which is to be looked at: ``code`` is then what to exit with.

    An exception would be lost where it comes while a process forks.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._take)

    def _take(self, number: int, _: object) -> None:
        self.code = 128 + number


def head_a_group() -> None:
    """Let SIGTERM be an exception, and Ctrl-C the business of the process that started this one."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def be_of_the_group() -> None:
    """Die of SIGTERM at once."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
