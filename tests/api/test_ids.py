from __future__ import annotations

import pytest

from airflow_provider_mailersend.api.ids import checked_id


@pytest.mark.parametrize(
    "text",
    ["+15551234567", "+1 (555) 123-4567", "15551234567", "0171 1234567", "(555) 123-4567", "555.123.4567"],
)
def test_a_number_is_told_from_an_id(text: str) -> None:
    with pytest.raises(ValueError, match="not a phone number"):
        checked_id(text, "the id")


@pytest.mark.parametrize(
    "text",
    [
        "62347d2be979fd275c0afd34",
        "123456",
        "1234567890123456",
        "e12345678",
        "65qngkdovk8lwr12",
        "a+1555123",
    ],
)
def test_an_id_is_no_number(text: str) -> None:
    assert checked_id(text, "the id") == text
