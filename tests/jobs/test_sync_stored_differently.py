"""Syncs of an account that stores some addresses differently than they were sent, over several nights."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.api.answers import Outcome
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.exceptions import MailerSendValidationError
from tests.feeding.account import Account, minutes
from tests.feeding.script import NOON, Script, answer, thorough
from tests.feeding.syncs import HOUR, people, sync

LISTS = {"blocklist": None, "unsubscribes": "d1"}
both_lists = pytest.mark.parametrize("suppression_list", LISTS)


def folded(address: str) -> str:
    """Return *address* as the account stores it, without what follows a plus sign."""
    name, _, domain = address.partition("@")
    return f"{name.partition('+')[0]}@{domain}"


class FoldingAccount(Account):
    """
    An account that stores addresses without what follows a plus sign.

    :param shows_addresses: whether the response to an addition shows what was stored.
    """

    def __init__(self, *args: Any, shows_addresses: bool = True, **options: Any) -> None:
        super().__init__(*args, **options)
        self.shows_addresses = shows_addresses
        #: What the list must hold at any moment.
        self.must_hold: set[str] = set()

    def put(self, value: str, **options: Any) -> Any:
        return super().put(folded(value), **options)

    def _existing(self, value: str, domain_id: str) -> Any:
        return super()._existing(folded(value), domain_id)

    def __call__(self, request: Request, script: Script) -> Outcome:
        outcome = super().__call__(request, script)
        assert self.must_hold <= set(map(self.value_in, self.entries))
        if request.method == "POST" and not self.shows_addresses:
            return answer(201, {"data": [{"id": entry["id"]} for entry in outcome.parsed["data"]]})  # type: ignore[union-attr]
        return outcome

    @property
    def ids(self) -> list[str]:
        return [entry["id"] for entry in self.entries]


def account_with(*values: str, suppression_list: str, **options: Any) -> FoldingAccount:
    account = FoldingAccount(suppression_list, **options)
    for value in values:
        account.put(value, at=NOON - minutes(60), domain_id=LISTS[suppression_list])
    return account


def night(account: FoldingAccount, number: int, wanted: list[str], **given_: Any) -> dict[str, Any]:
    """Synchronize *account* in one night, and return the result."""
    script = Script(server=account, start=NOON + 24 * HOUR * number)
    options: dict[str, Any] = {"on_invalid": "skip", "max_deletes": 1.0, "allow_empty": True, **given_}
    domain_id = LISTS[account.suppression_list]
    work, _ = sync(account, script=script, recipients=wanted, domain_id=domain_id, **options)
    return work.result(0)


@both_lists
@pytest.mark.parametrize("mode", ["add_only", "mirror"])
@pytest.mark.parametrize("remove_duplicates", [False, True])
def test_what_is_stored_differently_stays_the_same_entry_every_night(
    suppression_list: str, mode: str, remove_duplicates: bool
) -> None:
    account = account_with(suppression_list=suppression_list)
    wanted = ["jane+tag@x.example", *people(*range(20))]
    options: dict[str, Any] = {"mode": mode, "remove_duplicates": remove_duplicates}
    assert night(account, 0, wanted, **options)["added"] == 21
    first = account.ids
    for number in range(1, 4):
        result = night(account, number, wanted, max_deletes=1, **options)
        assert account.ids == first
        counted = ("to_add", "added", "to_delete", "deleted", "stored_differently", "unchanged")
        assert [result[name] for name in counted] == [1, 0, 0, 0, 1, 20]
        assert result["first_to_delete"] == []
        assert result["first_stored_differently"][0]["stored_as"] == "jane@x.example"


@both_lists
def test_several_addresses_stored_as_one_make_one_entry(suppression_list: str) -> None:
    wanted = ["jane+a@x.example", "jane+b@x.example", "jane@x.example", "bob+a@x.example", "bob+b@x.example"]
    account = account_with(suppression_list=suppression_list)
    for number, added in enumerate([2, 0, 0]):
        result = night(account, number, wanted, mode="mirror")
        assert Counter(map(account.value_in, account.entries)) == {"jane@x.example": 1, "bob@x.example": 1}
        assert (result["added"], result["deleted"], result["stored_differently"]) == (added, 0, 4)


def test_an_entry_that_an_addition_returned_is_not_deleted_though_it_shows_no_address() -> None:
    account = account_with("jane@x.example", suppression_list="unsubscribes", shows_addresses=False)
    for number in range(3):
        result = night(account, number, ["jane+tag@x.example"], mode="mirror")
        assert (account.ids, result["added"], result["deleted"]) == (["e1"], 0, 0)


@both_lists
@pytest.mark.parametrize("mode", ["add_only", "mirror"])
def test_an_entry_of_no_wanted_address_does_not_stand_in_its_way(suppression_list: str, mode: str) -> None:
    account = account_with("old@x.example", "jane@x.example", suppression_list=suppression_list)
    result = night(account, 0, ["jane+tag@x.example"], mode=mode)
    gone = ["e1"] if mode == "mirror" else []
    assert account.ids == [id_ for id_ in ("e2", "e1") if id_ not in gone]
    assert (result["to_delete"], result["deleted"]) == (len(gone), len(gone))


@both_lists
def test_duplicates_of_a_wanted_address_are_removed_though_another_is_stored_as_it(
    suppression_list: str,
) -> None:
    account = account_with("jane@x.example", "jane@x.example", suppression_list=suppression_list)
    wanted = ["jane+tag@x.example", "jane@x.example"]
    result = night(account, 0, wanted, mode="mirror", remove_duplicates=True)
    # The oldest stays, and on a list without duplicates also the entry that the addition returned.
    assert account.ids == (["e1"] if suppression_list == "blocklist" else ["e2", "e1"])
    assert result["deleted"] == 2 - len(account.ids)


@pytest.mark.parametrize("mode", ["add_only", "mirror"])
@pytest.mark.parametrize("domain_id", [None, "d1"])
def test_what_is_stored_as_something_else_does_not_pile_up(mode: str, domain_id: str | None) -> None:
    account = FoldingAccount()
    account.put("old@x.example", at=NOON - minutes(60), domain_id=domain_id)
    given_: dict[str, Any] = {
        "recipients": ["jane+news@x.example", "old@x.example"],
        "mode": mode,
        "max_deletes": 1,
        "domain_id": domain_id,
        "on_invalid": "skip",
    }
    for night in range(4):
        script = Script(server=account, start=NOON + 24 * HOUR * night)
        work, _ = sync(account, script=script, **given_)
        assert account.of_domain(domain_id) == ["jane@x.example", "old@x.example"]
        assert work.result(0)["stored_differently"] == 1
        assert work.result(0)["first_stored_differently"] == [
            {"value": "jane+news@x.example", "where": "recipients[0]", "stored_as": "jane@x.example"}
        ]


def test_what_is_stored_as_another_that_is_wanted_is_taken_back() -> None:
    account = FoldingAccount()
    account.put("jane@x.example", at=NOON - minutes(60))
    wanted = ["jane+news@x.example", "jane@x.example"]
    for mode in ("add_only", "mirror"):
        work, script = sync(account, recipients=wanted, mode=mode, on_invalid="skip")
        assert [entry["id"] for entry in account.entries] == ["e1"]
        assert script.changes == ["POST", "DELETE"]
        assert script.told[-1] == ("DELETE /suppressions/blocklist", 1, 1)
        assert work.result(0)["added"] == 0


def test_what_another_list_holds_already_is_never_taken_back() -> None:
    # There the answer to an addition holds the entry that was there.
    account = FoldingAccount("unsubscribes")
    account.put("jane@x.example", at=NOON - minutes(60), domain_id="d1")

    def folding(request: Request, script: Script) -> Outcome:
        if request.method == "POST":
            return answer(201, {"data": [account.entries[0]]})
        return account(request, script)

    script = Script(server=folding)
    sync(account, script=script, recipients=["jane+news@x.example"], domain_id="d1", on_invalid="skip")
    assert script.changes == ["POST"]


class OnceOnlyAccount(FoldingAccount):
    """An account whose blocklist has each address once: adding it again is answered with the entry that was there."""

    _unique = True


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("names", [("jane+a", "jane+b"), ("jane+a", "jane+b", "jane"), ("jane+a",)])
def test_where_the_blocklist_has_an_address_once_no_addition_is_taken_back(
    is_there: bool, names: tuple[str, ...]
) -> None:
    account = OnceOnlyAccount()
    if is_there:
        account.put("jane@x.example", at=NOON - minutes(60), domain_id="d1")
    wanted = [f"{name}@x.example" for name in names]
    for mode in ("add_only", "mirror"):
        sync(account, recipients=wanted, mode=mode, domain_id="d1", on_invalid="skip", max_deletes=1)
        assert account.of_domain("d1") == ["jane@x.example"]
        assert account.ids == ["e1"]


def test_what_is_stored_as_something_else_fails_it_once_all_else_is_done() -> None:
    account = FoldingAccount()
    with pytest.raises(MailerSendValidationError, match=r"stored 1 differently than sent.*stored spelling"):
        sync(account, recipients=["jane+news@x.example", "b@x.example"])
    assert sorted(account.of_domain(None)) == ["b@x.example", "jane@x.example"]


_WANTED = st.lists(
    st.sampled_from([f"{name}{tag}@x.example" for name in "ab" for tag in ("", "+1", "+2")]), unique=True
)


@thorough
@given(
    suppression_list=st.sampled_from(sorted(LISTS)),
    there=st.lists(st.sampled_from(["a@x.example", "b@x.example", "c@x.example"]), max_size=5),
    nights=st.lists(
        st.tuples(_WANTED, st.sampled_from(["add_only", "mirror"]), st.booleans()), min_size=1, max_size=4
    ),
    batch_size=st.integers(1, 4),
)
def test_no_night_loses_an_opt_out_or_piles_up_entries(
    suppression_list: str, there: list[str], nights: list[tuple[list[str], str, bool]], batch_size: int
) -> None:
    account = account_with(
        *(there if suppression_list == "blocklist" else sorted(set(there))), suppression_list=suppression_list
    )
    for number, (wanted, mode, remove_duplicates) in enumerate(nights):
        stored = set(map(folded, wanted))
        before, ids_before = Counter(map(account.value_in, account.entries)), set(account.ids)
        account.must_hold = stored & set(before)
        options = {"mode": mode, "remove_duplicates": remove_duplicates, "batch_size": batch_size}
        result = night(account, number, wanted, **options)
        after, ids_after = Counter(map(account.value_in, account.entries)), set(account.ids)
        assert set(after) == (stored if mode == "mirror" else stored | set(before))
        assert all(after[value] <= max(before[value], 1) for value in after)
        assert result["added"] == len(ids_after - ids_before)
        assert result["deleted"] == result["to_delete"] == len(ids_before - ids_after)
        assert result["stored_differently"] == sum(folded(value) != value for value in wanted)
        account.must_hold = set()
        night(account, number, wanted, **options)
        assert set(account.ids) == ids_after


def test_ten_of_those_stored_differently_are_told() -> None:
    wanted = [f"person{n}+tag@x.example" for n in range(12)]
    work, _ = sync(FoldingAccount(), recipients=wanted, on_invalid="skip")
    result = work.result(0)
    assert (result["stored_differently"], len(result["first_stored_differently"])) == (12, 10)
    assert result["first_stored_differently"][9]["value"] == wanted[9]
