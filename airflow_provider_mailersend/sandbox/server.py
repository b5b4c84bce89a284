"""An HTTP server in a thread, on a loopback address, that starts and stops at once."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from airflow_provider_mailersend.sandbox.wire import Line, Request, read_request

Handler = Callable[[Request, Line], Awaitable[None]]
"""Answers a request on the line it came on."""

_LONGEST_STOP = 5.0  # seconds


def is_loopback(host: str) -> bool:
    """Whether a host name or address (without a port) is in 127.0.0.0/8, is ::1, or is ``localhost``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


class LoopbackServer:
    """Serves on a socket of this machine; ``url`` is known as soon as it is made.

    ``localhost`` is bound as 127.0.0.1, whatever the machine's own tables make of that name; any other host
    that others could reach is a ``ValueError``.
    """

    def __init__(self, host: str, port: int) -> None:
        require_loopback(host)
        address = "127.0.0.1" if host.lower() == "localhost" else host.removeprefix("[").removesuffix("]")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = _listen(family, address, port)
        bound = f"[{address}]" if family == socket.AF_INET6 else address
        self.url = f"http://{bound}:{self._socket.getsockname()[1]}"
        self._handler: Handler
        self._stopping = asyncio.Event()
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._run, name="mailersend-sandbox", daemon=True)

    def start(self, handler: Handler) -> None:
        """Serve from now on; returns when requests are answered."""
        self._handler = handler
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Drop all connections, end what waits, and end the thread; returns when nothing is left."""
        if self._loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop closed meanwhile
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(_LONGEST_STOP)
        self._socket.close()

    async def wait(self, seconds: float) -> bool:
        """Wait, or until the server stops; whether it goes on."""
        if seconds:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)
        return not self._stopping.is_set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside all requests; the server doesn't stop before it is done."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(
            lambda reader, writer: self.spawn(self._converse(reader, writer)), sock=self._socket
        )
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for writer in self._writers:
            writer.transport.abort()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LONGEST_STOP)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after another. What isn't HTTP ends the connection, as its end does."""
        self._writers.add(writer)
        try:
            while not writer.is_closing():
                try:
                    request = await read_request(reader, writer)
                except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
                    return
                with contextlib.suppress(OSError):  # the client is gone
                    await self._handler(request, Line(request, reader, writer, self.wait))
        finally:
            self._writers.discard(writer)
            writer.close()


def require_loopback(host: str) -> None:
    if not is_loopback(host):
        raise ValueError(
            f"The sandbox listens on this machine only: host must be 127.0.0.0/8, ::1 or localhost, not {host!r}."
        )


def _listen(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    # Named as TCP, because asyncio switches Nagle's algorithm off for nothing else: with it, each answer
    # to a kept connection waits 40 ms for an acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(256)
    except OSError:
        listener.close()
        raise
    return listener
