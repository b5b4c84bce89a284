"""Reading what a template field holds once it is rendered."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from airflow_provider_mailersend.api.leftovers import leftover_problem

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


def text_of(value: object, name: str) -> str | None:
    """
    Return the text that field *name* holds; None where it was rendered from nothing.

    :raises TypeError: it holds something else.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string; got {type(value).__name__}")
    return None if value.strip() in _NOTHING else value.strip()


def required_text_of(value: object, name: str) -> str:
    """
    Return the text that field *name* holds.

    :raises ValueError: it was rendered from nothing.
    """
    text = text_of(value, name)
    if text is None:
        raise ValueError(f"{name} is empty: it is {value!r}")
    return text


def moment_of(value: object, name: str) -> str | datetime | None:
    """Return the moment that field *name* holds, still to be read; None where it was rendered from nothing."""
    return value if isinstance(value, datetime) else text_of(value, name)


def list_of(value: object, name: str) -> list[str]:
    """
    Return the strings that field *name* holds; none where it was rendered from nothing.

    A list may come as it is, from XCom or native rendering, or as its text, in JSON or as Python writes it. A text
    that is no list is the only string, but for patterns: these are a list, or its text.

    :raises TypeError: it holds something else, or something else than strings.
    :raises ValueError: it is a text that is neither a list nor one address or id.
    """
    items: Iterable[Any]
    if value is None or isinstance(value, str):
        text = text_of(value, name)
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
