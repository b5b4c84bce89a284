"""What came of all runs, and whether enough of everything happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

from tests.chaos import model
from tests.chaos.jobs import KILLED_ADD, MANY
from tests.chaos.run import Record
from tests.chaos.transfers import TRANSFERS
from tests.chaos.weather import CONDITIONS, EVERYTHING

#: A whole campaign: how many runs it has, and how many processes it must kill in them.
RUNS = 400
_LEAST_KILLS = 150

#: The killed additions of a whole campaign. A kill may come too late: that many must have been killed.
KILLED_ADDS = 50
_LEAST_KILLED_ADDS = 45

#: The killed transfers of a whole campaign, and how many of them must have been killed before they ended.
KILLED_TRANSFERS = 60
_LEAST_KILLED_TRANSFERS = 30


@dataclass(frozen=True)
class Report:
    """The records of all runs, and how long they took together in seconds."""

    records: Sequence[Record]
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.failed and not self.lacking

    @property
    def failed(self) -> list[Record]:
        return sorted((record for record in self.records if record.problems), key=lambda record: record.seed)

    @property
    def lacking(self) -> list[str]:
        """What a whole campaign should have met and didn't; smaller ones may lack anything."""
        lacking = []
        if len(self._runs) >= RUNS:
            lacking += sorted(EVERYTHING - self._happened.keys())
            lacking += sorted(CONDITIONS - self._conditions.keys())
            if _sum(self._runs, "kills") < _LEAST_KILLS:
                lacking.append(f"{_LEAST_KILLS} kills")
            if not _sum(self._runs, "deferrals"):
                lacking.append("a deferral")
        if len(self._killed_adds) >= KILLED_ADDS and len(_killed(self._killed_adds)) < _LEAST_KILLED_ADDS:
            lacking.append(f"{_LEAST_KILLED_ADDS} killed additions")
        transfers = self._killed_transfers
        if len(transfers) >= KILLED_TRANSFERS and len(_killed(transfers)) < _LEAST_KILLED_TRANSFERS:
            lacking.append(f"{_LEAST_KILLED_TRANSFERS} killed transfers")
        return lacking

    def __str__(self) -> str:
        lines = [f"{len(self.records)} runs in {self.seconds:.0f} s"]
        if self._runs:
            incomplete = sum(record.may_be_incomplete for record in self._runs)
            lines += [
                f"{len(self._runs)} runs under faults: {_listed(Counter(one.kind for one in self._runs))}",
                f"{_sum(self._runs, 'tries')} tries, {_sum(self._runs, 'deferrals')} deferrals, "
                f"{_sum(self._runs, 'kills')} processes killed in {len(_killed(self._runs))} runs",
                f"requests that met a fault or a limit: {_listed(self._happened)}",
                f"runs with: {_listed(self._conditions)}",
                f"runs whose result says that it may be incomplete: {incomplete}",
            ]
        if self._killed_adds:
            whole = sum(record.added == MANY for record in self._killed_adds)
            lines.append(
                f"{KILLED_ADD} in batches, killed at a random moment, retried: {len(self._killed_adds)} runs, "
                f"{len(_killed(self._killed_adds))} killed, {MANY:,} entries in {whole}"
            )
        for kind in TRANSFERS:
            if runs := [record for record in self._killed_transfers if record.kind == kind]:
                killed = _killed(runs)
                on = Counter(one.database for one in runs if one.database)
                lines.append(
                    f"{kind}, killed at a random moment, retried: {len(runs)} runs"
                    f"{f' ({_listed(on)})' if on else ''}, {len(killed)} killed before the end "
                    f"({_listed(Counter(one.killed_when for one in killed))}), "
                    f"whole and right {sum(not one.problems for one in runs)}"
                )
        violations = sum((record.violations for record in self.records), Counter())
        lines += [
            f"violations: {'; '.join(f'{kind} {violations[kind]}' for kind in get_args(model.Kind))}",
            f"failed: {', '.join(f'{record.seed} ({record.kind})' for record in self.failed) or 'none'}",
        ]
        if self.lacking:
            lines.append(f"never happened: {', '.join(self.lacking)}")
        return "\n".join(lines)

    @property
    def _runs(self) -> list[Record]:
        return [record for record in self.records if record.kind not in (KILLED_ADD, *TRANSFERS)]

    @property
    def _killed_adds(self) -> list[Record]:
        return [record for record in self.records if record.kind == KILLED_ADD]

    @property
    def _killed_transfers(self) -> list[Record]:
        return [record for record in self.records if record.kind in TRANSFERS]

    @property
    def _happened(self) -> Counter[str]:
        return sum((record.happened for record in self._runs), Counter())

    @property
    def _conditions(self) -> Counter[str]:
        return Counter(condition for record in self._runs for condition in record.conditions)


def _killed(records: Iterable[Record]) -> list[Record]:
    return [record for record in records if record.kills]


def _sum(records: Iterable[Record], name: str) -> int:
    return sum(getattr(record, name) for record in records)


def _listed(counts: Counter[str]) -> str:
    return "; ".join(f"{what} {count}" for what, count in sorted(counts.items())) or "none"
