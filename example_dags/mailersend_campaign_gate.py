"""Before a campaign: wait until the address of the legal department's test person is suppressed."""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.common.compat.sdk import Param, dag, task

from airflow_provider_mailersend.sensors.suppressions import MailerSendSuppressionSensor


@dag(
    schedule=None,
    params={"address": Param("opt.out@example.com", type="string", description="Who must be suppressed.")},
    tags=["mailersend", "example"],
    doc_md=__doc__,
)
def mailersend_campaign_gate() -> None:
    suppressed = MailerSendSuppressionSensor(
        task_id="suppressed",
        suppression_list="blocklist",
        recipient="{{ params.address }}",
        # The triggerer reads only what is new since its last check; rescheduled on a worker, each check reads the list.
        deferrable=True,
        poke_interval=timedelta(minutes=5),
        timeout=timedelta(hours=6),
        # Airflow 3 may fail a task that resumes within seconds of its deferral, before the scheduler has noticed that.
        retries=3,
        retry_delay=timedelta(seconds=30),
    )

    @task
    def start_campaign() -> str:
        return "The opt-outs are in force: the campaign may go out."

    suppressed >> start_campaign()


mailersend_campaign_gate()
