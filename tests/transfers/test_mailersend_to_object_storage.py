"""Lists as files, on this machine's disk and on S3."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_mailersend.assets import create_asset
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from airflow_provider_mailersend.transfers.mailersend_to_object_storage import (
    MailerSendToObjectStorageOperator,
)
from tests.conftest import Connect
from tests.services.servers import S3
from tests.unsteady import UnsteadySandbox

Export = Callable[..., dict[str, Any]]


class TaskInstance:
    """What a task instance tells of itself."""

    dag_id, run_id, task_id, map_index = "dag", "run", "export", -1


class Store:
    """A state store of one asset, as Airflow 3.3 gives it to a task."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        self.values[key] = value


@pytest.fixture
def export(connect: Connect, sandbox: Sandbox) -> Export:
    connect(sandbox)

    def run(path: object, list_name: str = "hard-bounces", **arguments: Any) -> dict[str, Any]:
        rendered = arguments.pop("rendered", {})
        context: Any = {"ti": TaskInstance(), **arguments.pop("context", {})}
        task = MailerSendToObjectStorageOperator(
            task_id="export", list_name=list_name, path=str(path), **arguments
        )
        task.render_template_fields(rendered)
        result: dict[str, Any] = task.execute(context)
        return result

    return run


def rows_in(data: bytes, name: str) -> list[dict[str, Any]]:
    if name.endswith(".parquet"):
        parquet = pytest.importorskip("pyarrow.parquet")
        rows: list[dict[str, Any]] = parquet.read_table(io.BytesIO(data)).to_pylist()
        return rows
    text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
    if ".jsonl" in name:
        return [json.loads(line) for line in text.splitlines()]
    return list(csv.DictReader(io.StringIO(text)))


NAMES = ["all.jsonl", "all.jsonl.gz", "all.csv", "all.csv.gz", "all.parquet"]


@pytest.mark.parametrize("name", NAMES)
def test_a_list_becomes_a_file(name: str, export: Export, sandbox: Sandbox, tmp_path: Path) -> None:
    entries = sandbox.add("hard-bounces", *(f"bounced{number}@example.com" for number in range(250)))
    result = export(tmp_path / "new" / "folder" / name)
    assert (result["rows"], result["requests"], result["may_be_incomplete"]) == (250, 3, False)
    rows = rows_in((tmp_path / "new" / "folder" / name).read_bytes(), name)
    assert {row["id"] for row in rows} == {entry["id"] for entry in entries}
    assert {row["email"] for row in rows} == {entry["recipient"]["email"] for entry in entries}
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_list_becomes_a_file_without_rows(name: str, export: Export, tmp_path: Path) -> None:
    assert export(tmp_path / name)["rows"] == 0
    assert rows_in((tmp_path / name).read_bytes(), name) == []


@pytest.mark.parametrize("name", ["all.jsonl", "all.parquet"])
def test_a_reader_never_sees_half_a_file(name: str, export: Export, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.add("hard-bounces", *(f"bounced{number}@example.com" for number in range(250)))
    (tmp_path / name).write_bytes(b"yesterday's")
    sandbox.fail(Fault(method="GET", skip=2, times=None, status=403))
    with pytest.raises(AirflowFailException):
        export(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"yesterday's"
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("before", "after"), [(0, 0), (0, 200), (200, 0)])
@pytest.mark.parametrize("name", ["all.jsonl", "all.csv.gz", "all.parquet"])
def test_a_page_that_cannot_be_written_fails_the_task(
    name: str, before: int, after: int, export: Export, sandbox: Sandbox, tmp_path: Path
) -> None:
    # The newest are listed first. Half a character can't be encoded.
    sandbox.add("hard-bounces", *(f"old{number}@example.com" for number in range(after)))
    sandbox.add("hard-bounces", "\ud83d@example.com")
    sandbox.add("hard-bounces", *(f"new{number}@example.com" for number in range(before)))
    (tmp_path / name).write_bytes(b"yesterday's")
    with pytest.raises(AirflowFailException, match="encode"):
        export(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"yesterday's"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_retry_overwrites_what_a_killed_worker_left(
    export: Export, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.add("hard-bounces", *(f"bounced{number}@example.com" for number in range(150)))
    sandbox.fail(Fault(method="GET", skip=1, delay=30, delay_when="before"))
    export_in_child = os.fork()
    if not export_in_child:
        export(tmp_path / "all.jsonl")
        os._exit(0)
    while not list(tmp_path.iterdir()):
        time.sleep(0.05)
    os.kill(export_in_child, signal.SIGKILL)
    os.waitpid(export_in_child, 0)
    # A killed worker can't clean up: its temporary file has the name that all tries of the task use.
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    assert export(tmp_path / "all.jsonl")["rows"] == 150
    assert [path.name for path in tmp_path.iterdir()] == ["all.jsonl"]


def test_since_and_until(export: Export, tmp_path: Path, connect: Connect) -> None:
    with Sandbox(
        hard_bounces=100, newest=datetime(2025, 1, 1, tzinfo=UTC), rate_limit=None, quota=None
    ) as seeded:
        connect(seeded)
        moments = {"since": "2024-12-31T23:30:00Z", "until": "2024-12-31T23:40:00Z"}
        result = export(tmp_path / "some.jsonl", **moments)
        assert result["rows"] == 10
        assert result["watermark"] == "2024-12-31T23:40:00+00:00"


class TestAuto:
    @pytest.fixture
    def store(self) -> Store:
        return Store()

    @pytest.fixture
    def export_new(self, export: Export, store: Store) -> Export:
        """Export what is new, with a state store of the list's asset."""

        def run(path: Path, map_index: int = -1, **where: Any) -> dict[str, Any]:
            task_instance = TaskInstance()
            task_instance.map_index = map_index
            context = {"ti": task_instance, "asset_state_store": _Stores(store)}
            return export(path, since="auto", context=context, **(where or {"inlets": [HARD_BOUNCES]}))

        return run

    @pytest.mark.parametrize("where", ["inlets", "outlets"])
    def test_it_continues_where_the_last_run_ended(
        self, where: str, export_new: Export, tmp_path: Path, connect: Connect
    ) -> None:
        assets: dict[str, Any] = {where: [HARD_BOUNCES]}
        with Sandbox(hard_bounces=250, newest=an_hour_ago(), rate_limit=None, quota=None) as seeded:
            connect(seeded)
            assert export_new(tmp_path / "1.jsonl", **assets)["rows"] == 250
            result = export_new(tmp_path / "2.jsonl", **assets)
            assert (result["rows"], result["requests"]) == (0, 1)
            seeded.add("hard-bounces", *(f"new{number}@example.com" for number in range(99)))
            result = export_new(tmp_path / "3.jsonl", **assets)
            assert (result["rows"], result["requests"]) == (99, 1)

    def test_each_mapped_task_continues_where_it_ended_itself(
        self, export_new: Export, tmp_path: Path, connect: Connect
    ) -> None:
        with Sandbox(hard_bounces=250, newest=an_hour_ago(), rate_limit=None, quota=None) as seeded:
            connect(seeded)
            for rows in (250, 0):
                for map_index in (0, 1):
                    assert export_new(tmp_path / f"{map_index}.jsonl", map_index)["rows"] == rows

    def test_a_failed_run_is_read_again(
        self, export_new: Export, store: Store, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        sandbox.add("hard-bounces", "jane@example.com")
        sandbox.fail(Fault(method="GET", status=403))
        with pytest.raises(AirflowFailException):
            export_new(tmp_path / "1.jsonl")
        assert store.values == {}
        assert export_new(tmp_path / "1.jsonl")["rows"] == 1

    def test_what_may_be_missing_is_read_again(
        self, export_new: Export, store: Store, tmp_path: Path, connect: Connect
    ) -> None:
        with UnsteadySandbox(rate_limit=None, quota=None, shuffle_ties=True) as shuffled:
            connect(shuffled)
            shuffled.add("hard-bounces", *(f"bounced{number}@example.com" for number in range(1000)))
            result = export_new(tmp_path / "1.jsonl")
            assert (result["may_be_incomplete"], result["watermark"]) == (True, None)
            assert store.values == {}

    def test_without_a_store_it_says_what_is_missing(self, export: Export, tmp_path: Path) -> None:
        needed = (
            r"Airflow 3\.3 or newer, and inlets=\[Asset\('mailersend://mailersend_default/hard-bounces'\)\]"
        )
        with pytest.raises(AirflowFailException, match=needed):
            export(tmp_path / "1.jsonl", since="auto", inlets=[HARD_BOUNCES])

    def test_the_asset_of_another_list_is_not_taken(self, export_new: Export, tmp_path: Path) -> None:
        other = create_asset(account="mailersend_default", list_name="unsubscribes")
        with pytest.raises(AirflowFailException, match=r"and inlets=\[Asset"):
            export_new(tmp_path / "1.jsonl", inlets=[other])


HARD_BOUNCES = create_asset(account="mailersend_default", list_name="hard-bounces")


def an_hour_ago() -> datetime:
    return datetime.fromtimestamp(datetime.now(UTC).timestamp() - 3600, UTC)


class _Stores:
    """The stores of a task's assets: of one."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getitem__(self, asset: Any) -> Store:
        if asset.uri.startswith("mailersend://mailersend_default/hard-bounces"):
            return self._store
        raise KeyError(asset)


class TestOnS3:
    @pytest.fixture
    def bucket(self, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Any:
        boto3 = pytest.importorskip("boto3")
        keys = {"aws_access_key_id": "tests", "aws_secret_access_key": "tests", "region_name": "us-east-1"}
        connection = {
            "conn_type": "aws",
            "login": "tests",
            "password": "tests",
            "extra": {"endpoint_url": s3.endpoint, "region_name": "us-east-1"},
        }
        monkeypatch.setenv("AIRFLOW_CONN_LAKE", json.dumps(connection))
        made = boto3.resource("s3", endpoint_url=s3.endpoint, **keys).Bucket(f"lake-{uuid4().hex[:12]}")
        made.create()
        yield made
        made.objects.all().delete()

    @pytest.mark.parametrize("name", ["all.jsonl.gz", "all.parquet"])
    def test_a_list_becomes_an_object(self, name: str, bucket: Any, export: Export, sandbox: Sandbox) -> None:
        sandbox.add("hard-bounces", *(f"bounced{number}@example.com" for number in range(150)))
        result = export(f"s3://lake@{bucket.name}/bounces/{name}")
        assert result["rows"] == 150
        assert [one.key for one in bucket.objects.all()] == [f"bounces/{name}"]
        assert len(rows_in(bucket.Object(f"bounces/{name}").get()["Body"].read(), name)) == 150

    def test_a_failed_run_leaves_nothing(self, bucket: Any, export: Export, sandbox: Sandbox) -> None:
        sandbox.add("hard-bounces", *(f"bounced{number}@example.com" for number in range(150)))
        sandbox.fail(Fault(method="GET", skip=1, times=None, status=403))
        with pytest.raises(AirflowFailException):
            export(f"s3://lake@{bucket.name}/all.jsonl")
        assert list(bucket.objects.all()) == []


def test_a_path_without_a_folder_is_relative_to_the_working_directory(
    export: Export, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sandbox.add("hard-bounces", "jane@example.com")
    export("all.jsonl")
    assert len(rows_in((tmp_path / "all.jsonl").read_bytes(), "all.jsonl")) == 1


@pytest.mark.parametrize("path", ["all.txt", "all.parquet.gz", "", "None"])
def test_a_path_that_names_no_format_is_refused(path: str, export: Export) -> None:
    with pytest.raises(ValueError, match=r"path must "):
        MailerSendToObjectStorageOperator(task_id="export", list_name="hard-bounces", path=path)
    with pytest.raises(AirflowFailException, match=r"path must "):
        export("{{ path }}", rendered={"path": path})


def test_sms_recipients_belong_to_no_domain(
    export: Export, sandbox: Sandbox, tmp_path: Path, logged: Callable[[], str]
) -> None:
    sandbox.add("sms-recipients", "+15550001111")
    with pytest.raises(AirflowFailException, match="sms-recipients belong to no domain"):
        export(tmp_path / "all.jsonl", "sms-recipients", domain="example.com")
    assert sandbox.log == []
    export(tmp_path / "all.jsonl", "sms-recipients", domain_id="account")
    assert "sms-recipients: 1 row to " in logged()


def test_a_moment_that_is_none_is_refused_with_what_it_may_be(export: Export, tmp_path: Path) -> None:
    with pytest.raises(AirflowFailException, match=r"since must be a date .* got 'yesterday'.* pass 'auto'"):
        export(tmp_path / "all.jsonl", since="yesterday")


def test_the_summary_says_how_many_rows_went_where_and_since_when(
    export: Export, sandbox: Sandbox, tmp_path: Path, logged: Callable[[], str]
) -> None:
    sandbox.add("hard-bounces", "jane@example.com")
    file = tmp_path / "all.jsonl"
    export(file, since="2025-01-31T12:00:00Z")
    assert f": 1 row to {file}, read from 2025-01-31 12:00:00 UTC; 1 request" in logged()
    export(file)
    assert f": 1 row to {file}, read from the start; 1 request" in logged()
