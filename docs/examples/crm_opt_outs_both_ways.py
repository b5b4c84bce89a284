"""Every hour: opt-outs of the CRM go to MailerSend, and unsubscribes of MailerSend come to the CRM."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import dag
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

from airflow_provider_mailersend.transfers.mailersend_to_sql import MailerSendToSqlOperator
from airflow_provider_mailersend.transfers.sql_to_mailersend import SqlToMailerSendOperator

# [START dag]
MARK_AS_OPTED_OUT = """
    UPDATE contacts SET opted_out_at = CURRENT_TIMESTAMP
    WHERE opted_out_at IS NULL AND LOWER(email) IN (SELECT LOWER(email) FROM mailersend_unsubscribes)
"""


@dag(schedule="@hourly", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def crm_opt_outs_both_ways() -> None:
    to_mailersend = SqlToMailerSendOperator(
        task_id="to_mailersend",
        conn_id="crm",
        sql="SELECT email FROM contacts WHERE opted_out_at IS NOT NULL",
        suppression_list="unsubscribes",
        mode="add_only",
        rejected_table="mailersend_rejected",
        on_invalid="skip",
    )
    to_crm = MailerSendToSqlOperator(
        task_id="to_crm",
        list_name="unsubscribes",
        conn_id="crm",
        table="mailersend_unsubscribes",
        create_table=True,
        since="auto",
    )
    mark = SQLExecuteQueryOperator(task_id="mark", conn_id="crm", sql=MARK_AS_OPTED_OUT)

    to_mailersend >> to_crm >> mark


# [END dag]

crm_opt_outs_both_ways()
