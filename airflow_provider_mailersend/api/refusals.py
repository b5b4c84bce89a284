"""Reading an answer that is not what was asked for: the error it means, and what in it helps to go on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from airflow_provider_mailersend.api.answers import Answer, Failure, Outcome, unexpected_answer
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

#: How much of an answer's words an error repeats, and how much of them is read for that, in characters.
_LONGEST_MESSAGE = 300
_MOST_READ = 4000


def error_from(request: Request, outcome: Outcome) -> MailerSendError:
    """Return the error that an answer other than success, or no answer, means."""
    if isinstance(outcome, Failure):
        if outcome.status is not None:
            return unexpected_answer(request, outcome, outcome.reason)
        failed = MailerSendConnectionError(
            f"No answer from MailerSend to {request.endpoint}: {_short(outcome.reason)}.",
            endpoint=request.endpoint,
        )
        failed.permanent = outcome.permanent
        return failed
    error = _error_class(outcome.status)(
        _explained(request, outcome), endpoint=request.endpoint, status=outcome.status
    )
    if isinstance(error, MailerSendValidationError):
        error.errors = parse_errors(outcome)
    return error


def _error_class(status: int) -> type[MailerSendError]:
    match status:
        case 401:
            return MailerSendAuthenticationError
        case 403:
            return MailerSendPermissionError
        case 404:
            return MailerSendNotFoundError
        case 422:
            return MailerSendValidationError
        case _ if 300 <= status < 400:
            return MailerSendUnexpectedAnswerError
        case _ if status >= 500 or status in (408, 421):
            return MailerSendServerError
        case _:
            return MailerSendRequestError


def _explained(request: Request, answer: Answer) -> str:
    said = f"{request.endpoint} answered {answer.status}"
    message = parse_message(answer).rstrip(".")
    because = f": {message}" if message else ""
    match answer.status:
        case 401:
            return (
                f"MailerSend does not accept the API token ({said}{because}). Put a valid token, which begins with "
                "'mlsn.', into the connection's API token field (its password)."
            )
        case 403:
            needed = f"the scope {request.scope}" if request.scope else "more rights"
            return (
                f"MailerSend does not allow this ({said}{because}). The API token needs {needed}; if it has that, "
                "see in MailerSend whether the account is suspended, or its list of allowed IP addresses lacks this "
                "machine."
            )
        case 404 if "{id}" in request.endpoint:
            id_ = unquote(request.path.rpartition("/")[2])
            return f"{said}: MailerSend has nothing of this id ({masked_within(id_)})."
        case 404:
            return f"{said}{because}. See whether the connection's host is MailerSend's API."
        case 422:
            errors = parse_errors(answer)
            fields = _fields(errors)
            advice = f" {_domain_advice(request)}" if "domain_id" in errors else ""
            return f"{said}: {fields}.{advice}" if fields else f"{said}{because}."
        case status if 300 <= status < 400:
            return (
                f"{said}, a redirect, and redirects are not followed, as they would take the token elsewhere. "
                "Correct the connection's host, or leave it empty."
            )
        case _:
            return f"{said}{because}."


def error_in_success(request: Request, answer: Answer) -> MailerSendValidationError | None:
    """Return the error that the body of a success tells of, where it tells of any."""
    try:
        body = answer.json()
    except ValueError:
        return None
    if not isinstance(body, dict) or not body.get("errors"):
        return None
    errors = parse_errors(answer)
    why = _fields(errors) or parse_message(answer) or _short(str(body["errors"]))
    return MailerSendValidationError(
        f"{request.endpoint} answered {answer.status}, but with errors: {why.rstrip('.')}.",
        endpoint=request.endpoint,
        status=answer.status,
        errors=errors,
    )


def _fields(errors: Mapping[str, Sequence[str]]) -> str:
    return _short("; ".join(f"{name}: {' '.join(why).rstrip('.')}" for name, why in list(errors.items())[:5]))


def _domain_advice(request: Request) -> str:
    # The API says "is required" of a domain_id that was sent and that the account does not have.
    sent = (request.body or {}).get("domain_id") or request.params.get("domain_id")
    if not sent:
        return "No domain was given: give a domain's id as domain_id, or its name as domain."
    return (
        f"The domain_id {masked_within(str(sent))!r} was sent, and the account has no domain of this id: see the "
        "domain's page in MailerSend (Domains) for its id, or give its name as domain. Without a domain_id of the "
        "task's own it comes from the connection's Domain ID."
    )


def parse_message(answer: Answer) -> str:
    """Return what an answer says went wrong, short and masked; empty where it says nothing readable."""
    try:
        body = answer.json()
    except ValueError:
        return "a body that is no JSON" if answer.body else ""
    message = body.get("message") if isinstance(body, dict) else None
    return _short(message) if isinstance(message, str) else ""


def parse_errors(answer: Answer) -> dict[str, list[str]]:
    """Return an answer's messages for each field; empty where there are none that can be read."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    errors = body.get("errors") if isinstance(body, dict) else None
    if not isinstance(errors, dict):
        return {}
    return {
        str(name): [masked_within(str(message)) for message in (said if isinstance(said, list) else [said])]
        for name, said in errors.items()
    }


def refused_items(error: MailerSendValidationError, *fields: str) -> dict[tuple[str, int], str]:
    """
    Return the items that *error* refuses, by field and index, each with the API's reason.

    Empty unless every message is about one item of one of *fields*. The API calls items by where they stood in the
    request, of which its caller does not know: here a reason says "it".
    """
    refused = {}
    for name, messages in error.errors.items():
        field, _, index = name.rpartition(".")
        if field not in fields or not index.isdecimal():
            return {}
        reasons = (re.sub(rf"\b[Tt]he {field}\.{index}\b( field)?", "It", message) for message in messages)
        refused[field, int(index)] = " ".join(reasons)
    return refused


def smaller_batch(error: MailerSendRequestError, size: int, *fields: str) -> int | None:
    """
    Return how many items to send where *error* refuses a batch of *size* for its size, else None.

    It is what the API names, where it names fewer than were sent, else half. Complaints about single items, which
    may come with it, will come again.
    """
    if size < 2:
        return None
    if error.status == 413:
        return size // 2
    if not isinstance(error, MailerSendValidationError):
        return None
    if not {name.partition(".")[0] for name in error.errors} <= set(fields):
        return None
    said = " ".join(message for field in fields for message in error.errors.get(field, ()))
    named = re.search(r"not have more than (\d+) items", said)
    if named is None:
        return None
    most = int(named[1])
    return most if 0 < most < size else size // 2


def _short(text: str) -> str:
    text = masked_within(" ".join(text[:_MOST_READ].split()))
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"
