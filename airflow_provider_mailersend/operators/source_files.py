"""Reading addresses and patterns from a file: ``.csv``, ``.jsonl`` or ``.txt``, wherever Airflow reads files."""

from __future__ import annotations

import codecs
import csv
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_mailersend.api.masking import masked_within
from airflow_provider_mailersend.jobs.wanted import Item, Line

#: What to install for Airflow to read files of a scheme.
_PACKAGES = {
    "s3": "apache-airflow-providers-amazon[s3fs]",
    "gs": "apache-airflow-providers-google",
    "abfs": "apache-airflow-providers-microsoft-azure",
}
log = logging.getLogger(__name__)

_COMMA = ","
_OTHER_DELIMITERS = (";", "\t", "|")

# As a template or a form may hold it.
_SPELLED = {"\\t": "\t", "tab": "\t"}

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

#: A line's number, and what it holds by the names of columns.
Row = tuple[int, dict[str, Any]]


def read_items(file: str, columns: dict[str, str], *, delimiter: str | None = None) -> dict[str, list[Item]]:
    """
    Return what *file* holds, for each kind a list of items whose positions are the numbers of their lines.

    Where a line holds nothing of a kind, that is no item.

    :param file: a path or a URL, as Airflow's ``ObjectStoragePath`` takes it: ``s3://my_conn@bucket/opted_out.csv``.
    :param columns: for each kind, ``recipients`` or ``patterns``, the column that holds it. A ``.txt`` file has no
        columns: each line is a value of the only kind.
    :param delimiter: what separates the columns of a ``.csv`` file. By default a comma; where the first line has none,
        and names the columns when it is split by a semicolon, a tab or a pipe, that one, which is logged.
    :raises FileNotFoundError: there is no such file.
    :raises ValueError: the file is of another type, or does not hold what its type says.
    """
    # Airflow 2.11 would look for a path without a folder in the root.
    path = ObjectStoragePath(file if "://" in file else str(Path(file).absolute()))
    rows_of = _READERS.get(path.suffix.lower())
    if rows_of is None:
        raise ValueError(f"file must end with {', '.join(_READERS)}; got {file!r}")
    if delimiter is not None:
        if rows_of is not _csv_rows:
            raise ValueError(f"file_delimiter is for .csv files; file is {file!r}")
        rows_of = partial(_csv_rows, delimiter=delimiter)
    _check_file_system(path, file)
    items: dict[str, list[Item]] = {kind: [] for kind in columns}
    try:
        # As bytes: a line that is no UTF-8 can then be named.
        with path.open("rb") as opened:
            # What Airflow 2.11 opens cannot be iterated.
            lines = _decoded(iter(opened.readline, b""))
            for number, row in rows_of(lines, columns):
                for kind, column in columns.items():
                    value = row.get(column)
                    if value is None:
                        continue
                    if not isinstance(value, str):
                        raise ValueError(
                            f"line {number}: {column} must be a string; it is a {type(value).__name__}"
                        )
                    if value.strip():
                        items[kind].append(Line(kind, value.strip(), number))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    return items


def _check_file_system(path: ObjectStoragePath, file: str) -> None:
    try:
        _ = path.fs
    except (ValueError, ImportError) as error:
        package = _PACKAGES.get(path.protocol, "the Airflow provider that brings it")
        raise ValueError(f"{file}: Airflow cannot read {path.protocol}:// here; install {package}") from error


def parse_delimiter(value: object) -> str | None:
    """
    Return what is to separate the columns of a ``.csv`` file; None where nothing is said.

    :raises ValueError: it is not one character that can.
    """
    if value is None or value in ("", "None"):
        return None
    delimiter = _SPELLED.get(value, value) if isinstance(value, str) else value
    if (
        not isinstance(delimiter, str)
        or len(delimiter) != 1
        or delimiter.isalnum()
        or delimiter in '"\r\n @.'
    ):
        raise ValueError(f"file_delimiter must be one character, such as ';' or a tab; got {value!r}")
    return delimiter


def _decoded(lines: Iterator[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if number == 1 and line.startswith(_UTF_16):
            raise ValueError("the file is in UTF-16: save it as UTF-8")
        if b"\0" in line:
            raise ValueError(
                f"line {number} holds a NUL byte, as text in UTF-16 does: save the file as UTF-8"
            )
        try:
            # Spreadsheets begin their files with a byte order mark.
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise ValueError(f"line {number} is not in UTF-8: save the file as UTF-8") from None


def _csv_rows(lines: Iterator[str], columns: dict[str, str], delimiter: str | None = None) -> Iterator[Row]:
    first = next(lines, None)
    if first is None:
        raise ValueError("the file is empty: its first line must name the columns")
    found = delimiter or _delimiter_of_header(first, columns)
    if found != delimiter and found != _COMMA:
        log.info(
            "The first line has no comma, and names the columns when it is split by %r: reading it so.", found
        )
    reader = csv.reader(chain([first], lines), strict=True, delimiter=found)
    try:
        header = [name.strip() for name in next(reader)]
        for kind, column in columns.items():
            if header.count(column) > 1:
                raise ValueError(f"the first line names the column {column!r} more than once")
            if column not in header:
                raise ValueError(_no_column(kind, column, header, found))
        for fields in reader:
            # A blank line is no row.
            if fields and len(fields) != len(header):
                raise ValueError(
                    f"line {reader.line_num} has {len(fields)} fields, and the first line names {len(header)} columns: "
                    "correct it, or where another character than "
                    f"{found!r} separates them, name it as file_delimiter"
                )
            if fields:
                yield reader.line_num, dict(zip(header, fields, strict=True))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num} is no CSV: {error}") from None


def _delimiter_of_header(header: str, columns: dict[str, str]) -> str:
    """Return what separates *header*: the comma, unless it has none and just one other splits it into the columns."""
    fitting = [
        delimiter
        for delimiter in _OTHER_DELIMITERS
        if set(columns.values()) <= {name.strip(' \r\n"') for name in header.split(delimiter)}
        and delimiter in header
    ]
    return fitting[0] if _COMMA not in header and len(fitting) == 1 else _COMMA


def _no_column(kind: str, column: str, header: list[str], delimiter: str) -> str:
    other = next((each for each in _OTHER_DELIMITERS if len(header) == 1 and each in header[0]), None)
    return (
        f"there is no column {column!r}; the first line names {masked_within(', '.join(header)) or 'none'}"
        f"{'' if delimiter == _COMMA else f', split by {delimiter!r}'}: {_name_it((kind,))}"
        + (f", or pass file_delimiter={other!r}" if other else "")
    )


def _name_it(kinds: Iterable[str]) -> str:
    return f"name the right one as {' or '.join(f'{kind}_column' for kind in kinds)}"


def _jsonl_rows(lines: Iterator[str], columns: dict[str, str]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise ValueError(f"line {number} is no JSON") from None
        if isinstance(row, str) and len(columns) == 1:
            row = dict.fromkeys(columns.values(), row)
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is no JSON object but a {type(row).__name__}")
        unknown = [column for column in columns.values() if column not in row]
        if len(unknown) == len(columns):
            names = masked_within(", ".join(row)) or "none"
            raise ValueError(
                f"line {number} has no {' or '.join(map(repr, unknown))}; its names are {names}: {_name_it(columns)}"
            )
        yield number, row


def _txt_rows(lines: Iterator[str], columns: dict[str, str]) -> Iterator[Row]:
    if len(columns) > 1:
        raise ValueError("a .txt file holds either addresses or patterns; use .csv or .jsonl for both")
    column = next(iter(columns.values()))
    for number, line in enumerate(lines, start=1):
        yield number, {column: line}


_READERS: dict[str, Callable[[Iterator[str], dict[str, str]], Iterator[Row]]] = {
    ".csv": _csv_rows,
    ".jsonl": _jsonl_rows,
    ".txt": _txt_rows,
}
