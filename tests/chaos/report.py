"""What came of all runs, and whether enough of everything happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.run import Record
from tests.chaos.weather import EVERYTHING

#: From so many runs on everything must have happened, and so many processes must have been killed at their work.
_MANY = 300
_LEAST_KILLS_OF_400 = 150


@dataclass(frozen=True)
class Report:
    """The runs' records, and how long they took together."""

    records: Sequence[Record]
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.failed and not self.lacking

    @property
    def failed(self) -> list[int]:
        """The seeds of the runs that failed."""
        return sorted(record.seed for record in self.records if record.problems)

    @property
    def happened(self) -> Counter[str]:
        """How many requests each thing happened to."""
        return sum((record.happened for record in self.records), Counter())

    @property
    def lacking(self) -> list[str]:
        """What should have happened in so many runs and did not."""
        if len(self.records) < _MANY:
            return []
        lacking = sorted(EVERYTHING - self.happened.keys())
        least_kills = _LEAST_KILLS_OF_400 * len(self.records) // 400
        if self._sum("kills") < least_kills:
            lacking.append(f"{least_kills} kills")
        if not self._sum("deferrals"):
            lacking.append("a deferral")
        return lacking

    def __str__(self) -> str:
        kinds = Counter(record.kind for record in self.records)
        killed = [record for record in self.records if record.kills]
        lines = [
            f"{len(self.records)} runs in {self.seconds:.0f} s: {_listed(kinds)}",
            f"{self._sum('tries')} tries, {self._sum('deferrals')} deferrals, {self._sum('kills')} processes killed at "
            f"their work in {len(killed)} runs",
            f"requests that met a fault or a limit: {_listed(self.happened)}",
            f"failed: {', '.join(map(str, self.failed)) or 'none'}",
        ]
        if self.lacking:
            lines.append(f"never happened: {', '.join(self.lacking)}")
        return "\n".join(lines)

    def _sum(self, name: str) -> int:
        return sum(getattr(record, name) for record in self.records)


def _listed(counts: Counter[str]) -> str:
    return "; ".join(f"{what} {count}" for what, count in sorted(counts.items()))
