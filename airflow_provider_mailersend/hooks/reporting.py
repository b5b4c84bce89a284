"""How a hook's work goes: a line in the log every few seconds, and Airflow's metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from airflow.providers.common.compat.sdk import Stats

from airflow_provider_mailersend.api.answers import Answer, Outcome
from airflow_provider_mailersend.api.flow import Flow, Wait

#: How long there is silence between two lines of progress, in seconds.
INTERVAL = 5.0

#: Waits from this length on, in seconds, are told when they begin.
_WORTH_A_LINE = 1.0


class Reporter:
    """
    Tells how the work of one connection goes.

    The metrics are ``mailersend.requests``, ``mailersend.throttled`` (answers with status 429) and
    ``mailersend.seconds_waited``, which count, and ``mailersend.quota_remaining``, a gauge; each is tagged with
    ``conn_id``.

    :param log: where the lines go.
    :param conn_id: the connection.
    :param flow: whose work it is.
    """

    def __init__(self, log: Any, conn_id: str, flow: Flow) -> None:
        self._log = log
        self._flow = flow
        self._tags = {"conn_id": conn_id}
        self._next_line = time.monotonic() + INTERVAL
        self._waited = 0.0
        self._gauged: int | None = None

    def answered(self, outcome: Outcome) -> None:
        """Take note of a request and what came of it."""
        Stats.incr("mailersend.requests", tags=self._tags)
        if isinstance(outcome, Answer) and outcome.status == 429:
            Stats.incr("mailersend.throttled", tags=self._tags)
        self.gauge()
        self._tell()

    def gauge(self) -> None:
        """Let the metrics know what is known to be left of the day's requests."""
        remaining = self._flow.throttle.quota_remaining
        if remaining is not None and remaining != self._gauged:
            self._gauged = remaining
            Stats.gauge("mailersend.quota_remaining", remaining, tags=self._tags)

    def naps(self, wait: Wait) -> Iterator[float]:
        """Yield how long to sleep, in seconds, until *wait* is over: no longer at once than the log may be silent."""
        seconds = wait.until - time.time()
        if seconds >= _WORTH_A_LINE:
            self._next_line = 0.0
        while seconds > 0:
            self._tell(f"waiting {seconds:.1f} s for {wait.reason}")
            nap = min(seconds, INTERVAL)
            yield nap
            self._note_wait(nap)
            seconds = wait.until - time.time()

    def _note_wait(self, seconds: float) -> None:
        # Counters hold whole numbers: what is left over counts with the next wait.
        self._waited += seconds
        whole = int(self._waited)
        if whole:
            self._waited -= whole
            Stats.incr("mailersend.seconds_waited", whole, tags=self._tags)

    def _tell(self, waiting: str | None = None) -> None:
        now = time.monotonic()
        if now < self._next_line:
            return
        self._next_line = now + INTERVAL
        progress, quota = self._flow.progress, self._flow.throttle.quota_remaining
        parts = [f"{self._flow.requests} requests"]
        if progress is not None:
            of = f" of {progress.total:,}" if progress.total is not None else ""
            parts.insert(0, f"{progress.endpoint}: {progress.done:,}{of} done")
        if quota is not None:
            parts.append(f"{quota:,} of the day's are left")
        if waiting is not None:
            parts.append(waiting)
        self._log.info("%s.", "; ".join(parts))
