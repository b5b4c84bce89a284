"""
Every night: make the account's blocklist what the file says, no more and no less.

The file is a CSV with the columns ``email`` and ``pattern``, one of them filled in each line; patterns are regular
expressions, such as ``.*@example.com``. It may lie wherever Airflow reads files: ``s3://my_conn@bucket/blocked.csv``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.common.compat.sdk import Param, dag

from airflow_provider_mailersend.operators.suppressions import MailerSendSyncSuppressionsOperator


@dag(
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    # Two at a time would each add what the other has not added yet.
    max_active_runs=1,
    params={"file": Param("blocked.csv", type="string", description="The file's path or URL.")},
    tags=["mailersend", "example"],
    doc_md=__doc__,
)
def mailersend_nightly_blocklist() -> None:
    MailerSendSyncSuppressionsOperator(
        task_id="mirror",
        suppression_list="blocklist",
        file="{{ params.file }}",
        recipients_column="email",
        patterns_column="pattern",
        domain_id="account",
        mode="mirror",
        # A file that is cut short must not take addresses off the list: at most a twentieth of it goes in one night.
        max_deletes=0.05,
        # If sending has used up the daily quota, the rest follows after midnight UTC.
        deferrable=True,
        retries=3,
        retry_delay=timedelta(minutes=5),
    )


mailersend_nightly_blocklist()
