"""One question, asked once: triggers in one process that ask the same share each answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_mailersend.api.masking import said_by

if TYPE_CHECKING:
    from airflow_provider_mailersend.hooks.mailersend import MailerSendAsyncHook

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

#: Who is due within this part of its waiting is asked for with those who are due now.
_NEARLY = 0.1


@dataclass(frozen=True, slots=True)
class Asking(Generic[Answer]):
    """
    A way to ask a question.

    :param ask: asks it by a hook, and returns an answer that serves all needs that it is given.
    :param covers: whether an answer that serves some needs serves another one too.
    """

    ask: Callable[[MailerSendAsyncHook, Any, list[Any]], Awaitable[Answer]]
    covers: Callable[[list[Any], Any], bool] = lambda served, need: True


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Answer]):
    due: float
    nearly_due: float
    need: Any
    answer: asyncio.Future[Answer]


class Poll(Generic[Answer]):
    """
    A question of one connection. Whoever is due has it asked, and all whom the answer serves get it.

    :param asking: how it is asked.
    :param question: what is asked.
    :param hook: by which.
    """

    def __init__(self, asking: Asking[Answer], question: Hashable, hook: MailerSendAsyncHook) -> None:
        self.users = 0
        self._how = asking
        self._question = question
        self._hook = hook
        self._waiting: set[_Waiting[Answer]] = set()
        self._sooner = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None

    async def answer(self, delay: float, need: Any = None) -> Answer:
        """
        Return the next answer, be it to another's asking: in *delay* seconds at the latest it is asked for.

        :param need: what the answer must serve.
        :raises MailerSendError: the question could not be answered, or whatever else asking it raises.
        """
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        waiting: _Waiting[Answer] = _Waiting(due, due - delay * _NEARLY, need, loop.create_future())
        self._waiting.add(waiting)
        self._sooner.set()
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_while_waited_for())
        try:
            return await waiting.answer
        finally:
            self._waiting.discard(waiting)

    async def close(self) -> None:
        """Stop asking, and close the connections to MailerSend."""
        if self._asking is not None:
            self._asking.cancel()
            with suppress(asyncio.CancelledError):
                await self._asking
        await self._hook.aclose()

    async def _ask_while_waited_for(self) -> None:
        while self._waiting:
            await self._until_due()
            now = asyncio.get_running_loop().time()
            needs = [waiting.need for waiting in self._waiting if waiting.nearly_due <= now]
            if not needs:
                return
            try:
                answer = await self._how.ask(self._hook, self._question, needs)
            except Exception as error:
                # Whatever it is, such as a connection that is not there: those who wait must hear of it.
                log.warning("%s", said_by(error))
                for future in self._answered(needs):
                    future.set_exception(error)
            else:
                for future in self._answered(needs):
                    future.set_result(answer)
            # Those who were answered come back before the next is due.
            await asyncio.sleep(0)

    def _answered(self, needs: list[Any]) -> list[asyncio.Future[Answer]]:
        served = {waiting for waiting in self._waiting if self._how.covers(needs, waiting.need)}
        self._waiting -= served
        # One that was cancelled meanwhile is done.
        return [waiting.answer for waiting in served if not waiting.answer.done()]

    async def _until_due(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            self._sooner.clear()
            left = min(waiting.due for waiting in self._waiting) - loop.time()
            if left <= 0:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._sooner.wait(), left)


_Key = tuple[asyncio.AbstractEventLoop, Hashable]

#: The questions that are being asked: each as long as it has users.
_polls: dict[_Key, Poll[Any]] = {}


@asynccontextmanager
async def polling(
    asking: Asking[Answer], question: Hashable, mailersend_conn_id: str, quota_reserve: int | None
) -> AsyncIterator[Poll[Answer]]:
    """Share the poll of *question* with all in this event loop who ask the same way of the same connection."""
    # DAG files import the triggers of watchers, and are parsed without any HTTP library: it is imported here, and as
    # that takes a while, beside the event loop.
    hooks = await asyncio.to_thread(import_module, "airflow_provider_mailersend.hooks.mailersend")
    key = asyncio.get_running_loop(), (asking, question, mailersend_conn_id, quota_reserve)
    poll = _polls.get(key)
    if poll is None:
        hook = hooks.MailerSendAsyncHook(mailersend_conn_id, quota_reserve=quota_reserve)
        poll = _polls[key] = Poll(asking, question, hook)
    poll.users += 1
    try:
        yield poll
    finally:
        poll.users -= 1
        if not poll.users:
            del _polls[key]
            await poll.close()
