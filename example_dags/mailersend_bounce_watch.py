"""
Whenever addresses bounce for good: tell the people who look after them.

The DAG runs on an asset that the triggerer watches, without any worker or schedule. That needs Airflow 3: on Airflow 2
this file defines no DAG, and a DAG that begins with `MailerSendNewSuppressionsSensor` does the same.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import Asset, dag, task
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

if AIRFLOW_V_3_0_PLUS:
    from airflow.sdk import AssetWatcher

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

    @dag(schedule=[hard_bounces], tags=["mailersend", "example"], doc_md=__doc__)
    def mailersend_bounce_watch() -> None:
        @task
        def tell(triggering_asset_events: Any = None) -> int:
            """Return how many addresses bounced. Their entries' ids are in the events too."""
            events = triggering_asset_events[hard_bounces]
            return sum(event.extra["payload"]["count"] for event in events)

        tell()

    mailersend_bounce_watch()
