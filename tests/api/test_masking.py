from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.api.masking import (
    describe_error,
    holds_token,
    join_first,
    masked,
    masked_within,
)
from tests.feeding.script import properties


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("jane.doe@example.com", "j***@example.com"),
        ("  jane.doe@example.com ", "j***@example.com"),
        ('"a@b"@example.com', '"***@example.com'),
        ("@example.com", "***@example.com"),
        ("+15551234567", "+1***67"),
        (" +15551234567 ", "+1***67"),
        ("15551234567", "1***"),
        ("\uff0b15551234567", "\uff0b1***67"),
        ("nobody in particular", "n***"),
        ("", "***"),
        ("jane@example.com;+15551234567;Jane Doe", "j***@example.com***"),
        ("jane@example.com Jane Doe, +1 555 123 4567", "j***@example.com***"),
        ("jane@example.com\t5551234567", "j***@example.com***"),
        ("jane@example.com|5551234567", "j***@example.com***"),
        ("Jane <jane@example.com> 5551234567", "J***@example.com***"),
        (r".*@[a-z]+\.example$", r".***@[a-z]+\.example$"),
    ],
)
def test_a_value_is_masked(value: str, shown: str) -> None:
    assert masked(value) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("The address jane.doe@example.com is invalid.", "The address j***@example.com is invalid."),
        ("<jane@a.example>, 'joe@b.example'", "<j***@a.example>, 'j***@b.example'"),
        ("recipients:jane@a.example;joe@b.example", "recipients:j***@a.example;j***@b.example"),
        ("call +1 (555) 123-4567 now", "call +1***67 now"),
        ("+15551234567 and +447700900123", "+1***67 and +4***23"),
        ("Bearer mlsn.0123456789abcdef", "Bearer mlsn.***"),
        ("token mlsn.abc, of jane@a.example", "token mlsn.***, of j***@a.example"),
        ("https://mlsn%2E0123456789abcdef/v1", "https://mlsn.***/v1"),
        ("u=%2Fmlsn.0123456789abcdef", "u=%2Fmlsn.***"),
        ("Bearer MLSN.0123-4567.89_ab=", "Bearer mlsn.***="),
        ("15551234567 is no recipient", "1*** is no recipient"),
        ("'0171 123-4567 8'", "'0***'"),
        ("(555) 123-4567 89", "(***"),
        ("+1\u2011555\u2011123\u20114567", "+1***67"),
        ("+1\u2013555\u2013123\u20134567, +1\u00a0555\u00a0123\u00a04567", "+1***67, +1***67"),
        ("call +1/555/1234567", "call +1***67"),
        ("\uff0b15551234567", "\uff0b1***67"),
        ("1\u2010555\u2010123\u20104567", "1***"),
        ("tel:15551234567, whatsapp:15551234567", "tel:1***, whatsapp:1***"),
        ("+1555\u200b1234567", "+1***67"),
        ("12:00:00 2026-01-01", "12:00:00 2026-01-01"),
        ("2026-01-01 00:00:00 and 2026-01-01T00:00:00Z", "2026-01-01 00:00:00 and 2026-01-01T00:00:00Z"),
        (
            "192.168.100.200:8025 and 60f198790542d97fb66dfe52",
            "192.168.100.200:8025 and 60f198790542d97fb66dfe52",
        ),
        ("nothing to hide: 42 + 1", "nothing to hide: 42 + 1"),
    ],
)
def test_all_that_tells_a_person_is_masked_within_a_text(text: str, shown: str) -> None:
    assert masked_within(text) == shown


def test_a_name_with_an_apostrophe_is_masked_whole() -> None:
    assert "mary" not in masked_within("mary.o'brien@example.com is on the list")


def test_a_quoted_local_part_is_masked() -> None:
    assert "jane doe" not in masked_within('The address "jane doe"@example.com is invalid.')


@properties
@given(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789._+-", min_size=3, max_size=20),
    st.sampled_from(
        ["{}", "The {} is invalid.", "'{}'", '{{"email": "{}"}}', "<{}>", "a={},b", "[{}]", "({})"]
    ),
)
def test_no_local_part_survives_in_any_surroundings(name: str, surroundings: str) -> None:
    address = f"x{name}@example.com"
    assert f"{name}@" not in masked_within(surroundings.format(address))


def test_an_error_is_told_by_its_first_cause_and_without_the_password_of_a_proxy() -> None:
    try:
        try:
            raise ValueError("http://jane:se/cr@t@proxy.example:port has no port; mlsn.0123456789abcdef")
        except ValueError as first:
            raise ConnectionError("something else") from first
    except ConnectionError as error:
        said = describe_error(error)
    assert said.startswith("ConnectionError, http://")
    assert said.endswith("has no port; mlsn.***")
    assert not any(part in said for part in ("jane", "se/cr", "cr@t", "0123"))


@pytest.mark.parametrize("link", ["__cause__", "__context__"])
def test_an_error_that_another_led_to_is_told_by_that(link: str) -> None:
    error = OSError("the second")
    setattr(error, link, ValueError("the first"))
    assert describe_error(error) == "OSError, the first"


def test_an_error_without_a_message_is_told_by_its_name() -> None:
    assert describe_error(TimeoutError()) == "TimeoutError"


@pytest.mark.parametrize(
    ("text", "holds"),
    [("mlsn.0123456789abcdef", True), ("a MLSN%2Eabc", True), ("mlsn", False), ("the mlsn. It", False)],
)
def test_a_text_holds_a_token_or_none(text: str, holds: bool) -> None:
    assert holds_token(text) is holds


@pytest.mark.parametrize(
    ("names", "count", "joined"),
    [
        ([], 0, ""),
        (["a"], 1, "a"),
        (list("abcdefghij"), 10, "a, b, c, d, e, f, g, h, i, j"),
        (list("abcdefghijk"), 11, "a, b, c, d, e, f, g, h, i, j and 1 more"),
        (["a", "b"], 1_000_000, "a, b and 999998 more"),
    ],
)
def test_ten_names_are_shown(names: list[str], count: int, joined: str) -> None:
    assert join_first(names, count) == joined


@pytest.mark.timeout(20)  # quadratic time would take minutes
def test_a_long_text_without_an_address_takes_linear_time() -> None:
    text = "a" * 1_000_000
    assert masked_within(text) == text
