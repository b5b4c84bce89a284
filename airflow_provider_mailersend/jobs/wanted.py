"""What callers give to be suppressed: addresses and patterns."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple, get_args

from airflow_provider_mailersend.api.entries import Key, make_key
from airflow_provider_mailersend.api.leftovers import leftover_problem
from airflow_provider_mailersend.api.masking import masked
from airflow_provider_mailersend.api.messages import join_first
from airflow_provider_mailersend.jobs.addresses import address_problem, addresses_in


class Item(NamedTuple):
    """
    One address or pattern.

    :param kind: ``recipients`` or ``patterns``, as the API calls them.
    :param value: how it was given, without surrounding spaces.
    :param position: where it stood among those given, from 0.
    """

    kind: str
    value: str
    position: int

    @property
    def key(self) -> Key:
        """What is equal for all spellings that mean the same."""
        return make_key(self.kind, self.value)

    @property
    def where(self) -> str:
        """Where it stood, for messages."""
        return f"{self.kind}[{self.position}]"

    @property
    def problem(self) -> str | None:
        """Why it is not surely one address, or no pattern; None where it is."""
        return address_problem(self.value) if self.kind == "recipients" else leftover_problem(self.value)


class Line(Item):
    """One address or pattern from a file, its position being the line's number, from 1."""

    __slots__ = ()

    @property
    def where(self) -> str:
        return f"line {self.position}"


class Wanted:
    """
    What a list is to hold, each address and pattern once. Of several spellings the first counts.

    There may be a million of them: each takes a place, a number from 0, and is made an item when it is asked for.

    :param recipients: addresses; None where nothing is said about addresses.
    :param patterns: regular expressions; None where nothing is said about patterns.
    """

    def __init__(
        self, recipients: Iterable[str | Item] | None = None, patterns: Iterable[str | Item] | None = None
    ) -> None:
        given = {"recipients": recipients, "patterns": patterns}
        #: The kinds about which something is said, be it that there are none.
        self.kinds = tuple(kind for kind, values in given.items() if values is not None)
        #: Those that are not surely one address, or no pattern, and why.
        self.invalid: dict[Item, str] = {}
        self._given: list[str | Item] = []
        self._positions = array("Q")
        # By kind, the place of each by what is equal for all its spellings.
        self._places: dict[str, dict[str, int]] = {kind: {} for kind in self.kinds}
        self._patterns_from = 0
        for kind in self.kinds:
            self._patterns_from = len(self._given) if kind == "patterns" else self._patterns_from
            for item in make_items(kind, given[kind] or ()):
                problem = item.problem
                if problem is None:
                    self._take(item, kind)
                else:
                    self.invalid[item] = problem
        #: What the invalid ones may mean: a mirror leaves it alone.
        self.meant: frozenset[Key] = frozenset(
            make_key(item.kind, value)
            for item in self.invalid
            for value in (item.value, *(addresses_in(item.value) if item.kind == "recipients" else ()))
        )

    def _take(self, item: Item, kind: str) -> None:
        place = len(self._given)
        places = self._places.setdefault(item.kind, {})
        if places.setdefault(item.key[1], place) == place:
            is_plain = type(item) is Item and item.kind == kind
            self._given.append(item.value if is_plain else item)
            self._positions.append(item.position)

    def __len__(self) -> int:
        return len(self._given)

    def __iter__(self) -> Iterator[Item]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, place: int) -> Item:
        given = self._given[place]
        if isinstance(given, Item):
            return given
        is_pattern = "patterns" in self.kinds and place >= self._patterns_from
        return Item("patterns" if is_pattern else "recipients", given, self._positions[place])

    def place_of(self, key: Key) -> int | None:
        """Return the place of what *key* stands for; None where it is not wanted."""
        places = self._places.get(key[0])
        return places.get(key[1]) if places is not None else None

    @property
    def kinds_there(self) -> list[str]:
        """The kinds of which there are any."""
        return [kind for kind, places in self._places.items() if places]

    @property
    def kinds_without_any(self) -> list[str]:
        """The kinds of which it is said that there are none."""
        return [kind for kind in self.kinds if not self._places[kind]]


def make_items(kind: str, values: Iterable[str | Item]) -> Iterator[Item]:
    """
    Yield *values* as items.

    :raises TypeError: they are no list of strings.
    """
    if isinstance(values, str):
        raise TypeError(f"{kind} must be a list of strings; got one string")
    for position, value in enumerate(values):
        if isinstance(value, Item):
            yield value
        elif isinstance(value, str):
            yield Item(kind, value.strip(), position)
        else:
            raise TypeError(f"{kind}[{position}] must be a string; got {type(value).__name__}")


def make_item(recipient: str | None, pattern: str | None) -> Item:
    """
    Return the one of both that is given.

    :raises ValueError: neither is given, or both, or it is not surely an address or a pattern.
    """
    if recipient is None and pattern is None:
        raise ValueError("give recipient or pattern: both are empty")
    if recipient is not None and pattern is not None:
        raise ValueError("give either recipient or pattern, and not both")
    kind, value = ("patterns", pattern or "") if recipient is None else ("recipients", recipient)
    wanted = Item(kind, value.strip(), 0)
    if wanted.problem is not None:
        name, must_be = (
            ("recipient", "one address") if recipient is not None else ("pattern", "a regular expression")
        )
        raise ValueError(f"{name} must be {must_be}; got {masked(wanted.value)!r}. {wanted.problem}")
    return wanted


def check_items(items: Iterable[Item]) -> None:
    """
    Let *items* pass where each is surely one address, or a pattern.

    :raises ValueError: some are not; it says where they stood and why, masked.
    """
    problems = [(item, problem) for item in items if (problem := item.problem) is not None]
    if problems:
        said = (f"{item.where} {masked(item.value)!r}: {why.rstrip('.')}" for item, why in problems)
        raise ValueError(
            f"not surely an address or a pattern: {join_first(said, len(problems), separator='; ')}"
        )


#: What to do about what is not valid, or not there: fail, or leave it out.
OnInvalid = Literal["fail", "skip"]
OnMissing = Literal["fail", "skip"]


def check_choice(name: str, value: object, choices: Any) -> None:
    """
    Let *value* pass where it is one of *choices*, a ``Literal``.

    :raises ValueError: it is not.
    """
    if value not in get_args(choices):
        raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}; got {value!r}")


def check_flags(**flags: object) -> None:
    """
    Let each of *flags* pass that is a boolean: a text such as ``"False"`` would count as true.

    :raises TypeError: one is none.
    """
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise TypeError(f"{name} must be True or False, literally; got {flag!r}")


def check_batch_size(batch_size: object) -> None:
    """
    Let *batch_size* pass where it is a number of items.

    :raises ValueError: it is not.
    """
    if type(batch_size) is not int or batch_size < 1:
        raise ValueError(f"batch_size must be a whole number, at least 1; got {batch_size!r}")


def check_whole_number(name: str, value: object, *, least: int) -> None:
    """
    Let *value* pass where it is a whole number, and no boolean, of *least* or more.

    :raises ValueError: it is not.
    """
    if type(value) is not int or value < least:
        raise ValueError(f"{name} must be a whole number, {least} or more; got {value!r}")
