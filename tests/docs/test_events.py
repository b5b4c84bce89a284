"""The watcher that the guide to events includes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

EXAMPLE = Path(__file__).parent.parent.parent / "example_dags" / "mailersend_bounce_watch.py"


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="asset watchers are for Airflow 3")
def test_the_watcher_starts_a_dag_that_reads_its_events() -> None:
    spec = importlib.util.spec_from_file_location("bounce_watch", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    dag, bounces = example.mailersend_bounce_watch(), example.hard_bounces
    assert dag.timetable.asset_condition.objects == (bounces,)
    (watcher,) = bounces.watchers
    assert watcher.trigger.suppression_list == "hard-bounces"
    from airflow.sdk.execution_time.comms import AssetEventDagRunReferenceResult
    from airflow.sdk.execution_time.context import TriggeringAssetEventsAccessor

    event = AssetEventDagRunReferenceResult.model_validate(
        {
            "asset": {"name": bounces.name, "uri": bounces.uri, "extra": {}},
            # As an event of the trigger is stored.
            "extra": {"from_trigger": True, "payload": {"count": 2, "ids": ["a", "b"]}},
            "timestamp": "2026-01-01T00:00:00Z",
            "source_aliases": [],
            "source_task_id": None,
            "source_dag_id": None,
            "source_run_id": None,
            "source_map_index": None,
        }
    )
    # As a task is given them.
    events = TriggeringAssetEventsAccessor.build([event, event])
    assert dag.get_task("tell").python_callable(triggering_asset_events=events) == 4
