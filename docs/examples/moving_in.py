"""Moving to MailerSend: the suppressions of another sender, a file for each kind."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import Param, dag

from airflow_provider_mailersend.operators.suppressions import MailerSendSyncSuppressionsOperator

# [START dag]
#: The files of the other sender, and the lists that they belong on.
FILES = {
    "unsubscribes.csv": "unsubscribes",
    "complaints.csv": "spam-complaints",
    "bounces.csv": "blocklist",
}


@dag(
    schedule=None,
    max_active_runs=1,
    params={
        "folder": Param("s3://aws_default@moving", type="string", description="Where the files are."),
        "domain": Param("example.com", type="string", description="The domain you will send from."),
        "dry_run": Param(True, type="boolean", description="Only count what would be added."),
    },
)
def moving_in() -> None:
    for file, list_name in FILES.items():
        MailerSendSyncSuppressionsOperator(
            task_id=list_name,
            suppression_list=list_name,
            file=f"{{{{ params.folder }}}}/{file}",
            recipients_column="email",
            domain="{{ params.domain }}",
            mode="add_only",
            on_invalid="skip",
            dry_run="{{ params.dry_run }}",
            deferrable=True,
            retries=3,
        )


# [END dag]

moving_in()
