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


def rendered(argument: object, name: str, *, given: bool) -> str | None:
    """
    Return the text that field *name* holds, once rendered; None where it was left out.

    :raises ValueError: it was given, and is nothing: what it was to keep to must not turn into all.
    """
    text = text_of(argument, name)
    if given and text is None:
        raise ValueError(f"{name} was given, and rendered to {argument!r}. Leave it out if all is meant")
    return text


class DomainArguments:
    """
    The domain that an operator or a sensor works on, by its id or by its name.

    One that was given and is rendered to nothing is an error, whatever the task does: it must not turn into the
    connection's domain, or into the account.
    """

    domain_id: str | None
    domain: str | None

    def take_domain(self, domain_id: str | Unset | None, domain: str | Unset | None) -> None:
        """Store both, and whether there was one."""
        self.domain_id = or_none(domain_id)
        self.domain = or_none(domain)
        self._domain_given = domain_id is not UNSET or domain is not UNSET

    def rendered_domain(self) -> dict[str, str | None]:
        """
        Return both as they are rendered.

        :raises ValueError: one was given, and there is none.
        """
        found = {"domain_id": text_of(self.domain_id, "domain_id"), "domain": text_of(self.domain, "domain")}
        if self._domain_given and not any(found.values()):
            raise ValueError(
                f"a domain was given, and rendered to nothing: domain_id is {self.domain_id!r}, and domain is "
                f"{self.domain!r}. Leave both out for the connection's domain; domain_id='account' is the whole account"
            )
        return found
