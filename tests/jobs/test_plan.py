from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.jobs.plan import Plan, Planner, check_max_deletes
from airflow_provider_mailersend.jobs.wanted import Wanted
from tests.feeding.script import thorough

OLD, NEW = "2024-01-01T00:00:00.000000Z", "2026-01-01 00:00:00"


def entry(
    id_: str, value: str, *, domain_id: str | None = None, kind: str = "recipients", date: Any = OLD
) -> Any:
    """Return an entry of the blocklist."""
    domain = {"id": domain_id, "name": "x.example"} if domain_id else None
    type_ = "pattern" if kind == "patterns" else "exact"
    return {"id": id_, "type": type_, "pattern": value, "domain": domain, "created_at": date}


def plan_of(wanted: Any, *entries: Any, **options: Any) -> Any:
    planner = Planner(wanted, **options)
    for each in entries:
        planner.see(each)
    return planner.plan()


def values_of(items: Any) -> Any:
    return [item.value for item in items]


def plan_with(present: int = 0, delete: Any = 0, wanted: Any = 0) -> Any:
    return Plan(
        wanted=wanted,
        present=present,
        duplicates=0,
        to_add=[],
        to_delete=[f"e{n}" for n in range(delete)],
        first_to_delete=[],
    )


# What an entry may be: its value's number and spelling, its kind, whose it is and when it was made.
dates = {
    "2024-01-01T00:00:00.000000Z": datetime(2024, 1, 1, tzinfo=UTC),
    "2024-01-01 02:00:00+02:00": datetime(2024, 1, 1, tzinfo=UTC),
    "2025-06-01 00:00:00": datetime(2025, 6, 1, tzinfo=UTC),
    "2026-01-01T00:00:00Z": datetime(2026, 1, 1, tzinfo=UTC),
    "2026-02-30 00:00:00": None,
    "odd": None,
    None: None,
    5: None,
}
spellings = st.sampled_from([str, str.upper, str.title, " {} ".format])
things = st.fixed_dictionaries(
    {
        "number": st.integers(0, 7),
        "spelled": spellings,
        "kind": st.sampled_from(["recipients", "patterns"]),
        "domain_id": st.sampled_from([None, "d1", "d2"]),
        "date": st.sampled_from(list(dates)),
        "mute": st.sampled_from([False] * 9 + [True]),
    }
)
numbers = st.none() | st.lists(st.tuples(st.integers(0, 9), spellings), max_size=10)


def parse_text(kind: str, number: int, spelled: Any) -> Any:
    # The case of a pattern counts; only spaces around it do not.
    if kind == "patterns":
        return f" \\d{number} " if spelled is not str else f"\\d{number}"
    return spelled(f"person{number}@x.example")


def shaped(id_: str, thing: SimpleNamespace, is_blocklist: bool) -> dict[str, Any]:
    """Return *thing* as an entry of the blocklist or of another list, and whether it says what it suppresses."""
    text = parse_text(thing.kind, thing.number, thing.spelled)
    domain = {"id": thing.domain_id} if thing.domain_id else None
    made = {"id": id_, "created_at": thing.date}
    if is_blocklist:
        value = None if thing.mute else text
        return made | {
            "type": {"recipients": "exact"}.get(thing.kind, "pattern"),
            "pattern": value,
            "domain": domain,
        }
    return made | {"recipient": {"email": 5 if thing.mute else text, "domain": domain}}


@thorough
@given(
    recipients=numbers,
    patterns=numbers,
    there=st.lists(things.map(lambda thing: SimpleNamespace(**thing)), max_size=25),
    mode=st.sampled_from(["add_only", "mirror"]),
    remove_duplicates=st.booleans(),
    domain_id=st.sampled_from([None, "d1"]),
    is_blocklist=st.booleans(),
)
def test_a_plan_is_the_difference_of_two_sets(
    recipients: Any,
    patterns: Any,
    there: list[SimpleNamespace],
    mode: str,
    remove_duplicates: bool,
    domain_id: str | None,
    is_blocklist: bool,
) -> None:
    given_: dict[str, Any] = {"recipients": recipients, "patterns": patterns if is_blocklist else None}
    if not is_blocklist:
        domain_id = "d1"
        for thing in there:
            thing.kind = "recipients"
    wanted = Wanted(
        **{
            kind: None if values is None else [parse_text(kind, *value) for value in values]
            for kind, values in given_.items()
        }
    )
    entries = [shaped(f"e{n}", thing, is_blocklist) for n, thing in enumerate(there)]
    plan = plan_of(wanted, *entries, domain_id=domain_id, mode=mode, remove_duplicates=remove_duplicates)

    asked_for = {
        (kind, number): None for kind, values in given_.items() for number, _ in values or ()
    }  # in order
    has_others = any(thing.domain_id == "d2" for thing in there)
    ours: dict[tuple[str, int], list[tuple[str, datetime | None]]] = {}
    for n, thing in enumerate(there):
        # On the other lists an entry that does not say whose it is was asked for by the domain, where that kept out
        # those of others.
        is_untold = not is_blocklist and thing.domain_id is None
        is_ours = thing.domain_id == domain_id or (is_untold and not has_others)
        if is_ours and not thing.mute and given_[thing.kind] is not None:
            ours.setdefault((thing.kind, thing.number), []).append((f"e{n}", dates[thing.date]))

    def oldest(of_one: Any) -> Any:
        readable = [date for _, date in of_one if date is not None]
        return min(id_ for id_, date in of_one if date == (min(readable) if readable else None))

    def is_deleted(key: Any, id_: str) -> Any:
        if key in asked_for:
            return remove_duplicates and id_ != oldest(ours[key])
        return mode == "mirror"

    to_delete = {id_ for key, of_one in ours.items() for id_, _ in of_one if is_deleted(key, id_)}
    assert [item.key for item in plan.to_add] == [
        (kind, parse_text(kind, number, str)) for kind, number in asked_for if (kind, number) not in ours
    ]
    assert sorted(plan.to_delete) == sorted(to_delete)
    assert plan.wanted == len(asked_for)
    assert plan.present == sum(map(len, ours.values()))
    assert plan.unchanged == len(set(asked_for) & set(ours))
    assert plan.duplicates == sum(len(ours[key]) - 1 for key in asked_for if key in ours)
    assert [each["id"] for each in plan.first_to_delete] == plan.to_delete[:10]


@pytest.mark.parametrize("mode", ["add_only", "mirror"])
def test_what_is_there_stays_and_what_is_not_is_added(mode: str) -> None:
    wanted = Wanted(["A@x.example", "b@x.example"])
    plan = plan_of(wanted, entry("e1", " a@X.example"), mode=mode)
    assert (values_of(plan.to_add), plan.to_delete, plan.unchanged) == (["b@x.example"], [], 1)


def test_a_plan_only_adds_unless_it_is_told_otherwise() -> None:
    plan = plan_of(Wanted(["a@x.example"]), entry("e1", "b@x.example"), entry("e2", "b@x.example"))
    assert (plan.to_delete, plan.first_to_delete, plan.present) == ([], [], 2)


def test_a_mirror_deletes_what_is_not_wanted_with_all_its_entries() -> None:
    there = [entry("e1", "b@x.example"), entry("e2", "a@x.example"), entry("e3", "B@x.example")]
    plan = plan_of(Wanted(["a@x.example"]), *there, mode="mirror")
    assert plan.to_delete == ["e1", "e3"]
    assert plan.first_to_delete == [
        {"id": "e1", "value": "b@x.example"},
        {"id": "e3", "value": "B@x.example"},
    ]
    assert plan.duplicates == 0


@pytest.mark.parametrize("mode", ["add_only", "mirror"])
def test_duplicates_of_what_is_wanted_are_counted_and_left(mode: str) -> None:
    there = [entry(f"e{n}", "a@x.example") for n in range(3)]
    plan = plan_of(Wanted(["a@x.example"]), *there, mode=mode)
    assert (plan.duplicates, plan.to_delete, plan.present) == (2, [], 3)


@pytest.mark.parametrize(
    ("made", "kept"),
    [
        ([NEW, OLD], 1),
        ([OLD, NEW], 0),
        ([OLD, OLD, OLD], 0),
        ([NEW, OLD, NEW], 1),
        (["odd", NEW], 1),
        ([NEW, "odd"], 0),
        ([None, None], 0),
        (["odd", NEW, None, OLD, NEW], 3),
        (["2024-01-01 00:00:01", "2024-01-01 01:00:00+02:00"], 1),
    ],
)
def test_of_duplicates_the_oldest_is_kept_and_of_one_date_that_of_the_smallest_id(
    made: Any, kept: int
) -> None:
    there = [entry(f"e{n}", "a@x.example", date=date) for n, date in enumerate(made)]
    plan = plan_of(Wanted(["a@x.example"]), *there, remove_duplicates=True)
    assert sorted(plan.to_delete) == [f"e{n}" for n in range(len(made)) if n != kept]
    assert plan.duplicates == len(made) - 1
    assert plan.unchanged == 1
    there.reverse()
    again = plan_of(Wanted(["a@x.example"]), *there, remove_duplicates=True)
    assert sorted(again.to_delete) == sorted(plan.to_delete)


def test_each_id_to_delete_is_told_with_what_that_entry_suppresses() -> None:
    there = [entry("e1", "JANE@x.example", date=NEW), entry("e2", "jane@x.example", date=OLD)]
    plan = plan_of(Wanted(["jane@x.example"]), *there, remove_duplicates=True)
    assert plan.first_to_delete == [{"id": "e1", "value": "JANE@x.example"}]


@pytest.mark.parametrize(("ours", "theirs"), [(None, "d1"), ("d1", None), ("d1", "d2")])
def test_entries_of_others_are_neither_counted_nor_deleted_nor_taken_for_ours(
    ours: str | None, theirs: str | None
) -> None:
    there = [entry("e1", "a@x.example", domain_id=theirs), entry("e2", "b@x.example", domain_id=theirs)]
    plan = plan_of(Wanted(["a@x.example"]), *there, domain_id=ours, mode="mirror", remove_duplicates=True)
    assert (plan.present, plan.to_delete, values_of(plan.to_add)) == (0, [], ["a@x.example"])


@pytest.mark.parametrize(
    ("given_", "deleted"),
    [
        ({"recipients": []}, ["e1"]),
        ({"patterns": []}, ["e2"]),
        ({"recipients": [], "patterns": []}, ["e1", "e2"]),
    ],
)
def test_a_kind_that_is_not_given_is_left_alone(given_: dict[str, Any], deleted: list[str]) -> None:
    there = [entry("e1", "a@x.example"), entry("e2", ".*", kind="patterns")]
    plan = plan_of(Wanted(**given_), *there, mode="mirror")
    assert plan.to_delete == deleted
    assert plan.present == len(deleted)


@pytest.mark.parametrize(
    "mute",
    [
        {},
        {"pattern": None, "type": "exact", "domain": None},
        {"pattern": ["a"], "domain": None},
        {"recipient": None},
        {"recipient": {"email": None}},
        {"recipient": "a@x.example"},
    ],
)
def test_an_entry_that_does_not_say_what_it_suppresses_is_left_alone(mute: Any) -> None:
    plan = plan_of(Wanted([]), {"id": "e1", **mute}, mode="mirror")
    assert (plan.present, plan.to_delete) == (0, [])


def test_ten_of_those_to_delete_are_told() -> None:
    plan = plan_of(Wanted([]), *[entry(f"e{n}", f"p{n}@x.example") for n in range(12)], mode="mirror")
    assert [each["id"] for each in plan.first_to_delete] == [f"e{n}" for n in range(10)]
    assert len(plan.to_delete) == 12


def test_a_plan_of_nothing_changes_nothing() -> None:
    nothing = Plan()
    assert (nothing.wanted, nothing.present, nothing.unchanged, nothing.duplicates) == (0, 0, 0, 0)
    assert (nothing.to_add, nothing.to_delete, nothing.first_to_delete) == ([], [], [])


def test_a_plan_in_words_masks_whom_it_names() -> None:
    there = [entry("e1", "zoe@x.example"), entry("e2", "al@x.example")]
    plan = plan_of(Wanted(["jane@x.example", "al@x.example"], ["secret.*"]), *there, mode="mirror")
    assert str(plan) == (
        "2 are there, 3 are wanted: 2 to add (j***@x.example, s***), 1 to delete (z***@x.example), "
        "1 unchanged"
    )


def test_a_plan_in_words_names_ten_of_each() -> None:
    wanted = Wanted([f"{letter}1@x.example" for letter in "abcdefghijkl"])
    there = [entry(f"e{letter}", f"{letter}2@y.example") for letter in "abcdefghijkl"]
    text = str(plan_of(wanted, *there, mode="mirror"))
    assert text.count("***@x.example") == text.count("***@y.example") == 10
    assert "12 to add (a" in text
    assert "12 to delete (a" in text
    assert text.count("j***@x.example and 2 more)") == text.count("j***@y.example and 2 more)") == 1


def test_a_plan_in_words_names_what_looks_the_same_once() -> None:
    wanted = Wanted([*(f"a{n}@x.example" for n in range(3)), "b@x.example"])
    assert "4 to add (a***@x.example, b***@x.example and 2 more)" in str(plan_of(wanted))


def test_a_plan_of_nothing_in_words_names_none() -> None:
    assert str(Plan()) == ("0 are there, 0 are wanted: 0 to add, 0 to delete, 0 unchanged")


@pytest.mark.parametrize(
    ("max_deletes", "present", "most"),
    [
        (0.1, 100, 10),
        (0.1, 9, 0),
        (0.1, 19, 1),
        (0.29, 100, 29),
        (0.57, 100, 57),
        (0.07, 100, 7),
        (1e-05, 100_000, 1),
        (1e-05, 99_999, 0),
        (0.0, 100, 0),
        (1.0, 100, 100),
        (0.999, 1000, 999),
        (0, 100, 0),
        (1, 100, 1),
        (7, 100, 7),
        (500, 100, 500),
        (0.5, 0, 0),
    ],
)
def test_a_plan_may_delete_so_many_and_not_one_more(max_deletes: Any, present: int, most: int) -> None:
    assert plan_with(present=present, delete=most).excess_over(max_deletes) is None
    assert plan_with(present=present, delete=most + 1).excess_over(max_deletes) == (
        f"{most + 1} to delete exceed max_deletes={max_deletes!r}, which allows {most}"
    )


@pytest.mark.parametrize("guard", [0, 1, 10_000, 0.0, -0.0, 0.1, 1.0])
def test_a_number_or_a_fraction_is_a_guard(guard: Any) -> None:
    check_max_deletes(guard)


@pytest.mark.parametrize(
    "guard",
    [
        True,
        False,
        "5",
        "0.1",
        None,
        -1,
        -0.1,
        1.5,
        1.0000001,
        float("nan"),
        float("inf"),
        [1],
        1 + 0j,
    ],
)
def test_anything_else_is_no_guard(guard: Any) -> None:
    with pytest.raises(ValueError, match=r"^max_deletes must be a number of entries .*; got ") as caught:
        check_max_deletes(guard)
    assert repr(guard) in str(caught.value)


def test_what_was_seen_was_there() -> None:
    planner = Planner(Wanted(["a@x.example", "b@x.example"]))
    for value in ("A@x.example", "c@x.example"):
        planner.see({"id": value, "type": "exact", "pattern": value, "domain": None})
    there = {value: planner.was_there(("recipients", f"{value}@x.example")) for value in "abcd"}
    assert there == {"a": True, "b": False, "c": True, "d": False}
