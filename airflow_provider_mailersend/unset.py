"""Arguments that may be left out: what was given, and is rendered to None, must not pass for that."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

_T = TypeVar("_T")

Unset = Enum("Unset", "UNSET")

#: What an argument is that was left out.
UNSET = Unset.UNSET


def or_none(argument: _T | Unset) -> _T | None:
    """Return *argument*, None where it was left out."""
    return None if isinstance(argument, Unset) else argument


def lost_domain(domain_id: object, domain: object, would: str) -> ValueError:
    """Return the error for a domain that was given, and turned into nothing, which *would* do something else."""
    return ValueError(
        f"domain_id is {domain_id!r} and domain is {domain!r}: that would {would}. Leave both out if that is meant"
    )
