"""A response body, decompressed piece by piece and limited in size."""

from __future__ import annotations

import zlib

from airflow_provider_mailersend.api.masking import masked_within

#: The largest body that is read, in bytes after decompression. A page of 100 entries has about 50 KB.
LARGEST_BODY = 32 * 2**20

#: The only compression that requests accept: its decompression can be stopped at a size.
ACCEPT_ENCODING = "gzip"

_GZIP = 16 + zlib.MAX_WBITS


class BodyError(Exception):
    """
    A body that cannot be read.

    :param may_pass: whether a retry may help: the body was damaged on its way.
    """

    def __init__(self, problem: str, *, may_pass: bool = False) -> None:
        super().__init__(problem)
        self.may_pass = may_pass


class Body:
    """
    The body of one response. Everything here raises :class:`BodyError` where it cannot be read.

    :param encoding: the response's ``Content-Encoding``, None where it has none.
    """

    def __init__(self, encoding: str | None) -> None:
        encoding = encoding or ""
        names = {name.strip().lower() for name in encoding.split(",")} - {"", "identity"}
        if not names <= {"gzip", "x-gzip"} or encoding.count("gzip") > 1:
            shown = masked_within(encoding[:50])
            raise BodyError(f"a body in the Content-Encoding {shown!r}, although only gzip was requested")
        self._gzip = zlib.decompressobj(_GZIP) if names else None
        self._read = bytearray()
        self._is_empty = True

    def feed(self, piece: bytes) -> None:
        """Add the next *piece* as it was received."""
        self._is_empty = self._is_empty and not piece
        if self._gzip is None:
            self._add(piece)
        while piece and self._gzip is not None:
            try:
                self._add(self._gzip.decompress(piece, LARGEST_BODY + 1 - len(self._read)))
            except zlib.error as error:
                raise BodyError(f"a body whose gzip is broken ({error})", may_pass=True) from None
            piece = self._gzip.unused_data
            if piece:
                # A gzip may have several members, one after another.
                self._gzip = zlib.decompressobj(_GZIP)

    def whole(self) -> bytes:
        """Return the whole body once all of it was fed."""
        if self._gzip is not None and not self._gzip.eof and not self._is_empty:
            raise BodyError("a body whose gzip is cut off", may_pass=True)
        return bytes(self._read)

    def _add(self, decoded: bytes) -> None:
        self._read += decoded
        if len(self._read) > LARGEST_BODY:
            raise BodyError(f"a body larger than {LARGEST_BODY // 2**20} MiB, far more than a page of a list")
