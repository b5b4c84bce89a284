"""What makes a suppression list equal to its source: what to add to it, and what to delete from it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from hashlib import sha256
from typing import Any, Literal, NamedTuple

from airflow_provider_mailersend.api.compact_set import CompactSet
from airflow_provider_mailersend.api.entries import Key, belongs_to, make_key, parse_date, suppressed_value
from airflow_provider_mailersend.api.masking import join_first, masked, masked_within
from airflow_provider_mailersend.api.requests import ACCOUNT
from airflow_provider_mailersend.jobs.wanted import Item, Wanted

Mode = Literal["add_only", "mirror"]

#: How much of the list a mirror may delete by default.
MAX_DELETES = 0.1

#: How many items of each kind results and messages show.
FIRST = 10

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Plan:
    """
    The difference between a list and what it should contain.

    :param wanted: how many items it should contain.
    :param present: how many entries it has, of the domain and of the kinds wanted.
    :param duplicates: how many of these repeat an entry for a wanted item.
    :param to_delete: the ids of the entries to delete.
    :param first_to_delete: the first of these, with what they suppress.
    """

    wanted: int = 0
    present: int = 0
    duplicates: int = 0
    to_add: list[Item] = field(default_factory=list)
    to_delete: list[str] = field(default_factory=list)
    first_to_delete: list[dict[str, str]] = field(default_factory=list)

    @property
    def unchanged(self) -> int:
        """How many wanted items are on the list already."""
        return self.wanted - len(self.to_add)

    def fingerprint(self, suppression_list: str, domain_id: str | None, mode: Mode) -> str:
        """
        Return what is the same for all plans that add and delete the same in the same place, and tells nothing of it.

        :param domain_id: the domain; None for the account.
        """
        changes = sorted([*(f"+{item.key}" for item in self.to_add), *(f"-{id_}" for id_ in self.to_delete)])
        lines = (suppression_list, domain_id or ACCOUNT, mode, *changes)
        return sha256("\n".join(lines).encode()).hexdigest()

    def excess_over(self, max_deletes: int | float) -> str | None:
        """
        Return how the plan exceeds *max_deletes*; None if it doesn't.

        :param max_deletes: a number of entries, or as a float a fraction of those present.
        """
        # From its decimal digits: 0.29 of 100 is 29, but in binary it is less.
        of_each = self.present if isinstance(max_deletes, float) else 1
        most = int(Fraction(str(max_deletes)) * of_each)
        if len(self.to_delete) <= most:
            return None
        return f"{len(self.to_delete)} to delete exceed max_deletes={max_deletes!r}, which allows {most}"

    def __str__(self) -> str:
        to_add = _masked_first([item.value for item in self.to_add[:FIRST]], len(self.to_add))
        to_delete = _masked_first([entry["value"] for entry in self.first_to_delete], len(self.to_delete))
        return (
            f"{self.present} are there, {self.wanted} are wanted: {len(self.to_add)} to add{to_add}, "
            f"{len(self.to_delete)} to delete{to_delete}, {self.unchanged} unchanged"
        )


class Planner:
    """
    Makes the plan from the list's entries, one by one.

    It leaves alone entries of other domains, of kinds that aren't wanted, and those that don't show what they suppress.

    :param domain_id: the domain; None for the account.
    :param mode: ``add_only``; ``mirror``, which deletes what isn't wanted; or ``delete``, which deletes what is.
    :param remove_duplicates: whether to keep only the oldest entry for each wanted item.
    """

    def __init__(
        self,
        wanted: Wanted,
        *,
        domain_id: str | None = None,
        mode: Mode | Literal["delete"] = "add_only",
        remove_duplicates: bool = False,
    ) -> None:
        self._wanted = wanted
        self._domain_id = domain_id
        self._mode = mode
        self._remove_duplicates = remove_duplicates
        # By its place, whether each wanted item has an entry.
        self._met = bytearray(len(wanted))
        self._left_to_meet = len(wanted)
        # The keys of other entries.
        self._others = CompactSet()
        # For each entry to delete the hash of its key, as lists are long.
        self._hashes_to_delete = array("q")
        self._kept: dict[int, _Seen] = {}
        # Entries that don't show their domain, and whether any showed another than ours.
        self._without_domain: list[_Seen] = []
        self._has_others = False
        self._plan = Plan(wanted=len(wanted))

    def see(self, entry: Mapping[str, Any]) -> None:
        """Take in one entry; never the same one twice."""
        is_ours = belongs_to(entry, self._domain_id)
        if is_ours is False:
            self._has_others = True
            return
        value = suppressed_value(entry)
        if value is None or value[0] not in self._wanted.kinds:
            return
        seen = _Seen(entry["id"], *value, entry.get("created_at"))
        if is_ours:
            self._take(seen)
        else:
            self._without_domain.append(seen)

    @property
    def has_met_all(self) -> bool:
        """Whether the rest of the list can't change the plan."""
        return not self._left_to_meet and self._mode == "add_only" and not self._remove_duplicates

    def was_there(self, key: Key) -> bool:
        """Return whether an entry with *key* was seen."""
        place = self._wanted.place_of(key)
        return bool(self._met[place]) if place is not None else key in self._others

    def keep(self, ids: Iterable[str], keys: Iterable[Key]) -> None:
        """Delete no entries with these *ids* or *keys*; those of wanted keys are there without it."""
        plan = self._plan
        # Many keys may be read for each refused item.
        if not plan.to_delete:
            return
        hashes = CompactSet()
        for key in keys:
            if self._wanted.place_of(key) is None:
                hashes.add(hash(key))
        kept = set(plan.to_delete).intersection(ids)
        kept.update(
            id_
            for id_, hashed in zip(plan.to_delete, self._hashes_to_delete, strict=True)
            if hashed in hashes
        )
        plan.to_delete = [id_ for id_ in plan.to_delete if id_ not in kept]
        plan.first_to_delete = [entry for entry in plan.first_to_delete if entry["id"] not in kept]

    def plan(self) -> Plan:
        """Return the plan, once all entries were seen."""
        # Entries without a domain are ours only if the API's filter by domain kept out all others.
        if not self._has_others:
            for seen in self._without_domain:
                self._take(seen)
        self._without_domain = []
        self._plan.to_add = [item for item, is_met in zip(self._wanted, self._met, strict=True) if not is_met]
        return self._plan

    def _take(self, seen: _Seen) -> None:
        self._plan.present += 1
        key = make_key(seen.kind, seen.value)
        place = self._wanted.place_of(key)
        if place is None:
            self._others.add(key)
            if self._mode == "mirror" and key not in self._wanted.meant:
                self._delete(seen, key)
            return
        is_first = not self._met[place]
        self._met[place] = True
        self._left_to_meet -= is_first
        self._plan.duplicates += not is_first
        if self._mode == "delete":
            self._delete(seen, key)
        elif self._remove_duplicates and is_first:
            self._kept[place] = seen
        elif self._remove_duplicates:
            # Two jobs that remove duplicates at the same time must keep the same entry.
            self._kept[place], other = sorted((self._kept[place], seen), key=_age)
            self._delete(other, key)

    def _delete(self, seen: _Seen, key: Key) -> None:
        self._plan.to_delete.append(seen.id)
        self._hashes_to_delete.append(hash(key))
        if len(self._plan.first_to_delete) < FIRST:
            self._plan.first_to_delete.append({"id": seen.id, "value": seen.value})


class _Seen(NamedTuple):
    id: str
    kind: str
    value: str
    created_at: object


def _age(seen: _Seen) -> tuple[datetime, str]:
    """Return a key that sorts the oldest first, by id within a date, and those without a date last."""
    return parse_date(seen.created_at) or _NEVER, seen.id


def _masked_first(first: Sequence[str], count: int) -> str:
    # Different addresses may look the same once they are masked.
    return f" ({join_first(dict.fromkeys(map(masked, first)), count)})" if first else ""


def check_max_deletes(max_deletes: object) -> None:
    """Raise :class:`ValueError` unless *max_deletes* is a number of entries, or a fraction as a float."""
    is_count = isinstance(max_deletes, int) and not isinstance(max_deletes, bool) and max_deletes >= 0
    is_fraction = isinstance(max_deletes, float) and 0 <= max_deletes <= 1
    if not is_count and not is_fraction:
        raise ValueError(
            "max_deletes must be a number of entries (a whole number) or a fraction of those on the list (a float "
            f"from 0.0 to 1.0); got {masked_within(repr(max_deletes))}"
        )
