"""What callers may pass: each error names the argument, says what it may be, and what it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from airflow_provider_mailersend.api.leftovers import leftover_problem
from airflow_provider_mailersend.api.masking import masked, masked_within
from airflow_provider_mailersend.api.numbers import is_like_a_number


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
    if type(batch_size) is not int or batch_size < 1:
        raise ValueError(f"batch_size must be a whole number, at least 1; got {batch_size!r}")


def check_whole_number(name: str, value: object, *, least: int) -> None:
    """
    Let *value* pass where it is a whole number, and no boolean, of *least* or more.

    :raises ValueError: it is not.
    """
    if type(value) is not int or value < least:
        raise ValueError(f"{name} must be a whole number, {least} or more; got {value!r}")


def unique_ids(ids: Iterable[str]) -> list[str]:
    """
    Return *ids* without the spaces around them, each once.

    :raises TypeError: they are one string.
    :raises ValueError: one of them is no string, or empty, or an address, or a phone number.
    """
    if isinstance(ids, str):
        raise TypeError("ids must be a list of strings; got one string")
    unique: dict[str, None] = {}
    for position, id_ in enumerate(ids):
        unique[checked_id(id_, f"ids[{position}]")] = None
    return list(unique)


def checked_id(id_: object, name: str) -> str:
    """
    Return *id_* without the spaces around it.

    :raises ValueError: it is none; it says so of *name*, and shows no address or phone number.
    """
    if not isinstance(id_, str) or leftover_problem(id_) is not None:
        raise ValueError(f"{name} must be a string that is an id; got {masked_within(repr(id_))}")
    if "@" in id_:
        raise ValueError(f"{name} must be an id, and not an address: {masked_within(id_)!r}")
    if is_like_a_number(id_.strip()):
        raise ValueError(
            f"{name} must be an id, and not a phone number: {masked(id_)!r}. SMS recipients are "
            "updated by their phone numbers with numbers="
        )
    return id_.strip()
