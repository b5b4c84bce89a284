"""Faults on demand: what a network, a CDN or a bad day does to a request."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any, Literal, get_args

_JSON = "application/json"
_FRAMING = ("content-length", "transfer-encoding", "connection")

When = Literal["before", "after"]

_HTML = """<!DOCTYPE html>
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

    A fault does one of these: it answers (``status``), drops the connection (``cut``) or breaks the answer
    off (``truncate``); ``delay`` may come with any of them or stand alone, and so may ``headers``.

    :param method: the HTTP method it waits for, or ``*``.
    :param path: the path it waits for, without ``/v1``, with ``*`` and ``?`` as in file names.
    :param times: how many matching requests it hits; None for every one.
    :param skip: how many matching requests it lets pass first.
    :param status: answer with this status (200 to 599), without processing the request.
    :param body: the body of that answer: text, bytes, or an object sent as JSON. By default ``message`` says
        what the status means.
    :param headers: headers of the answer, besides those it has.
    :param html: the body is a web page, as a CDN sends one.
    :param truncate: process the request, promise the length of the whole answer, send half of it, hang up.
    :param delay: seconds to wait.
    :param delay_when: whether the wait comes ``before`` or ``after`` the request is processed.
    :param cut: drop the connection ``before`` or ``after`` the request is processed, without an answer.
    :param processed: True for a ``status`` that is answered although the request was processed.
    """

    method: str = "*"
    path: str = "*"
    times: int | None = 1
    skip: int = 0
    status: int | None = None
    body: str | bytes | Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    html: bool = False
    truncate: bool = False
    delay: float = 0.0
    delay_when: When = "after"
    cut: When | None = None
    processed: bool | None = None

    def __post_init__(self) -> None:
        self._check_types()
        if self.times is not None and self.times < 1:
            raise ValueError(f"times must be 1 or more, or None for every request, not {self.times}.")
        if self.skip < 0:
            raise ValueError(f"skip must be 0 or more, not {self.skip}.")
        if not 0 <= self.delay <= 3600:
            raise ValueError(f"delay must be seconds from 0 to 3600, not {self.delay}.")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError(f"status must be from 200 to 599, not {self.status}.")
        chosen = [name for name in ("status", "truncate", "cut") if getattr(self, name) not in (None, False)]
        if len(chosen) > 1:
            raise ValueError(f"A fault does one thing: {' and '.join(chosen)} exclude each other.")
        if self.status is None and (self.body is not None or self.html):
            raise ValueError("body and html belong to an answer: give a status with them.")
        if not chosen and not self.delay and not self.headers:
            raise ValueError("A fault must do something: give status, cut, truncate, delay or headers.")
        if self.body is not None and self.html:
            raise ValueError("body and html exclude each other.")
        if self.status in (204, 304) and (self.body is not None or self.html):
            raise ValueError(f"An answer with status {self.status} has no body.")
        try:
            self.content()
        except (TypeError, ValueError) as error:
            raise ValueError(f"body must be something to send: {error}.") from error
        if self.headers and self.cut:
            raise ValueError("headers and cut exclude each other: a dropped connection answers nothing.")
        if self.processed is not None and self.processed is not self.processes and self.status is None:
            raise ValueError(f"processed={self.processed} contradicts the rest of the fault: leave it out.")

    @property
    def processes(self) -> bool:
        """Whether a request that it hits is processed."""
        if self.status is not None:
            return bool(self.processed)
        return self.cut != "before"

    def matches(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and fnmatchcase(path, self.path)

    def content(self) -> tuple[bytes, str]:
        """The body of a ``status`` answer, and its media type."""
        status = self.status or 200
        if status in (204, 304):
            return b"", _JSON
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:
            phrase = "Unknown Error"
        if self.html:
            return _HTML.format(status=status, phrase=phrase).encode(), "text/html; charset=UTF-8"
        body = {"message": phrase} if self.body is None else self.body
        if isinstance(body, Mapping):
            body = json.dumps(dict(body))
        return (body.encode() if isinstance(body, str) else body), _JSON

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
        _check("method", self.method, str)
        _check("path", self.path, str)
        _check("times", self.times, int, type(None))
        _check("skip", self.skip, int)
        _check("status", self.status, int, type(None))
        _check("body", self.body, str, bytes, Mapping, type(None))
        _check("headers", self.headers, Mapping, type(None))
        _check("html", self.html, bool)
        _check("truncate", self.truncate, bool)
        _check("delay", self.delay, int, float)
        _check("processed", self.processed, bool, type(None))
        if self.delay_when not in get_args(When):
            raise ValueError(f"delay_when must be 'before' or 'after', not {self.delay_when!r}.")
        if self.cut is not None and self.cut not in get_args(When):
            raise ValueError(f"cut must be None, 'before' or 'after', not {self.cut!r}.")
        for name, value in (self.headers or {}).items():
            if not (isinstance(name, str) and isinstance(value, str) and (name + value).isascii()):
                raise ValueError(f"headers must be ASCII text: {name!r} is not.")
            if name.lower() in _FRAMING:
                raise ValueError(f"headers must leave {name} to the server.")
            if not name or not (name + value).isprintable() or set(name) & set(" :"):
                raise ValueError(f"headers must be fit to send: {name!r} is not.")


def _check(name: str, value: object, *types: type) -> None:
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        wanted = " or ".join("None" if kind is type(None) else kind.__name__ for kind in types)
        raise ValueError(f"{name} must be {wanted}, not {value!r}.")


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
