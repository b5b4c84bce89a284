"""Entries as flat rows: the columns of files and tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_mailersend.api.requests import LIST_NAMES, check_list_name
from airflow_provider_mailersend.jobs.rows import columns_of, rows_of

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
    ],
)
def test_dates_have_one_form_and_one_that_cannot_be_read_is_empty(
    date: str | None, shown: str | None
) -> None:
    row = row_of("hard-bounces", {"id": "e1", "created_at": date, "recipient": RECIPIENT})
    assert row["created_at"] == shown
    if shown is not None:
        assert datetime.fromisoformat(shown).tzinfo == UTC


def test_an_entry_without_anything_but_its_id_is_a_row_too() -> None:
    for list_name in LIST_NAMES:
        assert row_of(list_name, {"id": "e1"})["id"] == "e1"


def test_another_list_is_an_error_that_names_them_all() -> None:
    with pytest.raises(ValueError, match=r"blocklist, hard-bounces, .*sms-recipients; got 'bounces'"):
        check_list_name("bounces")
