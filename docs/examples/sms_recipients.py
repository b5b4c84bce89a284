"""List, get and update SMS recipients."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import Param, dag, task

from airflow_provider_mailersend.operators.sms_recipients import (
    MailerSendGetSmsRecipientOperator,
    MailerSendListSmsRecipientsOperator,
    MailerSendUpdateSmsRecipientsOperator,
)


@dag(schedule=None, params={"sms_recipient_id": Param("", type="string")})
def sms_recipients() -> None:
    # [START list]
    opted_out = MailerSendListSmsRecipientsOperator(task_id="opted_out", status="opt_out")
    # [END list]

    # [START get]
    found = MailerSendGetSmsRecipientOperator(
        task_id="sms_recipient", sms_recipient_id="{{ params.sms_recipient_id }}"
    )
    # [END get]

    # [START update]
    @task(show_return_value_in_logs=False)
    def opted_out_by_phone() -> list[str]:
        return ["+1 555 123-4567"]  # ask your CRM

    updated = MailerSendUpdateSmsRecipientsOperator(
        task_id="opt_out", numbers=opted_out_by_phone(), status="opt_out", on_missing="skip"
    )
    # [END update]

    opted_out >> found >> updated


sms_recipients()
