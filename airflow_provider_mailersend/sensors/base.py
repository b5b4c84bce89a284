"""The base of the provider's sensors."""

from __future__ import annotations

import time
from abc import abstractmethod
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
)

from airflow_provider_mailersend.exceptions import (
    MailerSendAuthenticationError,
    MailerSendError,
    MailerSendQuotaExhaustedError,
)
from airflow_provider_mailersend.jobs.packed import unpacked_json
from airflow_provider_mailersend.task import MailerSendTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_mailersend.triggers.base import MailerSendTrigger


class MailerSendSensor(MailerSendTask, BaseSensorOperator):
    """
    A sensor on one MailerSend connection. Takes the parameters of :class:`.MailerSendTask`.

    What it waits for, and how far that is, its trigger alone decides: in poke mode too.
    """

    ui_color = "#e9e2ff"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._started_at: float | None = None
        self._logged: str | None = None

    @abstractmethod
    def trigger_spec(self) -> tuple[str, dict[str, Any]]:
        """Return the name of the class of the sensor's trigger, and its own arguments, as rendered."""

    @abstractmethod
    def ask(self, trigger: Any) -> Any:
        """Return an answer for *trigger*, as its own query would."""

    def poke(self, context: Context) -> PokeReturnValue:
        return self._check_or_defer()

    def resume_execution(self, *args: Any, **kwargs: Any) -> Any:
        """Skip instead of failing with ``never_fail``, as Airflow does by itself only before a deferral."""
        try:
            return super().resume_execution(*args, **kwargs)
        except (AirflowException, MailerSendError) as error:
            if isinstance(error, AirflowSkipException) or not self.never_fail:
                raise
            raise AirflowSkipException(f"Skipping due to never_fail being set: {error}") from error

    def resume(self, context: Context, event: Any = None, started_at: float | None = None) -> Any:
        """Go on after the daily quota has been reset. The timeout counts from *started_at*."""
        self._started_at = started_at
        checked = self._check_or_defer()
        # The sensor may have been changed to poke meanwhile.
        return checked.xcom_value if checked.is_done else self.execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Return what the trigger found, or fail with its error."""
        if event["status"] == "error":
            raise (AirflowFailException if event["permanent"] else AirflowException)(event["message"])
        self.log.info("%s; connection %r.", unpacked_json(event["outcome"]), self.mailersend_conn_id)
        self.log.info("Success criteria met. Exiting.")
        return unpacked_json(event["found"])

    def _check_or_defer(self) -> PokeReturnValue:
        timeout = self._time_left()
        try:
            with self.fail_without_retry():
                trigger = self._make_trigger()
                answer = self._ask_with_current_token(trigger)
        except MailerSendQuotaExhaustedError as error:
            self.defer_until_reset(error, "resume", kwargs={"started_at": self._started_at}, timeout=timeout)
        subject = trigger.subject(self.hook)
        for found in trigger.found_in(answer):
            self.log_summary(subject, trigger.outcome(found))
            return PokeReturnValue(is_done=True, xcom_value=found)
        self._log_progress(f"{subject}: {trigger.how_far(answer)}")
        if self.deferrable:
            trigger.asked_at = time.time()
            self._defer(trigger, timeout)
        return PokeReturnValue(is_done=False)

    def _ask_with_current_token(self, trigger: Any) -> Any:
        try:
            return self.ask(trigger)
        except MailerSendAuthenticationError:
            # Somebody may have replaced the token since the last check.
            if not self.hook.is_outdated():
                raise
            self._requests_before += self.hook.requests_sent
            del self.hook
            return self.ask(trigger)

    def _time_left(self) -> timedelta:
        now = time.time()
        self._started_at = self._started_at or now
        return timedelta(seconds=self.timeout - (now - self._started_at))

    def _make_trigger(self) -> Any:
        from airflow_provider_mailersend.triggers import mailersend as triggers

        name, arguments = self.trigger_spec()
        return getattr(triggers, name)(
            **arguments,
            mailersend_conn_id=self.mailersend_conn_id,
            quota_reserve=self.quota_reserve,
            poke_interval=self.poke_interval,
            exponential_backoff=self.exponential_backoff,
            max_wait=self.max_wait.total_seconds() if self.max_wait else None,
        )

    def _defer(self, trigger: MailerSendTrigger, timeout: timedelta) -> NoReturn:
        self.defer(trigger=trigger, method_name="execute_complete", timeout=timeout)

    def _log_progress(self, progress: str) -> None:
        if progress == self._logged:
            return
        is_first, self._logged = self._logged is None, progress
        note = ""
        if self.deferrable:
            note = " by the triggerer"
        elif is_first and not self.reschedule:
            note = "; checks that find no change aren't logged"
        or_more = " or more" if self.exponential_backoff else ""
        next_check = f"next check in {self.poke_interval:g} s{or_more}{note}"
        self.log.info("%s; %s; connection %r.", progress, next_check, self.mailersend_conn_id)
