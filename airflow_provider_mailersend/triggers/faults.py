"""What a trigger does about what keeps it from asking: end, or wait."""

from __future__ import annotations

import time

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_mailersend.exceptions import (
    MailerSendError,
    MailerSendNotFoundError,
    MailerSendQuotaExhaustedError,
    MailerSendRateLimitError,
    MailerSendValidationError,
)


def is_permanent(error: Exception) -> bool:
    """Return whether asking again cannot help: what else keeps a triggerer from asking may pass."""
    if isinstance(error, MailerSendError):
        return error.permanent
    return isinstance(error, (ValueError, TypeError, AirflowNotFoundException))


def is_of_the_connection(error: Exception) -> bool:
    """Return whether asking anything by the same connection cannot help, as it was read."""
    about_what_was_asked = (MailerSendNotFoundError, MailerSendValidationError)
    return is_permanent(error) and not isinstance(error, about_what_was_asked)


def seconds_to_wait_after(error: Exception) -> float:
    """Return how long asking again is of no use, in seconds."""
    if isinstance(error, (MailerSendQuotaExhaustedError, MailerSendRateLimitError)) and error.retry_at:
        return error.retry_at - time.time()
    return 0.0
