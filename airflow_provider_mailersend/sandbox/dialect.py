"""The two ways in which MailerSend answers: as it was observed to, and as its documents say."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RATE_HEADERS = frozenset({"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after"})
QUOTA_HEADERS = frozenset({"x-apiquota-remaining", "x-apiquota-reset"})
ALL_HEADERS = RATE_HEADERS | QUOTA_HEADERS
"""The limit headers that the vendor documents: those of the rate limit, those of the daily quota, and both."""

GUESSES: Mapping[str, str] = MappingProxyType(
    {
        "on hold": "An entry of on-hold-list looks like a hard bounce.",
        "401": "A wrong or missing token gets a 401, {'message': 'Unauthenticated.'}.",
        "403": "No token lacks a scope and no account is suspended: only a fault responds with 403.",
        "delete all": "{'all': true} empties the list, or domain_id's part of it; all with ids, or neither, is a 422.",
        "invalid address": "An invalid address in an add is a 422 on recipients.N, code MS42208; nothing is added.",
        "invalid pattern": "A pattern that isn't a regular expression is a 422 on patterns.N; nothing is added.",
        "batch size": "One request takes any number of addresses or ids, or max_batch; more is a 422 on the field.",
        "domain of a blocklist change": "An unknown domain_id in a POST to the blocklist, or in any DELETE, is a "
        "422, 'The selected domain id is invalid.', as it is in a filter.",
        "blocked recipient": "The address of a deleted recipient goes to the blocklist of the recipient's domain.",
        "gone id": "An id that is no longer on the list refuses the whole DELETE, like one that never was.",
        "pages of recipients": "GET /recipients without limit has pages of 25, as documented.",
        "quota": "The message of a 429 for the daily quota, and that it has no code.",
    }
)
"""How the observed dialect answers where nobody recorded an answer: taken from the documents, or made up to fit."""


class Dialect:
    """What differs between *name*, ``observed``, and the other, ``documented``."""

    def __init__(self, name: str) -> None:
        if name not in ("observed", "documented"):
            raise ValueError(f"dialect must be one of observed, documented, not {name!r}.")
        observed = name == "observed"
        self.headers = QUOTA_HEADERS if observed else ALL_HEADERS
        self.added_status = 201 if observed else 200
        self.deleted_body = b"[]" if observed else b""
        self.recipient_deleted_status = 204 if observed else 200
        self.suppressions_limit = 10 if observed else 25
        self.has_whole_pages = not observed  # a total, a last page, links with the whole query
        self.has_dates_in_seconds = observed  # so that ties are the rule
        self.needs_domain = observed  # to add to a list other than the blocklist
        self.confines_ids = not observed  # deletes by id to the domain that is sent with them
        self.gives_reason = observed  # to a hard bounce that is added
        self.blocks_deleted_recipients = observed
        self.has_opt_out_keys = observed  # on SMS recipients, all null
        self.takes_status_in_query = not observed
        self.has_limit_codes = not observed  # in the message of a 429
        self.has_quota_headers_on_404 = not observed
