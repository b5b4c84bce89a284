"""Reading one entry of a list: when it was made, whom it means, and whose it is."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Entry = dict[str, Any]

#: What an entry suppresses, equal for all spellings of it.
Key = tuple[str, str]


def created_at(entry: Mapping[str, Any]) -> datetime | None:
    """Return when *entry* was made, in UTC, or None where its date cannot be read."""
    return parse_date(entry.get("created_at"))


def parse_date(value: object) -> datetime | None:
    """
    Return a date of the API's as an aware datetime in UTC, or None where it cannot be read.

    Older accounts hold dates without a zone, which are in UTC; the API's documents show one malformed date.
    """
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def suppressed_value(entry: Mapping[str, Any]) -> tuple[str, str] | None:
    """
    Return what a suppression entry suppresses, or None where it does not say.

    It is a pair of ``recipients`` and an address, or of ``patterns`` and a regular expression, as it would
    be sent to add such an entry.
    """
    if "pattern" in entry:
        kind, value = "patterns" if entry.get("type") == "pattern" else "recipients", entry["pattern"]
    else:
        kind, value = "recipients", _of(entry.get("recipient"), "email")
    return (kind, value) if isinstance(value, str) else None


def make_key(kind: str, value: str) -> Key:
    """
    Return what is equal for all spellings that mean the same.

    Spaces around do not count. Of an address neither does its case, nor how Unicode composes its characters, nor how
    its domain is written: in Unicode or encoded for DNS, with a final dot or without. The case of a pattern counts:
    ``\\D`` is not ``\\d``.
    """
    bare = value.strip()
    if kind != "recipients":
        return kind, bare
    lower = bare.lower()
    if not lower.isascii() or "xn--" in lower or lower.endswith("."):
        lower = _canonical(lower)
    # The same string where it can be: lists are long, and strings take memory.
    return kind, bare if lower == bare else lower


def _canonical(address: str) -> str:
    name, at, domain = address.rpartition("@")
    labels = map(_in_unicode, domain.removesuffix(".").split("."))
    return unicodedata.normalize("NFC", name + at + ".".join(labels))


def _in_unicode(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode").lower()
    except UnicodeError:
        return label


def entry_key(entry: Mapping[str, Any]) -> Key | None:
    """Return what a suppression entry suppresses, equal for all spellings of it; None where it does not say."""
    value = suppressed_value(entry)
    return make_key(*value) if value is not None else None


def domain_id_of(entry: Mapping[str, Any]) -> str | None:
    """Return the id of the domain that a suppression entry belongs to; None where it is the whole account's."""
    domain = entry.get("domain") if "pattern" in entry else _of(entry.get("recipient"), "domain")
    domain_id = _of(domain, "id")
    return domain_id if isinstance(domain_id, str) else None


def belongs_to(entry: Mapping[str, Any], domain_id: str | None) -> bool | None:
    """
    Return whether a suppression entry belongs to the domain of *domain_id*; with None, to the account.

    A blocklist entry whose domain is null is the account's own. Elsewhere each is some domain's. None where the entry
    does not say its domain.
    """
    theirs = domain_id_of(entry)
    if "pattern" in entry:
        is_said = domain_id is None or "domain" in entry
        return theirs == domain_id if is_said else None
    if domain_id is None:
        return True
    return theirs == domain_id if theirs is not None else None


def _of(thing: object, key: str) -> object:
    return thing.get(key) if isinstance(thing, dict) else None
