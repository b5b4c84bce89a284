"""
Whenever addresses bounce for good: tell the people who look after them.

The DAG runs on an asset that the triggerer watches, without any worker or schedule. It needs Airflow 3.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Asset, AssetWatcher, dag, task

from airflow_provider_mailersend.triggers.events import MailerSendSuppressionEventTrigger

hard_bounces = Asset(
    "mailersend://mailersend_default/hard-bounces",
    watchers=[
        AssetWatcher(
            name="new_hard_bounces",
            trigger=MailerSendSuppressionEventTrigger(suppression_list="hard-bounces", poke_interval=60),
        )
    ],
)


@dag(schedule=[hard_bounces], tags=["mailersend", "example"])
def mailersend_bounce_watch() -> None:
    @task
    def tell(triggering_asset_events: Any = None) -> int:
        """Return how many addresses bounced. Their entries' ids are in the events too."""
        events = triggering_asset_events[hard_bounces]
        return sum(event.extra["payload"]["count"] for event in events)

    tell()


mailersend_bounce_watch()
