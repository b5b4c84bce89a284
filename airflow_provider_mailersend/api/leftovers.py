"""Telling a real value from what a template, a data frame or a Python object renders to."""

from __future__ import annotations

import re

_NO_VALUE = frozenset({"none", "null", "nan", "nat", "<na>", "n/a", "#n/a", "undefined"})
_TEMPLATES = (("{{", "}}"), ("{%", "%}"), ("{#", "#}"), ("${", "}"), ("<%", "%>"))
_CUT_TEMPLATES = ("{{", "{%", "{#")
_OBJECT = re.compile(
    r"""
    <[^<>]*\ at\ 0x[0-9a-f]+> | <[a-z_][^@]*>
    | (?:Lazy\w+|\w*XComArg|frozenset|o?dict_\w+|array|Series|range|RangeIndex)\(.*\) | Lazy\w+\[.*\]
    | set\(\) | (?:deque|\w*Index)\(\[.*\)
    | .*\bdtype:\ \w+     # a printed pandas Series
    """,
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
_BYTES = re.compile(r"""b(['"]).*\1""", re.DOTALL | re.IGNORECASE)


def leftover_problem(value: str) -> str | None:
    """
    Return why *value* isn't a real value, None where it is one.

    >>> leftover_problem("nan")
    "It is 'nan', which stands for no value."
    """
    bare = value.strip()
    if not bare:
        return "It is empty."
    if bare.lower() in _NO_VALUE:
        return f"It is {bare!r}, which stands for no value."
    is_whole = any(0 <= bare.find(begin) < bare.rfind(end) for begin, end in _TEMPLATES)
    if is_whole or bare.startswith(_CUT_TEMPLATES):
        return "It is a template that was not rendered."
    if _OBJECT.fullmatch(bare):
        return "It is the text of a Python object."
    if _BYTES.fullmatch(bare):
        return "It is bytes, not text: decode them in the source."
    return None
