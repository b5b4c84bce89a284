"""A DAG on a watched asset: each run writes the payloads of its events to its own file."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Asset, AssetWatcher, dag, task

from airflow_provider_mailersend.triggers.events import MailerSendSuppressionEventTrigger


def watched(uri: str) -> Asset:
    """Return an asset with a watcher. All their triggers are equal, so Airflow runs them as one."""
    trigger = MailerSendSuppressionEventTrigger(suppression_list="hard-bounces", poke_interval=1)
    return Asset(uri, watchers=[AssetWatcher(name="hard_bounces", trigger=trigger)])


hard_bounces = watched("mailersend://mailersend_default/hard-bounces")
also_hard_bounces = watched("mailersend://marketing/hard-bounces")


@dag(schedule=[hard_bounces], is_paused_upon_creation=False)
def watch() -> None:
    @task
    def tell(run_id: str | None = None, triggering_asset_events: Any = None) -> int:
        events = triggering_asset_events[hard_bounces]
        told = [event.extra["payload"] for event in events]
        path = Path(os.environ["AIRFLOW_HOME"], "told", f"{run_id}.json")
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".part").write_text(json.dumps({"at": time.time(), "events": told}))
        path.with_suffix(".part").rename(path)
        return sum(payload["count"] for payload in told)

    tell()


@dag(schedule=[also_hard_bounces], is_paused_upon_creation=False)
def watch_too() -> None:
    EmptyOperator(task_id="nothing")


watch()
watch_too()
