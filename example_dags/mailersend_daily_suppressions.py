"""
Every night: who unsubscribed, and which addresses bounced for good, on the day before.

Triggered by hand it lists yesterday, in UTC, or the day given as the param `day`: `{"day": "2026-03-01"}`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import Param, dag, task
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_mailersend.operators.suppressions import MailerSendListSuppressionsOperator

# On Airflow 3 a run that was triggered by the CLI or the REST API may have no data interval.
_DAY = "(params.day or (dag_run.data_interval_start or dag_run.run_after - macros.timedelta(days=1)) | ds)"


@dag(
    # Not "@daily": on Airflow 3 a cron expression alone gives a data interval without length.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    params={
        "day": Param(
            None,
            type=["null", "string"],
            format="date",
            description="Which day, in UTC; by default the one that the run is for.",
        )
    },
    tags=["mailersend", "example"],
    doc_md=__doc__,
)
def mailersend_daily_suppressions() -> None:
    of_the_day = {"since": f"{{{{ {_DAY} }}}}", "until": f"{{{{ macros.ds_add({_DAY}, 1) }}}}"}
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
