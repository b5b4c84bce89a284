from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.api.requests import SuppressionList
from airflow_provider_mailersend.jobs.domains import Scope
from airflow_provider_mailersend.jobs.lookup import Matches
from tests.feeding.account import Account
from tests.feeding.script import NOON, Script, flow, page, properties

ADDRESSES = ["a@x.example", "b@x.example", "c@x.example", "A@X.EXAMPLE "]


@properties
@given(
    listed=st.lists(
        st.tuples(st.sampled_from(ADDRESSES[:3]), st.sampled_from([None, "d1", "d2"])), max_size=250
    ),
    wanted=st.lists(st.sampled_from(ADDRESSES), max_size=4),
    domain_id=st.sampled_from([None, "d1"]),
)
def test_just_the_entries_of_the_scope_are_found(listed: Any, wanted: Any, domain_id: str | None) -> None:
    account = Account()
    for value, owner in listed:
        account.put(value, at=NOON, domain_id=owner)
    script = Script(server=account)
    matches = Matches(SuppressionList.BLOCKLIST, recipients=wanted, scope=Scope(domain_id))
    script.run(matches.run(flow()))
    keys = {value.strip().lower() for value in wanted}
    expected = [
        entry["id"]
        for entry, (value, owner) in zip(reversed(account.entries), listed, strict=True)
        if value in keys and owner == domain_id
    ]
    assert sorted(matches.ids) == sorted(expected)
    there = {value for value, owner in listed if owner == domain_id}
    assert {value.lower() for value in matches.missing} == keys - there
    assert bool(script.sent) == bool(wanted)


def test_entries_made_since_a_time_are_left_out() -> None:
    account = Account()
    # Clocks may differ by a minute.
    for seconds in (0, 59, 60, 61):
        account.put("a@x.example", at=NOON + seconds)
    account.put("b@x.example", at=NOON + 60)
    matches = Matches(
        SuppressionList.BLOCKLIST,
        recipients=["a@x.example", "b@x.example"],
        made_before=datetime.fromtimestamp(NOON, UTC),
    )
    Script(server=account).run(matches.run(flow()))
    assert sorted(matches.ids) == ["e1", "e2"]
    assert matches.missing == ["b@x.example"]


def test_nothing_wanted_asks_nothing() -> None:
    script = Script(server=Account())
    matches = Matches(SuppressionList.BLOCKLIST, recipients=[])
    script.run(matches.run(flow()))
    assert (matches.ids, matches.may_be_incomplete, script.sent) == ([], False, [])


@pytest.mark.parametrize("odd", [" ", "None", "Jane <jane@x.example>", "{{ x }}"])
@pytest.mark.parametrize("kind", ["recipients", "patterns"])
def test_what_is_not_surely_one_of_them_is_refused_by_its_place(kind: str, odd: str) -> None:
    if kind == "patterns" and odd.startswith("Jane"):
        pytest.skip("a regular expression may be that")
    with pytest.raises(ValueError, match=rf"{kind}\[1\]") as error:
        Matches(SuppressionList.BLOCKLIST, **{kind: ["a@x.example", odd]})  # type: ignore[arg-type]
    assert "jane@" not in str(error.value)


def test_patterns_stand_on_the_blocklist_only() -> None:
    with pytest.raises(ValueError, match="blocklist only, not on unsubscribes"):
        Matches(SuppressionList.UNSUBSCRIBES, patterns=[".*"])


def test_the_entries_of_a_domain_are_asked_for_by_its_id() -> None:
    script = Script(page({"id": "d1", "name": "x.example"}), page())
    matches = Matches(SuppressionList.BLOCKLIST, recipients=["a@x.example"], scope=Scope(domain="x.example"))
    script.run(matches.run(flow()))
    assert [request.params.get("domain_id") for request in script.sent] == [None, "d1"]
    assert (script.pauses, matches.may_be_incomplete) == ([], False)
