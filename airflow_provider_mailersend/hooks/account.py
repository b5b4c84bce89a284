"""What both hooks share: the connection's settings, and the flow and the log of one account's requests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_mailersend.api.flow import RETRY_TIMEOUT, Flow
from airflow_provider_mailersend.api.masking import masked
from airflow_provider_mailersend.api.pages import WholeList
from airflow_provider_mailersend.api.throttle import Throttle
from airflow_provider_mailersend.hooks.connection import CONNECTION_TYPE, Settings, read_settings
from airflow_provider_mailersend.hooks.progress import WORTH_A_LINE, Reporter
from airflow_provider_mailersend.jobs.domains import Scope

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

_MAY_BE_INCOMPLETE = "Some entries may be missing: the list's order kept changing between requests."

#: The warnings this process has logged about connections: a task or a triggerer may make any number of hooks.
_WARNED: set[str] = set()


class MailerSendAccount(BaseHook):
    """The base of both hooks. :class:`.MailerSendHook` documents the parameters."""

    conn_name_attr = "mailersend_conn_id"
    default_conn_name = "mailersend_default"
    conn_type = CONNECTION_TYPE
    hook_name = "MailerSend"

    #: The shortest wait to log as soon as it begins, in seconds.
    _log_waits_from = WORTH_A_LINE

    def __init__(
        self,
        mailersend_conn_id: str = default_conn_name,
        *,
        timeout: float | None = None,
        max_retries: int | None = None,
        quota_reserve: int | None = None,
        retry_timeout: float = RETRY_TIMEOUT,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.mailersend_conn_id = mailersend_conn_id
        self.timeout = timeout
        self.max_retries = max_retries
        self.quota_reserve = quota_reserve
        self.retry_timeout = retry_timeout
        #: The IDs of the account's domains known so far, by name: a known domain takes no request.
        self.domain_ids: dict[str, str] = {}

    @cached_property
    def settings(self) -> Settings:
        """The connection's settings. Raises :class:`.MailerSendSettingsError` where one is not valid."""
        return self._read_settings(self.get_connection(self.mailersend_conn_id))

    @property
    def requests_sent(self) -> int:
        """How many requests this hook has sent, retries included."""
        return self._flow.requests

    @property
    def quota_remaining(self) -> int | None:
        """What the last responses told is left of the daily quota; None if they didn't, or if it is unlimited."""
        return self._flow.throttle.quota_remaining

    @property
    def seconds_waited(self) -> dict[str, float]:
        """How long this hook has waited, in seconds, by reason: ``the rate limit``, ``a retry after …``."""
        return dict(self._reporter.waited)

    @property
    def clock_ahead(self) -> timedelta:
        """How far the API's clock is ahead of this machine's; zero before a response has told."""
        ahead = self._flow.throttle.clock_ahead if "_flow" in vars(self) else None
        return timedelta(seconds=ahead or 0.0)

    def describe_list(self, list_name: str, domain_id: str | None = None, domain: str | None = None) -> str:
        """Return a list's name for the log, with the domain that is passed, or the connection's."""
        return self._scope(domain_id, domain).name_of(list_name)

    @cached_property
    def _flow(self) -> Flow:
        settings = self.settings
        throttle = Throttle(window=settings.rate_limit_window, quota_reserve=settings.quota_reserve)
        flow = Flow(throttle, max_retries=settings.max_retries, retry_timeout=self.retry_timeout)
        flow.domain_ids = self.domain_ids
        return flow

    @cached_property
    def _reporter(self) -> Reporter:
        return Reporter(self.log, self.mailersend_conn_id, self._flow, worth_a_line=self._log_waits_from)

    def _read_settings(self, connection: Connection) -> Settings:
        arguments = {name: getattr(self, name) for name in ("timeout", "max_retries", "quota_reserve")}
        settings, warning = read_settings(connection, arguments)
        if warning is not None and warning not in _WARNED:
            _WARNED.add(warning)
            self.log.warning("%s", warning)
        return settings

    def _scope(self, domain_id: str | None, domain: str | None) -> Scope:
        return Scope.of(domain_id, domain, self.settings.domain_id)

    def _warn_about_list(self, whole: WholeList, endpoint: str) -> None:
        if whole.unreadable_dates:
            self.log.warning(
                "%s: %d entries have a created_at that isn't a valid date, such as %r. They are included, whatever "
                "their date.",
                endpoint,
                len(whole.unreadable_dates),
                whole.unreadable_dates[0],
            )
        if whole.may_be_incomplete:
            self.log.warning("%s: %s", endpoint, _MAY_BE_INCOMPLETE)

    def _warn_about_result(self, result: Mapping[str, Any]) -> None:
        if result.get("may_be_incomplete"):
            self.log.warning("%s", _MAY_BE_INCOMPLETE)
        stored = result.get("first_stored_differently", result.get("stored_differently")) or []
        for one in stored[:10]:
            self.log.warning(
                "MailerSend stored %s %s as %s, which differs: change it in the source to the stored spelling.",
                one["where"],
                masked(one["value"]),
                masked(one["stored_as"]),
            )
