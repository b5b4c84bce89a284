from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_mailersend.api import requests
from airflow_provider_mailersend.api.answers import parse_entries, parse_object, parse_page, parse_quota
from airflow_provider_mailersend.exceptions import MailerSendUnexpectedAnswerError
from tests.feeding.script import answer

Parse = Callable[[requests.Request, Any], object]


@pytest.mark.parametrize(
    ("parse", "body", "problem"),
    [
        *((parse, b"<html>", "a body that isn't valid JSON") for parse in (parse_object, parse_quota)),
        *((parse, [1], "JSON that is a list, not an object") for parse in (parse_object, parse_quota)),
        (parse_object, {"data": []}, "JSON without an object 'data'"),
        (parse_object, {}, "JSON without an object 'data'"),
        *(
            (parse_quota, odd, "JSON without whole numbers 'quota' and 'remaining'")
            for odd in ({}, {"quota": 9}, {"quota": 9, "remaining": "9"}, {"quota": True, "remaining": 9})
        ),
        *((parse, {"data": {}}, "JSON without a list 'data'") for parse in (parse_entries, parse_page)),
        *(
            (parse, {"data": [{"id": 7}]}, "a list in which an entry has no string 'id'")
            for parse in (parse_entries, parse_page)
        ),
    ],
)
def test_a_body_that_is_not_what_was_asked_for_is_an_error_that_says_why(
    parse: Parse, body: object, problem: str
) -> None:
    with pytest.raises(MailerSendUnexpectedAnswerError) as error:
        parse(requests.list_recipients(), answer(200, body))
    assert str(error.value).startswith(f"GET /recipients answered 200 with {problem}. If")
    assert (error.value.endpoint, error.value.status) == ("GET /recipients", 200)
