"""A server on this machine that says whatever a test lets it say, byte by byte."""

from __future__ import annotations

import gzip
import json
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_server, socket

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

#: Handles one connection, whose number is given, from 0; it is closed afterwards.
Handler = Callable[[socket, int], None]

QUOTA = {"quota": 1000, "remaining": 752, "reset": "2099-04-15T00:00:00Z"}
JSON = json.dumps(QUOTA).encode()


class Wire:
    """
    :param url: where the server is.
    :param requests: the requests that came, each as far as it was read.
    """

    def __init__(self, server: socket, handler: Handler) -> None:
        self.url = f"http://127.0.0.1:{server.getsockname()[1]}"
        self.requests: list[bytes] = []
        self._server = server
        self._handler = handler
        self._open: list[socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for each in (self._server, *self._open):
            with suppress(OSError):
                each.shutdown(2)
            each.close()

    def _accept(self) -> None:
        number = 0
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()
                number += 1

    def _serve(self, connection: socket, number: int) -> None:
        with suppress(OSError, ssl.SSLError), connection:
            self.requests.append(read_head(connection))
            self._handler(connection, number)


@contextmanager
def serving(handler: Handler) -> Iterator[Wire]:
    """Serve by *handler* until the block ends."""
    wire = Wire(create_server(("127.0.0.1", 0)), handler)
    try:
        yield wire
    finally:
        wire.close()


def saying(*pieces: bytes) -> Handler:
    """Answer with these *pieces* at once."""

    def handle(connection: socket, number: int) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return handle


def dripping(first: bytes, then: bytes, seconds: float = 3.0) -> Handler:
    """Answer with *first* at once, and with *then* byte by byte, in so many seconds."""
    return lambda connection, number: drip(connection, first, then, seconds)


def drip(connection: socket, first: bytes, then: bytes, seconds: float = 3.0) -> None:
    connection.sendall(first)
    for byte in then:
        time.sleep(seconds / len(then))
        connection.sendall(bytes([byte]))


def answer(body: bytes = JSON, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Return an answer whole."""
    return head(b"Content-Length: %d" % len(body), *headers, status=status) + body


def head(*headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Return the head of an answer."""
    return b"\r\n".join([b"HTTP/1.1 " + status, *headers, b"", b""])


def read_head(connection: socket) -> bytes:
    """Return a request's head, and what came with it."""
    read = b""
    while b"\r\n\r\n" not in read and (piece := connection.recv(65536)):
        read += piece
    return read


def bomb(mebibytes: int) -> bytes:
    """Return a gzip of so many MiB of zeros, a thousandth as large; only its check sum is not there."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    start = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + again * (mebibytes - 1)


def zipped(body: bytes = JSON) -> bytes:
    return gzip.compress(body)


def endless(piece: bytes, pause: float = 0.0, *, first: bytes = b"") -> Handler:
    """Say *first*, and *piece* again and again until nobody listens, with pauses of so many seconds."""

    def handle(connection: socket, number: int) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(piece)
            time.sleep(pause)

    return handle


def tunnel(handler: Handler, certificate: Path) -> Handler:
    """Be a proxy that is asked for a tunnel, and at its other end a server with *certificate*."""

    def handle(connection: socket, number: int) -> None:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with context.wrap_socket(connection, server_side=True) as secured:
            read_head(secured)
            handler(secured, number)

    return handle


def certificate_for(host: str, folder: Path) -> Path:
    """Write a certificate for *host* that signs itself, with its key, and return where it is."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "certificate.pem"
    path.write_bytes(pem)
    return path
