"""Syncs of a model of an account."""

from __future__ import annotations

from typing import Any

from airflow_provider_mailersend.api.flow import Flow
from airflow_provider_mailersend.api.requests import SuppressionList
from airflow_provider_mailersend.jobs.domains import Scope
from airflow_provider_mailersend.jobs.sync import Sync, SyncOptions
from airflow_provider_mailersend.jobs.wanted import Wanted

from .account import Account, minutes
from .script import NOON, Script, flow

HOUR = 3600.0


def people(*numbers: int) -> list[str]:
    return [f"person{number}@x.example" for number in numbers]


def account_with(number: int, **options: Any) -> Account:
    """Return an account with the account's own entries of people(0), people(1) and so on."""
    account = Account(**options)
    for value in people(*range(number)):
        account.put(value, at=NOON - minutes(60))
    return account


def sync(
    account: Account | None,
    wanted: Wanted | None = None,
    *,
    script: Script | None = None,
    sender: Flow | None = None,
    **given: Any,
) -> tuple[Sync, Script]:
    """Make *account* equal to *wanted*; return the work and the script it ran by."""
    script = script or Script(server=account)
    work = sync_of(account, wanted, **given)
    script.run(work.run(sender or flow(max_retries=20)))
    return work, script


def sync_of(
    account: Account | None,
    wanted: Wanted | None = None,
    *,
    domain_id: str | None = None,
    scope: Scope | None = None,
    **given: Any,
) -> Sync:
    kinds = {kind: given.pop(kind) for kind in ("recipients", "patterns") if kind in given}
    which = SuppressionList(account.suppression_list if account else "blocklist")
    options = SyncOptions(**given)
    return Sync(which, wanted or Wanted(**kinds), scope=scope or Scope(domain_id), options=options)


def values(account: Account, domain_id: str | None = None) -> list[str]:
    """Return what a domain's entries, or the account's own, suppress, in lower case."""
    return sorted(value.lower() for value in account.of_domain(domain_id))


def state(account: Account) -> list[tuple[object, ...]]:
    """Return what is on the list, whatever ids and dates the new entries have."""
    return sorted(
        (value.lower(), str(domain), entry.get("type", ""))
        for entry in account.entries
        for value, domain in [(account.value_in(entry), account.domain_of(entry))]
    )
