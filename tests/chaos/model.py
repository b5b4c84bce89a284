"""A model of what the lists must hold in the end, from what they held and what was asked. It uses no provider code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.chaos.sandbox_process import State

Entry = Mapping[str, Any]
Key = tuple[str, str]

#: What a difference from the model means: ``left`` is an entry that should be deleted, ``wrong`` a status or value.
Kind = Literal["lost", "out of scope", "duplicate", "left", "wrong"]

#: What a reading that missed entries explains: what it did not see is added again, or isn't deleted.
EXPLAINED_BY_INCOMPLETE_READING: frozenset[Kind] = frozenset({"duplicate", "left"})

ANY_DOMAIN = "any domain"


def entry_key(entry: Entry) -> Key:
    """Return what an entry suppresses: its kind, and the address, pattern or number."""
    if "number" in entry:
        return "numbers", entry["number"]
    if "pattern" in entry:
        return key("patterns" if entry["type"] == "pattern" else "recipients", entry["pattern"])
    return key("recipients", entry["recipient"]["email"])


def key(kind: str, value: str) -> Key:
    return kind, value.strip() if kind == "patterns" else value.strip().lower()


def domain_of(entry: Entry) -> str | None:
    """Return the id of an entry's domain; None for an entry of the account, and for an SMS recipient."""
    if "number" in entry:
        return None
    domain = entry["domain"] if "pattern" in entry else entry["recipient"]["domain"]
    return domain["id"] if domain else None


def is_in(scope: str | None, entry: Entry) -> bool:
    return scope == ANY_DOMAIN or domain_of(entry) == scope


@dataclass(frozen=True)
class Difference:
    """One thing that is not as the model says."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass(frozen=True)
class Expected:
    """
    The state that a job must lead to.

    :param before: the state that it starts from.
    :param of: the list that it changes.
    :param scope: the id of the domain that it adds to; None for the account.
    :param gone: the ids of the entries that it deletes.
    :param new: what it adds, one entry each.
    :param statuses: the status of each SMS recipient, by id.
    """

    before: State
    of: str
    scope: str | None = None
    gone: set[str] = field(default_factory=set)
    new: set[Key] = field(default_factory=set)
    statuses: dict[str, str] = field(default_factory=dict)

    @property
    def is_unchanged(self) -> bool:
        """Whether the job has nothing to do."""
        statuses = {entry["id"]: entry["status"] for entry in self.before[self.of]} if self.statuses else {}
        return not self.gone and not self.new and self.statuses == statuses

    def differences(self, after: State) -> list[Difference]:
        """Return what in *after* is not as expected."""
        differences = self._in_the_list(after[self.of])
        for name in self.before.keys() - {self.of}:
            differences += _changes(name, self.before[name], after[name])
        return differences

    def _in_the_list(self, after: list[dict[str, Any]]) -> list[Difference]:
        before = {entry["id"]: entry for entry in self.before[self.of]}
        old = {entry["id"]: entry for entry in after if entry["id"] in before}
        new = [entry for entry in after if entry["id"] not in before]
        name = self.of
        differences = [
            Difference(
                "lost" if is_in(self.scope, entry) else "out of scope",
                f"{name}: {id_}, {entry_key(entry)}, is gone",
            )
            for id_, entry in before.items()
            if id_ not in old and id_ not in self.gone
        ]
        differences += [
            Difference("left", f"{name}: {id_}, {entry_key(old[id_])}, was not deleted")
            for id_ in self.gone & old.keys()
        ]
        differences += [
            Difference("wrong", f"{name}: {id_} was {entry_key(before[id_])} and is {entry_key(entry)}")
            for id_, entry in old.items()
            if entry_key(entry) != entry_key(before[id_])
        ]
        differences += [
            Difference("wrong", f"{name}: {entry['number']} is {entry['status']}")
            for id_, entry in old.items()
            if self.statuses and entry["status"] != self.statuses[id_]
        ]
        return differences + self._among_the_new(new)

    def _among_the_new(self, new: list[dict[str, Any]]) -> list[Difference]:
        differences = [
            Difference("out of scope", f"{self.of}: {entry_key(entry)} was added to another scope")
            for entry in new
            if not is_in(self.scope, entry)
        ]
        counts = Counter(entry_key(entry) for entry in new if is_in(self.scope, entry))
        there = {entry_key(entry) for entry in self.before[self.of] if is_in(self.scope, entry)}
        differences += [
            Difference("lost", f"{self.of}: {what} was not added") for what in self.new - counts.keys()
        ]
        for what, count in counts.items():
            if what not in self.new:
                kind: Kind = "duplicate" if what in there else "out of scope"
                differences.append(Difference(kind, f"{self.of}: {what} was added though it should not be"))
            elif count > 1:
                differences.append(Difference("duplicate", f"{self.of}: {what} was added {count} times"))
        return differences


def _changes(name: str, before: Iterable[Entry], after: Iterable[Entry]) -> list[Difference]:
    """Return how a list has changed that nothing was to change."""
    were, are = ({entry["id"]: entry for entry in entries} for entries in (before, after))
    changed = [id_ for id_ in {*were, *are} if were.get(id_) != are.get(id_)]
    return [
        Difference("out of scope", f"{name}: {id_} was {were.get(id_)} and is {are.get(id_)}")
        for id_ in changed
    ]


def synchronized(
    before: State,
    of: str,
    wanted: Mapping[str, Iterable[str]],
    *,
    scope: str | None,
    is_mirror: bool,
    removes_duplicates: bool,
) -> Expected:
    """Return what a sync leads to: the list holds what is *wanted* of each kind."""
    keys = {key(kind, value) for kind, values in wanted.items() for value in values}
    concerned = [entry for entry in before[of] if is_in(scope, entry) and entry_key(entry)[0] in wanted]
    gone = {entry["id"] for entry in concerned if is_mirror and entry_key(entry) not in keys}
    if removes_duplicates:
        oldest_first = sorted(concerned, key=lambda entry: (entry["created_at"], entry["id"]))
        met: set[Key] = set()
        for entry in oldest_first:
            if entry_key(entry) in met & keys:
                gone.add(entry["id"])
            met.add(entry_key(entry))
    return Expected(before, of, scope, gone, keys - set(map(entry_key, concerned)))


def deleted(before: State, of: str, values: Mapping[str, Iterable[str]], *, scope: str | None) -> Expected:
    """Return what a deletion leads to: the list without these *values* of each kind."""
    keys = {key(kind, value) for kind, given in values.items() for value in given}
    gone = {entry["id"] for entry in before[of] if is_in(scope, entry) and entry_key(entry) in keys}
    return Expected(before, of, scope, gone)


def opted_out(before: State, numbers: Iterable[str]) -> Expected:
    """Return what opting out leads to, for the SMS recipients of these *numbers* in E.164."""
    chosen = set(numbers)
    recipients = before["sms-recipients"]
    statuses = {one["id"]: "opt_out" if one["number"] in chosen else one["status"] for one in recipients}
    return Expected(before, "sms-recipients", statuses=statuses)
