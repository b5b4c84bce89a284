"""The operators and sensors that Airflow finds."""

from __future__ import annotations

import importlib
import inspect

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_mailersend import get_provider_info


def modules(kind: str) -> list[str]:
    """Return the modules of a *kind* that the provider names to Airflow."""
    return [name for one in get_provider_info()[kind] for name in one["python-modules"]]


def public_classes(*kinds: str) -> list[type[BaseOperator]]:
    """Return the classes of these *kinds*: ``operators``, ``sensors``; of both unless given."""
    return [
        thing
        for kind in kinds or ("operators", "sensors")
        for name in modules(kind)
        for thing in vars(importlib.import_module(name)).values()
        if inspect.isclass(thing) and issubclass(thing, BaseOperator) and thing.__module__ == name
        if not thing.__name__.startswith("_")
    ]
