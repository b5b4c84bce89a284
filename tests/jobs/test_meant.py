"""What a mirror doesn't delete: addresses and patterns that a refused value may stand for."""

from __future__ import annotations

import random
import tracemalloc
import unicodedata
from collections.abc import Iterator

import pytest

from airflow_provider_mailersend.api.entries import Key
from airflow_provider_mailersend.jobs.plan import Planner
from airflow_provider_mailersend.jobs.wanted import Item, Wanted
from tests.feeding.syncs import account_with, people, sync, values

ADDRESSES = [
    "jane@x.com",
    "jane.doe+news@mail.x.co.uk",
    "o'hara@x.com",
    "-j.@x.com",
    "prvs=0123=jane@x.com",
    "a_b#EXT#@c.onmicrosoft.example",
    "jane@localhost",
    "jane@[192.0.2.1]",
    "jané@bücher.example",
    "jane@xn--bcher-kva.example",
    "jane@paral·lel.example",
    "用户@例子.公司",
]

DECORATIONS = [
    *("'{}'", '"{}"', "<{}>", "({})", "*{}*", "“{}”", "«{}»", "「{}」", "# {}", "#{}", "• {}", "`{}`"),
    *("{},", "{};", "{}:", "{}!", "{}?", "{}/", "{}…", "{}\uff0c", "{}\ufffd", "1|{}|x"),
    *("Jane {}", "Jane <{}>", "Jane<{}>", '"Doe, Jane" <{}>', "{} (Jane)"),
    *("mailto:{}", "MAILTO:{}?subject=x", "email: {}", "https://x.test/?e={}&b=1", "y@y.com&{}"),
    *("b'{}'", "bytearray(b'{}')", "['{}']", '{{"email":"{}"}}', "array(['{}'], dtype=object)", "${{{}}}"),
    *("y@y.com\n{}", "{}\ny@y.com", "1\t{}", "{}\r\n1", "{}\u200by@y.com", "y@y.com, {}", "{}/y@y.com"),
    *("\0{}", "\u200b{}", "\ufeff{}", "\u202e{}", "{} " + 400 * "x"),
    *("%20{}", "%3C{}%3E", "&lt;{}&gt;", "\\n{}", "{}\\r\\n", "\\u200b{}", "\\x00{}"),
]


def is_deleted(value: str, entry: str, *, kind: str = "recipients") -> bool:
    """Return whether a mirror of *value*, which is refused, deletes *entry*."""
    wanted = Wanted(**{kind: [value]})
    assert wanted.invalid, value
    planner = Planner(wanted, mode="mirror")
    type_ = "pattern" if kind == "patterns" else "exact"
    planner.see({"id": "e1", "type": type_, "pattern": entry, "domain": None})
    return bool(planner.plan().to_delete)


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_spared_whatever_surrounds_it(address: str) -> None:
    written = [decoration.format(address) for decoration in DECORATIONS]
    assert [value for value in written if is_deleted(value, address)] == []


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    ("found", "written"),
    [
        *(("@", at) for at in ("\uff20", "\ufe6b", "%40", "&#64;", "\\u0040", "\\x40")),
        *(("@", at) for at in (" @", "@ ", "@\n", "\xa0@", "@@", "@.", "\u200b@", "\0@", "\xad@", '"@')),
        (".", ".."),
    ],
)
def test_an_address_is_spared_however_its_characters_are_written(
    address: str, found: str, written: str
) -> None:
    name, _, domain = address.partition("@")
    # Two dots before an @ are a mailbox's own.
    value = f"{name}@{domain.replace(found, written)}" if found == "." else address.replace(found, written)
    if value != address and "[" not in value:
        assert not is_deleted(f"<{value}>", address)


@pytest.mark.parametrize(
    ("value", "entry"),
    [
        ("<JANE@X.COM>", "jane@x.com"),
        ("<jane@bücher.example>", "jane@xn--bcher-kva.example"),
        ("<jane@xn--bcher-kva.example>", "jane@bücher.example"),
        ('<"ja\u200bne,doe"@x.com>', '"jane,doe"@x.com'),
        (f"<{unicodedata.normalize('NFD', 'jané@bücher.example')}>", "jané@bücher.example"),
        ("<jane@x.com.>", "jane@x.com"),
        ("".join(chr(ord(letter) + 0xFEE0) for letter in "jane@x.com"), "jane@x.com"),
        ('<"jane"@x.com>', "jane@x.com"),
        ('<"jane,doe"@x.com>', '"jane,doe"@x.com'),
        ("j\0a\0n\0e\0@\0x\0.\0c\0o\0m\0", "jane@x.com"),  # UTF-16
        (r"b'jan\xe9@x.com'", "jané@x.com"),  # Latin-1
        ("jane doe@x.com", "janedoe@x.com"),
        ("<o'ha ra@x.com>", "o'hara@x.com"),
        ("'jane'.'doe'@x.com", "jane.doe@x.com"),
    ],
)
def test_an_address_is_spared_in_another_spelling(value: str, entry: str) -> None:
    assert not is_deleted(value, entry)


@pytest.mark.parametrize(
    "value",
    [
        *(
            "'jane'@x.com",
            "jane'@x.com",
            "jane;@x.com",
            "<jane>@<x.com>",
            "<jane.-@-x.com>",
            "jane[@]x[.]com",
        ),
        *(
            "jane (work)@x.com",
            "(jane)@x.com",
            "jane@(work)x.com",
            "Jane Doe jane @ x.com",
            "Jane <ja ne@x.com>",
        ),
        *("jane[at]x.com", "jane (at) x.com", "jane [AT] x [dot] com", "jane@x,com", "jane@x.,com"),
        *("jane%2540x.com", "jane&amp;#64;x.com"),
    ],
)
def test_an_address_is_spared_whatever_is_in_it(value: str) -> None:
    assert not is_deleted(value, "jane@x.com")


@pytest.mark.parametrize("entry", ["jane@y.com", "ane@x.com", "jane@x.co", "john@x.com"])
def test_other_addresses_are_deleted(entry: str) -> None:
    assert is_deleted("Jane <jane@x.com>", entry)


def long_values() -> Iterator[str]:
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=5)) for _ in range(20_000)]
    separators = [*".-@' (", "@@.", ".@-", "\"'", "((", "(at)", "%40", "%2540", "&#64;", "\0", "\ufdfa"]
    for separator in separators:
        yield separator.join(words)
        yield "".join(word + (separator if place % 32 else "@") for place, word in enumerate(words))
    yield from ("x &#" + 5_000 * "1" + ";@x.com", 5_000 * "&" + "#", 9_999 * "@", "a@xn--" + "".join(words))
    # Two digits each, once they are decomposed.
    yield "x &#" + 3_000 * "\u3251" + ";@x.com"
    yield "\ud800@\udfff.%ff%fe\\ud800&#xd800;xn--\ud800.xn--a-\x80"


@pytest.mark.parametrize("kind", ["recipients", "patterns"])
@pytest.mark.parametrize("value", list(long_values()), ids=lambda value: ascii(value[:12]))
def test_a_long_value_means_a_bounded_number_of_addresses(kind: str, value: str) -> None:
    assert 1 <= sum(1 for _ in Item(kind, value, 0).meant) <= 20_001


def test_a_value_of_random_characters_is_read() -> None:
    chance = random.Random(2)
    parts = [*"@@@..%&#;\\'\"<>()[]-_ \n\0\ud83d\u32519e", "&#x", "&#6", "%4", "\\u", "\\x", "xn--", "(at)"]
    for _ in range(20):
        for kind in "recipients", "patterns":
            assert list(Item(kind, "".join(chance.choices(parts, k=40)), 0).meant)


@pytest.mark.parametrize("place", [0, 50, 99])
def test_each_of_a_hundred_addresses_in_a_value_is_spared(place: int) -> None:
    value = "; ".join(f"jane.doe+{number}@mail.example.co.uk" for number in range(100))
    assert not is_deleted(value, f"jane.doe+{place}@mail.example.co.uk")


@pytest.mark.parametrize(
    "value",
    [
        "b'.*@bulk.test'",
        'b".*@bulk.test"',
        "b'.*@bulk.test\\n'",
        "array(['.*@bulk.test', 'x'], dtype=object)",
        "Index(['x', \".*@bulk.test\"], dtype='object')",
        "${.*@bulk.test}",
        "{{ '.*@bulk.test' }}",
        "\ufeff.*@bulk.test",
        ".*@bulk.test\u200b",
        ".*@bulk\0.test",
    ],
)
def test_a_pattern_is_spared(value: str) -> None:
    assert not is_deleted(value, ".*@bulk.test", kind="patterns")
    assert is_deleted(value, ".*@bulk.example", kind="patterns")


def test_a_pattern_is_spared_whose_backslashes_were_doubled() -> None:
    assert not is_deleted(repr(rb".*@bulk\.test"), r".*@bulk\.test", kind="patterns")


@pytest.mark.parametrize("value", [".{}", "-{}", "{}-", "&{}", "id-{}"])
def test_an_address_is_spared_that_the_api_refused(value: str) -> None:
    wrong = value.format(people(2)[0])
    account = account_with(3, invalid=[wrong])
    work, _ = sync(account, recipients=[*people(0), wrong], mode="mirror", max_deletes=3, on_invalid="skip")
    assert values(account) == people(0, 2)
    assert (work.result(0)["deleted"], work.result(0)["rejected"]) == (1, 1)


def test_what_a_refused_address_means_matters_only_to_deletions(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_: Item) -> Iterator[Key]:
        raise AssertionError("read for nothing")

    monkeypatch.setattr(Item, "meant", property(read))
    wrong = ".person9@x.example"
    account = account_with(1, invalid=[wrong])
    work, _ = sync(account, recipients=[*people(0, 1), wrong], on_invalid="skip")
    assert (work.result(0)["added"], work.result(0)["rejected"]) == (1, 1)


def test_many_refused_addresses_take_little_memory() -> None:
    planner = Planner(Wanted(recipients=["jane@x.com"]), mode="mirror")
    for number in range(2):
        planner.see({"id": f"e{number}", "type": "exact", "pattern": f"p{number}@x.com", "domain": None})
    plan = planner.plan()
    tracemalloc.start()
    try:
        planner.keep([], (("recipients", f"p{number}@x.com") for number in range(1, 50_000)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert plan.to_delete == ["e0"]
    assert peak < 1_500_000
