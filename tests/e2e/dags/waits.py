"""A DAG whose tasks all wait in the triggerer."""

from __future__ import annotations

from airflow.sdk import dag

from airflow_provider_mailersend.operators.suppressions import MailerSendSyncSuppressionsOperator
from airflow_provider_mailersend.sensors.quota import MailerSendApiQuotaSensor
from airflow_provider_mailersend.sensors.sms_recipients import MailerSendSmsRecipientStatusSensor
from airflow_provider_mailersend.sensors.suppressions import (
    MailerSendNewSuppressionsSensor,
    MailerSendSuppressionSensor,
)


@dag(schedule=None, default_args={"deferrable": True}, params={"since": "", "sms_recipient_id": ""})
def waits() -> None:
    MailerSendSuppressionSensor(
        task_id="present", suppression_list="blocklist", recipient="Jane@example.net", poke_interval=1
    )
    MailerSendSuppressionSensor(
        task_id="absent",
        suppression_list="unsubscribes",
        recipient="joe@example.net",
        present=False,
        poke_interval=1,
    )
    MailerSendNewSuppressionsSensor(
        task_id="new",
        suppression_list="spam-complaints",
        since="{{ params.since }}",
        at_least=150,
        poke_interval=1,
    )
    MailerSendSmsRecipientStatusSensor(
        task_id="sms", sms_recipient_id="{{ params.sms_recipient_id }}", status="opt_out", poke_interval=1
    )
    MailerSendApiQuotaSensor(
        task_id="quota", at_least=1, mailersend_conn_id="mailersend_used_up", poke_interval=1
    )
    MailerSendSyncSuppressionsOperator(
        task_id="sync",
        suppression_list="blocklist",
        recipients=["jane@example.net", "joe@example.net"],
        mailersend_conn_id="mailersend_used_up",
    )


waits()
