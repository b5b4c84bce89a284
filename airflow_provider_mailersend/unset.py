"""Arguments that may be left out: what was given, and is rendered to None, must not pass for that."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

from airflow_provider_mailersend.templating import text_of

_T = TypeVar("_T")

Unset = Enum("Unset", "UNSET")

#: What an argument is that was left out.
UNSET = Unset.UNSET


def or_none(argument: _T | Unset) -> _T | None:
    """Return *argument*, None where it was left out."""
    return None if isinstance(argument, Unset) else argument


def rendered_domain(
    domain_id: object, domain: object, *, must_be: bool, else_would: str
) -> dict[str, str | None]:
    """
    Return both as they are rendered.

    :param must_be: whether there must be one of them: it was given.
    :param else_would: what would happen without.
    :raises ValueError: there is none, and must be one.
    """
    rendered = {"domain_id": text_of(domain_id, "domain_id"), "domain": text_of(domain, "domain")}
    if must_be and not any(rendered.values()):
        raise ValueError(
            f"domain_id is {domain_id!r} and domain is {domain!r}: that would {else_would}. Leave both out if that is "
            "meant"
        )
    return rendered
