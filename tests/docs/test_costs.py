"""The costs in docs/limits.md are those that the sandbox counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from airflow_provider_mailersend.sandbox import Sandbox
from airflow_provider_mailersend.sensors.quota import MailerSendApiQuotaSensor
from airflow_provider_mailersend.sensors.sms_recipients import MailerSendSmsRecipientStatusSensor
from airflow_provider_mailersend.sensors.suppressions import (
    MailerSendNewSuppressionsSensor,
    MailerSendSuppressionSensor,
)
from airflow_provider_mailersend.transfers.mailersend_to_object_storage import (
    MailerSendToObjectStorageOperator,
)

Job = Callable[[MailerSendHook, Sandbox, Path], Any]

PAGE = Path(__file__).parent.parent.parent / "docs" / "limits.md"

LIST = "unsubscribes"
ENTRIES = 5_000
SMS_RECIPIENTS = 1_000

ADDRESSES = [f"{number}@example.net" for number in range(1_200)]


def listed(sandbox: Sandbox, name: str = LIST) -> list[str]:
    """Return the addresses on a list, newest first."""
    return [entry["recipient"]["email"] for entry in sandbox.entries(name)]


def since(sandbox: Sandbox, entries: int) -> str:
    """Return the time since which so many entries were made."""
    return str(sandbox.entries(LIST)[entries - 1]["created_at"])


def mirrored(hook: MailerSendHook, sandbox: Sandbox, **options: Any) -> Any:
    """Mirror a source that lacks 40 of the entries, and has 600 more."""
    source = [*listed(sandbox)[40:], *ADDRESSES[:600]]
    return hook.sync_suppressions(LIST, recipients=source, mode="mirror", **options)


def exported(hook: MailerSendHook, sandbox: Sandbox, folder: Path) -> Any:
    path = str(folder / "bounces.jsonl")
    return MailerSendToObjectStorageOperator(task_id="export", list_name=LIST, path=path).execute({})


def sensed(*, checks: int = 1, **arguments: Any) -> Any:
    sensor = MailerSendSuppressionSensor(task_id="wait", suppression_list=LIST, **arguments)
    return [sensor.poke({}) for _ in range(checks)]


JOBS: dict[str, Job] = {
    "list 5,000 entries": lambda hook, sandbox, _: hook.list_suppressions(LIST),
    "list the newest 250 of 5,000 (`since`)": lambda hook, sandbox, _: hook.list_suppressions(
        LIST, since=since(sandbox, 250)
    ),
    "list an empty list": lambda hook, sandbox, _: hook.list_suppressions("spam-complaints"),
    "list by the domain's name": lambda hook, sandbox, _: hook.list_suppressions(
        "spam-complaints", domain="example.com"
    ),
    "add 1,200 addresses": lambda hook, sandbox, _: hook.add_suppressions(LIST, recipients=ADDRESSES),
    "delete 1,200 entries by id": lambda hook, sandbox, _: hook.delete_suppressions(
        LIST, ids=[entry["id"] for entry in sandbox.entries(LIST)[:1_200]]
    ),
    "delete 1,200 of 5,000 entries by address": lambda hook, sandbox, _: hook.delete_suppressions(
        LIST, recipients=listed(sandbox)[:1_200]
    ),
    "empty a list (`delete_all`)": lambda hook, sandbox, _: hook.delete_suppressions(LIST, delete_all=True),
    "mirror: 5,000 entries, 600 to add, 40 to delete": lambda hook, sandbox, _: mirrored(hook, sandbox),
    "the same as a dry run": lambda hook, sandbox, _: mirrored(hook, sandbox, dry_run=True),
    "add only: 600 addresses, none of them among 5,000 entries": lambda hook, sandbox, _: (
        hook.sync_suppressions(LIST, recipients=ADDRESSES[:600])
    ),
    "add only: the newest 300 of 5,000 entries, nothing to add": lambda hook, sandbox, _: (
        hook.sync_suppressions(LIST, recipients=listed(sandbox)[:300])
    ),
    "list 5,000 recipients": lambda hook, sandbox, _: list(hook.iter_recipients()),
    "get a recipient": lambda hook, sandbox, _: hook.get_recipient(sandbox.entries("recipients")[0]["id"]),
    "delete a recipient": lambda hook, sandbox, _: hook.delete_recipient(
        sandbox.entries("recipients")[0]["id"]
    ),
    "find an address: entry 1,250 of 5,000": lambda hook, sandbox, _: hook.find_suppression(
        LIST, recipient=listed(sandbox)[1_249]
    ),
    "find an address that isn't among 5,000": lambda hook, sandbox, _: hook.find_suppression(
        LIST, recipient="nobody@example.net"
    ),
    "list 1,000 SMS recipients": lambda hook, sandbox, _: list(hook.iter_sms_recipients()),
    "set 40 SMS recipients by id": lambda hook, sandbox, _: hook.update_sms_recipients(
        "opt_out", ids=[one["id"] for one in sandbox.entries("sms-recipients")[:40]]
    ),
    "set 40 of 1,000 SMS recipients by number": lambda hook, sandbox, _: hook.update_sms_recipients(
        "opt_out",
        numbers=[one["number"] for one in sandbox.entries("sms-recipients") if one["status"] == "active"][
            :40
        ],
    ),
    "export 5,000 entries to a file or table": exported,
    "sensor, first check: the entry is number 1,250 of 5,000": lambda hook, sandbox, _: sensed(
        recipient=listed(sandbox)[1_249]
    ),
    "sensor, first check: the entry isn't among 5,000": lambda hook, sandbox, _: sensed(
        recipient="nobody@example.net"
    ),
    "sensor, first and second check: the entry isn't among 5,000": lambda hook, sandbox, _: sensed(
        recipient="nobody@example.net", checks=2
    ),
    "sensor: 250 new entries among 5,000": lambda hook, sandbox, _: MailerSendNewSuppressionsSensor(
        task_id="wait", suppression_list=LIST, since=since(sandbox, 250), at_least=300
    ).poke({}),
    "sensor: an SMS recipient's status": lambda hook, sandbox, _: MailerSendSmsRecipientStatusSensor(
        task_id="wait", sms_recipient_id=sandbox.entries("sms-recipients")[0]["id"], status="active"
    ).poke({}),
    "test the connection; read the quota; the quota sensor": lambda hook, sandbox, _: (
        hook.test_connection(),
        MailerSendApiQuotaSensor(task_id="wait", at_least=5).poke({}),
    ),
}


def costs() -> dict[str, int]:
    """Return the costs in the page's table, by the names of the jobs."""
    section = PAGE.read_text().partition("## What each job costs")[2].partition("\n## ")[0]
    rows = re.findall(r"^\|.*\| ([^|]+) \| ([\d,]+) \|$", section, re.MULTILINE)
    return {job: int(cost.replace(",", "")) for job, cost in rows}


def test_the_page_has_the_jobs_that_are_measured_here() -> None:
    assert set(costs()) == set(JOBS)


@pytest.mark.parametrize("job", JOBS)
def test_a_job_costs_what_the_page_says(job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(
        domains=["example.com"],
        unsubscribes=ENTRIES,
        sms_recipients=SMS_RECIPIENTS,
        rate_limit=None,
        quota=10_000,
    ) as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_MAILERSEND_DEFAULT", sandbox.connection)
        before = sandbox.state()["quota_remaining"]
        JOBS[job](MailerSendHook(), sandbox, tmp_path)
        assert before - sandbox.state()["quota_remaining"] == costs()[job]
