"""Drivers that know no network: each step is performed by a function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from airflow_provider_mailersend.api.flow import Step, Steps

T = TypeVar("T")


def drive(steps: Steps[T], perform: Callable[[Step], Any]) -> T:
    """Run *steps* to their end, each performed by *perform*, and return their result."""
    received = None
    try:
        while True:
            received = perform(steps.send(received))
    except StopIteration as end:
        return cast("T", end.value)


async def drive_async(steps: Steps[T], perform: Callable[[Step], Awaitable[Any]]) -> T:
    """Run *steps* to their end, each performed by *perform*, and return their result."""
    received = None
    try:
        while True:
            received = await perform(steps.send(received))
    except StopIteration as end:
        return cast("T", end.value)
