"""What can go wrong with a request, said so that the reader knows what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime


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
        #: The same in numbers: ``added``, ``deleted``, ``updated``, ``pages`` read and the like.
        self.counts: dict[str, int] = {}
        #: Whether the request, at one of its tries, got no answer and may have been processed.
        self.may_be_processed = False

    def __str__(self) -> str:
        # The cause comes first: where a log does not wrap, the rest may be out of sight.
        progress = f" {self.progress}" if self.progress else ""
        connection = f" Connection {self.conn_id!r}." if self.conn_id else ""
        return f"{self.args[0]}{progress}{connection}"


class MailerSendSettingsError(MailerSendError, ValueError):
    """The Airflow connection, or what a hook was given in place of it, says something that cannot be."""

    permanent = True


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

    :param resets_at: when the next day's requests begin, by MailerSend's clock, aware, in UTC.
    :param retry_at: the same by the asking machine's clock, in Unix seconds.
    """

    def __init__(
        self,
        message: str,
        *,
        endpoint: str | None = None,
        resets_at: datetime | None = None,
        retry_at: float | None = None,
    ) -> None:
        super().__init__(message, endpoint=endpoint, status=None)
        self.resets_at = resets_at
        self.retry_at = retry_at


class MailerSendGuardError(MailerSendError):
    """A change would have gone further than its guards allow; nothing was changed."""

    permanent = True


class MailerSendServerError(MailerSendError):
    """MailerSend, or what stands in front of it, is out of order (5xx, 408, 421)."""


class MailerSendConnectionError(MailerSendError):
    """No answer came, or not the whole of one."""


class MailerSendUnexpectedAnswerError(MailerSendError):
    """An answer came that is not what this endpoint gives: no JSON, another shape, a redirect."""


class MailerSendIncompleteListError(MailerSendError):
    """A list was read and read again, and entries may still be missing: its order varies between requests."""


class MailerSendUnknownFateError(MailerSendError):
    """Something that must not be done twice was asked for, and no answer tells whether it was done."""
