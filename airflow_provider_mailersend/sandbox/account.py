"""What a MailerSend account holds: its domains and SMS numbers, and the rows of its lists."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import count
from typing import Any

from airflow_provider_mailersend.api.requests import LIST_NAMES, RECIPIENTS, SMS_RECIPIENTS

BLOCKLIST = "blocklist"
DOMAINS = "domains"
SMS_NUMBERS = "sms-numbers"
OWNERS = (DOMAINS, SMS_NUMBERS)

#: What says why an entry is on a list, by list, and an example. It is null unless MailerSend itself made the entry.
REASONS: Mapping[str, Mapping[str, str]] = {
    "hard-bounces": {"reason": "Unknown reason"},
    "spam-complaints": {},
    "unsubscribes": {"reason": "NEVER_SIGNED", "readable_reason": "I never signed up for this mailing list"},
    "on-hold-list": {"reason": "Unknown reason"},
}


@dataclass(eq=False, slots=True)
class Row:
    """A domain, an SMS number, a recipient, or an entry of a list."""

    id: str
    value: str  # its name, phone number, address or pattern
    owner: Row | None  # its domain or SMS number; None for what belongs to the whole account
    shown: dict[str, Any]  # as the API shows it


class Table:
    """The rows of one list."""

    def __init__(self, name: str) -> None:
        self.rows: dict[str, Row] = {}
        self._order = "email" if name == RECIPIENTS else "created_at"
        self._newest_first = name == BLOCKLIST or name in REASONS
        self._is_unique = name != BLOCKLIST  # whether a value can be there only once for each owner
        self._by_value: dict[tuple[str, Row | None], Row] = {}
        self._selections: dict[tuple[Row | None, str | None], list[Row]] = {}

    def find(self, value: str, owner: Row | None) -> Row | None:
        """The row with that value and owner, where there can be only one."""
        return self._by_value.get((value, owner))

    def select(self, owner: Row | None = None, status: str | None = None) -> list[Row]:
        """The rows with that owner and status (None for any), in order."""
        if (owner, status) not in self._selections:
            rows = [
                row
                for row in self.rows.values()
                if owner in (None, row.owner) and status in (None, row.shown.get("status"))
            ]
            rows.sort(key=lambda row: row.shown[self._order])
            self._selections[owner, status] = rows[::-1] if self._newest_first else rows
        return self._selections[owner, status]

    def put(self, row: Row) -> None:
        """Add a row, unless there must be only one and there is."""
        if self._is_unique and self._by_value.setdefault((row.value, row.owner), row) is not row:
            return
        self.rows[row.id] = row
        self._selections.clear()

    def drop(self, ids: Iterable[str]) -> None:
        """Remove the rows with these ids that are there."""
        for row in [self.rows.pop(row_id) for row_id in ids if row_id in self.rows]:
            self._by_value.pop((row.value, row.owner), None)
        self._selections.clear()

    def clear(self, owner: Row | None) -> None:
        """Remove all rows with that owner (None for any)."""
        self.drop([row.id for row in self.rows.values() if owner in (None, row.owner)])

    def update(self, row: Row, **values: str) -> None:
        row.shown.update(values)
        self._selections.clear()


class Account:
    """The tables of an account, by name. Hold ``lock`` while you use them."""

    table_type: type[Table] = Table

    def __init__(self, observed: bool, seed: int, newest: datetime, clock: Callable[[], float]) -> None:
        self.lock = threading.RLock()
        self.observed = observed  # whether it behaves as observed, rather than as documented
        self._seed = seed  # what all ids follow from
        self._maker = self._digest("ids")[:10]
        self._newest = newest  # of the rows: those to come are newer, whatever the clock says
        self._clock = clock
        self._serials = count(1)
        self.tables = {name: self.table_type(name) for name in (*OWNERS, *LIST_NAMES)}

    def add(
        self, name: str, value: str, owner: Row | None = None, made: datetime | None = None, **shown: Any
    ) -> Row:
        """Put an address, a phone number or a pattern on a list; its row, whether new or not.

        :param owner: its domain or SMS number; the first one if there must be one and none is given.
        :param made: when it was made; None for now.
        :param shown: what to show instead of the usual.
        """
        if owner is None and name not in (*OWNERS, BLOCKLIST):
            owner = self.tables[SMS_NUMBERS if name == SMS_RECIPIENTS else DOMAINS].select()[0]
        if name in REASONS:
            recipient = self.add(RECIPIENTS, value, owner, made and made - timedelta(seconds=1))
            value, shown = recipient.value, {"recipient": recipient.shown, **shown}
        row = self.tables[name].find(value, owner)
        if row is None:
            made = made or self._now()
            # As MongoDB makes ids: the second, the maker, a serial number.
            row_id = f"{int(made.timestamp()):08x}{self._maker}{next(self._serials):06x}"
            row_id = self._digest(value) if name in OWNERS else row_id
            usual = self._usual(name, value, owner, self._date(made))
            row = Row(row_id, value, owner, {"id": row_id, **usual, **shown})
            self.tables[name].put(row)
        elif name == RECIPIENTS:
            self.tables[name].update(row, updated_at=self._date(self._now()))
        return row

    def _usual(self, name: str, value: str, owner: Row | None, date: str) -> dict[str, Any]:
        """What a row of a list shows besides its id, and its recipient if it has one."""
        dates = {"created_at": date, "updated_at": date}
        domain = owner and owner.shown
        match name:
            case "domains" | "sms-numbers":
                return {"name": value, **dates}
            case "blocklist":
                return {"type": "exact", "pattern": value, "domain": domain, **dates}
            case "recipients":
                return {"email": value, **dates, "deleted_at": "", "domain": domain}
            case "sms-recipients":
                opted_out = {"opted_out_at": None, "opt_out_source": None} if self.observed else {}
                return {"number": value, "status": "active", **opted_out, "created_at": date}
            case "hard-bounces" if self.observed:
                return {**REASONS[name], "created_at": date}
        return {**dict.fromkeys(REASONS[name]), "created_at": date}

    def delete_recipient(self, recipient: Row) -> None:
        """Delete a recipient and its entries."""
        for name in (*REASONS, RECIPIENTS):
            row = self.tables[name].find(recipient.value, recipient.owner)
            self.tables[name].drop([row.id] if row else [])
        if self.observed:
            self.add(BLOCKLIST, recipient.value, recipient.owner)

    def show(self, name: str, row: Row) -> dict[str, Any]:
        """A row as its list shows it."""
        return without_domain(row) if name == RECIPIENTS else row.shown

    def _now(self) -> datetime:
        """When a new row is made: later than all others."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        self._newest = max(now, self._newest + timedelta(microseconds=1))
        return self._newest

    def _date(self, moment: datetime) -> str:
        if self.observed:  # in whole seconds, so that ties are the rule
            return f"{moment.isoformat(timespec='seconds')[:19]}.000000Z"
        return f"{moment.isoformat(timespec='microseconds')[:26]}Z"

    def _digest(self, text: str) -> str:
        return blake2b(f"{self._seed}/{text}".encode(), digest_size=8).hexdigest()


def without_domain(row: Row) -> dict[str, Any]:
    return {key: value for key, value in row.shown.items() if key != "domain"}
