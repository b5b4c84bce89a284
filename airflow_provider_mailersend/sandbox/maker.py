"""Makes rows: those that an account begins with, and those that are added."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from typing import Any

from airflow_provider_mailersend.api.requests import SmsRecipientStatus, SuppressionList
from airflow_provider_mailersend.sandbox.dialect import Dialect
from airflow_provider_mailersend.sandbox.moments import DAY, SECOND, iso
from airflow_provider_mailersend.sandbox.rows import Owner, Row

RECIPIENTS = "recipients"
SMS_RECIPIENTS = "sms-recipients"

REASONS: Mapping[str, str | None] = {
    SuppressionList.HARD_BOUNCES.value: "Unknown reason",
    SuppressionList.SPAM_COMPLAINTS.value: None,
    SuppressionList.UNSUBSCRIBES.value: "NEVER_SIGNED",
    SuppressionList.ON_HOLD.value: "Unknown reason",
}
"""The suppression lists of recipients, and the reason that every other seeded entry has."""

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_FIRST = ("ada", "ben", "cleo", "dora", "emil", "fay", "gus", "hana", "ivo", "june", "karl", "lena")
_PEOPLE_AT = ("example.com", "example.net", "example.org")
_BLOCKED_AT = ("offers.example", "bulk.example", "leads.test", "promo.example", "lottery.test")


class Maker:
    """Makes rows with ids, addresses and dates that follow from ``seed``.

    :param newest: when the newest seeded entry of each list was made.
    :param spacing: microseconds between a seeded entry and the next.
    """

    def __init__(self, seed: int, newest: int, spacing: int, dialect: Dialect) -> None:
        self.newest = newest
        self.spacing = spacing
        self._seed = seed
        self._dialect = dialect
        self._made: Counter[str] = Counter()
        self._digest = cache(self._digest_of)
        self.brief = cache(self._brief)

    def owners(self, option: str, names: Sequence[str]) -> list[Owner]:
        """Domains or SMS numbers, each with an id of 16 lowercase letters and digits."""
        if isinstance(names, str) or not names:
            thing = option.removesuffix("s").replace("_", " ").replace("sms", "phone")
            raise ValueError(f"{option} must name at least one {thing}, as a sequence.")
        if len(set(names)) != len(names):
            raise ValueError(f"{option} must not name one twice.")
        return [Owner(self._short_id(option, name), name) for name in names]

    def recipient(self, email: str, domain: Owner, moment: int) -> Row:
        row_id, date = self._id(RECIPIENTS, moment), self.date(moment)
        shown = {
            "id": row_id,
            "email": email,
            "created_at": date,
            "updated_at": date,
            "deleted_at": "",
            "domain": self.brief(domain),
        }
        return Row(row_id, email, domain, shown)

    def entry(self, name: str, recipient: Row, moment: int, reason: str | None) -> Row:
        """An entry of a suppression list of recipients."""
        shown: dict[str, Any] = {"id": self._id(name, moment)}
        if name != SuppressionList.SPAM_COMPLAINTS:
            shown["reason"] = reason
        if name == SuppressionList.UNSUBSCRIBES:
            shown["readable_reason"] = reason and "I never signed up for this mailing list"
        shown["created_at"] = self.date(moment)
        shown["recipient"] = recipient.shown
        return Row(shown["id"], recipient.value, recipient.owner, shown)

    def blocked(self, kind: str, text: str, domain: Owner | None, moment: int) -> Row:
        row_id, date = self._id(SuppressionList.BLOCKLIST, moment), self.date(moment)
        shown = {
            "id": row_id,
            "type": kind,
            "pattern": text,
            "domain": self.brief(domain) if domain else None,
            "created_at": date,
            "updated_at": date,
        }
        return Row(row_id, text, domain, shown)

    def sms(self, number: str, sender: Owner, moment: int, status: SmsRecipientStatus) -> Row:
        row_id = self._id(SMS_RECIPIENTS, moment)
        shown: dict[str, Any] = {
            "id": row_id,
            "number": number,
            "status": status.value,
            "created_at": self.date(moment),
        }
        if self._dialect.sms_opt_out_keys:
            shown |= {"opted_out_at": None, "opt_out_source": None}
        return Row(row_id, number, sender, shown)

    def seeded_recipients(self, first: int, count: int, domains: Sequence[Owner]) -> list[Row]:
        """Recipients going round the domains, each made a second before the entry that it belongs to."""
        rows = []
        for index, moment in self._moments(count):
            email = f"{self._name(first + index)}@{_PEOPLE_AT[(first + index) % len(_PEOPLE_AT)]}"
            rows.append(self.recipient(email, domains[index % len(domains)], moment - SECOND))
        return rows

    def seeded_entries(self, name: str, recipients: Sequence[Row]) -> list[Row]:
        """An entry for each recipient; every other has a reason, where the list has reasons."""
        return [
            self.entry(name, recipients[index], moment, None if index % 2 else REASONS[name])
            for index, moment in self._moments(len(recipients))
        ]

    def seeded_blocklist(self, count: int, domains: Sequence[Owner]) -> list[Row]:
        """Entries going round the domains and the account.

        Of every fifty, the 25th repeats an earlier one of the same scope, and the 50th is a pattern.
        """
        scopes = [*domains, None]
        rows: list[Row] = []
        for index, moment in self._moments(count):
            kind, text = "exact", f"{self._name(index)}@{_BLOCKED_AT[index % len(_BLOCKED_AT)]}"
            if index % 50 == 49:
                kind, text = "pattern", f".*@{_BLOCKED_AT[index // 50 % len(_BLOCKED_AT)]}"
            elif index % 50 == 24 and index >= len(scopes):
                text = rows[-len(scopes)].value
            rows.append(self.blocked(kind, text, scopes[index % len(scopes)], moment))
        return rows

    def seeded_sms(self, count: int, senders: Sequence[Owner]) -> list[Row]:
        """SMS recipients going round the SMS numbers.

        Of every four the last has opted out. Of every ten the last has the phone number of the one before
        it, under the next SMS number.
        """
        rows = []
        for index, moment in self._moments(count):
            phone = index - 1 if index % 10 == 9 and len(senders) > 1 else index
            status = SmsRecipientStatus.OPT_OUT if index % 4 == 3 else SmsRecipientStatus.ACTIVE
            rows.append(self.sms(f"+1555{phone:07d}", senders[index % len(senders)], moment, status))
        return rows

    def date(self, moment: int) -> str:
        """As new entries are dated."""
        return iso(moment - moment % SECOND if self._dialect.dates_in_whole_seconds else moment)

    def _brief(self, domain: Owner) -> dict[str, Any]:
        """A domain as it is shown inside of other objects."""
        date = iso(self.newest // DAY * DAY)
        return {"id": domain.id, "name": domain.name, "created_at": date, "updated_at": date}

    def _moments(self, count: int) -> Iterator[tuple[int, int]]:
        """The index of each of so many entries, the oldest first, and when it was made."""
        return ((index, self.newest - (count - 1 - index) * self.spacing) for index in range(count))

    def _id(self, kind: str, moment: int) -> str:
        """24 hex digits, as a MongoDB makes them: the second, the maker, a serial number."""
        self._made[kind] += 1
        return f"{moment // SECOND & 0xFFFFFFFF:08x}{self._digest(kind)[:10]}{self._made[kind]:06x}"

    def _short_id(self, kind: str, name: str) -> str:
        number = int(self._digest(f"{kind}/{name}"), 16)
        return "".join(_LETTERS[number // 36**place % 36] for place in range(16))

    def _name(self, serial: int) -> str:
        return f"{_FIRST[(serial + self._seed) % len(_FIRST)]}{serial}"

    def _digest_of(self, what: str) -> str:
        return blake2b(f"{self._seed}/{what}".encode(), digest_size=16).hexdigest()
