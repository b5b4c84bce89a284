"""What makes a suppression list equal to a source of truth: what to add to it, and what to delete from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, Literal, NamedTuple

from airflow_provider_mailersend.api.compact_set import CompactSet
from airflow_provider_mailersend.api.entries import (
    Key,
    belongs_to,
    make_key,
    parse_date,
    suppressed_value,
)
from airflow_provider_mailersend.api.masking import masked
from airflow_provider_mailersend.api.messages import join_first
from airflow_provider_mailersend.jobs.wanted import Item, Wanted

Mode = Literal["add_only", "mirror"]

#: How much of what is there a mirror may delete, unless it says otherwise.
MAX_DELETES = 0.1

#: How many of each part are told.
FIRST = 10

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What differs between a list and what is wanted.

    :param wanted: how many are wanted.
    :param present: how many entries are there, of the domain and the kinds about which something is wanted.
    :param duplicates: how many of them stand there besides the first of the same that is wanted.
    :param to_add: what is wanted and not there.
    :param to_delete: the ids of the entries to delete.
    :param first_to_delete: the first of them, with what they suppress.
    """

    wanted: int
    present: int
    duplicates: int
    to_add: list[Item]
    to_delete: list[str]
    first_to_delete: list[dict[str, str]]

    @property
    def unchanged(self) -> int:
        """How many of those wanted are there."""
        return self.wanted - len(self.to_add)

    @classmethod
    def of_nothing(cls) -> Plan:
        """Return a plan that changes nothing, where none has been made."""
        return cls(wanted=0, present=0, duplicates=0, to_add=[], to_delete=[], first_to_delete=[])

    def excess_over(self, max_deletes: int | float) -> str | None:
        """
        Return in what the plan deletes more than *max_deletes*; None where it does not.

        :param max_deletes: a number of entries, or as a float a fraction of those that are there.
        """
        # By its decimal digits: 0.29 of 100 are 29, which they are not in binary.
        of_each = self.present if isinstance(max_deletes, float) else 1
        most = int(Fraction(str(max_deletes)) * of_each)
        if len(self.to_delete) <= most:
            return None
        return f"{len(self.to_delete)} to delete are more than max_deletes={max_deletes!r} allows, which is {most}"

    def __str__(self) -> str:
        to_add = _named([item.value for item in self.to_add[:FIRST]], len(self.to_add))
        to_delete = _named([entry["value"] for entry in self.first_to_delete], len(self.to_delete))
        return (
            f"{self.present} are there, {self.wanted} are wanted: {len(self.to_add)} to add{to_add}, "
            f"{len(self.to_delete)} to delete{to_delete}, {self.unchanged} there already"
        )


class Planner:
    """
    Fed a list's entries one by one, it makes the plan.

    Entries of other domains, of kinds about which nothing is wanted, and those that do not say what they suppress are
    left alone.

    :param wanted: what the list is to hold.
    :param domain_id: the domain whose entries are meant; None for the account's.
    :param mode: ``add_only``, or ``mirror``, which deletes what is not wanted.
    :param remove_duplicates: whether to delete all entries but the oldest of each that is wanted.
    """

    def __init__(
        self,
        wanted: Wanted,
        *,
        domain_id: str | None = None,
        mode: Mode = "add_only",
        remove_duplicates: bool = False,
    ) -> None:
        self._wanted = wanted
        self._domain_id = domain_id
        self._is_mirror = mode == "mirror"
        self._remove_duplicates = remove_duplicates
        # Which of those wanted, by their places, are there.
        self._met = bytearray(len(wanted))
        self._left_to_meet = len(wanted)
        self._others = CompactSet()
        self._kept: dict[int, _Seen] = {}
        # Entries that do not say their domain, and whether any said another than the one asked for.
        self._untold: list[_Seen] = []
        self._has_others = False
        self._present = 0
        self._duplicates = 0
        self._to_delete: list[str] = []
        self._first_to_delete: list[dict[str, str]] = []

    def see(self, entry: Mapping[str, Any]) -> None:
        """Take in one entry of the list; the same one no more than once."""
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
            self._untold.append(seen)

    @property
    def has_met_all(self) -> bool:
        """Whether all that is wanted is there, and nothing else that is on the list matters."""
        return not self._left_to_meet and not self._is_mirror and not self._remove_duplicates

    def was_there(self, key: Key) -> bool:
        """Return whether an entry that stays was seen for what *key* stands for."""
        place = self._wanted.place_of(key)
        return bool(self._met[place]) if place is not None else key in self._others

    def plan(self) -> Plan:
        """Return the plan, all entries having been seen."""
        # Those that do not say their domain are the one's asked for, where asking for it kept out all others.
        for seen in self._untold if not self._has_others else ():
            self._take(seen)
        self._untold = []
        return Plan(
            wanted=len(self._wanted),
            present=self._present,
            duplicates=self._duplicates,
            to_add=[item for item, is_met in zip(self._wanted, self._met, strict=True) if not is_met],
            to_delete=self._to_delete,
            first_to_delete=self._first_to_delete,
        )

    def _take(self, seen: _Seen) -> None:
        self._present += 1
        key = make_key(seen.kind, seen.value)
        place = self._wanted.place_of(key)
        if place is None:
            if self._is_mirror and key not in self._wanted.meant:
                self._delete(seen)
            else:
                self._others.add(key)
        elif not self._met[place]:
            self._met[place] = True
            self._left_to_meet -= 1
            if self._remove_duplicates:
                self._kept[place] = seen
        else:
            self._duplicates += 1
            if self._remove_duplicates:
                # Whoever else removes duplicates at the same time keeps the same one, in whatever order it reads them.
                kept, other = sorted((self._kept[place], seen), key=_age)
                self._kept[place] = kept
                self._delete(other)

    def _delete(self, seen: _Seen) -> None:
        self._to_delete.append(seen.id)
        if len(self._first_to_delete) < FIRST:
            self._first_to_delete.append({"id": seen.id, "value": seen.value})


class _Seen(NamedTuple):
    """What is kept of an entry that was read."""

    id: str
    kind: str
    value: str
    created_at: object


def _age(seen: _Seen) -> tuple[datetime, str]:
    """Return what orders entries from the oldest on: those of one date by id, those without one last."""
    return parse_date(seen.created_at) or _NEVER, seen.id


def check_max_deletes(max_deletes: object) -> None:
    """
    Let *max_deletes* pass where it is a guard.

    :raises ValueError: it is neither a number of entries nor a fraction.
    """
    is_count = isinstance(max_deletes, int) and not isinstance(max_deletes, bool) and max_deletes >= 0
    is_fraction = isinstance(max_deletes, float) and 0 <= max_deletes <= 1
    if not is_count and not is_fraction:
        raise ValueError(
            "max_deletes must be a number of entries (a whole number) or a fraction of those that are there (a float "
            f"from 0.0 to 1.0); got {max_deletes!r}"
        )


def _named(first: list[str], count: int) -> str:
    return f" ({join_first(map(masked, first), count)})" if first else ""
