"""Calls of one asynchronous hook at a time: none holds up the others."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from typing import Any

from airflow_provider_mailersend.hooks.mailersend import MailerSendAsyncHook
from airflow_provider_mailersend.sandbox import Fault, Sandbox

from .wire import (
    JSON,
    QUOTA,
    answer,
    drip,
    serving,
)

Connect = Callable[..., str]


def test_a_slow_answer_holds_up_no_other_request_of_the_connection(connect: Connect) -> None:
    """The first request's answer drips until the others are done; it would be read for ever otherwise."""
    others_done = threading.Event()
    # Said, as the server closes: whoever reuses the connection meanwhile would find it broken.
    said = answer(JSON, b"Connection: close")

    def serve(connection: socket.socket, number: int) -> None:
        if number == 0:
            connection.sendall(said[:-5])
            others_done.wait(8)
            connection.sendall(said[-5:])
        else:
            connection.sendall(said)

    async def scenario(hook: MailerSendAsyncHook) -> list[Any]:
        first = asyncio.create_task(hook.get_api_quota())
        while not wire.requests:
            await asyncio.sleep(0.01)
        others = [asyncio.create_task(hook.get_api_quota()) for _ in range(3)]
        found = await asyncio.gather(*others)
        assert not first.done()
        others_done.set()
        return [await first, *found]

    with serving(serve) as wire:
        assert _run(scenario, connect(host=wire.url), timeout=5, max_retries=0) == [QUOTA] * 4


def test_a_slow_look_up_of_a_domain_holds_up_no_other_domain(connect: Connect) -> None:
    others_done = threading.Event()

    def serve(connection: socket.socket, number: int) -> None:
        name = ("known.example", "slow.example", "other.example")[number]
        page = {"data": [{"id": f"id-{number}", "name": name}], "links": {"next": None}}
        said = answer(json.dumps(page).encode(), b"Connection: close")
        connection.sendall(said[:-5])
        if number == 1:
            others_done.wait(8)
        connection.sendall(said[-5:])

    async def scenario(hook: MailerSendAsyncHook) -> list[str]:
        await hook.resolve_domain_id("known.example")
        slow = asyncio.create_task(hook.resolve_domain_id("slow.example"))
        while len(wire.requests) < 2:
            await asyncio.sleep(0.01)
        others = [await hook.resolve_domain_id(f"{name}.example") for name in ("Known", "other")]
        assert not slow.done()
        others_done.set()
        return [*others, await slow]

    with serving(serve) as wire:
        assert _run(scenario, connect(host=wire.url), timeout=5, max_retries=0) == ["id-0", "id-2", "id-1"]
        assert len(wire.requests) == 3


def test_calls_for_one_domain_look_it_up_once(connect: Connect, sandbox: Sandbox) -> None:
    async def scenario(hook: MailerSendAsyncHook) -> list[str]:
        return await asyncio.gather(
            *map(hook.resolve_domain_id, ("example.com", " Example.com", "EXAMPLE.COM"))
        )

    assert set(_run(scenario, connect(sandbox))) == {sandbox.domain_id("example.com")}
    assert len(sandbox.log) == 1


def test_waiting_after_a_fault_holds_up_no_other_request(connect: Connect) -> None:
    with Sandbox(unsubscribes=150, hard_bounces=5, rate_limit=None) as sandbox:
        sandbox.fail(Fault(path="/suppressions/hard-bounces", status=503, times=2))

        async def scenario(hook: MailerSendAsyncHook) -> list[Any]:
            readings = map(hook.list_suppressions, ("hard-bounces", "unsubscribes"))
            return list(await asyncio.gather(*readings))

        bounces, unsubscribes = _run(scenario, connect(sandbox))
        assert (len(bounces), len(unsubscribes)) == (5, 150)
        assert sandbox.log[1].path.endswith("unsubscribes")


def test_who_is_cancelled_leaves_nothing_behind(connect: Connect) -> None:
    def serve(connection: socket.socket, number: int) -> None:
        drip(connection, *((answer()[:-20], answer()[-20:], 8.0) if number < 2 else (answer(), b"")))

    async def scenario(hook: MailerSendAsyncHook) -> Any:
        slow = [asyncio.create_task(hook.get_api_quota()) for _ in range(2)]
        # One has lent its turn to the other by then, which holds it.
        while len(wire.requests) < 2:
            await asyncio.sleep(0.01)
        for each in slow:
            each.cancel()
        assert all(
            isinstance(each, asyncio.CancelledError)
            for each in await asyncio.gather(*slow, return_exceptions=True)
        )
        assert len(asyncio.all_tasks()) == 1
        found = await hook.get_api_quota()
        assert len(asyncio.all_tasks()) == 1
        return found

    with serving(serve) as wire:
        assert _run(scenario, connect(host=wire.url), timeout=5, max_retries=0) == QUOTA


def _run(scenario: Callable[[MailerSendAsyncHook], Any], conn_id: str, **options: Any) -> Any:
    async def session() -> Any:
        async with MailerSendAsyncHook(conn_id, **options) as hook:
            return await scenario(hook)

    return asyncio.run(session())
