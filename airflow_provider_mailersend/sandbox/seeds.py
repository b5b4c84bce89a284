"""Made-up rows, which all follow from the seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from airflow_provider_mailersend.api.requests import SmsRecipientStatus, SuppressionList
from airflow_provider_mailersend.sandbox.moments import DAY, SECOND, whole_seconds
from airflow_provider_mailersend.sandbox.rows import Blocked, Domain, Listed, Recipient, Sms, SmsNumber

MOST = 1_000_000
"""As many entries as all lists together may begin with: rows are held in memory."""

REASONS: Mapping[str, str | None] = {
    SuppressionList.HARD_BOUNCES: "Unknown reason",
    SuppressionList.SPAM_COMPLAINTS: None,
    SuppressionList.UNSUBSCRIBES: "NEVER_SIGNED",
    SuppressionList.ON_HOLD: "Unknown reason",
}
"""The suppression lists of recipients, and the reason that every other seeded entry has."""

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_FIRST = ("ada", "ben", "cleo", "dora", "emil", "fay", "gus", "hana", "ivo", "june", "karl", "lena", "milo")
_LAST = ("abbott", "brandt", "castro", "dunn", "ekman", "fabre", "gatti", "hoang", "ito", "jansen", "kovac")
_PEOPLE_AT = ("example.com", "example.net", "example.org")
_BLOCKED_AT = ("offers.example", "bulk.example", "leads.test", "promo.example", "lottery.test")


@dataclass
class Seeds:
    """Makes the rows that an account begins with, and ids for those that come later.

    :param newest: when the newest entry of each list was made.
    :param spacing: microseconds between an entry and the next.
    :param in_whole_seconds: whether dates are cut down to whole seconds.
    """

    seed: int
    newest: int
    spacing: int
    in_whole_seconds: bool
    _made: dict[str, int] = field(default_factory=dict)
    _makers: dict[str, str] = field(default_factory=dict)

    def domains(self, names: Sequence[str]) -> list[Domain]:
        """The sending domains, of which the first is the newest."""
        if isinstance(names, str) or not names:
            raise ValueError("domains must name at least one domain, as a sequence of names.")
        if len(set(names)) != len(names):
            raise ValueError("domains must not name a domain twice.")
        return [
            Domain(self._short_id("domain", name), name, whole_seconds(self.newest) - (index + 1) * DAY)
            for index, name in enumerate(names)
        ]

    def sms_numbers(self, numbers: Sequence[str]) -> list[SmsNumber]:
        if isinstance(numbers, str) or not numbers:
            raise ValueError("sms_numbers must name at least one phone number, as a sequence of numbers.")
        return [SmsNumber(self._short_id("sms number", number), number) for number in numbers]

    def moments(self, count: int) -> Iterator[int]:
        """When each of so many entries was made, the oldest first."""
        for left in range(count - 1, -1, -1):
            moment = self.newest - left * self.spacing
            yield whole_seconds(moment) if self.in_whole_seconds else moment

    def recipients(self, first: int, count: int, domains: Sequence[Domain]) -> list[Recipient]:
        """Recipients going round the domains, each made a second before the entry that it belongs to."""
        return [
            Recipient(
                self.id("recipients", moment - SECOND),
                f"{self._name(serial)}@{_PEOPLE_AT[serial % len(_PEOPLE_AT)]}",
                domains[index % len(domains)],
                moment - SECOND,
                moment - SECOND,
            )
            for index, (serial, moment) in enumerate(
                zip(range(first, first + count), self.moments(count), strict=True)
            )
        ]

    def listed(self, name: str, recipients: Sequence[Recipient]) -> list[Listed]:
        """An entry for each recipient; every other has a reason, where the list has reasons."""
        return [
            Listed(
                self.id(name, moment),
                recipient.email,
                recipient.domain,
                moment,
                None if index % 2 else REASONS[name],
            )
            for index, (recipient, moment) in enumerate(
                zip(recipients, self.moments(len(recipients)), strict=True)
            )
        ]

    def blocked(self, count: int, domains: Sequence[Domain]) -> list[Blocked]:
        """Entries going round the domains and the account.

        Of every fifty, the 25th repeats an earlier one of the same scope, and the 50th is a pattern.
        """
        scopes = [*domains, None]
        rows: list[Blocked] = []
        for serial, moment in enumerate(self.moments(count)):
            kind, host = "exact", _BLOCKED_AT[serial % len(_BLOCKED_AT)]
            text = f"{self._name(serial)}@{host}"
            if serial % 50 == 49:
                kind, text = "pattern", f".*@{_BLOCKED_AT[serial // 50 % len(_BLOCKED_AT)]}"
            elif serial % 50 == 24 and serial >= len(scopes):
                text = rows[serial - len(scopes)].pattern
            rows.append(
                Blocked(
                    self.id(SuppressionList.BLOCKLIST, moment),
                    kind,
                    text,
                    scopes[serial % len(scopes)],
                    moment,
                )
            )
        return rows

    def sms(self, count: int, senders: Sequence[SmsNumber]) -> list[Sms]:
        """SMS recipients going round the SMS numbers.

        Of every four the last has opted out. Of every ten the last has the phone number of the one before
        it, under the next SMS number.
        """
        rows = []
        for serial, moment in enumerate(self.moments(count)):
            phone = serial - 1 if serial % 10 == 9 and len(senders) > 1 else serial
            status = SmsRecipientStatus.OPT_OUT if serial % 4 == 3 else SmsRecipientStatus.ACTIVE
            sender = senders[serial % len(senders)]
            rows.append(
                Sms(self.id("sms-recipients", moment), f"+1555{phone:07d}", sender, status.value, moment)
            )
        return rows

    def id(self, kind: str, moment: int) -> str:
        """A new id of 24 hex digits, as a MongoDB makes them: the second, the maker, a serial number."""
        maker = self._makers.get(kind)
        if maker is None:
            maker = self._makers[kind] = self._digest("maker", kind)[:5].hex()
        serial = self._made[kind] = self._made.get(kind, -1) + 1
        return f"{moment // SECOND & 0xFFFFFFFF:08x}{maker}{serial:06x}"

    def _short_id(self, kind: str, name: str) -> str:
        """An id of 16 lowercase letters and digits, as domains and SMS numbers have."""
        number = int.from_bytes(self._digest(kind, name), "big")
        letters = []
        for _ in range(16):
            number, rest = divmod(number, 36)
            letters.append(_LETTERS[rest])
        return "".join(letters)

    def _name(self, serial: int) -> str:
        turn = serial + self.seed
        return f"{_FIRST[turn % len(_FIRST)]}.{_LAST[turn % len(_LAST)]}{serial}"

    def _digest(self, *what: object) -> bytes:
        return blake2b("/".join(map(str, (self.seed, *what))).encode(), digest_size=16).digest()
