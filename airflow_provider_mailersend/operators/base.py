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


#: How many requests it takes, at the most, to see that the day's are used up.
_TO_SEE_A_USED_UP_DAY = 3


class MailerSendOperator(MailerSendTask):
    """An operator on one MailerSend connection. With ``deferrable=True`` it waits for the daily quota to reset."""

    ui_color = "#d7e3ff"

    def execute(self, context: Context) -> Any:
        return self._work(context, None)

    def resume(
        self,
        context: Context,
        event: Any = None,
        so_far: Mapping[str, Any] | None = None,
        domain_ids: Mapping[str, str] | None = None,
    ) -> Any:
        """Go on from *so_far*, the next day's requests having begun, with the domain that was resolved before."""
        self.hook.domain_ids.update(domain_ids or {})
        return self._work(context, so_far or {})

    @abstractmethod
    def carry_out(self, context: Context, so_far: Mapping[str, Any] | None) -> Any:
        """
        Do the operator's work, or what is left of it, and return what the task returns.

        :param so_far: what an error of the same work had as its ``so_far``; None or empty where nothing was done.
        """

    def name_of(self, suppression_list: str, domain_id: str | None = None, domain: str | None = None) -> str:
        """Return the list's name for the log, with the domain worked on: the connection's, unless one is given."""
        if domain is None and domain_id is None:
            domain_id = self.hook.settings.domain_id
        if domain is None and domain_id in (None, ACCOUNT):
            return f"{suppression_list} (account-wide)"
        return list_name(suppression_list, domain_id, domain)

    def report(self, what: str, requests: int | None = None) -> None:
        """
        Log what was done, and what it took: requests, waits and why, the connection.

        :param requests: those of earlier tries included; by default the hook's.
        """
        took = [counted(self.hook.requests_sent if requests is None else requests, "request")]
        waits = [
            f"{seconds:.0f} s for {why}"
            for why, seconds in self.hook.seconds_waited.items()
            if seconds >= 0.5
        ]
        if waits:
            took.append(f"waited {and_joined(waits)}")
        self.log.info("%s; %s; connection %r.", what, "; ".join(took), self.mailersend_conn_id)

    def _work(self, context: Context, so_far: Mapping[str, Any] | None) -> Any:
        try:
            with self.failing_at_once():
                return self.carry_out(context, so_far or None)
        except MailerSendQuotaExhaustedError as error:
            is_anew = so_far is not None and error.so_far is None
            starts_over_again = is_anew and self.hook.requests_sent > _TO_SEE_A_USED_UP_DAY
            if not self.deferrable or error.retry_at is None or starts_over_again:
                raise
            self.log.info("%s Resuming then.", error)
            kwargs = {"so_far": error.so_far, "domain_ids": self.resolved_domain()}
            raise self.asleep_until(error.retry_at, "resume", kwargs=kwargs) from None


class MailerSendDomainOperator(MailerSendDomainTask, MailerSendOperator):
    """An operator on one domain, or on the account."""
