"""What all polling triggers share: intervals, retries, and the event of a deferred sensor."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Hashable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_mailersend.api.masking import describe_error, masked_within
from airflow_provider_mailersend.exceptions import (
    MailerSendAuthenticationError,
    MailerSendError,
    is_permanent,
)
from airflow_provider_mailersend.jobs.packed import packed_json
from airflow_provider_mailersend.triggers.polls import NEARLY, Answer, Poll, Query, polling

if TYPE_CHECKING:
    from airflow_provider_mailersend.hooks.account import MailerSendAccount

log = logging.getLogger(__name__)

#: With backoff, the last check comes so many seconds before the task's timeout.
_BEFORE_TIMEOUT = 5.0


def classpath_of(trigger: BaseTrigger) -> str:
    """Return the path from which a triggerer imports the class of *trigger*."""
    return f"{type(trigger).__module__}.{type(trigger).__qualname__}"


def describe_problem(error: Exception) -> str:
    """Return what went wrong as a masked sentence."""
    return str(error) if isinstance(error, MailerSendError) else f"{describe_error(error).rstrip('.')}."


@dataclass(kw_only=True, eq=False, repr=False)
class PollingTrigger(BaseTrigger):
    """
    Asks MailerSend again and again, and retries after temporary errors.

    A subclass is a dataclass, whose fields are the arguments that :meth:`serialize` returns.

    :param mailersend_conn_id: the Airflow connection.
    :param quota_reserve: how many requests of the daily quota to leave for sending; by default the connection's.
    """

    mailersend_conn_id: str = "mailersend_default"
    quota_reserve: int | None = None

    #: Whether the last answer must be confirmed: the next query is then sent at once.
    must_confirm = False

    def __post_init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    @abstractmethod
    def query_key(self) -> Hashable:
        """What the query is about. Triggers with equal keys share answers."""

    @property
    def requirement(self) -> Any:
        """What the next answer must meet for this trigger."""
        return None

    @abstractmethod
    def delays(self) -> Iterator[float]:
        """Yield the seconds to wait before each query but the first."""

    @abstractmethod
    def subject(self, hook: MailerSendAccount) -> str:
        """Return what it looks at, for the log; *hook* has read the connection."""

    def how_far(self, answer: Any) -> str:
        """Return the progress that an *answer* shows, for the log; nothing is logged unless it changes."""
        return ""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return classpath_of(self), {field.name: getattr(self, field.name) for field in fields(self)}

    def __repr__(self) -> str:
        return masked_within(super().__repr__())

    def polling(self, query: type[Query[Answer]]) -> AbstractAsyncContextManager[Poll[Answer]]:
        """Share the poll of *query* with other triggers."""
        return polling(query, self.query_key, self.mailersend_conn_id, self.quota_reserve)

    async def answers(self, poll: Poll[Answer], asked_at: float | None = None) -> AsyncGenerator[Answer]:
        """Yield one answer for each interval, the first of which began at *asked_at*; retry after temporary errors."""
        loop = asyncio.get_running_loop()
        delays = self.delays()
        delay = wait = 0.0
        if asked_at is not None:
            delay = next(delays)
            wait = max(0.0, delay - max(0.0, time.time() - asked_at))
        logged_failure: object = None
        logged_progress = progress = ""
        while True:
            begun, retry_after, problem = loop.time(), 0.0, ""
            failure: object = None
            try:
                answer = await poll.answer(wait, self.requirement)
            except Exception as error:
                # A task's retry may find a secrets backend that was down; a trigger would go on for ever.
                if is_permanent(error) or isinstance(error, AirflowNotFoundException):
                    raise
                # Rate limit and quota errors say when a retry makes sense.
                retry_after = (getattr(error, "retry_at", None) or 0.0) - time.time()
                problem = describe_problem(error)
                # The text of the same error differs, as it says how long it took.
                failure = type(error), getattr(error, "status", None)
                # The next answer logs its progress again, which shows that the error has passed.
                progress = logged_progress = ""
            else:
                yield answer
                if self.must_confirm:
                    delay = wait = 0.0
                    continue
                progress = self.how_far(answer)
            # With backoff, early answers to other triggers don't make this one's interval grow.
            if loop.time() - begun >= wait * (1 - NEARLY):
                delay = next(delays)
            wait = max(delay, retry_after)
            if failure is not None and failure != logged_failure:
                log.warning("%s: %s Next check in %.0f s.", self.subject(poll.hook), problem, wait)
            logged_failure = failure
            if progress != logged_progress:
                log.info(
                    "%s: %s; next check in %.0f s; connection %r.",
                    self.subject(poll.hook),
                    progress,
                    wait,
                    self.mailersend_conn_id,
                )
            logged_progress = progress


@dataclass(kw_only=True, eq=False, repr=False)
class MailerSendTrigger(PollingTrigger):
    """
    Waits for a deferred sensor, and fires one event.

    The event has ``status``, which is ``success`` or ``error``, and either ``found`` and its ``outcome``, a line for
    the log, both packed, or the error's ``message`` and whether it is ``permanent``: a retry of the task can't help.
    The other parameters are those of :class:`PollingTrigger`.

    :cvar query: what it asks.
    :param poke_interval: seconds between two answers.
    :param exponential_backoff: whether the interval doubles each time.
    :param max_wait: the longest interval in seconds; None for no limit.
    :param asked_at: when the sensor itself asked, in Unix seconds: the first interval begins then. None asks at once.
    """

    query: ClassVar[type[Query[Any]]]

    poke_interval: float = 60.0
    exponential_backoff: bool = False
    max_wait: float | None = None
    asked_at: float | None = None

    @abstractmethod
    def found_in(self, answer: Any) -> list[Any]:
        """Return the sensor's result as the only element; an empty list if *answer* doesn't hold it yet."""

    @abstractmethod
    def outcome(self, found: Any) -> str:
        """Return what was *found*, for the log."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        try:
            found, outcome = await self._wait()
        except Exception as error:
            yield TriggerEvent({"status": "error", "message": str(error), "permanent": is_permanent(error)})
        else:
            # The triggerer logs events, and an entry holds an address.
            packed = {"found": packed_json(found), "outcome": packed_json(outcome)}
            yield TriggerEvent({"status": "success", **packed})

    async def _wait(self) -> tuple[Any, str]:
        """Return the sensor's result, and what it is in words."""
        while True:
            async with (
                self.polling(self.query) as poll,
                aclosing(self.answers(poll, self.asked_at)) as answers,
            ):
                try:
                    async for answer in answers:
                        for found in self.found_in(answer):
                            return found, f"{self.subject(poll.hook)}: {self.outcome(found)}"
                except MailerSendAuthenticationError:
                    # Somebody may have replaced the token meanwhile.
                    if not await poll.hook.is_outdated():
                        raise

    def delays(self) -> Iterator[float]:
        """Yield each interval as Airflow's sensors compute it."""
        pokes = 1
        while True:
            delay = self.poke_interval
            if self.exponential_backoff:
                least = max(int(self.poke_interval * 2.0 ** min(pokes - 2, 30)), 1)
                delay = least * (1 + random.random())  # noqa: S311
                delay = min(delay, self.max_wait) if self.max_wait else delay
                delay = min(delay, self._seconds_left())
            yield delay
            pokes += 1

    def _seconds_left(self) -> float:
        """Return the time until the last check before the task's timeout, which the triggerer sets."""
        # Airflow 2's triggerer sets it on the task instance only, and in UTC without a time zone.
        timeout: datetime | None = getattr(self, "timeout_after", None)
        timeout = timeout or getattr(self.task_instance, "trigger_timeout", None)
        if timeout is None:
            return inf
        aware = timeout if timeout.tzinfo is not None else timeout.replace(tzinfo=UTC)
        left = aware.timestamp() - time.time() - _BEFORE_TIMEOUT
        return left if left > 0 else inf
