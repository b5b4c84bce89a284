"""Every hour: SMS opt-outs of the CRM go to MailerSend, and those of MailerSend come to the CRM."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import dag
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator

from airflow_provider_mailersend.transfers.mailersend_to_sql import MailerSendToSqlOperator
from airflow_provider_mailersend.transfers.sql_to_mailersend import SqlToMailerSendOperator

# [START dag]
MARK_AS_OPTED_OUT = """
    UPDATE contacts SET no_sms = 1
    WHERE phone IN (SELECT number FROM mailersend_sms_recipients WHERE status = 'opt_out')
"""


@dag(schedule="@hourly", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def sms_opt_outs() -> None:
    to_mailersend = SqlToMailerSendOperator(
        task_id="to_mailersend",
        conn_id="crm",
        sql="SELECT phone FROM contacts WHERE no_sms = 1 AND phone IS NOT NULL",
        numbers_column="phone",
        sms_status="opt_out",
        on_missing="skip",
        on_invalid="skip",
    )
    to_crm = MailerSendToSqlOperator(
        task_id="to_crm",
        list_name="sms-recipients",
        conn_id="crm",
        table="mailersend_sms_recipients",
        create_table=True,
        # A status changes without a new entry: only the whole list shows it.
        mode="replace",
    )
    mark = SQLExecuteQueryOperator(task_id="mark", conn_id="crm", sql=MARK_AS_OPTED_OUT)

    to_mailersend >> to_crm >> mark


# [END dag]

sms_opt_outs()
