"""What the hooks share: the connection's settings, the flow of one account's requests, and its token."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_mailersend.api.flow import RETRY_TIMEOUT, Flow
from airflow_provider_mailersend.api.masking import masked
from airflow_provider_mailersend.api.throttle import Throttle
from airflow_provider_mailersend.api.whole_list import WholeList
from airflow_provider_mailersend.exceptions import MailerSendError
from airflow_provider_mailersend.hooks.connection import (
    CONNECTION_TYPE,
    Settings,
    extra_of,
    settings_of,
    warning_of,
)
from airflow_provider_mailersend.hooks.progress import WORTH_A_LINE, Reporter

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

_MAY_BE_INCOMPLETE = (
    "Entries may have been missed: the list's order kept varying from one request to the next."
)

#: What this process has warned of.
_WARNED: set[str] = set()


class _HttpRequest(Protocol):
    """A request of either HTTP library: neither is imported for the other's hook."""

    url: Any

    @property
    def headers(self) -> MutableMapping[str, str]: ...


_AnyRequest = TypeVar("_AnyRequest", bound=_HttpRequest)


class MailerSendAccount(BaseHook):
    """
    What both hooks share: the connection's settings, and the flow of one account's requests.

    :param mailersend_conn_id: the Airflow connection, of type ``mailersend``.
    :param timeout: how long one request may take, from connecting to the last byte of its answer, in seconds; the
        connection's when None.
    :param max_retries: how often a request is repeated after a fault; the connection's when None.
    :param quota_reserve: how many of the day's requests to leave to sending; the connection's when None.
    :param retry_timeout: how long one request may take in all, its waits and repeats included, in seconds. A job
        of many requests has no deadline here: give its task an ``execution_timeout``.
    """

    conn_name_attr = "mailersend_conn_id"
    default_conn_name = "mailersend_default"
    conn_type = CONNECTION_TYPE
    hook_name = "MailerSend"

    #: Waits from this length on, in seconds, are logged when they begin.
    _logs_waits_from = WORTH_A_LINE

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
        #: The ids of the account's domains that are known, by their names: one that is asks nothing.
        self.domain_ids: dict[str, str] = {}

    def _settings_from(self, connection: Connection) -> Settings:
        extra = extra_of(connection)
        given = {
            name: value
            for name in ("timeout", "max_retries", "quota_reserve")
            if (value := getattr(self, name)) is not None
        }
        self._warn_once(warning_of(self.mailersend_conn_id, extra))
        return settings_of(connection, extra, given)

    def _warn_once(self, warning: str | None) -> None:
        # A task, or a triggerer, may make any number of hooks.
        if warning is not None and warning not in _WARNED:
            _WARNED.add(warning)
            self.log.warning("%s", warning)

    def _flow_for(self, settings: Settings) -> Flow:
        throttle = Throttle(window=settings.rate_limit_window, quota_reserve=settings.quota_reserve)
        flow = Flow(throttle, max_retries=settings.max_retries, retry_timeout=self.retry_timeout)
        flow.domain_ids = self.domain_ids
        return flow

    def _reporter_of(self, flow: Flow) -> Reporter:
        return Reporter(self.log, self.mailersend_conn_id, flow, worth_a_line=self._logs_waits_from)

    def _warn_of(self, whole: WholeList, endpoint: str) -> None:
        if whole.unreadable_dates:
            self.log.warning(
                "%s held %d entries whose created_at cannot be read, such as %r. They were kept, whatever their date.",
                endpoint,
                len(whole.unreadable_dates),
                whole.unreadable_dates[0],
            )
        if whole.may_be_incomplete:
            self.log.warning("%s: %s", endpoint, _MAY_BE_INCOMPLETE)

    def _warn_of_result(self, result: Mapping[str, Any]) -> None:
        if result.get("may_be_incomplete"):
            self.log.warning("%s", _MAY_BE_INCOMPLETE)
        stored = result.get("first_stored_differently", result.get("stored_differently")) or []
        for one in stored[:10]:
            self.log.warning(
                "MailerSend stored %s %s as %s, which is not the same: correct the source to the stored spelling.",
                one["where"],
                masked(one["value"]),
                masked(one["stored_as"]),
            )

    def _fail(self, error: MailerSendError) -> NoReturn:
        error.conn_id = self.mailersend_conn_id
        raise error


class Bearer:
    """Puts the token on requests to the API itself, of either HTTP library, and on no others."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, request: _AnyRequest) -> _AnyRequest:
        if str(request.url).startswith(f"{self._settings.base_url}/"):
            request.headers["Authorization"] = f"Bearer {self._settings.token}"
        return request


def connected(quota: dict[str, Any]) -> str:
    """Return what a connection that works tells of *quota*."""
    if quota["remaining"] < 0:
        return "Connected to MailerSend. The account's requests a day are not limited."
    return (
        f"Connected to MailerSend. {quota['remaining']} of the day's {quota['quota']} requests are left until "
        f"{quota['reset']}."
    )
