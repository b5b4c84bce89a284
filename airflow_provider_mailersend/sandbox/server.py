"""A uvicorn server in a thread, on a loopback address, that starts and stops at once."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from uvicorn._types import ASGIApplication

_LONGEST_STOP = 5.0  # seconds


def is_loopback(host: str) -> bool:
    """Whether a host name or address (without a port) is in 127.0.0.0/8, is ::1, or is ``localhost``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def require_loopback(host: str) -> str:
    """Return the address to bind for ``host``, or raise ``ValueError`` when others could reach it.

    ``localhost`` is bound as 127.0.0.1, whatever the machine's own tables make of that name.
    """
    if not is_loopback(host):
        raise ValueError(
            f"The sandbox listens on this machine only: host must be 127.0.0.0/8, ::1 or localhost, not {host!r}."
        )
    return "127.0.0.1" if host.lower() == "localhost" else host.removeprefix("[").removesuffix("]")


def host_of(header: str) -> str:
    """The host in a ``Host`` header, without its port."""
    if header.startswith("["):
        return header.partition("]")[0][1:]
    return header.partition(":")[0]


class LoopbackServer:
    """Serves ``app`` on a socket of this machine; ``url`` is known as soon as it is made.

    uvicorn looks for its end ten times a second, and lets clients finish at leisure. Here the end is an event
    and connections are dropped, so that a test may have a server of its own.
    """

    def __init__(self, host: str, port: int) -> None:
        address = require_loopback(host)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = _listen(family, address, port)
        bound = f"[{address}]" if family == socket.AF_INET6 else address
        self.url = f"http://{bound}:{self._socket.getsockname()[1]}"
        # No set-up of logging: that belongs to the process, which may be somebody's test run.
        self._config = uvicorn.Config(
            self._unready,
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,
        )
        self._server = uvicorn.Server(self._config)
        self.stopping = asyncio.Event()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="mailersend-sandbox", daemon=True)

    def connections(self) -> list[Any]:
        """The connections that are open, as uvicorn's protocols."""
        return list(self._server.server_state.connections)

    def start(self, app: ASGIApplication) -> None:
        """Serve from now on; returns when requests are answered."""
        self._config.app = app
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise RuntimeError("The sandbox could not start.") from self._failure

    def stop(self) -> None:
        """Drop all connections and end the thread; returns when nothing is left."""
        if self._loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop closed meanwhile
                self._loop.call_soon_threadsafe(self.stopping.set)
            self._thread.join(_LONGEST_STOP)
        self._socket.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:
            self._failure = failure
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._config.load()
        self._server.lifespan = self._config.lifespan_class(self._config)
        await self._server.startup(sockets=[self._socket])
        self._ready.set()
        await self.stopping.wait()
        for server in self._server.servers:
            server.close()
        for connection in self.connections():
            connection.transport.abort()
        if self._server.server_state.tasks:
            await asyncio.wait(list(self._server.server_state.tasks), timeout=_LONGEST_STOP)

    @staticmethod
    async def _unready(scope: object, receive: object, send: object) -> None:
        raise RuntimeError("The sandbox isn't started.")


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
