"""Sets and maps of millions, beside plain ones."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.api.compact_set import CompactMap, CompactSet
from tests.feeding.script import properties

# Numbers are their own hashes: these share buckets, and some of them are next to each other in one.
members = st.sampled_from([*range(4), *range(1024, 1028), 2**40, -5, "a", "b", ("recipients", "a@x.example")])


@properties
@given(st.lists(members))
def test_each_member_is_in_a_set_once(added: list[Any]) -> None:
    compact, plain = CompactSet(), set[Any]()
    for member in added:
        assert (member in compact) is (member in plain)
        assert compact.add(member) is (member not in plain)
        plain.add(member)
        assert len(compact) == len(plain)
    assert all(member in compact for member in plain)


@properties
@given(st.lists(st.tuples(members, st.none() | st.integers(-(2**40), 2**40)), max_size=60))
def test_a_map_keeps_the_last_number_of_each_key(steps: list[tuple[Any, int | None]]) -> None:
    compact, plain = CompactMap(), dict[Any, int]()
    for key, number in steps:
        if number is None:
            compact.discard(key)
            plain.pop(key, None)
        else:
            compact.put(key, number)
            plain[key] = number
        assert len(compact) == len(plain)
        assert (key in compact) is (key in plain)
    assert {key: compact.get(key) for key in plain} == plain
    assert compact.get("nothing") is None
