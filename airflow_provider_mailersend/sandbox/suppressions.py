"""The suppression lists: the blocklist of patterns, and the four lists of recipients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from airflow_provider_mailersend.sandbox.domains import Domain, Domains
from airflow_provider_mailersend.sandbox.identity import Addresses, ObjectIds
from airflow_provider_mailersend.sandbox.ordering import SerialOrder
from airflow_provider_mailersend.sandbox.recipients import Recipients
from airflow_provider_mailersend.sandbox.timeline import Clock, Timeline, iso

BLOCKLIST = "blocklist"
HARD_BOUNCES = "hard-bounces"
SPAM_COMPLAINTS = "spam-complaints"
UNSUBSCRIBES = "unsubscribes"
ON_HOLD = "on-hold-list"
RECIPIENT_LISTS = (HARD_BOUNCES, SPAM_COMPLAINTS, UNSUBSCRIBES, ON_HOLD)


class SuppressionList(ABC):
    """Entries by serial number, in the order in which they were made; pages come newest first."""

    def __init__(self, seeded: int, ids: ObjectIds, timeline: Timeline, clock: Clock) -> None:
        self._seeded = self._next = seeded
        self._ids = ids
        self._timeline = timeline
        self._clock = clock
        self._order = SerialOrder()
        self._order.load(None, range(seeded))

    @abstractmethod
    def render(self, serial: int) -> dict[str, Any]:
        """The entry as the API shows it."""

    @abstractmethod
    def domain(self, serial: int) -> Domain | None:
        """The domain to which the entry belongs; None when it is the account's."""

    @abstractmethod
    def remove(self, serials: Iterable[int]) -> None:
        """Take entries off the list."""

    @abstractmethod
    def _created(self, serial: int) -> int: ...

    def count(self, domain: Domain | None = None) -> int:
        """How many entries there are, in one domain or altogether."""
        return self._order.count(None if domain is None else domain.index)

    def page(self, domain: Domain | None, start: int, stop: int) -> list[int]:
        """The entries from ``start`` up to ``stop``, counted from the newest."""
        return list(self._order.highest_first(None if domain is None else domain.index, start, stop))

    def with_id(self, entry_id: object, domain: Domain | None = None) -> int | None:
        """The entry of that id, when it stands on the list (and in the domain, when one is named)."""
        serial = self._ids.serial(entry_id)
        if serial is None or not self._order.holds(serial):
            return None
        if self._ids.make(serial, self._created(serial)) != entry_id:
            return None
        return serial if domain is None or self.domain(serial) is domain else None

    def _append(self, domain: Domain | None) -> int:
        serial, self._next = self._next, self._next + 1
        self._order.add(serial, *((None,) if domain is None else (None, domain.index)))
        return serial


class _Blocked(NamedTuple):
    kind: Literal["exact", "pattern"]
    text: str
    domain: Domain | None
    created: int


class Blocklist(SuppressionList):
    """Addresses and patterns, of the account or of a domain; nothing keeps one from standing here twice.

    Seeded entries go round: one for each domain, then one for the account. Of every fifty, the 25th repeats
    the text of an earlier one in the same scope, and the 50th is a pattern.
    """

    def __init__(
        self,
        seeded: int,
        ids: ObjectIds,
        timeline: Timeline,
        clock: Clock,
        *,
        domains: Domains,
        addresses: Addresses,
    ) -> None:
        super().__init__(seeded, ids, timeline, clock)
        self._domains = domains
        self._addresses = addresses
        self._added: dict[int, _Blocked] = {}
        self._round = len(domains) + 1
        for index in range(len(domains)):
            self._order.load(index, range(index, seeded, self._round))

    def add(self, kind: Literal["exact", "pattern"], text: str, domain: Domain | None) -> int:
        serial = self._append(domain)
        self._added[serial] = _Blocked(kind, text, domain, self._clock.tick())
        return serial

    def remove(self, serials: Iterable[int]) -> None:
        gone = list(serials)
        self._order.remove(gone)
        for serial in gone:
            self._added.pop(serial, None)

    def domain(self, serial: int) -> Domain | None:
        return self._entry(serial).domain

    def render(self, serial: int) -> dict[str, Any]:
        entry = self._entry(serial)
        created_at = iso(entry.created)
        return {
            "id": self._ids.make(serial, entry.created),
            "type": entry.kind,
            "pattern": entry.text,
            "domain": None if entry.domain is None else entry.domain.brief,
            "created_at": created_at,
            "updated_at": created_at,
        }

    def _created(self, serial: int) -> int:
        return self._entry(serial).created

    def _entry(self, serial: int) -> _Blocked:
        if serial >= self._seeded:
            return self._added[serial]
        turn = serial % self._round
        domain = self._domains[turn] if turn < len(self._domains) else None
        created = self._timeline.at(serial, self._seeded)
        if serial % 50 == 49:
            return _Blocked("pattern", self._addresses.blocked_pattern(serial // 50), domain, created)
        repeats = serial % 50 == 24 and serial >= self._round
        text = self._addresses.blocked(serial - self._round if repeats else serial)
        return _Blocked("exact", text, domain, created)


_Shape = Callable[[str, bool, str, dict[str, Any]], dict[str, Any]]


def _bounce(entry_id: str, told: bool, created_at: str, recipient: dict[str, Any]) -> dict[str, Any]:
    reason = "Unknown reason" if told else None
    return {"id": entry_id, "reason": reason, "created_at": created_at, "recipient": recipient}


def _complaint(entry_id: str, told: bool, created_at: str, recipient: dict[str, Any]) -> dict[str, Any]:
    return {"id": entry_id, "created_at": created_at, "recipient": recipient}


def _unsubscribe(entry_id: str, told: bool, created_at: str, recipient: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": entry_id,
        "reason": "NEVER_SIGNED" if told else None,
        "readable_reason": "I never signed up for this mailing list" if told else None,
        "recipient": recipient,
        "created_at": created_at,
    }


# Nobody has seen an entry that is on hold: it is taken to look like a hard bounce.
_SHAPES: Mapping[str, _Shape] = {
    HARD_BOUNCES: _bounce,
    SPAM_COMPLAINTS: _complaint,
    UNSUBSCRIBES: _unsubscribe,
    ON_HOLD: _bounce,
}


class _Listed(NamedTuple):
    recipient: int
    created: int


class RecipientList(SuppressionList):
    """A list of recipients, on which each stands once: so an address stands there once for each domain.

    Every other seeded entry has a reason, where the list has reasons; one added through the API has none.
    """

    def __init__(
        self,
        name: str,
        ids: ObjectIds,
        timeline: Timeline,
        clock: Clock,
        *,
        domains: Domains,
        recipients: Recipients,
    ) -> None:
        self._block = recipients.block(name)
        super().__init__(self._block.size, ids, timeline, clock)
        self._shape = _SHAPES[name]
        self._recipients = recipients
        self._added: dict[int, _Listed] = {}
        self._added_by_recipient: dict[int, int] = {}
        for index in range(len(domains)):
            self._order.load(index, range(index, self._seeded, len(domains)))

    def add(self, address: str, domain: Domain) -> int:
        """The entry of that address in that domain, made when there is none yet."""
        recipient = self._recipients.add(address, domain, self._clock.tick())
        known = self.with_recipient(recipient)
        if known is not None:
            return known
        serial = self._append(domain)
        self._added[serial] = _Listed(recipient, self._clock.tick())
        self._added_by_recipient[recipient] = serial
        return serial

    def remove(self, serials: Iterable[int]) -> None:
        gone = list(serials)
        self._order.remove(gone)
        for serial in gone:
            added = self._added.pop(serial, None)
            if added is not None:
                del self._added_by_recipient[added.recipient]

    def with_recipient(self, recipient: int) -> int | None:
        """The entry of that recipient."""
        if recipient in self._block:
            seeded = self._block.swap(recipient - self._block.start)
            if self._order.holds(seeded):
                return seeded
        return self._added_by_recipient.get(recipient)

    def domain(self, serial: int) -> Domain:
        return self._recipients.domain(self._entry(serial).recipient)

    def render(self, serial: int) -> dict[str, Any]:
        entry = self._entry(serial)
        told = serial < self._seeded and serial % 2 == 0
        return self._shape(
            self._ids.make(serial, entry.created),
            told,
            iso(entry.created),
            self._recipients.render(entry.recipient),
        )

    def _created(self, serial: int) -> int:
        return self._entry(serial).created

    def _entry(self, serial: int) -> _Listed:
        if serial >= self._seeded:
            return self._added[serial]
        return _Listed(self._block.start + self._block.swap(serial), self._timeline.at(serial, self._seeded))
