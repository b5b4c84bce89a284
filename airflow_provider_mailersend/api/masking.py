"""Masking what logs and errors must not show: addresses, phone numbers and tokens."""

from __future__ import annotations

import re

# A local part is 64 characters at most: without a bound, a long text without an @ would take quadratic time.
_ADDRESS = re.compile(
    r"""
    (?: "[^"@]{1,64}" | (?<![^\s"'<>,;:(){}\[\]]) (?: [^\s"'<>,;:(){}\[\]@] | (?<=\w)'(?=\w) ){1,64} )
    @ [^\s"'<>,;:(){}\[\]]+
    """,
    re.VERBOSE,
)
# With its dot as it is, or as it stands in a URL; whatever stands before it.
_TOKEN = re.compile(r"(mlsn)(?:\.|%2e)[\w.~+-]*\w", re.IGNORECASE)
# Without a plus sign it has nine digits at least, and is no date.
_NUMBER = re.compile(
    r"\+\d[\d ().-]{4,}\d|(?<![\w.:/+-])(?!\d{4}-\d\d-\d\d)\(?\d(?:[ ()-]{0,2}\d){8,14}(?![\w:/-]|\.\d)"
)


def masked(value: str) -> str:
    """
    Return *value* with what tells a person hidden.

    >>> masked("jane.doe@example.com")
    'j***@example.com'
    >>> masked("+15551234567")
    '+1***67'
    >>> masked("nobody in particular")
    'n***'
    """
    name, at, domain = value.strip().rpartition("@")
    if at:
        return f"{name[:1]}***@{domain}"
    if value.lstrip("( ").startswith("+"):
        return f"{value.strip()[:2]}***{value.strip()[-2:]}"
    return f"{value.strip()[:1]}***"


def masked_within(text: str) -> str:
    """Return *text* with every API token, address and phone number in it masked."""
    without_tokens = _TOKEN.sub("mlsn.***", text)
    without_addresses = _ADDRESS.sub(lambda found: masked(found[0]), without_tokens)
    return _NUMBER.sub(lambda found: masked(found[0]), without_addresses)


def holds_token(text: str) -> bool:
    """Return whether an API token of MailerSend stands in *text*."""
    return _TOKEN.search(text) is not None
