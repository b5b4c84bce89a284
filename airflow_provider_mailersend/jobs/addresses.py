"""Whether a text is surely one e-mail address."""

from __future__ import annotations

import re
import unicodedata

from airflow_provider_mailersend.api.leftovers import leftover_problem

#: The most characters an address may have: 64 before the @, 255 after it.
MAX_LENGTH = 320

# Nearly all addresses, told fast: lists are long.
_ORDINARY = re.compile(r"[a-z0-9._+'-]+@(?:[a-z0-9_-]+\.)*[a-z0-9_-]+", re.ASCII | re.IGNORECASE)

_LOCAL = r"""(?:"(?:[^"\\\s]|\\[^\s])+"|[^\s"(),:;<>@\[\\\]]+)"""
_ADDRESS = re.compile(rf"{_LOCAL}@(?P<domain>[^@]+)")
_SEVERAL = re.compile(r"[^\s\"'(),:;<>@\[\\\]{}]{1,255}@[^\s\"'(),:;<>@\[\\\]{}]+")
# No ASCII but letters, digits, hyphens and (seen in the wild) underscores; beyond ASCII any letter of any language.
_LABELS = re.compile(r"(?:[a-z0-9_-]|[^\x00-\x7f])+(?:\.(?:[a-z0-9_-]|[^\x00-\x7f])+)*\.?", re.IGNORECASE)
_LITERAL = re.compile(r"\[[0-9a-f:.]+\]|\[IPv6:[0-9a-f:.]+\]", re.IGNORECASE)

# Characters without a shape that Unicode doesn't count among the formatting ones.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    chr(code) for code in range(0xFE00, 0xFE10)
}
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def address_problem(value: str) -> str | None:
    """
    Return why *value*, without surrounding spaces, is not surely one e-mail address; None where it is.

    Unusual addresses pass: plus tags, quoted local parts without spaces, letters of any language, a domain without a
    dot. Whether they can be written to is for MailerSend to say.

    >>> address_problem("Jane <jane@example.com>")
    'It holds more than an address, such as a name: pass the address alone.'
    """
    if len(value) <= MAX_LENGTH and _ORDINARY.fullmatch(value):
        return None
    leftover = leftover_problem(value)
    if leftover is not None:
        return leftover
    if len(value) > MAX_LENGTH:
        return f"It has {len(value)} characters; an address has {MAX_LENGTH} at most."
    unseen = next((character for character in value if _is_unseen(character)), None)
    if unseen is not None:
        return f"It holds an invisible character, U+{ord(unseen):04X}."
    if "\ufffd" in value:
        return "It holds U+FFFD, which stands for what was read in a wrong encoding."
    if value.lower().startswith("mailto:"):
        return "It begins with mailto: pass the address alone."
    found = _ADDRESS.fullmatch(value)
    if found is None:
        return _why_none(value)
    if not _LABELS.fullmatch(found["domain"]) and not _LITERAL.fullmatch(found["domain"]):
        return "What follows its @ is no domain name."
    return None


def addresses_in(value: str) -> list[str]:
    """Return what may be meant by *value*, which is not surely one address: each address that stands in it."""
    visible = "".join(character for character in value if not _is_unseen(character))
    return _SEVERAL.findall(visible)


def _why_none(value: str) -> str:
    if "@" not in value:
        return "It has no @."
    if len(_SEVERAL.findall(value)) > 1:
        return "It is more than one address: pass each as an item of its own."
    if value.startswith("@") or value.endswith("@"):
        return "It has nothing before or after its @."
    if value.count("@") > 1:
        return "It has more than one @."
    return "It holds more than an address, such as a name: pass the address alone."


def _is_unseen(character: str) -> bool:
    return character in _BLANK or unicodedata.category(character) in _UNSEEN
