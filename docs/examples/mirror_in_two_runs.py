"""A mirror that somebody approves: one run plans, another carries out exactly that plan."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import Param, dag, task

from airflow_provider_mailersend.operators.suppressions import MailerSendSyncSuppressionsOperator


# [START dag]
@dag(
    schedule=None,
    max_active_runs=1,
    params={
        "file": Param("blocked.csv", type="string"),
        "approved_plan": Param("", type="string", description="The plan of an earlier run; empty to plan."),
    },
)
def mirror_in_two_runs() -> None:
    source: dict[str, Any] = {
        "suppression_list": "blocklist",
        "file": "{{ params.file }}",
        "domain_id": "account",
        "mode": "mirror",
    }
    plan = MailerSendSyncSuppressionsOperator(task_id="plan", dry_run=True, **source)

    @task.short_circuit
    def is_approved(params: dict[str, Any] | None = None) -> bool:
        return bool((params or {})["approved_plan"])

    mirror = MailerSendSyncSuppressionsOperator(
        task_id="mirror", approved_plan="{{ params.approved_plan }}", **source
    )
    plan >> is_approved() >> mirror


# [END dag]

mirror_in_two_runs()
