"""The transfers that are killed: what each starts from, what a kill may leave, and what must be there in the end."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from airflow_provider_mailersend.assets import create_asset
from airflow_provider_mailersend.operators.base import MailerSendOperator
from airflow_provider_mailersend.transfers.mailersend_to_object_storage import (
    MailerSendToObjectStorageOperator,
)
from airflow_provider_mailersend.transfers.mailersend_to_sql import MailerSendToSqlOperator
from airflow_provider_mailersend.transfers.sql_to_mailersend import SqlToMailerSendOperator
from tests.chaos import databases, model
from tests.chaos.sandbox_process import SandboxProcess

#: The lists that are exported, and how many entries they have.
_LISTS = ("blocklist", "unsubscribes", "hard-bounces")
_LEAST, _MOST = 1_000, 2_500

_FORMATS = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz", *((".parquet",) if find_spec("pyarrow") else ()))

#: How long a server may take to see that a client is dead, in seconds.
_LONGEST_GOODBYE = 10.0

#: The domains whose blocklists a table is brought to, by the name of the run.
DOMAINS = {"measured": "news.example.com", "killed": "shop.example.org"}


class Transfer(ABC):
    """
    A transfer, done twice: ``measured``, undisturbed, and ``killed``.

    :param seed: the seed of its run.
    :param folder: where it may leave files.
    """

    operator: type[MailerSendOperator]
    uses_database = True

    def __init__(self, random: Random, seed: int, folder: Path) -> None:
        self.random = random
        self.seed = seed
        self.folder = folder
        self.which = "blocklist"
        self.size = random.randint(_LEAST, _MOST)

    @property
    def sandbox(self) -> dict[str, Any]:
        """The arguments of the sandbox."""
        return {"domains": [*DOMAINS.values()], self.which.replace("-", "_"): self.size}

    @abstractmethod
    def arguments(self, name: str) -> dict[str, Any]:
        """Return the operator's arguments for *name*."""

    @abstractmethod
    def prepare(self, sandbox: SandboxProcess) -> bool:
        """Make what it starts from; return whether the transfer itself must run before, with :meth:`change` after."""

    @abstractmethod
    def change(self, sandbox: SandboxProcess) -> None:
        """Let the list change after these first runs."""

    @abstractmethod
    def begin(self, sandbox: SandboxProcess) -> None:
        """Note what there is before the killed one."""

    @abstractmethod
    def after_kill(self, sandbox: SandboxProcess) -> tuple[str, list[str]]:
        """Return how far the killed one came, and what is wrong."""

    @abstractmethod
    def after_retry(self, sandbox: SandboxProcess, result: Mapping[str, Any]) -> list[str]:
        """Return what is wrong once a retry has succeeded."""


class _Export(Transfer):
    def __init__(self, random: Random, seed: int, folder: Path) -> None:
        super().__init__(random, seed, folder)
        self.which = random.choice(_LISTS)
        self.had_before = random.random() < 0.6
        self._before: object = None

    def prepare(self, sandbox: SandboxProcess) -> bool:
        return self.had_before

    def change(self, sandbox: SandboxProcess) -> None:
        entries = sandbox.state()[self.which]
        gone = self.random.sample([entry["id"] for entry in entries], 50)
        sandbox.remove(self.which, gone)
        new = [f"new.{number}@people.example" for number in range(150)]
        sandbox.add(self.which, *new, domain=DOMAINS["measured"])

    def begin(self, sandbox: SandboxProcess) -> None:
        self._before = self.content("killed")

    @abstractmethod
    def content(self, name: str) -> Any:
        """Return all that was exported; None if there is nothing."""

    def after_kill(self, sandbox: SandboxProcess) -> tuple[str, list[str]]:
        content = self.content("killed")
        if content == self.content("measured"):
            return "finished", []
        if content == self._before:
            return self.unfinished(), []
        return "half done", [f"after the kill, it is neither as before nor whole: {_short(content)}"]

    def unfinished(self) -> str:
        return "as before"

    def after_retry(self, sandbox: SandboxProcess, result: Mapping[str, Any]) -> list[str]:
        problems = []
        if (content := self.content("killed")) != self.content("measured"):
            problems.append(f"it isn't what an undisturbed run exports: {_short(content)}")
        listed = [entry["id"] for entry in sandbox.state()[self.which]]
        if result["rows"] != len(listed):
            problems.append(f"it returned {result['rows']} rows, and the list has {len(listed)}")
        return problems + self.misses(listed)

    @abstractmethod
    def misses(self, listed: list[str]) -> list[str]:
        """Return how the ids differ from those *listed*, and what else was left."""


class ListToFile(_Export):
    """A list as a file."""

    operator = MailerSendToObjectStorageOperator
    uses_database = False

    def __init__(self, random: Random, seed: int, folder: Path) -> None:
        super().__init__(random, seed, folder)
        self._name = f"list{random.choice(_FORMATS)}"
        # A later run's file hasn't the whole list, which is what is checked.
        self._is_auto = not self.had_before and random.random() < 0.7

    def arguments(self, name: str) -> dict[str, Any]:
        asset = create_asset(account="mailersend_default", list_name=self.which)
        auto = {"since": "auto", "inlets": [asset]} if self._is_auto else {}
        return {"list_name": self.which, "path": str(self.folder / name / self._name), **auto}

    def content(self, name: str) -> Any:
        path = self.folder / name / self._name
        if not path.exists():
            return None
        try:
            return list(_rows(path))
        except Exception as error:
            return f"unreadable: {type(error).__name__}"

    def unfinished(self) -> str:
        return "temporary file" if len(self._files()) > self.had_before else "as before"

    def misses(self, listed: list[str]) -> list[str]:
        content = self.content("killed")
        ids = [row["id"] for row in content] if isinstance(content, list) else []
        problems = [] if ids == listed else ["it hasn't the ids of the list, in their order"]
        if (files := self._files()) != [self._name]:
            problems.append(f"left behind: {files}")
        return problems

    def _files(self) -> list[str]:
        folder = self.folder / "killed"
        return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


class ListToTable(_Export):
    """A list as a table."""

    operator = MailerSendToSqlOperator

    def __init__(self, random: Random, seed: int, folder: Path) -> None:
        super().__init__(random, seed, folder)
        self._mode = random.choice(("upsert", "replace"))

    def arguments(self, name: str) -> dict[str, Any]:
        return {
            "list_name": self.which,
            "conn_id": databases.CONN_ID,
            "table": self._table(name),
            "create_table": True,
            "mode": self._mode,
        }

    def content(self, name: str) -> Any:
        columns = "id, list_name, type, email, pattern, created_at, updated_at, scope"
        rows = databases.rows_of(
            f"SELECT {columns}, read_until IS NOT NULL FROM {self._table(name)} ORDER BY id"
        )
        # A table that was created, and not filled yet, is as none.
        return rows or None

    def misses(self, listed: list[str]) -> list[str]:
        ids = {row[0] for row in self.content("killed") or ()}
        old = {row[0] for row in self._before or ()} if self._mode == "upsert" else set()  # type: ignore[attr-defined]
        problems = [] if ids == {*listed, *old} else ["it hasn't the ids of the list"]
        return problems + _tables_left(
            self.seed, {self._table("measured"), self._table("killed")}, self.folder
        )

    def _table(self, name: str) -> str:
        return f"list_{self.seed}_{name}"


class TableToList(Transfer):
    """A table's rows as a domain's blocklist, with some that MailerSend refuses, and some that are no address."""

    operator = SqlToMailerSendOperator

    def __init__(self, random: Random, seed: int, folder: Path) -> None:
        super().__init__(random, seed, folder)
        self.size = random.randint(100, 300)
        self._mode = random.choice(("mirror", "add_only"))
        self._batch_size = random.randint(20, 100)
        self._refused = [*(f"refused.{n}@nodot" for n in range(5)), *(f"nobody.{n}" for n in range(5))]
        there = [f"there.{n}@people.example" for n in range(random.randint(200, 400))]
        new = [f"new.{n}@people.example" for n in range(random.randint(200, 800))]
        self._there = there
        self._wanted = [*random.sample(there, len(there) // 2), *new]
        self._rows = [*self._wanted, *self._refused, *(value.upper() for value in self._wanted[:5])]
        random.shuffle(self._rows)
        self._expected: model.Expected

    def arguments(self, name: str) -> dict[str, Any]:
        return {
            "sql": f"SELECT email FROM {self._source} ORDER BY place",
            "conn_id": databases.CONN_ID,
            "suppression_list": self.which,
            "domain": DOMAINS[name],
            "mode": self._mode,
            "max_deletes": 1.0,
            "on_invalid": "skip",
            "rejected_table": self._rejected(name),
            "batch_size": self._batch_size,
        }

    def prepare(self, sandbox: SandboxProcess) -> bool:
        databases.fill(self._source, self._rows)
        for domain in DOMAINS.values():
            sandbox.add(self.which, *self._there, domain=domain)
        return False

    def change(self, sandbox: SandboxProcess) -> None:
        raise NotImplementedError

    def begin(self, sandbox: SandboxProcess) -> None:
        self._expected = model.synchronized(
            sandbox.state(),
            self.which,
            {"recipients": self._wanted},
            scope=sandbox.domain_ids()[DOMAINS["killed"]],
            is_mirror=self._mode == "mirror",
            removes_duplicates=False,
        )

    def after_kill(self, sandbox: SandboxProcess) -> tuple[str, list[str]]:
        differences = self._expected.differences(sandbox.state())
        # What is still to do is no difference that matters yet.
        wrong = [str(one) for one in differences if one.kind not in ("lost", "left") or "is gone" in one.text]
        made = len(self._expected.new) + len(self._expected.gone) - (len(differences) - len(wrong))
        recorded = self._recorded()
        if recorded and recorded != sorted(self._refused):
            wrong.append(
                f"after the kill, {len(recorded)} of {len(self._refused)} refused values are recorded"
            )
        if recorded:
            return "finished", wrong
        return "changes begun" if made else "as before", wrong

    def after_retry(self, sandbox: SandboxProcess, result: Mapping[str, Any]) -> list[str]:
        problems = [str(one) for one in self._expected.differences(sandbox.state())]
        if self._recorded() != sorted(self._refused):
            problems.append(f"recorded as refused: {self._recorded()}")
        if result["rejected"] + result["left_out"] != len(self._refused):
            problems.append(f"it returned {result['rejected']} rejected and {result['left_out']} left out")
        rows = databases.rows_of(f"SELECT email FROM {self._source} ORDER BY place")
        if [email for (email,) in rows or ()] != self._rows:
            problems.append("the source has changed")
        names = {self._source, self._rejected("measured"), self._rejected("killed")}
        return problems + _tables_left(self.seed, names, self.folder)

    def _recorded(self) -> list[str]:
        rows = databases.rows_of(f"SELECT value FROM {self._rejected('killed')} ORDER BY value")
        return sorted(str(value) for (value,) in rows or ())

    def _rejected(self, name: str) -> str:
        return f"rejected_{self.seed}_{name}"

    @property
    def _source(self) -> str:
        return f"source_{self.seed}"


TRANSFERS: Mapping[str, type[Transfer]] = {
    "list to file": ListToFile,
    "list to table": ListToTable,
    "table to list": TableToList,
}


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return parquet.read_table(path).to_pylist()  # type: ignore[no-any-return, no-untyped-call, unused-ignore]
    text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
    if ".csv" in path.suffixes:
        return csv.DictReader(io.StringIO(text))
    return map(json.loads, text.splitlines())


def _tables_left(seed: int, expected: set[str], folder: Path) -> list[str]:
    """Return the tables and files that a run left in its database besides those *expected*."""
    ends = time.monotonic() + _LONGEST_GOODBYE
    while True:
        found = databases.tables()
        if databases.name() == "mariadb":
            # All runs share it; it shows temporary tables to nobody else.
            found = {table for table in found if f"_{seed}_" in f"{table}_" or "staging" in table}
        if found == expected or time.monotonic() > ends:
            break
        time.sleep(0.2)
    problems = [] if found == expected else [f"tables: {sorted(found)}, not {sorted(expected)}"]
    files = {file.name for file in folder.glob("chaos.db*")} - {"chaos.db"}
    return problems + ([f"left behind: {sorted(files)}"] if files else [])


def _short(content: object) -> str:
    return f"{len(content)} rows" if isinstance(content, list) else str(content)
