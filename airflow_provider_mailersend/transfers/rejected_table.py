"""A table of the values that MailerSend refused, or that were no address or number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from airflow_provider_mailersend.api.entries import Key, make_key
from airflow_provider_mailersend.jobs.rows import format_date
from airflow_provider_mailersend.jobs.wanted import Item
from airflow_provider_mailersend.transfers.sql_database import (
    MissingTableError,
    SqlColumn,
    SqlDatabase,
    SqlTable,
    parse_table_name,
)

#: The most that is recorded of a value, in characters.
_VALUE_LENGTH = 500

#: Which list refused what, why and when.
_COLUMNS = (
    SqlColumn("list_name", key_length=32),
    SqlColumn("kind", key_length=16),
    SqlColumn("value", key_length=_VALUE_LENGTH),
    SqlColumn("reason"),
    SqlColumn("rejected_at", is_date=True),
)


class RejectedTable:
    """
    The table of what a list refused.

    :param connect: makes the database.
    :param list_name: the list.
    :param name: the table's name; None if there is none.
    :param read_only: whether to write nothing, and not to create the table.
    :param before: take as known only what was refused before this time.
    """

    def __init__(
        self,
        connect: Callable[[], SqlDatabase],
        list_name: str,
        name: str | None,
        *,
        read_only: bool,
        before: datetime | None,
    ) -> None:
        self._connect = connect
        self._list_name = list_name
        self._name = parse_table_name(name, "rejected_table") if name else None
        self._read_only = read_only
        self._before = before

    def known(self) -> frozenset[Key]:
        """Return the keys of what was refused before."""
        if self._name is None:
            return frozenset()
        with self._connect() as database:
            database.use_utc()
            table = SqlTable(database, self._name, _COLUMNS)
            if not self._read_only:
                table.create()
            query = f"SELECT kind, value FROM {self._name} WHERE list_name = ?"  # noqa: S608
            values: list[object] = [self._list_name]
            if self._before is not None:
                query += " AND rejected_at < ?"
                values.append(table.write_date(format_date(self._before)))
            try:
                rows = database.fetch(query, values)
            except MissingTableError:
                # A dry run doesn't create it.
                rows = []
            else:
                table.check_key()
        return frozenset(make_key(kind, value) for kind, value in rows)

    def record(self, reasons: Mapping[Item, str]) -> None:
        """Write down what was refused, and why."""
        rows = list(self._rows(reasons))
        if self._name is None or self._read_only or not rows:
            return
        with self._connect() as database:
            database.use_utc()
            SqlTable(database, self._name, _COLUMNS).upsert(rows)
            database.commit()

    def _rows(self, reasons: Mapping[Item, str]) -> Iterator[tuple[str, ...]]:
        now = format_date(datetime.now(UTC))
        seen: set[Key] = set()
        for item, why in reasons.items():
            value = item.value[:_VALUE_LENGTH]
            key = make_key(item.kind, value)
            # A null is no value to leave out later: each stands for somebody else.
            if value and key not in seen:
                seen.add(key)
                yield self._list_name, item.kind, value, why, now
