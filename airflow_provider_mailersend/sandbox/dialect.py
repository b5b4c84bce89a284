"""The ways in which MailerSend answers: as its pages say, and as it was seen to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

RATE_HEADERS = frozenset({"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"})
"""The headers that tell about the limit of requests per minute."""

QUOTA_HEADERS = frozenset({"x-apiquota-remaining", "x-apiquota-reset"})
"""The headers that tell about the daily quota."""

ALL_HEADERS = RATE_HEADERS | QUOTA_HEADERS
"""Every limit header that the vendor documents."""


@dataclass(frozen=True)
class Dialect:
    """What differs from one way of answering to another."""

    name: str
    headers: frozenset[str]
    """The limit headers that are sent unless the user chooses others."""
    added_status: int
    deleted_body: bytes
    recipient_deleted_status: int
    default_limit: int
    totals: bool
    """Whether pages tell ``last_page``, ``total`` and ``links.last``."""
    links_keep_query: bool
    """Whether ``links`` keep ``limit`` and the filters that were sent."""
    per_page_as_sent: bool
    """Whether ``meta.per_page`` is a string when ``limit`` was sent."""
    bare_lists: bool
    """Whether lists are ``data`` alone, without ``links`` and ``meta``."""
    old_recipient_dates: bool
    """Whether recipients' dates look like ``2020-06-10 10:09:56``."""
    needs_domain: bool
    """Whether adding to a list other than the blocklist takes a ``domain_id``."""
    status_in_query: bool
    """Whether an SMS recipient's new status may come in the query."""
    limit_codes: bool
    """Whether a 429 names its code."""
    plain_404: bool
    """Whether a 404 goes without the quota headers."""


OBSERVED = Dialect(
    name="observed",
    headers=QUOTA_HEADERS,
    added_status=201,
    deleted_body=b"[]",
    recipient_deleted_status=204,
    default_limit=10,
    totals=False,
    links_keep_query=False,
    per_page_as_sent=True,
    bare_lists=False,
    old_recipient_dates=False,
    needs_domain=True,
    status_in_query=False,
    limit_codes=False,
    plain_404=True,
)

DOCUMENTED = Dialect(
    name="documented",
    headers=ALL_HEADERS,
    added_status=200,
    deleted_body=b"",
    recipient_deleted_status=200,
    default_limit=25,
    totals=True,
    links_keep_query=True,
    per_page_as_sent=False,
    bare_lists=False,
    old_recipient_dates=False,
    needs_domain=False,
    status_in_query=True,
    limit_codes=True,
    plain_404=False,
)

DOCUMENTED_2021 = replace(DOCUMENTED, name="documented-2021", bare_lists=True, old_recipient_dates=True)

DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {dialect.name: dialect for dialect in (OBSERVED, DOCUMENTED, DOCUMENTED_2021)}
)


def dialect_named(name: str) -> Dialect:
    """The dialect of that name; ``ValueError`` when there is none."""
    try:
        return DIALECTS[name]
    except KeyError:
        raise ValueError(f"dialect must be one of {', '.join(DIALECTS)}, not {name!r}.") from None
