"""Rows written as JSON lines, CSV and Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.jobs.rows import Column, Row
from airflow_provider_mailersend.transfers.file_formats import parse_file_path, row_writer
from tests.feeding.script import properties

COLUMNS = [Column("id", False), Column("email", False), Column("created_at", True)]
MADE = "2024-12-19T17:28:16.000000Z"
ROWS: list[Row] = [("e1", "jane@example.com", MADE), ("e2", 'zoë,"x"\n@example.com', None)]


def written(name: str, *pages: list[Row]) -> bytes:
    file = io.BytesIO()
    with row_writer(file, name, COLUMNS) as writer:
        for page in pages:
            writer.write(page)
    return file.getvalue()


def as_objects(rows: list[Row]) -> list[dict[str, Any]]:
    return [dict(zip([column.name for column in COLUMNS], row, strict=True)) for row in rows]


@pytest.mark.parametrize("suffix", ["", ".gz", ".GZ"])
def test_json_lines(suffix: str) -> None:
    data = written(f"bounces.jsonl{suffix}", ROWS[:1], ROWS[1:])
    text = (gzip.decompress(data) if suffix else data).decode()
    assert [json.loads(line) for line in text.splitlines()] == as_objects(ROWS)


@properties
@given(st.lists(st.lists(st.tuples(*[st.none() | st.text(st.characters(codec="utf-8"))] * 3), max_size=3)))
def test_json_lines_hold_any_text(pages: list[list[Row]]) -> None:
    lines = written("bounces.jsonl", *pages).decode().split("\n")
    assert [json.loads(line) for line in lines[:-1]] == as_objects([row for page in pages for row in page])


def test_json_lines_hold_what_the_api_does_not_document() -> None:
    row: Any = ("e3", {"local": "jane", "domain": "example.com"}, [1, None])
    lines = written("bounces.jsonl", [*ROWS, row]).decode().splitlines()
    assert [json.loads(line) for line in lines] == as_objects([*ROWS, row])


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_csv(suffix: str) -> None:
    data = written(f"bounces.csv{suffix}", ROWS[:1], ROWS[1:])
    text = (gzip.decompress(data) if suffix else data).decode()
    assert list(csv.DictReader(io.StringIO(text, newline=""))) == [
        {name: value or "" for name, value in row.items()} for row in as_objects(ROWS)
    ]


def test_parquet() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    many: list[Row] = [(f"e{number}", "jane@example.com", MADE) for number in range(25_000)]
    table = parquet.read_table(io.BytesIO(written("bounces.parquet", ROWS, many)))
    assert table.num_rows == 25_002
    assert table.slice(0, 2).to_pylist() == [
        {
            "id": "e1",
            "email": "jane@example.com",
            "created_at": datetime(2024, 12, 19, 17, 28, 16, tzinfo=UTC),
        },
        {"id": "e2", "email": 'zoë,"x"\n@example.com', "created_at": None},
    ]


def test_parquet_holds_as_text_what_the_api_does_not_document() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    rows: Any = [(550, {"local": "zoë"}, MADE), (True, [1, None], None)]
    columns = parquet.read_table(io.BytesIO(written("bounces.parquet", [*ROWS, *rows]))).to_pydict()
    assert columns["id"] == ["e1", "e2", "550", "true"]
    assert columns["email"][2:] == ['{"local": "zoë"}', "[1, null]"]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet"])
def test_without_rows_there_are_the_columns_names(name: str) -> None:
    data = written(name)
    if name.endswith(".parquet"):
        names = pytest.importorskip("pyarrow.parquet").read_table(io.BytesIO(data)).column_names
    else:
        names = (gzip.decompress(data) if name.endswith(".gz") else data).decode().strip().split(",")
    assert names == ["id", "email", "created_at"]


def test_the_same_rows_make_the_same_gzip() -> None:
    assert written("a.jsonl.gz", ROWS) == written("a.jsonl.gz", ROWS)


@pytest.mark.parametrize("name", ["a.txt", "a", "a.json", "a.parquet.gz", "a.gz", "jsonl"])
def test_another_ending_is_an_error_that_names_those_there_are(name: str) -> None:
    with pytest.raises(ValueError, match=r"path must (not )?end with \.(jsonl|parquet)"):
        parse_file_path(name, "path")


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ValueError, match=r"pip install 'airflow-provider-mailersend\[parquet\]'"):
        written("a.parquet", ROWS)
