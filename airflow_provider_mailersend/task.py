"""The bases of the provider's operators and sensors: their connection, domain and suppression list."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator, conf

from airflow_provider_mailersend.exceptions import MailerSendQuotaExhaustedError, is_permanent
from airflow_provider_mailersend.jobs.domains import Scope
from airflow_provider_mailersend.jobs.wanted import check_flags, check_whole_number
from airflow_provider_mailersend.rendering import (
    UNSET,
    Unset,
    check_literal,
    parse_suppression_list,
    parse_text,
)
from airflow_provider_mailersend.status_lines import and_joined, counted, quota_left

if TYPE_CHECKING:
    from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

_T = TypeVar("_T")


class MailerSendTask(BaseOperator):
    """
    A task on one MailerSend connection.

    :param mailersend_conn_id: the Airflow connection, of type ``mailersend``. (templated)
    :param quota_reserve: requests of the daily quota to leave for sending; by default the connection's, else 0.
    :param deferrable: whether to wait in the triggerer: an operator for the daily quota to reset, a sensor for its
        condition. By default Airflow's ``[operators] default_deferrable``.
    :raises AirflowFailException: an argument is wrong, or MailerSend refuses an argument or the token. Airflow does not
        retry the task.
    """

    template_fields: Sequence[str] = ("mailersend_conn_id",)

    #: How many requests were sent before a deferral, or by a hook that was replaced.
    _requests_before = 0

    def __init__(
        self,
        *,
        mailersend_conn_id: str = "mailersend_default",
        quota_reserve: int | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if quota_reserve is not None:
            check_whole_number("quota_reserve", quota_reserve, least=0)
        check_flags(deferrable=deferrable)
        self.mailersend_conn_id = mailersend_conn_id
        self.quota_reserve = quota_reserve
        self.deferrable = deferrable
        #: The names of the optional arguments that were given, whatever they are rendered to.
        self.given: set[str] = set()

    def optional(self, name: str, argument: _T | Unset) -> _T | None:
        """Return *argument*, or None if it was left out; note in :attr:`given` if it wasn't."""
        if isinstance(argument, Unset):
            return None
        self.given.add(name)
        return argument

    def unless_none(self, name: str, argument: _T | None) -> _T | None:
        """Return *argument*; note in :attr:`given` if it isn't None."""
        return self.optional(name, UNSET if argument is None else argument)

    def rendered_scope(self, *names: str, hint: str) -> dict[str, str | None]:
        """Return the rendered text fields *names*: given but rendered to nothing, they must not mean "everything"."""
        fields = {name: getattr(self, name) for name in names}
        texts = {name: parse_text(value, name) for name, value in fields.items()}
        if self.given.intersection(names) and not any(texts.values()):
            values = ", ".join(f"{name}={value!r}" for name, value in fields.items())
            raise ValueError(f"{' or '.join(names)} was given, but rendered to nothing: {values}. {hint}")
        return texts

    @cached_property
    def hook(self) -> MailerSendHook:
        # Imported late: DAG files are parsed without any HTTP library.
        from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

        return MailerSendHook(self.mailersend_conn_id, quota_reserve=self.quota_reserve)

    def log_summary(self, target: str, outcome: str) -> None:
        """Log what came of *target*, with the requests of all days, the quota, the waits and the connection."""
        requests = counted(self._requests_before + self.hook.requests_sent, "request")
        left = self.hook.quota_remaining
        parts = [f"{target}: {outcome}", requests if left is None else f"{requests}, {quota_left(left)}"]
        waited = self.hook.seconds_waited.items()
        waits = [f"{seconds:.0f} s for {why}" for why, seconds in waited if seconds >= 0.5]
        if waits:
            parts.append(f"waited {and_joined(waits)}")
        self.log.info("%s; connection %r.", "; ".join(parts), self.mailersend_conn_id)

    @contextmanager
    def fail_without_retry(self) -> Iterator[None]:
        """Turn errors that a retry cannot help into :class:`AirflowFailException`."""
        try:
            yield
        except Exception as error:
            if not is_permanent(error):
                raise
            raise AirflowFailException(str(error)) from error

    def defer_until_reset(
        self, error: MailerSendQuotaExhaustedError, method_name: str, **options: Any
    ) -> NoReturn:
        """Wait in the triggerer for the daily quota to reset; raise *error* if the task isn't deferrable."""
        if not self.deferrable or error.retry_at is None:
            raise error
        from airflow_provider_mailersend.triggers.mailersend import MailerSendQuotaResetTrigger

        self.log.info("%s Resuming then.", error)
        # Never in the past: where clocks differ, the task would send requests in a loop.
        moment = datetime.fromtimestamp(max(error.retry_at, time.time()), UTC)
        self.defer(trigger=MailerSendQuotaResetTrigger(moment), method_name=method_name, **options)


class MailerSendDomainTask(MailerSendTask):
    """
    A task on one domain, or on the account. Takes the parameters of :class:`MailerSendTask` too.

    Without a domain, a task that reads covers the account and all its domains. A task that changes the blocklist then
    changes only the account's own entries; on other lists, adding needs a domain.

    :param domain_id: the domain's id; by default the connection's, if it has one. ``account`` means the account,
        whatever the connection says. If given but rendered to nothing, the task fails. (templated)
    :param domain: the domain's name instead, resolved with one extra request. (templated)
    """

    template_fields: Sequence[str] = ("domain_id", "domain", *MailerSendTask.template_fields)

    def __init__(
        self, *, domain_id: str | Unset | None = UNSET, domain: str | Unset | None = UNSET, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.domain_id = self.optional("domain_id", domain_id)
        self.domain = self.optional("domain", domain)

    def rendered_domain(self) -> dict[str, str | None]:
        """Return ``domain_id`` and ``domain`` as rendered; at most one is set."""
        hint = "Leave both out for the connection's domain, or pass domain_id='account' for the whole account"
        domain = self.rendered_scope("domain_id", "domain", hint=hint)
        Scope.of(**domain, default_id=None)
        return domain

    def describe_list(self, label: str) -> str:
        """Return a list's name for the log, with the task's or the connection's domain."""
        return self.hook.describe_list(label, **self.rendered_domain())


class MailerSendSuppressionListTask(MailerSendDomainTask):
    """
    A task on one suppression list. Takes the parameters of :class:`MailerSendDomainTask` too.

    :param suppression_list: ``blocklist``, ``hard-bounces``, ``spam-complaints``, ``unsubscribes`` or
        ``on-hold-list``. MailerSend maintains the last by itself: nothing can be added to it. (templated)
    """

    template_fields: Sequence[str] = ("suppression_list", *MailerSendDomainTask.template_fields)

    def __init__(self, *, suppression_list: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_literal(suppression_list, "suppression_list", parse_suppression_list)
        self.suppression_list = suppression_list

    def rendered_list(self) -> dict[str, Any]:
        """Return ``suppression_list``, ``domain_id`` and ``domain`` as rendered, as hook and triggers take them."""
        return {
            "suppression_list": parse_suppression_list(self.suppression_list).value,
            **self.rendered_domain(),
        }
