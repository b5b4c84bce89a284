"""What callers may pass: each error names the argument, says what it may be, and what it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from airflow_provider_mailersend.api.masking import masked_within


def check_choice(name: str, value: object, choices: Any) -> None:
    """
    Let *value* pass where it is one of *choices*, a ``Literal``.

    :raises ValueError: it is not.
    """
    if value not in get_args(choices):
        raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}; got {value!r}")


def check_flags(**flags: object) -> None:
    """
    Let each of *flags* pass that is a boolean: a text such as ``"False"`` would count as true.

    :raises TypeError: one is none.
    """
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise TypeError(f"{name} must be True or False, literally; got {flag!r}")


def check_batch_size(batch_size: object) -> None:
    """
    Let *batch_size* pass where it is a number of items.

    :raises ValueError: it is not.
    """
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size must be a whole number, at least 1; got {batch_size!r}")


def unique_ids(ids: Iterable[str]) -> list[str]:
    """
    Return *ids* without the spaces around them, each once.

    :raises TypeError: they are one string.
    :raises ValueError: one of them is no string, or empty, or an address.
    """
    if isinstance(ids, str):
        raise TypeError("ids must be a list of strings; got one string")
    unique: dict[str, None] = {}
    for position, id_ in enumerate(ids):
        if not isinstance(id_, str) or not id_.strip():
            raise ValueError(
                f"ids[{position}] must be a string that is an id; got {masked_within(repr(id_))}"
            )
        if "@" in id_:
            raise ValueError(f"ids[{position}] must be an id, and not an address: {masked_within(id_)!r}")
        unique[id_.strip()] = None
    return list(unique)
