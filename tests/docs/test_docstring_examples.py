"""Every public operator, sensor, transfer, trigger and method of the hooks has an example that runs."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import importlib
import inspect
import json
import os
import re
import sqlite3
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from airflow.providers.common.compat.sdk import DAG, Asset, BaseOperator, TaskDeferred
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from airflow_provider_mailersend import assets, get_provider_info, sandbox
from airflow_provider_mailersend.hooks.mailersend import MailerSendAsyncHook, MailerSendHook
from airflow_provider_mailersend.sandbox import Sandbox
from tests.triggers.waiting import first_event

Connect = Callable[..., str]

# What tasks and triggers call, and what Airflow itself calls.
NOT_FOR_USERS = {
    "describe_list",
    "is_outdated",
    "locate_suppressions",
    "look_at_list",
    "get_connection_form_widgets",
    "get_ui_field_behaviour",
    "aclose",  # by "async with"
}

#: What examples pass, and the people behind it.
XCOMS = {
    "opted_out": ["jane@example.com", "joe@example.com"],
    "repaired": ["joe@example.com"],
    "sms_opt_outs": ["+15551234567"],
}


def examples_in(docstring: str | None) -> list[str]:
    """Return the Python blocks of a docstring."""
    text = inspect.cleandoc(docstring or "")
    block = re.compile(r"^(?:\.\. code-block:: python|.*(?<!:)::|::)\n\n((?:(?: {4}.*)?\n)+)", re.MULTILINE)
    return [textwrap.dedent(found).strip() for found in block.findall(text + "\n")]


def modules(kind: str) -> list[str]:
    info = get_provider_info()[kind]
    return [name for one in info for name in (one.get("python-modules") or [one["python-module"]])]


def classes(kind: str) -> list[type]:
    """Return the public classes of a kind."""
    return [
        thing
        for name in modules(kind)
        for thing in vars(importlib.import_module(name)).values()
        if inspect.isclass(thing) and issubclass(thing, BaseOperator) and thing.__module__ == name
        if not thing.__name__.startswith("_")
    ]


def methods(hook: type) -> dict[str, Any]:
    """Return the public methods of a hook that are ours, inherited ones too."""
    found: dict[str, Any] = {}
    for base in reversed(hook.mro()):
        if base.__module__.startswith("airflow_provider_mailersend."):
            found |= {name: thing for name, thing in vars(base).items() if inspect.isfunction(thing)}
    return {
        name: one for name, one in found.items() if not name.startswith("_") and name not in NOT_FOR_USERS
    }


TASKS = {cls.__name__: cls for kind in ("operators", "sensors", "transfers") for cls in classes(kind)}

#: All examples, by whose they are.
EXAMPLES = {
    **{name: examples_in(cls.__doc__) for name, cls in TASKS.items()},
    "MailerSendHook": examples_in(MailerSendHook.__doc__),
    "MailerSendAsyncHook": examples_in(MailerSendAsyncHook.__doc__),
    **{f"MailerSendHook.{name}": examples_in(one.__doc__) for name, one in methods(MailerSendHook).items()},
    "create_asset": examples_in(assets.create_asset.__doc__),
    "Sandbox": examples_in(Sandbox.__doc__),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_there_is_an_example_that_shows_it(name: str) -> None:
    called = {
        getattr(node.func, "attr", getattr(node.func, "id", None))
        for example in EXAMPLES[name]
        for node in ast.walk(ast.parse(example))
        if isinstance(node, ast.Call)
    }
    assert name.rpartition(".")[2] in called


def test_the_asynchronous_hooks_example_shows_all_its_methods() -> None:
    (example,) = EXAMPLES["MailerSendAsyncHook"]
    own = {name for name, one in methods(MailerSendAsyncHook).items() if inspect.iscoroutinefunction(one)}
    assert own
    assert [name for name in own if f"await hook.{name}(" not in example] == []


class World:
    """An account, files and a database in which the examples make sense."""

    def __init__(self, account: Sandbox, folder: Path) -> None:
        self.account = account
        recipient, *_ = account.add("recipients", "jane@example.com", "joe@example.com")
        sms_recipient, *_ = account.add("sms-recipients", "+15551234567", "+15550000000")
        account.add("hard-bounces", "joe@example.com", *[f"{number}@example.net" for number in range(60)])
        account.add("unsubscribes", "ann@example.com")
        account.add("blocklist", "jane@example.com", domain="example.com")
        (folder / "blocked.csv").write_text("email\njane@example.com\n")
        with closing(sqlite3.connect(folder / "crm.sqlite")) as database, database:
            database.execute("CREATE TABLE contacts (email TEXT, opted_out_at TEXT)")
            database.execute("INSERT INTO contacts VALUES ('jane@example.com', '2026-01-01')")
        self.recipient_id = recipient["id"]
        #: What an example says, and what it stands for here.
        self.meant = {
            "65qngkdovk8lwr12": account.domain_id("example.com"),
            "5ee0b174b251345e407c92dc": recipient["id"],
            "62347d2be979fd275c0afd34": sms_recipient["id"],
            "s3://crm@exports": str(folder),
            "s3://aws_default@lake/mailersend": str(folder),
            "mail.hard_bounces": "hard_bounces",  # SQLite has no schemas
        }

    def here(self, example: str) -> str:
        for says, means in self.meant.items():
            example = example.replace(says, means)
        return example

    @property
    def context(self) -> Any:
        now = datetime.now(UTC)
        task_instance = SimpleNamespace(xcom_pull=XCOMS.__getitem__, try_number=1)
        return {
            "ti": task_instance,
            "params": {"recipient_id": self.recipient_id},
            "ds": f"{now:%Y-%m-%d}",
            "data_interval_start": now - timedelta(hours=1),
            "data_interval_end": now + timedelta(hours=1),
        }


@pytest.fixture
def world(connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with Sandbox(rate_limit=None, quota=100_000) as account:
        connect(account, extra={"domain_id": account.domain_id("example.com")})
        for conn_id in ("CRM", "WAREHOUSE"):
            connection = {"conn_type": "sqlite", "host": str(tmp_path / "crm.sqlite")}
            monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id}", json.dumps(connection))
        yield World(account, tmp_path)


@pytest.mark.parametrize("name", TASKS)
def test_the_example_of_a_task_runs(name: str, world: World) -> None:
    if "Sql" in name and find_spec("airflow.providers.sqlite") is None:
        reason = "airflow.providers.sqlite isn't installed: pip install apache-airflow-providers-sqlite"
        (pytest.fail if os.environ.get("TESTS_NEED_SERVICES") else pytest.skip)(reason)
    for example in EXAMPLES[name]:
        with DAG("example", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)):
            task = eval(world.here(example), dict(TASKS))
        task.render_template_fields(world.context)
        try:
            task.execute(world.context)
        except TaskDeferred as deferred:
            event = asyncio.run(first_event(deferred.trigger))
            assert event["status"] == "success"
        assert world.account.log, "it sent nothing"


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name.startswith("MailerSendHook")])
def test_the_example_of_a_hooks_method_runs(name: str, world: World) -> None:
    for example in EXAMPLES[name]:
        kept: list[Any] = []
        made = {"MailerSendHook": MailerSendHook, "hook": MailerSendHook(), "store": kept.extend}
        exec(world.here(example), made)
        assert world.account.log, "it sent nothing"


def test_the_example_of_the_asynchronous_hook_runs(world: World) -> None:
    (example,) = EXAMPLES["MailerSendAsyncHook"]
    made: dict[str, Any] = {"MailerSendAsyncHook": MailerSendAsyncHook}
    wrapped = (
        f"async def example():\n{textwrap.indent(world.here(example), '    ')}\n    return bounces, left"
    )
    exec(wrapped, made)
    bounces, left = asyncio.run(made["example"]())
    assert (len(bounces), left > 0) == (61, True)


@pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="asset watchers are for Airflow 3")
def test_the_example_of_the_event_trigger_emits_an_event(world: World) -> None:
    from airflow.sdk import AssetWatcher

    events = importlib.import_module("airflow_provider_mailersend.triggers.events")
    (example,) = examples_in(events.MailerSendSuppressionEventTrigger.__doc__)
    made = {"Asset": Asset, "AssetWatcher": AssetWatcher, **vars(events)}
    exec(example, made)
    (watcher,) = made["bounces"].watchers
    trigger = dataclasses.replace(watcher.trigger, poke_interval=0.1)

    async def first_payload() -> Any:
        waiting = asyncio.ensure_future(first_event(trigger))
        while not world.account.requests("GET", "/suppressions/hard-bounces"):
            await asyncio.sleep(0.02)
        world.account.add("hard-bounces", "new@example.com")
        return await waiting

    # What was on the list a moment before the first look may count as new.
    assert asyncio.run(first_payload())["count"] >= 1


def test_the_example_of_an_asset_makes_one() -> None:
    (example,) = EXAMPLES["create_asset"]
    made: dict[str, Any] = {"create_asset": assets.create_asset}
    exec(example, made)
    assert made["blocklist"].uri == "mailersend://mailersend_default/blocklist"


def test_the_examples_of_the_sandbox_run() -> None:
    answered: list[int] = []
    get = requests.get

    def noted(*args: Any, **kwargs: Any) -> requests.Response:
        response = get(*args, **kwargs)
        answered.append(response.status_code)
        return response

    for example in EXAMPLES["Sandbox"]:
        exec(example, {"Sandbox": sandbox.Sandbox, "requests": SimpleNamespace(get=noted)})
    assert answered == [200]
