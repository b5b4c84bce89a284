"""Texts for the log: a list's name, and what a sensor or its trigger waits for and how far it is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from airflow_provider_mailersend.api.masking import masked, masked_within
from airflow_provider_mailersend.api.requests import ACCOUNT


def list_name(suppression_list: str, domain_id: str | None, domain: str | None) -> str:
    """
    Return a list's name, with the domain if there is one.

    >>> list_name("blocklist", None, "example.com")
    'blocklist (domain example.com)'
    """
    shown = domain or (domain_id if domain_id != ACCOUNT else None)
    return f"{suppression_list} (domain {shown})" if shown else suppression_list


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def and_joined(parts: Iterable[str]) -> str:
    """
    Return *parts* as an enumeration.

    >>> and_joined(["a", "b", "c"])
    'a, b and c'
    """
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def entry_awaited(list_name: str, value: str, *, present: bool) -> str:
    return f"{list_name}: {masked(value)} {'not there yet' if present else 'still there'}"


def entry_wanted(list_name: str, value: str, *, present: bool) -> str:
    return f"{list_name}: waiting for {masked(value)} to be {'there' if present else 'gone'}"


def entries_counted(list_name: str, count: int, at_least: int, since: datetime) -> str:
    return f"{list_name}: {count:,} of {at_least:,} new since {since.isoformat(sep=' ', timespec='seconds')}"


def entries_wanted(list_name: str, at_least: int, since: datetime) -> str:
    return f"{list_name}: waiting for {at_least:,} new since {since.isoformat(sep=' ', timespec='seconds')}"


def status_awaited(sms_recipient_id: str, status: object, wanted: str) -> str:
    return f"SMS recipient {masked_within(sms_recipient_id)}: {status}, not {wanted} yet"


def quota_left(remaining: int, at_least: int) -> str:
    return f"daily quota: {remaining:,} requests left of the {at_least:,} waited for"
