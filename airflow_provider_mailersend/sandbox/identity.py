"""Ids and addresses that follow from the seed, and lead back to the serial number they were made from.

That they can be read backwards saves the dictionaries: a million seeded entries are found by id or address
without one being held in memory.
"""

from __future__ import annotations

import re
from hashlib import blake2b

MOST_SERIALS = 0xFF_FF_FF
"""As many entries as one list can number."""

_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_ADDRESS_SERIAL = re.compile(r"[a-z]+\.[a-z]+(0|[1-9][0-9]{0,7})@")
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"

_FIRST = ("ada", "ben", "cleo", "dora", "emil", "fay", "gus", "hana", "ivo", "june", "karl", "lena", "milo")
_LAST = ("abbott", "brandt", "castro", "dunn", "ekman", "fabre", "gatti", "hoang", "ito", "jansen", "kovac")
_PEOPLE_AT = ("example.com", "example.net", "example.org")
_BLOCKED_AT = ("offers.example", "bulk.example", "leads.test", "promo.example", "lottery.test")


def _digest(seed: int, *what: object) -> bytes:
    return blake2b("/".join(map(str, (seed, *what))).encode(), digest_size=16).digest()


class ObjectIds:
    """Ids of 24 hex digits, as a MongoDB makes them: the second, five bytes of the maker, a serial number."""

    def __init__(self, seed: int, kind: str) -> None:
        self._maker = _digest(seed, "maker", kind)[:5].hex()

    def make(self, serial: int, moment: int) -> str:
        return f"{moment // 1_000_000 & 0xFFFFFFFF:08x}{self._maker}{serial:06x}"

    def serial(self, text: object) -> int | None:
        """The serial number in an id; whether ``make`` would make this id of it is left to the caller."""
        return int(text[18:], 16) if isinstance(text, str) and _OBJECT_ID.fullmatch(text) else None


def short_id(seed: int, kind: str, name: str) -> str:
    """An id of 16 lowercase letters and digits, as domains and SMS numbers have."""
    number = int.from_bytes(_digest(seed, kind, name), "big")
    letters = []
    for _ in range(16):
        number, rest = divmod(number, 36)
        letters.append(_LETTERS[rest])
    return "".join(letters)


class Addresses:
    """The made-up e-mail addresses of one seed, each with its serial number in it."""

    def __init__(self, seed: int) -> None:
        self._turn = int.from_bytes(_digest(seed, "addresses")[:2], "big")

    def person(self, serial: int) -> str:
        """The address of a seeded recipient."""
        return f"{self._name(serial)}{serial}@{_PEOPLE_AT[serial % len(_PEOPLE_AT)]}"

    def person_serial(self, address: str) -> int | None:
        """The serial number that ``person`` would make this address from."""
        found = _ADDRESS_SERIAL.match(address)
        if found and self.person(int(found[1])) == address:
            return int(found[1])
        return None

    def blocked(self, serial: int) -> str:
        """The address of a seeded blocklist entry: at other hosts than any recipient's."""
        return f"{self._name(serial)}{serial}@{_BLOCKED_AT[serial % len(_BLOCKED_AT)]}"

    def blocked_pattern(self, number: int) -> str:
        """One of a few patterns, which so come again and again."""
        return f".*@{_BLOCKED_AT[number % len(_BLOCKED_AT)]}"

    def _name(self, serial: int) -> str:
        turn = serial + self._turn
        return f"{_FIRST[turn % len(_FIRST)]}.{_LAST[turn % len(_LAST)]}"
