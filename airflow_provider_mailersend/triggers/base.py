"""What the triggers of deferred sensors share: how often they ask, and what becomes of errors."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Hashable, Iterator
from math import inf
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_mailersend.api.masking import masked_within
from airflow_provider_mailersend.api.messages import describe_error
from airflow_provider_mailersend.jobs.packed import packed_json
from airflow_provider_mailersend.triggers.faults import is_permanent, seconds_to_wait_after
from airflow_provider_mailersend.triggers.polls import NEARLY, Query, polling

log = logging.getLogger(__name__)

#: How long before a task's timeout it is looked for the last time, in seconds.
_BEFORE_TIMEOUT = 5.0


class MailerSendTrigger(BaseTrigger):
    """
    Asks a question of one MailerSend connection until the answer is the one waited for.

    Triggers in one process that ask the same share the answers. Its event holds ``status``, ``success`` or ``error``,
    and ``found``, packed, or ``message`` with what went wrong.

    :cvar asking: how the question is asked.
    :param mailersend_conn_id: the Airflow connection.
    :param quota_reserve: how many of the day's requests to leave to sending; by default the connection's.
    :param poke_interval: seconds between two answers.
    :param exponential_backoff: whether that doubles from one to the next.
    :param max_wait: the most seconds it grows to; None for no bound.
    :param asked_at: when the sensor asked itself, in Unix seconds; None where the trigger is to ask first, at once.
    """

    query: Query[Any]
    #: The names of the arguments that are the class's own.
    arguments: tuple[str, ...] = ()
    #: Whether what is waited for seems to be there, and another answer has to make sure, at once.
    must_be_sure = False

    def __init__(
        self,
        *,
        mailersend_conn_id: str = "mailersend_default",
        quota_reserve: int | None = None,
        poke_interval: float = 60.0,
        exponential_backoff: bool = False,
        max_wait: float | None = None,
        asked_at: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.mailersend_conn_id = mailersend_conn_id
        self.quota_reserve = quota_reserve
        self.poke_interval = poke_interval
        self.exponential_backoff = exponential_backoff
        self.max_wait = max_wait
        self.asked_at = asked_at

    @property
    @abstractmethod
    def query_key(self) -> Hashable:
        """What is equal for all triggers that may share the answers."""

    @property
    def requirement(self) -> Any:
        """What this trigger needs of the next answer; others may need other things."""
        return None

    @abstractmethod
    def found_in(self, answer: Any) -> list[Any]:
        """Return what is waited for as the only element; nothing where it is not in *answer*."""

    @abstractmethod
    def how_far(self, answer: Any) -> str:
        """Return what is waited for and how far it is, by an *answer* that does not hold it."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return classpath_of(self), {
            **{name: getattr(self, name) for name in self.arguments},
            "mailersend_conn_id": self.mailersend_conn_id,
            "quota_reserve": self.quota_reserve,
            "poke_interval": self.poke_interval,
            "exponential_backoff": self.exponential_backoff,
            "max_wait": self.max_wait,
            "asked_at": self.asked_at,
        }

    def __repr__(self) -> str:
        return masked_within(super().__repr__())

    async def run(self) -> AsyncIterator[TriggerEvent]:
        try:
            found = await self._wait()
        except Exception as error:
            yield TriggerEvent({"status": "error", "message": str(error)})
        else:
            # The triggerer logs its events whole, and an entry holds an address.
            yield TriggerEvent({"status": "success", "found": packed_json(found)})

    async def _wait(self) -> Any:
        """Ask until what is waited for is found, or asking again cannot help."""
        loop = asyncio.get_running_loop()
        async with polling(self.query, self.query_key, self.mailersend_conn_id, self.quota_reserve) as poll:
            delays, said, told = self.delays(), "", ""
            delay = waits = 0.0
            if self.asked_at is not None:
                delay = next(delays)
                waits = max(0.0, delay - max(0.0, time.time() - self.asked_at))
            while True:
                begun, least, how_far = loop.time(), 0.0, told
                try:
                    answer = await poll.answer(waits, self.requirement)
                except Exception as error:
                    if is_permanent(error):
                        raise
                    least = seconds_to_wait_after(error)
                    if said != (said := describe_error(error)):
                        log.warning("%s. Asking again.", said.rstrip("."))
                else:
                    said = ""
                    for found in self.found_in(answer):
                        return found
                    if self.must_be_sure:
                        delay = waits = 0.0
                        continue
                    how_far = self.how_far(answer)
                # What others have asked sooner does not make this one's interval grow.
                if loop.time() - begun >= waits * (1 - NEARLY):
                    delay = next(delays)
                waits = max(delay, least)
                if told != (told := how_far):
                    # A look that finds no change is not logged.
                    log.info("%s; next look in %.0f s.", told, waits)

    def delays(self) -> Iterator[float]:
        """Yield the seconds until each asking, as Airflow's sensors reckon them."""
        pokes = 1
        while True:
            delay = self.poke_interval
            if self.exponential_backoff:
                least = max(int(self.poke_interval * 2.0 ** min(pokes - 2, 30)), 1)
                delay = least * (1 + random.random())  # noqa: S311
                delay = min(delay, self.max_wait) if self.max_wait else delay
                delay = min(delay, self._seconds_left)
            yield delay
            pokes += 1

    @property
    def _seconds_left(self) -> float:
        """How long there is until just before the task's timeout, which the triggerer sets."""
        timeout_after = getattr(self, "timeout_after", None)
        left = timeout_after.timestamp() - time.time() - _BEFORE_TIMEOUT if timeout_after else inf
        return left if left > 0 else inf


def classpath_of(trigger: BaseTrigger) -> str:
    """Return where a triggerer finds the class of *trigger*."""
    return f"{type(trigger).__module__}.{type(trigger).__qualname__}"
