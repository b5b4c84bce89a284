"""What the lists must hold in the end, from what they held and what was asked: a model that uses no provider code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.sandbox_process import State

Entry = Mapping[str, Any]
Key = tuple[str, str]

ANY_DOMAIN = "any domain"


def entry_key(entry: Entry) -> Key:
    """What an entry is about: the kind, and the address, pattern or number."""
    if "number" in entry:
        return "numbers", entry["number"]
    if "pattern" in entry:
        return key("patterns" if entry["type"] == "pattern" else "recipients", entry["pattern"])
    return key("recipients", entry["recipient"]["email"])


def key(kind: str, value: str) -> Key:
    return kind, value.strip() if kind == "patterns" else value.strip().lower()


def domain_of(entry: Entry) -> str | None:
    """The id of an entry's domain; None for the account's."""
    domain = entry["domain"] if "pattern" in entry else entry["recipient"]["domain"]
    return domain["id"] if domain else None


def is_in(scope: str | None, entry: Entry) -> bool:
    return scope == ANY_DOMAIN or domain_of(entry) == scope


@dataclass
class Expected:
    """
    What is to become of a state.

    :param of: the list that is changed.
    :param scope: the domain whose entries are added, by its id; None for the account.
    :param gone: the ids of the entries that are not there any more.
    :param new: of what there is one entry more.
    :param statuses: the SMS recipients' statuses by their ids.
    """

    before: State
    of: str
    scope: str | None = None
    gone: set[str] = field(default_factory=set)
    new: set[Key] = field(default_factory=set)
    statuses: dict[str, str] = field(default_factory=dict)

    def differences(self, after: State) -> list[str]:
        """Say in what *after* is not as expected."""
        return [
            difference
            for name in self.before
            for difference in (
                self._differences(after[name])
                if name == self.of
                else _differing(name, self.before[name], after[name])
            )
        ]

    def _differences(self, after: list[dict[str, Any]]) -> list[str]:
        known = {entry["id"] for entry in self.before[self.of]}
        kept = [entry for entry in self.before[self.of] if entry["id"] not in self.gone]
        new = [entry for entry in after if entry["id"] not in known]
        differences = _differing(self.of, kept, [entry for entry in after if entry["id"] in known])
        differences += [
            f"{self.of}: new in another scope: {entry_key(one)}" for one in new if not is_in(self.scope, one)
        ]
        counts = Counter(map(entry_key, new))
        differences += [f"{self.of}: {what} was not added" for what in self.new - counts.keys()]
        differences += [
            f"{self.of}: {what} was added though it should not be" for what in counts.keys() - self.new
        ]
        differences += [f"{self.of}: {what} was added {n} times" for what, n in counts.items() if n > 1]
        if self.statuses:
            differences += [
                f"{self.of}: {entry['number']} is {entry['status']}"
                for entry in after
                if entry["status"] != self.statuses[entry["id"]]
            ]
        return differences


def _differing(name: str, before: Iterable[Entry], after: Iterable[Entry]) -> list[str]:
    were, are = ({entry["id"]: entry_key(entry) for entry in entries} for entries in (before, after))
    return [
        *(f"{name}: {id_}, {were[id_]}, is gone" for id_ in were.keys() - are.keys()),
        *(f"{name}: {id_}, {are[id_]}, is still there or new" for id_ in are.keys() - were.keys()),
        *(
            f"{name}: {id_} was {were[id_]} and is {are[id_]}"
            for id_ in were
            if are.get(id_, were[id_]) != were[id_]
        ),
    ]


def is_loss(difference: str) -> bool:
    """Return whether a difference means something lost, or changed where nothing may be."""
    return difference.endswith(("is gone", "was not added")) or "in another scope" in difference


def synchronized(
    before: State,
    of: str,
    wanted: Mapping[str, Iterable[str]],
    *,
    scope: str | None,
    is_mirror: bool,
    removes_duplicates: bool,
) -> Expected:
    """The list made equal to what is *wanted* of each kind."""
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
    """The list without what is given of each kind."""
    keys = {key(kind, value) for kind, given in values.items() for value in given}
    gone = {entry["id"] for entry in before[of] if is_in(scope, entry) and entry_key(entry) in keys}
    return Expected(before, of, scope, gone)


def opted_out(before: State, numbers: Iterable[str]) -> Expected:
    """The SMS recipients of these numbers, in E.164, having opted out."""
    chosen = set(numbers)
    recipients = before["sms-recipients"]
    statuses = {one["id"]: "opt_out" if one["number"] in chosen else one["status"] for one in recipients}
    return Expected(before, "sms-recipients", statuses=statuses)
