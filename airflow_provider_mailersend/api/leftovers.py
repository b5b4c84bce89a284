"""Telling a real value from what a template, a data frame or a Python object renders to."""

from __future__ import annotations

import re

_NO_VALUE = frozenset({"none", "null", "nan", "nat", "<na>"})
_TEMPLATES = (("{{", "}}"), ("{%", "%}"))
_OBJECT = re.compile(
    r"<[^<>]* at 0x[0-9a-f]+>|<(generator|function|map|filter|zip)\b.*>"
    r"|(Lazy\w+|\w+XComArg|frozenset|dict_\w+|array|Series|range)\(.*\)",
    re.DOTALL | re.IGNORECASE,
)


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
    if any(0 <= bare.find(begin) < bare.rfind(end) for begin, end in _TEMPLATES):
        return "It is a template that was not rendered."
    if _OBJECT.fullmatch(bare):
        return "It is the text of a Python object."
    return None
