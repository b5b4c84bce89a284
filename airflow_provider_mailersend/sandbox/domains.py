"""The account's sending domains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from airflow_provider_mailersend.sandbox.identity import short_id
from airflow_provider_mailersend.sandbox.timeline import SECOND, iso


@dataclass(frozen=True)
class Domain:
    """One sending domain; ``index`` is its place among the account's domains."""

    index: int
    id: str
    name: str
    created: int

    @cached_property
    def brief(self) -> dict[str, Any]:
        """As it stands inside of other objects."""
        created = iso(self.created)
        return {"id": self.id, "name": self.name, "created_at": created, "updated_at": created}

    @cached_property
    def full(self) -> dict[str, Any]:
        """As ``GET /domains`` lists it."""
        return {
            "id": self.id,
            "name": self.name,
            "dkim": True,
            "spf": True,
            "tracking": False,
            "is_verified": True,
            "is_cname_verified": False,
            "is_dns_active": True,
            "is_cname_active": False,
            "is_tracking_allowed": False,
            "has_not_queued_messages": False,
            "not_queued_messages_count": 0,
            "domain_settings": {
                "send_paused": False,
                "track_clicks": False,
                "track_opens": False,
                "track_unsubscribe": True,
                "track_content": False,
                "custom_tracking_enabled": False,
                "custom_tracking_subdomain": "email",
            },
            "created_at": self.brief["created_at"],
            "updated_at": self.brief["updated_at"],
        }


class Domains:
    """The domains of an account, in the order in which they were named."""

    def __init__(self, names: Sequence[str], seed: int, newest: int) -> None:
        if isinstance(names, str) or not names:
            raise ValueError("domains must name at least one domain, as a sequence of names.")
        if len(set(names)) != len(names):
            raise ValueError("domains must not name a domain twice.")
        self._all = [
            Domain(index, short_id(seed, "domain", name), name, newest - (index + 1) * 86_400 * SECOND)
            for index, name in enumerate(names)
        ]
        self._by_id = {domain.id: domain for domain in self._all}
        self._by_name = {domain.name: domain for domain in self._all}

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, index: int) -> Domain:
        return self._all[index]

    def with_id(self, domain_id: str) -> Domain | None:
        return self._by_id.get(domain_id)

    def named(self, name: str) -> Domain:
        """The domain of that name; ``ValueError`` when the account has none."""
        try:
            return self._by_name[name]
        except KeyError:
            raise ValueError(
                f"The account has no domain {name!r}: it has {', '.join(self._by_name)}."
            ) from None

    def page(self, start: int, stop: int) -> list[dict[str, Any]]:
        return [domain.full for domain in self._all[start:stop]]
