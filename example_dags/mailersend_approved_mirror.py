"""
Make the account's blocklist what a file says, once a person has approved the plan.

Trigger the DAG with the file's path: ``{"file": "s3://my_conn@bucket/blocked.csv"}``, a CSV with the columns ``email``
and ``pattern``, one of them filled in each line. The first task only plans. The second one shows how many entries would
be added and deleted, and waits until somebody approves or rejects that under *Required Actions*. The last one carries
out the approved plan, and no other: if the file or the list has changed since then, it fails and changes nothing.

If the last task stops halfway, because its worker was killed or the daily quota is used up, half of the plan is done.
What is left is another plan, so a retry fails too. Clear the DAG run from the task `plan` on, and have the rest
approved.

That needs Airflow 3.1: on older versions this file defines no DAG.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import Param, dag
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from airflow_provider_mailersend.operators.suppressions import MailerSendSyncSuppressionsOperator

if AIRFLOW_V_3_1_PLUS:
    from airflow.providers.standard.operators.hitl import ApprovalOperator

    # Counts, not addresses: more people see this than may see the list.
    body = """\
{%- set planned = ti.xcom_pull(task_ids="plan") -%}
| | entries |
|---|---:|
| would add | {{ planned["to_add"] }} |
| would delete | {{ planned["to_delete"] }} |
| wanted | {{ planned["wanted"] }} |
| present | {{ planned["present"] }} |
{% if planned["refusal"] %}
**This would be refused:** {{ planned["refusal"] }}
{% endif %}"""

    @dag(
        schedule=None,
        # The plan of one run is no longer the approved one once another run has changed the list.
        max_active_runs=1,
        params={"file": Param("blocked.csv", type="string", description="The file's path or URL.")},
        tags=["mailersend", "example"],
        doc_md=__doc__,
    )
    def mailersend_approved_mirror() -> None:
        mirror: dict[str, Any] = {
            "suppression_list": "blocklist",
            "file": "{{ params.file }}",
            "recipients_column": "email",
            "patterns_column": "pattern",
            "domain_id": "account",
            "mode": "mirror",
            # No limit but the person, who sees how many it is.
            "max_deletes": 1.0,
        }
        plan = MailerSendSyncSuppressionsOperator(task_id="plan", dry_run=True, **mirror)
        approve = ApprovalOperator(task_id="approve", subject="Change the blocklist?", body=body)
        carry_out = MailerSendSyncSuppressionsOperator(
            task_id="mirror", approved_plan="{{ ti.xcom_pull(task_ids='plan')['plan'] }}", **mirror
        )
        plan >> approve >> carry_out

    mailersend_approved_mirror()
