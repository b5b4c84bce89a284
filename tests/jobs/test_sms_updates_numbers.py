from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mailersend.api.requests import SmsRecipientStatus
from airflow_provider_mailersend.jobs.sms_updates import SmsUpdates, parse_numbers


@pytest.mark.parametrize(
    "written",
    [
        "+15551234567",
        " +1 555 123 4567 ",
        "+1 (555) 123-4567",
        "+1-555-123-4567",
        "+1\u2013555\u20131234567",
        "[+1]5551234567",
    ],
)
def test_spaces_dashes_and_brackets_are_forgiven(written: str) -> None:
    assert list(parse_numbers([written])) == ["+15551234567"]


def test_each_number_counts_once_in_the_order_given() -> None:
    numbers = parse_numbers(["+4915112345678", "+1 5551234567", "+49 151 12345678"])
    assert [(number, item.position) for number, item in numbers.items()] == [
        ("+4915112345678", 0),
        ("+15551234567", 1),
    ]


@pytest.mark.parametrize(
    "written",
    [
        "15551234567",
        "0015551234567",
        "+05551234567",
        "+1555",
        "+1555123456789012",
        "+1.555.1234567",
        "call me",
        "",
        "+1555123456x",
        "None",
        "nan",
        "{{ x }}",
    ],
)
def test_anything_else_is_refused_by_its_place_and_masked(written: str) -> None:
    with pytest.raises(ValueError, match=r"^numbers\[1\] .* is not a phone number in E\.164") as error:
        parse_numbers(["+15551234567", written])
    assert not written or written not in str(error.value).partition(" is not ")[0] or len(written) < 6


@pytest.mark.parametrize("wrong", ["", "  ", "None", "{{ x }}", "+15551234567"])
def test_an_sms_number_id_that_is_none_never_means_all(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"^sms_number_id must be a"):
        SmsUpdates(SmsRecipientStatus.OPT_OUT, numbers=["+15551234567"], sms_number_id=wrong)


def test_an_sms_number_id_is_refused_with_ids() -> None:
    with pytest.raises(ValueError, match=r"^sms_number_id is for numbers: leave it out with ids$"):
        SmsUpdates(SmsRecipientStatus.OPT_OUT, ids=["s1"], sms_number_id="n1")


@pytest.mark.parametrize("values", ["+15551234567", [15551234567], [None]])
def test_what_is_no_list_of_strings_is_refused(values: Any) -> None:
    with pytest.raises(TypeError):
        parse_numbers(values)


@pytest.mark.parametrize(
    "written",
    [
        "+44 (0)20 7946 0958",
        "+44(0) 2079460958",
        "+49 [0] 151 12345678",
        "+44 (020) 7946 0958",
        "+44 (0 20) 7946 0958",
        "+44 (0-20) 7946 0958",
        "+44 (00)2079460958",
        "+44 ( 0)2079460958",
        "+44 (\u20130) 2079460958",
    ],
)
def test_a_zero_that_is_not_dialled_is_refused_and_explained(written: str) -> None:
    with pytest.raises(
        ValueError, match=r"^numbers\[0\] '\+4\*\*\*\d\d' has a 0 after a bracket, which"
    ) as error:
        parse_numbers([written])
    assert "958" not in str(error.value)
