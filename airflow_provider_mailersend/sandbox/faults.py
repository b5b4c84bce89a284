"""Faults on demand: what a network, a CDN or an outage does to a request."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from airflow_provider_mailersend.sandbox.server import Answer, phrase

LONGEST = 3600
"""The most seconds that a fault may take."""

_PAGE = "<!DOCTYPE html>\n<html>\n<body><h1>{} <span>Error code {}</span></h1></body>\n</html>\n"
_FRAMING = ("content-length", "transfer-encoding", "connection")
_KINDS = {"str": str, "int": int, "int | None": int | None, "bool": bool, "float": int | float}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong with a request.

    A fault responds in the API's place (``status``), drops the connection (``cut``), or breaks the response off
    (``truncate``). ``delay`` and ``headers`` combine with those, or stand alone.

    :param method: the HTTP method it applies to; ``*`` for all.
    :param path: the path it applies to, without ``/v1``; ``*`` and ``?`` are wildcards as in file names.
    :param times: how many matching requests it hits; None for all of them.
    :param skip: how many matching requests to let pass first.
    :param status: respond with this status (200 to 599), without processing the request.
    :param body: the body of that response: text, bytes, or an object to send as JSON. By default a JSON object
        whose ``message`` says what the status means.
    :param html: make the body a web page, as a CDN does.
    :param processed: process the request before responding with ``status``, like a gateway that gave up waiting.
    :param headers: headers to add to the response, or to replace in it.
    :param cut: drop the connection without a response, ``before`` or ``after`` the request is processed.
    :param truncate: process the request, send the first half of the response, and drop the connection.
    :param delay: seconds to wait, up to an hour.
    :param delay_when: wait ``before`` or ``after`` the request is processed.
    """

    method: str = "*"
    path: str = "*"
    times: int | None = 1
    skip: int = 0
    status: int | None = None
    body: str | bytes | Mapping[str, Any] | None = None
    html: bool = False
    processed: bool = False
    headers: Mapping[str, str] | None = None
    cut: Literal["before", "after"] | None = None
    truncate: bool = False
    delay: float = 0.0
    delay_when: Literal["before", "after"] = "after"

    def __post_init__(self) -> None:
        for field in fields(self):
            value, kind = getattr(self, field.name), _KINDS.get(str(field.type), object)
            if not isinstance(value, kind):
                raise ValueError(f"{field.name} must be {field.type}, not {value!r}.")
        acts = [name for name in ("status", "cut", "truncate") if getattr(self, name)]
        passive = {"method", "path", "times", "skip", "processed", "delay_when"}
        has_body = self.body is not None or self.html
        headers = dict(self.headers or {})
        framing = [name for name in headers if name.lower() in _FRAMING]
        mistakes = {
            "times must be 1 or more, or None for every request.": self.times is not None and self.times < 1,
            "skip must be 0 or more.": self.skip < 0,
            "status must be from 200 to 599.": self.status is not None and not 200 <= self.status <= 599,
            f"delay must be seconds from 0 to {LONGEST}.": not 0 <= self.delay <= LONGEST,
            "delay_when must be 'before' or 'after'.": self.delay_when not in ("before", "after"),
            "cut must be 'before' or 'after'.": self.cut not in (None, "before", "after"),
            f"{' and '.join(acts)} exclude each other.": len(acts) > 1,
            "headers and cut exclude each other.": bool(headers and self.cut),
            "body and html exclude each other.": self.body is not None and self.html,
            "body, html and processed need a status.": not self.status and (has_body or self.processed),
            f"A response with status {self.status} has no body.": has_body and self.status in (204, 304),
            "A fault must do something: give a status, for example.": not self.as_json().keys() - passive,
            f"headers must leave {', '.join(framing)} to the server.": bool(framing),
            "headers must be printable ASCII text.": not all(
                re.fullmatch(r"[\w-]+:[ -~]*", f"{name}:{value}", re.ASCII) for name, value in headers.items()
            ),
        }
        for message, is_so in mistakes.items():
            if is_so:
                raise ValueError(message)
        try:
            self.answer()
        except (TypeError, ValueError) as error:
            raise ValueError(f"body must be text, bytes or a JSON object: {error}.") from error

    @property
    def processes(self) -> bool:
        """Whether a request that it hits is processed."""
        return self.processed if self.status else self.cut != "before"

    def answer(self) -> Answer | None:
        """The response with ``status``; None without one."""
        if self.status is None:
            return None
        if self.html:
            page = _PAGE.format(phrase(self.status), self.status)
            return Answer(self.status, page.encode(), {"content-type": "text/html; charset=UTF-8"})
        body = {"message": phrase(self.status)} if self.body is None else self.body
        if not isinstance(body, bytes):
            body = (body if isinstance(body, str) else json.dumps(dict(body))).encode()
        return Answer(self.status, b"" if self.status in (204, 304) else body)

    def as_json(self) -> dict[str, Any]:
        """The arguments that aren't the default; bytes as text."""
        body = self.body.decode("utf-8", "replace") if isinstance(self.body, bytes) else self.body
        values = vars(self) | {"body": body}
        return {name: value for name, value in values.items() if value != getattr(type(self), name)}
