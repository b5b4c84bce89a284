"""
Tables of PostgreSQL, MySQL, MariaDB and SQLite, and queries of any database.

The statements are our own: ``DbApiHook.insert_rows`` logs parameters, after an error whole rows, and its ``replace``
resets columns that aren't listed. Errors of the database are raised as :class:`SqlTransferError`, without any row.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from airflow.providers.common.compat.sdk import AirflowException, BaseHook

from airflow_provider_mailersend.api.entries import parse_date
from airflow_provider_mailersend.api.masking import masked_within
from airflow_provider_mailersend.rendering import parse_required_text
from airflow_provider_mailersend.transfers.sql_dialects import DIALECTS, Dialect
from airflow_provider_mailersend.transfers.sql_errors import masked_message

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection
    from airflow.providers.common.sql.hooks.sql import DbApiHook

log = logging.getLogger(__name__)

#: How many rows one INSERT holds: SQLite takes 32,766 parameters, PostgreSQL 65,535.
_ROWS_PER_INSERT = 500

#: How many rows are fetched at once.
_FETCH_SIZE = 5_000

_TABLE_NAME = re.compile(r"[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*){0,2}", re.ASCII)

Cell = str | None


class SqlTransferError(Exception):
    """The database refused a statement. The message shows no row and no address. A retry may help."""


class MissingTableError(SqlTransferError):
    """The database says that there is no such table."""


@dataclass(frozen=True, slots=True)
class SqlColumn:
    """
    A column of a table.

    :param is_date: whether it holds dates; all others hold text.
    :param key_length: the longest value, in characters, if the column is part of the primary key.
    :param keep_known: whether a null doesn't overwrite the value of an existing row.
    """

    name: str
    is_date: bool = False
    key_length: int | None = None
    keep_known: bool = False


def parse_table_name(value: object, name: str) -> str:
    """Return a table's name, with or without a schema; raise :class:`ValueError` if it isn't one."""
    table = parse_required_text(value, name)
    if not _TABLE_NAME.fullmatch(table):
        raise ValueError(
            f"{name} must be the name of a table: letters, digits, _ and $, with a letter or _ first, at most with "
            f"schema and database before it, such as bounces or crm.bounces; got {masked_within(table)!r}"
        )
    return table


class SqlDatabase:
    """
    A connection to a database; a context manager, which rolls back what is not committed.

    :param conn_id: the Airflow connection, of any type that ``common.sql`` has a hook for.
    :param hook_params: extra arguments for the hook.
    """

    def __init__(self, conn_id: str, hook_params: Mapping[str, Any] | None = None) -> None:
        connection = BaseHook.get_connection(conn_id)
        self.hook = _hook_of(connection, hook_params)
        self.conn_id = conn_id
        self._conn_type = getattr(self.hook, "conn_type", None)
        self._host = connection.host or "the database"
        self._connection: Any = None

    def __enter__(self) -> Self:
        with self.masked_errors(f"connecting to {self._host}"):
            self._connection = self.hook.get_conn()
            _give_tuples(self._connection)
            if getattr(self.hook, "supports_autocommit", False):
                self.hook.set_autocommit(self._connection, False)
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def dialect(self) -> Dialect:
        """The database's dialect; raises :class:`ValueError` for a database that can't be written to."""
        if self._conn_type not in DIALECTS:
            raise ValueError(
                f"rows can be written to PostgreSQL, MySQL, MariaDB and SQLite; connection {self.conn_id!r} is of type "
                f"{self._conn_type!r}. Write a file with MailerSendToObjectStorageOperator, and load that instead"
            )
        return DIALECTS[self._conn_type]

    def use_utc(self) -> None:
        """Make dates without a time zone be in UTC. Not for a user's query, which may rely on the session's own."""
        if self.dialect.use_utc:
            self.execute(self.dialect.use_utc)
            # PostgreSQL would undo it with the transaction.
            self.commit()

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> int:
        """Run *statement*, with ``?`` for each parameter; return how many rows it changed."""
        with self.masked_errors(_first_words(statement)), closing(self._connection.cursor()) as cursor:
            cursor.execute(self._in_driver_style(statement), tuple(parameters))
            return max(0, int(cursor.rowcount))

    def fetch(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run a query with few rows, and return them."""
        with self.masked_errors(_first_words(statement)), closing(self._connection.cursor()) as cursor:
            cursor.execute(self._in_driver_style(statement), tuple(parameters))
            return list(cursor.fetchall())

    def column_names(self, statement: str) -> set[str]:
        """Return the names of a query's columns, in lower case."""
        with self.masked_errors(_first_words(statement)), closing(self._connection.cursor()) as cursor:
            cursor.execute(statement)
            # MySQL's own connector can't close a cursor before.
            cursor.fetchall()
            return {str(column[0]).lower() for column in cursor.description}

    def stream(self, sql: str, parameters: Any = None) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
        """
        Run a user's query on a server-side cursor; return the names of its columns, and an iterator over its rows.

        No other statement may run before all rows are read.
        """
        with self.masked_errors("the query"):
            cursor = self._server_cursor()
            cursor.execute(sql, parameters) if parameters else cursor.execute(sql)
            # A server-side cursor of PostgreSQL knows its columns only after a fetch.
            first = cursor.fetchmany(_FETCH_SIZE)
            names = [str(column[0]) for column in cursor.description or ()]
        return names, self._rest(cursor, first)

    def commit(self) -> None:
        with self.masked_errors("COMMIT"):
            self._connection.commit()

    def rollback(self) -> None:
        with self.masked_errors("ROLLBACK"):
            self._connection.rollback()

    @contextmanager
    def masked_errors(self, doing: str) -> Iterator[None]:
        """Turn the driver's errors, which may quote rows, into :class:`SqlTransferError`."""
        try:
            yield
        except SqlTransferError:
            raise
        except Exception as error:
            said = masked_message(error, is_connected=self._connection is not None)
            said = f": {said[:200]}" if said else ""
            kind = MissingTableError if _is_missing_table(error) else SqlTransferError
            raise kind(f"{type(error).__name__} in {doing}{said} (connection {self.conn_id!r})") from None

    def _rest(self, cursor: Any, rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        # Closing too may fail: MySQL's cursor reads what is left.
        with self.masked_errors("fetching the query's rows"), closing(cursor):
            while rows:
                yield from rows
                rows = cursor.fetchmany(_FETCH_SIZE)

    def _server_cursor(self) -> Any:
        if self._conn_type == "postgres":
            return self._connection.cursor("mailersend")
        if _driver_of(self._connection) == "MySQLdb":
            from MySQLdb.cursors import SSCursor

            return self._connection.cursor(SSCursor)
        # SQLite and MySQL's own connector don't read ahead.
        return self._connection.cursor()

    def _in_driver_style(self, statement: str) -> str:
        return statement.replace("?", self.hook.placeholder)


class SqlTable:
    """
    A table of text and dates.

    :param columns: its columns; those with a key length are its primary key.
    """

    def __init__(self, database: SqlDatabase, name: str, columns: Sequence[SqlColumn]) -> None:
        self.database = database
        self.name = name
        self.columns = columns
        self.key = [column.name for column in columns if column.key_length is not None]
        self._dialect = database.dialect
        self._names = ", ".join(column.name for column in columns)

    def create(self) -> None:
        """Create the table if it doesn't exist."""
        try:
            self._column_names()
        except MissingTableError:
            # PostgreSQL takes no statement after an error.
            self.database.rollback()
        else:
            return
        self.database.execute(f"CREATE TABLE IF NOT EXISTS {self.name} ({self._definition})")
        self.database.commit()
        log.info("Created table %s.", self.name)

    def check_columns(self) -> None:
        """Raise :class:`ValueError` if the table doesn't exist, lacks a column, or has other keys."""
        try:
            names = self._column_names()
        except MissingTableError:
            raise ValueError(
                f"table {self.name} doesn't exist (connection {self.database.conn_id!r}): create it, or pass "
                "create_table=True"
            ) from None
        missing = [column.name for column in self.columns if column.name not in names]
        if missing:
            raise ValueError(
                f"table {self.name} lacks the columns {', '.join(missing)}: add them, or pass another table and "
                "create_table=True"
            )
        self.check_key()

    def check_key(self) -> None:
        """Raise :class:`ValueError` if the database would insert a row twice, or let it update another one."""
        if not self._dialect.unique_keys:
            return
        *schema, name = self.name.split(".")
        keys = self.database.fetch(self._dialect.unique_keys, [schema[0] if schema else None, name])
        if keys != [(", ".join(sorted(self.key)),)]:
            raise ValueError(
                f"table {self.name} needs a primary or unique key of exactly {', '.join(self.key)}, and no other one "
                f"(connection {self.database.conn_id!r}): by another, MySQL and MariaDB would update other rows"
            )

    def make_staging(self) -> SqlTable:
        """Return a new temporary table with the same columns; the database drops it with the connection."""
        # A temporary table hides the table of the same name.
        staged = SqlTable(self.database, f"mailersend_{uuid4().hex}", self.columns)
        key = ", ".join(self.key)
        # The key has the type and collation that it has in the table: those of different collations can't be compared.
        head = f"CREATE TEMPORARY TABLE {staged.name} {self._dialect.staging_key.format(key=key)}"
        self.database.execute(f"{head} AS SELECT {key} FROM {self.name} WHERE 1 = 0")  # noqa: S608
        for column in self.columns:
            if column.name not in self.key:
                self.database.execute(
                    f"ALTER TABLE {staged.name} ADD COLUMN {column.name} {self._type_of(column)}"
                )
        # For absent_from.
        self.database.execute(f"CREATE UNIQUE INDEX {staged.name}_key ON {staged.name} ({key})")
        self.database.commit()
        return staged

    def insert(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Insert *rows*, with dates in ISO 8601."""
        self._insert(rows, "")

    def upsert(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Insert *rows*, or update existing ones."""
        self._insert(rows, self._on_conflict())

    def absent_from(self, other: SqlTable) -> str:
        """Return the condition that a row's key isn't in *other*."""
        is_same = " AND ".join(f"other.{name} = {self.name}.{name}" for name in self.key)
        # Not NOT IN: PostgreSQL compares each row with each where they exceed its working memory.
        return f"NOT EXISTS (SELECT 1 FROM {other.name} AS other WHERE {is_same})"  # noqa: S608

    def upsert_all_of(self, other: SqlTable, keep: Sequence[str]) -> None:
        """Insert all rows of *other*, or update existing ones but for the columns to *keep*."""
        # Without a WHERE, SQLite takes ON CONFLICT for a join's ON.
        self.database.execute(
            f"INSERT INTO {self.name} ({self._names}) SELECT {self._names} FROM {other.name} WHERE 1 = 1"  # noqa: S608
            f"{self._on_conflict(keep)}"
        )

    def _column_names(self) -> set[str]:
        return self.database.column_names(f"SELECT * FROM {self.name} WHERE 1 = 0")  # noqa: S608

    @property
    def _definition(self) -> str:
        lines = [f"{column.name} {self._type_of(column)}" for column in self.columns]
        return ", ".join([*lines, f"PRIMARY KEY ({', '.join(self.key)})"])

    def _type_of(self, column: SqlColumn) -> str:
        if column.key_length is not None:
            return f"VARCHAR({column.key_length}) NOT NULL"
        return self._dialect.date_type if column.is_date else "TEXT"

    def _on_conflict(self, keep: Sequence[str] = ()) -> str:
        updates = [
            f"{column.name} = {self._new_value(column)}"
            for column in self.columns
            if column.key_length is None and column.name not in keep
        ]
        return f" {self._dialect.on_conflict.format(key=', '.join(self.key))} {', '.join(updates)}"

    def _new_value(self, column: SqlColumn) -> str:
        new = self._dialect.new_value.format(column=column.name)
        return f"COALESCE({new}, {self.name}.{column.name})" if column.keep_known else new

    def _insert(self, rows: Iterable[Sequence[Cell]], on_conflict: str) -> None:
        left = iter(rows)
        places = f"({', '.join('?' * len(self.columns))})"
        while batch := list(islice(left, _ROWS_PER_INSERT)):
            statement = f"INSERT INTO {self.name} ({self._names}) VALUES {', '.join([places] * len(batch))}"  # noqa: S608
            values = chain.from_iterable(map(self._to_driver, batch))
            self.database.execute(statement + on_conflict, list(values))

    def _to_driver(self, row: Sequence[Cell]) -> list[object]:
        return [
            self.write_date(value) if column.is_date else value
            for column, value in zip(self.columns, row, strict=True)
        ]

    def write_date(self, value: str | None) -> object:
        """Return a date in ISO 8601 as the driver takes it."""
        date = parse_date(value)
        return None if date is None else self._dialect.write_date(date.astimezone(UTC))


def read_date(value: object) -> datetime | None:
    """Return a driver's date as an aware datetime in UTC."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return parse_date(value)


def _hook_of(connection: Connection, hook_params: Mapping[str, Any] | None) -> DbApiHook:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    try:
        hook = connection.get_hook(hook_params=dict(hook_params or {}))
    except AirflowException as error:
        if not str(error).startswith("Unknown hook type"):
            raise
        raise ValueError(
            f"connection {connection.conn_id!r} has the type {connection.conn_type!r}, which no provider on this "
            "worker has: install the database's provider, such as apache-airflow-providers-sqlite, or correct the type"
        ) from error
    if not isinstance(hook, DbApiHook):
        raise ValueError(
            f"connection {connection.conn_id!r} isn't a database connection: its hook {type(hook).__name__} isn't a "
            "DbApiHook"
        )
    hook.log_sql = False
    return hook


def _driver_of(connection: Any) -> str:
    return type(connection).__module__.partition(".")[0]


def _give_tuples(connection: Any) -> None:
    """Make the cursors give tuples: a connection's extra may ask for dictionaries."""
    match _driver_of(connection):
        case "psycopg":
            from psycopg.rows import tuple_row

            connection.row_factory = tuple_row
        case "psycopg2":
            connection.cursor_factory = None
        case "MySQLdb":
            from MySQLdb.cursors import Cursor

            connection.cursorclass = Cursor


def _is_missing_table(error: Exception) -> bool:
    return (
        type(error).__name__ == "UndefinedTable"  # PostgreSQL, by psycopg2 and psycopg
        or error.args[:1] == (1146,)  # MySQL and MariaDB
        or str(error).startswith("no such table")  # SQLite
    )


def _first_words(statement: str) -> str:
    return " ".join(statement.split()[:3])
