"""
What a task's arguments hold: left out or given, a literal in a DAG file or rendered from a template.

A rendered value may be the text of a list, the text "None", or nothing at all. What is not surely what it should be is
refused, and what was given and rendered to nothing never counts as left out.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar, cast, get_args

from airflow_provider_mailersend.api.leftovers import leftover_problem
from airflow_provider_mailersend.api.masking import masked_within
from airflow_provider_mailersend.api.requests import SmsRecipientStatus, SuppressionList
from airflow_provider_mailersend.jobs.plan import Mode, check_max_deletes

_T = TypeVar("_T")

Unset = Enum("Unset", "UNSET")

#: What an argument is that was left out.
UNSET = Unset.UNSET

_NOTHING = ("", "None", "null")

# A single value that holds what a list's text does: a number may be written "(+1) 555 …", a regular expression may be
# anything, so that a text left over from a template cannot be told from one.
_MAY_HOLD_BRACKETS = "numbers"
_NEVER_SINGLE = "patterns"

# What an address or an id never holds, and the text of a list, of whatever kind, does.
_SEVERAL = re.compile(r"[\s,;(){}\[\]<>]")

# What stands between things that were meant as a list, and what shows that a text was made of something else.
_BETWEEN = {",": "commas", ";": "semicolons"}
_BRACKET = re.compile(r"[(){}\[\]<>]")

_FLAGS = {"true": True, "false": False}
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_FRACTION = re.compile(r"\d?\.\d{1,9}", re.ASCII)
_TEMPLATE_MARKS = ("{{", "{%", "{#")


def none_if_unset(argument: _T | Unset) -> _T | None:
    """Return *argument*; None where it was left out."""
    return None if isinstance(argument, Unset) else argument


def parse_given_text(argument: object, name: str, *, given: bool) -> str | None:
    """
    Return the text that field *name* holds, once rendered; None where it was left out.

    :raises ValueError: it was given, and is nothing: what it was to keep to must not turn into all.
    """
    text = parse_text(argument, name)
    if given and text is None:
        raise ValueError(f"{name} was given, and rendered to {argument!r}. Leave it out if all is meant")
    return text


def parse_text(value: object, name: str) -> str | None:
    """
    Return the text that field *name* holds; None where it was rendered from nothing.

    :raises TypeError: it holds something else.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string; got {type(value).__name__}")
    return None if value.strip() in _NOTHING else value.strip()


def parse_required_text(value: object, name: str) -> str:
    """
    Return the text that field *name* holds.

    :raises ValueError: it was rendered from nothing.
    """
    text = parse_text(value, name)
    if text is None:
        raise ValueError(f"{name} is empty: it is {value!r}")
    return text


def parse_moment(value: object, name: str) -> str | datetime | None:
    """Return the moment that field *name* holds, still to be read; None where it was rendered from nothing."""
    return value if isinstance(value, datetime) else parse_text(value, name)


def parse_list(value: object, name: str) -> list[str]:
    """
    Return the strings that field *name* holds; none where it was rendered from nothing.

    A list may come as it is, from XCom or native rendering, or as its text, in JSON or as Python writes it. A text
    that is no list is the only string, but for patterns: these are a list, or its text.

    :raises TypeError: it holds something else, or something else than strings.
    :raises ValueError: it is a text that is neither a list nor one address or id.
    """
    items: Iterable[Any]
    if value is None or isinstance(value, str):
        text = parse_text(value, name)
        items = [] if text is None else _listed(text, name)
    elif isinstance(value, Iterable) and not isinstance(value, (Mapping, bytes)):
        items = value
    else:
        raise TypeError(f"{name} must be a list of strings; got {type(value).__name__}")
    strings = list(items)
    for position, item in enumerate(strings):
        if not isinstance(item, str):
            raise TypeError(f"{name}[{position}] must be a string; got {type(item).__name__}")
    return strings


def _listed(text: str, name: str) -> list[Any]:
    if text.startswith(("[", "(", "{")):
        for read in (json.loads, ast.literal_eval):
            try:
                value = read(text)
            except (ValueError, SyntaxError, RecursionError):
                continue
            if isinstance(value, (list, tuple, set)):
                return list(value)
    if name == _NEVER_SINGLE:
        raise ValueError(
            f"{name} must be a list, or the text of one, such as '[\".*@example.com\"]'; got a text that is none. Pass "
            "the list itself (an XComArg), or end its template with '| list | tojson'"
        )
    if leftover_problem(text) is None and (name == _MAY_HOLD_BRACKETS or not _SEVERAL.search(text)):
        return [text]
    raise ValueError(
        f"{_why_no_list(text, name)}. Pass the list itself (an XComArg), or end its template with '| list | tojson'"
    )


def _why_no_list(text: str, name: str) -> str:
    problem = leftover_problem(text)
    if problem is not None:
        return f"{name} is a text that is neither a list nor a single one of them. {problem.rstrip('.')}"
    if _BRACKET.search(text):
        return f"{name} is a text that is neither a list, in JSON or as Python writes it, nor a single one of them"
    between = next((said for mark, said in _BETWEEN.items() if mark in text), "spaces or line breaks")
    return f'{name} is a text with {between}, which is not a list: write ["a", "b"]'


def parse_flag(value: object, name: str) -> bool:
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


def parse_mode(value: object, name: str = "mode") -> Mode:
    """
    Return which mode of a sync *value* is.

    :raises ValueError: it is none.
    """
    mode = value.strip() if isinstance(value, str) else value
    if mode not in get_args(Mode):
        raise ValueError(f"{name} must be one of {', '.join(get_args(Mode))}; got {_shown(value)}")
    return cast(Mode, mode)


def parse_suppression_list(value: object, name: str = "suppression_list") -> SuppressionList:
    """
    Return which suppression list *value* is.

    :raises ValueError: it is none.
    """
    return SuppressionList(parse_required_text(value, name))


def parse_status(value: object, name: str = "status") -> SmsRecipientStatus:
    """
    Return which status of an SMS recipient *value* is.

    :raises ValueError: it is none.
    """
    return SmsRecipientStatus(parse_required_text(value, name))


def parse_optional_status(value: object, name: str = "status") -> SmsRecipientStatus | None:
    """Return the same; None where *value* was rendered from nothing."""
    return None if parse_text(value, name) is None else parse_status(value, name)


def parse_max_deletes(value: object, name: str = "max_deletes") -> int | float:
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
