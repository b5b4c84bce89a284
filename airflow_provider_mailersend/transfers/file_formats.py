"""Writing rows to ``.jsonl``, ``.csv`` and ``.parquet`` files, as they come."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import urlsplit

from airflow_provider_mailersend.api.entries import parse_date
from airflow_provider_mailersend.jobs.rows import Column, Row
from airflow_provider_mailersend.rendering import parse_required_text

if TYPE_CHECKING:
    import pyarrow

#: The endings of file names; all but the last may be followed by ``.gz``.
FORMATS = (".jsonl", ".csv", ".parquet")

#: The fastest: slower levels save little, as entries are much alike.
_GZIP_LEVEL = 1

#: How many rows a row group of a Parquet file holds.
_ROW_GROUP = 10_000


class RowWriter(Protocol):
    """Takes rows, a page at a time."""

    def write(self, rows: Sequence[Row]) -> None: ...


def parse_file_path(value: object, name: str) -> str:
    """Return the path of a file; raise :class:`ValueError` unless its name ends with the suffix of a format."""
    path = parse_required_text(value, name)
    if "://" in path and not urlsplit(path).path.strip("/"):
        raise ValueError(
            f"{name} must have the name of a file after the bucket, as s3://bucket/bounces.csv has; got {path!r}"
        )
    bare = path.lower().removesuffix(".gz")
    if not bare.endswith(FORMATS):
        raise ValueError(
            f"{name} must end with {', '.join(FORMATS)}, or with .jsonl.gz or .csv.gz; got {path!r}"
        )
    if bare.endswith(".parquet") and path.lower().endswith(".gz"):
        raise ValueError(
            f"{name} must not end with .parquet.gz: Parquet files are compressed inside; got {path!r}"
        )
    return path


@contextmanager
def row_writer(file: IO[bytes], name: str, columns: Sequence[Column]) -> Iterator[RowWriter]:
    """
    Write rows to *file* in the format that *name* ends with; *file* is complete when the context ends.

    :raises ValueError: the format is Parquet, and pyarrow isn't installed.
    """
    lower = name.lower()
    with ExitStack() as stack:
        sink: IO[bytes] = file
        if lower.endswith(".gz"):
            compressed = gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0)
            sink = cast("IO[bytes]", stack.enter_context(compressed))
        bare = lower.removesuffix(".gz")
        if bare.endswith(".csv"):
            yield _CsvWriter(sink, columns)
        elif bare.endswith(".jsonl"):
            yield _JsonLinesWriter(sink, columns)
        else:
            writer = _ParquetWriter(sink, columns)
            stack.callback(writer.close)
            yield writer


class _JsonLinesWriter:
    # JSON escapes line breaks inside strings, so that one can separate the values.
    _encode = json.JSONEncoder(ensure_ascii=False, separators=("\n", ":")).encode

    def __init__(self, sink: IO[bytes], columns: Sequence[Column]) -> None:
        self._sink = sink
        fields = ", ".join(f'"{column.name}": %s' for column in columns)
        self._line = f"{{{fields}}}\n"

    def write(self, rows: Sequence[Row]) -> None:
        cells = list(chain.from_iterable(rows))
        # One call for all cells: a call for each takes several times as long.
        values = self._encode(cells)[1:-1].split("\n") if cells else []
        if len(values) != len(cells):
            # A cell is an object or a list, although the API documents none.
            values = [json.dumps(cell, ensure_ascii=False) for cell in cells]
        self._sink.write((self._line * len(rows) % tuple(values)).encode())


class _CsvWriter:
    def __init__(self, sink: IO[bytes], columns: Sequence[Column]) -> None:
        self._sink = sink
        self._write([[column.name for column in columns]])

    def write(self, rows: Sequence[Row]) -> None:
        self._write(rows)

    def _write(self, rows: Sequence[Sequence[str | None]]) -> None:
        lines = io.StringIO()
        csv.writer(lines, lineterminator="\n").writerows(rows)
        self._sink.write(lines.getvalue().encode())


class _ParquetWriter:
    def __init__(self, sink: IO[bytes], columns: Sequence[Column]) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError:
            # Not an ImportError: a retry doesn't help.
            raise ValueError(
                "writing .parquet needs pyarrow: pip install 'airflow-provider-mailersend[parquet]'"
            ) from None
        self._columns = columns
        types = {True: pyarrow.timestamp("us", tz="UTC"), False: pyarrow.string()}
        self._schema = pyarrow.schema([(column.name, types[column.is_date]) for column in columns])
        self._writer: Any = parquet.ParquetWriter(sink, self._schema)
        self._rows: list[Row] = []

    def write(self, rows: Sequence[Row]) -> None:
        self._rows.extend(rows)
        if len(self._rows) >= _ROW_GROUP:
            self._flush()

    def close(self) -> None:
        try:
            self._flush()
        finally:
            self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._table())
            self._rows = []

    def _table(self) -> pyarrow.Table:
        import pyarrow

        values = [
            list(map(parse_date if column.is_date else _as_text, cells))
            for column, cells in zip(self._columns, zip(*self._rows, strict=True), strict=True)
        ]
        arrays = [pyarrow.array(cells, field.type) for cells, field in zip(values, self._schema, strict=True)]
        return pyarrow.Table.from_arrays(arrays, schema=self._schema)


def _as_text(cell: object) -> str | None:
    # Another type isn't documented.
    return cell if isinstance(cell, str | None) else json.dumps(cell, ensure_ascii=False)
