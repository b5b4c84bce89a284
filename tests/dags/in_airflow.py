"""DAGs that the tests run: Airflow 3 runs none that does not stand in a file of a DAG bundle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_mailersend.operators.suppressions import (
    MailerSendAddSuppressionsOperator,
    MailerSendDeleteSuppressionsOperator,
    MailerSendListSuppressionsOperator,
    MailerSendSyncSuppressionsOperator,
)
from airflow_provider_mailersend.sensors.suppressions import MailerSendSuppressionSensor

START = datetime(2026, 1, 1, tzinfo=UTC)

with DAG(
    "task_to_task",
    schedule=None,
    start_date=START,
    default_args={"mailersend_conn_id": "{{ 'market' + 'ing' }}"},
) as task_to_task:
    listed = MailerSendListSuppressionsOperator(task_id="list", suppression_list="{{ 'un' + 'subscribes' }}")

    @task
    def addresses(entries: list[dict[str, Any]]) -> list[str]:
        return [entry["recipient"]["email"] for entry in entries]

    added = MailerSendAddSuppressionsOperator(
        task_id="add",
        suppression_list="blocklist",
        recipients=addresses(listed.output),  # type: ignore[arg-type]
    )
    deleted = MailerSendDeleteSuppressionsOperator(
        task_id="delete", suppression_list="blocklist", ids="{{ ti.xcom_pull('add')['added'][:2] }}"
    )
    nothing = MailerSendDeleteSuppressionsOperator(
        task_id="nothing", suppression_list="blocklist", ids="{{ ti.xcom_pull('no_such_task') }}"
    )
    added >> deleted >> nothing

with DAG(
    "with_retries", schedule=None, start_date=START, default_args={"retries": 5, "retry_delay": timedelta(0)}
) as with_retries:
    MailerSendListSuppressionsOperator(task_id="list", suppression_list="blocklist")

with DAG("too_many", schedule=None, start_date=START) as too_many:
    MailerSendListSuppressionsOperator(task_id="list", suppression_list="unsubscribes", max_entries=19)

with DAG("mapped_delete_all", schedule=None, start_date=START) as mapped_delete_all:

    @task
    def domain_ids() -> list[None]:
        return [None]

    MailerSendDeleteSuppressionsOperator.partial(
        task_id="delete", suppression_list="blocklist", delete_all=True
    ).expand(domain_id=domain_ids())

with DAG(
    "synchronized_by_xcom", schedule=None, start_date=START, params={"there": []}
) as synchronized_by_xcom:

    @task
    def opted_out(params: dict[str, Any]) -> list[str]:
        return [*params["there"], "new@example.net"]

    MailerSendSyncSuppressionsOperator(
        task_id="sync",
        suppression_list="{{ 'un' + 'subscribes' }}",
        recipients=opted_out(),  # type: ignore[call-arg, misc]
        domain="{{ 'news.' ~ 'example.com' }}",
        mode="mirror",
    )

with DAG(
    "synchronized_by_file", schedule=None, start_date=START, params={"folder": ""}
) as synchronized_by_file:
    MailerSendSyncSuppressionsOperator(
        task_id="sync",
        suppression_list="blocklist",
        file="{{ params.folder }}/blocked.csv",
        patterns_column="pattern",
    )

with DAG(
    "synchronized_with_retries",
    schedule=None,
    start_date=START,
    default_args={"retries": 3, "retry_delay": timedelta(0)},
) as synchronized_with_retries:
    MailerSendSyncSuppressionsOperator(
        task_id="sync",
        suppression_list="blocklist",
        recipients=[f"wanted{number}@example.net" for number in range(100)],
        batch_size=20,
    )

with DAG("synchronized_over_days", schedule=None, start_date=START) as synchronized_over_days:
    MailerSendSyncSuppressionsOperator(
        task_id="sync",
        suppression_list="blocklist",
        recipients=[f"wanted{number}@example.net" for number in range(100)],
        batch_size=20,
        deferrable=True,
    )

with DAG("rescheduled", schedule=None, start_date=START) as rescheduled:
    MailerSendSuppressionSensor(
        task_id="wait",
        suppression_list="blocklist",
        recipient="jane@example.net",
        mode="reschedule",
        poke_interval=0.1,
        timeout=60,
    )

RUN_PARAMS: dict[str, Any] = {
    "max_deletes": 0.1,
    "mode": "mirror",
    "dry_run": False,
    "allow_empty": False,
    "empty": False,
}


def _sync_by_params() -> None:
    MailerSendSyncSuppressionsOperator(
        task_id="sync",
        suppression_list="blocklist",
        recipients="{{ [] if params.empty else ['new@example.net'] }}",
        mode="{{ params.mode }}",
        max_deletes="{{ params.max_deletes }}",
        allow_empty="{{ params.allow_empty }}",
        dry_run="{{ params.dry_run }}",
    )


with DAG("options_by_params", schedule=None, start_date=START, params=RUN_PARAMS) as options_by_params:
    _sync_by_params()

with DAG(
    "native_options", schedule=None, start_date=START, params=RUN_PARAMS, render_template_as_native_obj=True
) as native_options:
    _sync_by_params()

with DAG("options_by_xcom", schedule=None, start_date=START, params={"really": False}) as options_by_xcom:

    @task
    def decided(params: dict[str, Any]) -> Any:
        return params["really"]

    MailerSendDeleteSuppressionsOperator(
        task_id="delete",
        suppression_list="blocklist",
        delete_all=decided(),  # type: ignore[arg-type, call-arg, misc]
        domain_id="account",
    )

with DAG("mapped_modes", schedule=None, start_date=START) as mapped_modes:

    @task
    def allowed() -> list[str]:
        return ["0", "1"]

    MailerSendSyncSuppressionsOperator.partial(
        task_id="sync",
        suppression_list="blocklist",
        recipients=["new@example.net"],
        mode="{{ 'mir' ~ 'ror' }}",
        max_active_tis_per_dagrun=1,
    ).expand_kwargs(
        allowed().map(lambda most: {"max_deletes": most, "dry_run": "true" if most == "0" else "false"})
    )
