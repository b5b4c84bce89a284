"""Checking the ids that callers give, so that an email address or phone number is never taken for an id."""

from __future__ import annotations

import re
from collections.abc import Iterable

from airflow_provider_mailersend.api.leftovers import leftover_problem
from airflow_provider_mailersend.api.masking import masked, masked_within

# A plus sign, or many digits.
_LIKE_A_NUMBER = re.compile(r".*\+.*|(?:[a-z]+:)?\(?\d(?:[\s()./-]{0,3}\d){6,14}", re.IGNORECASE | re.DOTALL)

# Text with these is a list, an object or a quoted string: to the API an unknown id, which may count as deleted.
_SYNTAX = re.compile(r"""[\[\](){}<>"'`,;]""")


def unique_ids(ids: Iterable[str]) -> list[str]:
    """Return *ids* stripped and deduplicated. Raises :class:`TypeError` for one string, else as :func:`checked_id`."""
    if isinstance(ids, str):
        raise TypeError("ids must be a list of strings; got one string")
    return list(dict.fromkeys(checked_id(id_, f"ids[{position}]") for position, id_ in enumerate(ids)))


def checked_id(id_: object, name: str) -> str:
    """Return *id_* stripped. Raises :class:`ValueError`, naming *name*, where it cannot be an id."""
    # "." and ".." survive quoting, and HTTP clients resolve them: they would reach another endpoint.
    if not isinstance(id_, str) or id_.strip() in (".", "..") or leftover_problem(id_) is not None:
        raise ValueError(f"{name} must be an id, as a string; got {masked_within(repr(id_))}")
    if "@" in id_:
        raise ValueError(f"{name} must be an id, and not an address: {masked_within(id_)!r}")
    if _LIKE_A_NUMBER.fullmatch(id_.strip()):
        raise ValueError(
            f"{name} must be an id, and not a phone number: {masked(id_)!r}. To update SMS recipients by their "
            "phone numbers, use numbers="
        )
    if _SYNTAX.search(id_):
        raise ValueError(f"{name} must be one id, without quotes, brackets or commas; got {masked(id_)!r}")
    if not id_.isascii() or len(id_.split()) > 1:
        raise ValueError(f"{name} must be an id, of ASCII characters without spaces; got {masked(id_)!r}")
    return id_.strip()
