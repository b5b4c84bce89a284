"""Compare what the wheel and the sdist in a folder hold with what is tracked: nothing missing, nothing else."""

from __future__ import annotations

import sys
import tarfile
from email.parser import Parser
from email.policy import compat32
from pathlib import Path
from subprocess import run
from zipfile import ZipFile

PACKAGE = "airflow_provider_mailersend"

#: Tracked files that only the repository needs.
NOT_IN_THE_SDIST = (".github/", ".pre-commit-config.yaml")


def main() -> None:
    root = Path(__file__).parent.parent
    listed = run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True)  # noqa: S607
    tracked = set(listed.stdout.splitlines())
    (wheel,) = Path(sys.argv[1]).glob("*.whl")
    (sdist,) = Path(sys.argv[1]).glob("*.tar.gz")
    wrong = [*wrong_in_wheel(wheel, tracked), *wrong_in_sdist(sdist, tracked)]
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    if wrong:
        sys.exit("The distributions don't hold what they should.")
    sys.stdout.write(f"{wheel.name} and {sdist.name} hold what they should.\n")


def wrong_in_wheel(wheel: Path, tracked: set[str]) -> list[str]:
    with ZipFile(wheel) as opened:
        names = set(opened.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        described = opened.read(metadata).decode()
    about = metadata.partition("/")[0]
    expected = {name for name in tracked if name.startswith(f"{PACKAGE}/")} | {
        f"{about}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    }
    extras = Parser(policy=compat32).parsestr(described).get_all("Provides-Extra", [])
    return [
        *differences(wheel.name, names, expected),
        *(f"{wheel.name} has the extra {extra!r}" for extra in extras if extra != "parquet"),
    ]


def wrong_in_sdist(sdist: Path, tracked: set[str]) -> list[str]:
    with tarfile.open(sdist) as opened:
        names = {member.name.partition("/")[2] for member in opened.getmembers() if member.isfile()}
    expected = {name for name in tracked if not name.startswith(NOT_IN_THE_SDIST)} | {"PKG-INFO"}
    return differences(sdist.name, names, expected)


def differences(where: str, names: set[str], expected: set[str]) -> list[str]:
    return [
        *(f"{where} lacks {name}" for name in sorted(expected - names)),
        *(f"{where} has {name}" for name in sorted(names - expected)),
    ]


if __name__ == "__main__":
    main()
