"""The first DAG: whoever opted out is suppressed."""

# [START dag]
from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import dag, task

from airflow_provider_mailersend.operators.suppressions import MailerSendSyncSuppressionsOperator


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False)
def suppress_opt_outs() -> None:
    @task(show_return_value_in_logs=False)
    def opted_out() -> list[str]:
        return ["jane@example.com", "joe@example.com"]  # ask your CRM

    MailerSendSyncSuppressionsOperator(
        task_id="suppress", suppression_list="unsubscribes", recipients=opted_out(), on_invalid="skip"
    )


suppress_opt_outs()
# [END dag]
