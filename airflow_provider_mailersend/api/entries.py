"""Reading one entry of a list: when it was created, what it suppresses, and which domain it belongs to."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Entry = dict[str, Any]

#: A kind, ``recipients`` or ``patterns``, and a value, normalized: the same for all spellings of it.
Key = tuple[str, str]


def created_at(entry: Mapping[str, Any]) -> datetime | None:
    """Return when *entry* was created, in UTC, or None where its date cannot be read."""
    return parse_date(entry.get("created_at"))


def parse_date(value: object) -> datetime | None:
    """Return one of the API's dates as an aware datetime in UTC, or None where it cannot be read."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        # Older accounts hold dates without a zone, which are in UTC.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def suppressed_value(entry: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the kind and value that a suppression entry was made of, None where it has none."""
    if "pattern" in entry:
        kind, value = "patterns" if entry.get("type") == "pattern" else "recipients", entry["pattern"]
    else:
        kind, value = "recipients", _get(entry.get("recipient"), "email")
    return (kind, value) if isinstance(value, str) else None


def make_key(kind: str, value: str) -> Key:
    """
    Return the key of a value, the same for all its spellings.

    Surrounding whitespace is stripped. Addresses are compared case-insensitively, whatever Unicode composition they
    use, and whether their domain is in Unicode or Punycode, with a final dot or without. Patterns keep their case:
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
    """Return the key of what a suppression entry suppresses, None where it has no value."""
    value = suppressed_value(entry)
    return make_key(*value) if value is not None else None


def domain_id_of(entry: Mapping[str, Any]) -> str | None:
    """Return the id of a suppression entry's domain, None where it belongs to the whole account."""
    domain = entry.get("domain") if "pattern" in entry else _get(entry.get("recipient"), "domain")
    domain_id = _get(domain, "id")
    return domain_id if isinstance(domain_id, str) else None


def belongs_to(entry: Mapping[str, Any], domain_id: str | None) -> bool | None:
    """
    Return whether a suppression entry belongs to a domain, or with None to the account; None where that is unknown.

    A blocklist entry whose domain is null belongs to the account itself. On the other lists, every entry belongs to
    some domain of the account.
    """
    entry_domain_id = domain_id_of(entry)
    if "pattern" in entry:
        return entry_domain_id == domain_id if domain_id is None or "domain" in entry else None
    if domain_id is None:
        return True
    return entry_domain_id == domain_id if entry_domain_id is not None else None


def _get(thing: object, key: str) -> object:
    return thing.get(key) if isinstance(thing, dict) else None
