"""MailerSend's lists as files on object storage."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_mailersend.operators.source_files import check_file_system
from airflow_provider_mailersend.rendering import parse_required_text
from airflow_provider_mailersend.transfers.base import ListExport, MailerSendExportOperator
from airflow_provider_mailersend.transfers.file_formats import check_file_name, row_writer
from airflow_provider_mailersend.transfers.lineage import (
    asset_of,
    file_dataset,
    file_uri,
    list_dataset,
    operator_lineage,
    report,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Asset, Context
    from airflow.providers.openlineage.extractors import OperatorLineage


class MailerSendToObjectStorageOperator(MailerSendExportOperator):
    """
    Write a list to a file, page by page as it is read: one request per 100 entries.

    The file appears under its name only when it is complete; until then it stands beside it under a temporary name. A
    retry writes it again. Each row has the columns in the README's table.

    ``since="auto"`` needs Airflow 3.3 and one of the list's assets among the task's inlets: the moment to continue from
    is kept in that asset's state store. Each file then holds what is new since the last successful run, and the last
    five minutes before it once more, as MailerSend may list an entry late: deduplicate by ``id``.

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
        list's order kept varying, and ``watermark``: the moment to pass as ``since`` next time.
    """

    template_fields: Sequence[str] = ("path", *MailerSendExportOperator.template_fields)

    def __init__(self, *, path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = path

    def export(self, context: Context, export: ListExport) -> dict[str, Any]:
        path = parse_required_text(self.path, "path")
        check_file_name(path)
        target = ObjectStoragePath(path)
        check_file_system(target, path)
        if self.is_incremental:
            store = _state_store(context, self.source_asset())
            key = f"{self.dag_id}/{self.task_id}/{export.list_name}/{export.scope}"
            since = _stored_moment(store.get(key))
            self._write(target, export, since, context)
            # After the file: a worker that dies in between leaves entries to be read again, never a gap.
            store.set(key, export.watermark.isoformat())
        else:
            self._write(target, export, self.given_since(), context)
        report(self.hook, [asset_of(self, export.list_name).uri], [file_uri(target)])
        return {"uri": str(target)}

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Return the list and the file as OpenLineage's datasets."""
        read = list_dataset(asset_of(self, self.list_name))
        return operator_lineage([read], [file_dataset(ObjectStoragePath(self.path))])

    def describe_destination(self) -> str:
        return str(self.path)

    def _write(
        self, target: ObjectStoragePath, export: ListExport, since: datetime | None, context: Context
    ) -> None:
        # One name for all tries of a task: a retry overwrites what a killed worker left.
        part = target.parent / f".{target.name}.{_run_digest(context)}.part"
        if target.protocol in ("", "file"):
            target.parent.mkdir(parents=True, exist_ok=True)
        # By the file system, not by the path, which would report the temporary name as lineage.
        try:
            with (
                target.fs.open(part.path, "wb") as file,
                row_writer(file, target.name, export.columns) as writer,
            ):
                for rows in export.pages(since):
                    writer.write(rows)
        except BaseException:
            # Object stores keep what was written until an error; a complete file is all that may stay.
            with suppress(Exception):
                target.fs.rm_file(part.path)
            raise
        target.fs.mv(part.path, target.path)


def _run_digest(context: Context) -> str:
    task_instance: Any = context.get("ti")
    names = ("dag_id", "run_id", "task_id", "map_index")
    run = "/".join(str(getattr(task_instance, name, "")) for name in names)
    return sha256(run.encode()).hexdigest()[:12]


def _state_store(context: Context, asset: Asset) -> Any:
    stores: Any = context.get("asset_state_store")
    try:
        return stores[asset]
    except (KeyError, TypeError):
        raise ValueError(
            "since='auto' needs a place to keep the moment to continue from: Airflow 3.3 or newer, and this list's "
            f"asset among the task's inlets: inlets=[Asset({asset.uri!r})]. Without them pass since and until"
        ) from None


def _stored_moment(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None
