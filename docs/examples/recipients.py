"""List, get and delete recipients."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import Param, dag

from airflow_provider_mailersend.operators.recipients import (
    MailerSendDeleteRecipientOperator,
    MailerSendGetRecipientOperator,
    MailerSendListRecipientsOperator,
)


@dag(schedule=None, params={"recipient_id": Param("", type="string")})
def recipients() -> None:
    # [START list]
    listed = MailerSendListRecipientsOperator(task_id="recipients", domain="example.com", max_entries=5_000)
    # [END list]

    # [START get]
    found = MailerSendGetRecipientOperator(task_id="recipient", recipient_id="{{ params.recipient_id }}")
    # [END get]

    # [START delete]
    deleted = MailerSendDeleteRecipientOperator(task_id="forget", recipient_id="{{ params.recipient_id }}")
    # [END delete]

    listed >> found >> deleted


recipients()
