from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.jobs.packed import packed_words, unpacked_words
from tests.feeding.script import properties

word = st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=24).filter(
    lambda text: text.split() == [text]
)


@properties
@given(st.lists(word))
def test_words_are_the_same_when_unpacked(words):
    assert unpacked_words(packed_words(words)) == words


@pytest.mark.parametrize("packed", [packed_words([]), packed_words(["é"])])
def test_what_is_packed_is_text_in_ascii_that_needs_no_escapes(packed):
    assert packed.isascii()
    assert json.dumps(packed) == f'"{packed}"'


def test_many_ids_take_less_than_they_do_as_a_list():
    ids = [f"{n:024x}" for n in range(10_000)]
    assert len(packed_words(iter(ids))) < len(json.dumps(ids)) / 3
