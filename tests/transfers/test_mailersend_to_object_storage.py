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
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
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
from airflow_provider_mailersend.transfers.mailersend_to_sql import MailerSendToSqlOperator
from tests.conftest import Connect
from tests.services.servers import S3
from tests.unsteady import UnsteadySandbox

Export = Callable[..., dict[str, Any]]


class TaskInstance:
    """What a task instance tells of itself."""

    dag_id, task_id = "dag", "export"

    def __init__(self, run_id: str = "run", try_number: int = 1, map_index: int = -1) -> None:
        self.run_id, self.try_number, self.map_index = run_id, try_number, map_index


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


def begin(export: Export, path: Path) -> int:
    """Export in a process of its own; return its id once it has its temporary file."""
    child = os.fork()
    if not child:
        with suppress(Exception):
            export(path)
            os._exit(0)
        os._exit(1)
    while not list(path.parent.iterdir()):
        time.sleep(0.05)
    return child


def succeeds(child: int) -> bool:
    return os.waitpid(child, 0)[1] == 0


def test_a_retry_overwrites_what_a_killed_worker_left(
    export: Export, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.add("hard-bounces", *(f"bounced{number}@example.com" for number in range(150)))
    sandbox.fail(Fault(method="GET", skip=1, delay=2, delay_when="before"))
    killed = begin(export, tmp_path / "all.jsonl")
    os.kill(killed, signal.SIGKILL)
    assert not succeeds(killed)
    # A killed worker can't clean up.
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    assert export(tmp_path / "all.jsonl", context={"ti": TaskInstance(try_number=2)})["rows"] == 150
    assert [path.name for path in tmp_path.iterdir()] == ["all.jsonl"]


def test_two_tries_at_once_do_not_write_to_the_same_file(
    export: Export, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.add("hard-bounces", *(f"bounced{number}@example.com" for number in range(150)))
    file = tmp_path / "all.jsonl.gz"
    sandbox.fail(Fault(method="GET", skip=1, delay=3, delay_when="before"))
    orphan = begin(export, file)
    [left] = tmp_path.iterdir()
    while not any(request.fault for request in sandbox.log):
        time.sleep(0.05)
    for run_id, try_number, is_left in (("another", 2, True), ("run", 1, True), ("run", 2, False)):
        assert export(file, context={"ti": TaskInstance(run_id, try_number)})["rows"] == 150
        assert left.exists() == is_left
        assert len(rows_in(file.read_bytes(), file.name)) == 150
    assert not succeeds(orphan)
    assert len(rows_in(file.read_bytes(), file.name)) == 150
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_move_leaves_nothing(export: Export, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.fail(Fault(method="GET", delay=1))
    moved = begin(export, tmp_path / "all.jsonl")
    (tmp_path / "all.jsonl").mkdir()
    assert not succeeds(moved)
    assert [path.name for path in tmp_path.rglob("*")] == ["all.jsonl"]


def test_a_name_may_be_as_long_as_the_disk_allows(export: Export, tmp_path: Path) -> None:
    file = tmp_path / f"{'a' * 249}.jsonl"
    export(file)
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_is_no_file(export: Export, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "all.parquet").mkdir()
    with pytest.raises(AirflowFailException, match=r"all\.parquet is a folder"):
        export(tmp_path / "all.parquet")
    assert sandbox.log == []
    assert list((tmp_path / "all.parquet").iterdir()) == []


def test_wildcards_in_a_name_are_no_wildcards(export: Export, tmp_path: Path) -> None:
    for name in ("a[1].jsonl", "a*b.jsonl", "a?b.jsonl", "a1.jsonl"):
        export(tmp_path / "of [1]" / name)
        assert (tmp_path / "of [1]" / name).exists()
    assert len(list((tmp_path / "of [1]").iterdir())) == 4


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

        def run(path: Path, run_id: str = "", map_index: int = -1, **arguments: Any) -> dict[str, Any]:
            # As if each path had the run's id in it.
            task_instance = TaskInstance(run_id or path.name, map_index=map_index)
            context = {"ti": task_instance, "asset_state_store": _Stores(store)}
            if not {"inlets", "outlets"} & arguments.keys():
                arguments["inlets"] = [HARD_BOUNCES]
            return export(path, since="auto", context=context, **arguments)

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
            for run, rows in (("1", 250), ("2", 0)):
                for map_index in (0, 1):
                    path = tmp_path / f"{run}-{map_index}.jsonl"
                    assert export_new(path, run, map_index)["rows"] == rows

    def test_a_failed_run_is_read_again(
        self, export_new: Export, store: Store, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        sandbox.add("hard-bounces", "jane@example.com")
        sandbox.fail(Fault(method="GET", status=403))
        with pytest.raises(AirflowFailException):
            export_new(tmp_path / "1.jsonl")
        assert export_new(tmp_path / "2.jsonl")["rows"] == 1

    def test_a_retry_or_a_cleared_task_writes_all_of_its_file_again(
        self, export_new: Export, store: Store, tmp_path: Path, connect: Connect
    ) -> None:
        with Sandbox(hard_bounces=250, newest=an_hour_ago(), rate_limit=None, quota=None) as seeded:
            connect(seeded)
            for run, rows in (("1.jsonl", 250), ("2.jsonl", 30)):
                # The worker is killed after the file and its state were written, or reporting the lineage fails.
                for _ in range(3):
                    assert export_new(tmp_path / run)["rows"] == rows
                assert len(rows_in((tmp_path / run).read_bytes(), run)) == rows
                [state] = store.values.values()
                state["until"] = (an_hour_ago() - timedelta(minutes=29, seconds=30)).isoformat()

    def test_a_retry_writes_its_file_again_whatever_runs_began_meanwhile(
        self, export_new: Export, tmp_path: Path, connect: Connect
    ) -> None:
        with Sandbox(hard_bounces=250, newest=an_hour_ago(), rate_limit=None, quota=None) as seeded:
            connect(seeded)
            export_new(tmp_path / "1.jsonl")
            for run in range(2, 21):
                export_new(tmp_path / f"{run}.jsonl")
            (tmp_path / "1.jsonl").unlink()
            assert export_new(tmp_path / "1.jsonl")["rows"] == 250
            # Which takes nothing back.
            assert export_new(tmp_path / "21.jsonl")["rows"] == 0

    def test_a_run_that_never_finished_is_read_again_by_the_next(
        self, export_new: Export, tmp_path: Path, connect: Connect
    ) -> None:
        with Sandbox(hard_bounces=250, newest=an_hour_ago(), rate_limit=None, quota=None) as seeded:
            connect(seeded)
            export_new(tmp_path / "1.jsonl")
            seeded.add("hard-bounces", *(f"new{number}@example.com" for number in range(99)))
            for run in ("2.jsonl", "3.jsonl"):
                seeded.fail(Fault(method="GET", status=403))
                with pytest.raises(AirflowFailException, match="does not allow"):
                    export_new(tmp_path / run)
            assert export_new(tmp_path / "4.jsonl")["rows"] == 99

    def test_a_run_does_not_overwrite_the_file_of_another(
        self, export_new: Export, store: Store, tmp_path: Path, connect: Connect
    ) -> None:
        with Sandbox(hard_bounces=250, newest=an_hour_ago(), rate_limit=None, quota=None) as seeded:
            connect(seeded)
            export_new(tmp_path / "all.jsonl", "1")
            before = dict(store.values)
            sent = len(seeded.log)
            with pytest.raises(
                AirflowFailException,
                match=r"all\.jsonl is there already.* only the entries since .*\{\{ run_id \}\}",
            ):
                export_new(tmp_path / "all.jsonl", "2")
            assert (store.values, len(seeded.log)) == (before, sent)
            # Nor does a run that is cleared after many later ones.
            for run in range(2, 22):
                export_new(tmp_path / f"{run}.jsonl")
            with pytest.raises(AirflowFailException, match="is there already"):
                export_new(tmp_path / "all.jsonl", "1")
            assert len(rows_in((tmp_path / "all.jsonl").read_bytes(), "all.jsonl")) == 250

    @pytest.mark.parametrize(
        "stored",
        [
            "2099-01-01T00:00:00+00:00",
            {"until": None},
            {"until": "soon", "runs": {}},
            {"until": None, "runs": {"1.jsonl": 7}},
            {"until": None, "runs": []},
            [],
        ],
    )
    def test_from_an_unreadable_state_it_reads_from_the_start(
        self,
        stored: Any,
        export_new: Export,
        store: Store,
        sandbox: Sandbox,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        sandbox.add("hard-bounces", "jane@example.com")
        export_new(tmp_path / "0.jsonl")
        [key] = store.values
        store.values[key] = stored
        assert export_new(tmp_path / "1.jsonl")["rows"] == 1
        assert "the list is read from the start" in caplog.text
        assert list(store.values[key]["runs"]) == ["1.jsonl"]

    def test_an_until_before_which_all_was_exported_is_refused(
        self, export_new: Export, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        export_new(tmp_path / "1.jsonl")
        sent = len(sandbox.log)
        with pytest.raises(
            AirflowFailException, match=r"^earlier runs exported everything until .* pass since"
        ):
            export_new(tmp_path / "2.jsonl", until="2025-01-01")
        assert len(sandbox.log) == sent
        assert [path.name for path in tmp_path.iterdir()] == ["1.jsonl"]

    def test_what_may_be_missing_is_read_again(
        self, export_new: Export, store: Store, tmp_path: Path, connect: Connect
    ) -> None:
        with UnsteadySandbox(rate_limit=None, quota=None, shuffle_ties=True) as shuffled:
            connect(shuffled)
            shuffled.add("hard-bounces", *(f"bounced{number}@example.com" for number in range(1000)))
            result = export_new(tmp_path / "1.jsonl")
            assert (result["may_be_incomplete"], result["watermark"]) == (True, None)
            assert list(store.values.values()) == [{"until": None, "runs": {"1.jsonl": None}}]

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

    def test_the_asset_of_the_connection_is_taken_before_that_of_another_account(
        self, export_new: Export, store: Store, tmp_path: Path
    ) -> None:
        other = create_asset(account="other", list_name="hard-bounces")
        export_new(tmp_path / "1.jsonl", inlets=[other, HARD_BOUNCES])
        assert len(store.values) == 1

    def test_of_several_accounts_the_connection_s_must_be_among_them(
        self, export_new: Export, tmp_path: Path
    ) -> None:
        others = [create_asset(account=account, list_name="hard-bounces") for account in ("b", "c")]
        with pytest.raises(
            AirflowFailException,
            match=r"b/hard-bounces, mailersend://c/hard-bounces.*Asset\('mailersend://mailersend_default/hard",
        ):
            export_new(tmp_path / "1.jsonl", inlets=others)

    def test_the_only_asset_of_the_list_is_taken_whatever_its_account(
        self, export: Export, tmp_path: Path
    ) -> None:
        only = create_asset(account="acme", list_name="hard-bounces")
        store = Store()
        # Among both it is still one.
        where = {"inlets": [only], "outlets": [only]}
        context = {"asset_state_store": _Stores(store, "acme")}
        export(tmp_path / "1.jsonl", since="auto", context=context, **where)
        assert len(store.values) == 1

    @pytest.mark.parametrize("list_name", ["recipients", "sms-recipients"])
    def test_lists_whose_entries_change_are_always_exported_whole(
        self, list_name: str, export: Export, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        why = rf"since='auto' isn't for {list_name}: .*[Ll]eave since out"
        to_table: Any = {"conn_id": "warehouse", "table": "a"}
        for make in (
            partial(MailerSendToObjectStorageOperator, path="all.jsonl"),
            partial(MailerSendToSqlOperator, **to_table),
        ):
            with pytest.raises(ValueError, match=why):
                make(task_id="export", list_name=list_name, since="auto")
        for arguments in (
            {"list_name": "{{ list }}", "since": "auto"},
            {"list_name": list_name, "since": "{{ since }}"},
        ):
            rendered = {"list": list_name, "since": " auto "}
            with pytest.raises(AirflowFailException, match=why):
                export(tmp_path / "all.jsonl", rendered=rendered, **arguments)
        assert sandbox.log == []


HARD_BOUNCES = create_asset(account="mailersend_default", list_name="hard-bounces")


def an_hour_ago() -> datetime:
    return datetime.fromtimestamp(datetime.now(UTC).timestamp() - 3600, UTC)


class _Stores:
    """The stores of a task's assets: of one."""

    def __init__(self, store: Store, account: str = "mailersend_default") -> None:
        self._store = store
        self._uri = f"mailersend://{account}/hard-bounces"

    def __getitem__(self, asset: Any) -> Store:
        if asset.uri.startswith(self._uri):
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

    @pytest.mark.parametrize("key", ["a*b.csv", "a?b.csv", "a[1].csv", "of [1]/*.csv"])
    def test_wildcards_in_a_key_are_no_wildcards(self, key: str, bucket: Any, export: Export) -> None:
        bucket.put_object(Key="a1.csv", Body=b"another")
        bucket.put_object(Key="of 1/1.csv", Body=b"another")
        for try_number in (1, 2):
            task_instance = TaskInstance(try_number=try_number)
            export(f"s3://lake@{bucket.name}/{key}", context={"ti": task_instance})
            assert {one.key for one in bucket.objects.all()} == {"a1.csv", "of 1/1.csv", key}

    def test_a_retry_leaves_nothing_of_another_try(
        self, bucket: Any, export: Export, sandbox: Sandbox, tmp_path: Path
    ) -> None:
        # On all storages a try gives its temporary file a name of the same form.
        sandbox.fail(Fault(method="GET", delay=1))
        child = begin(export, tmp_path / "all.csv")
        [left] = tmp_path.iterdir()
        assert succeeds(child)
        bucket.put_object(Key=f"bounces/{left.name}", Body=b"half a fi")
        retry = TaskInstance(try_number=2)
        export(f"s3://lake@{bucket.name}/bounces/all.csv", context={"ti": retry})
        assert [one.key for one in bucket.objects.all()] == ["bounces/all.csv"]

    def test_a_key_with_keys_below_it_is_a_folder(
        self, bucket: Any, export: Export, sandbox: Sandbox
    ) -> None:
        bucket.put_object(Key="all.parquet/part-0.parquet", Body=b"another")
        with pytest.raises(AirflowFailException, match=r"all\.parquet is a folder"):
            export(f"s3://lake@{bucket.name}/all.parquet")
        assert sandbox.log == []
        assert [one.key for one in bucket.objects.all()] == ["all.parquet/part-0.parquet"]


def test_a_path_without_a_folder_is_relative_to_the_working_directory(
    export: Export, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sandbox.add("hard-bounces", "jane@example.com")
    export("all.jsonl")
    assert len(rows_in((tmp_path / "all.jsonl").read_bytes(), "all.jsonl")) == 1


@pytest.mark.parametrize(
    "path", ["all.txt", "all.parquet.gz", "", "None", "s3://lake@bounces.csv", "s3://lake.parquet/"]
)
def test_a_path_that_names_no_format_or_only_a_bucket_is_refused(path: str, export: Export) -> None:
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
    with pytest.raises(AirflowFailException, match=r"since must be a date, .* got 'yesterday'.* pass 'auto'"):
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
