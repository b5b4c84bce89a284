"""Links on a task's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, TaskInstanceKey

_APP = "https://app.mailersend.com"


class MailerSendSuppressionsLink(BaseOperatorLink):
    """A link to the suppression lists in the MailerSend app."""

    name = "MailerSend suppressions"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        return f"{_APP}/suppressions"
