"""MailerSend's lists as tables of a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_mailersend.exceptions import MailerSendGuardError, MailerSendIncompleteListError
from airflow_provider_mailersend.jobs.rows import format_date
from airflow_provider_mailersend.jobs.wanted import check_flags
from airflow_provider_mailersend.rendering import check_literal, parse_choice, parse_flag, parse_required_text
from airflow_provider_mailersend.transfers.base import ListExport, MailerSendExportOperator
from airflow_provider_mailersend.transfers.lineage import (
    asset_of,
    list_dataset,
    operator_lineage,
    report,
    table_datasets,
    table_uri,
)
from airflow_provider_mailersend.transfers.sql_database import (
    SqlColumn,
    SqlDatabase,
    SqlTable,
    parse_table_name,
    read_date,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage

TableMode = Literal["upsert", "replace"]

#: Longer than any id that MailerSend was seen to give.
_ID_LENGTH = 64


class MailerSendToSqlOperator(MailerSendExportOperator):
    """
    Load a list into a table, one request per 100 entries: new rows are inserted, known ones updated by ``id``.

    The rows go into a temporary table first, and from there into the table in one transaction, once the list has been
    read to its end. A retry starts over. Lists with the same columns may share a table. The guide to
    transfers has a table of the columns.

    ``since="auto"`` continues from the latest ``read_until`` in the table, for the same list and domain, on all Airflow
    versions. The last five minutes are read again, as MailerSend may list an entry late: ``read_until`` is that much
    earlier already. A run with a ``since`` of its own leaves ``scope`` and ``read_until`` of known rows as they are.

    .. code-block:: python

        MailerSendToSqlOperator(
            task_id="bounces_to_warehouse",
            list_name="hard-bounces",
            conn_id="warehouse",
            table="mail.hard_bounces",
            create_table=True,
            since="auto",
        )

    Takes the parameters of :class:`.MailerSendExportOperator` too.

    :param conn_id: the Airflow connection of the database: PostgreSQL, MySQL, MariaDB or SQLite. (templated)
    :param table: the table's name, with its schema or without. (templated)
    :param mode: ``upsert``, or ``replace``, which also deletes the list's rows that are no longer on the list, and
        excludes ``since`` and ``until``. (templated)
    :param create_table: whether to create the table if it doesn't exist.
    :param allow_empty: with ``replace``, whether an empty list may delete all its rows. (templated)
    :param hook_params: extra arguments for the database's hook.
    :return: ``table``, ``rows``, ``inserted``: how many of them weren't in the table before, ``deleted``, ``requests``,
        ``may_be_incomplete``: whether entries may have been missed because the list's order kept changing, and
        ``watermark``: the time to pass as ``since`` next time, None for all entries.
    :raises SqlTransferError: the database refused a statement. Nothing was changed.
    :raises AirflowFailException: the table doesn't exist, lacks columns, or has other unique keys on MySQL or MariaDB.
    """

    template_fields: Sequence[str] = (
        "conn_id",
        "table",
        "mode",
        "allow_empty",
        *MailerSendExportOperator.template_fields,
    )

    def __init__(
        self,
        *,
        conn_id: str,
        table: str,
        mode: TableMode | str = "upsert",
        create_table: bool = False,
        allow_empty: bool | str = False,
        hook_params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_flags(create_table=create_table)
        check_literal(mode, "mode", _parse_mode)
        check_literal(allow_empty, "allow_empty", parse_flag)
        check_literal(table, "table", parse_table_name)
        if mode == "replace":
            check_literal(self.since, "since", _refuse_with_replace)
            check_literal(self.until, "until", _refuse_with_replace)
        self.conn_id = conn_id
        self.table = table
        self.mode = mode
        self.create_table = create_table
        self.allow_empty = allow_empty
        self.hook_params = hook_params

    def export(self, context: Context, export: ListExport) -> dict[str, Any]:
        replaces = _parse_mode(self.mode, "mode") == "replace"
        if replaces:
            _refuse_with_replace(self.since, "since")
            _refuse_with_replace(self.until, "until")
        name = parse_table_name(self.table, "table")
        with SqlDatabase(parse_required_text(self.conn_id, "conn_id"), self.hook_params) as database:
            database.use_utc()
            table = SqlTable(database, name, _columns_of(export))
            if self.create_table:
                table.create()
            table.check_columns()
            since = self._continue_from(table, export) if self.is_incremental else self.given_since()
            staged = table.make_staging()
            has_watermark = self._gather(export, staged, since)
            deleted = self._delete_gone(export, table, staged) if replaces else 0
            [[inserted]] = database.fetch(
                f"SELECT COUNT(*) FROM {staged.name} WHERE {staged.absent_from(table)}"  # noqa: S608
            )
            # Both or none: one scope's watermark must not become another's.
            table.upsert_all_of(staged, keep=() if has_watermark else ("scope", "read_until"))
            database.commit()
            report(self.hook, [asset_of(self, export.list_name).uri], [table_uri(database.hook, name)])
        return {"table": name, "inserted": inserted, "deleted": deleted}

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Return the list and the table as OpenLineage's datasets."""
        hook = SqlDatabase(self.conn_id, self.hook_params).hook
        read = list_dataset(asset_of(self, self.list_name))
        return operator_lineage([read], table_datasets(hook, self.table))

    def describe_destination(self, result: Mapping[str, Any]) -> str:
        inserted = result["inserted"]
        known = result["rows"] - inserted
        return (
            f"{result['table']} on connection {self.conn_id!r}, {inserted:,} new and {known:,} already there"
        )

    def _gather(self, export: ListExport, staged: SqlTable, since: datetime | None) -> bool:
        """Read the list to its end; return whether the next run may continue where this one ends."""
        for entries in export.pages(since):
            # Committed, so that no transaction stays open while the task waits for the rate limit.
            staged.insert((*row, export.scope, None) for row in export.flatten(entries))
            staged.database.commit()
        if export.watermark is None or not (since is None or self.is_incremental):
            return False
        staged.database.execute(
            f"UPDATE {staged.name} SET read_until = ?",  # noqa: S608
            [staged.write_date(format_date(export.watermark))],
        )
        return True

    def _continue_from(self, table: SqlTable, export: ListExport) -> datetime | None:
        [[read_until]] = table.database.fetch(
            f"SELECT MAX(read_until) FROM {table.name} WHERE list_name = ? AND scope = ?",  # noqa: S608
            [export.list_name, export.scope],
        )
        table.database.commit()
        return read_date(read_until)

    def _delete_gone(self, export: ListExport, table: SqlTable, staged: SqlTable) -> int:
        if export.may_be_incomplete:
            raise MailerSendIncompleteListError(
                f"{export.list_name} could not be read completely because its order kept changing, so missing rows may "
                f"still be on the list. Nothing was changed in {table.name}. Try again later."
            )
        # Other accounts may share the table. Not LIKE: _ is a wildcard.
        where = f"FROM {table.name} WHERE list_name = ? AND SUBSTR(scope, 1, {len(export.account)}) = ?"
        where += f" AND {table.absent_from(staged)}"
        values = [export.list_name, export.account]
        if export.domain_id is not None and any(column.name == "domain_id" for column in table.columns):
            where += " AND domain_id = ?"
            values.append(export.domain_id)
        if not export.rows and not parse_flag(self.allow_empty, "allow_empty"):
            [[gone]] = table.database.fetch(f"SELECT COUNT(*) {where}", values)
            if gone:
                raise MailerSendGuardError(
                    f"{export.list_name} is empty, and mode='replace' would delete its {gone} rows in {table.name}: "
                    "nothing was changed. If the list is meant to be empty, pass allow_empty=True."
                )
        return table.database.execute(f"DELETE {where}", values)


def _parse_mode(value: object, name: str) -> str:
    return parse_choice(value, name, TableMode)


def _refuse_with_replace(value: object, name: str) -> None:
    if value is not None:
        raise ValueError(
            f"mode='replace' reads the whole list, but {name} was given: leave out since and until"
        )


def _columns_of(export: ListExport) -> list[SqlColumn]:
    columns = [
        SqlColumn(
            column.name,
            column.is_date,
            key_length=_ID_LENGTH if column.name == "id" else None,
            # Recipients show no domain: it is known only to runs that asked for one.
            keep_known=column.name == "domain_id",
        )
        for column in export.columns
    ]
    return [*columns, SqlColumn("scope"), SqlColumn("read_until", is_date=True)]
