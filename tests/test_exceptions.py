"""The drawing of the errors in ``exceptions.py`` against the classes themselves."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from contextlib import suppress

import airflow_provider_mailersend
from airflow_provider_mailersend import exceptions
from airflow_provider_mailersend.exceptions import MailerSendError

DRAWN = re.compile(r"^ {4}(?P<branch>[│├└─ ]*)(?P<name>MailerSend\w+)(?P<permanent> +permanent)?(?: |$)")


def drawn() -> Iterator[tuple[str, str | None, bool]]:
    """Yield each error drawn: its name, its base's name, and whether it is drawn as permanent."""
    above: list[str] = []
    for line in (exceptions.__doc__ or "").splitlines():
        if found := DRAWN.match(line):
            depth = len(found["branch"]) // 4
            above[depth:] = [found["name"]]
            yield found["name"], above[depth - 1] if depth else None, bool(found["permanent"])


def defined() -> Iterator[tuple[str, str | None, bool]]:
    waiting = [MailerSendError]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        base = error.__base__.__name__ if error is not MailerSendError and error.__base__ else None
        yield error.__name__, base, error.permanent


def test_the_tree_is_drawn_as_it_is() -> None:
    # Every module is imported first: an error defined elsewhere must be known here.
    for module in pkgutil.walk_packages(airflow_provider_mailersend.__path__, "airflow_provider_mailersend."):
        if not module.name.endswith("__main__"):
            # Airflow 2 has no event triggers, and their module says so.
            with suppress(ImportError):
                importlib.import_module(module.name)
    assert sorted(drawn(), key=str) == sorted(defined(), key=str)


def test_every_error_is_in_the_one_module() -> None:
    names = [name for name, _, _ in defined()]
    assert [name for name in names if not hasattr(exceptions, name)] == []
    assert len(names) == len(set(names))
