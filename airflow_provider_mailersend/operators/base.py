"""The base of the provider's operators."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_mailersend.api.requests import ACCOUNT
from airflow_provider_mailersend.exceptions import MailerSendQuotaExhaustedError
from airflow_provider_mailersend.status_lines import and_joined, counted, list_name
from airflow_provider_mailersend.task import MailerSendDomainTask, MailerSendTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


#: How many requests it takes, at the most, to see that the daily quota is used up.
_QUOTA_PROBE_REQUESTS = 3

#: What counts as progress: a task that makes none, on a day of its own, is not deferred again.
_PROGRESS = ("added", "deleted", "updated")

#: What earlier days did, by the names of :attr:`MailerSendError.counts`, and their ``requests``; empty on the first.
Before = Mapping[str, int]


class MailerSendOperator(MailerSendTask):
    """An operator on one MailerSend connection. With ``deferrable=True`` it waits for the daily quota to reset."""

    ui_color = "#d7e3ff"

    _requests_before = 0

    def execute(self, context: Context) -> Any:
        return self._run_job(context, {})

    def resume(
        self,
        context: Context,
        event: Any = None,
        before: Before | None = None,
        domain_ids: Mapping[str, str] | None = None,
    ) -> Any:
        """Start over, the daily quota having been reset, with the domain that was resolved before."""
        before = before or {"requests": 0}
        self._requests_before = before["requests"]
        self.hook.domain_ids.update(domain_ids or {})
        result = self._run_job(context, before)
        if isinstance(result, dict) and "requests" in result:
            result["requests"] += self._requests_before
        return result

    @abstractmethod
    def run_job(self, context: Context, before: Before) -> Any:
        """
        Do the operator's work from its beginning, and return what the task returns.

        :param before: what was done on earlier days, in numbers; empty where the task was not deferred.
        """

    def describe_list(
        self, suppression_list: str, domain_id: str | None = None, domain: str | None = None
    ) -> str:
        """Return the list's name for the log, with the domain worked on: the connection's, unless one is given."""
        if domain is None and domain_id is None:
            domain_id = self.hook.settings.domain_id
        if domain is None and domain_id in (None, ACCOUNT):
            return f"{suppression_list} (account-wide)"
        return list_name(suppression_list, domain_id, domain)

    def log_summary(self, what: str) -> None:
        """Log what was done, and what it took: requests, those of earlier days too, waits and why, the connection."""
        took = [counted(self._requests_before + self.hook.requests_sent, "request")]
        waits = [
            f"{seconds:.0f} s for {why}"
            for why, seconds in self.hook.seconds_waited.items()
            if seconds >= 0.5
        ]
        if waits:
            took.append(f"waited {and_joined(waits)}")
        self.log.info("%s; %s; connection %r.", what, "; ".join(took), self.mailersend_conn_id)

    def _run_job(self, context: Context, before: Before) -> Any:
        try:
            with self.fail_without_retry():
                return self.run_job(context, before)
        except MailerSendQuotaExhaustedError as error:
            done = error.counts
            gets_on = any(map(done.get, _PROGRESS)) or done.get("pages", 0) > before.get("pages", 0)
            starts_over_again = before and not gets_on and self.hook.requests_sent > _QUOTA_PROBE_REQUESTS
            if not self.deferrable or error.retry_at is None or starts_over_again:
                raise
            self.log.info("%s Resuming then.", error)
            kwargs = {
                "before": _summed(before, done, self.hook.requests_sent),
                "domain_ids": self.resolved_domain(),
            }
            raise self.deferral_until(error.retry_at, "resume", kwargs=kwargs) from None


def _summed(before: Before, done: Mapping[str, int], requests: int) -> dict[str, int]:
    """Return what was done on all days: pages and duplicates are met again on each."""
    counts = {**done, "requests": requests}
    return {
        name: (max if name in ("pages", "duplicates") else int.__add__)(
            before.get(name, 0), counts.get(name, 0)
        )
        for name in {**before, **counts}
    }


def is_run_again(context: Context) -> bool:
    """Return whether the task ran before in its DAG run: its worker may have been killed in the middle of a request."""
    task_instance: Any = context.get("ti")
    return (getattr(task_instance, "try_number", None) or 1) > 1


class MailerSendDomainOperator(MailerSendDomainTask, MailerSendOperator):
    """An operator on one domain, or on the account."""
