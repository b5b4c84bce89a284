from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.jobs.packed import packed_json, unpacked_json
from tests.feeding.script import properties

values = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@properties
@given(values)
def test_values_are_the_same_when_unpacked(value: object) -> None:
    assert unpacked_json(packed_json(value)) == value


@pytest.mark.parametrize("packed", [packed_json([]), packed_json(["é"])])
def test_what_is_packed_is_text_in_ascii_that_needs_no_escapes(packed: Any) -> None:
    assert packed.isascii()
    assert json.dumps(packed) == f'"{packed}"'


def test_many_ids_take_less_than_they_do_as_a_list() -> None:
    ids = [f"{n:024x}" for n in range(10_000)]
    assert len(packed_json(ids)) < len(json.dumps(ids)) / 3
