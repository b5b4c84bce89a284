"""What comes back for a request, an :class:`Answer` or a :class:`Failure` to get one, and reading what it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.exceptions import MailerSendUnexpectedAnswerError


@dataclass(frozen=True, slots=True)
class Answer:
    """
    An HTTP answer, whole.

    :param status: the status code.
    :param headers: the headers; looked up by lower-case names.
    :param body: the body's bytes.
    :param at: when it came, in Unix seconds of the asking machine's clock.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    at: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the request was done."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the body read as JSON. Raises :class:`ValueError` when it is none."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("the JSON is nested too deeply") from None


@dataclass(frozen=True, slots=True)
class Failure:
    """
    No answer, or not the whole of one.

    :param reason: what happened, in a few words; with a status, what is wrong with the body.
    :param never_sent: whether the API cannot have seen the request; where it may have, the result is ambiguous.
    :param at: when it was noticed, in Unix seconds of the asking machine's clock.
    :param permanent: whether sending it again cannot help before somebody corrects a setting.
    :param status: the status of an answer whose body cannot be read, and would not be the next time.
    """

    reason: str
    never_sent: bool = False
    at: float = 0.0
    permanent: bool = False
    status: int | None = None


Outcome = Answer | Failure


def parse_object(request: Request, answer: Answer) -> Entry:
    """
    Return the one thing that *answer* holds.

    :raises MailerSendUnexpectedAnswerError: the answer holds no one thing.
    """
    data = _body_of(request, answer).get("data")
    if not isinstance(data, dict):
        raise unexpected_answer(request, answer, "JSON that has no object 'data'")
    return data


def parse_entries(request: Request, answer: Answer) -> list[Entry]:
    """
    Return the entries that *answer* holds, each with a string as its ``id``.

    :raises MailerSendUnexpectedAnswerError: the answer holds no entries.
    """
    return _entries_in(_body_of(request, answer), request, answer)


def parse_quota(request: Request, answer: Answer) -> dict[str, Any]:
    """
    Return the quota that *answer* holds: ``quota`` and ``remaining`` in requests, ``reset`` as the API writes it.

    :raises MailerSendUnexpectedAnswerError: the answer holds no quota.
    """
    body = _body_of(request, answer)
    quota = {name: body.get(name) for name in ("quota", "remaining", "reset")}
    if type(quota["quota"]) is not int or type(quota["remaining"]) is not int:
        raise unexpected_answer(request, answer, "JSON that has no whole numbers 'quota' and 'remaining'")
    return quota


def parse_page(request: Request, answer: Answer) -> tuple[list[Entry], bool, int | None]:
    """
    Return the entries of the page that *answer* holds, whether it is the last, and the list's length where it is told.

    :raises MailerSendUnexpectedAnswerError: the answer is no page of a list.
    """
    body = _body_of(request, answer)
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
        raise unexpected_answer(request, answer, "JSON that has no list 'data'")
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            raise unexpected_answer(request, answer, "a list in which an entry has no string 'id'")
    return entries


def _body_of(request: Request, answer: Answer) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        raise unexpected_answer(request, answer, "a body that is no JSON") from None
    if not isinstance(body, dict):
        raise unexpected_answer(request, answer, f"JSON that is no object but a {type(body).__name__}")
    return body


def unexpected_answer(request: Request, answer: Outcome, what: str) -> MailerSendUnexpectedAnswerError:
    """Return the error for an answer whose body is not what the endpoint gives."""
    return MailerSendUnexpectedAnswerError(
        f"{request.endpoint} answered {answer.status} with {what}. If this lasts, see whether the connection's "
        "host is MailerSend's API, and whether a proxy answers in its place.",
        endpoint=request.endpoint,
        status=answer.status,
    )
