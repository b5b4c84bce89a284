"""What comes back for a request, an :class:`Answer` or a :class:`Failure`, and parsing of response bodies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.exceptions import MailerSendUnexpectedAnswerError

#: What is wrong with a body that can't be parsed; compared by identity, as a JSON string may hold the same words.
NOT_JSON = "a body that isn't valid JSON"


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP response."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)  # by lower-case names
    body: bytes = b""
    at: float = 0.0  # when it arrived, in Unix seconds of this machine's clock

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def parsed(self) -> Any:
        """The body parsed, or :data:`NOT_JSON`."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            # A body may be nested too deeply.
            return NOT_JSON

    @property
    def json_object(self) -> dict[str, Any]:
        """The parsed body where it is an object, else an empty one."""
        body = self.parsed
        return body if isinstance(body, dict) else {}


@dataclass(frozen=True, slots=True)
class Failure:
    """No response, or only part of one."""

    reason: str  # what happened, in a few words; with a status, what is wrong with the body
    never_sent: bool = False  # the API cannot have seen the request; otherwise the result is ambiguous
    at: float = 0.0  # when it was noticed, in Unix seconds of this machine's clock
    permanent: bool = False  # a retry cannot help until somebody corrects a setting
    status: int | None = None  # of a response whose body cannot be read, now or on a retry


Outcome = Answer | Failure

# Each parse function below raises MailerSendUnexpectedAnswerError where the body isn't what the endpoint returns.


def parse_object(request: Request, answer: Answer) -> Entry:
    """Return the one object in *answer*."""
    data = _parse_body(request, answer).get("data")
    if not isinstance(data, dict):
        raise unexpected_answer(request, answer, "JSON without an object 'data'")
    return data


def parse_entries(request: Request, answer: Answer) -> list[Entry]:
    """Return the entries in *answer*; each has a string as its ``id``."""
    return _entries_in(_parse_body(request, answer), request, answer)


def parse_quota(request: Request, answer: Answer) -> dict[str, Any]:
    """Return the quota: ``quota`` and ``remaining`` in requests, and ``reset`` as the API writes it."""
    body = _parse_body(request, answer)
    quota = {name: body.get(name) for name in ("quota", "remaining", "reset")}
    if type(quota["quota"]) is not int or type(quota["remaining"]) is not int:
        raise unexpected_answer(request, answer, "JSON without whole numbers 'quota' and 'remaining'")
    return quota


def parse_page(request: Request, answer: Answer) -> tuple[list[Entry], bool, int | None]:
    """Return a page's entries, whether it is the last page, and the list's length where the API says it."""
    body = _parse_body(request, answer)
    entries = _entries_in(body, request, answer)
    links = body.get("links")
    # links.next says only whether there is more: it has dropped the limit and every filter. Lists of 2021 have
    # no links at all; there an empty page is the end, since a short one may only mean that limit was ignored.
    is_last = not entries or (isinstance(links, dict) and "next" in links and links["next"] is None)
    meta = body.get("meta")
    total = meta.get("total") if isinstance(meta, dict) else None
    return entries, is_last, total if type(total) is int else None


def _entries_in(body: dict[str, Any], request: Request, answer: Answer) -> list[Entry]:
    entries = body.get("data")
    if not isinstance(entries, list):
        raise unexpected_answer(request, answer, "JSON without a list 'data'")
    if not all(isinstance(entry, dict) and isinstance(entry.get("id"), str) for entry in entries):
        raise unexpected_answer(request, answer, "a list in which an entry has no string 'id'")
    return entries


def _parse_body(request: Request, answer: Answer) -> dict[str, Any]:
    body = answer.parsed
    if body is NOT_JSON:
        raise unexpected_answer(request, answer, NOT_JSON)
    if not isinstance(body, dict):
        raise unexpected_answer(request, answer, f"JSON that is a {type(body).__name__}, not an object")
    return body


def unexpected_answer(request: Request, answer: Outcome, problem: str) -> MailerSendUnexpectedAnswerError:
    """Return the error for a response whose body isn't what the endpoint returns."""
    return MailerSendUnexpectedAnswerError(
        f"{request.endpoint} answered {answer.status} with {problem}. If this keeps happening, check that the "
        "connection's host is MailerSend's API, and that no proxy responds in its place.",
        endpoint=request.endpoint,
        status=answer.status,
    )
