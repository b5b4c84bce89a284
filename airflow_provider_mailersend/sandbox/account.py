"""What a MailerSend account holds: its lists, and the changes that can be made to them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from airflow_provider_mailersend.api.requests import RECIPIENTS, SMS_RECIPIENTS, SuppressionList
from airflow_provider_mailersend.sandbox.dialect import Dialect
from airflow_provider_mailersend.sandbox.limits import Clock, Limits

BLOCKLIST = SuppressionList.BLOCKLIST.value


@dataclass(eq=False, slots=True)
class Row:
    """A domain, an SMS number, a recipient, or an entry of a list."""

    id: str
    value: str  # its name, phone number, address or pattern
    owner: Row | None  # its domain or SMS number; None for what belongs to the whole account
    shown: dict[str, Any]  # as the API shows it


class Table:
    """The rows of one list.

    :param order: the key of what is shown that the list is sorted by.
    :param unique: whether a value can be there only once for each owner.
    """

    def __init__(self, order: str = "created_at", *, newest_first: bool = False, unique: bool = True) -> None:
        self.rows: dict[str, Row] = {}
        self._order = order
        self._newest_first = newest_first
        self._unique = unique
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
        if self._unique and self._by_value.setdefault((row.value, row.owner), row) is not row:
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
    """The lists of an account, by name in ``tables``. Hold ``lock`` while you use them.

    :param max_batch: the most addresses or ids in one request; None for any number.
    :param seed: what all ids follow from.
    :param newest: when the newest seeded entry is made: all others are newer, whatever the clock says.
    """

    table_type: type[Table] = Table

    def __init__(
        self,
        dialect: Dialect,
        limits: Limits,
        max_batch: int | None,
        domains: Sequence[str],
        sms_numbers: Sequence[str],
        seed: int,
        newest: datetime,
        clock: Clock,
    ) -> None:
        self.lock = threading.RLock()
        self.dialect = dialect
        self.limits = limits
        self.max_batch = max_batch
        self._seed = seed
        self._newest = newest
        self._clock = clock
        self._made: Counter[str] = Counter()
        self.domains = self._owners("domains", domains)
        self.sms_numbers = self._owners("sms_numbers", sms_numbers)
        self.tables = {name.value: self.table_type(newest_first=True) for name in SuppressionList}
        self.tables[BLOCKLIST] = self.table_type(newest_first=True, unique=False)
        self.tables[RECIPIENTS] = self.table_type("email")
        self.tables[SMS_RECIPIENTS] = self.table_type()

    def table(self, name: str) -> Table:
        """The list with that name; ``ValueError`` if there is none."""
        if name not in self.tables:
            raise ValueError(f"There is no list {name!r}: it must be one of {', '.join(self.tables)}.")
        return self.tables[name]

    def row(self, name: str, row_id: str) -> Row:
        """The row with that id; ``ValueError`` if it isn't on the list."""
        if row_id not in self.table(name).rows:
            raise ValueError(f"There is no {row_id!r} on {name}.")
        return self.tables[name].rows[row_id]

    def owner(self, name: str, owners: Mapping[str, Row]) -> Row:
        """The domain or SMS number with that name; ``ValueError`` if there is none."""
        for owner in owners.values():
            if owner.value == name:
                return owner
        raise ValueError(
            f"The account has no {name!r}: it has {', '.join(row.value for row in owners.values())}."
        )

    def add(
        self, name: str, values: Iterable[str], patterns: Iterable[str] = (), owner: Row | None = None
    ) -> list[Row]:
        """Put addresses, phone numbers or patterns on a list; the row of each, whether new or not.

        :param owner: their domain or SMS number; the first one if there must be one and none is given.
        """
        if name == BLOCKLIST:
            rows = [self.block(address, owner) for address in values]
            return rows + [self.block(pattern, owner, kind="pattern") for pattern in patterns]
        if name == SMS_RECIPIENTS:
            sender = owner or next(iter(self.sms_numbers.values()))
            return [self.add_sms_recipient(number, sender) for number in values]
        domain = owner or next(iter(self.domains.values()))
        recipients = [self.add_recipient(address, domain) for address in values]
        return recipients if name == RECIPIENTS else [self.suppress(name, row) for row in recipients]

    def block(self, text: str, domain: Row | None, made: datetime | None = None, kind: str = "exact") -> Row:
        """Put an address, or a text of the kind ``pattern``, on the blocklist."""
        shown_domain = domain and domain.shown
        return self._add(BLOCKLIST, text, domain, made, type=kind, pattern=text, domain=shown_domain)

    def add_recipient(self, address: str, domain: Row, made: datetime | None = None) -> Row:
        """The recipient with that address in that domain: updated if there is one, else created."""
        row = self.tables[RECIPIENTS].find(address, domain)
        if row is not None:
            self.tables[RECIPIENTS].update(row, updated_at=self._date(self._now()))
            return row
        return self._add(RECIPIENTS, address, domain, made, email=address, deleted_at="", domain=domain.shown)

    def suppress(
        self, name: str, recipient: Row, made: datetime | None = None, reason: str | None = None
    ) -> Row:
        """The entry of a recipient on one of the other suppression lists, created if there is none."""
        if made is None and self.dialect.gives_reason and name == SuppressionList.HARD_BOUNCES:
            reason = "Unknown reason"
        shown: dict[str, Any] = {"recipient": recipient.shown}
        if name != SuppressionList.SPAM_COMPLAINTS:
            shown["reason"] = reason
        if name == SuppressionList.UNSUBSCRIBES:
            shown["readable_reason"] = reason and "I never signed up for this mailing list"
        return self._add(name, recipient.value, recipient.owner, made, **shown)

    def add_sms_recipient(
        self, number: str, sender: Row, made: datetime | None = None, status: str = "active"
    ) -> Row:
        """The SMS recipient with that phone number under that SMS number, created if there is none."""
        null = {"opted_out_at": None, "opt_out_source": None} if self.dialect.has_opt_out_keys else {}
        return self._add(SMS_RECIPIENTS, number, sender, made, number=number, status=status, **null)

    def delete_recipient(self, recipient: Row) -> None:
        """Delete a recipient and its entries."""
        for name in (*SuppressionList, RECIPIENTS):
            row = self.tables[name].find(recipient.value, recipient.owner)
            self.tables[name].drop([row.id] if row else [])
        if self.dialect.blocks_deleted_recipients:
            self.block(recipient.value, recipient.owner)

    def show(self, name: str, row: Row) -> dict[str, Any]:
        """A row as its list shows it."""
        hidden = "domain" if name == RECIPIENTS else None
        return {key: value for key, value in row.shown.items() if key != hidden}

    def _owners(self, option: str, names: Sequence[str]) -> dict[str, Row]:
        """Domains or SMS numbers by their ids."""
        if isinstance(names, str) or not names or len(set(names)) < len(names):
            raise ValueError(f"{option} must be a sequence of one or more names, none twice, not {names!r}.")
        day = self._date(self._newest.replace(hour=0, minute=0, second=0, microsecond=0))
        ids = {self._digest(name): name for name in names}
        shown = {"created_at": day, "updated_at": day}
        return {id_: Row(id_, name, None, {"id": id_, "name": name, **shown}) for id_, name in ids.items()}

    def _add(self, name: str, value: str, owner: Row | None, made: datetime | None, **shown: Any) -> Row:
        """The row with that value and owner on a list, created if there is none."""
        row = self.tables[name].find(value, owner)
        if row is not None:
            return row
        made = made or self._now()
        self._made[name] += 1
        # As MongoDB makes ids: the second, the maker, a serial number.
        row_id = f"{int(made.timestamp()):08x}{self._digest(name)[:10]}{self._made[name]:06x}"
        shown |= {"id": row_id, "created_at": self._date(made)}
        if name in (BLOCKLIST, RECIPIENTS):
            shown["updated_at"] = shown["created_at"]
        row = Row(row_id, value, owner, shown)
        self.tables[name].put(row)
        return row

    def _now(self) -> datetime:
        """When a new row is made: later than all others."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        self._newest = max(now, self._newest + timedelta(microseconds=1))
        return self._newest

    def _date(self, moment: datetime) -> str:
        if self.dialect.has_dates_in_seconds:
            return f"{moment.isoformat(timespec='seconds')[:19]}.000000Z"
        return f"{moment.isoformat(timespec='microseconds')[:26]}Z"

    def _digest(self, text: str) -> str:
        return blake2b(f"{self._seed}/{text}".encode(), digest_size=8).hexdigest()
