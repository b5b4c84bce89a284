"""What the provider's operators and sensors share: their hook, and how an error ends them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

from airflow_provider_mailersend.exceptions import MailerSendError
from airflow_provider_mailersend.jobs.arguments import check_whole_number

if TYPE_CHECKING:
    from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

#: The most entries that a task returns through XCom, unless it says otherwise.
MAX_ENTRIES = 10_000


def check_quota_reserve(quota_reserve: object) -> None:
    """
    Let *quota_reserve* pass where it is left to the connection, or a number of requests.

    :raises ValueError: it is neither.
    """
    if quota_reserve is not None:
        check_whole_number("quota_reserve", quota_reserve, least=0)


class MailerSendTask:
    """A task on one MailerSend connection."""

    mailersend_conn_id: str
    quota_reserve: int | None

    @cached_property
    def hook(self) -> MailerSendHook:
        """The hook, made when it is first needed: DAG files are parsed without any HTTP library."""
        from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

        return MailerSendHook(self.mailersend_conn_id, quota_reserve=self.quota_reserve)

    @contextmanager
    def failing_at_once(self) -> Iterator[None]:
        """Fail the task without Airflow's retries where they could not help: bad arguments, a wrong token."""
        try:
            yield
        except (ValueError, TypeError) as error:
            raise AirflowFailException(str(error)) from error
        except MailerSendError as error:
            if not error.permanent:
                raise
            raise AirflowFailException(str(error)) from error

    def asleep_until(self, retry_at: float, then: str, **deferral: Any) -> TaskDeferred:
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

    def at_most(self, max_entries: int, entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
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
