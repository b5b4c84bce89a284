"""A time limit for a whole exchange over requests, whose own timeouts start over with every byte received."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError
from urllib3.util.connection import create_connection

from airflow_provider_mailersend.api.bodies import LARGEST_BODY

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: The most bytes to read of one response, headers and chunk sizes included: urllib3 may read lines of any length.
_MOST_READ = 2 * LARGEST_BODY


class Deadline:
    """The end of an exchange that may take *seconds*. Without an end, sockets keep the timeouts they have."""

    def __init__(self, seconds: float = math.inf) -> None:
        self._ends = time.monotonic() + seconds
        #: Whether the request has begun to leave this machine.
        self.sent = False

    @property
    def is_set(self) -> bool:
        return self._ends < math.inf

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._ends

    def left(self) -> float:
        """Return the seconds left. Raises :class:`TimeoutError` where there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left

    def limit(self, sock: socket.socket) -> None:
        """Limit the next operation of *sock* to the time left."""
        if self.is_set:
            sock.settimeout(self.left())


_NO_DEADLINE = Deadline()
_deadline: ContextVar[Deadline] = ContextVar("_deadline", default=_NO_DEADLINE)


@contextmanager
def within(seconds: float) -> Iterator[Deadline]:
    """Limit everything that this thread does in the block through a :class:`DeadlineAdapter` to *seconds*."""
    deadline = Deadline(seconds)
    token = _deadline.set(deadline)
    try:
        yield deadline
    finally:
        _deadline.reset(token)


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose connections keep to :func:`within`, but for the DNS lookup of a SOCKS proxy."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        # Set on the pool, as each kind of proxy has a connection class of its own.
        pool.ConnectionCls = _limited(pool.ConnectionCls)
        return pool


class _LimitedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        deadline = _deadline.get()
        if not deadline.is_set:
            return
        # Below the buffer: reading one line from the buffer can take any number of reads from the socket.
        raw: Any = self.fp.raw
        read_from_socket = raw.readinto
        received = 0

        def readinto(buffer: WriteableBuffer) -> int | None:
            nonlocal received
            deadline.limit(sock)
            count: int | None = read_from_socket(buffer)
            received += count or 0
            if received > _MOST_READ:
                raise OSError(f"the response has more than {_MOST_READ // 2**20} MiB")
            return count

        raw.readinto = readinto


class _LimitedConnection(HTTPConnection):
    response_class = _LimitedResponse

    def _new_conn(self) -> socket.socket:
        deadline = _deadline.get()
        # PySocks connects to a SOCKS proxy by itself.
        is_ours = deadline.is_set and not hasattr(self, "_socks_options")
        sock = self._connect_within(deadline) if is_ours else super()._new_conn()
        # TLS gets the time left.
        deadline.limit(sock)
        return sock

    def _connect_within(self, deadline: Deadline) -> socket.socket:
        """Connect to the first of the host's addresses that accepts: urllib3 would give each one the whole time."""
        failure = OSError("the host has no address")
        try:
            addresses = _look_up(self._dns_host, self.port, deadline.left())
            for number, (*_, (host, *_)) in enumerate(addresses):
                share = deadline.left() / (len(addresses) - number)
                try:
                    return create_connection(
                        (str(host), self.port), share, socket_options=self.socket_options
                    )
                except OSError as error:
                    failure = error
            raise failure
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error

    def _tunnel(self) -> None:
        deadline = _deadline.get()
        try:
            super()._tunnel()
        finally:
            # Only the proxy has received anything so far.
            deadline.sent = False
        deadline.limit(self.sock)

    def send(self, data: Any) -> None:
        deadline = _deadline.get()
        if self.sock is None:
            self.connect()
        deadline.limit(self.sock)
        deadline.sent = True
        super().send(data)


def _look_up(host: str, port: int, seconds: float) -> list[Any]:
    """Return the addresses of *host*, looked up in a thread: the system's own time limit may be longer."""
    found: Future[list[Any]] = Future()

    def look_up() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:
            found.set_exception(error)

    threading.Thread(target=look_up, daemon=True).start()
    return found.result(seconds)


@cache
def _limited(connection: type[HTTPConnection]) -> type[HTTPConnection]:
    if issubclass(connection, _LimitedConnection):
        return connection
    return type(f"Limited{connection.__name__}", (_LimitedConnection, connection), {})
