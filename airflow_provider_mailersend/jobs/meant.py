"""What a refused value may stand for. A mirror doesn't delete it, so that here too much is better than too little."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import partial
from html import unescape
from itertools import islice, pairwise, product
from urllib.parse import unquote

from airflow_provider_mailersend.api.entries import Key, make_key
from airflow_provider_mailersend.jobs.addresses import is_invisible

# More is no field of addresses, but a file read as one: it must not take the worker's memory.
_LONGEST_VALUE = 10_000
_MOST_KEYS = 20_000

# No domain begins with a dot.
_AT = re.compile(r"@[@.]*")
# No part of an address is longer, and none has more words.
_LONGEST_PART = 255
_MOST_WORDS = 32
_BEFORE_WORD = re.compile(r"(?<![^\W_])(?=.)")
_AFTER_WORD = re.compile(r"(?<=.)(?![^\W_])")
_TO_LAST_WORD = re.compile(r".*[^\W_]", re.DOTALL)
_FROM_FIRST_WORD = re.compile(r"[^\W_].*", re.DOTALL)

# Of Python and JSON.
_ESCAPE = re.compile(r"\\u([0-9a-f]{4})|\\x([0-9a-f]{2})|\\[a-z]", re.IGNORECASE)
# Of HTML. Python converts no number of thousands of digits.
_REFERENCE = re.compile(r"&#?\w{1,32};?")
_SPELLED = re.compile(r"[\[({<]\s*(?:(at)|dot)\s*[\])}>]", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()@]*\)")
_ENCLOSING = dict.fromkeys(map(ord, "\"'`<>()[]{}“”„«»「」\u00b4\u2018\u2019\u201a\u2039\u203a"))
_QUOTED = re.compile(r"""(['"])(.+?)\1""")


def keys_meant(kind: str, value: str) -> Iterator[Key]:
    """Yield the keys of a refused *value* and of addresses, or patterns, that it may stand for."""
    value = value[:_LONGEST_VALUE]
    found = _addresses_in(value) if kind == "recipients" else _patterns_in(value)
    for one in dict.fromkeys((value, *islice(found, _MOST_KEYS))):
        yield make_key(kind, one)


def _addresses_in(value: str) -> Iterator[str]:
    for text in _readings(value):
        for before, after in pairwise(_AT.split(text)):
            # What surrounds an address may be written right beside it: any words at the @ may be its own.
            yield from map("@".join, product(_ends_of(before), _starts_of(after)))


def _readings(value: str) -> list[str]:
    """Return *value* as somebody may have meant it, the likeliest first: each change may be meant or not."""
    texts = [value]
    for change in _CHANGES:
        texts = list(dict.fromkeys([*texts, *(change(text)[:_LONGEST_VALUE] for text in texts)]))
    return texts


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

    return _REFERENCE.sub(lambda found: unescape(found[0]), unquote(_ESCAPE.sub(character, value)))


_CHANGES = (
    # Twice, as each of two systems may have encoded it.
    _decoded,
    _decoded,
    # A full-width @ is one.
    partial(unicodedata.normalize, "NFKC"),
    partial(_SPELLED.sub, lambda found: "@" if found[1] else "."),
    partial(_COMMENT.sub, ""),
    partial(_visible, instead=" "),
    _visible,
    lambda text: "".join(text.split()),
    lambda text: text.translate(_ENCLOSING),
)


def _ends_of(text: str) -> list[str]:
    """Return the last words of *text*, up to the nearest space, with what follows them and without."""
    near = text[-_LONGEST_PART:]
    bare = _TO_LAST_WORD.match(near)
    ends = []
    for part in dict.fromkeys((near, bare[0] if bare else "")):
        word = "".join(part.split()[-1:])
        starts = [found.start() for found in _BEFORE_WORD.finditer(word)]
        ends += [word[start:] for start in starts[-_MOST_WORDS:]]
    return ends


def _starts_of(text: str) -> list[str]:
    """Return the first words of *text*, up to the nearest space, with what precedes them and without."""
    near = re.sub(r"[.,]+", ".", text[:_LONGEST_PART])
    bare = _FROM_FIRST_WORD.search(near)
    starts = []
    for part in dict.fromkeys((near, bare[0] if bare else "")):
        word = "".join(part.split()[:1])
        starts += [word[: found.end()] for found in islice(_AFTER_WORD.finditer(word), _MOST_WORDS)]
    return starts


def _patterns_in(value: str) -> Iterator[str]:
    """Yield *value* without invisible characters, and what is in quotes, braces or a template's in it."""
    visible = _visible(value)
    yield visible
    yield visible.strip("${} ")
    for found in _QUOTED.finditer(visible):
        for text in (found[2], _decoded(found[2])):
            yield from (text, text.replace("\\\\", "\\"))
