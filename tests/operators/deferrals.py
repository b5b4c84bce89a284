"""Helpers for tests of deferred operators: running a task over the days of a sandbox."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from airflow_provider_mailersend.sandbox import Sandbox

# How Airflow writes into its database what a task is to be resumed with.
if AIRFLOW_V_3_0_PLUS:
    try:
        from airflow.sdk import serde
    except ImportError:  # before Airflow 3.2
        from airflow.serialization import serde  # type: ignore[attr-defined, no-redef]

    serialize: Any = serde.serialize
    deserialize: Any = serde.deserialize
else:
    from airflow.serialization.serialized_objects import BaseSerialization

    serialize, deserialize = BaseSerialization.serialize, BaseSerialization.deserialize

Make = Callable[[], Any]

#: A day of the sandbox's, in seconds.
DAY = 3.0


def restored(serialized: tuple[str, dict[str, Any]]) -> Any:
    """Return a trigger as the triggerer makes it of what is in the database."""
    path, arguments = serialized
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)(**json.loads(json.dumps(arguments)))


def ids_on(sandbox: Sandbox, name: str) -> list[str]:
    return [entry["id"] for entry in sandbox.entries(name)]


def sent(sandbox: Sandbox, method: str, field: str) -> list[str]:
    """Return what all successful requests of that method held in one field of their bodies."""
    done = [request for request in sandbox.requests(method) if (request.status or 500) < 300]
    return list(chain.from_iterable(request.json.get(field, ()) for request in done))


def deferred_by(work: Callable[[], Any]) -> Any:
    """Return the deferral that *work* ends with."""
    with pytest.raises(TaskDeferred) as deferred:
        work()
    return deferred.value


def sleep_until(moment: datetime) -> None:
    seconds = (moment - datetime.now(UTC)).total_seconds()
    assert seconds < 30, "the sandbox's days are short"
    time.sleep(max(0.0, seconds))


def resumed(make: Make, deferred: TaskDeferred, context: Any = None) -> Any:
    """Wait for the trigger's moment, and resume the task as another process of Airflow's would."""
    trigger = restored(deferred.trigger.serialize())
    sleep_until(trigger.resets_at)
    kwargs = deserialize(json.loads(json.dumps(serialize(deferred.kwargs or {}))))
    event = {"resets_at": trigger.resets_at.isoformat()}
    return getattr(make(), deferred.method_name)(context or {}, event=event, **kwargs)


def a_run() -> Any:
    """Return the context of a task's first try in a DAG run that begins now."""
    return {"dag_run": SimpleNamespace(start_date=datetime.now(UTC)), "ti": SimpleNamespace(try_number=1)}


def over_days(make: Make, context: Any = None) -> tuple[Any, int]:
    """Run a task to its end, and return its result and how often it was deferred."""
    context = a_run() if context is None else context
    try:
        return make().execute(context), 0
    except TaskDeferred as deferred:
        return resumed_to_the_end(make, deferred, context)


def resumed_to_the_end(make: Make, deferred: TaskDeferred, context: Any = None) -> tuple[Any, int]:
    """Resume a task as often as it is deferred, and return its result and how often that was."""
    for nights in range(1, 10):
        try:
            return resumed(make, deferred, context), nights
        except TaskDeferred as another:
            deferred = another
    raise AssertionError("it is deferred again and again")
