"""What an account holds: plain rows, in tables that know their order."""

from __future__ import annotations

import time
from collections.abc import Iterable
from random import Random
from typing import Any, NamedTuple


class Owner(NamedTuple):
    """A sending domain, or a number that text messages are sent from."""

    id: str
    name: str


class Row(NamedTuple):
    """An entry of a list, or a recipient."""

    id: str
    value: str
    """The address, pattern or phone number."""
    owner: Owner | None
    """The domain or SMS number; None for what belongs to the whole account."""
    shown: dict[str, Any]
    """The row as the API shows it. It changes in place."""


class Table:
    """The rows of one list, by id.

    :param by: the key of ``shown`` that they are listed by. Those that tie come as they were made.
    :param newest_first: whether they are listed the other way round.
    :param unique: whether a value is here once for each owner.
    :param visible_after: seconds from a row's being put here to its being listed.
    :param ties: shuffles, at each look, rows of the same second; None to leave them.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        *,
        by: str = "created_at",
        newest_first: bool = False,
        unique: bool = True,
        visible_after: float = 0.0,
        ties: Random | None = None,
    ) -> None:
        self._rows = {row.id: row for row in rows}
        self._by = by
        self._newest_first = newest_first
        self._like = {(row.value, row.owner): row for row in self._rows.values()} if unique else None
        self._visible_after = visible_after
        self._hidden: dict[str, float] = {}
        self._ties = ties if by == "created_at" else None
        self._ordered: dict[tuple[Owner | None, str | None], list[Row]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def with_id(self, row_id: object) -> Row | None:
        return self._rows.get(row_id) if isinstance(row_id, str) else None

    def like(self, value: str, owner: Owner | None) -> Row | None:
        """The row of that value and owner, where there can be only one."""
        return self._like.get((value, owner)) if self._like else None

    def put(self, row: Row) -> None:
        """Add a row, unless there is one like it already."""
        if self._like is not None and self._like.setdefault((row.value, row.owner), row) is not row:
            return
        if self._visible_after:
            self._hidden[row.id] = time.monotonic() + self._visible_after
        self._rows[row.id] = row
        self._ordered.clear()

    def drop(self, row_ids: Iterable[str]) -> None:
        """Remove the rows of those ids, as far as they are here."""
        for row_id in row_ids:
            row = self._rows.pop(row_id, None)
            if row is not None and self._like is not None:
                del self._like[row.value, row.owner]
        self._ordered.clear()

    def change(self, row: Row, **changes: str) -> None:
        row.shown.update(changes)
        self._ordered.clear()

    def all(self, owner: Owner | None = None, status: str | None = None) -> list[Row]:
        """The rows of that owner and status (None for any) in order, listed yet or not."""
        if (owner, status) not in self._ordered:
            found = [
                row
                for row in self._rows.values()
                if (owner is None or row.owner == owner) and (status is None or row.shown["status"] == status)
            ]
            found.sort(key=lambda row: row.shown[self._by])
            self._ordered[owner, status] = found[::-1] if self._newest_first else found
        return self._ordered[owner, status]

    def listed(self, owner: Owner | None = None, status: str | None = None) -> list[Row]:
        """The same as the API lists them at this moment."""
        rows = self.all(owner, status)
        if self._hidden:
            now = time.monotonic()
            self._hidden = {row_id: since for row_id, since in self._hidden.items() if since > now}
            rows = [row for row in rows if row.id not in self._hidden]
        if self._ties is not None:
            seconds = len("2024-12-19T17:28:16")
            draw = self._ties.random
            rows = sorted(
                rows, key=lambda row: (row.shown[self._by][:seconds], draw()), reverse=self._newest_first
            )
        return rows
