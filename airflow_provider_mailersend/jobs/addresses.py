"""Whether a string is exactly one e-mail address."""

from __future__ import annotations

import re
import unicodedata

from airflow_provider_mailersend.api.leftovers import leftover_problem

#: The maximum length: 64 characters, the @, and 255 characters.
MAX_LENGTH = 320

# A fast check that nearly all addresses pass: lists are long.
_ORDINARY = re.compile(r"[a-z0-9._+'-]+@(?:[a-z0-9_-]+\.)*[a-z0-9_-]+", re.ASCII | re.IGNORECASE)

_LOCAL = r"""(?:"(?:[^"\\\s]|\\[^\s])+"|[^\s"(),:;<>@\[\\\]]+)"""
_ADDRESS = re.compile(rf"{_LOCAL}@(?P<domain>[^@]+)")
_SEVERAL = re.compile(r"[^\s\"'(),:;<>@\[\\\]{}]{1,255}@[^\s\"'(),:;<>@\[\\\]{}]+")
# Of ASCII only letters, digits, hyphens and (as seen in practice) underscores; other letters of any language.
_LABELS = re.compile(r"(?:[a-z0-9_-]|[^\x00-\x7f])+(?:\.(?:[a-z0-9_-]|[^\x00-\x7f])+)*\.?", re.IGNORECASE)
_LITERAL = re.compile(r"\[[0-9a-f:.]+\]|\[IPv6:[0-9a-f:.]+\]", re.IGNORECASE)

# Invisible characters outside Unicode's invisible categories.
_SHAPELESS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    chr(code) for code in range(0xFE00, 0xFE10)
}
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def address_problem(value: str) -> str | None:
    """
    Return why *value*, a stripped string, isn't exactly one e-mail address; None if it is.

    Unusual addresses pass, such as quoted local parts, letters of any language, and domains without a dot.

    >>> address_problem("Jane <jane@example.com>")
    'It holds more than an address, such as a name: pass only the address.'
    """
    if len(value) <= MAX_LENGTH and _ORDINARY.fullmatch(value):
        return None
    leftover = leftover_problem(value)
    if leftover is not None:
        return leftover
    if len(value) > MAX_LENGTH:
        return f"It has {len(value)} characters; an address has at most {MAX_LENGTH}."
    invisible = next((character for character in value if _is_invisible(character)), None)
    if invisible is not None:
        return f"It holds an invisible character, U+{ord(invisible):04X}."
    if "\ufffd" in value:
        return "It holds U+FFFD: the source was read with the wrong encoding."
    if value.lower().startswith("mailto:"):
        return "It begins with mailto: pass only the address."
    found = _ADDRESS.fullmatch(value)
    if found is None:
        return _syntax_problem(value)
    if not _LABELS.fullmatch(found["domain"]) and not _LITERAL.fullmatch(found["domain"]):
        return "The part after the @ is not a domain name."
    return None


def addresses_in(value: str) -> list[str]:
    """Return each address found in *value*."""
    visible = "".join(character for character in value if not _is_invisible(character))
    return _SEVERAL.findall(visible)


def _syntax_problem(value: str) -> str:
    if "@" not in value:
        return "It has no @."
    if len(_SEVERAL.findall(value)) > 1:
        return "It is more than one address: pass each as a separate item."
    if value.startswith("@") or value.endswith("@"):
        return "It has nothing before or after its @."
    if value.count("@") > 1:
        return "It has more than one @."
    return "It holds more than an address, such as a name: pass only the address."


def _is_invisible(character: str) -> bool:
    return character in _SHAPELESS or unicodedata.category(character) in _INVISIBLE
