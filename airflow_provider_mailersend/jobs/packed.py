"""JSON values as short ASCII text, for databases."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any


def packed_json(value: object) -> str:
    """Return *value* compressed, so that the text shows nothing of it."""
    return base64.b64encode(zlib.compress(json.dumps(value).encode())).decode()


def unpacked_json(text: str) -> Any:
    """Return the value that :func:`packed_json` packed."""
    return json.loads(zlib.decompress(base64.b64decode(text)))
