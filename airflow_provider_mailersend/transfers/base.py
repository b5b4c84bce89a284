"""The base of the transfers that bring MailerSend's lists elsewhere."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.requests import ACCOUNT, RECIPIENTS, SMS_RECIPIENTS, check_list_name
from airflow_provider_mailersend.jobs.domains import Scope, check_no_domain
from airflow_provider_mailersend.jobs.rows import Column, Row, columns_of, rows_of
from airflow_provider_mailersend.jobs.watermark import OVERLAP
from airflow_provider_mailersend.operators.base import Before, MailerSendOperator
from airflow_provider_mailersend.rendering import check_literal, parse_moment, parse_required_text
from airflow_provider_mailersend.status_lines import counted, in_utc
from airflow_provider_mailersend.task import MailerSendDomainTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

#: As ``since``: continue where the last run ended.
AUTO = "auto"


class ListExport:
    """
    The entries of a list, and their flat rows.

    :param domain: ``domain_id`` and ``domain``, at most one of them set.
    :param until: only entries made before this time.
    :param is_incremental: whether it continues where the last run ended.
    """

    def __init__(
        self,
        hook: MailerSendHook,
        list_name: str,
        domain: dict[str, str | None],
        until: datetime | None,
        *,
        is_incremental: bool,
    ) -> None:
        self.hook = hook
        self.list_name = list_name
        self.until = until
        self.is_incremental = is_incremental
        self.columns: list[Column] = columns_of(list_name)
        #: The id of the domain that is read; None for the account and all its domains.
        self.domain_id = _domain_id_of(hook, domain)
        #: How many rows were read.
        self.rows = 0
        #: Whether entries may have been missed because the list's order kept changing.
        self.may_be_incomplete = False
        self._started = datetime.now(UTC)
        self._since: datetime | None = None

    @property
    def scope(self) -> str:
        """What is read: the id of MailerSend's connection, and a domain's id or ``account``."""
        return f"{self.account}{self.domain_id or ACCOUNT}"

    @property
    def account(self) -> str:
        """How the scopes of MailerSend's connection begin, and of no other one."""
        # An id may have a slash, and databases may not tell upper case from lower.
        return re.sub("[^a-z0-9_.-]", _percent_encoded, self.hook.mailersend_conn_id) + "/"

    @property
    def span(self) -> str:
        """The span of time whose entries were read, for the log."""
        start = f"from {in_utc(self._since)}" if self._since else "from the start"
        return f"{start} until {in_utc(self.until)}" if self.until else start

    @property
    def watermark(self) -> datetime | None:
        """The time to read from next time: all entries made before it have been read. None means from the start."""
        if self.may_be_incomplete:
            # What may be missing must be read again.
            return self._since
        # Entries may be listed some time after their date.
        read_until = self._started + self.hook.clock_ahead - OVERLAP
        return read_until if self.until is None else min(read_until, self.until)

    def pages(self, since: datetime | None) -> Iterator[list[Entry]]:
        """Yield the entries made since a time, page by page; with None, all entries."""
        self._since = since
        if self.is_incremental and since is not None and self.until is not None and self.until <= since:
            # Earlier runs, or a try of this one, read all of it.
            return
        domain_id = self.domain_id or ACCOUNT
        pages = self.hook.read_pages(self.list_name, domain_id=domain_id, since=since, until=self.until)
        for entries in pages:
            self.rows += len(entries)
            yield entries
        self.may_be_incomplete = pages.may_be_incomplete

    def flatten(self, entries: list[Entry]) -> list[Row]:
        """Return one row for each entry."""
        return rows_of(self.list_name, entries, self.domain_id)


def _percent_encoded(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02x}" for byte in found[0].encode())


def _domain_id_of(hook: MailerSendHook, domain: dict[str, str | None]) -> str | None:
    scope = Scope.of(**domain, default_id=hook.settings.domain_id)
    return scope.domain_id if scope.domain is None else hook.resolve_domain_id(scope.domain)


class MailerSendExportOperator(MailerSendDomainTask, MailerSendOperator):
    """
    Base of the operators that export one of MailerSend's lists as flat rows.

    Takes the parameters of :class:`.MailerSendDomainTask` too.

    :param list_name: ``blocklist``, ``hard-bounces``, ``spam-complaints``, ``unsubscribes``, ``on-hold-list``,
        ``recipients`` or ``sms-recipients``. (templated)
    :param since: only entries made at this time or later, in ISO 8601; UTC unless it has a time zone. ``auto``
        continues where the last successful run ended; not for ``recipients`` and ``sms-recipients``. (templated)
    :param until: only entries made before this time. (templated)
    """

    template_fields: Sequence[str] = ("list_name", "since", "until", *MailerSendDomainTask.template_fields)

    def __init__(
        self,
        *,
        list_name: str,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.since = since
        check_literal(list_name, "list_name", self._parse_list_name)
        self.list_name = list_name
        self.until = until

    @abstractmethod
    def export(self, context: Context, export: ListExport) -> dict[str, Any]:
        """Read the list to its end, store its rows, and return the task's result."""

    def run_job(self, context: Context, before: Before) -> dict[str, Any]:
        until = parse_moment(self.until, "until")
        list_name = self._parse_list_name(parse_required_text(self.list_name, "list_name"))
        domain = self.rendered_domain()
        if list_name == SMS_RECIPIENTS:
            check_no_domain(list_name, **domain)
            domain = {"domain_id": ACCOUNT, "domain": None}
        export = ListExport(self.hook, list_name, domain, until, is_incremental=self.is_incremental)
        result = self.export(context, export)
        result |= {
            "rows": export.rows,
            "may_be_incomplete": export.may_be_incomplete,
            "watermark": export.watermark.isoformat() if export.watermark else None,
            "requests": self.hook.requests_sent,
        }
        rows = f"{counted(export.rows, 'row')} to {self.describe_destination(result)}"
        self.log_summary(self.describe_target(), f"{rows}, read {export.span}")
        return result

    @property
    def is_incremental(self) -> bool:
        """Whether it continues where the last successful run ended."""
        return isinstance(self.since, str) and self.since.strip() == AUTO

    def _parse_list_name(self, value: str, name: str = "list_name") -> str:
        list_name = check_list_name(value)
        if self.is_incremental and list_name in (RECIPIENTS, SMS_RECIPIENTS):
            raise ValueError(
                f"since='auto' isn't for {list_name}: what is on it already changes later, as when a number opts out, "
                "and would be missed. Leave since out, which costs no more requests: the list is read whole in any "
                "case. A table's rows are then updated, and with mode='replace' also deleted"
            )
        return list_name

    def given_since(self) -> datetime | None:
        """Return the moment given as ``since``."""
        try:
            return parse_moment(self.since, "since")
        except ValueError as error:
            raise ValueError(f"{error}. To continue where the last run ended, pass 'auto'") from None

    @abstractmethod
    def describe_destination(self, result: Mapping[str, Any]) -> str:
        """Return where the rows of the task's *result* went, for the log."""

    def describe_target(self) -> str:
        return self.list_name if self.list_name == SMS_RECIPIENTS else self.describe_list(self.list_name)
