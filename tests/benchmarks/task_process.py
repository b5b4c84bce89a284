"""
``python -m tests.benchmarks.task_process [WORK [FILE [DOMAIN_ID]]]``: how much memory a piece of work takes.

``mirror FILE DOMAIN_ID`` mirrors the addresses in FILE: a ``.csv`` file is read by the operator, a ``.json`` file is
passed to it as a list of strings. ``hold FILE`` only holds that list, ``read`` reads the unsubscribes and counts them,
``to_file FILE`` and ``to_table FILE`` export them, the table being SQLite's, ``from_sql DOMAIN_ID`` mirrors the table
``contacts`` of connection ``crm``, and without an argument a task does nothing. The last line printed is JSON: the
``peak`` of memory in MB, and the ``result``.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from airflow_provider_mailersend.operators.suppressions import MailerSendSyncSuppressionsOperator
from airflow_provider_mailersend.transfers.mailersend_to_object_storage import (
    MailerSendToObjectStorageOperator,
)
from airflow_provider_mailersend.transfers.mailersend_to_sql import MailerSendToSqlOperator
from airflow_provider_mailersend.transfers.sql_to_mailersend import SqlToMailerSendOperator


class IdleOperator(BaseOperator):
    """A task that does nothing."""

    def execute(self, context: Any) -> None:
        pass


def main() -> None:
    result: Any = None
    match sys.argv[1:]:
        case ["mirror", file, domain_id]:
            result = _mirror(file, domain_id).execute({})
        case ["hold", file]:
            held = json.loads(Path(file).read_bytes())
            result = len(held)
        case ["read"]:
            result = sum(1 for _ in MailerSendHook().iter_suppressions("unsubscribes"))
        case ["to_file", file]:
            export = MailerSendToObjectStorageOperator(task_id="export", list_name="unsubscribes", path=file)
            result = export.execute({})
        case ["to_table", file]:
            os.environ["AIRFLOW_CONN_TABLE"] = json.dumps({"conn_type": "sqlite", "host": file})
            result = MailerSendToSqlOperator(
                task_id="export",
                list_name="unsubscribes",
                conn_id="table",
                table="entries",
                create_table=True,
            ).execute({})
        case ["from_sql", domain_id]:
            result = SqlToMailerSendOperator(
                task_id="mirror",
                conn_id="crm",
                sql="SELECT email FROM contacts",
                suppression_list="unsubscribes",
                domain_id=domain_id,
                mode="mirror",
            ).execute({})
        case _:
            IdleOperator(task_id="idle").execute({})
    sys.stdout.write(json.dumps({"peak": _peak(), "result": result}))


def _mirror(file: str, domain_id: str) -> MailerSendSyncSuppressionsOperator:
    is_list = file.endswith(".json")
    wanted = {"recipients": json.loads(Path(file).read_bytes())} if is_list else {"file": file}
    return MailerSendSyncSuppressionsOperator(
        task_id="mirror", suppression_list="unsubscribes", domain_id=domain_id, mode="mirror", **wanted
    )


def _peak() -> float:
    """Return this process's peak of memory so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux ru_maxrss includes the peak of the process that started this one.
        sizes = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(sizes["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


if __name__ == "__main__":
    main()
