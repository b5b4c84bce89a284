"""
A transfer: the blocklist into the table ``blocklist`` of the database that the connection ``warehouse`` leads to.

:mod:`tests.e2e_celery.story` runs it last, and compares the table's ids with the sandbox's.
"""

from __future__ import annotations

from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import dag, task

from airflow_provider_mailersend.hooks.mailersend import MailerSendHook


@dag(schedule=None, default_args={"pool": "mailersend"})
def transfer() -> None:
    # MailerSendToSqlOperator takes this task's place.
    @task
    def to_sql() -> None:
        entries = MailerSendHook().iter_suppressions("blocklist", domain_id="account")
        warehouse = PostgresHook("warehouse")
        warehouse.run("CREATE TABLE blocklist (id text PRIMARY KEY, pattern text)")
        rows = ((entry["id"], entry["pattern"]) for entry in entries)
        warehouse.insert_rows("blocklist", rows, ["id", "pattern"])

    to_sql()


transfer()
