"""Words for logs and errors, without what they must not show: email addresses, phone numbers and API tokens."""

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
# Its dot may be percent-encoded, as in a URL.
_TOKEN = re.compile(r"(mlsn)(?:\.|%2e)[\w.~+-]*\w", re.IGNORECASE)
# Also invisible characters, and the spaces and hyphens of word processors.
_BETWEEN_DIGITS = r" \xa0\u2000-\u2015\u202f\u2212()-"
# Without a plus sign it has at least nine digits and is not a date.
_NUMBER = re.compile(
    rf"""
    [+\uff0b]\d[\d./{_BETWEEN_DIGITS}]{{4,}}\d
    | (?:(?<![\w.:/+-])|(?<=[a-z]:)) (?!\d{{4}}-\d\d-\d\d)
    \(?\d(?:[{_BETWEEN_DIGITS}]{{0,2}}\d){{8,14}} (?![\w:/-]|\.\d)
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Where a whole row was passed as an address: what separates the address from a name or number, and all that follows.
_NEXT_FIELD = re.compile(r"""[\s,;:|<>()"'/=&].*""", re.DOTALL)
_USER = re.compile(r"//\S*@")


def masked(value: str) -> str:
    """
    Return an address or phone number with most of it hidden.

    >>> masked("jane.doe@example.com")
    'j***@example.com'
    >>> masked("+15551234567")
    '+1***67'
    >>> masked("nobody in particular")
    'n***'
    """
    bare = value.strip()
    name, at, domain = bare.rpartition("@")
    if at:
        return f"{name[:1]}***@{_NEXT_FIELD.sub('***', domain)}"
    if bare.lstrip("( ").startswith(("+", "\uff0b")):
        return f"{bare[:2]}***{bare[-2:]}"
    return f"{bare[:1]}***"


def masked_within(text: str) -> str:
    """Return *text* with every API token, address and phone number in it masked."""
    without_tokens = _TOKEN.sub("mlsn.***", text)
    without_addresses = _ADDRESS.sub(lambda found: masked(found[0]), without_tokens)
    return _NUMBER.sub(lambda found: masked(found[0]), without_addresses)


def holds_token(text: str) -> bool:
    """Return whether *text* contains a MailerSend API token."""
    return _TOKEN.search(text) is not None


def join_first(names: Iterable[str], count: int, *, most: int = 10, separator: str = ", ") -> str:
    """
    Return the first *most* of *names*, already masked, and how many more of *count* there are.

    >>> join_first(["a", "b", "c"], 5, most=2)
    'a, b and 3 more'
    """
    shown = list(islice(names, most))
    more = f" and {count - len(shown)} more" if count > len(shown) else ""
    return separator.join(shown) + more


def describe_error(error: BaseException) -> str:
    """Return the class name of an exception, and the masked message of its root cause."""
    root = error
    while (earlier := root.__cause__ or root.__context__) is not None:
        root = earlier
    # Errors quote the proxy URL, which may contain a password.
    message = masked_within(_USER.sub("//", str(root)[:300]))
    return f"{type(error).__name__}, {message}" if message else type(error).__name__
