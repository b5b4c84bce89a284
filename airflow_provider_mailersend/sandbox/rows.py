"""What an account holds: plain rows, in tables that know their order."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from airflow_provider_mailersend.sandbox.moments import SECOND, iso


@dataclass(frozen=True, eq=False)
class Domain:
    """One of the account's sending domains."""

    id: str
    name: str
    created: int

    @cached_property
    def brief(self) -> dict[str, Any]:
        """As it stands inside of other objects."""
        created = iso(self.created)
        return {"id": self.id, "name": self.name, "created_at": created, "updated_at": created}


class Recipient(NamedTuple):
    """Somebody whom mail was sent to: one for each address and domain."""

    id: str
    email: str
    domain: Domain
    created: int
    updated: int


class Blocked(NamedTuple):
    """An entry of the blocklist; ``domain`` is None when it is the account's."""

    id: str
    kind: str
    pattern: str
    domain: Domain | None
    created: int


class Listed(NamedTuple):
    """An entry of any other suppression list: one for each recipient."""

    id: str
    email: str
    domain: Domain
    created: int
    reason: str | None


class SmsNumber(NamedTuple):
    """A number that the account sends text messages from."""

    id: str
    number: str


class Sms(NamedTuple):
    """Somebody whom text messages were sent to: one for each phone number and SMS number."""

    id: str
    number: str
    sender: SmsNumber
    status: str
    created: int


class Row(Protocol):
    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=Row)


class Table(Generic[R]):
    """Rows by id.

    :param order: what the rows are listed by: a moment or a text. Those that tie come as they were made.
    :param newest_first: whether they are listed the other way round.
    :param unique: what no two rows have in common; None when nothing is.
    :param visible_after: seconds from a row's being put here to its being listed.
    :param ties: shuffles, at each look, rows that were made in the same second; None to leave them.
    """

    def __init__(
        self,
        rows: Iterable[R],
        *,
        order: Callable[[R], Any],
        newest_first: bool = False,
        unique: Callable[[R], Hashable] | None = None,
        visible_after: float = 0.0,
        ties: Random | None = None,
    ) -> None:
        self._rows = {row.id: row for row in rows}
        self._order = order
        self._newest_first = newest_first
        self._unique = unique
        self._ids = {} if unique is None else {unique(row): row.id for row in self._rows.values()}
        self._visible_after = visible_after
        self._hidden: dict[str, float] = {}
        self._ties = ties
        self._views: dict[Hashable, list[R]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def with_id(self, row_id: object) -> R | None:
        return self._rows.get(row_id) if isinstance(row_id, str) else None

    def like(self, *unique: Hashable) -> R | None:
        """The row of which ``unique`` tells this."""
        row_id = self._ids.get(unique)
        return None if row_id is None else self._rows[row_id]

    def put(self, row: R) -> None:
        """Add a row, or put it in the place of the one with its id; do nothing when another is like it."""
        if self._unique is not None and self._ids.setdefault(self._unique(row), row.id) != row.id:
            return
        if self._visible_after and row.id not in self._rows:
            self._hidden[row.id] = time.monotonic() + self._visible_after
        self._rows[row.id] = row
        self._views.clear()

    def drop(self, row_ids: Iterable[str]) -> None:
        """Remove the rows of those ids, as far as they are here."""
        for row_id in row_ids:
            row = self._rows.pop(row_id, None)
            if row is not None and self._unique is not None:
                del self._ids[self._unique(row)]
            self._hidden.pop(row_id, None)
        self._views.clear()

    def all(self, **wanted: object) -> list[R]:
        """The rows with those attributes (None for any) in order, listed yet or not. It isn't to be changed."""
        given = {name: value for name, value in wanted.items() if value is not None}
        key = tuple(given.items())
        if key not in self._views:
            found = [
                row
                for row in self._rows.values()
                if all(getattr(row, name) == value for name, value in given.items())
            ]
            self._views[key] = self._sorted(found, self._order)
        return self._views[key]

    def listed(self, **wanted: object) -> list[R]:
        """The same as the API lists them at this moment."""
        rows = self.all(**wanted)
        if self._hidden:
            now = time.monotonic()
            self._hidden = {row_id: since for row_id, since in self._hidden.items() if since > now}
            rows = [row for row in rows if row.id not in self._hidden]
        if self._ties is not None:
            ties = self._ties
            rows = self._sorted(rows, lambda row: (_tie(self._order(row)), ties.random()))
        return rows

    def _sorted(self, rows: list[R], order: Callable[[R], Any]) -> list[R]:
        ordered = sorted(rows, key=order)
        return ordered[::-1] if self._newest_first else ordered


def _tie(order: Any) -> Any:
    return order // SECOND if isinstance(order, int) else order
