"""How Airflow takes what the operators do: templates, XCom and retries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from airflow_provider_mailersend.sandbox import Fault, Sandbox
from tests.dags.in_airflow import (
    mapped_delete_all,
    synchronized_by_file,
    synchronized_by_xcom,
    synchronized_over_days,
    synchronized_with_retries,
    task_to_task,
    too_many,
    with_retries,
)

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


def added(sandbox: Sandbox) -> Counter[str]:
    """Return which addresses were added, and how often each."""
    done = [request for request in sandbox.requests("POST") if request.status == 201]
    return Counter(chain.from_iterable(request.json["recipients"] for request in done))


def test_a_list_is_made_equal_to_what_another_task_returns(connect: Connect) -> None:
    with Sandbox(unsubscribes=60, rate_limit=None) as sandbox:
        connect(sandbox)
        theirs = [
            entry["recipient"]["email"]
            for entry in sandbox.entries("unsubscribes")
            if entry["recipient"]["domain"]["name"] == "news.example.com"
        ]
        dag_run = synchronized_by_xcom.test(run_conf={"there": theirs[2:]})
        assert dag_run.state == "success"
        result = dag_run.get_task_instance("sync").xcom_pull(task_ids="sync")
        assert (result["present"], result["added"], result["deleted"]) == (20, 1, 2)
        assert [one["value"] for one in result["first_to_delete"]] == theirs[:2]
        assert len(sandbox.entries("unsubscribes")) == 59


def test_what_another_task_returns_too_little_of_deletes_nothing(connect: Connect) -> None:
    with Sandbox(unsubscribes=60, rate_limit=None) as sandbox:
        connect(sandbox)
        assert synchronized_by_xcom.test(run_conf={"there": []}).state == "failed"
        assert len(sandbox.entries("unsubscribes")) == 60


def test_a_list_is_made_equal_to_a_file(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "blocked.csv").write_text("email,pattern\njane@example.net,\n,.*@example\\.org\n")
    with Sandbox(blocklist=20, rate_limit=None) as sandbox:
        connect(sandbox)
        for _ in range(2):
            assert synchronized_by_file.test(run_conf={"folder": str(tmp_path)}).state == "success"
        assert [entry["pattern"] for entry in sandbox.entries("blocklist")[:2]] == [
            r".*@example\.org",
            "jane@example.net",
        ]
        assert len(sandbox.entries("blocklist")) == 22


def test_a_try_that_fails_in_the_middle_is_started_over_by_the_next(connect: Connect) -> None:
    with Sandbox(blocklist=450, rate_limit=None) as sandbox:
        connect(sandbox, extra={"max_retries": 0})
        # The first try ends at its third addition. The next one makes an addition that gets no answer, and cannot
        # look it up; where it has to read the whole list again, it ends in the middle of that.
        sandbox.fail(Fault(method="POST", skip=2, status=503))
        sandbox.fail(Fault(method="POST", skip=3, status=503, processed=True))
        sandbox.fail(Fault(method="GET", path="/suppressions/*", skip=7, status=503))
        dag_run = synchronized_with_retries.test()
        assert dag_run.state == "success"
        there = Counter(entry["pattern"] for entry in sandbox.entries("blocklist"))
        assert [there[f"wanted{number}@example.net"] for number in range(100)] == [1] * 100
        # The first try, and the one that succeeded, read the list to its end.
        assert len([request for request in sandbox.requests("GET") if request.query["page"] == "5"]) == 2


def test_a_task_sleeps_over_a_used_up_quota_and_goes_on(connect: Connect) -> None:
    with Sandbox(quota=4, quota_window=2.0, rate_limit=None) as sandbox:
        connect(sandbox)
        dag_run = synchronized_over_days.test()
        assert dag_run.state == "success"
        assert set(added(sandbox).values()) == {1}
        assert len(sandbox.entries("blocklist")) == 100
