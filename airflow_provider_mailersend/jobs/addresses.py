"""Whether a string is exactly one email address."""

from __future__ import annotations

import re
import unicodedata

from airflow_provider_mailersend.api.leftovers import leftover_problem

#: The maximum length: 64 characters, the @, and 255 characters.
MAX_LENGTH = 320

# A fast check that nearly all addresses pass: lists are long.
_ORDINARY = re.compile(
    r"[a-z0-9_][a-z0-9._+-]*(?:'[a-z0-9._+-]+)*@(?:[a-z0-9_-]+\.)*[a-z0-9_-]+", re.ASCII | re.IGNORECASE
)

_LOCAL = r"""(?:"(?:[^"\\\s]|\\[^\s])+"|[^\s"(),:;<>@\[\\\]]+)"""
_ADDRESS = re.compile(rf"(?P<local>{_LOCAL})@(?P<domain>[^@]+)")

# What follows reads values in which x stands for each letter outside ASCII.
# The standard permits more in a local part, but only patterns and templates use it.
_STRANGE = re.compile(r"[^a-z0-9._+'&~!?=#-]", re.IGNORECASE)
_NAMED = re.compile(r"[a-z_]+=(?=[^=]*$)", re.IGNORECASE)  # mailto=, but not a bounce address's prvs=0123=
# Inside it, the punctuation that some languages have in domain names.
_LABEL = r"[a-z0-9_-]+(?:[\u00b7\u0375\u05f3\u05f4\u30fb][a-z0-9_-]+)*"
_LABELS = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.IGNORECASE)
_SEVERAL = re.compile(
    r"(?:[a-z0-9._+&~!?-]|(?<=[a-z0-9])'(?=[a-z0-9])){1,255}@[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", re.IGNORECASE
)
_LITERAL = re.compile(r"\[[0-9a-f:.]+\]|\[IPv6:[0-9a-f:.]+\]", re.IGNORECASE)

# Invisible characters outside Unicode's invisible categories.
_SHAPELESS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    chr(code) for code in range(0xFE00, 0xFE10)
}
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def address_problem(value: str) -> str | None:
    """
    Return why *value*, a stripped string, isn't exactly one email address; None if it is.

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
    invisible = invisible_problem(value)
    if invisible is not None:
        return invisible
    if "\ufffd" in value:
        return "It holds U+FFFD: the source was read with the wrong encoding."
    if value.lower().startswith("mailto:"):
        return "It begins with mailto: pass only the address."
    found = _ADDRESS.fullmatch(_plain(value))
    if found is None:
        return _syntax_problem(value)
    if not value.startswith('"') and (problem := _local_problem(value, found["local"])) is not None:
        return problem
    if not _LABELS.fullmatch(found["domain"]) and not _LITERAL.fullmatch(found["domain"]):
        return "The part after the @ is not a domain name."
    return None


def _plain(value: str) -> str:
    """Return *value* with x for each letter, mark and digit outside ASCII, of whatever language."""
    if value.isascii():
        return value
    return "".join(
        "x" if character > "\x7f" and unicodedata.category(character)[0] in "LMN" else character
        for character in value
    )


def _local_problem(value: str, plain: str) -> str | None:
    """Return why *plain*, what :func:`_plain` returned for the local part of *value*, is no mailbox's."""
    strange = _STRANGE.search(plain)
    if strange is not None:
        return (
            f"It holds {value[strange.start()]!r} before the @, as patterns, templates and quoted text do. Mailboxes "
            "don't, even where the standard permits it."
        )
    named = _NAMED.match(plain)
    if named is not None or plain[0] in "'#=":
        return f"It begins with {named[0] if named else plain[0]}: pass only the address."
    if plain.endswith("'"):
        return "The part before the @ ends with ': pass only the address."
    if not re.search(r"\w", plain):
        return "It has no letter or digit before the @: it looks like a pattern."
    return None


def _syntax_problem(value: str) -> str:
    if "@" not in value:
        return "It has no @."
    if len(_SEVERAL.findall(_plain(value))) > 1:
        return "It is more than one address: pass each as a separate item."
    if value.startswith("@") or value.endswith("@"):
        return "It has nothing before or after its @."
    if value.count("@") > 1:
        return "It has more than one @."
    return "It holds more than an address, such as a name: pass only the address."


def invisible_problem(value: str) -> str | None:
    """Return which invisible character *value* holds; None if it holds none."""
    invisible = next((character for character in value if is_invisible(character)), None)
    return None if invisible is None else f"It holds an invisible character, U+{ord(invisible):04X}."


def is_invisible(character: str) -> bool:
    return character in _SHAPELESS or unicodedata.category(character) in _INVISIBLE
