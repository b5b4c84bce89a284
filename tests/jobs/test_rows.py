"""Entries as flat rows: the columns of files and tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from airflow_provider_mailersend.api.requests import LIST_NAMES, check_list_name
from airflow_provider_mailersend.jobs.rows import Column, columns_of, format_date, rows_of

DOMAIN = {"id": "d1", "name": "example.com", "created_at": "2020-01-01T00:00:00.000000Z"}
RECIPIENT = {"id": "r1", "email": "jane@example.com", "domain": DOMAIN, "deleted_at": ""}
MADE = "2024-12-19T17:28:16.000000Z"


def row_of(list_name: str, entry: dict[str, Any], domain_id: str | None = None) -> dict[str, str | None]:
    [row] = rows_of(list_name, [entry], domain_id)
    return dict(zip([column.name for column in columns_of(list_name)], row, strict=True))


def test_a_blocked_address_is_an_exact_entry_of_its_domain() -> None:
    entry = {
        "id": "b1",
        "type": "exact",
        "pattern": "jane@example.com",
        "domain": DOMAIN,
        "created_at": MADE,
        "updated_at": MADE,
    }
    assert row_of("blocklist", entry) == {
        "id": "b1",
        "list_name": "blocklist",
        "type": "exact",
        "email": "jane@example.com",
        "pattern": None,
        "reason": None,
        "readable_reason": None,
        "recipient_id": None,
        "domain_id": "d1",
        "domain_name": "example.com",
        "created_at": MADE,
        "updated_at": MADE,
    }


def test_a_pattern_has_no_address() -> None:
    row = row_of("blocklist", {"id": "b2", "type": "pattern", "pattern": ".*@example.com", "domain": None})
    assert (row["type"], row["email"], row["pattern"]) == ("pattern", None, ".*@example.com")
    assert row["domain_id"] is None


@pytest.mark.parametrize("list_name", ["hard-bounces", "spam-complaints", "unsubscribes", "on-hold-list"])
def test_the_other_lists_have_a_recipient(list_name: str) -> None:
    row = row_of(
        list_name, {"id": "e1", "reason": "Unknown reason", "created_at": MADE, "recipient": RECIPIENT}
    )
    assert (row["list_name"], row["email"], row["recipient_id"]) == (list_name, "jane@example.com", "r1")
    assert (row["domain_id"], row["domain_name"], row["reason"]) == ("d1", "example.com", "Unknown reason")


def test_a_recipient_has_the_domain_that_was_asked_for() -> None:
    entry = {
        "id": "r1",
        "email": "jane@example.com",
        "created_at": MADE,
        "updated_at": MADE,
        "deleted_at": "",
    }
    assert row_of("recipients", entry, "d2") == {
        "id": "r1",
        "list_name": "recipients",
        "email": "jane@example.com",
        "domain_id": "d2",
        "deleted_at": None,
        "created_at": MADE,
        "updated_at": MADE,
    }


def test_an_sms_recipient() -> None:
    entry = {
        "id": "s1",
        "number": "+15551234567",
        "status": "opt_out",
        "created_at": MADE,
        "opted_out_at": None,
    }
    assert row_of("sms-recipients", entry) == {
        "id": "s1",
        "list_name": "sms-recipients",
        "number": "+15551234567",
        "status": "opt_out",
        "opted_out_at": None,
        "opt_out_source": None,
        "created_at": MADE,
        "updated_at": None,
    }


@pytest.mark.parametrize(
    ("date", "shown"),
    [
        (MADE, MADE),
        ("2020-06-10 10:09:56", "2020-06-10T10:09:56.000000Z"),
        ("2022-01-01T12:00:0003.000000Z", None),
        (None, None),
        ("", None),
        (1734629296, None),
        ({"date": MADE}, None),
    ],
)
def test_dates_have_one_form_and_one_that_cannot_be_read_is_empty(date: object, shown: str | None) -> None:
    row = row_of("hard-bounces", {"id": "e1", "created_at": date, "recipient": RECIPIENT})
    assert row["created_at"] == shown
    if shown is not None:
        assert datetime.fromisoformat(shown).tzinfo == UTC


def test_an_entry_without_anything_but_its_id_is_a_row_too() -> None:
    for list_name in LIST_NAMES:
        assert row_of(list_name, {"id": "e1"})["id"] == "e1"


def test_another_list_is_an_error_that_names_them_all() -> None:
    with pytest.raises(
        ValueError,
        match=r"^list_name must be one of blocklist, hard-bounces, .*sms-recipients; got 'bounces'",
    ):
        check_list_name("bounces")


def test_a_moment_is_written_in_utc_with_microseconds() -> None:
    east = timezone(timedelta(hours=2))
    assert format_date(datetime(2026, 3, 4, 1, 2, 3, 4, east)) == "2026-03-03T23:02:03.000004Z"
    assert format_date(datetime(2026, 3, 4, tzinfo=UTC)) == "2026-03-04T00:00:00.000000Z"


def test_an_entry_without_a_domain_has_the_one_that_was_asked_for() -> None:
    entry = {
        "id": "e1",
        "reason": "550 5.1.1",
        "readable_reason": "No such mailbox",
        "recipient": {"id": "r1", "email": "jane@example.com", "domain": None},
        "created_at": MADE,
        "updated_at": "2024-12-20T00:00:00.000000Z",
    }
    assert row_of("hard-bounces", entry, "d2") == {
        "id": "e1",
        "list_name": "hard-bounces",
        "type": "exact",
        "email": "jane@example.com",
        "pattern": None,
        "reason": "550 5.1.1",
        "readable_reason": "No such mailbox",
        "recipient_id": "r1",
        "domain_id": "d2",
        "domain_name": None,
        "created_at": MADE,
        "updated_at": "2024-12-20T00:00:00.000000Z",
    }


def test_a_recipient_that_shows_its_domain_has_that() -> None:
    entry = {"id": "r1", "email": "jane@example.com", "domain": DOMAIN, "deleted_at": MADE}
    row = row_of("recipients", entry, "d2")
    assert (row["domain_id"], row["deleted_at"], row["created_at"]) == ("d1", MADE, None)


def test_an_sms_recipient_that_opted_out_says_when_and_how() -> None:
    entry = {"id": "s1", "opted_out_at": MADE, "opt_out_source": "sms_reply", "updated_at": MADE}
    row = row_of("sms-recipients", entry)
    assert (row["opted_out_at"], row["opt_out_source"], row["updated_at"]) == (MADE, "sms_reply", MADE)


def test_the_columns_that_hold_moments_are_known() -> None:
    assert columns_of("sms-recipients") == [
        *(Column(name, False) for name in ("id", "list_name", "number", "status")),
        Column("opted_out_at", True),
        Column("opt_out_source", False),
        Column("created_at", True),
        Column("updated_at", True),
    ]
    assert Column("deleted_at", True) in columns_of("recipients")
