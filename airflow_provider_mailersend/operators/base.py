"""The bases of the provider's operators."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_mailersend.api.requests import BATCH_SIZE
from airflow_provider_mailersend.exceptions import MailerSendQuotaExhaustedError
from airflow_provider_mailersend.jobs.wanted import check_batch_size, check_whole_number
from airflow_provider_mailersend.links import MailerSendSuppressionsLink
from airflow_provider_mailersend.rendering import UNSET, Unset, parse_list, parse_suppression_list
from airflow_provider_mailersend.task import MailerSendSuppressionListTask, MailerSendTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

#: The most entries that a task returns through XCom by default.
MAX_ENTRIES = 10_000

#: The most requests that it takes to see that the daily quota is used up.
_QUOTA_PROBE_REQUESTS = 3

#: What counts as progress: a task that makes none on a day of its own isn't deferred again.
_PROGRESS = ("added", "deleted", "updated")

#: What a job that starts over counts again.
_COUNTED_AGAIN = ("pages", "duplicates")

#: What earlier days did, by the names of :attr:`MailerSendError.counts`, and their ``requests``; and when the first
#: ``began``, in Unix seconds. Empty on the first.
Before = Mapping[str, int]


class MailerSendOperator(MailerSendTask):
    """
    An operator on one MailerSend connection. Takes the parameters of :class:`.MailerSendTask`.

    With ``deferrable=True`` it waits in the triggerer for a used-up daily quota to reset, and then starts over.
    """

    ui_color = "#d7e3ff"

    _began = 0

    def execute(self, context: Context) -> Any:
        self._began = int(time.time())
        return self._run_or_defer(context, {})

    def resume(
        self,
        context: Context,
        event: Any = None,
        before: Before | None = None,
        domain_ids: Mapping[str, str] | None = None,
    ) -> Any:
        """Start over after the daily quota has been reset."""
        # Airflow's "dags test" passes none of them.
        before = before or {"requests": 0}
        self._requests_before = before["requests"]
        self.hook.domain_ids.update(domain_ids or {})
        result = self._run_or_defer(context, before)
        if isinstance(result, dict) and "requests" in result:
            result["requests"] += self._requests_before
        return result

    @abstractmethod
    def run_job(self, context: Context, before: Before) -> Any:
        """Do all the work, from its beginning, and return the task's result."""

    def _run_or_defer(self, context: Context, before: Before) -> Any:
        try:
            with self.fail_without_retry():
                return self.run_job(context, before)
        except MailerSendQuotaExhaustedError as error:
            done = error.counts
            is_ahead = any(map(done.get, _PROGRESS)) or done.get("pages", 0) > before.get("pages", 0)
            if before and not is_ahead and self.hook.requests_sent > _QUOTA_PROBE_REQUESTS:
                raise
            done = {**done, "requests": self.hook.requests_sent}
            total = _total(before or {"began": self._began}, done)
            domain = str(getattr(self, "domain", None)).strip().lower()
            resolved = {name: id_ for name, id_ in self.hook.domain_ids.items() if name.lower() == domain}
            self.defer_until_reset(error, "resume", kwargs={"before": total, "domain_ids": resolved})


def _total(before: Before, today: Before) -> dict[str, int]:
    total = Counter(before)
    total.update(today)
    for name in _COUNTED_AGAIN:
        if name in total:
            total[name] = max(before.get(name, 0), today.get(name, 0))
    return dict(total)


def is_run_again(context: Context) -> bool:
    """Return whether the task ran before in its DAG run: a killed worker may have left a request half done."""
    task_instance: Any = context.get("ti")
    return (getattr(task_instance, "try_number", None) or 1) > 1


def start_of_run(context: Context) -> datetime | None:
    """Return when the task's DAG run first began, or earlier; if that is unknown, when this try began."""
    run: Any = context.get("dag_run")
    starts = (getattr(context.get(name), "start_date", None) for name in ("dag_run", "ti"))
    start = next((start for start in starts if isinstance(start, datetime)), None)
    if start is None or not getattr(run, "clear_number", 0):
        return start
    # Clearing a task gives a finished run another start date. It first began when it was due, or later.
    due = getattr(run, "run_after", None)
    if due is None:
        # Airflow 2: when it was triggered, or if scheduled, when its interval ended.
        due = max(filter(None, (run.logical_date, run.data_interval_end)), default=start)
    return min(start, due)


class MailerSendListingOperator(MailerSendOperator):
    """
    An operator that returns the entries of a list through XCom. Takes the parameters of :class:`MailerSendOperator`.

    :param max_entries: the most entries to return. If there are more, the task stops reading and fails.
    """

    def __init__(self, *, max_entries: int = MAX_ENTRIES, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_whole_number("max_entries", max_entries, least=1)
        self.max_entries = max_entries

    @abstractmethod
    def iter_entries(self) -> Iterable[dict[str, Any]]: ...

    @abstractmethod
    def describe_target(self) -> str: ...

    def run_job(self, context: Context, before: Before) -> list[dict[str, Any]]:
        entries = list(islice(self.iter_entries(), self.max_entries + 1))
        if len(entries) > self.max_entries:
            raise ValueError(
                f"{self.describe_target()}: there are more than max_entries={self.max_entries} entries, too many to "
                "return through XCom. Write them to a file or a table with MailerSendToObjectStorageOperator or "
                "MailerSendToSqlOperator, ask for fewer, or raise max_entries"
            )
        self.log_summary(self.describe_target(), f"found {len(entries):,}")
        return entries


class MailerSendSuppressionListOperator(MailerSendSuppressionListTask, MailerSendOperator):
    """An operator on one suppression list. Takes the parameters of :class:`.MailerSendSuppressionListTask`."""

    operator_extra_links = (MailerSendSuppressionsLink(),)

    def describe_target(self) -> str:
        return self.describe_list(parse_suppression_list(self.suppression_list))


class MailerSendListChangeOperator(MailerSendSuppressionListOperator):
    """
    An operator that changes a suppression list. Takes the parameters of :class:`.MailerSendSuppressionListTask`.

    :param recipients: email addresses: a list, or a list written as text. Duplicates are removed; addresses are
        compared case-insensitively, whitespace stripped. (templated)
    :param patterns: regular expressions, on the blocklist only: a list, or a list written as text. (templated)
    :param batch_size: the most addresses, patterns or ids per request; lowered if the API refuses so many.
    """

    template_fields: Sequence[str] = (
        *MailerSendSuppressionListTask.template_fields,
        "recipients",
        "patterns",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"recipients": "json", "patterns": "json"}

    def __init__(
        self,
        *,
        recipients: Sequence[str] | str | Unset | None = UNSET,
        patterns: Sequence[str] | str | Unset | None = UNSET,
        batch_size: int = BATCH_SIZE,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_batch_size(batch_size)
        self.recipients = self.optional("recipients", recipients)
        self.patterns = self.optional("patterns", patterns)
        self.batch_size = batch_size

    def rendered_values(self) -> dict[str, Any]:
        """Return ``recipients`` and ``patterns`` as rendered, each only if it was given."""
        fields = {"recipients": self.recipients, "patterns": self.patterns}
        return {name: parse_list(value, name) for name, value in fields.items() if name in self.given}
