"""Ids as callers give them: checked, so that an address or a phone number never passes for one."""

from __future__ import annotations

import re
from collections.abc import Iterable

from airflow_provider_mailersend.api.leftovers import leftover_problem
from airflow_provider_mailersend.api.masking import masked, masked_within

_LIKE_A_NUMBER = re.compile(r"\+[\d\s()./-]{5,}|\(?\d(?:[\s()./-]{0,3}\d){6,14}", re.ASCII)


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
    # "." and ".." survive quoting, and HTTP clients resolve them: they would reach another endpoint.
    if not isinstance(id_, str) or id_.strip() in (".", "..") or leftover_problem(id_) is not None:
        raise ValueError(f"{name} must be a string that is an id; got {masked_within(repr(id_))}")
    if "@" in id_:
        raise ValueError(f"{name} must be an id, and not an address: {masked_within(id_)!r}")
    if _LIKE_A_NUMBER.fullmatch(id_.strip()):
        raise ValueError(
            f"{name} must be an id, and not a phone number: {masked(id_)!r}. SMS recipients are "
            "updated by their phone numbers with numbers="
        )
    return id_.strip()
