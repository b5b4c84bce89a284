"""The base of the provider's sensors."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
)

from airflow_provider_mailersend.exceptions import MailerSendError, MailerSendQuotaExhaustedError
from airflow_provider_mailersend.jobs.packed import unpacked_json
from airflow_provider_mailersend.task import MailerSendTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_mailersend.triggers.base import MailerSendTrigger


class MailerSendSensor(MailerSendTask, BaseSensorOperator):
    """
    A sensor on one MailerSend connection.

    With ``deferrable=True`` a first look that costs one request is the worker's; one that reads a list is the
    triggerer's, which shares it with all tasks that wait for that list.
    """

    ui_color = "#e9e2ff"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._begun: float | None = None
        self._said: str | None = None

    @abstractmethod
    def look(self) -> PokeReturnValue:
        """Look once whether what is waited for is there."""

    @abstractmethod
    def how_far(self, found: Any) -> str:
        """Return what is waited for and how far it is, after a look that *found* something else."""

    @abstractmethod
    def trigger(self, **params: Any) -> MailerSendTrigger:
        """Return what waits for it, *asking* as often as the sensor would; an error where the arguments are wrong."""

    def poke(self, context: Context) -> PokeReturnValue:
        return self._look_or_defer()

    def look_again(self, context: Context, event: Any = None, begun: float | None = None) -> Any:
        """Look, the next day's requests having begun, with the time that is left of that from *begun* on."""
        self._begun = begun
        with self._skipping_failures():
            looked = self._look_or_defer()
        # It may have been made to wait without a triggerer meanwhile.
        return looked.xcom_value if looked.is_done else self.execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Return what the trigger found, or fail with what went wrong."""
        with self._skipping_failures():
            if event["status"] == "error":
                raise AirflowFailException(event["message"])
        self.log.info("Success criteria met. Exiting.")
        return unpacked_json(event["found"])

    def _look_or_defer(self) -> PokeReturnValue:
        timeout = self._time_left()
        try:
            with self.fail_without_retry():
                looked = self.look()
        except MailerSendQuotaExhaustedError as error:
            if not self.deferrable or error.retry_at is None:
                raise
            self.log.info("%s The next look is then.", error)
            raise self.deferral_until(
                error.retry_at,
                "look_again",
                kwargs={"begun": self._begun},
                timeout=timeout,
            ) from None
        if looked.is_done:
            return looked
        self._say(self.how_far(looked.xcom_value))
        if self.deferrable:
            self._defer(timeout, asked_at=time.time())
        return looked

    def _time_left(self) -> timedelta:
        now = time.time()
        self._begun = self._begun or now
        return timedelta(seconds=self.timeout - (now - self._begun))

    def _defer(self, timeout: timedelta, asked_at: float | None = None) -> NoReturn:
        self.defer(
            trigger=self.trigger(
                mailersend_conn_id=self.mailersend_conn_id,
                quota_reserve=self.quota_reserve,
                poke_interval=self.poke_interval,
                exponential_backoff=self.exponential_backoff,
                max_wait=self.max_wait.total_seconds() if self.max_wait else None,
                asked_at=asked_at,
            ),
            method_name="execute_complete",
            timeout=timeout,
        )

    def _say(self, how_far: str) -> None:
        if how_far == self._said:
            return
        is_first, self._said = self._said is None, how_far
        next_look = f"next look in {self.poke_interval:g} s{' or more' if self.exponential_backoff else ''}"
        later = "; looks that find no change are not logged" if is_first and not self.reschedule else ""
        self.log.info("%s; %s%s.", how_far, next_look, " by the triggerer" if self.deferrable else later)

    @contextmanager
    def _skipping_failures(self) -> Iterator[None]:
        """Skip the task where it is to fail never, as Airflow does for what is done before a deferral."""
        try:
            yield
        except (AirflowException, MailerSendError) as error:
            if isinstance(error, AirflowSkipException) or not self.never_fail:
                raise
            raise AirflowSkipException(f"Skipping due to never_fail being set: {error}") from error
