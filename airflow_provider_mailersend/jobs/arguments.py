"""What callers may pass: each error names the argument, says what it may be, and what it is."""

from __future__ import annotations

from typing import Any, Literal, get_args

#: What to do about what is not valid, or not there: fail, or leave it out.
OnInvalid = Literal["fail", "skip"]
OnMissing = Literal["fail", "skip"]


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
