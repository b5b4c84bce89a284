"""The progress of a hook's work: a log line every few seconds, and Airflow's metrics."""

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
from airflow_provider_mailersend.status_lines import counted, in_utc, quota_left

#: The seconds between two lines of progress.
INTERVAL = 5.0

#: Waits of at least so many seconds are logged when they begin.
WORTH_A_LINE = 1.0

#: Waits of at least so many seconds are logged with the time they end.
_LONG = 60.0


class Reporter:
    """
    Counts the requests and waits of one connection in Airflow's metrics.

    The metrics are the counters ``mailersend.requests``, ``mailersend.throttled`` (responses with status code 429) and
    ``mailersend.seconds_waited``, and the gauge ``mailersend.quota_remaining``, each tagged with ``conn_id``.

    :param worth_a_line: the shortest wait to log when it begins, in seconds.
    """

    def __init__(self, log: Any, conn_id: str, flow: Flow, *, worth_a_line: float = WORTH_A_LINE) -> None:
        self.log = log
        self.flow = flow
        self.worth_a_line = worth_a_line
        #: The seconds waited, by reason.
        self.waited: Counter[str] = Counter()
        self._tags = {"conn_id": conn_id}
        self._gauged: int | None = None

    def answered(self, outcome: Outcome) -> None:
        """Count a request and its outcome."""
        Stats.incr("mailersend.requests", tags=self._tags)
        if isinstance(outcome, Answer) and outcome.status == 429:
            Stats.incr("mailersend.throttled", tags=self._tags)
        self.gauge()

    def gauge(self) -> None:
        """Update what is left of the daily quota, where it is known."""
        remaining = self.flow.throttle.quota_remaining
        if remaining is not None and remaining != self._gauged:
            self._gauged = remaining
            Stats.gauge("mailersend.quota_remaining", remaining, tags=self._tags)

    def count_wait(self, seconds: float, reason: str) -> None:
        counted_before = int(self.waited.total())
        self.waited[reason] += seconds  # type: ignore[assignment]
        # Metrics count whole numbers: the rest counts with the next wait.
        if whole := int(self.waited.total()) - counted_before:
            Stats.incr("mailersend.seconds_waited", whole, tags=self._tags)


class JobReport:
    """
    Logs the progress of one job, without the work of others that use the same hook.

    A job that takes no longer than :data:`INTERVAL` logs only its longer waits.

    :param request: the job's first request, where it is known.
    """

    def __init__(self, reporter: Reporter, request: Request | None = None) -> None:
        self._reporter = reporter
        self._request = request
        self._progress: Progress | None = None
        self._requests = 0
        self._next_line = time.monotonic() + INTERVAL

    def reached(self, progress: Progress) -> None:
        self._progress = progress

    def answered(self, request: Request, outcome: Outcome) -> None:
        self._request = request
        self._requests += 1
        self._reporter.answered(outcome)

    def naps(self, wait: Wait) -> Iterator[float]:
        """Yield how many seconds to sleep until *wait* is over, never more at once than :data:`INTERVAL`."""
        self._request = wait.request or self._request
        seconds = wait.until - time.time()
        if seconds <= 0:
            # A wait that is over already comes before every request, when all earlier ones are counted.
            self._log_progress()
        elif seconds >= self._reporter.worth_a_line:
            self._next_line = 0.0
        while seconds > 0:
            end = f", until {in_utc(datetime.fromtimestamp(wait.until, UTC))}" if seconds >= _LONG else ""
            self._log_progress(f"waiting {seconds:.1f} s for {wait.reason}{end}")
            nap = min(seconds, INTERVAL)
            yield nap
            self._reporter.count_wait(nap, wait.reason)
            seconds = wait.until - time.time()

    def _log_progress(self, waiting: str = "") -> None:
        now = time.monotonic()
        if now < self._next_line:
            return
        self._next_line = now + INTERVAL
        left = self._reporter.flow.throttle.quota_remaining
        quota = quota_left(left) if left is not None else ""
        parts = [self._done(), counted(self._requests, "request"), quota, waiting]
        self._reporter.log.info("%s.", "; ".join(part for part in parts if part))

    def _done(self) -> str:
        if self._progress is None:
            return self._name(self._request) if self._request is not None else ""
        total = f" of {self._progress.total:,}" if self._progress.total is not None else ""
        return f"{self._name(self._progress.request)}: {self._progress.done:,}{total} done"

    def _name(self, request: Request) -> str:
        """Return the endpoint of *request*, and its domain's name where that is known."""
        domain_id = request.params.get("domain_id") or (request.body or {}).get("domain_id")
        if not domain_id:
            return request.endpoint
        names = (name for name, id_ in self._reporter.flow.domain_ids.items() if id_ == domain_id)
        return f"{request.endpoint} (domain {next(names, domain_id)})"
