"""What a refused value may stand for. A mirror doesn't delete it, so that here too much is better than too little."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from itertools import islice, pairwise, product
from urllib.parse import unquote

from airflow_provider_mailersend.api.entries import Key, make_key
from airflow_provider_mailersend.jobs.addresses import is_invisible

# No domain begins with a dot.
_AT = re.compile(r"@[@.]*")
# No part of an address is longer, and none has more words.
_LONGEST_PART = 255
_MOST_WORDS = 32
_BEFORE_WORD = re.compile(r"(?<![^\W_])(?=.)")
_AFTER_WORD = re.compile(r"(?<=.)(?![^\W_])")

# Of Python and JSON.
_ESCAPE = re.compile(r"\\u([0-9a-f]{4})|\\x([0-9a-f]{2})|\\[a-z]", re.IGNORECASE)
_QUOTED = re.compile(r"""(['"])(.+?)\1""")


def keys_meant(kind: str, value: str) -> set[Key]:
    """Return the keys of a refused *value* and of all addresses, or patterns, that it may stand for."""
    found = _addresses_in(value) if kind == "recipients" else _patterns_in(value)
    return {make_key(kind, value), *(make_key(kind, one) for one in found)}


def _addresses_in(value: str) -> Iterator[str]:
    for text in _readings(value):
        for before, after in pairwise(_AT.split(text)):
            # What surrounds an address may be written right beside it: any words at the @ may be its own.
            yield from map("@".join, product(_ends_of(before), _starts_of(after)))


def _readings(value: str) -> set[str]:
    """Return *value* as somebody may have meant it: with its escapes, spaces and invisible characters or without."""
    texts = {value, _decoded(value)}
    # A full-width @ is one.
    texts.update([unicodedata.normalize("NFKC", text) for text in texts])
    readings = set()
    for text in texts:
        visible = _visible(text)
        readings |= {_visible(text, instead=" "), visible, "".join(visible.split()).replace('"', "")}
    return readings


def _visible(text: str, *, instead: str = "") -> str:
    """Return *text* with *instead* for each invisible character."""
    # Fast, as most texts are of this kind.
    if text.isascii() and text.isprintable():
        return text
    return "".join(instead if is_invisible(character) else character for character in text)


def _decoded(value: str) -> str:
    def character(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        return chr(int(code, 16)) if code else " "

    return unescape(unquote(_ESCAPE.sub(character, value)))


def _ends_of(text: str) -> list[str]:
    """Return the last words of *text*, up to the nearest space."""
    near = "" if text[-1:].isspace() else "".join(text[-_LONGEST_PART:].split()[-1:])
    starts = [found.start() for found in _BEFORE_WORD.finditer(near)]
    return [near[start:] for start in starts[-_MOST_WORDS:]]


def _starts_of(text: str) -> list[str]:
    """Return the first words of *text*, up to the nearest space."""
    near = "" if text[:1].isspace() else "".join(text[:_LONGEST_PART].split()[:1])
    near = re.sub(r"\.{2,}", ".", near)
    return [near[: found.end()] for found in islice(_AFTER_WORD.finditer(near), _MOST_WORDS)]


def _patterns_in(value: str) -> Iterator[str]:
    """Yield *value* without invisible characters, and what is in quotes, braces or a template's in it."""
    visible = _visible(value)
    yield visible
    yield visible.strip("${} ")
    for found in _QUOTED.finditer(visible):
        for text in (found[2], _decoded(found[2])):
            yield from (text, text.replace("\\\\", "\\"))
