"""An account whose changes come late, whose ties come in any order, and that stores addresses differently."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from random import Random
from typing import Any

from airflow_provider_mailersend.api.requests import RECIPIENTS, SMS_RECIPIENTS
from airflow_provider_mailersend.sandbox.account import Account, Row, Table

Change = Callable[[], None]


@dataclass
class Delays:
    """
    What makes an account's tables unsteady.

    :param visible_after: seconds until a new row is listed.
    :param ties: shuffles the rows of one second at each look; None to leave them.
    :param held: collects the changes that are asked for, instead of making them; None to make them.
    """

    visible_after: float = 0.0
    ties: Random | None = None
    held: list[Change] | None = None


class UnsteadyTable(Table):
    delays: Delays

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.delays = Delays()
        self._hidden: dict[str, float] = {}

    def select(self, owner: Row | None = None, status: str | None = None) -> list[Row]:
        """The rows that are listed by now, those of one second in any order."""
        rows, now = self.select_all(owner, status), time.monotonic()
        self._hidden = {row_id: since for row_id, since in self._hidden.items() if since > now}
        if self._hidden:
            rows = [row for row in rows if row.id not in self._hidden]
        if self.delays.ties is not None and self._order == "created_at":
            draw, second = self.delays.ties.random, len("2024-12-19T17:28:16")
            rows = sorted(
                rows, key=lambda row: (row.shown["created_at"][:second], draw()), reverse=self._newest_first
            )
        return rows

    def select_all(self, owner: Row | None = None, status: str | None = None) -> list[Row]:
        """The rows that are there, listed or not."""
        return super().select(owner, status)

    def put(self, row: Row) -> None:
        self._make(partial(self._put, row))

    def drop(self, ids: Iterable[str]) -> None:
        self._make(partial(super().drop, list(ids)))

    def clear(self, owner: Row | None) -> None:
        self._make(partial(super().clear, owner))

    def update(self, row: Row, **values: str) -> None:
        self._make(partial(super().update, row, **values))

    def _put(self, row: Row) -> None:
        super().put(row)
        if self.delays.visible_after:
            self._hidden[row.id] = time.monotonic() + self.delays.visible_after

    def _make(self, change: Change) -> None:
        if self.delays.held is None:
            change()
        else:
            self.delays.held.append(change)


class UnsteadyAccount(Account):
    """An account; what it begins with is there from the beginning."""

    table_type = UnsteadyTable
    tables: dict[str, UnsteadyTable]  # type: ignore[assignment]

    #: What is stored of an address that is added.
    stored_as: Callable[[str], str] = staticmethod(str)

    #: Whether recipients are dated as in older accounts: ``2020-06-10 10:09:56``.
    has_old_dates = False

    def delay(self, delays: Delays) -> None:
        for table in self.tables.values():
            table.delays = delays
        self._delays = delays

    @contextmanager
    def holding_back(self) -> Iterator[list[Change]]:
        """Collect the changes that are asked for meanwhile, for somebody to make later."""
        held: list[Change] = []
        self._delays.held = held
        try:
            yield held
        finally:
            self._delays.held = None

    def add(
        self, name: str, value: str, owner: Row | None = None, made: datetime | None = None, **shown: Any
    ) -> Row:
        is_stored_so = name != SMS_RECIPIENTS and shown.get("type") != "pattern"
        return super().add(name, self.stored_as(value) if is_stored_so else value, owner, made, **shown)

    def show(self, name: str, row: Row) -> dict[str, Any]:
        shown = super().show(name, row)
        if name == RECIPIENTS and self.has_old_dates:
            dates = {key: shown[key][:19].replace("T", " ") for key in ("created_at", "updated_at")}
            shown |= dates
        return shown
