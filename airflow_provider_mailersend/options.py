"""Options of tasks: literals in a DAG file, or rendered from a template, and read strictly either way."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast, get_args

from airflow_provider_mailersend.api.masking import masked_within
from airflow_provider_mailersend.api.requests import SmsRecipientStatus, SuppressionList
from airflow_provider_mailersend.jobs.plan import Mode, check_max_deletes
from airflow_provider_mailersend.templating import required_text_of, text_of

_FLAGS = {"true": True, "false": False}
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_FRACTION = re.compile(r"\d?\.\d{1,9}", re.ASCII)
_TEMPLATE_MARKS = ("{{", "{%", "{#")


def flag_of(value: object, name: str) -> bool:
    """
    Return what flag *name* is: ``True`` or ``False``, or as rendered ``"true"`` or ``"false"``, whatever its case.

    :raises ValueError: it is anything else.
    """
    if isinstance(value, bool):
        return value
    flag = _FLAGS.get(value.strip().lower()) if isinstance(value, str) else None
    if flag is None:
        raise ValueError(f"{name} must be true or false; got {_shown(value)}")
    return flag


def mode_of(value: object, name: str = "mode") -> Mode:
    """
    Return which mode of a sync *value* is.

    :raises ValueError: it is none.
    """
    mode = value.strip() if isinstance(value, str) else value
    if mode not in get_args(Mode):
        raise ValueError(f"{name} must be one of {', '.join(get_args(Mode))}; got {_shown(value)}")
    return cast(Mode, mode)


def list_named(value: object, name: str = "suppression_list") -> SuppressionList:
    """
    Return which suppression list *value* is.

    :raises ValueError: it is none.
    """
    return SuppressionList(required_text_of(value, name))


def status_of(value: object, name: str = "status") -> SmsRecipientStatus:
    """
    Return which status of an SMS recipient *value* is.

    :raises ValueError: it is none.
    """
    return SmsRecipientStatus(required_text_of(value, name))


def status_or_none(value: object, name: str = "status") -> SmsRecipientStatus | None:
    """Return the same; None where *value* was rendered from nothing."""
    return None if text_of(value, name) is None else status_of(value, name)


def max_deletes_of(value: object, name: str = "max_deletes") -> int | float:
    """
    Return how many deletions are allowed: a whole number of entries, or a fraction, as ``5`` and ``0.2`` or rendered.

    :raises ValueError: it is neither.
    """
    read: object = value
    if isinstance(value, str):
        bare = value.strip()
        read = int(bare) if _COUNT.fullmatch(bare) else float(bare) if _FRACTION.fullmatch(bare) else value
    check_max_deletes(read)
    return cast("int | float", read)


def check_literal(value: object, name: str, read: Callable[[Any, str], object]) -> None:
    """
    Read option *name* when the DAG is parsed, where it is a literal; what is rendered later is read then.

    :raises ValueError: it is not what it may be.
    """
    is_template = isinstance(value, str) and any(mark in value for mark in _TEMPLATE_MARKS)
    if value is None or (isinstance(value, (str, int, float)) and not is_template):
        read(value, name)


def _shown(value: object) -> str:
    return (
        masked_within(repr(value))
        if isinstance(value, (str, int, float, type(None)))
        else type(value).__name__
    )
