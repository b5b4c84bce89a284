"""Everything a MailerSend account holds, and one lock around it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any

from airflow_provider_mailersend.api.requests import SmsRecipientStatus, SuppressionList
from airflow_provider_mailersend.sandbox.dialect import Dialect
from airflow_provider_mailersend.sandbox.maker import REASONS, RECIPIENTS, SMS_RECIPIENTS, Maker
from airflow_provider_mailersend.sandbox.moments import DAY, Now
from airflow_provider_mailersend.sandbox.rows import Owner, Row, Table

BLOCKLIST = SuppressionList.BLOCKLIST.value
LISTS = (*map(str, SuppressionList), RECIPIENTS, SMS_RECIPIENTS)
"""Every list of the account, by the word that its path ends with."""

MOST = 1_000_000
"""As many entries as all lists together may begin with: they are held in memory."""

Change = Callable[[], None]


class Account:
    """The lists of one account, by name in ``tables``. Hold ``lock`` while you use anything of it.

    :param counts: how many entries each list begins with.
    :param stored_as: makes of an address that is added what is stored.
    :param visible_after: seconds from an entry's being added to its being listed.
    :param ties: shuffles entries of the same second at each look; None to leave them.
    """

    def __init__(
        self,
        counts: Mapping[str, int],
        maker: Maker,
        dialect: Dialect,
        *,
        domains: Sequence[str],
        sms_numbers: Sequence[str],
        now: Now,
        stored_as: Callable[[str], str],
        visible_after: float,
        ties: Random | None,
    ) -> None:
        _require_room(counts, maker)
        self.lock = threading.RLock()
        self.dialect = dialect
        self.maker = maker
        self.domains = maker.owners("domains", domains)
        self.sms_numbers = maker.owners("sms_numbers", sms_numbers)
        self._now = now
        self._last = maker.newest
        self._stored_as = stored_as
        self._held: list[Change] | None = None

        table = partial(Table, visible_after=visible_after, ties=ties)
        people = maker.seeded_recipients(0, counts[RECIPIENTS], self.domains)
        self.tables: dict[str, Table] = {
            BLOCKLIST: table(
                maker.seeded_blocklist(counts[BLOCKLIST], self.domains), newest_first=True, unique=False
            )
        }
        for name in REASONS:
            listed = maker.seeded_recipients(len(people), counts[name], self.domains)
            people += listed
            self.tables[name] = table(maker.seeded_entries(name, listed), newest_first=True)
        self.tables[RECIPIENTS] = self._recipients = table(people, by="email")
        self.tables[SMS_RECIPIENTS] = table(maker.seeded_sms(counts[SMS_RECIPIENTS], self.sms_numbers))

    @contextmanager
    def holding_back(self) -> Iterator[list[Change]]:
        """Collect the changes that are asked for meanwhile, for somebody to make later, in place of making them."""
        held: list[Change] = []
        self._held = held
        try:
            yield held
        finally:
            self._held = None

    def block(self, addresses: Iterable[str], patterns: Iterable[str], domain: Owner | None) -> list[Row]:
        """Put addresses and patterns on the blocklist; the new entries, in that order."""
        texts = [("exact", self._stored_as(address)) for address in addresses]
        texts += [("pattern", pattern) for pattern in patterns]
        rows = [self.maker.blocked(kind, text, domain, self._tick()) for kind, text in texts]
        for row in rows:
            self._make(partial(self.tables[BLOCKLIST].put, row))
        return rows

    def suppress(self, name: str, addresses: Iterable[str], domain: Owner) -> list[Row]:
        """Put addresses on a list of recipients; the entry of each, whether new or already there."""
        rows = []
        for address in addresses:
            recipient = self.add_recipient(address, domain)
            row = self.tables[name].like(recipient.value, domain)
            if row is None:
                # Only hard bounces were seen with a reason that nobody gave.
                has_reason = self.dialect.adds_a_reason and name == SuppressionList.HARD_BOUNCES
                row = self.maker.entry(name, recipient, self._tick(), REASONS[name] if has_reason else None)
                self._make(partial(self.tables[name].put, row))
            rows.append(row)
        return rows

    def add_recipient(self, address: str, domain: Owner) -> Row:
        """The recipient of that address in that domain, made when there is none yet."""
        address, moment = self._stored_as(address), self._tick()
        row = self._recipients.like(address, domain)
        if row is None:
            row = self.maker.recipient(address, domain, moment)
            self._make(partial(self._recipients.put, row))
        else:
            self._make(partial(row.shown.update, updated_at=self.maker.date(moment)))
        return row

    def delete_recipient(self, recipient: Row) -> None:
        """Delete a recipient, and with it what it has on the lists."""
        for name in REASONS:
            entry = self.tables[name].like(recipient.value, recipient.owner)
            if entry is not None:
                self.delete(name, [entry.id])
        self.delete(RECIPIENTS, [recipient.id])
        if self.dialect.blocks_deleted_recipients:
            self.block([recipient.value], [], recipient.owner)

    def add_sms_recipient(self, number: str) -> Row:
        """The SMS recipient of that phone number under the first SMS number, made when there is none yet."""
        table, sender = self.tables[SMS_RECIPIENTS], self.sms_numbers[0]
        row = table.like(number, sender)
        if row is None:
            row = self.maker.sms(number, sender, self._tick(), SmsRecipientStatus.ACTIVE)
            table.put(row)
        return row

    def delete(self, name: str, ids: Sequence[str]) -> None:
        self._make(partial(self.tables[name].drop, ids))

    def delete_all(self, name: str, domain: Owner | None) -> None:
        """Remove from a list what stands there, of one domain or altogether, when the change is made."""
        table = self.tables[name]
        self._make(lambda: table.drop([row.id for row in table.all(domain)]))

    def set_sms_status(self, recipient: Row, status: str) -> dict[str, Any]:
        """Change a status; the SMS recipient as it is shown then."""
        self._make(partial(self.tables[SMS_RECIPIENTS].change, recipient, status=status))
        return recipient.shown | {"status": status}

    def show(self, name: str, row: Row) -> dict[str, Any]:
        """A row as it stands in its list."""
        if name != RECIPIENTS:
            return row.shown
        return {key: self._recipient_value(key, value) for key, value in row.shown.items() if key != "domain"}

    def show_whole_recipient(self, row: Row) -> dict[str, Any]:
        """A recipient as the API shows it alone."""
        return self.show(RECIPIENTS, row) | {"domain": row.shown["domain"], "emails": []}

    def show_whole_sms(self, row: Row) -> dict[str, Any]:
        """An SMS recipient as the API shows it alone: with its messages."""
        message = {
            "id": row.id,
            "from": row.owner and row.owner.name,
            "to": row.value,
            "text": "Your parcel is on its way.",
            "status": "delivered",
            "segment_count": 1,
            "error_type": None,
            "error_description": None,
            "created_at": row.shown["created_at"],
        }
        number = {"sms_number": None} if self.dialect.sms_opt_out_keys else {}
        return row.shown | number | {"sms": [message]}

    def table(self, name: str) -> Table:
        """The table of that name; ``ValueError`` when there is none."""
        if name not in LISTS:
            raise ValueError(f"There is no list {name!r}: it must be one of {', '.join(LISTS)}.")
        return self.tables[name]

    def domain_named(self, name: str) -> Owner:
        """The domain of that name; ``ValueError`` when the account has none."""
        for domain in self.domains:
            if domain.name == name:
                return domain
        names = ", ".join(domain.name for domain in self.domains)
        raise ValueError(f"The account has no domain {name!r}: it has {names}.")

    def _recipient_value(self, key: str, value: str) -> str:
        if key in ("created_at", "updated_at") and self.dialect.old_recipient_dates:
            return value[:19].replace("T", " ")
        return value

    def _make(self, change: Change) -> None:
        if self._held is None:
            change()
        else:
            self._held.append(change)

    def _tick(self) -> int:
        """The moment at which something new is made: never one twice, never before what was made last."""
        self._last = max(self._now(), self._last + 1)
        return self._last


def _require_room(counts: Mapping[str, int], maker: Maker) -> None:
    for name, count in counts.items():
        if not isinstance(count, int) or not 0 <= count <= MOST:
            option = name.removesuffix("-list").replace("-", "_")
            raise ValueError(f"{option} must be a number of entries from 0 to {MOST}, not {count!r}.")
    if sum(counts.values()) > MOST:
        raise ValueError(f"All lists together may begin with {MOST} entries at most.")
    most = max(counts.values())
    if maker.newest - most * maker.spacing < 365 * DAY:
        raise ValueError(f"{most} entries do not fit between 1971 and newest: lessen spacing.")
