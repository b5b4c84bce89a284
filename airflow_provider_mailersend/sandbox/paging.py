"""Pages of a list: which one is asked for, and how it is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from airflow_provider_mailersend.sandbox.dialect import Dialect
from airflow_provider_mailersend.sandbox.reading import Complaints, read_number

T = TypeVar("T")


def page_of(
    rows: Sequence[T],
    show: Callable[[T], dict[str, Any]],
    query: Mapping[str, str],
    complaints: Complaints,
    *,
    url: str,
    dialect: Dialect,
) -> dict[str, Any]:
    """The body that answers a list at *url*; refuses the request if there is anything to complain about."""
    default = dialect.suppressions_limit if "/suppressions/" in url else 25
    limit = read_number(query, "limit", default, 100, complaints)
    number = read_number(query, "page", 1, None, complaints)
    complaints.settle()
    start, stop = (number - 1) * limit, number * limit
    shown = [show(row) for row in rows[start:stop]]
    if dialect.bare_lists:
        return {"data": shown}

    # Observed: a link holds the page and nothing else, so whoever follows it loses limit and filters.
    kept = {key: value for key, value in query.items() if key != "page"} if dialect.links_keep_query else {}

    def link(page: int) -> str:
        return f"{url}?{urlencode(kept | {'page': str(page)})}"

    last = max(-(-len(rows) // limit), 1)
    tells_total = dialect.totals or url.endswith("/domains")
    is_text = dialect.sms_per_page_as_sent and url.endswith("/sms-recipients") and query.get("limit")
    links = {
        "first": link(1),
        "last": link(last) if tells_total else None,
        "prev": link(number - 1) if number > 1 else None,
        "next": link(number + 1) if stop < len(rows) else None,
    }
    meta: dict[str, Any] = {
        "current_page": number,
        "from": start + 1 if shown else None,
        "path": url,
        "per_page": str(limit) if is_text else limit,
        "to": start + len(shown) if shown else None,
    }
    if tells_total:
        meta |= {"last_page": last, "total": len(rows)}
    if tells_total and not dialect.totals:
        buttons = [("&laquo; Previous", links["prev"])]
        buttons += [(str(page), link(page)) for page in range(1, last + 1)]
        buttons += [("Next &raquo;", links["next"])]
        meta["links"] = [{"url": to, "label": label, "active": label == str(number)} for label, to in buttons]
    return {"data": shown, "links": links, "meta": meta}
