"""Entries as flat rows for files and tables: the same columns in the same order in every run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from airflow_provider_mailersend.api.entries import Entry, parse_date
from airflow_provider_mailersend.api.requests import RECIPIENTS, SMS_RECIPIENTS

#: A flat row. Dates are text in ISO 8601 and UTC, such as ``2024-12-19T17:28:16.000000Z``.
Row = tuple[str | None, ...]

_DATES = frozenset({"created_at", "updated_at", "deleted_at", "opted_out_at"})

# Besides the columns that every list begins and ends with.
_COLUMNS = {
    RECIPIENTS: ("email", "domain_id", "deleted_at"),
    SMS_RECIPIENTS: ("number", "status", "opted_out_at", "opt_out_source"),
}
_SUPPRESSION_COLUMNS = (
    "type",
    "email",
    "pattern",
    "reason",
    "readable_reason",
    "recipient_id",
    "domain_id",
    "domain_name",
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
    own = _COLUMNS.get(list_name, _SUPPRESSION_COLUMNS)
    return [Column(name, name in _DATES) for name in ("id", "list_name", *own, "created_at", "updated_at")]


def rows_of(list_name: str, entries: Iterable[Entry], domain_id: str | None) -> list[Row]:
    """
    Return one row for each of *entries*.

    :param domain_id: the domain whose entries were requested; None for the account and all its domains.
    """
    columns = columns_of(list_name)
    names = [column.name for column in columns]
    dates = [column.name for column in columns if column.is_date]
    rows = []
    for entry in entries:
        values = _flat(list_name, entry, domain_id)
        for name in dates:
            values[name] = _date(values.get(name))
        rows.append(tuple(map(values.get, names)))
    return rows


def format_date(date: datetime) -> str:
    """Return an aware *date* in UTC as MailerSend writes dates today."""
    return f"{date.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _date(value: object) -> str | None:
    date = parse_date(value)
    return None if date is None else format_date(date)


def _flat(list_name: str, entry: Entry, domain_id: str | None) -> dict[str, Any]:
    """Return the values of *entry* by column."""
    values = {**entry, "list_name": list_name}
    if list_name in _COLUMNS:
        # These lists show no domain: it is known only where one was asked for.
        return values | {"domain_id": (entry.get("domain") or {}).get("id", domain_id)}
    is_pattern = "pattern" in entry and entry.get("type") == "pattern"
    if "pattern" in entry:
        recipient, domain = {"email": entry["pattern"]}, entry.get("domain") or {}
    else:
        recipient = entry.get("recipient") or {}
        domain = recipient.get("domain") or {"id": domain_id}
    return values | {
        "type": "pattern" if is_pattern else "exact",
        "email": None if is_pattern else recipient.get("email"),
        "pattern": entry["pattern"] if is_pattern else None,
        "recipient_id": recipient.get("id"),
        "domain_id": domain.get("id"),
        "domain_name": domain.get("name"),
    }
