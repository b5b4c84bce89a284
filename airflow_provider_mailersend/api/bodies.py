"""An answer's body, put together as it comes, and never larger than memory allows."""

from __future__ import annotations

import zlib

from airflow_provider_mailersend.api.masking import masked_within

#: The largest body that is read, in bytes once decompressed. A page of 100 entries has some 50 KB.
LARGEST_BODY = 32 * 2**20

#: The one compression that requests ask for: decompressing it can be stopped at a size.
ACCEPT_ENCODING = "gzip"

_GZIP = 16 + zlib.MAX_WBITS


class BodyError(Exception):
    """
    A body that cannot be read.

    :param what: what it is, in a few words.
    :param may_pass: whether the next answer's may be better: this one was damaged on its way.
    """

    def __init__(self, what: str, *, may_pass: bool = False) -> None:
        super().__init__(what)
        self.may_pass = may_pass


class Body:
    """
    One answer's body.

    :param encoding: the answer's ``Content-Encoding``, None where it has none.
    :raises BodyError: it is compressed in a way that was not asked for.
    """

    def __init__(self, encoding: str | None) -> None:
        encodings = {name for each in (encoding or "").split(",") if (name := each.strip().lower())}
        encodings.discard("identity")
        if not encodings <= {"gzip", "x-gzip"} or (encoding or "").count("gzip") > 1:
            raise BodyError(
                f"a body in the Content-Encoding {masked_within((encoding or '')[:50])!r}, and only gzip was asked for"
            )
        self._gzip = zlib.decompressobj(_GZIP) if encodings else None
        self._read = bytearray()
        self._is_empty = True

    def feed(self, piece: bytes) -> None:
        """Take in the next *piece*, as it came. Raises :class:`BodyError` where the body is too large or broken."""
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
                # gzip may be of several parts, one after another.
                self._gzip = zlib.decompressobj(_GZIP)

    def whole(self) -> bytes:
        """Return the body, which has ended. Raises :class:`BodyError` where it ended too early."""
        if self._gzip is not None and not self._gzip.eof and not self._is_empty:
            raise BodyError("a body whose gzip is cut off", may_pass=True)
        return bytes(self._read)

    def _add(self, decoded: bytes) -> None:
        self._read += decoded
        if len(self._read) > LARGEST_BODY:
            raise BodyError(f"a body larger than {LARGEST_BODY // 2**20} MiB, far more than a page of a list")
