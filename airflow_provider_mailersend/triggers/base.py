"""What the triggers of deferred sensors share: how often they ask, and what becomes of errors."""

from __future__ import annotations

import random
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Hashable, Iterator
from typing import Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_mailersend.api.errors import (
    MailerSendError,
    MailerSendQuotaExhaustedError,
    MailerSendRateLimitError,
)
from airflow_provider_mailersend.api.packing import packed_json
from airflow_provider_mailersend.triggers.polling import Asking, polling


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
    """

    asking: Asking[Any]

    def __init__(
        self,
        *,
        mailersend_conn_id: str = "mailersend_default",
        quota_reserve: int | None = None,
        poke_interval: float = 60.0,
        exponential_backoff: bool = False,
        max_wait: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.mailersend_conn_id = mailersend_conn_id
        self.quota_reserve = quota_reserve
        self.poke_interval = poke_interval
        self.exponential_backoff = exponential_backoff
        self.max_wait = max_wait

    @abstractmethod
    def asks(self) -> dict[str, Any]:
        """Return the arguments that are this class's own."""

    @property
    @abstractmethod
    def question(self) -> Hashable:
        """What is equal for all triggers that may share the answers."""

    @property
    def need(self) -> Any:
        """What this trigger needs of the next answer; others may need other things."""
        return None

    @abstractmethod
    def found_in(self, answer: Any) -> list[Any]:
        """Return what is waited for as the only element; nothing where it is not in *answer*."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return classpath_of(self), {
            **self.asks(),
            "mailersend_conn_id": self.mailersend_conn_id,
            "quota_reserve": self.quota_reserve,
            "poke_interval": self.poke_interval,
            "exponential_backoff": self.exponential_backoff,
            "max_wait": self.max_wait,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        async with polling(self.asking, self.question, self.mailersend_conn_id, self.quota_reserve) as poll:
            least = 0.0
            for delay in self._delays():
                try:
                    answer = await poll.answer(max(delay, least), self.need)
                except Exception as error:
                    if is_permanent(error):
                        yield TriggerEvent({"status": "error", "message": str(error)})
                        return
                    least = seconds_to_wait_after(error)
                    continue
                least = 0.0
                for found in self.found_in(answer):
                    # The triggerer logs its events whole, and an entry holds an address.
                    yield TriggerEvent({"status": "success", "found": packed_json(found)})
                    return

    def _delays(self) -> Iterator[float]:
        """Yield the seconds until each asking, as Airflow's sensors reckon them."""
        pokes = 1
        while True:
            delay = self.poke_interval
            if self.exponential_backoff:
                least = max(int(self.poke_interval * 2.0 ** min(pokes - 2, 30)), 1)
                delay = least * (1 + random.random())  # noqa: S311
                delay = min(delay, self.max_wait) if self.max_wait else delay
            yield delay
            pokes += 1


def classpath_of(trigger: BaseTrigger) -> str:
    """Return where a triggerer finds the class of *trigger*."""
    return f"{type(trigger).__module__}.{type(trigger).__qualname__}"


def is_permanent(error: Exception) -> bool:
    """Return whether asking again cannot help: what else keeps a triggerer from asking may pass."""
    if isinstance(error, MailerSendError):
        return error.permanent
    return isinstance(error, (ValueError, TypeError, AirflowNotFoundException))


def seconds_to_wait_after(error: Exception) -> float:
    """Return how long asking again is of no use, in seconds."""
    if isinstance(error, MailerSendQuotaExhaustedError) and error.resets_at is not None:
        return error.resets_at.timestamp() - time.time()
    if isinstance(error, MailerSendRateLimitError):
        return error.retry_at - time.time()
    return 0.0
