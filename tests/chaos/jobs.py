"""The work of a run, drawn at random: an operator, its arguments, and the state that it must lead to."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

from airflow_provider_mailersend.operators.base import MailerSendOperator
from airflow_provider_mailersend.operators.sms_recipients import MailerSendUpdateSmsRecipientsOperator
from airflow_provider_mailersend.operators.suppressions import (
    MailerSendAddSuppressionsOperator,
    MailerSendDeleteSuppressionsOperator,
    MailerSendSyncSuppressionsOperator,
)
from tests.chaos import model
from tests.chaos.sandbox_process import SandboxProcess, State

#: The kinds of run, taken in turn by seed.
KINDS = ("mirror", "add only", "delete", "add", "mirror", "sms", "add", "mirror", "add only", "delete", "add")

#: How many addresses :data:`KILLED_ADD` adds. It is run apart from the others: nothing but a kill disturbs it.
MANY = 2_000
KILLED_ADD = f"add {MANY:,}"

#: The blocklist holds entries of the account and of domains, the others of domains only.
_LISTS = ("blocklist", "blocklist", "blocklist", "unsubscribes", "hard-bounces")

DOMAINS = ("example.com", "news.example.com", "shop.example.org")
_SMS_NUMBERS = ("+15005550001", "+15005550002")


@dataclass(frozen=True)
class Job:
    """
    An operator's work.

    :param expected: the state that it must lead to.
    :param expected_again: returns the state that a second run must lead to, from the one that it starts from.
    :param totals: part of what it returns when the first try succeeds.
    :param requests: about how many requests of each method it takes.
    """

    operator: type[MailerSendOperator]
    arguments: Mapping[str, Any]
    expected: model.Expected
    expected_again: Callable[[State], model.Expected]
    totals: Mapping[str, Any]
    requests: Mapping[str, int]


@dataclass
class Draft:
    """A job whose list, domain and sizes are drawn from *random*; the rest is drawn once there is a sandbox."""

    random: Random
    kind: str
    which: str = field(init=False)
    domain: str | None = field(init=False)
    size: int = field(init=False)
    batch_size: int = field(init=False)

    def __post_init__(self) -> None:
        self.which = "sms-recipients" if self.kind == "sms" else self.random.choice(_LISTS)
        is_domain = self.kind != "sms" and (self.which != "blocklist" or self.random.random() < 0.4)
        self.domain = self.random.choice(DOMAINS) if is_domain else None
        if self.kind == "delete" and self.which != "blocklist" and self.random.random() < 0.3:
            self.domain = None
        self.size = self.random.randint(100, 300)
        self.batch_size = (
            self.random.randint(50, 500) if self.kind == KILLED_ADD else self.random.randint(5, 25)
        )

    @property
    def is_add(self) -> bool:
        return self.kind in ("add", KILLED_ADD)

    @property
    def sandbox(self) -> dict[str, Any]:
        """The arguments of the sandbox."""
        return {
            "domains": DOMAINS,
            "sms_numbers": _SMS_NUMBERS,
            "blocklist": 40,
            "unsubscribes": 20,
            "hard_bounces": 20,
            "sms_recipients": 20,
            "seed": self.random.randrange(1000),
        } | {self.which.replace("-", "_"): self.size}

    @property
    def least_quota(self) -> int:
        """The smallest daily quota that is enough to read the list and the domains, in any dialect."""
        return ceil((self.size + 120) / 100) + 3

    def populate(self, sandbox: SandboxProcess) -> None:
        """Add the difficult entries: duplicates in the scope, and the same addresses in other scopes."""
        if self.kind == "sms":
            return
        there = _values(sandbox.state()[self.which], self._scope(sandbox.domain_ids()), "recipients")
        others = [name for name in DOMAINS if name != self.domain]
        for name in others:
            sandbox.add(self.which, *self._some(there, 20), *self._made_up(5, "elsewhere"), domain=name)
        if self.which == "blocklist":
            again = [self._spelled(value).strip() for value in self._some(there, 12)]
            patterns = [rf".*@old{number}\.example" for number in range(6)]
            sandbox.add("blocklist", *again, patterns=[*patterns, *patterns[:2]], domain=self.domain)
            if self.domain:
                sandbox.add("blocklist", *self._some(there, 10), patterns=patterns[:3])

    def job(self, before: State, domain_ids: Mapping[str, str], folder: Path) -> Job:
        """Draw the job itself, on lists in the state *before*."""
        if self.kind == "sms":
            return self._sms_job(before)
        scope = self._scope(domain_ids)
        if self.kind == "delete":
            return self._deletion(before, scope)
        if self.is_add:
            return self._addition(before, scope)
        return self._synchronization(before, scope, folder)

    def _synchronization(self, before: State, scope: str | None, folder: Path) -> Job:
        random = self.random
        share = random.uniform(0.3, 0.95)
        wanted = {
            kind: [
                *(value for value in _values(before[self.which], scope, kind) if random.random() < share),
                *new,
            ]
            for kind, new in (
                (
                    "recipients",
                    [*self._made_up(random.randint(20, 130), "new"), *self._made_up(5, "elsewhere")],
                ),
                ("patterns", [rf".*@new{number}\.example" for number in range(random.randint(1, 12))]),
            )
        }
        if self.which != "blocklist" or random.random() < 0.4:
            del wanted["patterns"]
        elif random.random() < 0.15:
            del wanted["recipients"]
        for kind, values in wanted.items():
            values += [self._spelled(value) if kind == "recipients" else f" {value}" for value in values[:5]]
            random.shuffle(values)
        is_mirror, removes_duplicates = self.kind == "mirror", random.random() < 0.5
        expected_of = partial(
            model.synchronized,
            of=self.which,
            wanted=wanted,
            scope=scope,
            is_mirror=is_mirror,
            removes_duplicates=removes_duplicates,
        )
        expected = expected_of(before)
        arguments = {
            "suppression_list": self.which,
            **self._given(wanted, folder),
            **self._domain_given(scope),
            "mode": "mirror" if is_mirror else "add_only",
            "remove_duplicates": removes_duplicates,
            "max_deletes": random.choice((1.0, 1.0, len(expected.gone))),
            "batch_size": self.batch_size,
        }
        totals = {
            "to_add": len(expected.new),
            "added": len(expected.new),
            "to_delete": len(expected.gone),
            "deleted": len(expected.gone),
            "rejected": 0,
        }
        return Job(
            MailerSendSyncSuppressionsOperator,
            arguments,
            expected,
            expected_of,
            totals,
            self._requests(expected, before),
        )

    def _addition(self, before: State, scope: str | None) -> Job:
        count = MANY if self.kind == KILLED_ADD else self.random.randint(100, 300)
        values = {"recipients": self._made_up(count, "new")}
        if self.which == "blocklist" and self.kind != KILLED_ADD and self.random.random() < 0.4:
            values["patterns"] = [rf".*@new{number}\.example" for number in range(self.random.randint(1, 12))]
        keys = {model.key(kind, value) for kind, given in values.items() for value in given}
        expected = model.Expected(before, self.which, scope, new=keys)
        arguments = {
            "suppression_list": self.which,
            **values,
            **self._domain_given(scope),
            "batch_size": self.batch_size,
        }
        return Job(
            MailerSendAddSuppressionsOperator,
            arguments,
            expected,
            # Done again in the same DAG run it adds nothing.
            partial(model.Expected, of=self.which, scope=scope),
            {"rejected": []},
            self._requests(expected, before),
        )

    def _deletion(self, before: State, scope: str | None) -> Job:
        random, entries = self.random, before[self.which]
        share = random.uniform(0.3, 1.0)
        values = {
            "recipients": [
                self._spelled(one) for one in _values(entries, scope, "recipients") if random.random() < share
            ]
            + self._made_up(5, "elsewhere")
            + self._made_up(5, "unknown")
        }
        if self.which == "blocklist" and random.random() < 0.6:
            values["patterns"] = [*_values(entries, scope, "patterns")[:8], r".*@unknown\.example"]
        expected_of = partial(model.deleted, of=self.which, values=values, scope=scope)
        expected = expected_of(before)
        arguments = {
            "suppression_list": self.which,
            **values,
            **self._domain_given(scope),
            "batch_size": self.batch_size,
        }
        return Job(
            MailerSendDeleteSuppressionsOperator,
            arguments,
            expected,
            expected_of,
            {"all": False},
            self._requests(expected, before),
        )

    def _sms_job(self, before: State) -> Job:
        random = self.random
        numbers = sorted({one["number"] for one in before[self.which]})
        chosen = random.sample(numbers, random.randint(10, 40))
        unknown = ["+15559999999"]
        expected = model.opted_out(before, chosen)
        changed = sum(one["status"] != expected.statuses[one["id"]] for one in before[self.which])
        arguments = {
            "numbers": [f"{number[:2]} ({number[2:5]}) {number[5:]}" for number in chosen] + unknown,
            "status": "opt_out",
            "on_missing": "skip",
        }
        requests = {"GET": ceil(len(before[self.which]) / 100), "PUT": changed}
        return Job(
            MailerSendUpdateSmsRecipientsOperator,
            arguments,
            expected,
            partial(model.opted_out, numbers=chosen),
            {"missing": unknown},
            requests,
        )

    def _given(self, wanted: Mapping[str, Sequence[str]], folder: Path) -> dict[str, Any]:
        """Return the arguments for what is wanted: lists, or a file of one of the types."""
        columns = {"recipients": "e-mail", "patterns": "pattern"}
        suffix = self.random.choice(("", "", "", ".csv", ".jsonl", *((".txt",) if len(wanted) == 1 else ())))
        if not suffix:
            return dict(wanted)
        path = folder / f"wanted{suffix}"
        rows = [{columns[kind]: value} for kind, values in wanted.items() for value in values]
        self.random.shuffle(rows)
        with path.open("w", newline="") as file:
            if suffix == ".csv":
                writer = csv.DictWriter(file, ["name", *columns.values()])
                writer.writeheader()
                writer.writerows(rows)
            else:
                lines = (json.dumps(row) if suffix == ".jsonl" else next(iter(row.values())) for row in rows)
                file.writelines(f"{line}\n" for line in lines)
        named = {f"{kind}_column": columns[kind] if kind in wanted else None for kind in columns}
        return {"file": str(path), **named}

    def _domain_given(self, scope: str | None) -> dict[str, str | None]:
        choices: tuple[dict[str, str | None], ...] = ({}, {"domain_id": "account"})
        if self.domain is not None:
            choices = {"domain_id": scope}, {"domain": self.domain}
        return self.random.choice(choices)

    def _requests(self, expected: model.Expected, before: State) -> dict[str, int]:
        return {
            "GET": ceil(len(before[self.which]) / 100) + 1,
            "POST": ceil(len(expected.new) / self.batch_size),
            "DELETE": ceil(len(expected.gone) / self.batch_size),
        }

    def _scope(self, domain_ids: Mapping[str, str]) -> str | None:
        if self.domain is not None:
            return domain_ids[self.domain]
        return None if self.which == "blocklist" else model.ANY_DOMAIN

    def _some(self, values: Sequence[str], most: int) -> list[str]:
        return self.random.sample(values, min(most, len(values)))

    def _made_up(self, count: int, what: str) -> list[str]:
        return [f"{what}.{number}@people.example" for number in range(count)]

    def _spelled(self, address: str) -> str:
        return self.random.choice((address, address.upper(), f" {address.title()} "))


def _values(entries: Sequence[Mapping[str, Any]], scope: str | None, kind: str) -> list[str]:
    """Return the values of *kind* that the scope holds, each once."""
    keys = (model.entry_key(entry) for entry in entries if model.is_in(scope, entry))
    return list(dict.fromkeys(value for of, value in keys if of == kind))
