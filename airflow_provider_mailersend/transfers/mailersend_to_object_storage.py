"""MailerSend's lists as files on object storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_mailersend.operators.source_files import check_file_system, storage_path
from airflow_provider_mailersend.rendering import check_literal, parse_moment
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
    late: deduplicate by ``id``.

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
        if self.is_incremental:
            store = self._state_store(context, export.list_name)
            map_index = getattr(context.get("ti"), "map_index", -1)
            key = f"{self.dag_id}/{self.task_id}/{map_index}/{export.scope}"
            self._write(target, export, parse_moment(store.get(key), "the stored watermark"), context)
            if export.watermark is not None:
                # After the file: if the worker is killed in between, entries are read again, and none is missed.
                store.set(key, export.watermark.isoformat())
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
        # All tries of a task use the same name: a retry overwrites what a killed worker left.
        part = target.parent / f".{target.name}.{_run_digest(context)}.part"
        if target.protocol in ("", "file"):
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
        except BaseException:
            # An object store keeps what was written before the error.
            with suppress(Exception):
                target.fs.rm_file(part.path)
            raise
        target.fs.mv(part.path, target.path)

    def _state_store(self, context: Context, list_name: str) -> Any:
        """Return the state store of the list's asset, as the user named it among the task's inlets or outlets."""
        stores: Any = context.get("asset_state_store")
        for asset in (*self.inlets, *self.outlets):
            uri = urlsplit(str(getattr(asset, "uri", "")))
            if stores is not None and uri.scheme == "mailersend" and uri.path.strip("/") == list_name:
                return stores[asset]
        raise ValueError(
            "since='auto' stores where to continue in the state of the list's asset. That needs Airflow 3.3 or newer, "
            f"and inlets=[Asset('mailersend://{self.mailersend_conn_id}/{list_name}')]. Otherwise pass since and until"
        )


def _run_digest(context: Context) -> str:
    task_instance: Any = context.get("ti")
    names = ("dag_id", "run_id", "task_id", "map_index")
    run = "/".join(str(getattr(task_instance, name, "")) for name in names)
    return sha256(run.encode()).hexdigest()[:12]
