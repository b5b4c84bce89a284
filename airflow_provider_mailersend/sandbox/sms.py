"""The people that text messages were sent to: one SMS recipient for each phone number and SMS number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from airflow_provider_mailersend.sandbox.identity import ObjectIds, short_id
from airflow_provider_mailersend.sandbox.ordering import SerialOrder
from airflow_provider_mailersend.sandbox.timeline import SECOND, Clock, Timeline, iso

ACTIVE = "active"
OPT_OUT = "opt_out"
STATUSES = (ACTIVE, OPT_OUT)


@dataclass(frozen=True)
class SmsNumber:
    """A number that the account sends from."""

    id: str
    number: str


class _Sms(NamedTuple):
    number: str
    sender: SmsNumber
    created: int
    opted_out: int | None = None

    @property
    def status(self) -> str:
        return ACTIVE if self.opted_out is None else OPT_OUT


class SmsRecipients:
    """SMS recipients by serial number, in the order in which they were made; pages come oldest first.

    Seeded ones go round the SMS numbers. Of every four the last has opted out, and of every ten the last
    has the phone number of the one before it, under the next SMS number.
    """

    def __init__(
        self, seeded: int, senders: Sequence[str], seed: int, ids: ObjectIds, timeline: Timeline, clock: Clock
    ) -> None:
        if isinstance(senders, str) or not senders:
            raise ValueError("sms_numbers must name at least one phone number, as a sequence of numbers.")
        self.senders = [SmsNumber(short_id(seed, "sms number", number), number) for number in senders]
        self._seeded = self._next = seeded
        self._ids = ids
        self._timeline = timeline
        self._clock = clock
        self._changed: dict[int, _Sms] = {}
        self._order = SerialOrder()
        self._order.load(None, range(seeded))
        self._load(None, range(seeded))
        for turn, sender in enumerate(self.senders):
            self._order.load((sender.id, None), range(turn, seeded, len(self.senders)))
            self._load(sender.id, range(turn, seeded, len(self.senders)))

    def sender_with_id(self, sender_id: str) -> SmsNumber | None:
        return next((sender for sender in self.senders if sender.id == sender_id), None)

    def count(self, sender: SmsNumber | None = None, status: str | None = None) -> int:
        return self._order.count(_scope(sender, status))

    def page(self, sender: SmsNumber | None, status: str | None, start: int, stop: int) -> list[int]:
        return list(self._order.lowest_first(_scope(sender, status), start, stop))

    def with_id(self, recipient_id: object) -> int | None:
        serial = self._ids.serial(recipient_id)
        if serial is None or not self._order.holds(serial):
            return None
        return serial if self._ids.make(serial, self._sms(serial).created) == recipient_id else None

    def add(self, number: str, sender: SmsNumber) -> int:
        """The SMS recipient of that phone number under that SMS number, made when there is none yet."""
        for serial in self._order.lowest_first((sender.id, None), 0, self._next):
            if self._sms(serial).number == number:
                return serial
        serial, self._next = self._next, self._next + 1
        self._changed[serial] = _Sms(number, sender, self._clock.tick())
        self._order.add(serial, None, (sender.id, None), (None, ACTIVE), (sender.id, ACTIVE))
        return serial

    def set_status(self, serial: int, status: str) -> None:
        sms = self._sms(serial)
        if sms.status == status:
            return
        opted_out = self._clock.tick() if status == OPT_OUT else None
        self._changed[serial] = sms._replace(opted_out=opted_out)
        self._order.remove([serial], (None, sms.status), (sms.sender.id, sms.status))
        self._order.add(serial, (None, status), (sms.sender.id, status))

    def remove(self, serials: Sequence[int]) -> None:
        self._order.remove(serials)
        for serial in serials:
            self._changed.pop(serial, None)

    def render(self, serial: int) -> dict[str, Any]:
        """The SMS recipient as the API lists it."""
        sms = self._sms(serial)
        return {
            "id": self._ids.make(serial, sms.created),
            "number": sms.number,
            "status": sms.status,
            "opted_out_at": None if sms.opted_out is None else iso(sms.opted_out),
            "opt_out_source": None if sms.opted_out is None else "api",
            "created_at": iso(sms.created),
        }

    def render_whole(self, serial: int) -> dict[str, Any]:
        """The SMS recipient as the API shows it alone: with its SMS number and its messages."""
        sms = self._sms(serial)
        created_at = iso(sms.created)
        message = {
            "id": self._ids.make(serial, sms.created - SECOND),
            "from": sms.sender.number,
            "to": sms.number,
            "text": "Your parcel is on its way.",
            "status": "delivered",
            "segment_count": 1,
            "error_type": None,
            "error_description": None,
            "created_at": created_at,
        }
        sender = {
            "id": sms.sender.id,
            "telephone_number": sms.sender.number,
            "paused": False,
            "created_at": iso(self._timeline.newest),
        }
        return self.render(serial) | {"sms_number": sender, "sms": [message]}

    def _load(self, sender_id: str | None, serials: range) -> None:
        self._order.load((sender_id, OPT_OUT), (serial for serial in serials if _seeded_opted_out(serial)))
        self._order.load((sender_id, ACTIVE), (serial for serial in serials if not _seeded_opted_out(serial)))

    def _sms(self, serial: int) -> _Sms:
        changed = self._changed.get(serial)
        if changed is not None:
            return changed
        phone = serial - 1 if serial % 10 == 9 and len(self.senders) > 1 else serial
        created = self._timeline.at(serial, self._seeded)
        # An hour after it was made, but nothing is newer than the newest.
        hour_later = min(created + 3600 * SECOND, self._timeline.newest)
        opted_out = hour_later if _seeded_opted_out(serial) else None
        return _Sms(f"+1555{phone:07d}", self.senders[serial % len(self.senders)], created, opted_out)


def _seeded_opted_out(serial: int) -> bool:
    return serial % 4 == 3


def _scope(sender: SmsNumber | None, status: str | None) -> tuple[str | None, str | None] | None:
    if sender is None and status is None:
        return None
    return (None if sender is None else sender.id, status)
