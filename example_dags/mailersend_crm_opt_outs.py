"""
Whenever the CRM has synced: suppress whoever opted out, by email and by SMS.

The CRM is an SQLite file with a table ``opt_outs (email TEXT, phone TEXT)``. Trigger the DAG with the file's path:
``{"crm": "/path/to/crm.sqlite"}``. The connection needs a Domain ID: that is the domain they are suppressed for.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from airflow.providers.common.compat.sdk import Asset, Param, dag, task

from airflow_provider_mailersend.operators.sms_recipients import MailerSendUpdateSmsRecipientsOperator
from airflow_provider_mailersend.operators.suppressions import MailerSendSyncSuppressionsOperator


@dag(
    schedule=None,
    params={"crm": Param("crm.sqlite", type="string", description="The path of the CRM's SQLite file.")},
    tags=["mailersend", "example"],
    doc_md=__doc__,
)
def mailersend_crm_opt_outs() -> None:
    @task(show_return_value_in_logs=False)
    def opted_out(column: str, params: dict[str, str] | None = None) -> list[str]:
        """Return the addresses, or the numbers, of those who opted out."""
        query = {
            "email": "SELECT email FROM opt_outs WHERE email IS NOT NULL",
            "phone": "SELECT phone FROM opt_outs WHERE phone IS NOT NULL",
        }[column]
        # Opened as a URI, a file that is not there is an error: it must not pass for a CRM without opt-outs.
        path = Path((params or {})["crm"]).absolute()
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as crm:
                return [value for (value,) in crm.execute(query)]
        except sqlite3.Error as error:
            raise RuntimeError(f"{path}: {error}. Trigger the DAG with the path of the CRM as crm") from error

    addresses = opted_out.override(task_id="opted_out_by_email")("email")
    numbers = opted_out.override(task_id="opted_out_by_sms")("phone")

    for suppression_list in ("blocklist", "unsubscribes"):
        MailerSendSyncSuppressionsOperator(
            task_id=f"sync_{suppression_list}",
            suppression_list=suppression_list,
            recipients=addresses,
            # Others unsubscribe by a link, which the CRM does not know of: nothing is deleted.
            mode="add_only",
            on_invalid="skip",
            # DAGs that are scheduled on it run when this is done, such as mailersend_after_crm_sync.
            outlets=[Asset(uri=f"mailersend://mailersend_default/{suppression_list}")],
        )
    MailerSendUpdateSmsRecipientsOperator(
        task_id="opt_numbers_out", numbers=numbers, status="opt_out", on_missing="skip"
    )


mailersend_crm_opt_outs()
