"""How Airflow takes what the operators do: templates, XCom and retries."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_mailersend.sandbox import Fault, Sandbox
from tests.dags.in_airflow import mapped_delete_all, task_to_task, too_many, with_retries

Connect = Callable[..., str]

pytestmark = pytest.mark.usefixtures("airflow_db")


def test_results_flow_from_task_to_task(connect: Connect) -> None:
    with Sandbox(unsubscribes=3, blocklist=3) as sandbox:
        connect(sandbox, conn_id="marketing")
        assert task_to_task.test().state == "success"
        unsubscribed = [entry["recipient"]["email"] for entry in sandbox.entries("unsubscribes")]
        assert len(sandbox.entries("blocklist")) == 4
        assert sandbox.entries("blocklist")[0]["pattern"] == unsubscribed[-1]


@pytest.mark.parametrize(("status", "requests"), [(401, 1), (403, 1), (422, 1), (500, 3)])
def test_airflow_retries_what_may_pass_and_nothing_else(connect: Connect, status: int, requests: int) -> None:
    with Sandbox() as sandbox:
        connect(sandbox, extra={"max_retries": 0})
        sandbox.fail(Fault(status=status, times=2))
        dag_run = with_retries.test()
        assert dag_run.state == ("success" if status == 500 else "failed")
        assert len(sandbox.log) == requests


def test_a_mapped_domain_that_is_none_does_not_turn_into_all(connect: Connect) -> None:
    with Sandbox(blocklist=5) as sandbox:
        connect(sandbox)
        assert mapped_delete_all.test().state == "failed"
        assert sandbox.log == []


def test_too_many_entries_are_not_written_to_xcom(connect: Connect) -> None:
    with Sandbox(unsubscribes=20) as sandbox:
        connect(sandbox)
        dag_run = too_many.test()
        assert dag_run.state == "failed"
        assert dag_run.get_task_instance("list").xcom_pull(task_ids="list") is None
