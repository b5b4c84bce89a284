"""Wait for suppression lists, an SMS recipient and the daily quota."""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.common.compat.sdk import Param, dag

from airflow_provider_mailersend.sensors.quota import MailerSendApiQuotaSensor
from airflow_provider_mailersend.sensors.sms_recipients import MailerSendSmsRecipientStatusSensor
from airflow_provider_mailersend.sensors.suppressions import (
    MailerSendNewSuppressionsSensor,
    MailerSendSuppressionSensor,
)


@dag(
    schedule=None,
    params={
        "since": Param("2026-01-01", type="string"),
        "sms_recipient_id": Param("", type="string"),
    },
)
def sensors() -> None:
    # [START present]
    suppressed = MailerSendSuppressionSensor(
        task_id="suppressed",
        suppression_list="blocklist",
        recipient="jane@example.com",
        deferrable=True,
        poke_interval=timedelta(minutes=5),
        timeout=timedelta(hours=6),
    )
    # [END present]

    # [START absent]
    off_hold = MailerSendSuppressionSensor(
        task_id="off_hold",
        suppression_list="on-hold-list",
        recipient="joe@example.com",
        present=False,
        deferrable=True,
        poke_interval=timedelta(hours=1),
    )
    # [END absent]

    # [START new]
    bounces = MailerSendNewSuppressionsSensor(
        task_id="bounces",
        suppression_list="hard-bounces",
        since="{{ params.since }}",
        at_least=50,
        deferrable=True,
    )
    # [END new]

    # [START sms]
    opted_in = MailerSendSmsRecipientStatusSensor(
        task_id="opted_in", sms_recipient_id="{{ params.sms_recipient_id }}", status="active", deferrable=True
    )
    # [END sms]

    # [START quota]
    enough_requests = MailerSendApiQuotaSensor(task_id="enough_requests", at_least=500, deferrable=True)
    # [END quota]

    [suppressed, off_hold, bounces, opted_in] >> enough_requests


sensors()
