"""One question, asked once: triggers in one process that ask the same share each answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from copy import copy
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_mailersend.triggers.faults import is_of_the_connection

if TYPE_CHECKING:
    from airflow_provider_mailersend.hooks.asynchronous import MailerSendAsyncHook

Answer = TypeVar("Answer")

#: Who is due within this part of its waiting is asked for with those who are due now.
NEARLY = 0.1


@dataclass(frozen=True, slots=True)
class Query(Generic[Answer]):
    """
    A way to ask questions.

    :param begin: is given a hook and the question, and returns what asks it: an answer serves all needs it is given.
    :param serves: whether an answer to some needs serves another one too.
    """

    begin: Callable[[MailerSendAsyncHook, Any], Callable[[list[Any]], Awaitable[Answer]]]
    serves: Callable[[Answer, list[Any], Any], bool] = lambda answer, requirements, requirement: True


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Answer]):
    due: float
    nearly_due: float
    requirement: Any
    answer: asyncio.Future[Answer]


class Poll(Generic[Answer]):
    """
    A question of one connection. Whoever is due has it asked, and all whom the answer serves get it.

    :param asking: how it is asked.
    :param question: what is asked.
    :param hook: by which.
    :param give_up: is called where asking again by that hook cannot help.
    """

    def __init__(
        self,
        query: Query[Answer],
        query_key: Hashable,
        hook: MailerSendAsyncHook,
        give_up: Callable[[], None],
    ) -> None:
        self._ask = query.begin(hook, query_key)
        self._serves = query.serves
        self._give_up = give_up
        self._waiting: set[_Waiting[Answer]] = set()
        self._sooner = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None

    async def answer(self, delay: float, requirement: Any = None) -> Answer:
        """
        Return the next answer, be it to another's asking: in *delay* seconds at the latest it is asked for.

        :param need: what the answer must serve.
        :raises MailerSendError: the question could not be answered, or whatever else asking it raises.
        """
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        waiting: _Waiting[Answer] = _Waiting(due, due - delay * NEARLY, requirement, loop.create_future())
        self._waiting.add(waiting)
        self._sooner.set()
        if self._asking is None or self._asking.done():
            # Airflow tells by the context whose log a line goes to: what is asked for many is in the triggerer's own.
            self._asking = asyncio.create_task(self._ask_while_waited_for(), context=Context())
        try:
            return await waiting.answer
        finally:
            self._waiting.discard(waiting)

    async def aclose(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            with suppress(asyncio.CancelledError):
                await self._asking

    async def _ask_while_waited_for(self) -> None:
        while self._waiting:
            await self._until_due()
            now = asyncio.get_running_loop().time()
            requirements = [waiting.requirement for waiting in self._waiting if waiting.nearly_due <= now]
            if not requirements:
                return
            try:
                answer = await self._ask(requirements)
            except Exception as error:
                # Whatever it is, such as a connection that is not there: those who wait must hear of it.
                if is_of_the_connection(error):
                    self._give_up()
                for future in self._answered(set(self._waiting)):
                    future.set_exception(_copy_of(error))
            else:
                served = {one for one in self._waiting if self._serves(answer, requirements, one.requirement)}
                for future in self._answered(served):
                    future.set_result(answer)
            # Those who were answered come back before the next is due.
            await asyncio.sleep(0)

    def _answered(self, served: set[_Waiting[Answer]]) -> list[asyncio.Future[Answer]]:
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


def _copy_of(error: Exception) -> Exception:
    """Return one for each who waits: raised by many, one error's traceback would grow with each."""
    try:
        copied = copy(error)
    except Exception:
        # Not all exceptions of others can be copied.
        return error
    copied.__cause__ = error.__cause__ or error.__context__
    return copied


_Key = tuple[asyncio.AbstractEventLoop, Hashable]
_Thing = TypeVar("_Thing", "Poll[Any]", "MailerSendAsyncHook")


class Shared(Generic[_Thing]):
    """Things that are made when they are first wanted, and closed when nobody uses them any more."""

    def __init__(self) -> None:
        self._things: dict[_Key, _Thing] = {}
        self._users: Counter[_Thing] = Counter()

    def __len__(self) -> int:
        return len(self._users)

    @asynccontextmanager
    async def using(self, key: Hashable, make: Callable[[], _Thing]) -> AsyncIterator[_Thing]:
        """Share the thing of *key* with all in this event loop who use it."""
        loop_key = asyncio.get_running_loop(), key
        thing = self._things.get(loop_key)
        if thing is None:
            thing = self._things[loop_key] = make()
        self._users[thing] += 1
        try:
            yield thing
        finally:
            self._users[thing] -= 1
            if not self._users[thing]:
                del self._users[thing]
                self.forget(key, thing)
                await thing.aclose()

    def forget(self, key: Hashable, thing: _Thing) -> None:
        """Let whoever comes next have another one than *thing*, which others still use."""
        loop_key = asyncio.get_running_loop(), key
        if self._things.get(loop_key) is thing:
            del self._things[loop_key]


#: The questions that are being asked, and the hooks they are asked by: one for each connection, which keeps to its
#: limits.
polls: Shared[Poll[Any]] = Shared()
hooks: Shared[MailerSendAsyncHook] = Shared()


@asynccontextmanager
async def polling(
    query: Query[Answer], query_key: Hashable, mailersend_conn_id: str, quota_reserve: int | None
) -> AsyncIterator[Poll[Answer]]:
    """Share the poll of *question* with all in this event loop who ask the same way of the same connection."""
    # DAG files import the triggers of watchers, and are parsed without any HTTP library: it is imported here, and as
    # that takes a while, beside the event loop.
    module = await asyncio.to_thread(import_module, "airflow_provider_mailersend.hooks.asynchronous")
    connection = mailersend_conn_id, quota_reserve

    def make_hook() -> MailerSendAsyncHook:
        made: MailerSendAsyncHook = module.MailerSendAsyncHook(
            mailersend_conn_id, quota_reserve=quota_reserve
        )
        return made

    def give_up() -> None:
        # The connection may be mended meanwhile: whoever comes next reads it anew.
        hooks.forget(connection, hook)

    async with (
        hooks.using(connection, make_hook) as hook,
        polls.using((query, query_key, hook), lambda: Poll(query, query_key, hook, give_up)) as poll,
    ):
        yield poll
