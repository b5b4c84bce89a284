"""Long lists as short text, for databases: what triggers report."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from typing import Any


def packed_words(words: Iterable[str]) -> str:
    """Return *words*, which hold no spaces, as text in ASCII."""
    return _packed(" ".join(words).encode())


def unpacked_words(text: str) -> list[str]:
    """Return the words that :func:`packed_words` made *text* of."""
    return _unpacked(text).decode().split()


def packed_json(value: object) -> str:
    """Return *value*, which is plain JSON, as text in ASCII that shows none of it."""
    return _packed(json.dumps(value).encode())


def unpacked_json(text: str) -> Any:
    """Return what :func:`packed_json` made *text* of."""
    return json.loads(_unpacked(text))


def _packed(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw)).decode()


def _unpacked(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text))
