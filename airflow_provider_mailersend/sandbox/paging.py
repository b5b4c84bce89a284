"""Pages of a list: which one is asked for, and how it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from airflow_provider_mailersend.sandbox.dialect import Dialect
from airflow_provider_mailersend.sandbox.reading import Complaints, read_number


@dataclass(frozen=True)
class Page:
    """A page that was asked for: entries from ``start`` up to ``stop``."""

    number: int
    limit: int
    query: Mapping[str, str]

    @classmethod
    def read(cls, query: Mapping[str, str], dialect: Dialect, complaints: Complaints) -> Page:
        limit = read_number(query, "limit", dialect.default_limit, 100, complaints)
        return cls(read_number(query, "page", 1, None, complaints), limit, query)

    @property
    def start(self) -> int:
        return (self.number - 1) * self.limit

    @property
    def stop(self) -> int:
        return self.number * self.limit

    def answer(self, entries: list[dict[str, Any]], total: int, url: str, dialect: Dialect) -> dict[str, Any]:
        """The body of the answer; ``url`` is that of the list, ``total`` the entries on all of its pages."""
        if dialect.bare_lists:
            return {"data": entries}
        last = max(-(-total // self.limit), 1)
        links = {
            "first": self._link(url, 1, dialect),
            "last": self._link(url, last, dialect) if dialect.totals else None,
            "prev": self._link(url, self.number - 1, dialect) if self.number > 1 else None,
            "next": self._link(url, self.number + 1, dialect) if self.stop < total else None,
        }
        meta: dict[str, Any] = {
            "current_page": self.number,
            "from": self.start + 1 if entries else None,
            "path": url,
            "per_page": str(self.limit)
            if dialect.per_page_as_sent and self.query.get("limit")
            else self.limit,
            "to": self.start + len(entries) if entries else None,
        }
        if dialect.totals:
            meta |= {"last_page": last, "total": total}
        return {"data": entries, "links": links, "meta": meta}

    def _link(self, url: str, number: int, dialect: Dialect) -> str:
        kept = {name: value for name, value in self.query.items() if name != "page"}
        # Observed: a link holds the page and nothing else, so whoever follows it loses limit and filters.
        query = kept | {"page": str(number)} if dialect.links_keep_query else {"page": str(number)}
        return f"{url}?{urlencode(query)}"
