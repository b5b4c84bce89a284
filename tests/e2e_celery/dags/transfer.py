"""
A transfer: the blocklist into the table ``blocklist`` of the database that the connection ``warehouse`` leads to.

:mod:`tests.e2e_celery.story` runs it last, and compares the table's ids with the sandbox's.
"""

from __future__ import annotations

from airflow.sdk import dag

from airflow_provider_mailersend.transfers.mailersend_to_sql import MailerSendToSqlOperator


@dag(schedule=None, default_args={"pool": "mailersend"})
def transfer() -> None:
    MailerSendToSqlOperator(
        task_id="to_sql",
        list_name="blocklist",
        domain_id="account",
        conn_id="warehouse",
        table="blocklist",
        create_table=True,
    )


transfer()
