"""Texts for the log: a list's name, numbers, enumerations."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_provider_mailersend.api.requests import ACCOUNT


def list_name(suppression_list: str, domain_id: str | None, domain: str | None) -> str:
    """
    Return a list's name, with the domain if there is one.

    >>> list_name("blocklist", None, "example.com")
    'blocklist (domain example.com)'
    >>> list_name("blocklist", "account", None)
    'blocklist (account-wide)'
    """
    shown = domain or domain_id
    if not shown:
        return suppression_list
    return f"{suppression_list} ({'account-wide' if shown == ACCOUNT else f'domain {shown}'})"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def quota_left(remaining: int) -> str:
    return f"{remaining:,} of the daily quota left"


def and_joined(parts: Iterable[str]) -> str:
    """
    Return *parts* as an enumeration.

    >>> and_joined(["a", "b", "c"])
    'a, b and c'
    """
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
