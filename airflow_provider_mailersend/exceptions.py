"""
The errors of this package. Each message says what is wrong, where, and what to do.

::

    MailerSendError
    ├── MailerSendSettingsError           permanent   the connection's settings (also a ValueError)
    ├── MailerSendRequestError            permanent   MailerSend refuses the request (4xx)
    │   ├── MailerSendAuthenticationError permanent   401: the API token
    │   ├── MailerSendPermissionError     permanent   403: its scopes, the account, the IP address
    │   ├── MailerSendNotFoundError       permanent   404
    │   └── MailerSendValidationError     permanent   422: what was sent
    ├── MailerSendGuardError              permanent   a sync would delete more than allowed
    ├── MailerSendRateLimitError                      429: the rate limit
    ├── MailerSendQuotaExhaustedError                 the daily quota
    ├── MailerSendServerError                         5xx, 408, 421
    ├── MailerSendConnectionError                     no response, or only part of one
    ├── MailerSendUnexpectedAnswerError               not a response of this endpoint
    ├── MailerSendIncompleteListError                 a list whose order kept changing
    └── MailerSendAmbiguousResultError                a change that may or may not have been made

A permanent error comes again until somebody corrects something, so a task fails without a retry. Three others may be
permanent too, which their ``permanent`` says: a connection error caused by a wrong setting, a quota error where even a
whole daily quota isn't enough, and an ambiguous result where a retry could delete what others have added since. Invalid
arguments raise :class:`ValueError` or :class:`TypeError` before any request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any


class MailerSendError(Exception):
    """
    A request to MailerSend, or a job of several, failed: the base of all errors below.

    :param message: what is wrong, where, and what to do.
    :param endpoint: the endpoint, such as ``GET /recipients/{id}``.
    :param status: the status code of the response, where there was one.
    """

    #: Whether a retry cannot help.
    permanent = False

    def __init__(self, message: str, *, endpoint: str | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.endpoint = endpoint
        self.status = status
        #: The Airflow connection that was used; the hook sets it.
        self.conn_id: str | None = None
        #: The file or query that the values came from; the operator sets it.
        self.source: str | None = None
        #: What a job of several requests had done before the error.
        self.progress: str | None = None
        #: The same in numbers: ``added``, ``deleted``, ``updated``, ``pages`` read and the like.
        self.counts: dict[str, int] = {}
        #: Whether an attempt got no response, so that the request may have been processed.
        self.may_be_processed = False

    def __str__(self) -> str:
        # The cause comes first: where a log does not wrap, the rest may be out of sight.
        progress = f" {self.progress}" if self.progress else ""
        source = f" Source: {self.source}." if self.source else ""
        connection = f" Connection {self.conn_id!r}." if self.conn_id else ""
        return f"{self.args[0]}{progress}{source}{connection}"


class MailerSendSettingsError(MailerSendError, ValueError):
    """A setting of the Airflow connection, or the hook argument that overrides it, isn't valid."""

    permanent = True


class MailerSendRequestError(MailerSendError):
    """MailerSend refuses the request (4xx)."""

    permanent = True


class MailerSendAuthenticationError(MailerSendRequestError):
    """The API token isn't valid (401)."""


class MailerSendPermissionError(MailerSendRequestError):
    """The API token, the account or this machine's IP address isn't allowed to do this (403)."""


class MailerSendNotFoundError(MailerSendRequestError):
    """Nothing has this id or name (404)."""


class MailerSendValidationError(MailerSendRequestError):
    """
    MailerSend says that what was sent isn't valid (422).

    :param errors: the messages by field, as the API names it: ``recipients.0``, ``domain_id``.
    """

    def __init__(
        self, message: str, *, errors: Mapping[str, Sequence[str]] | None = None, **where: Any
    ) -> None:
        super().__init__(message, **where)
        self.errors = {field: list(messages) for field, messages in (errors or {}).items()}


class MailerSendRateLimitError(MailerSendError):
    """
    The rate limit (429) lasts longer than a request may wait.

    :param retry_at: when to retry, in Unix seconds.
    """

    def __init__(self, message: str, *, retry_at: float = 0.0, **where: Any) -> None:
        super().__init__(message, status=429, **where)
        self.retry_at = retry_at


class MailerSendQuotaExhaustedError(MailerSendError):
    """
    The daily quota is used up, or down to what is reserved for sending.

    :param resets_at: when it resets by MailerSend's clock, aware, in UTC.
    :param retry_at: when to start over, in Unix seconds of this machine's clock: some seconds later if something was
        just changed, as it may not show in the lists at once.
    """

    def __init__(
        self, message: str, *, resets_at: datetime | None = None, retry_at: float | None = None, **where: Any
    ) -> None:
        super().__init__(message, **where)
        self.resets_at = resets_at
        self.retry_at = retry_at


class MailerSendGuardError(MailerSendError):
    """A sync would delete more than its guards allow; nothing was changed."""

    permanent = True


class MailerSendServerError(MailerSendError):
    """MailerSend, or a gateway in front of it, has a fault (5xx, 408, 421)."""


class MailerSendConnectionError(MailerSendError):
    """No response arrived, or only part of one."""


class MailerSendUnexpectedAnswerError(MailerSendError):
    """The response isn't one of this endpoint: not JSON, another shape, a redirect."""


class MailerSendIncompleteListError(MailerSendError):
    """A list was read several times and may still lack entries: its order kept changing between requests."""


class MailerSendAmbiguousResultError(MailerSendError):
    """A change that must not be made twice got no response, so it may or may not have been made."""


def is_permanent(error: Exception) -> bool:
    """Return whether retrying can't help. Unknown errors, such as a database's, count as temporary."""
    return (
        error.permanent if isinstance(error, MailerSendError) else isinstance(error, (ValueError, TypeError))
    )
