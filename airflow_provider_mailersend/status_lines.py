"""What is logged of a list: its name, and how far it is what a sensor or its trigger waits for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from airflow_provider_mailersend.api.masking import masked, masked_within
from airflow_provider_mailersend.api.requests import ACCOUNT


def list_name(suppression_list: str, domain_id: str | None, domain: str | None) -> str:
    """
    Return a list's name with the domain that is asked about, where one is.

    >>> list_name("blocklist", None, "example.com")
    'blocklist (domain example.com)'
    """
    asked = domain or (domain_id if domain_id != ACCOUNT else None)
    return f"{suppression_list} (domain {asked})" if asked else suppression_list


def counted(number: int, noun: str) -> str:
    """Return *number* and *noun*, in the plural where it is not one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def and_joined(parts: Iterable[str]) -> str:
    """
    Return *parts* as one enumeration.

    >>> and_joined(["a", "b", "c"])
    'a, b and c'
    """
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def entry_awaited(list_name: str, value: str, *, present: bool) -> str:
    """Return how far it is that an address or pattern is on a list, or is no longer."""
    return f"{list_name}: {masked(value)} {'not there yet' if present else 'still there'}"


def entry_wanted(list_name: str, value: str, *, present: bool) -> str:
    """Return that an address or pattern is waited for, or that it goes."""
    return f"{list_name}: waiting for {masked(value)} to be {'there' if present else 'gone'}"


def entries_counted(list_name: str, count: int, at_least: int, since: datetime) -> str:
    """Return how many of the entries waited for have been made."""
    return f"{list_name}: {count:,} of {at_least:,} new since {since.isoformat(sep=' ', timespec='seconds')}"


def entries_wanted(list_name: str, at_least: int, since: datetime) -> str:
    """Return how many new entries are waited for."""
    return f"{list_name}: waiting for {at_least:,} new since {since.isoformat(sep=' ', timespec='seconds')}"


def status_awaited(sms_recipient_id: str, status: object, wanted: str) -> str:
    """Return how far it is that an SMS recipient has a status."""
    return f"SMS recipient {masked_within(sms_recipient_id)}: {status}, not {wanted} yet"


def quota_left(remaining: int, at_least: int) -> str:
    """Return how much of the quota waited for is left."""
    return f"daily quota: {remaining:,} requests left of the {at_least:,} waited for"
