"""Count what became of the mutants that mutmut ran: a line for each module. Fails where the tests notice too few."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from mutmut.stats import status_by_exit_code

#: The share of all mutants, in per cent, that the tests must notice.
LEAST = 85.0

COLUMNS = ("killed", "timeout", "survived", "no tests", "other")


def main() -> None:
    counted = {
        str(path.relative_to("mutants")).removesuffix(".meta"): count(path)
        for path in sorted(Path("mutants").rglob("*.meta"))
    }
    counted = {module: counts for module, counts in counted.items() if counts}
    if not counted:
        sys.exit("No mutant was run.")
    sys.stdout.write(f"{'':45}{''.join(f'{column:>10}' for column in COLUMNS)}{'noticed':>10}\n")
    for module, counts in counted.items():
        sys.stdout.write(line(module, counts))
    total = sum(counted.values(), Counter())
    sys.stdout.write(line("all", total))
    if noticed(total) < LEAST:
        sys.exit(f"The tests must notice {LEAST:g} % of the mutants.")


def count(path: Path) -> Counter[str]:
    """Return how many of one module's mutants came to which end; those that were not run are left out."""
    ends = [status_by_exit_code[code] for code in json.loads(path.read_text())["exit_code_by_key"].values()]
    return Counter(end if end in COLUMNS else "other" for end in ends if end != "not checked")


def noticed(counts: Counter[str]) -> float:
    return 100 * (counts["killed"] + counts["timeout"]) / counts.total()


def line(name: str, counts: Counter[str]) -> str:
    return f"{name:45}{''.join(f'{counts[column]:10}' for column in COLUMNS)}{noticed(counts):8.1f} %\n"


if __name__ == "__main__":
    main()
