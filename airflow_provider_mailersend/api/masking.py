"""What logs and errors may show: addresses, phone numbers and tokens masked, and of many names the first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

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
_USER = re.compile(r"//\S*@")
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


def first_of(names: Iterable[str], count: int, *, most: int = 10, separator: str = ", ") -> str:
    """
    Return the first of *names*, which are masked, and how many of *count* follow.

    >>> first_of(["a", "b", "c"], 5, most=2)
    'a, b and 3 more'
    """
    shown = list(islice(names, most))
    more = f" and {count - len(shown)} more" if count > len(shown) else ""
    return separator.join(shown) + more


def said_by(error: BaseException) -> str:
    """Return what an exception of whatever library says: its name, and what the first of its causes says, masked."""
    root = error
    while (earlier := root.__cause__ or root.__context__) is not None:
        root = earlier
    # The URL of a proxy may hold a password, and errors quote it.
    said = masked_within(_USER.sub("//", str(root)[:300]))
    return f"{type(error).__name__}, {said}" if said else type(error).__name__
