"""What is read from a template field, however it was rendered."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from airflow_provider_mailersend.operators import recipients, sms_recipients, suppressions
from airflow_provider_mailersend.operators.base import MailerSendOperator
from airflow_provider_mailersend.rendering import (
    parse_list,
    parse_max_deletes,
    parse_moment,
    parse_required_text,
    parse_text,
)


@pytest.mark.parametrize(
    ("rendered", "read"),
    [
        (None, []),
        ("", []),
        ("  ", []),
        ("None", []),
        ("[]", []),
        ("null", []),
        ("{'a@example.com'}", ["a@example.com"]),
        ([], []),
        ("a@example.com", ["a@example.com"]),
        ('["a@example.com", "b@example.com"]', ["a@example.com", "b@example.com"]),
        ("['a@example.com', 'b@example.com']", ["a@example.com", "b@example.com"]),
        ("('a@example.com',)", ["a@example.com"]),
        ('["o\'hara@example.com"]', ["o'hara@example.com"]),
        (r'["o\/hara@example.com", "\ud83d\ude00@example.com"]', ["o/hara@example.com", "😀@example.com"]),
        (["a@example.com", "None"], ["a@example.com", "None"]),
        (("a", "b"), ["a", "b"]),
        pytest.param(iter(["a", "b"]), ["a", "b"], id="iterator"),
    ],
    ids=str,
)
def test_lists(rendered: Any, read: list[str]) -> None:
    assert parse_list(rendered, "ids") == read


@pytest.mark.parametrize(
    ("rendered", "complaint"),
    [
        ("['a', 'b'", "ids is neither a list"),
        ("[" * 100_000 + "]" * 100_000, "ids is neither a list"),
        (
            "a@example.com,b@example.com",
            r'ids is text with commas, not a list: write \["a", "b"\]. Pass the list',
        ),
        (
            "a@example.com; b@example.com",
            r'ids is text with semicolons, not a list: write \["a", "b"\]',
        ),
        (
            "a@example.com\nb@example.com",
            "ids is text with spaces or line breaks, not a list",
        ),
        ("{'a': 1}", "ids is neither a list"),
        ("['a' 'b']", "ids is text with strings side by side, without a comma between them"),
        ('["a"\n "b"]', "ids is text with strings side by side"),
        ("('a' 'b',)", "ids is text with strings side by side"),
        ("['a''b', 'c']", "ids is text with strings side by side"),
        ("['a' # b\n 'c']", "ids is text with strings side by side"),
        ("['a'\\\n 'c']", "ids is text with strings side by side"),
        ("['a' r'c']", "ids is text with strings side by side"),
        ("frozenset({'a'})", "ids is neither a list"),
        ("LazySelectSequence([2 items])", "ids is neither a list"),
        ("<generator object f at 0x7f>", "ids is neither a list"),
        ("[1, 2]", r"ids\[0\] must be a string; got int"),
        (["a", None], r"ids\[1\] must be a string; got NoneType"),
        ({"a": 1}, "ids must be a list of strings; got dict"),
        (b"a", "ids must be a list of strings; got bytes"),
        (7, "ids must be a list of strings; got int"),
        (True, "ids must be a list of strings; got bool"),
    ],
    ids=lambda thing: str(thing)[:60],
)
def test_what_is_no_list_of_strings_is_refused(rendered: Any, complaint: str) -> None:
    with pytest.raises((TypeError, ValueError), match=complaint):
        parse_list(rendered, "ids")


@pytest.mark.parametrize("mark", [",", "; ", "\n"])
def test_numbers_with_commas_are_not_one_number(mark: str) -> None:
    with pytest.raises(ValueError, match=r"^numbers is text with .*, not a list: write"):
        parse_list(f"+15551234567{mark}+15551234568", "numbers")
    assert parse_list("+1 555 123-4567", "numbers") == ["+1 555 123-4567"]


@pytest.mark.parametrize("name", ["patterns", "recipients", "ids", "numbers"])
def test_the_text_of_an_array_is_not_joined_to_one_value(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is text with strings side by side"):
        parse_list("['.*@a.example' '.*@b.example'\n '.*@c.example']", name)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (r"['a\' \'b', '']", ["a' 'b", ""]),
        ("[\"a' 'b\", '\"', '\" \"']", ["a' 'b", '"', '" "']),
        ("['a',\n 'b'\n ,'c',\n]", ["a", "b", "c"]),
        ("{'a'}", ["a"]),
    ],
)
def test_quotes_within_a_value_are_no_strings_side_by_side(text: str, read: list[str]) -> None:
    assert parse_list(text, "patterns") == read


@pytest.mark.parametrize("name", ["since", "file", "domain"])
def test_a_token_is_refused_wherever_it_stands_and_never_shown(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} contains an API token") as error:
        parse_moment("mlsn.0123456789abcdef", name)
    assert "0123" not in str(error.value)


def test_a_token_as_max_deletes_is_not_shown() -> None:
    with pytest.raises(ValueError, match=r"^max_deletes ") as error:
        parse_max_deletes("mlsn.0123456789abcdef")
    assert "0123" not in str(error.value)


@pytest.mark.parametrize("pattern", [r"[a-z]+@example\.com", "(sales|info)@example.com"])
def test_a_pattern_may_begin_as_a_list_does(pattern: str) -> None:
    assert parse_list([pattern], "patterns") == [pattern]
    assert parse_list(f"[{pattern!r}]", "patterns") == [pattern]


@pytest.mark.parametrize(
    "text",
    [
        r".*@example\.com",
        "[a-z]+@example.com",
        "LazySelectSequence(['.*@example.com'])",
        "{{ params.patterns }}",
        "<generator object f at 0x7f>",
        "nan",
        ".*@a.example, .*@b.example",
    ],
)
def test_patterns_are_a_list_or_its_text(text: str) -> None:
    with pytest.raises(ValueError, match="patterns must be a list, or a list written as text"):
        parse_list(text, "patterns")


@pytest.mark.parametrize("name", ["recipients", "ids", "numbers"])
@pytest.mark.parametrize("text", ["nan", "{{ x }}", "<NA>", "<generator object f at 0x7f>"])
def test_a_leftover_is_no_single_value(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is neither a list"):
        parse_list(text, name)


@pytest.mark.parametrize("number", ["+1 (555) 123-4567", "(+1) 555 1234567"])
def test_a_number_may_be_written_with_spaces_and_brackets(number: str) -> None:
    assert parse_list(number, "numbers") == [number]
    assert parse_list(f"[{number!r}]", "numbers") == [number]


def test_texts_and_moments() -> None:
    assert [parse_text(value, "domain_id") for value in (None, "", "None", " abc ")] == [
        None,
        None,
        None,
        "abc",
    ]
    assert parse_moment("None", "since") is None
    with pytest.raises(TypeError, match="domain_id must be a string; got int"):
        parse_text(7, "domain_id")
    with pytest.raises(ValueError, match="recipient_id must not be empty; got 'None'"):
        parse_required_text("None", "recipient_id")


@pytest.mark.parametrize("module", [suppressions, recipients, sms_recipients])
def test_lists_are_shown_as_json_where_airflow_shows_rendered_fields(module: ModuleType) -> None:
    tasks = [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, MailerSendOperator)
    ]
    for task in tasks:
        lists = {"recipients", "patterns", "ids", "numbers"} & set(task.template_fields)
        assert task.template_fields_renderers == dict.fromkeys(lists, "json"), task
