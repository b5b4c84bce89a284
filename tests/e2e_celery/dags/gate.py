"""A deferred gate: it opens when an address is on a list."""

from __future__ import annotations

from airflow.sdk import dag

from airflow_provider_mailersend.sensors.suppressions import MailerSendSuppressionSensor


@dag(schedule=None, params={"address": ""})
def gate() -> None:
    MailerSendSuppressionSensor(
        task_id="suppressed",
        suppression_list="hard-bounces",
        recipient="{{ params.address }}",
        deferrable=True,
        # A minute of the real API's, as the sandbox's is shorter.
        poke_interval=10,
    )


gate()
