"""
Reading a task's arguments: left out or given, literals or rendered from templates.

A rendered value may be a list written as text, the text "None", or nothing at all. Each ``parse_*`` function takes a
field's value and name, and raises a ValueError or TypeError that names the field unless the value is unambiguous.
"""

from __future__ import annotations

import ast
import json
import re
import tokenize
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime
from enum import Enum
from io import StringIO
from itertools import pairwise
from typing import Any, cast, get_args

from airflow_provider_mailersend.api.leftovers import leftover_problem
from airflow_provider_mailersend.api.masking import holds_token, masked_within
from airflow_provider_mailersend.api.requests import SmsRecipientStatus, SuppressionList
from airflow_provider_mailersend.jobs.plan import Mode, check_max_deletes
from airflow_provider_mailersend.moments import moment

Unset = Enum("Unset", "UNSET")

#: The default of arguments for which "left out" and "given, but rendered to nothing" differ.
UNSET = Unset.UNSET

_NOTHING = ("", "None", "null")

# In list texts, and never in a single address or id.
_LIST_SYNTAX = re.compile(r"[\s,;(){}\[\]<>]")
_NUMBERS_SYNTAX = re.compile(r"[\n,;]")
_BRACKET = re.compile(r"[(){}\[\]<>]")
_LIST_ADVICE = "Pass the list itself (an XComArg), or end its template with '| list | tojson'"
# Tokenizing is slow.
_MAY_JOIN = re.compile(r"""['"]\s*(?:[#\\]|[a-z]{0,2}['"])""", re.IGNORECASE)
_SEPARATORS = {",": "commas", ";": "semicolons"}

_FLAGS = {"true": True, "false": False}
_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_FRACTION = re.compile(r"\d?\.\d{1,9}", re.ASCII)
_TEMPLATE_MARKS = ("{{", "{%", "{#")
_LITERALS = (str, bytes, int, float, date, list, tuple, set, dict, type(None))


def parse_text(value: object, name: str) -> str | None:
    """Return the text without surrounding whitespace, and None if it is empty or "None". A token is refused."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string; got {type(value).__name__}")
    if holds_token(value):
        raise ValueError(f"{name} contains an API token, which belongs in the connection only")
    return None if value.strip() in _NOTHING else value.strip()


def parse_required_text(value: object, name: str) -> str:
    """Return the text, which must not be empty."""
    text = parse_text(value, name)
    if text is None:
        raise _empty(value, name)
    return text


def parse_moment(value: object, name: str) -> datetime | None:
    """Return an aware datetime, in UTC without a time zone; None if the value is empty."""
    return moment(name, value if isinstance(value, date) else parse_text(value, name))


def parse_required_moment(value: object, name: str) -> datetime:
    """Return an aware datetime as :func:`parse_moment` does; the value must not be empty."""
    found = parse_moment(value, name)
    if found is None:
        raise _empty(value, name)
    return found


def parse_list(value: object, name: str) -> list[str]:
    """
    Return a list of strings; an empty one if the value is empty.

    A list may be rendered natively or as text, in JSON or Python syntax. Any other text is a list of that one value,
    except for patterns: a regular expression can't be told from a template's leftovers.
    """
    items: Iterable[Any]
    if value is None or isinstance(value, str):
        text = parse_text(value, name)
        items = [] if text is None else _parse_list_text(text, name)
    elif isinstance(value, Iterable) and not isinstance(value, (Mapping, bytes)):
        items = value
    else:
        raise TypeError(f"{name} must be a list of strings; got {type(value).__name__}")
    strings = list(items)
    for position, item in enumerate(strings):
        if not isinstance(item, str):
            raise TypeError(f"{name}[{position}] must be a string; got {type(item).__name__}")
    return strings


def _parse_list_text(text: str, name: str) -> list[Any]:
    if text.startswith(("[", "(", "{")):
        for read in (json.loads, ast.literal_eval):
            value = None
            with suppress(ValueError, SyntaxError, RecursionError):
                value = read(text)
            if isinstance(value, (list, tuple, set)):
                if read is ast.literal_eval and _joins_strings(text):
                    raise ValueError(
                        f"{name} is text with strings side by side, without a comma between them, as of a numpy "
                        f"array. {_LIST_ADVICE}"
                    )
                return list(value)
    problem = leftover_problem(text)
    # A phone number may be written "(+1) 555 123".
    syntax = _NUMBERS_SYNTAX if name == "numbers" else _LIST_SYNTAX
    is_single = problem is None and not syntax.search(text)
    if is_single and name != "patterns":
        return [text]
    if name == "patterns":
        why = "must be a list, or a list written as text, such as '[\".*@example.com\"]'"
    elif problem is not None:
        why = f"is neither a list nor a single value: {problem.rstrip('.')}"
    elif _BRACKET.search(text):
        why = "is neither a list, in JSON or Python syntax, nor a single value"
    else:
        found = (said for mark, said in _SEPARATORS.items() if mark in text)
        why = f'is text with {next(found, "spaces or line breaks")}, not a list: write ["a", "b"]'
    raise ValueError(f"{name} {why}. {_LIST_ADVICE}")


def _joins_strings(text: str) -> bool:
    """Return whether *text*, a Python literal, has string literals side by side, which Python joins to one."""
    if not _MAY_JOIN.search(text):
        return False
    tokens = tokenize.generate_tokens(StringIO(text).readline)
    kinds = (token.type for token in tokens if token.type not in (tokenize.NL, tokenize.COMMENT))
    return (tokenize.STRING, tokenize.STRING) in pairwise(kinds)


def parse_flag(value: object, name: str) -> bool:
    """Return a boolean, which may be rendered to ``true`` or ``false`` in any case."""
    flag = _FLAGS.get(str(value).strip().lower()) if isinstance(value, (bool, str)) else None
    if flag is None:
        raise ValueError(f"{name} must be true or false; got {_shown(value)}")
    return flag


def parse_choice(value: object, name: str, choices: Any) -> str:
    """Return one of *choices*, a ``Literal``."""
    choice = value.strip() if isinstance(value, str) else value
    if choice not in get_args(choices):
        raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}; got {_shown(value)}")
    return cast(str, choice)


def parse_mode(value: object, name: str = "mode") -> Mode:
    return cast(Mode, parse_choice(value, name, Mode))


def parse_suppression_list(value: object, name: str = "suppression_list") -> SuppressionList:
    return SuppressionList(parse_required_text(value, name))


def parse_status(value: object, name: str = "status") -> SmsRecipientStatus:
    return SmsRecipientStatus(parse_required_text(value, name))


def parse_max_deletes(value: object, name: str = "max_deletes") -> int | float:
    """Return a number of entries (an int) or a fraction of them (a float), which may be rendered to text."""
    number = value
    if isinstance(value, str):
        text = parse_text(value, name) or ""
        if _COUNT.fullmatch(text):
            number = int(text)
        elif _FRACTION.fullmatch(text):
            number = float(text)
    check_max_deletes(number)
    return cast("int | float", number)


def check_literal(value: object, name: str, parse: Callable[[Any, str], object]) -> None:
    """Check an argument when the DAG is parsed, unless it is still to be rendered: a template or an XComArg."""
    is_template = isinstance(value, str) and any(mark in value for mark in _TEMPLATE_MARKS)
    if isinstance(value, _LITERALS) and not is_template:
        parse(value, name)


def _empty(value: object, name: str) -> ValueError:
    return ValueError(
        f"{name} must not be empty; got {value!r}. If it is a template, check what it renders to"
    )


def _shown(value: object) -> str:
    is_plain = isinstance(value, (str, int, float, type(None)))
    return masked_within(repr(value)) if is_plain else type(value).__name__
