"""What callers pass: addresses and patterns to suppress, and checks of plain arguments."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain, repeat
from typing import Any, Literal, NamedTuple, get_args

from airflow_provider_mailersend.api.compact_set import CompactSet
from airflow_provider_mailersend.api.entries import Key, make_key
from airflow_provider_mailersend.api.leftovers import leftover_problem
from airflow_provider_mailersend.api.masking import join_first, masked
from airflow_provider_mailersend.jobs.addresses import address_problem, invisible_problem
from airflow_provider_mailersend.jobs.meant import keys_meant

#: What to do about invalid items and about missing ones: fail, or skip them.
OnInvalid = Literal["fail", "skip"]
OnMissing = Literal["fail", "skip"]


class Item(NamedTuple):
    """
    One address or pattern.

    :param kind: ``recipients`` or ``patterns``, as the API calls them.
    :param value: the value as passed, stripped.
    :param position: its index in the caller's list, from 0.
    """

    kind: str
    value: str
    position: int

    @property
    def is_left_out(self) -> bool:
        """Whether it isn't added, but isn't deleted either."""
        return False

    @property
    def key(self) -> Key:
        """The same for all spellings of the same address or pattern."""
        return make_key(self.kind, self.value)

    @property
    def meant(self) -> Iterator[Key]:
        """Its key, and those of whatever else it may stand for if it is refused: a mirror doesn't delete them."""
        return keys_meant(self.kind, self.value)

    @property
    def where(self) -> str:
        """Its place in the source, for messages."""
        return f"{self.kind}[{self.position}]"

    @property
    def problem(self) -> str | None:
        """Why it isn't a valid address or pattern; None if it is."""
        if self.kind == "recipients":
            return address_problem(self.value)
        return leftover_problem(self.value) or invisible_problem(self.value)


class Line(Item):
    """An item read from a file; its position is the line number, from 1."""

    __slots__ = ()

    @property
    def where(self) -> str:
        return f"line {self.position}"


class Wanted:
    """
    What a list should contain, deduplicated: the first spelling of each address or pattern counts.

    There may be a million items, so each is kept as a string under a number from 0, its place, and becomes an
    :class:`Item` only when it is read.

    :param recipients: addresses; None to leave the list's addresses alone.
    :param patterns: regular expressions; None to leave the list's patterns alone.
    """

    def __init__(
        self, recipients: Iterable[str | Item] | None = None, patterns: Iterable[str | Item] | None = None
    ) -> None:
        given = {"recipients": recipients, "patterns": patterns}
        #: The kinds that were passed, even if empty.
        self.kinds = tuple(kind for kind, values in given.items() if values is not None)
        #: Invalid items, each with the reason.
        self.invalid: dict[Item, str] = {}
        self._values: list[str] = []
        self._positions = array("Q")
        self._places: dict[str, dict[str, int]] = {kind: {} for kind in self.kinds}
        # A byte for each item: which of these types it is of.
        self._types: list[type[Item]] = []
        self._type_numbers = bytearray()
        self._left_out: list[Item] = []
        for kind in self.kinds:
            for item in make_items(kind, given[kind] or ()):
                if item.is_left_out:
                    self._left_out.append(item)
                elif (problem := item.problem) is not None:
                    self.invalid[item] = problem
                else:
                    self._add(item)
        #: How many items were left out.
        self.left_out = len(self._left_out)

    @cached_property
    def meant(self) -> CompactSet:
        """The keys that invalid items and those left out may stand for: a mirror doesn't delete them."""
        keys = CompactSet()
        for item in chain(self.invalid, self._left_out):
            for key in item.meant:
                keys.add(key)
        return keys

    def _add(self, item: Item) -> None:
        place = len(self._values)
        if self._places[item.kind].setdefault(item.key[1], place) == place:
            self._values.append(item.value)
            self._positions.append(item.position)
            if type(item) not in self._types:
                self._types.append(type(item))
            self._type_numbers.append(self._types.index(type(item)))

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Item]:
        kinds = chain.from_iterable(repeat(kind, len(places)) for kind, places in self._places.items())
        types = map(self._types.__getitem__, self._type_numbers)
        for item_type, kind, value, position in zip(types, kinds, self._values, self._positions, strict=True):
            yield item_type(kind, value, position)

    def place_of(self, key: Key) -> int | None:
        """Return the place of the item with *key*, or None."""
        kind, value = key
        return self._places.get(kind, {}).get(value)

    @property
    def kinds_there(self) -> list[str]:
        """The kinds with at least one valid item."""
        return [kind for kind, places in self._places.items() if places]

    @property
    def kinds_without_any(self) -> list[str]:
        """The kinds that were passed without any valid item."""
        return [kind for kind, places in self._places.items() if not places]


def make_items(kind: str, values: Iterable[str | Item]) -> Iterator[Item]:
    """Yield *values* as items; raise :class:`TypeError` unless they are a list of strings."""
    if isinstance(values, str):
        raise TypeError(f"{kind} must be a list of strings; got one string")
    for position, value in enumerate(values):
        if isinstance(value, Item) and value.kind == kind:
            yield value
        elif isinstance(value, str):
            yield Item(kind, value.strip(), position)
        else:
            raise TypeError(f"{kind}[{position}] must be a string; got {type(value).__name__}")


def make_item(recipient: str | None, pattern: str | None) -> Item:
    """Return the one that was passed; raise :class:`ValueError` if it isn't exactly one, or is invalid."""
    if recipient is None and pattern is None:
        raise ValueError(
            "give recipient or pattern: both are empty. If it is a template, check what it renders to"
        )
    if recipient is not None and pattern is not None:
        raise ValueError("give either recipient or pattern, not both")
    if recipient is not None:
        name, must_be, item = "recipient", "one address", Item("recipients", recipient.strip(), 0)
    else:
        name, must_be, item = "pattern", "a regular expression", Item("patterns", (pattern or "").strip(), 0)
    if item.problem is not None:
        raise ValueError(f"{name} must be {must_be}; got {masked(item.value)!r}. {item.problem}")
    return item


def check_items(items: Iterable[Item]) -> None:
    """Raise :class:`ValueError` if any of *items* is invalid."""
    problems = {item: problem for item in items if (problem := item.problem) is not None}
    if problems:
        raise ValueError(f"not a valid address or pattern: {describe_problems(problems)}")


def describe_problems(problems: Mapping[Item, str]) -> str:
    """Return the first of *problems* in words, masked."""
    described = (f"{item.where} {masked(item.value)!r}: {why.rstrip('.')}" for item, why in problems.items())
    return join_first(described, len(problems), separator="; ")


def check_choice(name: str, value: object, choices: Any) -> None:
    """Raise :class:`ValueError` unless *value* is one of *choices*, a ``Literal``."""
    if value not in get_args(choices):
        raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}; got {value!r}")


def check_flags(**flags: object) -> None:
    """Raise :class:`TypeError` unless all *flags* are booleans: a string such as ``"False"`` would be true."""
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise TypeError(f"{name} must be True or False, literally; got {flag!r}")


def check_batch_size(batch_size: object) -> None:
    """Raise :class:`ValueError` unless *batch_size* is a number of items."""
    check_whole_number("batch_size", batch_size, least=1)


def check_whole_number(name: str, value: object, *, least: int) -> None:
    """Raise :class:`ValueError` unless *value* is a whole number (not a boolean) of at least *least*."""
    if type(value) is not int or value < least:
        raise ValueError(f"{name} must be a whole number, at least {least}; got {value!r}")
