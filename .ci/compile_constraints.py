"""
Compiles ``constraints/airflow-X.Y.txt``: for each Airflow, the newest of all packages two weeks after its release.

Airflow allows newer dependencies than it works with: a plain install of an older Airflow breaks as time goes by.
``make constraints`` compiles all files, ``make constraints AIRFLOW=3.3`` one. ``lowest.txt`` has the oldest
dependencies that ``pyproject.toml`` allows.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from datetime import date, timedelta
from itertools import chain
from pathlib import Path

#: By minor version: the patch release that is tested, and the day it was released.
RELEASES = {
    "2.11": ("2.11.2", date(2026, 3, 14)),
    "3.1": ("3.1.8", date(2026, 3, 11)),
    "3.2": ("3.2.2", date(2026, 5, 29)),
    "3.3": ("3.3.2", date(2026, 9, 17)),
}

#: What is needed besides Airflow and the provider: the dependency groups of pyproject.toml.
GROUPS = ("dev", "docs", "services", "celery")
#: Used on the newest Airflow only: mutmut 3.8 came after the other releases.
NEWEST_GROUPS = ("mutants",)

_SETTLED = timedelta(days=14)
_HERE = Path(__file__).parent
_FOLDER = _HERE / "constraints"

# When all that the tests need was there, and little that Airflow 2.11.0 doesn't work with.
_LOWEST = date(2025, 8, 29)

# What the provider needs from common-compat came later.
_COMPAT = ("--exclude-newer-package", "apache-airflow-providers-common-compat=2026-03-28")


def main() -> None:
    for name in sys.argv[1:] or (*RELEASES, "lowest"):
        if name == "lowest":
            compile_lowest(_FOLDER / "lowest.txt")
        else:
            version, released = RELEASES[name]
            is_newest = released == max(day for _, day in RELEASES.values())
            groups = (*GROUPS, *NEWEST_GROUPS) if is_newest else GROUPS
            options = [option for group in groups for option in ("--group", group)]
            compile_to(
                _FOLDER / f"airflow-{name}.txt", released, *options, also=f"apache-airflow=={version}\n"
            )


def compile_lowest(target: Path) -> None:
    """Compile the provider's own dependencies as low as they go, and with them what the tests need."""
    compile_to(target, _LOWEST, "--resolution", "lowest-direct")
    allowed = tomllib.loads((_HERE.parent / "pyproject.toml").read_text())["project"]
    needed = [*allowed["dependencies"], *chain(*allowed["optional-dependencies"].values())]
    names = {re.split("[<>=!]", one)[0] for one in needed}
    lowest = [line for line in target.read_text().splitlines() if line.partition("==")[0] in names]
    compile_to(target, _LOWEST, "--group", "dev", also="\n".join(lowest))


def compile_to(target: Path, released: date, *options: str, also: str = "") -> None:
    command = [
        *("uv", "pip", "compile", "pyproject.toml", "-", "--all-extras", "--universal", "--upgrade"),
        *("--python-version", "3.11", "--exclude-newer", str(released + _SETTLED)),
        *(_COMPAT if released == _LOWEST else ()),
        *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet"),
        *("--output-file", str(target)),
        *options,
    ]
    subprocess.run(command, input=also, text=True, check=True, cwd=_HERE.parent)


if __name__ == "__main__":
    main()
