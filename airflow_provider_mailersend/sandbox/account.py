"""Everything a MailerSend account holds, how the API shows it, and one lock around it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any

from airflow_provider_mailersend.api.requests import SmsRecipientStatus, SuppressionList
from airflow_provider_mailersend.sandbox.dialect import Dialect
from airflow_provider_mailersend.sandbox.moments import SECOND, Now, iso, old_style, whole_seconds
from airflow_provider_mailersend.sandbox.rows import Blocked, Domain, Listed, Recipient, Sms, Table
from airflow_provider_mailersend.sandbox.seeds import MOST, REASONS, Seeds

BLOCKLIST = SuppressionList.BLOCKLIST.value
HARD_BOUNCES = SuppressionList.HARD_BOUNCES.value
UNSUBSCRIBES = SuppressionList.UNSUBSCRIBES.value
SPAM_COMPLAINTS = SuppressionList.SPAM_COMPLAINTS.value
RECIPIENTS = "recipients"
SMS_RECIPIENTS = "sms-recipients"
LISTS = (*map(str, SuppressionList), RECIPIENTS, SMS_RECIPIENTS)
"""Every list of the account, by the word that its path ends with."""

Change = Callable[[], None]


class Account:
    """The lists of one account. Hold ``lock`` while you use anything of it.

    :param counts: how many entries each list begins with.
    :param stored_as: makes of an address that is added what is stored.
    :param visible_after: seconds from an entry's being added to its being listed.
    :param ties: shuffles entries of the same second at each look; None to leave them.
    """

    def __init__(
        self,
        counts: Mapping[str, int],
        seeds: Seeds,
        dialect: Dialect,
        *,
        domains: Sequence[str],
        sms_numbers: Sequence[str],
        now: Now,
        stored_as: Callable[[str], str],
        visible_after: float,
        ties: Random | None,
    ) -> None:
        _require_room(counts, seeds)
        self.lock = threading.RLock()
        self.dialect = dialect
        self._seeds = seeds
        self._now = now
        self._newest = whole_seconds(seeds.newest) if dialect.dates_in_whole_seconds else seeds.newest
        self._stored_as = stored_as
        self._held: list[Change] | None = None
        self.domains = seeds.domains(domains)
        self.sms_numbers = seeds.sms_numbers(sms_numbers)

        made = {RECIPIENTS: seeds.recipients(0, counts[RECIPIENTS], self.domains)}
        for name in REASONS:
            first = sum(map(len, made.values()))
            made[name] = seeds.recipients(first, counts[name], self.domains)
        late: dict[str, Any] = {"visible_after": visible_after, "ties": ties}
        self.recipients: Table[Recipient] = Table(
            [recipient for rows in made.values() for recipient in rows],
            order=lambda row: row.email,
            unique=lambda row: (row.email, row.domain),
            **late,
        )
        self.blocklist: Table[Blocked] = Table(
            seeds.blocked(counts[BLOCKLIST], self.domains),
            order=lambda row: row.created,
            newest_first=True,
            **late,
        )
        self.listed: dict[str, Table[Listed]] = {
            name: Table(
                seeds.listed(name, made[name]),
                order=lambda row: row.created,
                newest_first=True,
                unique=lambda row: (row.email, row.domain),
                **late,
            )
            for name in REASONS
        }
        self.sms: Table[Sms] = Table(
            seeds.sms(counts[SMS_RECIPIENTS], self.sms_numbers),
            order=lambda row: row.created,
            unique=lambda row: (row.number, row.sender),
            **late,
        )
        self.tables: dict[str, Table[Any]] = {
            BLOCKLIST: self.blocklist,
            **self.listed,
            RECIPIENTS: self.recipients,
            SMS_RECIPIENTS: self.sms,
        }

    @contextmanager
    def holding_back(self) -> Iterator[list[Change]]:
        """Collect the changes that are asked for meanwhile, for somebody to make later, in place of making them."""
        held: list[Change] = []
        self._held = held
        try:
            yield held
        finally:
            self._held = None

    def block(
        self, addresses: Iterable[str], patterns: Iterable[str], domain: Domain | None
    ) -> list[Blocked]:
        """Put addresses and patterns on the blocklist; the new entries, in that order."""
        texts = [("exact", self._stored_as(address)) for address in addresses]
        texts += [("pattern", pattern) for pattern in patterns]
        added = []
        for kind, text in texts:
            moment = self._tick()
            added.append(Blocked(self._seeds.id(BLOCKLIST, moment), kind, text, domain, moment))
            self._make(partial(self.blocklist.put, added[-1]))
        return added

    def suppress(self, name: str, addresses: Iterable[str], domain: Domain) -> list[Listed]:
        """Put addresses on a list of recipients; the entry of each, whether new or already there."""
        entries = []
        for address in map(self._stored_as, addresses):
            self.add_recipient(address, domain)
            entry = self.listed[name].like(address, domain)
            if entry is None:
                moment = self._tick()
                # Only hard bounces were seen with a reason that nobody gave.
                reason = REASONS[name] if name == HARD_BOUNCES and self.dialect.adds_a_reason else None
                entry = Listed(self._seeds.id(name, moment), address, domain, moment, reason)
                self._make(partial(self.listed[name].put, entry))
            entries.append(entry)
        return entries

    def add_recipient(self, address: str, domain: Domain) -> Recipient:
        """The recipient of that address in that domain, made when there is none yet."""
        moment = self._tick()
        known = self.recipients.like(address, domain)
        if known is None:
            recipient = Recipient(self._seeds.id(RECIPIENTS, moment), address, domain, moment, moment)
        else:
            recipient = known._replace(updated=moment)
        self._make(partial(self.recipients.put, recipient))
        return recipient

    def delete_recipient(self, recipient: Recipient) -> None:
        """Delete a recipient, and with it what it has on the lists."""
        for entries in self.listed.values():
            entry = entries.like(recipient.email, recipient.domain)
            if entry is not None:
                self._make(partial(entries.drop, [entry.id]))
        self._make(partial(self.recipients.drop, [recipient.id]))
        if self.dialect.blocks_deleted_recipients:
            self.block([recipient.email], [], recipient.domain)

    def delete(self, name: str, ids: Sequence[str]) -> None:
        self._make(partial(self.tables[name].drop, ids))

    def delete_all(self, name: str, domain: Domain | None) -> None:
        """Remove from a suppression list what stands there, of one domain or altogether, when the change is made."""
        table = self.tables[name]
        self._make(lambda: table.drop([row.id for row in table.all(domain=domain)]))

    def set_sms_status(self, recipient: Sms, status: str) -> Sms:
        changed = recipient._replace(status=status)
        self._make(partial(self.sms.put, changed))
        return changed

    def show(self, name: str, row: Any) -> dict[str, Any]:
        """A row as it stands in its list."""
        if name == BLOCKLIST:
            return self._show_blocked(row)
        if name == RECIPIENTS:
            return self._show_recipient(row, old_style if self.dialect.old_recipient_dates else iso)
        if name == SMS_RECIPIENTS:
            return self._show_sms(row)
        return self._show_listed(name, row)

    def show_whole_recipient(self, recipient: Recipient) -> dict[str, Any]:
        """A recipient as the API shows it alone."""
        return self.show(RECIPIENTS, recipient) | {"domain": recipient.domain.brief, "emails": []}

    def show_whole_sms(self, row: Sms) -> dict[str, Any]:
        """An SMS recipient as the API shows it alone: with its messages."""
        created_at = iso(row.created)
        message = {
            "id": f"{row.created // SECOND - 1 & 0xFFFFFFFF:08x}{row.id[8:]}",
            "from": row.sender.number,
            "to": row.number,
            "text": "Your parcel is on its way.",
            "status": "delivered",
            "segment_count": 1,
            "error_type": None,
            "error_description": None,
            "created_at": created_at,
        }
        number = {"sms_number": None} if self.dialect.sms_opt_out_keys else {}
        return self._show_sms(row) | number | {"sms": [message]}

    def entries(self, name: str) -> list[dict[str, Any]]:
        """All that stands on a list, listed by the API yet or not, in its order."""
        return [self.show(name, row) for row in self.tables[require_list(name)].all()]

    def add(
        self,
        name: str,
        recipients: Sequence[str] = (),
        *,
        patterns: Sequence[str] = (),
        domain: str | None = None,
    ) -> list[dict[str, Any]]:
        """Add to any list as somebody else would: on-hold entries, recipients and SMS recipients too.

        ``domain`` is a name. Without it a blocklist entry is the account's, and any other is the first
        domain's; SMS recipients, by phone number, come under the first SMS number.
        """
        require_list(name)
        if patterns and name != BLOCKLIST:
            raise ValueError(f"Only the blocklist takes patterns, not {name}.")
        chosen = None if domain is None else self.domain_named(domain)
        rows: Sequence[Any]
        if name == BLOCKLIST:
            rows = self.block(recipients, patterns, chosen)
        elif name == SMS_RECIPIENTS:
            rows = [self._add_sms(number) for number in recipients]
        elif name == RECIPIENTS:
            rows = [self.add_recipient(self._stored_as(one), chosen or self.domains[0]) for one in recipients]
        else:
            rows = self.suppress(name, recipients, chosen or self.domains[0])
        return [self.show(name, row) for row in rows]

    def remove(self, name: str, ids: Iterable[str]) -> None:
        """Remove from any list as somebody else would; ``ValueError``, and nothing removed, at an unknown id."""
        table = self.tables[require_list(name)]
        rows = []
        for row_id in ids:
            row = table.with_id(row_id)
            if row is None:
                raise ValueError(f"There is no {row_id!r} on {name}.")
            rows.append(row)
        if name != RECIPIENTS:
            table.drop([row.id for row in rows])
            return
        for row in rows:
            self.delete_recipient(row)

    def domain_named(self, name: str) -> Domain:
        """The domain of that name; ``ValueError`` when the account has none."""
        for domain in self.domains:
            if domain.name == name:
                return domain
        names = ", ".join(domain.name for domain in self.domains)
        raise ValueError(f"The account has no domain {name!r}: it has {names}.")

    def _add_sms(self, number: str) -> Sms:
        sender = self.sms_numbers[0]
        known = self.sms.like(number, sender)
        if known is not None:
            return known
        moment = self._tick()
        row = Sms(
            self._seeds.id(SMS_RECIPIENTS, moment), number, sender, SmsRecipientStatus.ACTIVE.value, moment
        )
        self.sms.put(row)
        return row

    def _show_blocked(self, row: Blocked) -> dict[str, Any]:
        created_at = iso(row.created)
        return {
            "id": row.id,
            "type": row.kind,
            "pattern": row.pattern,
            "domain": None if row.domain is None else row.domain.brief,
            "created_at": created_at,
            "updated_at": created_at,
        }

    def _show_recipient(self, row: Recipient, date: Callable[[int], str]) -> dict[str, Any]:
        return {
            "id": row.id,
            "email": row.email,
            "created_at": date(row.created),
            "updated_at": date(row.updated),
            "deleted_at": "",
        }

    def _show_listed(self, name: str, row: Listed) -> dict[str, Any]:
        known = self.recipients.like(row.email, row.domain)
        # An addition that is held back is answered before its recipient is there.
        recipient = known or Recipient(row.id, row.email, row.domain, row.created, row.created)
        shown: dict[str, Any] = {"id": row.id}
        if name != SPAM_COMPLAINTS:
            shown["reason"] = row.reason
        if name == UNSUBSCRIBES:
            shown["readable_reason"] = row.reason and "I never signed up for this mailing list"
        return shown | {
            "created_at": iso(row.created),
            "recipient": self._show_recipient(recipient, iso) | {"domain": row.domain.brief},
        }

    def _show_sms(self, row: Sms) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": row.id,
            "number": row.number,
            "status": row.status,
            "created_at": iso(row.created),
        }
        if self.dialect.sms_opt_out_keys:
            shown |= {"opted_out_at": None, "opt_out_source": None}
        return shown

    def _make(self, change: Change) -> None:
        if self._held is None:
            change()
        else:
            self._held.append(change)

    def _tick(self) -> int:
        """The moment at which something new is made: never before what was made last."""
        if self.dialect.dates_in_whole_seconds:
            self._newest = max(whole_seconds(self._now()), self._newest)
        else:
            self._newest = max(self._now(), self._newest + 1)
        return self._newest


def require_list(name: str) -> str:
    """The name of a list; ``ValueError`` when there is none of that name."""
    if name not in LISTS:
        raise ValueError(f"There is no list {name!r}: it must be one of {', '.join(LISTS)}.")
    return name


def _require_room(counts: Mapping[str, int], seeds: Seeds) -> None:
    for name, count in counts.items():
        if not isinstance(count, int) or not 0 <= count <= MOST:
            option = name.removesuffix("-list").replace("-", "_")
            raise ValueError(f"{option} must be a number of entries from 0 to {MOST}, not {count!r}.")
    if sum(counts.values()) > MOST:
        raise ValueError(f"All lists together may begin with {MOST} entries at most.")
    most = max(counts.values())
    if seeds.newest - most * seeds.spacing < 365 * 86_400 * SECOND:
        raise ValueError(f"{most} entries do not fit between 1971 and newest: lessen spacing.")
