"""Summarizes mutmut's results by module, and fails if the tests killed too few mutants."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from mutmut.stats import status_by_exit_code

#: The least percentage of mutants to kill. A mutant that runs into a timeout counts as killed.
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
    sys.stdout.write(f"{'':45}{''.join(f'{column:>10}' for column in COLUMNS)}{'score':>10}\n")
    for module, counts in counted.items():
        sys.stdout.write(line(module, counts))
    total = sum(counted.values(), Counter())
    sys.stdout.write(line("all", total))
    if score(total) < LEAST:
        sys.exit(f"The tests must kill at least {LEAST:g} % of the mutants.")


def count(path: Path) -> Counter[str]:
    """Return the number of a module's mutants by result, without those that were not run."""
    results = [
        status_by_exit_code[code] for code in json.loads(path.read_text())["exit_code_by_key"].values()
    ]
    return Counter(one if one in COLUMNS else "other" for one in results if one != "not checked")


def score(counts: Counter[str]) -> float:
    return 100 * (counts["killed"] + counts["timeout"]) / counts.total()


def line(name: str, counts: Counter[str]) -> str:
    return f"{name:45}{''.join(f'{counts[column]:10}' for column in COLUMNS)}{score(counts):8.1f} %\n"


if __name__ == "__main__":
    main()
