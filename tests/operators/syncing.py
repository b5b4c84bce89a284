"""Helpers for tests of syncs: running one, and what it left on the lists of a sandbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow_provider_mailersend.operators.suppressions import (
    MailerSendListSuppressionsOperator,
    MailerSendSyncSuppressionsOperator,
)
from airflow_provider_mailersend.sandbox import Sandbox

Connect = Callable[..., str]
Logged = Callable[[], str]

NOTHING: list[Any] = ["None", "", "[]", None, []]
DOMAINS = ["example.com", "news.example.com", "shop.example.org"]


def operator(suppression_list: str = "blocklist", **arguments: Any) -> MailerSendSyncSuppressionsOperator:
    return MailerSendSyncSuppressionsOperator(task_id="sync", suppression_list=suppression_list, **arguments)


def sync(suppression_list: str = "blocklist", **arguments: Any) -> dict[str, Any]:
    result: dict[str, Any] = operator(suppression_list, **arguments).execute({})
    return result


def numbered(count: int, prefix: str = "wanted") -> list[str]:
    return [f"{prefix}{number}@example.net" for number in range(count)]


def texts(sandbox: Sandbox, suppression_list: str = "blocklist", domain: str | None = None) -> list[str]:
    """Return what stands on the list, of one domain where one is named, oldest first."""
    found = []
    for entry in reversed(sandbox.entries(suppression_list)):
        on_blocklist = suppression_list == "blocklist"
        theirs = (entry if on_blocklist else entry["recipient"])["domain"]
        if domain is None or (theirs or {"name": "account"})["name"] == domain:
            found.append(entry["pattern"] if on_blocklist else entry["recipient"]["email"])
    return found


def changes(sandbox: Sandbox) -> list[str]:
    """Return the methods of all requests that change something, in their order."""
    return [request.method for request in sandbox.log if request.method != "GET"]


def use_up(sandbox: Sandbox, requests: int) -> None:
    """Spend so many of the day's requests."""
    for _ in range(requests):
        MailerSendListSuppressionsOperator(task_id="list", suppression_list="spam-complaints").execute({})
