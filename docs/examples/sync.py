"""Keep suppression lists equal to their sources."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import Param, dag, task

from airflow_provider_mailersend.operators.suppressions import MailerSendSyncSuppressionsOperator


@dag(
    schedule=None,
    max_active_runs=1,
    params={
        "file": Param("blocked.csv", type="string"),
        "max_deletes": Param(0.05, type="number"),
        "dry_run": Param(False, type="boolean"),
    },
)
def sync() -> None:
    # [START add_only]
    @task(show_return_value_in_logs=False)
    def opted_out() -> list[str]:
        return ["jane@example.com", "joe@example.com"]  # ask your CRM

    MailerSendSyncSuppressionsOperator(
        task_id="suppress",
        suppression_list="unsubscribes",
        recipients=opted_out(),
        on_invalid="skip",
    )
    # [END add_only]

    # [START mirror]
    MailerSendSyncSuppressionsOperator(
        task_id="mirror",
        suppression_list="blocklist",
        file="{{ params.file }}",  # s3://crm@exports/blocked.csv
        recipients_column="email",
        patterns_column="pattern",
        domain_id="account",
        mode="mirror",
        max_deletes="{{ params.max_deletes }}",
        dry_run="{{ params.dry_run }}",
    )
    # [END mirror]


sync()
