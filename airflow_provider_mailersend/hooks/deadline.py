"""A time limit for a whole exchange over requests, whose own time-outs begin anew with each byte that comes."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError

from airflow_provider_mailersend.api.bodies import LARGEST_BODY

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


#: How much is read of one answer, its headers and its chunks' lengths included, in bytes: some of them are read by
#: lines, and older versions of urllib3 let a line have no end.
_MOST_READ = 2 * LARGEST_BODY


class Deadline:
    """
    When an exchange must be over.

    :param seconds: how long it may take.
    """

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        #: Whether the request has begun to leave this machine.
        self.sent = False

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._ends

    def limit(self, sock: socket.socket, shares: int = 1) -> None:
        """
        Let the next operation of *sock* take what is left of the time.

        :param shares: a part of it, where others are to come.
        :raises TimeoutError: nothing is left.
        """
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        sock.settimeout(left / shares)


_deadline: ContextVar[Deadline | None] = ContextVar("_deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[Deadline]:
    """Let all that this thread does meanwhile by way of a :class:`DeadlineAdapter` take no more than *seconds*."""
    deadline = Deadline(seconds)
    token = _deadline.set(deadline)
    try:
        yield deadline
    finally:
        _deadline.reset(token)


class DeadlineAdapter(HTTPAdapter):
    """An adapter whose connections keep to :func:`within`. Looking up a host's name is the system's to limit."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        # By way of the pool, as those of proxies have classes of their own.
        pool.ConnectionCls = _limited(pool.ConnectionCls)
        return pool


class _LimitedReader(io.RawIOBase):
    """Reads from a socket by way of *raw*, each time no longer than what is left, and not without end."""

    def __init__(self, raw: Any, sock: socket.socket, deadline: Deadline) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = deadline
        self._read = 0

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        number: int = self._raw.fileno()
        return number

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        self._deadline.limit(self._sock)
        read: int | None = self._raw.readinto(buffer)
        self._read += read or 0
        if self._read > _MOST_READ:
            raise OSError(f"the answer has more than {_MOST_READ // 2**20} MiB")
        return read

    def close(self) -> None:
        self._raw.close()
        super().close()


class _LimitedResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        deadline = _deadline.get()
        if deadline is not None:
            # Below the buffer: a line that comes byte by byte is read by one call of its own.
            raw = self.fp.detach()
            self.fp = io.BufferedReader(_LimitedReader(raw, sock, deadline))


class _LimitedConnection(HTTPConnection):
    response_class = _LimitedResponse

    def _new_conn(self) -> socket.socket:
        deadline = _deadline.get()
        if deadline is None:
            return super()._new_conn()
        # A connection to a SOCKS proxy is made by PySocks.
        sock = super()._new_conn() if hasattr(self, "_socks_options") else self._connected(deadline)
        # What is left is for TLS.
        deadline.limit(sock)
        return sock

    def _connected(self, deadline: Deadline) -> socket.socket:
        """Connect to the first of the host's addresses that lets us: urllib3 would give each the whole time."""
        failed = OSError("the host has no address")
        try:
            addresses = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
            for number, (family, kind, protocol, _, address) in enumerate(addresses):
                sock = socket.socket(family, kind, protocol)
                try:
                    for option in self.socket_options or ():
                        sock.setsockopt(*option)
                    deadline.limit(sock, len(addresses) - number)
                    sock.connect(address)
                except OSError as error:
                    sock.close()
                    failed = error
                else:
                    return sock
            raise failed
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error

    def _tunnel(self) -> None:
        deadline = _deadline.get()
        try:
            super()._tunnel()
        finally:
            if deadline is not None:
                # What was sent until now was for the proxy.
                deadline.sent = False
        if deadline is not None:
            # What is left is for TLS.
            deadline.limit(self.sock)

    def send(self, data: Any) -> None:
        deadline = _deadline.get()
        if deadline is not None:
            if self.sock is None:
                self.connect()
            deadline.limit(self.sock)
            deadline.sent = True
        super().send(data)


@cache
def _limited(connection: type[HTTPConnection]) -> type[HTTPConnection]:
    if issubclass(connection, _LimitedConnection):
        return connection
    return type(f"Limited{connection.__name__}", (_LimitedConnection, connection), {})
