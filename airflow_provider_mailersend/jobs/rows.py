"""Entries as flat rows for files and tables: the same columns in the same order in every run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from airflow_provider_mailersend.api.entries import Entry, parse_date
from airflow_provider_mailersend.api.requests import RECIPIENTS, SMS_RECIPIENTS

#: A flat row. Dates are text in ISO 8601 and UTC, such as ``2024-12-19T17:28:16.000000Z``.
Row = tuple[str | None, ...]

_DATES = frozenset({"created_at", "updated_at", "deleted_at", "opted_out_at"})

# Every list begins and ends with the same columns.
_FIRST = ("id", "list_name")
_LAST = ("created_at", "updated_at")

_COLUMNS = {
    RECIPIENTS: (*_FIRST, "email", "domain_id", "deleted_at", *_LAST),
    SMS_RECIPIENTS: (*_FIRST, "number", "status", "opted_out_at", "opt_out_source", *_LAST),
}
_SUPPRESSION_COLUMNS = (
    *_FIRST,
    "type",
    "email",
    "pattern",
    "reason",
    "readable_reason",
    "recipient_id",
    "domain_id",
    "domain_name",
    *_LAST,
)


class Column(NamedTuple):
    """
    A column of an export.

    :param name: its name.
    :param is_date: whether it holds moments; all others hold text.
    """

    name: str
    is_date: bool


def columns_of(list_name: str) -> list[Column]:
    """Return the columns of a list's rows, in their order."""
    names = _COLUMNS.get(list_name, _SUPPRESSION_COLUMNS)
    return [Column(name, name in _DATES) for name in names]


def rows_of(list_name: str, entries: Iterable[Entry], domain_id: str | None) -> list[Row]:
    """
    Return one row for each of *entries*.

    :param domain_id: the domain whose entries were requested; None for the account and all its domains.
    """
    flatten = _FLATTENERS.get(list_name, _flatten_suppression)
    return [
        (
            entry["id"],
            list_name,
            *flatten(entry, domain_id),
            _date(entry.get("created_at")),
            _date(entry.get("updated_at")),
        )
        for entry in entries
    ]


def format_date(date: datetime) -> str:
    """Return an aware *date* in UTC as MailerSend writes dates today."""
    return date.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _date(value: object) -> str | None:
    date = parse_date(value)
    return None if date is None else format_date(date)


def _flatten_suppression(entry: Entry, domain_id: str | None) -> Row:
    if "pattern" in entry:
        is_pattern = entry.get("type") == "pattern"
        email, pattern = (None, entry["pattern"]) if is_pattern else (entry["pattern"], None)
        domain, recipient_id = entry.get("domain") or {}, None
    else:
        is_pattern = False
        recipient = entry.get("recipient") or {}
        email, pattern, recipient_id = recipient.get("email"), None, recipient.get("id")
        domain = recipient.get("domain") or {"id": domain_id}
    return (
        "pattern" if is_pattern else "exact",
        email,
        pattern,
        entry.get("reason"),
        entry.get("readable_reason"),
        recipient_id,
        domain.get("id"),
        domain.get("name"),
    )


def _flatten_recipient(entry: Entry, domain_id: str | None) -> Row:
    # The list shows no domain: it is known only where one was asked for.
    domain = entry.get("domain") or {}
    return entry.get("email"), domain.get("id", domain_id), _date(entry.get("deleted_at"))


def _flatten_sms_recipient(entry: Entry, domain_id: str | None) -> Row:
    return (
        entry.get("number"),
        entry.get("status"),
        _date(entry.get("opted_out_at")),
        entry.get("opt_out_source"),
    )


_FLATTENERS = {RECIPIENTS: _flatten_recipient, SMS_RECIPIENTS: _flatten_sms_recipient}
