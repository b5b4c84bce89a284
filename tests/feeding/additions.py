"""Additions to a model of an account."""

from __future__ import annotations

from typing import Any

from airflow_provider_mailersend.api.flow import Flow
from airflow_provider_mailersend.api.requests import SuppressionList
from airflow_provider_mailersend.jobs.additions import Additions
from airflow_provider_mailersend.jobs.domains import Scope

from .script import NOON, Script, Server, flow

BLOCKLIST = SuppressionList.BLOCKLIST
HARD_BOUNCES = SuppressionList.HARD_BOUNCES


def addresses(number: int) -> list[str]:
    return [f"person{n}@example.com" for n in range(number)]


def add(
    account: Server | None, *, script: Script | None = None, sender: Flow | None = None, **given: Any
) -> tuple[Additions, Script]:
    """Run an addition against *account*; return it and the script it ran by."""
    script = script or Script(server=account)
    work = additions(**given)
    script.run(work.run(sender or flow(max_retries=20)))
    return work, script


def additions(
    *, suppression_list: SuppressionList = BLOCKLIST, domain_id: str | None = None, **given: Any
) -> Additions:
    return Additions(suppression_list, scope=Scope(domain_id), **given)


def start_over(account: Server, *, at: float = NOON + 300, **given: Any) -> tuple[Additions, Script]:
    """Add all of it again, as a retry of a DAG run that began at noon."""
    return add(account, script=Script(server=account, start=at), added_since=NOON, settle=True, **given)
