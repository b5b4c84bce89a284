"""MailerSend's lists as files on object storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_mailersend.assets import create_asset
from airflow_provider_mailersend.operators.base import is_run_again
from airflow_provider_mailersend.operators.source_files import check_file_system, storage_path
from airflow_provider_mailersend.rendering import check_literal
from airflow_provider_mailersend.status_lines import in_utc
from airflow_provider_mailersend.transfers.base import ListExport, MailerSendExportOperator
from airflow_provider_mailersend.transfers.file_formats import parse_file_path, row_writer
from airflow_provider_mailersend.transfers.lineage import (
    asset_of,
    file_dataset,
    file_uri,
    list_dataset,
    operator_lineage,
    report,
)
from airflow_provider_mailersend.transfers.run_state import RunState

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, ObjectStoragePath
    from airflow.providers.openlineage.extractors import OperatorLineage


class MailerSendToObjectStorageOperator(MailerSendExportOperator):
    """
    Write a list to a file, page by page: one request per 100 entries.

    The file gets its name only when it is complete; until then it has a temporary name in the same folder. A retry
    writes it again. The guide to transfers has a table of the columns.

    ``since="auto"`` needs Airflow 3.3 or newer, and an asset of the list, ``mailersend://<account>/<list>``, among the
    task's inlets or outlets: the asset's state store keeps the time to continue from. Each file then has the entries
    made since the last successful run, and again those of the five minutes before, as MailerSend may list an entry
    late: deduplicate by ``id``. Give each run its own path: a retry or a cleared task writes its file again, but a run
    doesn't overwrite the file of another.

    .. code-block:: python

        MailerSendToObjectStorageOperator(
            task_id="bounces_to_lake",
            list_name="hard-bounces",
            path="s3://aws_default@lake/mailersend/bounces-{{ ds }}.jsonl.gz",
            since="{{ data_interval_start }}",
            until="{{ data_interval_end }}",
        )

    Takes the parameters of :class:`.MailerSendExportOperator` too.

    :param path: where to write, as Airflow's ``ObjectStoragePath`` takes it, with the connection before an ``@``. Its
        ending names the format: ``.jsonl``, ``.csv``, either compressed as ``.gz``, or ``.parquet``, which needs the
        extra ``parquet``. (templated)
    :return: ``uri``, ``rows``, ``requests``, ``may_be_incomplete``: whether entries may have been missed because the
        list's order kept changing, and ``watermark``: the time to pass as ``since`` next time, None for all entries.
    """

    template_fields: Sequence[str] = ("path", *MailerSendExportOperator.template_fields)

    def __init__(self, *, path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_literal(path, "path", parse_file_path)
        self.path = path

    def export(self, context: Context, export: ListExport) -> dict[str, Any]:
        path = parse_file_path(self.path, "path")
        target = storage_path(path)
        check_file_system(target)
        if target.fs.isdir(target.path):
            raise ValueError(f"{target} is a folder: pass the path of a file, or remove the folder")
        if self.is_incremental:
            state = self._state(context, export)
            _check_nothing_is_lost(target, export, state)
            state.begin()
            self._write(target, export, state.since, context)
            # After the file: if the worker is killed in between, entries are read again, and none is missed.
            state.finish(export.watermark)
        else:
            self._write(target, export, self.given_since(), context)
        report(self.hook, [asset_of(self, export.list_name).uri], [file_uri(target)])
        return {"uri": str(target)}

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Return the list and the file as OpenLineage's datasets."""
        read = list_dataset(asset_of(self, self.list_name))
        return operator_lineage([read], [file_dataset(storage_path(self.path))])

    def describe_destination(self, result: Mapping[str, Any]) -> str:
        return str(self.path)

    def _write(
        self, target: ObjectStoragePath, export: ListExport, since: datetime | None, context: Context
    ) -> None:
        # A try may still be at work when the next one begins. Short, as names have a largest length.
        run = f".{_run_digest(context)}-"
        part = target.parent / f"{run}{token_hex(4)}.part"
        if _is_local(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        # By the file system, not by the path, which would report the temporary name as lineage.
        try:
            with (
                target.fs.open(part.path, "wb") as file,
                row_writer(file, target.name, export.columns) as writer,
                ThreadPoolExecutor(1) as thread,
            ):
                # Each page is written while the next one is requested.
                writing = thread.submit(writer.write, [])
                for entries in export.pages(since):
                    writing.result()
                    writing = thread.submit(lambda page: writer.write(export.flatten(page)), entries)
                writing.result()
            _move(target, part.path)
        except BaseException:
            # An object store keeps what was written before the error.
            with suppress(Exception):
                target.fs.rm_file(part.path)
            raise
        if is_run_again(context):
            _remove_parts(target, run)

    def _state(self, context: Context, export: ListExport) -> RunState:
        task_instance: Any = context.get("ti")
        key = f"{self.dag_id}/{self.task_id}/{getattr(task_instance, 'map_index', -1)}/{export.scope}"
        store = self._state_store(context, export.list_name)
        return RunState(store, key, getattr(task_instance, "run_id", None))

    def _state_store(self, context: Context, list_name: str) -> Any:
        """Return the state store of the list's asset, as the user named it among the task's inlets or outlets."""
        stores: Any = context.get("asset_state_store")
        assets = {
            str(asset.uri): asset for asset in (*self.inlets, *self.outlets) if _list_of(asset) == list_name
        }
        own_uri = create_asset(account=self.mailersend_conn_id, list_name=list_name).uri
        wanted = f"Asset({own_uri!r})"
        if stores is None or not assets:
            raise ValueError(
                "since='auto' stores where to continue in the state of the list's asset. That needs Airflow 3.3 or "
                f"newer, and inlets=[{wanted}]. Otherwise pass since and until"
            )
        own = [asset for uri, asset in assets.items() if urlsplit(uri).netloc == urlsplit(own_uri).netloc]
        if not own and len(assets) > 1:
            raise ValueError(
                f"the task's inlets and outlets have the list's asset for several accounts: {', '.join(assets)}. "
                f"since='auto' stores where to continue in the state of one: add {wanted} to the inlets"
            )
        return stores[next(iter(own or assets.values()))]


def _list_of(asset: object) -> str | None:
    """Return the list that an asset stands for; None if it is none of MailerSend's."""
    uri = urlsplit(str(getattr(asset, "uri", "")))
    return uri.path.strip("/") if uri.scheme == "mailersend" else None


def _check_nothing_is_lost(target: ObjectStoragePath, export: ListExport, state: RunState) -> None:
    """Raise :class:`ValueError` if a run before this one exported the interval, or wrote the file."""
    if state.since is None:
        return
    since = in_utc(state.since)
    if export.until is not None and export.until <= state.since:
        raise ValueError(
            f"earlier runs exported everything until {since}, and until is {in_utc(export.until)}. To export it again, "
            "pass since"
        )
    if not state.is_known and target.fs.exists(target.path):
        raise ValueError(
            f"{target} is there already, and this run would replace it with only the entries since {since}. Give each "
            "run its own path, for example with {{ run_id }} in it. To write the file of an earlier run again, pass "
            "since and until"
        )


def _is_local(target: ObjectStoragePath) -> bool:
    return target.protocol in ("", "file")


def _move(target: ObjectStoragePath, part: str) -> None:
    files = target.fs
    if _is_local(target):
        Path(part).replace(target.path)
    elif files.async_impl:
        # As mv() does on object storage, which takes a * in a name for a wildcard.
        files.cp_file(part, target.path)
        files.rm_file(part)
    else:
        files.mv(part, target.path)


def _remove_parts(target: ObjectStoragePath, run: str) -> None:
    """Remove the temporary files of a run's other tries."""
    # The file is complete: what can't be removed must not fail the task.
    with suppress(Exception):
        for path in target.fs.ls(target.parent.path, detail=False):
            if path.rpartition("/")[2].startswith(run):
                target.fs.rm_file(path)


def _run_digest(context: Context) -> str:
    task_instance: Any = context.get("ti")
    names = ("dag_id", "run_id", "task_id", "map_index")
    run = "/".join(str(getattr(task_instance, name, "")) for name in names)
    return sha256(run.encode()).hexdigest()[:12]
