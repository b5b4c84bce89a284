"""Phone numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from airflow_provider_mailersend.api.masking import masked

_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_TRUNK_ZERO = re.compile(r"[(\[]\s*0\s*[)\]]")
_FORGIVEN = re.compile(r"[\s()\[\]\u2010-\u2015-]")


def numbers_of(values: Iterable[str], name: str = "numbers") -> list[str]:
    """
    Return phone numbers in E.164, such as ``+15551234567``, each once.

    Spaces, dashes and brackets are forgiven.

    :raises TypeError: they are no list of strings.
    :raises ValueError: one is no number in E.164; it is named by its position, masked.
    """
    if isinstance(values, str):
        raise TypeError(f"{name} must be a list of strings; got one string")
    numbers: dict[str, None] = {}
    for position, value in enumerate(values):
        if not isinstance(value, str):
            raise TypeError(f"{name}[{position}] must be a string; got {type(value).__name__}")
        if _TRUNK_ZERO.search(value):
            raise ValueError(
                f"{name}[{position}] {masked(value)!r} holds a (0), which is not dialled after a country's code: leave "
                "it out"
            )
        number = _FORGIVEN.sub("", value)
        if not _E164.fullmatch(number):
            raise ValueError(
                f"{name}[{position}] {masked(value)!r} is no phone number in E.164: a plus sign, the country's code "
                "and the number, such as +15551234567"
            )
        numbers[number] = None
    return list(numbers)
