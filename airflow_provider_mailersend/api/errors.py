"""What can go wrong with a request, said so that the reader knows what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from airflow_provider_mailersend.api.answers import Answer, Failure, Outcome
from airflow_provider_mailersend.api.masking import masked_within
from airflow_provider_mailersend.api.requests import Request

_LONGEST_MESSAGE = 300


class MailerSendError(Exception):
    """
    Something between us and MailerSend went wrong.

    :param message: what, where, and what to do about it.
    :param endpoint: the endpoint asked, such as ``GET /recipients/{id}``.
    :param status: the status of the answer, where there was one.
    """

    #: Whether asking again cannot help, so that a task should fail without a retry.
    permanent = False

    def __init__(self, message: str, *, endpoint: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.endpoint = endpoint
        self.status = status
        #: The Airflow connection that was used; the hook sets it.
        self.conn_id: str | None = None
        #: What had been done when the error came, where a job was more than one request.
        self.progress: str | None = None
        #: Whether an earlier try of the same request went unanswered and may have been processed.
        self.follows_unknown = False

    def __str__(self) -> str:
        connection = f"Connection {self.conn_id!r}: " if self.conn_id else ""
        progress = f" {self.progress}" if self.progress else ""
        return f"{connection}{self.args[0]}{progress}"


class MailerSendRequestError(MailerSendError):
    """MailerSend refuses the request as it is (a status of 4xx)."""

    permanent = True


class MailerSendAuthenticationError(MailerSendRequestError):
    """The API token is not valid (401)."""


class MailerSendPermissionError(MailerSendRequestError):
    """The API token, the account or the caller's address may not do this (403)."""


class MailerSendNotFoundError(MailerSendRequestError):
    """There is nothing of this id, or of this name (404)."""


class MailerSendValidationError(MailerSendRequestError):
    """
    MailerSend finds fault with what was sent (422).

    :param errors: the messages for each field, as the API names them: ``recipients.0``, ``domain_id``.
    """

    def __init__(
        self,
        message: str,
        *,
        endpoint: str | None = None,
        status: int | None = None,
        errors: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(message, endpoint=endpoint, status=status)
        self.errors = {field: list(messages) for field, messages in (errors or {}).items()}


class MailerSendRateLimitError(MailerSendError):
    """
    The account's requests a minute are used up, and waiting for more takes longer than allowed (429).

    :param retry_at: when to ask again, in Unix seconds.
    """

    def __init__(self, message: str, *, endpoint: str | None = None, retry_at: float = 0.0) -> None:
        super().__init__(message, endpoint=endpoint, status=429)
        self.retry_at = retry_at


class MailerSendQuotaExhaustedError(MailerSendError):
    """
    The account's requests of the day are used up, or what is left of them is reserved for sending.

    :param resets_at: when the next day's requests begin, aware, in UTC.
    """

    def __init__(
        self, message: str, *, endpoint: str | None = None, resets_at: datetime | None = None
    ) -> None:
        super().__init__(message, endpoint=endpoint, status=None)
        self.resets_at = resets_at


class MailerSendServerError(MailerSendError):
    """MailerSend, or what stands in front of it, is out of order (5xx, 408, 421)."""


class MailerSendConnectionError(MailerSendError):
    """No answer came, or not the whole of one."""


class MailerSendUnexpectedAnswerError(MailerSendError):
    """An answer came that is not what this endpoint gives: no JSON, another shape, a redirect."""


class MailerSendUnknownFateError(MailerSendError):
    """Something that must not be done twice was asked for, and no answer tells whether it was done."""

    def __init__(self, message: str, *, endpoint: str | None = None, timed_out: bool = False) -> None:
        super().__init__(message, endpoint=endpoint)
        self.timed_out = timed_out


def error_from(request: Request, outcome: Outcome) -> MailerSendError:
    """Return the error that an answer other than success, or no answer, means."""
    if isinstance(outcome, Failure):
        return MailerSendConnectionError(
            f"{request.endpoint} got no answer from MailerSend: {_short(outcome.reason)}.",
            endpoint=request.endpoint,
        )
    error = _error_class(outcome.status)(
        _explained(request, outcome), endpoint=request.endpoint, status=outcome.status
    )
    if isinstance(error, MailerSendValidationError):
        error.errors = errors_of(outcome)
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
    message = message_of(answer).rstrip(".")
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
        case 404:
            return f"{said}: MailerSend knows nothing of this id."
        case 422:
            fields = "; ".join(
                f"{name}: {' '.join(why)}" for name, why in list(errors_of(answer).items())[:5]
            )
            return f"{said}{because}" + (f" ({_short(fields)})" if fields else "")
        case status if 300 <= status < 400:
            return (
                f"{said}, a redirect, and redirects are not followed, as they would take the token elsewhere. "
                "Correct the connection's host, or leave it empty."
            )
        case _:
            return f"{said}{because}."


def unexpected(request: Request, answer: Answer, what: str) -> MailerSendUnexpectedAnswerError:
    """Return the error for an answer whose body is not what the endpoint gives."""
    return MailerSendUnexpectedAnswerError(
        f"{request.endpoint} answered {answer.status} with {what}. If this lasts, see whether the connection's "
        "host is MailerSend's API, and whether a proxy answers in its place.",
        endpoint=request.endpoint,
        status=answer.status,
    )


def message_of(answer: Answer) -> str:
    """Return what an answer says went wrong, short and masked; empty where it says nothing readable."""
    try:
        body = answer.json()
    except ValueError:
        return "a body that is no JSON" if answer.body else ""
    message = body.get("message") if isinstance(body, dict) else None
    return _short(message) if isinstance(message, str) else ""


def errors_of(answer: Answer) -> dict[str, list[str]]:
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

    Empty unless every message is about one item of one of *fields*.
    """
    refused = {}
    for name, messages in error.errors.items():
        field, _, index = name.rpartition(".")
        if field not in fields or not index.isdecimal():
            return {}
        refused[field, int(index)] = " ".join(messages)
    return refused


def smaller_batch(error: MailerSendRequestError, size: int, *fields: str) -> int | None:
    """
    Return how many items to send where *error* refuses a batch of *size* for its size, else None.

    It is what the API names, where it names fewer than were sent, else half.
    """
    if size < 2:
        return None
    if error.status == 413:
        return size // 2
    if not isinstance(error, MailerSendValidationError) or not error.errors.keys() <= set(fields):
        return None
    said = " ".join(message for messages in error.errors.values() for message in messages)
    named = re.search(r"not have more than (\d+) items", said)
    if named is None:
        return None
    most = int(named[1])
    return most if 0 < most < size else size // 2


def _short(text: str) -> str:
    text = masked_within(" ".join(text.split()))
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"
