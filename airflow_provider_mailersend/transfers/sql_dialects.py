"""Where the databases that tables are written to differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Dialect:
    """
    Where databases differ.

    :param date_type: the type of columns with dates.
    :param write_date: returns an aware datetime in UTC as the driver takes it.
    :param on_conflict: the end of an INSERT that updates existing rows, with ``{key}``.
    :param new_value: a row's new value in it, with ``{column}``.
    :param staging_key: what the definition of the staging table needs, with ``{key}``.
    :param use_utc: makes dates without a time zone be in UTC in this session.
    :param unique_keys: lists the columns of each unique key of a table, if an INSERT updates rows by any of them.
    """

    date_type: str
    write_date: Callable[[datetime], object]
    on_conflict: str = "ON CONFLICT ({key}) DO UPDATE SET"
    new_value: str = "excluded.{column}"
    staging_key: str = ""
    use_utc: str = ""
    unique_keys: str = ""


_MYSQL = Dialect(
    "DATETIME(6)",
    lambda date: date.replace(tzinfo=None),
    "ON DUPLICATE KEY UPDATE",
    "VALUES({column})",
    # Some servers refuse tables without a primary key.
    "(PRIMARY KEY ({key}))",
    "SET time_zone = '+00:00'",
    # A key of a column's first characters, or of an expression, is none of the column.
    "SELECT DISTINCT GROUP_CONCAT(COALESCE(LOWER(column_name), '()'), COALESCE(CONCAT('(', sub_part, ')'), '')"
    " ORDER BY column_name SEPARATOR ', ') FROM information_schema.statistics"
    " WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? AND non_unique = 0 GROUP BY index_name",
)

#: By the type of the connection: Redshift's hook calls its dialect PostgreSQL's.
DIALECTS = {
    "postgres": Dialect("TIMESTAMP WITH TIME ZONE", lambda date: date, use_utc="SET TIME ZONE 'UTC'"),
    "sqlite": Dialect("TEXT", lambda date: date.isoformat(sep=" ")),
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
}
