"""Every example DAG, run by Airflow against the sandbox."""

from __future__ import annotations

import importlib.util
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_1_PLUS

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:  # before Airflow 3.2
    from airflow.models.dagbag import DagBag  # type: ignore[no-redef]

from airflow_provider_mailersend.sandbox import Sandbox

Connect = Callable[..., str]

DAGS = Path(__file__).parent.parent.parent / "example_dags"

pytestmark = pytest.mark.usefixtures("airflow_db")


def example(name: str) -> Any:
    """Return the DAG of an example's file."""
    dag = getattr(module(name), name)()
    assert isinstance(dag, DAG)
    return dag


def module(name: str) -> ModuleType:
    """Return one of the examples' files as a module."""
    spec = importlib.util.spec_from_file_location(name, DAGS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def run(name: str, day: datetime | None = None, **conf: Any) -> Any:
    """Run an example and return its DAG run."""
    when = "logical_date" if AIRFLOW_V_3_0_PLUS else "execution_date"
    return example(name).test(**{when: day or datetime.now(UTC), "run_conf": conf or None})


def test_every_example_is_tested_here() -> None:
    names = {path.stem for path in DAGS.glob("mailersend_*.py")}
    assert names == {
        "mailersend_after_crm_sync",
        "mailersend_approved_mirror",
        "mailersend_bounce_watch",
        "mailersend_daily_suppressions",
        "mailersend_crm_opt_outs",
        "mailersend_mapped_sync",
        "mailersend_nightly_blocklist",
        "mailersend_campaign_gate",
    }


def test_the_daily_dag_lists_one_day(connect: Connect) -> None:
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    newest = midnight + timedelta(hours=2)
    with Sandbox(unsubscribes=100, hard_bounces=100, newest=newest, spacing=3600) as sandbox:
        connect(sandbox)
        dag_run = run("mailersend_daily_suppressions", midnight)
        assert dag_run.state == "success"
        summary = dag_run.get_task_instance("summarize").xcom_pull(task_ids="summarize")
        assert summary == {"unsubscribes": 24, "hard_bounces": 24}


@pytest.mark.parametrize("day", [None, "2026-03-01"])
def test_the_daily_dag_runs_without_a_data_interval(connect: Connect, day: str | None) -> None:
    yesterday = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    listed = datetime.fromisoformat(f"{day}T00:00:00+00:00") if day else yesterday
    newest = listed + timedelta(days=1, hours=2)
    with Sandbox(unsubscribes=100, hard_bounces=50, newest=newest, spacing=3600) as sandbox:
        connect(sandbox)
        conf = {"day": day} if day else None
        # As the CLI and the REST API trigger it on Airflow 3.
        without = {"logical_date": None} if AIRFLOW_V_3_0_PLUS else {}
        dag_run = example("mailersend_daily_suppressions").test(**without, run_conf=conf)
        assert dag_run.state == "success"
        assert not AIRFLOW_V_3_0_PLUS or dag_run.data_interval_start is None
        summary = dag_run.get_task_instance("summarize").xcom_pull(task_ids="summarize")
        assert summary == {"unsubscribes": 24, "hard_bounces": 24}


def test_no_example_is_an_import_error_and_each_says_what_it_is() -> None:
    found = DagBag(DAGS)
    assert found.import_errors == {}
    names = {path.stem for path in DAGS.glob("mailersend_*.py")}
    needs_newer = {
        *(() if AIRFLOW_V_3_0_PLUS else ("mailersend_bounce_watch",)),
        *(() if AIRFLOW_V_3_1_PLUS else ("mailersend_approved_mirror",)),
    }
    assert set(found.dags) == names - needs_newer
    assert [dag.dag_id for dag in found.dags.values() if not (dag.doc_md or "").strip()] == []


@pytest.fixture
def crm(tmp_path: Path) -> Path:
    path = tmp_path / "crm.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE opt_outs (email TEXT, phone TEXT)")
        rows = [
            ("listed@example.net", None),
            ("new@example.net", "+1 555 000-1111"),
            (" NEW@example.net", None),
        ]
        database.executemany("INSERT INTO opt_outs VALUES (?, ?)", rows)
    return path


def test_the_crm_dag_suppresses_who_opted_out_and_does_it_once(connect: Connect, crm: Path) -> None:
    with Sandbox(rate_limit=None) as sandbox:
        domain = "news.example.com"
        connect(sandbox, extra={"domain_id": sandbox.domain_id(domain)})
        sandbox.add("unsubscribes", "listed@example.net", domain=domain)
        sandbox.add("sms-recipients", "+15550001111", "+15550002222")
        for _ in range(2):
            assert run("mailersend_crm_opt_outs", crm=str(crm)).state == "success"
            blocked = {entry["pattern"] for entry in sandbox.entries("blocklist")}
            unsubscribed = [entry["recipient"]["email"] for entry in sandbox.entries("unsubscribes")]
            assert blocked == {"listed@example.net", "new@example.net"}
            assert unsubscribed == ["new@example.net", "listed@example.net"]
            statuses = {one["number"]: one["status"] for one in sandbox.entries("sms-recipients")}
            assert statuses == {"+15550001111": "opt_out", "+15550002222": "active"}
        assert len(sandbox.entries("blocklist")) == 2
        assert len([request for request in sandbox.log if request.method != "GET"]) == 3


def test_a_dag_runs_on_the_blocklist_that_the_crm_dag_changes(connect: Connect) -> None:
    (outlet,) = example("mailersend_crm_opt_outs").get_task("sync_blocklist").outlets
    assert outlet.uri == "mailersend://mailersend_default/blocklist"
    dag = example("mailersend_after_crm_sync")
    assert outlet.uri in str(
        dag.timetable.asset_condition if AIRFLOW_V_3_0_PLUS else dag.timetable.dataset_condition
    )
    with Sandbox(blocklist=250, rate_limit=None) as sandbox:
        connect(sandbox)
        dag_run = run("mailersend_after_crm_sync")
        counted = dag_run.get_task_instance("count_blocked").xcom_pull(task_ids="count_blocked")
        assert counted == {"blocked": 250, "requests": 3}


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="asset watchers are for Airflow 3")
def test_a_dag_runs_on_new_bounces() -> None:
    (asset,) = example("mailersend_bounce_watch").timetable.asset_condition.objects
    (watcher,) = asset.watchers
    assert asset.uri == "mailersend://mailersend_default/hard-bounces"
    assert watcher.trigger.suppression_list == "hard-bounces"


def test_a_crm_that_is_not_there_is_no_crm_without_opt_outs(connect: Connect, tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        connect(sandbox)
        assert run("mailersend_crm_opt_outs", crm=str(tmp_path / "moved.sqlite")).state == "failed"
        assert not (tmp_path / "moved.sqlite").exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "unable to open database file"), (b"", "no such table"), (b"no database" * 99, "not a database")],
)
def test_a_crm_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    path = tmp_path / "crm.sqlite"
    if content is not None:
        path.write_bytes(content)
    task: Any = example("mailersend_crm_opt_outs").get_task("opted_out_by_email")
    with pytest.raises(
        RuntimeError, match=f"crm.sqlite: .*{complaint}.*Trigger the DAG with the path"
    ) as error:
        task.python_callable("email", params={"crm": str(path)})
    assert str(path) in str(error.value)


def test_the_nightly_dag_makes_the_blocklist_what_the_file_says(connect: Connect, tmp_path: Path) -> None:
    file = tmp_path / "blocked.csv"
    with Sandbox(rate_limit=None) as sandbox:
        domain = "news.example.com"
        connect(sandbox, extra={"domain_id": sandbox.domain_id(domain)})
        listed = [f"{number}@example.net" for number in range(30)]
        sandbox.add("blocklist", *listed, patterns=[".*@example.org"])
        sandbox.add("blocklist", "0@example.net", "other@example.net", domain=domain)
        others = [entry["id"] for entry in sandbox.entries("blocklist") if entry["domain"]]
        lines = [*(f"{address.upper()}," for address in listed[1:]), "new@example.net,", ",.*@example.org"]
        file.write_text("\n".join(["email,pattern", *lines]))
        for _ in range(2):
            assert run("mailersend_nightly_blocklist", file=str(file)).state == "success"
            entries = sandbox.entries("blocklist")
            assert [entry["id"] for entry in entries if entry["domain"]] == others
            held = sorted(entry["pattern"] for entry in entries if not entry["domain"])
            assert held == sorted([*listed[1:], "new@example.net", ".*@example.org"])
        assert [request.method for request in sandbox.log if request.method != "GET"] == ["POST", "DELETE"]


def test_the_examples_find_the_files_of_the_ui_where_airflow_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = module("demo")
    monkeypatch.chdir(tmp_path)
    with Sandbox(blocklist=400, unsubscribes=30, sms_recipients=40, rate_limit=None) as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_MAILERSEND_DEFAULT", sandbox.connection)
        for _ in range(2):  # as often as the UI is started
            demo.make_crm(tmp_path / "crm.sqlite", sandbox)
            demo.make_blocked(tmp_path / "blocked.csv", sandbox)
        before = sandbox.entries("blocklist")
        assert run("mailersend_nightly_blocklist").state == "success"
        after = sandbox.entries("blocklist")
        added = {entry["pattern"] for entry in after if entry not in before}
        assert added == {f"blocked{number}@example.net" for number in range(10)}
        assert 0 < len([entry for entry in before if entry not in after]) <= 5
        assert run("mailersend_crm_opt_outs").state == "success"
        assert "customer1@example.net" in {
            one["recipient"]["email"] for one in sandbox.entries("unsubscribes")
        }


def test_the_mapped_dag_syncs_each_part_of_the_list_once(connect: Connect, tmp_path: Path) -> None:
    file = tmp_path / "opted_out.txt"
    addresses = [f"{number}@example.net" for number in range(25)]
    # The last line of a file need not end.
    file.write_text("\n".join(addresses))
    with Sandbox(rate_limit=None) as sandbox:
        connect(sandbox)
        sandbox.add("blocklist", *addresses[:5])
        for _ in range(2):
            dag_run = run("mailersend_mapped_sync", file=str(file), part_size=10)
            assert dag_run.state == "success"
            parts = dag_run.get_task_instance("split").xcom_pull(task_ids="split")
            assert [Path(part).name for part in parts] == [f"opted_out-part-000{n}.txt" for n in range(3)]
            blocked = sorted(entry["pattern"] for entry in sandbox.entries("blocklist"))
            assert blocked == sorted(addresses)
        assert len(sandbox.requests("POST")) == 3


def test_the_mapped_dag_has_no_part_of_an_empty_list(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "opted_out.txt").touch()
    with Sandbox() as sandbox:
        connect(sandbox)
        assert run("mailersend_mapped_sync", file=str(tmp_path / "opted_out.txt")).state == "success"
        assert sandbox.log == []


def test_the_mapped_tasks_share_a_pool() -> None:
    dag = example("mailersend_mapped_sync")
    assert (dag.get_task("split").pool, dag.get_task("sync").pool) == ("default_pool", "mailersend")


def test_the_gate_waits_in_the_triggerer() -> None:
    assert vars(example("mailersend_campaign_gate").get_task("suppressed"))["deferrable"] is True


def test_the_gate_opens_once_the_address_is_suppressed(connect: Connect) -> None:
    with Sandbox() as sandbox:
        connect(sandbox)
        sandbox.add("blocklist", "first@example.com", "opt.out@example.com")
        dag_run = run("mailersend_campaign_gate")
        assert dag_run.state == "success"
        assert [request.path for request in sandbox.log] == ["/suppressions/blocklist"]
