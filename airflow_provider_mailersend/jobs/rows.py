"""Entries as flat rows for files and tables: the same columns in the same order in every run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from airflow_provider_mailersend.api.entries import Entry, parse_date
from airflow_provider_mailersend.api.requests import RECIPIENTS, SMS_RECIPIENTS, SuppressionList

#: A flat row. Dates are text in ISO 8601 and UTC, such as ``2024-12-19T17:28:16.000000Z``.
Row = tuple[str | None, ...]

_DATES = frozenset({"created_at", "updated_at", "deleted_at", "opted_out_at"})

# Besides the columns that every list begins and ends with.
_COLUMNS = {
    RECIPIENTS: ("email", "domain_id", "deleted_at"),
    SMS_RECIPIENTS: ("number", "status", "opted_out_at", "opt_out_source"),
} | dict.fromkeys(
    map(str, SuppressionList),
    ("type", "email", "pattern", "reason", "readable_reason", "recipient_id", "domain_id", "domain_name"),
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
    return [
        Column(name, name in _DATES)
        for name in ("id", "list_name", *_COLUMNS[list_name], "created_at", "updated_at")
    ]


def rows_of(list_name: str, entries: Iterable[Entry], domain_id: str | None) -> list[Row]:
    """
    Return one row for each of *entries*.

    :param domain_id: the domain whose entries were requested; None for the account and all its domains.
    """
    flatten = _FLATTENERS[list_name]
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
    return f"{date.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _date(value: object) -> str | None:
    return _formatted(value) if isinstance(value, str) else None


# Many entries are made in the same second.
@lru_cache(maxsize=1_000)
def _formatted(value: str) -> str | None:
    date = parse_date(value)
    return None if date is None else format_date(date)


def _flat_suppression(entry: Entry, domain_id: str | None) -> Row:
    kind, email, pattern = "exact", None, None
    recipient: dict[str, Any] = {}
    if "pattern" not in entry:
        recipient = entry.get("recipient") or {}
        email = recipient.get("email")
        domain = recipient.get("domain") or {"id": domain_id}
    else:
        domain = entry.get("domain") or {}
        if entry.get("type") == "pattern":
            kind, pattern = "pattern", entry["pattern"]
        else:
            email = entry["pattern"]
    return (
        kind,
        email,
        pattern,
        entry.get("reason"),
        entry.get("readable_reason"),
        recipient.get("id"),
        domain.get("id"),
        domain.get("name"),
    )


def _flat_recipient(entry: Entry, domain_id: str | None) -> Row:
    # The list shows no domain: it is known only where one was asked for.
    domain = entry.get("domain") or {}
    return entry.get("email"), domain.get("id", domain_id), _date(entry.get("deleted_at"))


def _flat_sms_recipient(entry: Entry, domain_id: str | None) -> Row:
    opted_out = _date(entry.get("opted_out_at")), entry.get("opt_out_source")
    return entry.get("number"), entry.get("status"), *opted_out


_FLATTENERS = {
    RECIPIENTS: _flat_recipient,
    SMS_RECIPIENTS: _flat_sms_recipient,
} | dict.fromkeys(map(str, SuppressionList), _flat_suppression)
