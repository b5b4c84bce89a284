"""Addresses and patterns in a file: ``.csv``, ``.jsonl`` or ``.txt``, wherever Airflow reads files."""

from __future__ import annotations

import codecs
import csv
import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_mailersend.api.masking import masked_within
from airflow_provider_mailersend.jobs.wanted import Item, Line
from airflow_provider_mailersend.status_lines import counted

#: What to install for Airflow to read files of a scheme.
_PACKAGES = {
    "s3": "apache-airflow-providers-amazon[s3fs]",
    "gs": "apache-airflow-providers-google",
    "abfs": "apache-airflow-providers-microsoft-azure",
}
log = logging.getLogger(__name__)

_COMMA = ","
_OTHER_DELIMITERS = (";", "\t", "|")

# How a template or a form may write a tab.
_TABS = {"\\t": "\t", "tab": "\t"}

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

#: A line's number, and its values by column.
Row = tuple[int, dict[str, Any]]


def read_items(file: str, columns: dict[str, str], *, delimiter: str | None = None) -> dict[str, list[Item]]:
    """
    Return the items of each kind in *file*. Empty values are left out.

    :param file: a path or a URL, as Airflow's ``ObjectStoragePath`` takes it: ``s3://my_conn@bucket/opted_out.csv``.
    :param columns: for each kind, ``recipients`` or ``patterns``, the column that holds it. In a ``.txt`` file each
        line is a value of the only kind.
    :param delimiter: the delimiter of a ``.csv`` file; None to detect it.
    :raises FileNotFoundError: there is no such file.
    :raises ValueError: the file has another type, or its content isn't what its type says.
    """
    path = storage_path(file)
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".jsonl", ".txt"):
        raise ValueError(f"file must end with .csv, .jsonl or .txt; got {file!r}")
    if delimiter is not None and suffix != ".csv":
        raise ValueError(f"file_delimiter is for .csv files; file is {file!r}")
    check_file_system(path)
    items: dict[str, list[Item]] = {kind: [] for kind in columns}
    skipped = 0
    try:
        # Opened as bytes to name a line that isn't UTF-8. What Airflow 2.11 opens can't be iterated.
        with path.open("rb") as opened:
            lines = _decoded(iter(opened.readline, b""))
            if suffix == ".csv":
                rows = _csv_rows(lines, columns, delimiter)
            else:
                rows = _jsonl_rows(lines, columns) if suffix == ".jsonl" else _txt_rows(lines, columns)
            for number, row in rows:
                is_empty = True
                for kind, column in columns.items():
                    value = row.get(column)
                    if not isinstance(value, str | None):
                        raise ValueError(
                            f"line {number}: {column} must be a string; got {type(value).__name__}"
                        )
                    if value and value.strip():
                        items[kind].append(Line(kind, value.strip(), number))
                        is_empty = False
                skipped += is_empty
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path} doesn't exist, as seen from this worker: check the path, let an earlier task or a sensor wait for "
            "the file, or put it where all workers can read it"
        ) from error
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    if skipped:
        log.info("Skipped %s without %s in %s.", counted(skipped, "row"), " or ".join(columns.values()), file)
    return items


def parse_delimiter(value: object) -> str | None:
    """Return the delimiter of a ``.csv`` file as rendered; None to detect it."""
    if value is None or value in ("", "None"):
        return None
    delimiter = _TABS.get(value, value) if isinstance(value, str) else ""
    if len(delimiter) != 1 or delimiter.isalnum() or delimiter in '"\r\n @.':
        raise ValueError(f"file_delimiter must be one character, such as ';' or a tab; got {value!r}")
    return delimiter


def storage_path(file: str) -> ObjectStoragePath:
    """Return the path or URL *file*; a relative path is relative to the working directory on all Airflow versions."""
    return ObjectStoragePath(file if "://" in file else str(Path(file).absolute()))


def check_file_system(path: ObjectStoragePath) -> None:
    """Raise :class:`ValueError` if Airflow has no file system for *path*."""
    try:
        _ = path.fs
    except (ValueError, ImportError) as error:
        package = _PACKAGES.get(path.protocol, "the Airflow provider for it")
        raise ValueError(
            f"{path}: Airflow has no file system for {path.protocol}:// here; install {package}"
        ) from error


def _decoded(lines: Iterator[bytes]) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if number == 1 and line.startswith(_UTF_16):
            raise ValueError("the file is in UTF-16: save it as UTF-8")
        if b"\0" in line:
            raise ValueError(f"line {number} has a NUL byte, as in UTF-16: save the file as UTF-8")
        try:
            # Spreadsheets begin their files with a byte order mark.
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise ValueError(f"line {number} is not in UTF-8: save the file as UTF-8") from None


def _csv_rows(lines: Iterator[str], columns: dict[str, str], delimiter: str | None) -> Iterator[Row]:
    header = next(lines, None)
    if header is None:
        raise ValueError("the file is empty: its first line must name the columns")
    delimiter = delimiter or _detect_delimiter(header, columns)
    reader = csv.reader(chain([header], lines), strict=True, delimiter=delimiter)
    try:
        records = _one_line_records(reader)
        names = [name.strip() for name in next(records)]
        _check_header(names, columns, delimiter)
        for fields in filter(None, records):
            if len(fields) != len(names):
                raise ValueError(
                    f"line {reader.line_num} has {len(fields)} fields, but the header has {len(names)} columns: "
                    f"correct the line, or set file_delimiter if the delimiter is not {delimiter!r}"
                )
            yield reader.line_num, dict(zip(names, fields, strict=True))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num} isn't valid CSV: {error}") from None


def _one_line_records(reader: Any) -> Iterator[list[str]]:
    """Yield the records of a CSV *reader*; raise :class:`ValueError` where a stray quote may have swallowed lines."""
    for number, fields in enumerate(reader, start=1):
        if reader.line_num > number:
            raise ValueError(
                f"line {number} has a quote that is closed only on line {reader.line_num}: fields with line breaks are "
                "not supported, as a stray quote looks the same. Remove the quote or the line breaks"
            )
        yield fields


def _detect_delimiter(header: str, columns: dict[str, str]) -> str:
    """Return the comma, unless the header has none and exactly one other delimiter splits it into the columns."""
    fitting = [
        delimiter
        for delimiter in _OTHER_DELIMITERS
        if delimiter in header
        and set(columns.values()) <= {name.strip(' \r\n"') for name in header.split(delimiter)}
    ]
    if _COMMA in header or len(fitting) != 1:
        return _COMMA
    log.info("The header has no comma, but the wanted columns if split by %r: using that.", fitting[0])
    return fitting[0]


def _check_header(names: list[str], columns: dict[str, str], delimiter: str) -> None:
    for kind, column in columns.items():
        if names.count(column) > 1:
            raise ValueError(f"the header has the column {column!r} more than once")
        if column not in names:
            where = "the header" if delimiter == _COMMA else f"the header, split by {delimiter!r},"
            others = [other for other in _OTHER_DELIMITERS if len(names) == 1 and other in names[0]]
            hint = f", or set file_delimiter={others[0]!r}" if others else ""
            raise ValueError(_no_column(where, {kind: column}, names) + hint)


def _no_column(where: str, columns: dict[str, str], names: Iterable[str]) -> str:
    missing = " or ".join(map(repr, columns.values()))
    options = " or ".join(f"{kind}_column" for kind in columns)
    there = masked_within(", ".join(names)) or "nothing"
    return f"{where} has no {missing}, only {there}: set {options} to one of these"


def _jsonl_rows(lines: Iterator[str], columns: dict[str, str]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_unique_keys)
        except LookupError as error:
            raise ValueError(f"line {number} has the key {error.args[0]} more than once") from None
        except (ValueError, RecursionError):
            raise ValueError(f"line {number} isn't valid JSON") from None
        if isinstance(row, str) and len(columns) == 1:
            row = dict.fromkeys(columns.values(), row)
        if not isinstance(row, dict):
            raise ValueError(f"line {number} must be a JSON object; got {type(row).__name__}")
        missing = {kind: column for kind, column in columns.items() if column not in row}
        if missing and all(row.get(column) in (None, "") for column in columns.values()):
            raise ValueError(_no_column(f"line {number}", missing, row))
        yield number, row


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object's *pairs* as a dictionary; raise :class:`LookupError` with the key that is there twice."""
    row = dict(pairs)
    if len(row) < len(pairs):
        (key, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise LookupError(masked_within(repr(key)))
    return row


def _txt_rows(lines: Iterator[str], columns: dict[str, str]) -> Iterator[Row]:
    if len(columns) > 1:
        raise ValueError("a .txt file holds either addresses or patterns; use .csv or .jsonl for both")
    (column,) = columns.values()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, {column: line}
