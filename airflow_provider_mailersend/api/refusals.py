"""What an unsuccessful response means: the error to raise, and the parts of it that help to go on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from airflow_provider_mailersend.api.answers import NOT_JSON, Answer, Failure, Outcome, unexpected_answer
from airflow_provider_mailersend.api.masking import masked_within
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.exceptions import (
    MailerSendAuthenticationError,
    MailerSendConnectionError,
    MailerSendError,
    MailerSendNotFoundError,
    MailerSendPermissionError,
    MailerSendRequestError,
    MailerSendServerError,
    MailerSendUnexpectedAnswerError,
    MailerSendValidationError,
)

# How much of the API's message an error repeats, and how much of it is read for that, in characters.
_LONGEST_MESSAGE = 300
_MOST_READ = 4000


# What a status means where it isn't simply refused; *answered* is the endpoint and the status, *explained* has the
# API's reason too.
_MEANINGS: dict[int, tuple[type[MailerSendError], str]] = {
    401: (
        MailerSendAuthenticationError,
        "MailerSend does not accept the API token ({explained}). Put a valid token, which begins with 'mlsn.', into "
        "the connection's API token field (its password).",
    ),
    403: (
        MailerSendPermissionError,
        "MailerSend does not allow this request ({explained}). The API token needs {needed}. If it has that, check in "
        "MailerSend that the account isn't suspended, and that its allowed IP addresses include this machine's.",
    ),
    404: (MailerSendNotFoundError, "{explained}. Check that the connection's host is MailerSend's API."),
    **dict.fromkeys(
        range(300, 400),
        (
            MailerSendUnexpectedAnswerError,
            "{answered}, a redirect. Redirects aren't followed, as they would send the API token elsewhere. Correct "
            "the connection's host, or leave it empty.",
        ),
    ),
    **dict.fromkeys((408, 421, *range(500, 1000)), (MailerSendServerError, "{explained}.")),
}


def error_from(request: Request, outcome: Outcome) -> MailerSendError:
    """Return the error that an unsuccessful response, or none, means."""
    if isinstance(outcome, Failure):
        if outcome.status is not None:
            return unexpected_answer(request, outcome, outcome.reason)
        failed = MailerSendConnectionError(
            f"No answer from MailerSend to {request.endpoint}: {_short(outcome.reason)}.",
            endpoint=request.endpoint,
        )
        failed.permanent = outcome.permanent
        return failed
    status = outcome.status
    errors = parse_errors(outcome.json_object) if status == 422 else {}
    answered = f"{request.endpoint} answered {status}"
    reason = _describe_fields(errors) or parse_message(outcome.json_object).rstrip(".")
    if not reason and outcome.body and outcome.parsed is NOT_JSON:
        reason = NOT_JSON
    explained = f"{answered}: {reason}" if reason else answered
    where: dict[str, Any] = {"endpoint": request.endpoint, "status": status}
    if status == 422:
        is_about_domain = "domain_id" in errors or (not errors and "domain id" in reason.lower())
        advice = f" {_domain_advice(request)}" if is_about_domain else ""
        return MailerSendValidationError(f"{explained}.{advice}", errors=errors, **where)
    if status == 404 and "{id}" in request.endpoint:
        if not parse_message(outcome.json_object):
            # A gateway, or another host than the API's, doesn't know which ids there are.
            return unexpected_answer(request, outcome, "a body without the API's message")
        id_ = masked_within(unquote(request.path.rpartition("/")[2]))
        return MailerSendNotFoundError(f"MailerSend has nothing with this id: {id_} ({answered}).", **where)
    error, meaning = _MEANINGS.get(status, (MailerSendRequestError, "{explained}."))
    needed = f"the scope {request.scope}" if request.scope else "more rights"
    return error(meaning.format(answered=answered, explained=explained, needed=needed), **where)


def _domain_advice(request: Request) -> str:
    # The API says "is required" of a domain_id that was sent, where the account has no such domain.
    sent = (request.body or {}).get("domain_id") or request.params.get("domain_id")
    if not sent:
        return "No domain was given: pass a domain's id as domain_id, or its name as domain."
    return (
        f"The domain_id {masked_within(str(sent))!r} was sent, but the account has no domain with this id. Copy the id "
        "from the domain's page in MailerSend (Domains), or pass its name as domain. A task without a domain_id uses "
        "the connection's Domain ID."
    )


def check_change(request: Request, answer: Answer) -> None:
    """Raise where the body of a successful change reports errors, or is from something in front of the API."""
    if not answer.body.strip():
        return
    body = answer.parsed
    if body is NOT_JSON:
        raise unexpected_answer(request, answer, NOT_JSON)
    reported = next((part for part in _objects_in(body) if _reports_errors(part)), None)
    if reported is None:
        return
    errors = parse_errors(reported)
    said = reported.get("errors") or reported.get("error") or reported
    reason = _describe_fields(errors) or parse_message(reported) or _short(str(said))
    raise MailerSendValidationError(
        f"{request.endpoint} answered {answer.status}, but with errors: {reason.rstrip('.')}.",
        endpoint=request.endpoint,
        status=answer.status,
        errors=errors,
    )


def _objects_in(body: object) -> list[dict[str, Any]]:
    """Return the objects that may report errors: *body* itself, or those in it or in its ``data``."""
    outer = [part for part in (body if isinstance(body, list) else [body]) if isinstance(part, dict)]
    data = [part.get("data") for part in outer]
    inner = [part for each in data for part in (each if isinstance(each, list) else [each])]
    return [*outer, *(part for part in inner if isinstance(part, dict))]


def _reports_errors(part: Mapping[str, Any]) -> bool:
    return bool(part.get("errors") or part.get("error")) or part.get("success") is False


def says_unknown(reason: str) -> bool:
    """Return whether the API's *reason* to refuse an id is that nothing has it."""
    return re.search(r"\bis invalid\b|\bnot (be )?found\b|(\bnot|n't) exist\b", reason) is not None


def parse_message(body: Mapping[str, Any]) -> str:
    """Return the API's message in a body, short and masked; empty where there is none."""
    message = body.get("message")
    return _short(message) if isinstance(message, str) else ""


def parse_errors(body: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the API's messages by field in a body, masked; empty where there are none."""
    errors = body.get("errors")
    if not isinstance(errors, dict):
        return {}
    lists = {name: said if isinstance(said, list) else [said] for name, said in errors.items()}
    return {str(name): [masked_within(str(one)) for one in messages] for name, messages in lists.items()}


def refused_items(error: MailerSendValidationError, *fields: str) -> dict[tuple[str, int], str]:
    """
    Return the items that *error* refuses, by field and index, each with the API's reason.

    Empty unless every message is about one item of one of *fields*. The API names items by their index in the request,
    which the caller doesn't know: the reasons say "It" instead.
    """
    refused = {}
    for name, messages in error.errors.items():
        field, _, index = name.rpartition(".")
        if field not in fields or not index.isdecimal():
            return {}
        reasons = re.sub(rf"\b[Tt]he {field}\.{index} format\b", "Its format", " ".join(messages))
        refused[field, int(index)] = re.sub(rf"\b[Tt]he {field}\.{index}\b( field)?", "It", reasons)
    return refused


def smaller_batch(error: MailerSendRequestError, size: int, *fields: str) -> int | None:
    """
    Return how many items to send where *error* refuses a batch of *size* as too large, else None.

    That is the number the API names, where it is smaller, else half. Errors about single items come again.
    """
    if size < 2:
        return None
    if error.status == 413:
        return size // 2
    if not isinstance(error, MailerSendValidationError):
        return None
    named_fields = {name.partition(".")[0] for name in error.errors}
    reasons = " ".join(message for field in fields for message in error.errors.get(field, ()))
    limit = re.search(r"not have more than (\d+) items", reasons)
    if limit is None or not named_fields <= set(fields):
        return None
    most = int(limit[1])
    return most if 0 < most < size else size // 2


def _describe_fields(errors: Mapping[str, Sequence[str]]) -> str:
    first = list(errors.items())[:5]
    return _short("; ".join(f"{name}: {' '.join(reasons).rstrip('.')}" for name, reasons in first))


def _short(text: str) -> str:
    text = masked_within(" ".join(text[:_MOST_READ].split()))
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"
