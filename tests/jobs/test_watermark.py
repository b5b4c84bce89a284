"""What is new on a list, and what has been told of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.jobs.watermark import OVERLAP, Found, Reach, Watermark, summary_of
from tests.feeding.script import properties

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def entry(id_: str, minutes: float = 0.0, date: str | None = None) -> dict[str, Any]:
    made = (NOON + timedelta(minutes=minutes)).isoformat()
    return {"id": id_, "pattern": f"{id_}@x.example", "type": "exact", "created_at": date or made}


def again(watermark: Watermark) -> Watermark:
    return Watermark.unpacked(json.loads(json.dumps(watermark.packed())))


def test_found_entries_are_known_by_what_they_suppress_the_first_of_each() -> None:
    found = Found(
        [{**entry("a"), "pattern": "J@x.example"}, {**entry("b"), "pattern": "j@X.example"}, {"id": "c"}]
    )
    assert {key: one["id"] for key, one in found.by_key.items()} == {("recipients", "j@x.example"): "a"}


def test_entries_since_a_moment_hold_those_without_a_date_that_can_be_read() -> None:
    found = Found([entry("a", 1), entry("b"), entry("c", date="nonsense"), entry("d", -1)])
    assert [one["id"] for one in found.since(NOON)] == ["a", "b", "c"]
    assert found.count_since(NOON) == 2
    assert found.newest == NOON + timedelta(minutes=1)
    assert Found([]).newest is None


def test_a_summary_holds_number_ids_and_date() -> None:
    expected = {"count": 2, "ids": ["b", "a"], "newest": (NOON + timedelta(minutes=1)).isoformat()}
    assert summary_of([entry("b", 1), entry("a")]) == expected
    assert summary_of([]) == {"count": 0, "ids": [], "newest": None}


def test_an_entry_that_appears_late_is_told_of_once() -> None:
    watermark = Watermark(NOON)
    late = entry("late", -1)
    assert watermark.take(Found([entry("a")])) == [entry("a")]
    assert watermark.take(Found([entry("a"), late])) == [late]
    assert again(watermark).take(Found([entry("a"), late])) == []


def test_an_entry_much_older_than_the_newest_is_old() -> None:
    watermark = Watermark(NOON)
    old = entry("old", -1 - 2 * OVERLAP.total_seconds() / 60)
    assert watermark.take(Found([old])) == []


def test_one_without_a_date_is_told_of_once_for_ever() -> None:
    watermark = Watermark(NOON)
    undated = entry("u", date="nonsense")
    assert watermark.take(Found([undated])) == [undated]
    watermark.take(Found([entry("a", 600)]))
    assert again(watermark).take(Found([undated])) == []


@properties
@given(st.lists(st.lists(st.integers(0, 4), max_size=6), max_size=12), st.sets(st.integers(0, 11)))
def test_each_entry_is_told_of_once_over_restarts(growth: list[list[int]], restarts: set[int]) -> None:
    watermark, listed, told = Watermark(NOON), [], []
    for step, late in enumerate(growth):
        # New ones, some of which appear up to four minutes late.
        listed += [
            entry(f"{step}-{n}", step * 5 - minutes) for n, minutes in enumerate(late) if step * 5 >= minutes
        ]
        told += [one["id"] for one in watermark.take(Found(listed[::-1]))]
        if step in restarts:
            watermark = again(watermark)
    assert sorted(told) == sorted(one["id"] for one in listed)


def looked(reach: Reach, at: float, *entries: dict[str, Any], took: float = 0.0) -> datetime:
    reach.looked(Found(list(entries)), asked_at=at, read_at=at + took)
    return reach.since


def test_a_look_reaches_back_behind_the_newest_entry_and_less_the_longer_that_is_known() -> None:
    reach = Reach(NOON - timedelta(days=1))
    assert looked(reach, 100.0) == NOON - timedelta(days=1), "nothing is known yet"
    assert looked(reach, 160.0, entry("a")) == NOON - OVERLAP
    assert looked(reach, 220.0, entry("a")) == NOON - OVERLAP + timedelta(minutes=1)
    assert looked(reach, 1000.0, entry("a")) == NOON - OVERLAP + timedelta(minutes=14)
    assert looked(reach, 1001.0, entry("b", 14.1)) == NOON + timedelta(minutes=14.1) - OVERLAP


def test_an_entry_dated_later_than_now_tells_no_time() -> None:
    future = entry("future", 600_000)
    reach = Reach(NOON - timedelta(days=1))
    reach.looked(Found([future, entry("a")], now=NOON), asked_at=10.0, read_at=10.0)
    assert reach.since == NOON - OVERLAP
    watermark = Watermark(NOON)
    assert watermark.take(Found([future, entry("a")], now=NOON)) == [future, entry("a")]
    late = entry("b", -1)
    assert again(watermark).take(Found([future, entry("a"), late], now=NOON)) == [late]


@properties
@given(
    st.lists(st.tuples(st.integers(1, 400), st.integers(0, 240), st.integers(0, 30)), max_size=20),
    st.integers(-86_400, 86_400),
)
def test_nothing_that_appears_within_the_overlap_is_missed(
    steps: list[tuple[int, int, int]], ahead: int
) -> None:
    # Between two looks an entry is made, and appears up to four minutes later; the API's clock is anywhere.
    now, listed, seen = 1000.0, list[tuple[float, dict[str, Any]]](), set[str]()
    reach = Reach(NOON + timedelta(seconds=now + ahead) - OVERLAP)
    for step, (pause, late, took) in enumerate(steps):
        made = NOON + timedelta(seconds=now + pause / 2 + ahead)
        listed.append((now + pause / 2 + late, {"id": str(step), "created_at": made.isoformat()}))
        now += pause
        there = [one for appears, one in listed if appears <= now]
        found = Found(Found(there).since(reach.since))
        seen |= {one["id"] for one in found.entries}
        reach.looked(found, asked_at=now, read_at=now + took)
        now += took
    there = [one for appears, one in listed if appears <= now]
    seen |= {one["id"] for one in Found(there).since(reach.since)}
    assert seen == {one["id"] for one in there}
