"""Every night: who unsubscribed, and which addresses bounced for good, on the day before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import dag, task
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_mailersend.operators.suppressions import MailerSendListSuppressionsOperator


@dag(
    # Not "@daily": on Airflow 3 a cron expression alone gives a data interval without length.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    tags=["mailersend", "example"],
)
def mailersend_daily_suppressions() -> None:
    of_the_day = {"since": "{{ data_interval_start }}", "until": "{{ data_interval_end }}"}
    unsubscribes = MailerSendListSuppressionsOperator(
        task_id="new_unsubscribes", suppression_list="unsubscribes", **of_the_day
    )
    hard_bounces = MailerSendListSuppressionsOperator(
        task_id="new_hard_bounces", suppression_list="hard-bounces", **of_the_day
    )

    @task
    def summarize(unsubscribes: list[dict[str, Any]], hard_bounces: list[dict[str, Any]]) -> dict[str, int]:
        return {"unsubscribes": len(unsubscribes), "hard_bounces": len(hard_bounces)}

    summarize(unsubscribes.output, hard_bounces.output)


mailersend_daily_suppressions()
