"""Sending an answer, and doing to a connection what networks do: dropping it, breaking off, dripping."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from airflow_provider_mailersend.sandbox.answers import Answer

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope

Wait = Callable[[float], Awaitable[bool]]
"""Waits so many seconds; whether the server goes on."""


async def send_answer(answer: Answer, send: ASGISendCallable) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": answer.fields(),
            "trailers": False,
        }
    )
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


class Line:
    """The connection that a request came on."""

    def __init__(
        self,
        scope: HTTPScope,
        receive: ASGIReceiveCallable,
        send: ASGISendCallable,
        connections: list[Any],
        wait: Wait,
    ) -> None:
        self._client = tuple(scope["client"] or ())
        self._receive = receive
        self._send = send
        self._connections = connections
        self._wait = wait

    async def send(self, answer: Answer) -> None:
        await send_answer(answer, self._send)

    async def cut(self) -> None:
        """Drop the connection without an answer."""
        await self._hang_up()

    async def break_off(self, answer: Answer) -> None:
        """Promise the whole length of an answer, send half of it, and hang up; of an empty one send nothing."""
        if answer.body:
            self._transport.write(answer.head() + answer.body[: len(answer.body) // 2])
        await self._hang_up()

    async def drip(self, answer: Answer, seconds: float, part: str) -> None:
        """Send an answer whose head or body comes byte by byte, and hang up."""
        answer.headers["connection"] = "close"
        fast, slow, rest = b"", answer.head(), answer.body
        if part == "body":
            fast, slow, rest = slow, rest, b""
        self._transport.write(fast)
        for byte in slow:
            self._transport.write(bytes((byte,)))
            if not await self._goes_on(seconds):
                break
        else:
            self._transport.write(rest)
        await self._hang_up()

    async def continue_for_ever(self, seconds: float) -> None:
        """Send ``100 Continue`` until the client goes."""
        self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while await self._goes_on(seconds):
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await self._hang_up()

    async def _goes_on(self, seconds: float) -> bool:
        return await self._wait(seconds) and not self._transport.is_closing()

    @property
    def _transport(self) -> Any:
        for connection in self._connections:
            if getattr(connection, "client", None) == self._client:
                return connection.transport
        raise ConnectionError("The client is gone.")

    async def _hang_up(self) -> None:
        self._transport.close()  # once what was written is sent
        # An application that returned before its connection is gone would be reported as broken.
        while (await self._receive())["type"] != "http.disconnect":
            pass
