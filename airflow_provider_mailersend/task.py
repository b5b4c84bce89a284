"""What the provider's operators and sensors share: their connection, their hook, and how an error ends them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator, TaskDeferred, conf

from airflow_provider_mailersend.exceptions import MailerSendError
from airflow_provider_mailersend.jobs.wanted import check_whole_number
from airflow_provider_mailersend.rendering import UNSET, Unset, none_if_unset, parse_text

if TYPE_CHECKING:
    from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

#: The most entries that a task returns through XCom, unless it says otherwise.
MAX_ENTRIES = 10_000


class MailerSendTask(BaseOperator):
    """
    A task on one MailerSend connection.

    :param mailersend_conn_id: the Airflow connection, of type ``mailersend``. (templated)
    :param quota_reserve: how many requests of the daily quota to leave to sending; by default the connection's, else 0.
    :param deferrable: whether to wait in the triggerer, an operator for the daily quota to reset, a sensor for what it
        waits for; by default Airflow's ``[operators] default_deferrable``.
    """

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
        self.mailersend_conn_id = mailersend_conn_id
        self.quota_reserve = quota_reserve
        self.deferrable = deferrable

    @cached_property
    def hook(self) -> MailerSendHook:
        """The hook, made when it is first needed: DAG files are parsed without any HTTP library."""
        from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

        return MailerSendHook(self.mailersend_conn_id, quota_reserve=self.quota_reserve)

    @contextmanager
    def fail_without_retry(self) -> Iterator[None]:
        """Fail the task without Airflow's retries where they could not help: bad arguments, a wrong token."""
        try:
            yield
        except (ValueError, TypeError) as error:
            raise AirflowFailException(str(error)) from error
        except MailerSendError as error:
            if not error.permanent:
                raise
            raise AirflowFailException(str(error)) from error

    def deferral_until(self, retry_at: float, then: str, **deferral: Any) -> TaskDeferred:
        """
        Return what to raise to sleep in the triggerer until the next day's requests begin.

        :param retry_at: when that is by this machine's clock, in Unix seconds.
        :param then: the method to go on with.
        :param deferral: what else the deferral takes: ``kwargs`` of that method, a ``timeout``.
        """
        from airflow_provider_mailersend.triggers.mailersend import MailerSendQuotaResetTrigger

        # Never no time at all: where clocks differ and no answer tells it, that would be a loop of requests.
        moment = datetime.fromtimestamp(max(retry_at, time.time()), UTC)
        return TaskDeferred(trigger=MailerSendQuotaResetTrigger(moment), method_name=then, **deferral)

    def resolved_domain(self) -> dict[str, str]:
        """Return the id of the domain that the task names, by that name, where it is known by now."""
        name = getattr(self, "domain", None)
        wanted = name.strip().lower() if isinstance(name, str) else None
        return {known: id_ for known, id_ in self.hook.domain_ids.items() if known.lower() == wanted}

    def read_at_most(self, max_entries: int, entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """
        Return *entries*, to be written to XCom, where there are no more than *max_entries*.

        :raises ValueError: there are more. Reading stops there.
        """
        read = list(islice(entries, max_entries + 1))
        if len(read) > max_entries:
            raise ValueError(
                f"there are more than max_entries={max_entries} entries, too many to return through XCom. Ask for "
                "fewer (domain_id, since and until, status), raise max_entries, or read them in a task of your own "
                "with MailerSendHook, page by page"
            )
        return read


class MailerSendDomainTask(MailerSendTask):
    """
    A task on one domain, or on the account.

    A domain that was given and is rendered to nothing is an error, whatever the task does: it must not turn into the
    connection's domain, or into the account.

    :param domain_id: the domain's id; by default the connection's. ``account`` means none. (templated)
    :param domain: the domain's name, resolved with one extra request. (templated)
    """

    def __init__(
        self, *, domain_id: str | Unset | None = UNSET, domain: str | Unset | None = UNSET, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.domain_id = none_if_unset(domain_id)
        self.domain = none_if_unset(domain)
        self._domain_given = domain_id is not UNSET or domain is not UNSET

    def rendered_domain(self) -> dict[str, str | None]:
        """
        Return both as they are rendered.

        :raises ValueError: one was given, and there is none.
        """
        found = {
            "domain_id": parse_text(self.domain_id, "domain_id"),
            "domain": parse_text(self.domain, "domain"),
        }
        if self._domain_given and not any(found.values()):
            raise ValueError(
                f"a domain was given, and rendered to nothing: domain_id is {self.domain_id!r}, and domain is "
                f"{self.domain!r}. Leave both out for the connection's domain; domain_id='account' is the whole account"
            )
        return found
