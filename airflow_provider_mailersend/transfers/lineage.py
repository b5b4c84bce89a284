"""What a transfer reads and writes, for Airflow's lineage and for OpenLineage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_mailersend.api.requests import SMS_RECIPIENTS
from airflow_provider_mailersend.assets import convert_asset_to_openlineage, create_asset
from airflow_provider_mailersend.jobs.domains import Scope

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.common.compat.sdk import Asset, ObjectStoragePath
    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_mailersend.task import MailerSendDomainTask


def asset_of(task: MailerSendDomainTask, list_name: str) -> Asset:
    """Return the asset of the task's list: the domain's part of it, if it has a domain."""
    scope = Scope.of(**task.rendered_domain(), default_id=task.hook.settings.domain_id)
    domain_id = scope.domain_id if scope.domain is None else task.hook.domain_ids.get(scope.domain)
    return create_asset(
        account=task.mailersend_conn_id,
        list_name=list_name,
        domain_id=None if list_name == SMS_RECIPIENTS else domain_id,
    )


def report(hook: Any, inputs: Sequence[str | None], outputs: Sequence[str | None]) -> None:
    """Report the URIs that were read and written to Airflow's lineage collector; None is left out."""
    from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

    collector = get_hook_lineage_collector()
    for uri in filter(None, inputs):
        collector.add_input_asset(context=hook, uri=uri)
    for uri in filter(None, outputs):
        collector.add_output_asset(context=hook, uri=uri)


def operator_lineage(inputs: Sequence[Dataset], outputs: Sequence[Dataset]) -> OperatorLineage[Any, Any]:
    """Return datasets as OpenLineage's provider takes them."""
    from airflow.providers.openlineage.extractors import OperatorLineage

    return OperatorLineage(inputs=list(inputs), outputs=list(outputs))


def list_dataset(asset: Asset) -> Dataset:
    """Return one of MailerSend's lists as a dataset."""
    return convert_asset_to_openlineage(asset, None)


def file_uri(path: ObjectStoragePath) -> str:
    """Return a file's URI, without the connection."""
    if path.protocol in ("", "file"):
        return f"file://{path.path}"
    return f"{path.protocol}://{path.bucket}/{path.key.lstrip(path.sep)}"


def file_dataset(path: ObjectStoragePath) -> Dataset:
    """Return a file as a dataset."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    if path.protocol in ("", "file"):
        return Dataset(namespace="file", name=path.path)
    return Dataset(namespace=f"{path.protocol}://{path.bucket}", name=path.key.lstrip(path.sep))


def table_uri(hook: DbApiHook, table: str) -> str | None:
    """Return the URI of a table of PostgreSQL or MySQL; None for other databases, which have none."""
    connection = hook.get_connection(hook.get_conn_id())
    database = _database_of(hook)
    *schema, name = table.split(".")
    match connection.conn_type:
        case "postgres" if database and len(schema) < 2:
            port, path = 5432, [database, *(schema or ["public"]), name]
        case "mysql" if (schema or database) and len(schema) < 2:
            port, path = 3306, [*(schema or [database]), name]
        case _:
            return None
    return f"{connection.conn_type}://{connection.host}:{connection.port or port}/{'/'.join(path)}"


def datasets_read(hook: DbApiHook, sql: str) -> list[Dataset]:
    """Return the tables that a query reads, where the database's hook knows their names for OpenLineage."""
    from airflow.providers.openlineage.sqlparser import SQLParser

    connection = hook.get_connection(hook.get_conn_id())
    info = hook.get_openlineage_database_info(connection)
    if info is None:
        return []
    parser = SQLParser(
        dialect=hook.get_openlineage_database_dialect(connection),
        # MySQL's hook names none: there a schema is a database.
        default_schema=hook.get_openlineage_default_schema() or _database_of(hook) or None,
    )
    # Not with a connection: it would ask the database for columns that are none of the transfer's.
    found = parser.generate_openlineage_metadata_from_sql(
        sql=sql, hook=hook, database_info=info, use_connection=False
    )
    return list(found.inputs)


def table_datasets(hook: DbApiHook, table: str) -> list[Dataset]:
    """Return a table as a dataset, under the name by which a query of it is known."""
    return datasets_read(hook, f"SELECT * FROM {table}")  # noqa: S608


def _database_of(hook: DbApiHook) -> str:
    connection = hook.get_connection(hook.get_conn_id())
    return str(getattr(hook, "database", None) or getattr(hook, "schema", None) or connection.schema or "")
