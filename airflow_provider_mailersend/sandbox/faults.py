"""Faults on demand: what a network, a CDN or a bad day does to a request."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Literal, get_args

from airflow_provider_mailersend.sandbox.wire import HTML, JSON, Answer, Part, phrase

_FRAMING = ("content-length", "transfer-encoding", "connection")
_LONGEST = 3600  # seconds
_LARGEST_BOMB = 16 << 30
_DOES = ("status", "bomb", "cut", "truncate", "continues", "drip", "delay", "commit_after", "headers")

When = Literal["before", "after"]

_PAGE = """<!DOCTYPE html>
<html>
<head><title>mailersend.com | {status}: {phrase}</title></head>
<body>
<h1>{phrase} <span>Error code {status}</span></h1>
<p>The web server reported an error. Please try again in a few minutes.</p>
</body>
</html>
"""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that happens to a request instead of, or besides, its answer.

    A fault does one of these: it answers (``status``, ``bomb``), drops the connection (``cut``), breaks the
    answer off (``truncate``) or never comes to it (``continues``). ``delay``, ``commit_after``, ``drip`` and
    ``headers`` may come with those, as far as they make sense, or stand alone.

    :param method: the HTTP method it waits for, or ``*``.
    :param path: the path it waits for, without ``/v1``, with ``*`` and ``?`` as in file names.
    :param times: how many matching requests it hits; None for every one.
    :param skip: how many matching requests it lets pass first.
    :param status: answer with this status (200 to 599), without processing the request.
    :param body: the body of that answer: text, bytes, or an object sent as JSON. By default ``message`` says
        what the status means.
    :param headers: headers of the answer, besides those it has or in their place: ``Date`` too.
    :param html: the body is a web page, as a CDN sends one.
    :param bomb: answer 200 with a small gzip body that becomes so many bytes when it is decoded, without
        processing the request.
    :param truncate: process the request, promise the length of the whole answer, send half of it, hang up.
    :param continues: instead of an answer, send ``100 Continue`` each time so many seconds have passed, until
        the client goes.
    :param drip: send the answer byte by byte, with so many seconds between two.
    :param drip_part: which part of the answer drips: its ``headers`` or its ``body``.
    :param delay: seconds to wait.
    :param delay_when: whether the wait comes ``before`` or ``after`` the request is processed.
    :param cut: drop the connection ``before`` or ``after`` the request is processed, without an answer.
    :param processed: True for a ``status`` or ``bomb`` that is answered although the request was processed.
    :param commit_after: what the request changes is changed only so many seconds after the answer was sent, or
        the connection dropped; when the sandbox stops, at once.
    """

    method: str = "*"
    path: str = "*"
    times: int | None = 1
    skip: int = 0
    status: int | None = None
    body: str | bytes | Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    html: bool = False
    bomb: int = 0
    truncate: bool = False
    continues: float = 0.0
    drip: float = 0.0
    drip_part: Part = "body"
    delay: float = 0.0
    delay_when: When = "after"
    cut: When | None = None
    processed: bool | None = None
    commit_after: float = 0.0

    def __post_init__(self) -> None:
        self._check_types()
        does = [name for name in ("status", "bomb", "truncate", "continues", "cut") if getattr(self, name)]
        lasts = {name: getattr(self, name) for name in ("delay", "drip", "continues", "commit_after")}
        is_answer = self.body is not None or self.html
        mistakes = {
            "times must be 1 or more, or None for every request.": self.times is not None and self.times < 1,
            "skip must be 0 or more.": self.skip < 0,
            "status must be from 200 to 599.": self.status is not None and not 200 <= self.status <= 599,
            f"bomb must be bytes from 0 to {_LARGEST_BOMB}.": not 0 <= self.bomb <= _LARGEST_BOMB,
            **{
                f"{name} must be seconds from 0 to {_LONGEST}.": not 0 <= value <= _LONGEST
                for name, value in lasts.items()
            },
            f"A fault does one thing: {' and '.join(does)} exclude each other.": len(does) > 1,
            "body and html belong to an answer: give a status with them.": is_answer and not self.status,
            f"A fault must do something: give one of {', '.join(_DOES)}.": not (
                does or any(lasts.values()) or self.headers
            ),
            "body and html exclude each other.": self.body is not None and self.html,
            f"An answer with status {self.status} has no body.": is_answer and self.status in (204, 304),
            "headers or drip and cut or continues exclude each other: there is no answer to change.": bool(
                (self.headers or self.drip) and (self.cut or self.continues)
            ),
            "drip and truncate exclude each other.": bool(self.drip and self.truncate),
            f"processed={self.processed} contradicts the rest of the fault: leave it out.": (
                self.processed not in (None, self.processes)
            ),
            "commit_after contradicts a request that isn't processed: say processed=True.": bool(
                self.commit_after and not self.processes
            ),
        }
        for message, is_so in mistakes.items():
            if is_so:
                raise ValueError(message)
        try:
            self.answer()
        except (TypeError, ValueError) as error:
            raise ValueError(f"body must be something to send: {error}.") from error

    @property
    def processes(self) -> bool:
        """Whether a request that it hits is processed."""
        if self.status is not None or self.bomb:
            return bool(self.processed)
        return self.cut != "before" and not self.continues

    def matches(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and fnmatchcase(path, self.path)

    def answer(self) -> Answer | None:
        """The answer of a ``status``; None where there is none."""
        if self.status is None:
            return None
        if self.status in (204, 304):
            return Answer(self.status)
        means = phrase(self.status)
        if self.html:
            page = _PAGE.format(status=self.status, phrase=means)
            return Answer(self.status, page.encode(), {"content-type": HTML})
        body = {"message": means} if self.body is None else self.body
        if isinstance(body, Mapping):
            body = json.dumps(dict(body))
        return Answer(self.status, body.encode() if isinstance(body, str) else body, {"content-type": JSON})

    @classmethod
    def from_json(cls, given: Any) -> Fault:
        """A fault from a JSON object with the same names; ``ValueError`` when it isn't one."""
        if not isinstance(given, dict):
            raise ValueError("A fault must be a JSON object.")
        unknown = given.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"A fault has no {', '.join(sorted(unknown))}.")
        return cls(**given)

    def as_json(self) -> dict[str, Any]:
        """What is set on the fault, as ``from_json`` takes it; a body of bytes is given as text."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        if isinstance(self.body, bytes):
            told["body"] = self.body.decode("utf-8", "replace")
        return {name: value for name, value in told.items() if value != getattr(type(self), name)}

    def _check_types(self) -> None:
        for name, types in _TYPES.items():
            value = getattr(self, name)
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                wanted = " or ".join("None" if kind is type(None) else kind.__name__ for kind in types)
                raise ValueError(f"{name} must be {wanted}, not {value!r}.")
        for name, choices in (("delay_when", When), ("cut", When), ("drip_part", Part)):
            chosen = getattr(self, name)
            if chosen not in get_args(choices) and (name, chosen) != ("cut", None):
                raise ValueError(
                    f"{name} must be {' or '.join(map(repr, get_args(choices)))}, not {chosen!r}."
                )
        for header, text in (self.headers or {}).items():
            if not (isinstance(header, str) and isinstance(text, str) and (header + text).isascii()):
                raise ValueError(f"headers must be ASCII text: {header!r} is not.")
            if header.lower() in _FRAMING:
                raise ValueError(f"headers must leave {header} to the server.")
            if not header or not (header + text).isprintable() or set(header) & set(" :"):
                raise ValueError(f"headers must be fit to send: {header!r} is not.")


_TYPES: Mapping[str, tuple[type, ...]] = {
    "method": (str,),
    "path": (str,),
    "times": (int, type(None)),
    "skip": (int,),
    "status": (int, type(None)),
    "body": (str, bytes, Mapping, type(None)),
    "headers": (Mapping, type(None)),
    "html": (bool,),
    "bomb": (int,),
    "truncate": (bool,),
    "continues": (int, float),
    "drip": (int, float),
    "delay": (int, float),
    "processed": (bool, type(None)),
    "commit_after": (int, float),
}


@lru_cache(4)
def gzip_of(size: int) -> bytes:
    """A gzip of an empty list, with as many spaces before it as make *size* bytes."""
    end = b'{"data": []}'[:size]
    block = b" " * (1 << 20)
    squeeze = zlib.compressobj(9, wbits=31)
    blocks, rest = divmod(size - len(end), len(block))
    parts = [squeeze.compress(block) for _ in range(blocks)]
    return b"".join([*parts, squeeze.compress(block[:rest] + end), squeeze.flush()])


class FaultQueue:
    """Faults in the order in which they were added; each request meets the first that is due for it."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(_Waiting(fault, fault.skip, fault.times))

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that hits this request. A fault that still skips lets later ones have their turn."""
        with self._lock:
            for waiting in self._waiting:
                if not waiting.fault.matches(method, path):
                    continue
                if waiting.skip:
                    waiting.skip -= 1
                    continue
                if waiting.left is not None:
                    waiting.left -= 1
                    if not waiting.left:
                        self._waiting.remove(waiting)
                return waiting.fault
        return None


@dataclass(eq=False)
class _Waiting:
    fault: Fault
    skip: int
    left: int | None
