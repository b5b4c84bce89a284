"""
Whenever the CRM has synced: suppress whoever opted out, by e-mail and by SMS.

The CRM is an SQLite file with a table ``opt_outs (email TEXT, phone TEXT)``. Trigger the DAG with the file's path:
``{"crm": "/path/to/crm.sqlite"}``. The connection needs a Domain ID: that is the domain they are suppressed for.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from airflow.providers.common.compat.sdk import Param, dag, task

from airflow_provider_mailersend.operators.sms_recipients import MailerSendUpdateSmsRecipientsOperator
from airflow_provider_mailersend.operators.suppressions import MailerSendAddSuppressionsOperator


@dag(
    schedule=None,
    params={"crm": Param("crm.sqlite", type="string", description="The path of the CRM's SQLite file.")},
    tags=["mailersend", "example"],
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
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as crm:
            return [value for (value,) in crm.execute(query)]

    @task(show_return_value_in_logs=False)
    def not_yet_on(suppression_list: str, addresses: list[str]) -> list[str]:
        """Return those of the addresses that the list lacks."""
        from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

        listed = {
            (entry["pattern"] if suppression_list == "blocklist" else entry["recipient"]["email"]).casefold()
            for entry in MailerSendHook().iter_suppressions(suppression_list)
        }
        return [address for address in addresses if address.strip().casefold() not in listed]

    addresses = opted_out.override(task_id="opted_out_by_email")("email")
    numbers = opted_out.override(task_id="opted_out_by_sms")("phone")

    for suppression_list in ("blocklist", "unsubscribes"):
        MailerSendAddSuppressionsOperator(
            task_id=f"add_to_{suppression_list}",
            suppression_list=suppression_list,
            recipients=not_yet_on.override(task_id=f"not_yet_on_{suppression_list}")(
                suppression_list, addresses
            ),
            on_invalid="skip",
        )
    MailerSendUpdateSmsRecipientsOperator(
        task_id="opt_numbers_out", numbers=numbers, status="opt_out", on_missing="skip"
    )


mailersend_crm_opt_outs()
