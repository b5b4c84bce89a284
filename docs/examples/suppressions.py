"""List, add to and delete from suppression lists."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import Param, dag, task

from airflow_provider_mailersend.operators.suppressions import (
    MailerSendAddSuppressionsOperator,
    MailerSendDeleteSuppressionsOperator,
    MailerSendListSuppressionsOperator,
)


@dag(
    schedule=None,
    params={
        "day": Param("2026-01-01", type="string", format="date"),
        "empty_list": Param(False, type="boolean"),
    },
)
def suppressions() -> None:
    # [START list]
    MailerSendListSuppressionsOperator(
        task_id="bounced",
        suppression_list="hard-bounces",
        since="{{ params.day }}",
        until="{{ macros.ds_add(params.day, 1) }}",
    )
    # [END list]

    # [START add]
    MailerSendAddSuppressionsOperator(
        task_id="block",
        suppression_list="blocklist",
        recipients=["jane@example.com"],
        patterns=[r".*@spam\.example"],
        domain_id="account",
    )
    # [END add]

    # [START delete]
    @task(show_return_value_in_logs=False)
    def repaired() -> list[str]:
        return ["joe@example.com"]  # ask who repairs mailboxes

    MailerSendDeleteSuppressionsOperator(
        task_id="release", suppression_list="hard-bounces", recipients=repaired()
    )
    # [END delete]

    # [START delete_all]
    MailerSendDeleteSuppressionsOperator(
        task_id="empty",
        suppression_list="spam-complaints",
        domain="news.example.com",
        delete_all="{{ params.empty_list }}",
    )
    # [END delete_all]


suppressions()
