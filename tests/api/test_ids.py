from __future__ import annotations

import pytest

from airflow_provider_mailersend.api.ids import checked_id


@pytest.mark.parametrize(
    "text",
    [
        "+15551234567",
        "+1 (555) 123-4567",
        "15551234567",
        "0171 1234567",
        "(555) 123-4567",
        "555.123.4567",
        "tel:+15551234567",
        "tel:15551234567",
        "whatsapp:+15551234567",
        "'+15551234567'",
        "+1 555 123 4567 x5",
        "+1555",
        "+1~5551234567",
        "a+1555123",
    ],
)
def test_a_number_is_told_from_an_id(text: str) -> None:
    with pytest.raises(ValueError, match="not a phone number") as error:
        checked_id(text, "the id")
    assert "555" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "+1\u2011555\u2011123\u20114567",
        "+1\u00a0555\u00a0123\u00a04567",
        "1\u2013555\u2013123\u20134567",
        "\uff0b15551234567",
        "15551234567\u200b",
        "\u202a15551234567",
        "٠١٢٣٤٥٦٧٨",
        "65qngkdovk8lwr1é",
        "65qngkdo vk8lwr12",
        "65qngkdo\nvk8lwr12",
    ],
)
def test_an_id_is_ascii_without_spaces(text: str) -> None:
    with pytest.raises(ValueError, match=r"^the id must be an id") as error:
        checked_id(text, "the id")
    assert "4567" not in str(error.value)
    assert "lwr" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "['65qngkdovk8lwr12']",
        '["65qngkdovk8lwr12"]',
        '"65qngkdovk8lwr12"',
        "'65qngkdovk8lwr12'",
        '{"id":"65qngkdovk8lwr12"}',
        "{65qngkdovk8lwr12}",
        "<65qngkdovk8lwr12>",
        "(65qngkdovk8lwr12)",
        "65qngkdovk8lwr12,neqvygmrw5l0p7w2",
        "65qngkdovk8lwr12;neqvygmrw5l0p7w2",
    ],
)
def test_the_text_of_a_list_or_an_object_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match=r"^the id must be one id, without quotes, brackets or commas; got "):
        checked_id(text, "the id")


@pytest.mark.parametrize(
    "text",
    [
        "62347d2be979fd275c0afd34",
        "123456",
        "1234567890123456",
        "e12345678",
        "65qngkdovk8lwr12",
        "key:65qngkdovk8lwr12",
    ],
)
def test_an_id_is_no_number(text: str) -> None:
    assert checked_id(text, "the id") == text
