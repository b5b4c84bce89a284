"""The people that mail was sent to: one recipient for each address and domain."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_mailersend.sandbox.domains import Domain, Domains
from airflow_provider_mailersend.sandbox.identity import Addresses, ObjectIds
from airflow_provider_mailersend.sandbox.ordering import SerialOrder
from airflow_provider_mailersend.sandbox.timeline import Timeline, iso, old_style

_LEAD = 40_000  # microseconds by which a recipient is older than the suppression that made it known


@dataclass(frozen=True)
class Block:
    """Seeded recipients in a row: those of one suppression list, or those on none.

    The API lists recipients in no date order, so within a block the dates are jumbled: ``swap`` turns the
    place of a recipient into its rank by date, and a rank back into a place.
    """

    name: str
    start: int
    size: int

    def swap(self, number: int) -> int:
        other = number ^ 5
        return other if other < self.size else number

    def __contains__(self, serial: int) -> bool:
        return self.start <= serial < self.start + self.size


@dataclass(frozen=True)
class _Added:
    address: str
    domain: Domain
    created: int


class Recipients:
    """Every recipient of the account. Serial numbers stand for them, in the order of the list."""

    def __init__(
        self,
        sizes: Mapping[str, int],
        domains: Domains,
        addresses: Addresses,
        ids: ObjectIds,
        timeline: Timeline,
    ) -> None:
        self._domains = domains
        self._addresses = addresses
        self._ids = ids
        self._timeline = timeline
        self._order = SerialOrder()
        self._blocks: list[Block] = []
        self._added: dict[int, _Added] = {}
        self._added_by_address: dict[tuple[str, int], int] = {}
        self._updated: dict[int, int] = {}
        start = 0
        for name, size in sizes.items():
            self._blocks.append(Block(name, start, size))
            start += size
        self._starts = [block.start for block in self._blocks]
        self._seeded = self._next = start
        self._order.load(None, range(start))
        for domain in range(len(domains)):
            for block in self._blocks:
                places = map(block.swap, range(domain, block.size, len(domains)))
                self._order.load(domain, sorted(block.start + place for place in places))

    def block(self, name: str) -> Block:
        return next(block for block in self._blocks if block.name == name)

    def count(self, domain: Domain | None) -> int:
        return self._order.count(_scope(domain))

    def page(self, domain: Domain | None, start: int, stop: int) -> list[int]:
        return list(self._order.lowest_first(_scope(domain), start, stop))

    def with_id(self, recipient_id: object) -> int | None:
        serial = self._ids.serial(recipient_id)
        if serial is None or not self._order.holds(serial) or self.id(serial) != recipient_id:
            return None
        return serial

    def with_address(self, address: str, domain: Domain) -> int | None:
        added = self._added_by_address.get((address, domain.index))
        if added is not None:
            return added
        serial = self._addresses.person_serial(address)
        if serial is None or serial >= self._seeded or not self._order.holds(serial):
            return None
        return serial if self.domain(serial) is domain else None

    def add(self, address: str, domain: Domain, moment: int) -> int:
        """The recipient of that address in that domain, made when there is none yet."""
        known = self.with_address(address, domain)
        if known is not None:
            self._updated[known] = moment
            return known
        serial, self._next = self._next, self._next + 1
        self._added[serial] = _Added(address, domain, moment)
        self._added_by_address[address, domain.index] = serial
        self._order.add(serial, None, domain.index)
        return serial

    def remove(self, serial: int) -> None:
        self._order.remove([serial], None, self.domain(serial).index)
        self._updated.pop(serial, None)
        added = self._added.pop(serial, None)
        if added is not None:
            del self._added_by_address[added.address, added.domain.index]

    def id(self, serial: int) -> str:
        return self._ids.make(serial, self._created(serial))

    def domain(self, serial: int) -> Domain:
        if serial >= self._seeded:
            return self._added[serial].domain
        block = self._block_of(serial)
        return self._domains[block.swap(serial - block.start) % len(self._domains)]

    def render(self, serial: int, *, old_dates: bool = False) -> dict[str, Any]:
        """The recipient as the API shows it."""
        if serial >= self._seeded:
            added = self._added[serial]
            address, domain, created = added.address, added.domain, added.created
        else:
            block = self._block_of(serial)
            rank = block.swap(serial - block.start)
            address = self._addresses.person(serial)
            domain = self._domains[rank % len(self._domains)]
            created = self._timeline.at(rank, block.size) - _LEAD
        written = old_style if old_dates else iso
        created_at = written(created)
        updated = self._updated.get(serial)
        return {
            "id": self._ids.make(serial, created),
            "email": address,
            "created_at": created_at,
            "updated_at": created_at if updated is None else written(updated),
            "deleted_at": "",
            "domain": domain.brief,
        }

    def _created(self, serial: int) -> int:
        if serial >= self._seeded:
            return self._added[serial].created
        block = self._block_of(serial)
        return self._timeline.at(block.swap(serial - block.start), block.size) - _LEAD

    def _block_of(self, serial: int) -> Block:
        # Empty blocks share their start with the next one; the rightmost is the one that holds something.
        return self._blocks[bisect_right(self._starts, serial) - 1]


def _scope(domain: Domain | None) -> int | None:
    return None if domain is None else domain.index
