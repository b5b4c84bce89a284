"""Figures, their bounds, and the table in which they are printed."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

Relation = Literal["≤", "≥", "<"]

_HOLDS = {"≤": operator.le, "≥": operator.ge, "<": operator.lt}


@dataclass(frozen=True)
class Row:
    """One line of a table; one without a bound only informs."""

    what: str
    found: str
    spread: str = ""
    bound: str = ""
    ok: bool = True

    @property
    def cells(self) -> tuple[str, ...]:
        verdict = ("ok" if self.ok else "FAILED") if self.bound else ""
        return self.what, self.found, self.spread, self.bound, verdict


@dataclass(frozen=True)
class Report:
    """What a benchmark found."""

    title: str
    rows: Sequence[Row]

    @property
    def ok(self) -> bool:
        return all(row.ok for row in self.rows)

    def __str__(self) -> str:
        lines = [("", "median", "min - max", "bound", ""), *(row.cells for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = (
            f"  {what:<{widths[0]}}  {found:>{widths[1]}}  {spread:>{widths[2]}}  {bound:>{widths[3]}}  {verdict}"
            for what, found, spread, bound, verdict in lines
        )
        return "\n".join([self.title, *(line.rstrip() for line in table)])


def figure(
    what: str,
    values: Sequence[float],
    relation: Relation | None = None,
    bound: float | None = None,
    form: str = "{:.3f}",
) -> Row:
    """The median of *values*, one from each round, and whether it stands in *relation* to *bound*."""
    middle = median(values)
    return Row(
        what,
        form.format(middle),
        f"{form.format(min(values))} - {form.format(max(values))}",
        f"{relation} {form.format(bound)}" if relation else "",
        relation is None or bound is None or _HOLDS[relation](middle, bound),
    )


def exactly(what: str, found: object, wanted: object) -> Row:
    """Something that is no matter of degree."""
    return Row(what, str(found), bound=f"= {wanted}", ok=found == wanted)
