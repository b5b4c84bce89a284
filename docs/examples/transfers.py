"""Bring lists to files and tables, and a query's rows to a list."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import Param, dag

from airflow_provider_mailersend.transfers.mailersend_to_object_storage import (
    MailerSendToObjectStorageOperator,
)
from airflow_provider_mailersend.transfers.mailersend_to_sql import MailerSendToSqlOperator
from airflow_provider_mailersend.transfers.sql_to_mailersend import SqlToMailerSendOperator


@dag(
    schedule=None,
    max_active_runs=1,
    params={
        "folder": Param("s3://aws_default@lake/mailersend", type="string"),
        "day": Param("2026-01-01", type="string", format="date"),
    },
)
def transfers() -> None:
    # [START object_storage]
    to_lake = MailerSendToObjectStorageOperator(
        task_id="bounces_to_lake",
        list_name="hard-bounces",
        path="{{ params.folder }}/bounces-{{ params.day }}.jsonl.gz",
        since="{{ params.day }}",
        until="{{ macros.ds_add(params.day, 1) }}",
    )
    # [END object_storage]

    # [START sql]
    to_warehouse = MailerSendToSqlOperator(
        task_id="bounces_to_warehouse",
        list_name="hard-bounces",
        conn_id="warehouse",
        table="hard_bounces",
        create_table=True,
        since="auto",
    )
    # [END sql]

    # [START from_sql]
    suppressed = SqlToMailerSendOperator(
        task_id="suppress_opt_outs",
        conn_id="warehouse",
        sql="SELECT email FROM contacts WHERE opted_out_at IS NOT NULL",
        suppression_list="unsubscribes",
        rejected_table="mailersend_rejected",
        on_invalid="skip",
    )
    # [END from_sql]

    to_lake >> to_warehouse >> suppressed


transfers()
