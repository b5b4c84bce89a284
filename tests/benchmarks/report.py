"""Figures, their bounds, and the table that prints them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

Relation = Literal["≤", "≥", "<"]

_HOLDS = {"≤": operator.le, "≥": operator.ge, "<": operator.lt}


@dataclass(frozen=True)
class Row:
    """One line of the table; a figure without a bound is only for information."""

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
        lines = [("", "found", "min - max", "bound", ""), *(row.cells for row in self.rows)]
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
    of: Callable[[Sequence[float]], float] = median,
) -> Row:
    """
    Return a figure and whether it keeps its bound.

    :param values: one from each round.
    :param of: makes the figure of them; the median, unless given.
    """
    found = of(values)
    return Row(
        what,
        form.format(found),
        f"{form.format(min(values))} - {form.format(max(values))}",
        f"{relation} {form.format(bound)}" if relation else "",
        relation is None or bound is None or _HOLDS[relation](found, bound),
    )


def exactly(what: str, found: object, wanted: object) -> Row:
    """Return a row for something that must be just as *wanted*."""
    return Row(what, str(found), bound=f"= {wanted}", ok=found == wanted)
