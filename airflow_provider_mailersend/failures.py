"""Which errors a retry can help: what tasks and triggers share."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_mailersend.exceptions import MailerSendError


def is_permanent(error: Exception) -> bool:
    """Return whether retrying can't help. Unknown errors, such as a database's, count as temporary."""
    if isinstance(error, MailerSendError):
        return error.permanent
    return isinstance(error, (ValueError, TypeError, AirflowNotFoundException))
