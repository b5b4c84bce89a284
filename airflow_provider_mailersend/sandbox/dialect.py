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

GUESSES: Mapping[str, str] = MappingProxyType(
    {
        "on hold": "An entry of on-hold-list looks like a hard bounce.",
        "401": "A wrong or missing token is answered 401, {'message': 'Unauthenticated.'}.",
        "403": "No token lacks a scope and no account is suspended: 403 comes by a fault alone.",
        "delete all": "{'all': true} deletes what is on the list, within domain_id where one is given; together with "
        "ids it is refused, and so is a delete without either.",
        "invalid address": "An address in an add that is not valid is a 422 on recipients.N, code MS42208, and the "
        "whole request is refused; one that is no text has code MS42221.",
        "invalid pattern": "A pattern that is no regular expression is a 422 on patterns.N.",
        "batch size": "Any number of addresses or ids fits in one request, unless max_batch says otherwise; then more "
        "is a 422 on the field, or a 413 with a web page.",
        "domain of a blocklist change": "An unknown domain_id in a POST to the blocklist, or in any DELETE, is a 422, "
        "'The selected domain id is invalid.', as it is in a filter.",
        "blocked recipient": "The address of a deleted recipient goes to the blocklist of the recipient's domain.",
        "gone id": "An id that is no longer on the list refuses the whole DELETE, like one that never was.",
        "pages of recipients": "GET /recipients without limit has pages of 25, as documented.",
        "quota": "The message of a 429 for the daily quota, and that it carries no code.",
    }
)
"""What the observed dialect answers although nobody recorded it: taken from the docs, or made up to fit them."""


@dataclass(frozen=True)
class Dialect:
    """What differs from one way of answering to another; where nothing else is said, as observed."""

    name: str = "observed"
    headers: frozenset[str] = QUOTA_HEADERS
    """The limit headers that are sent unless the user chooses others."""
    added_status: int = 201
    deleted_body: bytes = b"[]"
    recipient_deleted_status: int = 204
    suppressions_limit: int = 10
    """How many entries a page of a suppression list has without ``limit``; others have 25."""
    totals: bool = False
    """Whether all lists tell ``last_page``, ``total`` and ``links.last``; ``/domains`` does anyhow."""
    links_keep_query: bool = False
    """Whether ``links`` keep ``limit`` and the filters that were sent."""
    sms_per_page_as_sent: bool = True
    """Whether ``meta.per_page`` of SMS recipients is a string when ``limit`` was sent."""
    bare_lists: bool = False
    """Whether lists are ``data`` alone, without ``links`` and ``meta``."""
    old_recipient_dates: bool = False
    """Whether recipients' dates look like ``2020-06-10 10:09:56``."""
    dates_in_whole_seconds: bool = True
    """Whether entries are dated in whole seconds, so that many have the same date."""
    needs_domain: bool = True
    """Whether adding to a list other than the blocklist takes a ``domain_id``; one unknown counts as none."""
    ids_of_any_domain: bool = True
    """Whether a ``domain_id`` leaves a delete by id as it is."""
    adds_a_reason: bool = True
    """Whether a hard bounce that the API added has the reason "Unknown reason"."""
    blocks_deleted_recipients: bool = True
    """Whether the address of a deleted recipient is put on the blocklist."""
    sms_opt_out_keys: bool = True
    """Whether SMS recipients have ``opted_out_at``, ``opt_out_source`` and ``sms_number``, all null."""
    status_in_query: bool = False
    """Whether an SMS recipient's new status may come in the query."""
    limit_codes: bool = False
    """Whether a 429 names its code."""
    plain_404: bool = True
    """Whether a 404 goes without the quota headers."""


OBSERVED = Dialect()

DOCUMENTED = Dialect(
    name="documented",
    headers=ALL_HEADERS,
    added_status=200,
    deleted_body=b"",
    recipient_deleted_status=200,
    suppressions_limit=25,
    totals=True,
    links_keep_query=True,
    sms_per_page_as_sent=False,
    dates_in_whole_seconds=False,
    needs_domain=False,
    ids_of_any_domain=False,
    adds_a_reason=False,
    blocks_deleted_recipients=False,
    sms_opt_out_keys=False,
    status_in_query=True,
    limit_codes=True,
    plain_404=False,
)

DOCUMENTED_2021 = replace(DOCUMENTED, name="documented-2021", bare_lists=True, old_recipient_dates=True)

DIALECTS = {dialect.name: dialect for dialect in (OBSERVED, DOCUMENTED, DOCUMENTED_2021)}


def dialect_named(name: str) -> Dialect:
    """The dialect of that name; ``ValueError`` when there is none."""
    if name not in DIALECTS:
        raise ValueError(f"dialect must be one of {', '.join(DIALECTS)}, not {name!r}.")
    return DIALECTS[name]
