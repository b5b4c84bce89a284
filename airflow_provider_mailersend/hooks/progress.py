"""How a hook's work goes: a line in the log every few seconds, and Airflow's metrics."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import Stats

from airflow_provider_mailersend.api.answers import Answer, Outcome
from airflow_provider_mailersend.api.flow import Flow, Progress, Wait
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.status_lines import counted

#: How long there is silence between two lines of progress, in seconds.
INTERVAL = 5.0

#: Waits from this length on, in seconds, are logged when they begin.
WORTH_A_LINE = 1.0

#: Waits from this length on, in seconds, are logged with the moment they end.
_LONG = 60.0


class Reporter:
    """
    Reports the requests and waits of one connection, and has each job log how far it is.

    The metrics are ``mailersend.requests``, ``mailersend.throttled`` (answers with status 429) and
    ``mailersend.seconds_waited``, which count, and ``mailersend.quota_remaining``, a gauge; each is tagged with
    ``conn_id``.

    :param log: where the lines go.
    :param conn_id: the connection.
    :param flow: sends the requests of all jobs.
    :param worth_a_line: waits from this length on, in seconds, are logged when they begin.
    """

    def __init__(self, log: Any, conn_id: str, flow: Flow, *, worth_a_line: float = WORTH_A_LINE) -> None:
        self.log = log
        self.worth_a_line = worth_a_line
        #: How long was waited, in seconds, for each reason.
        self.waited: Counter[str] = Counter()
        self._flow = flow
        self._tags = {"conn_id": conn_id}
        self._uncounted = 0.0
        self._gauged: int | None = None

    @property
    def quota_remaining(self) -> int | None:
        """What is left of the daily quota; None where that is not known."""
        return self._flow.throttle.quota_remaining

    def job(self, request: Request | None = None) -> JobReport:
        """Return the report of a job that begins now, with *request* where that is known."""
        return JobReport(self, request)

    def answered(self, outcome: Outcome) -> None:
        """Count a request and what came of it."""
        Stats.incr("mailersend.requests", tags=self._tags)
        if isinstance(outcome, Answer) and outcome.status == 429:
            Stats.incr("mailersend.throttled", tags=self._tags)
        self.gauge()

    def gauge(self) -> None:
        """Let the metrics know what is known to be left of the daily quota."""
        remaining = self.quota_remaining
        if remaining is not None and remaining != self._gauged:
            self._gauged = remaining
            Stats.gauge("mailersend.quota_remaining", remaining, tags=self._tags)

    def count_wait(self, seconds: float, reason: str) -> None:
        """Count *seconds* that were waited."""
        self.waited[reason] += seconds  # type: ignore[assignment]
        # Counters hold whole numbers: what is left over counts with the next wait.
        self._uncounted += seconds
        whole = int(self._uncounted)
        if whole:
            self._uncounted -= whole
            Stats.incr("mailersend.seconds_waited", whole, tags=self._tags)

    def name_of(self, request: Request) -> str:
        """Return what *request* asks, with the domain it is about."""
        domain_id = request.params.get("domain_id") or (request.body or {}).get("domain_id")
        if not domain_id:
            return request.endpoint
        names = (name for name, id_ in self._flow.domain_ids.items() if id_ == domain_id)
        return f"{request.endpoint} (domain {next(names, domain_id)})"


class JobReport:
    """
    Logs how far one job is: what it reads or changes, and none of the work of others who use the same hook.

    A job that takes no longer than :data:`INTERVAL` logs nothing but its longer waits.
    """

    def __init__(self, reporter: Reporter, request: Request | None) -> None:
        self._reporter = reporter
        self._request = request
        self._progress: Progress | None = None
        self._requests = 0
        self._next_line = time.monotonic() + INTERVAL

    def reached(self, progress: Progress) -> None:
        """Take note of how far the job is."""
        self._progress = progress

    def answered(self, request: Request, outcome: Outcome) -> None:
        """Take note of *request* and what came of it."""
        self._request = request
        self._requests += 1
        self._reporter.answered(outcome)

    def naps(self, wait: Wait) -> Iterator[float]:
        """Yield how long to sleep, in seconds, until *wait* is over: no longer at once than the log may be silent."""
        self._request = wait.request or self._request
        seconds = wait.until - time.time()
        if seconds <= 0:
            # So each request begins, all before it being done and noted.
            self._tell()
        elif seconds >= self._reporter.worth_a_line:
            self._next_line = 0.0
        while seconds > 0:
            self._tell(_waiting(wait, seconds))
            nap = min(seconds, INTERVAL)
            yield nap
            self._reporter.count_wait(nap, wait.reason)
            seconds = wait.until - time.time()

    def _tell(self, waiting: str | None = None) -> None:
        now = time.monotonic()
        if now < self._next_line:
            return
        self._next_line = now + INTERVAL
        parts = [self._how_far(), counted(self._requests, "request")]
        if self._reporter.quota_remaining is not None:
            parts.append(f"{self._reporter.quota_remaining:,} of the daily quota left")
        if waiting is not None:
            parts.append(waiting)
        self._reporter.log.info("%s.", "; ".join(part for part in parts if part))

    def _how_far(self) -> str:
        if self._progress is None:
            return self._reporter.name_of(self._request) if self._request is not None else ""
        total = self._progress.total
        of = f" of {total:,}" if total is not None else ""
        return f"{self._reporter.name_of(self._progress.request)}: {self._progress.done:,}{of} done"


def _waiting(wait: Wait, seconds: float) -> str:
    until = (
        f", until {datetime.fromtimestamp(wait.until, UTC):%Y-%m-%d %H:%M:%S} UTC" if seconds >= _LONG else ""
    )
    return f"waiting {seconds:.1f} s for {wait.reason}{until}"
