"""Doing to a connection what networks do: dropping it, or breaking an answer off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send
    from uvicorn.server import ServerState


class Line:
    """The connections of a running server."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    async def cut(self, scope: Scope, receive: Receive) -> None:
        """Drop the connection of a request without an answer."""
        self._hang_up(scope)
        await _lost(receive)

    async def break_off(self, answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise the whole length of an answer, send half of it, and hang up."""
        body = bytes(answer.body)
        if not body:  # nothing to break off
            await self.cut(scope, receive)
            return
        await send(
            {"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers}
        )
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        self._hang_up(scope)
        await _lost(receive)

    def _hang_up(self, scope: Scope) -> None:
        for connection in list(self._state.connections):
            if getattr(connection, "client", None) == tuple(scope["client"]):
                connection.transport.close()  # once what was written is sent


async def _lost(receive: Receive) -> None:
    # An application that returned before its connection is gone would be reported as broken.
    while (await receive())["type"] != "http.disconnect":
        pass
