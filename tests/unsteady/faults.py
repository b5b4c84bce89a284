"""Faults that are too rare for users of the sandbox, and that the provider must survive all the same."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from airflow_provider_mailersend.sandbox import Fault
from airflow_provider_mailersend.sandbox.faults import LONGEST
from airflow_provider_mailersend.sandbox.server import Answer

_LARGEST_BOMB = 16 << 30


@dataclass(frozen=True, kw_only=True)
class RareFault(Fault):
    """A fault of an :class:`UnsteadySandbox`.

    :param bomb: the body of the ``status`` is a small gzip that becomes so many bytes when it is decoded.
    :param continues: instead of a response, send ``100 Continue`` every so many seconds, until the client goes.
    :param drip: send the response byte by byte, with so many seconds between two.
    :param drip_part: which part of the response drips: its ``headers`` or its ``body``.
    :param commit_after: make the changes of the request only so many seconds after its response was sent, or its
        connection dropped; at once when the sandbox stops.
    """

    bomb: int = 0
    continues: float = 0.0
    drip: float = 0.0
    drip_part: Literal["headers", "body"] = "body"
    commit_after: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        others = [name for name in ("status", "cut", "truncate", "headers", "drip") if getattr(self, name)]
        mistakes = {
            **{
                f"{name} must be seconds from 0 to {LONGEST}.": not 0 <= getattr(self, name) <= LONGEST
                for name in ("continues", "drip", "commit_after")
            },
            f"bomb must be bytes from 0 to {_LARGEST_BOMB}.": not 0 <= self.bomb <= _LARGEST_BOMB,
            "drip_part must be 'headers' or 'body'.": self.drip_part not in ("headers", "body"),
            "bomb needs a status.": bool(self.bomb and not self.status),
            "bomb and body exclude each other.": bool(self.bomb and (self.body is not None or self.html)),
            f"continues and {' and '.join(others)} exclude each other.": bool(self.continues and others),
            "drip and cut or truncate exclude each other.": bool(self.drip and (self.cut or self.truncate)),
            "commit_after contradicts a request that isn't processed: say processed=True.": bool(
                self.commit_after and not self.processes
            ),
        }
        for message, is_so in mistakes.items():
            if is_so:
                raise ValueError(message)

    @property
    def processes(self) -> bool:
        return super().processes and not self.continues

    def answer(self) -> Answer | None:
        if self.bomb and self.status:
            return Answer(self.status, gzip_of(self.bomb), {"content-encoding": "gzip"})
        return super().answer()


@lru_cache(4)
def gzip_of(size: int) -> bytes:
    """A gzip of an empty list, with as many spaces before it as make *size* bytes."""
    end = b'{"data": []}'[:size]
    block = b" " * (1 << 20)
    squeeze = zlib.compressobj(9, wbits=31)
    blocks, rest = divmod(size - len(end), len(block))
    parts = [squeeze.compress(block) for _ in range(blocks)]
    return b"".join([*parts, squeeze.compress(block[:rest] + end), squeeze.flush()])
