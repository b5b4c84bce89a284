"""Every night: what bounced or was complained about since the last run goes to the warehouse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import dag

from airflow_provider_mailersend.transfers.mailersend_to_sql import MailerSendToSqlOperator


# [START dag]
@dag(
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=5)},
)
def nightly_bounces() -> None:
    for list_name in ("hard-bounces", "spam-complaints"):
        MailerSendToSqlOperator(
            task_id=f"{list_name}-to-warehouse",
            list_name=list_name,
            domain_id="account",
            conn_id="warehouse",
            table=f"mailersend_{list_name.replace('-', '_')}",
            create_table=True,
            since="auto",
            deferrable=True,
        )


# [END dag]

nightly_bounces()
