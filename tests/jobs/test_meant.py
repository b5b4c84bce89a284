"""What a mirror doesn't delete: addresses and patterns that a refused value may stand for."""

from __future__ import annotations

import unicodedata

import pytest

from airflow_provider_mailersend.jobs.plan import Planner
from airflow_provider_mailersend.jobs.wanted import Wanted
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
    ],
)
def test_an_address_is_spared_in_another_spelling(value: str, entry: str) -> None:
    assert not is_deleted(value, entry)


@pytest.mark.parametrize("entry", ["jane@y.com", "ane@x.com", "jane@x.co", "john@x.com"])
def test_other_addresses_are_deleted(entry: str) -> None:
    assert is_deleted("Jane <jane@x.com>", entry)


@pytest.mark.parametrize("part", ["@", "a@b,", "-@.", "-.", "a-a@", "%40"])
def test_a_long_value_takes_no_long_time(part: str) -> None:
    assert is_deleted(part * 9_999, "jane@x.com")


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
