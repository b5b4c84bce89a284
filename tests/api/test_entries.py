from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.api.entries import (
    created_at,
    domain_id_of,
    make_key,
    parse_date,
    suppressed_value,
)
from tests.feeding.script import properties


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2021-07-14T07:04:01.298000Z", datetime(2021, 7, 14, 7, 4, 1, 298000, UTC)),
        ("2024-12-19T17:28:16.000000Z", datetime(2024, 12, 19, 17, 28, 16, tzinfo=UTC)),
        ("2020-06-10 10:09:56", datetime(2020, 6, 10, 10, 9, 56, tzinfo=UTC)),
        ("2020-06-10T12:09:56+02:00", datetime(2020, 6, 10, 10, 9, 56, tzinfo=UTC)),
        ("2023-04-15T00:00:00Z", datetime(2023, 4, 15, tzinfo=UTC)),
    ],
)
def test_every_form_of_a_date_is_read_in_utc(said: object, meant: object) -> None:
    moment = parse_date(said)
    assert moment == meant
    assert moment is not None
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "said", ["2022-01-01T12:00:0003.000000Z", "", "yesterday", None, 1626246241, True, {}, ["2020-06-10"]]
)
def test_a_date_that_cannot_be_read_is_none(said: object) -> None:
    assert parse_date(said) is None


@pytest.mark.parametrize("said", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_date_at_the_end_of_the_calendar_stops_nothing(said: object) -> None:
    assert parse_date(said) is None


@properties
@given(st.one_of(st.text(), st.datetimes(timezones=st.timezones()).map(datetime.isoformat), st.integers()))
def test_no_date_stops_a_job(said: object) -> None:
    moment = parse_date(said)
    assert moment is None or moment.tzinfo is UTC


def test_an_entry_was_made_when_it_says() -> None:
    assert created_at({"created_at": "2020-06-10 10:09:56"}) == datetime(2020, 6, 10, 10, 9, 56, tzinfo=UTC)
    assert created_at({}) is None


@pytest.mark.parametrize(
    ("entry", "meant"),
    [
        ({"type": "exact", "pattern": "a@b.c"}, ("recipients", "a@b.c")),
        ({"type": "pattern", "pattern": ".*@b.c"}, ("patterns", ".*@b.c")),
        ({"pattern": "a@b.c"}, ("recipients", "a@b.c")),
        ({"recipient": {"email": "a@b.c"}}, ("recipients", "a@b.c")),
        ({"pattern": None}, None),
        ({"recipient": {"email": None}}, None),
        ({"recipient": None}, None),
        ({"recipient": "a@b.c"}, None),
        ({}, None),
    ],
)
def test_an_entry_says_whom_it_means(entry: dict[str, Any], meant: object) -> None:
    assert suppressed_value(entry) == meant


@pytest.mark.parametrize(
    ("kind", "one", "other", "same"),
    [
        ("recipients", "Jane@Example.COM", " jane@example.com ", True),
        ("recipients", "ÉMILE@example.com", "émile@example.com", True),
        ("recipients", "jane@example.com", "jane@example.org", False),
        ("patterns", r"\D+@x", r"\d+@x", False),
        ("patterns", " .*@x ", ".*@x", True),
    ],
)
def test_what_means_the_same_is_comparable(kind: str, one: str, other: str, same: bool) -> None:
    assert (make_key(kind, one) == make_key(kind, other)) is same


def test_an_address_and_an_equal_pattern_are_two() -> None:
    assert make_key("recipients", "a@b.c") != make_key("patterns", "a@b.c")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("info@fußball.example", "info@fussball.example"),  # two domains that two people may own
        ("ﬁona@example.com", "fiona@example.com"),
    ],
)
def test_addresses_that_differ_by_more_than_case_are_two(one: str, other: str) -> None:
    assert make_key("recipients", one) != make_key("recipients", other)


@pytest.mark.parametrize(
    ("entry", "domain_id"),
    [
        ({"pattern": "a@b.c", "domain": {"id": "d1"}}, "d1"),
        ({"pattern": "a@b.c", "domain": None}, None),
        ({"pattern": "a@b.c"}, None),
        ({"recipient": {"email": "a@b.c", "domain": {"id": "d2"}}}, "d2"),
        ({"recipient": {"email": "a@b.c"}}, None),
        ({"recipient": None}, None),
        ({"pattern": "a@b.c", "domain": "d1"}, None),
        ({"pattern": "a@b.c", "domain": {"id": 7}}, None),
    ],
)
def test_an_entry_says_whose_it_is(entry: dict[str, Any], domain_id: str | None) -> None:
    assert domain_id_of(entry) == domain_id
