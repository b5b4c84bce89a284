"""Sharing between the triggers of one process: equal queries are sent once, each connection has one hook."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from copy import copy
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_mailersend.exceptions import MailerSendNotFoundError, MailerSendValidationError

if TYPE_CHECKING:
    from airflow_provider_mailersend.hooks.asynchronous import MailerSendAsyncHook

Answer = TypeVar("Answer")

#: A trigger is served early by others' queries in the last tenth of its interval.
NEARLY = 0.1


class Query(ABC, Generic[Answer]):
    """
    A question that triggers ask again and again. It may keep state from one answer to the next.

    :param hook: the hook that sends its requests.
    :param key: what it is about. Triggers with equal keys share one query.
    """

    def __init__(self, hook: MailerSendAsyncHook, key: Any) -> None:
        self.hook = hook
        self.key = key

    @abstractmethod
    async def ask(self, requirements: list[Any]) -> Answer:
        """Return an answer that meets all *requirements*, one from each trigger that is due."""

    def serves(self, answer: Answer, requirements: list[Any], requirement: Any) -> bool:
        """Return whether the *answer* to some *requirements* meets another one too."""
        return True


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Answer]):
    nearly_due: float
    requirement: Any
    answer: asyncio.Future[Answer]


class Poll(Generic[Answer]):
    """
    Runs one query for all triggers that share it: when one is due, all whom the answer serves get it.

    :param query: the query.
    """

    def __init__(self, query: Query[Answer]) -> None:
        self._query = query
        self._waiting: set[_Waiting[Answer]] = set()
        self._task: asyncio.Task[None] | None = None

    @property
    def hook(self) -> MailerSendAsyncHook:
        return self._query.hook

    async def answer(self, delay: float, requirement: Any = None) -> Answer:
        """
        Return the next answer, which may be to another trigger's query.

        :param delay: ask after so many seconds at the latest.
        :param requirement: what the answer must meet.
        :raises Exception: whatever the query raised.
        """
        loop = asyncio.get_running_loop()
        nearly_due = loop.time() + delay * (1 - NEARLY)
        waiting: _Waiting[Answer] = _Waiting(nearly_due, requirement, loop.create_future())
        self._waiting.add(waiting)
        # Airflow picks the log by context: shared work must go to the triggerer's log, not to one task's.
        timer = loop.call_later(delay, self._start_asking, context=Context())
        try:
            return await waiting.answer
        finally:
            timer.cancel()
            self._waiting.discard(waiting)

    async def aclose(self) -> None:
        """Cancel the query."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _start_asking(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._ask_for_all_due())

    async def _ask_for_all_due(self) -> None:
        loop = asyncio.get_running_loop()
        while due := [waiting.requirement for waiting in self._waiting if waiting.nearly_due <= loop.time()]:
            try:
                answer = await self._query.ask(due)
            except Exception as error:
                # Any error, such as a missing connection, must reach the triggers that wait.
                for future in self._pop(set(self._waiting)):
                    future.set_exception(_copy_of(error))
            else:
                served = {one for one in self._waiting if self._query.serves(answer, due, one.requirement)}
                for future in self._pop(served):
                    future.set_result(answer)
            # Those that were answered may be due again at once.
            await asyncio.sleep(0)

    def _pop(self, served: set[_Waiting[Answer]]) -> list[asyncio.Future[Answer]]:
        self._waiting -= served
        # The future of a cancelled trigger is done.
        return [waiting.answer for waiting in served if not waiting.answer.done()]


def _copy_of(error: Exception) -> Exception:
    """Return a copy for one trigger: if all raised the same error, its traceback would grow with each."""
    try:
        copied = copy(error)
    except Exception:
        # Some libraries' exceptions can't be copied.
        return error
    copied.__cause__ = error.__cause__ or error.__context__
    return copied


_Resource = TypeVar("_Resource", "Poll[Any]", "MailerSendAsyncHook")


class Shared(Generic[_Resource]):
    """Resources that are made on first use, and closed after the last."""

    def __init__(self) -> None:
        self._resources: dict[tuple[asyncio.AbstractEventLoop, Hashable], _Resource] = {}
        self._users: Counter[_Resource] = Counter()

    def __len__(self) -> int:
        return len(self._users)

    @asynccontextmanager
    async def using(self, key: Hashable, make: Callable[[], _Resource]) -> AsyncIterator[_Resource]:
        """Share the resource of *key* within this event loop."""
        resource = self.get(key)
        if resource is None:
            resource = self._resources[asyncio.get_running_loop(), key] = make()
        self._users[resource] += 1
        try:
            yield resource
        finally:
            self._users[resource] -= 1
            if not self._users[resource]:
                del self._users[resource]
                self.forget(key, resource)
                await resource.aclose()

    def get(self, key: Hashable) -> _Resource | None:
        """Return the resource of *key* that the next user gets, if there is one."""
        return self._resources.get((asyncio.get_running_loop(), key))

    def forget(self, key: Hashable, resource: _Resource) -> None:
        """Give the next user of *key* a new resource; present users keep *resource*."""
        if self.get(key) is resource:
            del self._resources[asyncio.get_running_loop(), key]


polls: Shared[Poll[Any]] = Shared()
#: One hook for each connection, so that all its triggers keep to one rate limit.
hooks: Shared[MailerSendAsyncHook] = Shared()


@asynccontextmanager
async def polling(
    query: type[Query[Answer]], query_key: Hashable, mailersend_conn_id: str, quota_reserve: int | None
) -> AsyncIterator[Poll[Answer]]:
    """Share the poll of this query, and of the connection as it is now, with other triggers in this event loop."""
    # DAG files import the triggers of watchers, and must be parsed without an HTTP library. Importing one takes long,
    # so it's done outside the event loop.
    await asyncio.to_thread(import_module, "airflow_provider_mailersend.hooks.asynchronous")
    from airflow_provider_mailersend.hooks.asynchronous import MailerSendAsyncHook

    connection = mailersend_conn_id, quota_reserve
    make_hook = partial(MailerSendAsyncHook, mailersend_conn_id, quota_reserve=quota_reserve)
    # A watcher keeps its hook for ever. Who begins later needs the connection as it is now.
    shared = hooks.get(connection)
    if shared is not None and await shared.is_outdated():
        hooks.forget(connection, shared)

    async with (
        hooks.using(connection, make_hook) as hook,
        polls.using((query, query_key, hook), lambda: Poll(query(hook, query_key))) as poll,
    ):
        try:
            yield poll
        except (MailerSendNotFoundError, MailerSendValidationError):
            # The query is wrong, not the connection; or a domain was deleted and added again since.
            hook.domain_ids.clear()
            raise
        except Exception:
            # Somebody may fix the connection: the next trigger reads it again.
            hooks.forget(connection, hook)
            raise
