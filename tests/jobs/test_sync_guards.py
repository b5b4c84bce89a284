from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mailersend.api.requests import SuppressionList
from airflow_provider_mailersend.exceptions import (
    MailerSendGuardError,
)
from airflow_provider_mailersend.jobs.domains import Scope
from airflow_provider_mailersend.jobs.sync import Sync
from airflow_provider_mailersend.jobs.wanted import Wanted
from tests.feeding.account import Account, minutes
from tests.feeding.script import NOON, Script
from tests.feeding.syncs import account_with, people, sync, sync_of, values


@pytest.mark.parametrize(
    ("max_deletes", "number"),
    [(0.1, 10), (0.29, 29), (0.0, 0), (0, 0), (1.0, 100), (1, 1), (37, 37), (1000, 100)],
)
def test_a_mirror_deletes_as_much_as_it_may(max_deletes: Any, number: int) -> None:
    account = account_with(100)
    wanted = people(*range(number, 100))
    work, _ = sync(account, recipients=wanted, mode="mirror", max_deletes=max_deletes, allow_empty=True)
    assert (values(account), work.result(0)["deleted"]) == (sorted(wanted), number)


@pytest.mark.parametrize(
    ("max_deletes", "number"), [(0.1, 11), (0.29, 30), (0.0, 1), (0, 1), (0.99, 100), (1, 2), (99, 100)]
)
def test_a_mirror_deletes_nothing_where_it_would_delete_too_much(max_deletes: Any, number: int) -> None:
    account = account_with(100)
    before, script = list(account.entries), Script(server=account)
    wanted = [*people(*range(number, 100)), "jane.doe@y.example"]
    with pytest.raises(MailerSendGuardError) as caught:
        sync(account, script=script, recipients=wanted, mode="mirror", max_deletes=max_deletes)
    assert account.entries == before
    assert [request.path for request in script.sent] == ["/suppressions/blocklist"]
    assert script.methods == ["GET"]
    message = str(caught.value)
    assert (
        f"blocklist (account-wide): {number} to delete exceed max_deletes={max_deletes!r}, which allows"
        in message
    )
    assert f"The plan: 100 are there, {len(wanted)} are wanted: 1 to add (j***@y.example)" in message
    assert f"{number} to delete (p***@x.example" in message
    assert message.endswith("Nothing was changed.")
    assert "jane" not in message
    assert "person" not in message
    assert caught.value.permanent


def test_a_tenth_may_be_deleted_unless_told_otherwise() -> None:
    sync(account_with(100), recipients=people(*range(10, 100)), mode="mirror")
    with pytest.raises(MailerSendGuardError, match=r"max_deletes=0\.1, which allows 10\."):
        sync(account_with(100), recipients=people(*range(11, 100)), mode="mirror")


def test_the_fraction_is_of_the_entries_that_are_meant() -> None:
    account = account_with(10)
    for n in range(200):
        account.put(f"other{n}@x.example", at=NOON - minutes(60), domain_id="d1")
        account.put(f"other{n}", at=NOON - minutes(60), kind="patterns")
    with pytest.raises(MailerSendGuardError, match=r"2 to delete exceed .* which allows 1"):
        sync(account, recipients=people(*range(2, 10)), mode="mirror")


def test_duplicates_removed_by_a_mirror_count_too() -> None:
    account = account_with(10)
    for _ in range(4):
        account.put(people(3)[0], at=NOON - minutes(50))
    with pytest.raises(MailerSendGuardError, match=r"4 to delete exceed .* which allows 1"):
        sync(account, recipients=people(*range(10)), mode="mirror", remove_duplicates=True)


def test_what_only_adds_knows_no_guard() -> None:
    account = account_with(3)
    for _ in range(9):
        account.put(people(2)[0], at=NOON - minutes(50))
    sync(account, recipients=people(2), remove_duplicates=True, max_deletes=0)
    assert values(account) == people(0, 1, 2)
    sync(account, recipients=[])
    assert values(account) == people(0, 1, 2)


@pytest.mark.parametrize("max_deletes", [True, "5", None, -1, 1.5, -0.1, float("nan"), [1]])
@pytest.mark.parametrize("mode", ["add_only", "mirror"])
def test_what_is_no_guard_is_refused_before_any_request(max_deletes: Any, mode: str) -> None:
    with pytest.raises(ValueError, match="max_deletes must be"):
        sync_of(None, recipients=[], mode=mode, max_deletes=max_deletes)


empty_ones = pytest.mark.parametrize(
    ("given_", "named"),
    [
        ({"recipients": []}, "recipients"),
        ({"recipients": ["", "  "]}, "recipients"),
        ({"patterns": []}, "patterns"),
        ({"recipients": ["a@x.example"], "patterns": []}, "patterns"),
        ({"recipients": [], "patterns": ["a"]}, "recipients"),
        ({"recipients": iter(()), "patterns": [" "]}, "recipients and patterns"),
    ],
)


@empty_ones
def test_a_mirror_of_nothing_is_refused_and_nothing_is_asked(given_: dict[str, Any], named: str) -> None:
    script = Script()
    with pytest.raises(MailerSendGuardError) as caught:
        sync(None, script=script, mode="mirror", max_deletes=1.0, **given_)
    assert script.sent == []
    assert str(caught.value) == (
        f"blocklist (account-wide): the source has no valid {named.replace('and', 'or')}, and mode='mirror' would "
        f"delete all {named} on the list. Check whether the source is complete. If it is, run this once with "
        f"allow_empty=True and a max_deletes that allows it, as params of the DAG. To leave {named} alone, omit them; "
        "for a file or a query, set their column to None. Nothing was changed."
    )
    assert caught.value.permanent


@pytest.mark.parametrize("given_", [{"recipients": []}, {"patterns": []}, {"recipients": [], "patterns": []}])
def test_a_mirror_may_be_of_nothing_when_told_so(given_: dict[str, Any]) -> None:
    account = account_with(2)
    account.put(".*", at=NOON - minutes(60), kind="patterns")
    sync(account, mode="mirror", allow_empty=True, max_deletes=1.0, **given_)
    left = {"exact": "recipients", "pattern": "patterns"}
    assert not {left[entry["type"]] for entry in account.entries} & set(given_)
    assert len(account.entries) == {1: 2 if "patterns" in given_ else 1, 2: 0}[len(given_)]


def test_an_empty_mirror_of_one_kind_leaves_the_guard_on() -> None:
    with pytest.raises(MailerSendGuardError, match="2 to delete exceed"):
        sync(account_with(2), recipients=[], mode="mirror", allow_empty=True)


def test_nothing_wanted_adds_nothing_and_is_no_error() -> None:
    account = account_with(2)
    work, script = sync(account, recipients=[])
    assert (script.sent, work.result(0)["added"], len(account.entries)) == ([], 0, 2)


@pytest.mark.parametrize("flag", ["allow_empty", "remove_duplicates", "dry_run"])
@pytest.mark.parametrize("value", [1, 0, "False", None, "yes"])
def test_a_flag_is_true_or_false_literally(flag: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"^{flag} must be True or False, literally; got {value!r}$"):
        sync_of(None, recipients=[], **{flag: value})


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({}, "give recipients or patterns, or both"),
        ({"recipients": [], "mode": "Mirror"}, "mode must be one of add_only, mirror; got 'Mirror'"),
        ({"recipients": [], "on_invalid": "ignore"}, "on_invalid must be one of fail, skip; got 'ignore'"),
        ({"recipients": [], "batch_size": 0}, "batch_size must be a whole number, at least 1; got 0"),
        ({"recipients": [], "batch_size": 2.5}, "batch_size must be a whole number"),
    ],
)
def test_bad_arguments_are_refused_before_any_request(given_: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        sync_of(None, **given_)


@pytest.mark.parametrize("suppression_list", ["unsubscribes", "hard-bounces", "spam-complaints"])
def test_a_list_of_domains_needs_one_and_takes_no_patterns(suppression_list: str) -> None:
    which = SuppressionList(suppression_list)
    with pytest.raises(ValueError, match=f"synchronizing {suppression_list} needs a domain"):
        Sync(which, Wanted([]))
    with pytest.raises(ValueError, match=f"blocklist only, not on {suppression_list}"):
        Sync(which, Wanted([], ["a"]), scope=Scope("d1"))


def test_the_list_that_mailersend_keeps_by_itself_is_not_synchronized() -> None:
    with pytest.raises(ValueError, match="nothing can be added to on-hold-list"):
        Sync(SuppressionList.ON_HOLD, Wanted([]), scope=Scope("d1"))


# Dry runs


def test_a_dry_run_tells_the_plan_and_changes_nothing() -> None:
    account = account_with(30)
    before = list(account.entries)
    work, script = sync(
        account,
        recipients=[*people(*range(3, 30), 40), ""],
        mode="mirror",
        dry_run=True,
        remove_duplicates=True,
        on_invalid="skip",
    )
    assert (account.entries, script.methods) == (before, ["GET"])
    result = work.result(2)
    assert (result["to_add"], result["to_delete"], result["added"], result["deleted"]) == (1, 3, 0, 0)
    assert (result["dry_run"], result["refusal"], result["rejected"]) == (True, None, 1)
    assert result["first_to_add"] == people(40)
    assert [each["value"] for each in result["first_to_delete"]] == people(2, 1, 0)


def test_a_dry_run_tells_why_its_plan_would_be_refused() -> None:
    account = account_with(10)
    work, script = sync(account, recipients=people(0), mode="mirror", dry_run=True)
    assert script.changes == []
    assert work.result(0)["refusal"].startswith("9 to delete exceed max_deletes=0.1, which allows 1. ")
    assert work.result(0)["refusal"].endswith("""which is then triggered with {"max_deletes": 9}.""")
    assert "person" not in work.result(0)["refusal"]


@empty_ones
def test_a_dry_run_tells_that_a_mirror_of_nothing_would_be_refused(
    given_: dict[str, Any], named: str
) -> None:
    account = account_with(10)
    given_ = {kind: list(each) for kind, each in given_.items()}
    work, script = sync(account, mode="mirror", dry_run=True, **given_)
    assert script.methods == ["GET"]
    assert work.result(0)["refusal"].startswith(f"the source has no valid {named.replace('and', 'or')}, ")


def test_a_dry_run_tells_all_that_its_plan_would_be_refused_for() -> None:
    account = account_with(3)
    work, _ = sync(account, recipients=[], mode="mirror", dry_run=True)
    assert work.result(0)["refusal"] == (
        "the source has no valid recipients, and mode='mirror' would delete all recipients on the list. Check "
        "whether the source is complete. If it is, run this once with allow_empty=True and a max_deletes that "
        "allows it, as params of the DAG. To leave recipients alone, omit them; for a file or a query, set "
        "their column to None. 3 to delete exceed max_deletes=0.1, which allows 0. The plan: 3 are there, 0 "
        "are wanted: 0 to add, 3 to delete (p***@x.example and 2 more), 0 unchanged. Check whether the source "
        "is complete. If it is, let this run delete more: operators accept max_deletes='{{ params.max_deletes "
        '}}\', a param of the DAG, which is then triggered with {"max_deletes": 3}.'
    )
    assert len(account.entries) == 3


def test_a_dry_run_of_a_plan_that_would_pass_is_not_refused() -> None:
    work, _ = sync(account_with(10), recipients=people(*range(1, 10)), mode="mirror", dry_run=True)
    assert work.result(0)["refusal"] is None


def test_a_dry_run_needs_requests_for_reading_only() -> None:
    account = account_with(0, left=1)
    work, _ = sync(account, recipients=people(*range(5000)), dry_run=True)
    assert work.result(0)["to_add"] == 5000


def planned(account: Account, **given_: Any) -> str:
    work, _ = sync(account, recipients=["a@x.example"], dry_run=True, **given_)
    return str(work.result(0)["plan"])


def test_a_plan_is_the_same_in_every_dry_run_of_the_same_source() -> None:
    account = account_with(3)
    plan = planned(account, mode="mirror")
    account.entries.reverse()
    assert planned(account, mode="mirror") == plan
    work, _ = sync(account, recipients=["A@x.example"], mode="mirror", max_deletes=3, approved_plan=plan)
    assert (work.result(0)["added"], values(account)) == (1, ["a@x.example"])


def test_a_plan_is_approved_for_its_domain_by_name_or_id() -> None:
    account = Account("unsubscribes")
    plan = planned(account, scope=Scope(domain="d1.example"))
    sync(account, recipients=["a@x.example"], domain_id="d1", approved_plan=plan)
    assert values(account, "d1") == ["a@x.example"]


@pytest.mark.parametrize(
    ("suppression_list", "options"),
    [
        ("unsubscribes", {"domain_id": "d2"}),
        ("hard-bounces", {"domain_id": "d1"}),
        ("blocklist", {"domain_id": "d1"}),
        ("blocklist", {}),
        ("unsubscribes", {"domain_id": "d1", "mode": "mirror"}),
    ],
)
def test_a_plan_is_not_approved_for_another_list_domain_or_mode(
    suppression_list: str, options: dict[str, Any]
) -> None:
    plan = planned(Account("unsubscribes"), domain_id="d1")
    account = Account(suppression_list)
    with pytest.raises(MailerSendGuardError, match="approved for another list, domain or mode"):
        sync(account, recipients=["a@x.example"], approved_plan=plan, **options)
    assert account.entries == []
