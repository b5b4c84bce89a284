from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mailersend.jobs.wanted import Item, Line, Wanted, make_item, make_items


def test_an_item_says_where_it_stood() -> None:
    assert [item.where for item in make_items("recipients", ["a@x.example", "b@x.example"])] == [
        "recipients[0]",
        "recipients[1]",
    ]
    assert next(make_items("patterns", ["a"])).where == "patterns[0]"


def test_a_line_says_its_number() -> None:
    assert Line("recipients", "a@x.example", 3).where == "line 3"


def test_items_that_were_read_already_stay_what_they_are() -> None:
    line = Line("patterns", ".*", 7)
    assert list(make_items("patterns", [line, " .+ "])) == [line, Item("patterns", ".+", 1)]
    assert next(make_items("patterns", [line])).where == "line 7"


@pytest.mark.parametrize("kind", ["recipients", "patterns"])
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("a@x.example", " must be a list of strings; got one string"),
        (["a", b"b"], r"\[1\] must be a string; got bytes"),
        ([None], r"\[0\] must be a string; got NoneType"),
    ],
)
def test_what_is_no_list_of_strings_is_refused(kind: str, values: Any, said: str) -> None:
    with pytest.raises(TypeError, match=f"^{kind}{said}$"):
        Wanted(**{kind: values})


def test_each_is_wanted_once_in_its_first_spelling_and_order() -> None:
    wanted = Wanted([" Zoe@x.example", "al@x.example", "zoe@X.example "], [r"\D", r" \d ", r"\D"])
    assert [tuple(item) for item in wanted] == [
        ("recipients", "Zoe@x.example", 0),
        ("recipients", "al@x.example", 1),
        ("patterns", r"\D", 0),
        ("patterns", r"\d", 1),
    ]
    assert [wanted.place_of(item.key) for item in wanted] == [0, 1, 2, 3]
    assert wanted.place_of(("recipients", r"\D")) is None


def test_lines_are_wanted_as_they_are() -> None:
    lines = [Line("recipients", "a@x.example", 7), Line("recipients", "b@x.example", 9)]
    wanted = Wanted(lines, [".*", Line("patterns", ".+", 3)])
    assert [item.where for item in wanted] == ["line 7", "line 9", "patterns[0]", "line 3"]
    assert [item.kind for item in wanted] == ["recipients", "recipients", "patterns", "patterns"]


def test_an_address_and_an_equal_pattern_are_two() -> None:
    assert len(Wanted(["a@x.example"], ["a@x.example"])) == 2


def test_what_holds_only_spaces_is_invalid_and_not_wanted() -> None:
    wanted = Wanted(["", "a@x.example", "  ", Line("recipients", "", 9)], ["\t"])
    assert [item.value for item in wanted] == ["a@x.example"]
    assert set(wanted.invalid.values()) == {"It is empty."}
    assert [item.where for item in wanted.invalid] == [
        "recipients[0]",
        "recipients[2]",
        "line 9",
        "patterns[0]",
    ]


@pytest.mark.parametrize(
    ("given_", "kinds", "without_any"),
    [
        ({}, (), []),
        ({"recipients": []}, ("recipients",), ["recipients"]),
        ({"patterns": iter(())}, ("patterns",), ["patterns"]),
        ({"recipients": ["a@x"], "patterns": []}, ("recipients", "patterns"), ["patterns"]),
        ({"recipients": [" "], "patterns": ["a"]}, ("recipients", "patterns"), ["recipients"]),
        ({"recipients": [], "patterns": []}, ("recipients", "patterns"), ["recipients", "patterns"]),
        ({"recipients": ["a@x"]}, ("recipients",), []),
    ],
)
def test_nothing_said_about_a_kind_differs_from_none_wanted(
    given_: dict[str, Any], kinds: Any, without_any: Any
) -> None:
    wanted = Wanted(**given_)
    assert wanted.kinds == kinds
    assert wanted.kinds_without_any == without_any


def test_one_address_or_one_pattern_is_an_item() -> None:
    assert make_item(" Jane@x.example ", None) == Item("recipients", "Jane@x.example", 0)
    assert make_item(None, r" \D ") == Item("patterns", r"\D", 0)


@pytest.mark.parametrize(
    ("recipient", "pattern", "said"),
    [
        (
            None,
            None,
            "give recipient or pattern: both are empty. If it is a template, check what it renders to",
        ),
        ("jane@x.example", ".*", "give either recipient or pattern, not both"),
        ("", "", "give either recipient or pattern, not both"),
        ("Jane <jane@x.example>", None, "recipient must be one address; got 'J.*such as a name"),
        (" ", None, "recipient must be one address; got .*It is empty"),
        (None, "{{ x }}", "pattern must be a regular expression; got .*a template"),
        (None, "", "pattern must be a regular expression; got .*It is empty"),
    ],
)
def test_what_is_not_exactly_one_of_them_is_no_item(
    recipient: str | None, pattern: str | None, said: str
) -> None:
    with pytest.raises(ValueError, match=f"^{said}") as caught:
        make_item(recipient, pattern)
    assert "jane" not in str(caught.value)
