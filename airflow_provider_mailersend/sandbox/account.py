"""Everything a MailerSend account holds, and one lock around it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from airflow_provider_mailersend.sandbox.domains import Domain, Domains
from airflow_provider_mailersend.sandbox.identity import MOST_SERIALS, Addresses, ObjectIds
from airflow_provider_mailersend.sandbox.recipients import Recipients
from airflow_provider_mailersend.sandbox.sms import SmsRecipients
from airflow_provider_mailersend.sandbox.suppressions import (
    BLOCKLIST,
    HARD_BOUNCES,
    ON_HOLD,
    RECIPIENT_LISTS,
    SPAM_COMPLAINTS,
    UNSUBSCRIBES,
    Blocklist,
    RecipientList,
    SuppressionList,
)
from airflow_provider_mailersend.sandbox.timeline import Clock, Now, Timeline

RECIPIENTS = "recipients"
SMS_RECIPIENTS = "sms-recipients"
LISTS = (BLOCKLIST, *RECIPIENT_LISTS, RECIPIENTS, SMS_RECIPIENTS)
"""Every list of the account, by the word that its path ends with."""


@dataclass(frozen=True)
class Counts:
    """How many entries each list begins with. ``recipients`` are those on no suppression list."""

    blocklist: int = 0
    hard_bounces: int = 0
    spam_complaints: int = 0
    unsubscribes: int = 0
    on_hold: int = 0
    recipients: int = 0
    sms_recipients: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            count = getattr(self, field.name)
            if not isinstance(count, int) or not 0 <= count <= 10_000_000:
                raise ValueError(
                    f"{field.name} must be a number of entries from 0 to 10000000, not {count!r}."
                )
        if self.recipients + sum(self.on_lists.values()) > 12_000_000:
            raise ValueError("All lists together may begin with 12000000 recipients at most.")

    @property
    def on_lists(self) -> dict[str, int]:
        """The counts of the lists that are made of recipients."""
        return {
            HARD_BOUNCES: self.hard_bounces,
            SPAM_COMPLAINTS: self.spam_complaints,
            UNSUBSCRIBES: self.unsubscribes,
            ON_HOLD: self.on_hold,
        }


class Account:
    """The lists of one account. Hold ``lock`` while you use anything of it."""

    def __init__(
        self,
        counts: Counts,
        *,
        domains: Sequence[str],
        sms_numbers: Sequence[str],
        seed: int,
        timeline: Timeline,
        now: Now,
    ) -> None:
        timeline.require_room(max(getattr(counts, field.name) for field in fields(counts)))
        self.lock = threading.RLock()
        clock = Clock(timeline.newest, now)
        addresses = Addresses(seed)
        self._clock = clock
        self.domains = Domains(domains, seed, timeline.newest)
        self.recipients = Recipients(
            {RECIPIENTS: counts.recipients} | counts.on_lists,
            self.domains,
            addresses,
            ObjectIds(seed, RECIPIENTS),
            timeline,
        )
        self.blocklist = Blocklist(
            counts.blocklist,
            ObjectIds(seed, BLOCKLIST),
            timeline,
            clock,
            domains=self.domains,
            addresses=addresses,
        )
        self.recipient_lists: Mapping[str, RecipientList] = {
            name: RecipientList(
                name, ObjectIds(seed, name), timeline, clock, domains=self.domains, recipients=self.recipients
            )
            for name in RECIPIENT_LISTS
        }
        self.suppressions: Mapping[str, SuppressionList] = {BLOCKLIST: self.blocklist, **self.recipient_lists}
        self.sms = SmsRecipients(
            counts.sms_recipients, sms_numbers, seed, ObjectIds(seed, SMS_RECIPIENTS), timeline, clock
        )

    def block(
        self, addresses: Iterable[str], patterns: Iterable[str], domain: Domain | None
    ) -> list[dict[str, Any]]:
        """Put addresses and patterns on the blocklist; the new entries, in that order."""
        added = [self.blocklist.add("exact", address, domain) for address in addresses]
        added += [self.blocklist.add("pattern", pattern, domain) for pattern in patterns]
        return [self.blocklist.render(serial) for serial in added]

    def suppress(self, name: str, addresses: Iterable[str], domain: Domain) -> list[dict[str, Any]]:
        """Put addresses on a list of recipients; the entry of each, whether new or already there."""
        entries = self.recipient_lists[name]
        return [entries.render(entries.add(address, domain)) for address in addresses]

    def add_recipient(self, address: str, domain: Domain) -> dict[str, Any]:
        return self.recipients.render(self.recipients.add(address, domain, self._clock.tick()))

    def delete_recipient(self, recipient: int) -> None:
        """Delete a recipient, and with it what it has on the lists."""
        for entries in self.recipient_lists.values():
            entry = entries.with_recipient(recipient)
            if entry is not None:
                entries.remove([entry])
        self.recipients.remove(recipient)

    def entries(self, name: str) -> list[dict[str, Any]]:
        """All that stands on a list, in the order in which the API lists it."""
        if name == RECIPIENTS:
            return [self.recipients.render(serial) for serial in self.recipients.page(None, 0, MOST_SERIALS)]
        if name == SMS_RECIPIENTS:
            return [self.sms.render(serial) for serial in self.sms.page(None, None, 0, MOST_SERIALS)]
        entries = self.suppressions[require_list(name)]
        return [entries.render(serial) for serial in entries.page(None, 0, MOST_SERIALS)]

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
        if name == SMS_RECIPIENTS:
            return [self.sms.render(self.sms.add(number, self.sms.senders[0])) for number in recipients]
        chosen = None if domain is None else self.domains.named(domain)
        if name == BLOCKLIST:
            return self.block(recipients, patterns, chosen)
        if name == RECIPIENTS:
            return [self.add_recipient(address, chosen or self.domains[0]) for address in recipients]
        return self.suppress(name, recipients, chosen or self.domains[0])

    def remove(self, name: str, ids: Iterable[str]) -> None:
        """Remove from any list as somebody else would; ``ValueError``, and nothing removed, at an unknown id."""
        require_list(name)
        find = {RECIPIENTS: self.recipients.with_id, SMS_RECIPIENTS: self.sms.with_id}.get(
            name, self.suppressions.get(name, self.blocklist).with_id
        )
        serials = []
        for entry_id in ids:
            serial = find(entry_id)
            if serial is None:
                raise ValueError(f"There is no {entry_id!r} on {name}.")
            serials.append(serial)
        if name == RECIPIENTS:
            for serial in serials:
                self.delete_recipient(serial)
        elif name == SMS_RECIPIENTS:
            self.sms.remove(serials)
        else:
            self.suppressions[name].remove(serials)

    def sizes(self) -> dict[str, int]:
        """How many entries stand on each list."""
        return {name: entries.count() for name, entries in self.suppressions.items()} | {
            RECIPIENTS: self.recipients.count(None),
            SMS_RECIPIENTS: self.sms.count(),
        }


def require_list(name: str) -> str:
    """The name of a list; ``ValueError`` when there is none of that name."""
    if name not in LISTS:
        raise ValueError(f"There is no list {name!r}: it must be one of {', '.join(LISTS)}.")
    return name
