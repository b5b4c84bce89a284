from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.api.answers import Outcome
from airflow_provider_mailersend.api.flow import Flow
from airflow_provider_mailersend.api.requests import Request, SuppressionList
from airflow_provider_mailersend.exceptions import (
    MailerSendConnectionError,
    MailerSendError,
    MailerSendPermissionError,
    MailerSendQuotaExhaustedError,
    MailerSendRequestError,
    MailerSendUnexpectedAnswerError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.jobs.deletions import Deletions
from airflow_provider_mailersend.jobs.domains import Scope
from airflow_provider_mailersend.jobs.lookup import Matches
from tests.feeding.account import FAULTS, Account, minutes
from tests.feeding.script import (
    NOON,
    Script,
    Server,
    answer,
    flow,
    lost,
    page,
    properties,
    refusal,
    thorough,
)
from tests.feeding.varying import VaryingAccount

BLOCKLIST = SuppressionList.BLOCKLIST


def account_of(number: int, **options: Any) -> Account:
    """Return an account whose list has the entries e1, e2 and so on."""
    account = Account(**options)
    account.put_many(number, newest=NOON - minutes(1))
    return account


def ids(*numbers: int) -> list[str]:
    return [f"e{number}" for number in numbers]


def delete(
    account: Server | None,
    ids: Any,
    *,
    script: Script | None = None,
    sender: Flow | None = None,
    **given: Any,
) -> tuple[Deletions, Script]:
    """Run a deletion against *account*; return it and the script it ran by."""
    script = script or Script(server=account)
    work = deletions(ids, **given)
    script.run(work.run(sender or flow(max_retries=20)))
    return work, script


def deletions(ids: Any, *, domain_id: str | None = None, **given: Any) -> Deletions:
    return Deletions(BLOCKLIST, ids, scope=Scope(domain_id), **given)


def left(account: Account) -> list[str]:
    return [entry["id"] for entry in account.entries][::-1]


def test_what_is_named_is_deleted_and_nothing_else() -> None:
    account = account_of(5)
    deletions, script = delete(account, ids(2, 4), domain_id="d1")
    assert left(account) == ids(1, 3, 5)
    assert script.bodies[0] == {"domain_id": "d1", "ids": ids(2, 4)}
    assert (deletions.deleted, deletions.missing) == (ids(2, 4), [])


@pytest.mark.parametrize("status", [200, 202, 204])
def test_each_form_of_success_is_one(status: Any) -> None:
    deletions, _ = delete(None, ids(1), script=Script(answer(status)))
    assert deletions.deleted == ids(1)


@pytest.mark.parametrize("nothing", [[], (), iter([])])
def test_no_ids_mean_nothing_sent(nothing: Any) -> None:
    deletions, script = delete(None, nothing, script=Script())
    assert script.sent == []
    assert deletions.deleted == []


def test_each_id_is_sent_once_and_in_order() -> None:
    _, script = delete(account_of(3), ["e3", " e1 ", "e3", "e1", "e2"])
    assert script.bodies[0]["ids"] == ["e3", "e1", "e2"]


@pytest.mark.parametrize(
    ("given_", "error", "said"),
    [
        ("e1", TypeError, "ids must be a list of strings; got one string"),
        (["e1", ""], ValueError, r"ids\[1\] must be an id, as a string; got ''"),
        (["e1", "  "], ValueError, r"ids\[1\]"),
        (["e1", None], ValueError, r"ids\[1\] .* got None"),
        ([7], ValueError, r"ids\[0\] .* got 7"),
        (
            ["e1", "jane@x.example"],
            ValueError,
            r"ids\[1\] must be an id, and not an address: 'j\*\*\*@x.example'",
        ),
    ],
)
def test_what_is_no_id_is_refused_before_any_request(given_: dict[str, Any], error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        Deletions(BLOCKLIST, given_)


def test_a_batch_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="batch_size must be a whole number, at least 1; got 0"):
        Deletions(BLOCKLIST, ["e1"], batch_size=0)


@pytest.mark.parametrize(
    ("number", "batch_size", "expected"), [(500, 500, [500]), (501, 500, [500, 1]), (7, 3, [3, 3, 1])]
)
def test_many_are_deleted_in_batches(number: int, batch_size: int, expected: Any) -> None:
    account = account_of(number)
    _, script = delete(account, left(account), batch_size=batch_size)
    assert script.sizes == expected
    assert account.entries == []


@pytest.mark.parametrize(
    ("most", "names_most", "expected"),
    [(100, True, [250, 100, 100, 50]), (70, False, [250, 125, 62, 62, 62, 62, 2])],
)
def test_a_refused_size_is_made_smaller_and_kept_to(most: int, names_most: bool, expected: Any) -> None:
    account = account_of(250, most=most, names_most=names_most)
    _, script = delete(account, left(account))
    assert script.sizes == expected
    assert account.entries == []


def test_unknown_ids_are_left_out_and_the_rest_deleted() -> None:
    account = account_of(5)
    deletions, script = delete(account, ["x1", "e1", "e2", "x2", "e3"])
    assert script.sizes == [5, 3]
    assert left(account) == ids(4, 5)
    assert deletions.deleted == ids(1, 2, 3)
    assert deletions.missing == ["x1", "x2"]


def test_ids_that_are_all_unknown_are_all_missing() -> None:
    deletions, script = delete(account_of(1), ["x1", "x2"])
    assert (deletions.deleted, deletions.missing) == ([], ["x1", "x2"])
    assert len(script.sent) == 1


def test_unknown_ids_are_named_when_they_are_to_fail() -> None:
    account = account_of(5)
    with pytest.raises(MailerSendValidationError) as caught:
        delete(account, [*ids(1, 2), "x1", "e3", "x2"], on_missing="fail", batch_size=2)
    message = str(caught.value)
    assert "blocklist has no entries with these ids: x1." in message
    assert "on_missing='skip'" in message
    assert "Deleted from blocklist before that: 2 of 5; left: 3." in message
    assert caught.value.errors == {"ids.0": ["The selected ids.0 is invalid."]}
    assert caught.value.status == 422
    assert left(account) == ids(3, 4, 5)


def test_of_many_unknown_ids_twenty_are_named() -> None:
    with pytest.raises(MailerSendValidationError, match=r"x19 and 5 more\. Pass"):
        delete(account_of(0), [f"x{n}" for n in range(25)], on_missing="fail")


@pytest.mark.parametrize(
    "errors",
    [
        {"domain_id": ["The selected domain id is invalid."]},
        {"domain_id": ["Invalid."], "ids.0": ["Invalid."]},
        {"ids.7": ["There is no such index."]},
        {"ids": ["Odd."]},
        {},
        None,
    ],
)
def test_a_refusal_of_more_than_ids_ends_the_work(errors: Any) -> None:
    script = Script(refusal(errors))
    with pytest.raises(MailerSendValidationError):
        delete(None, ids(1, 2), script=script)
    assert len(script.sent) == 1


def test_an_error_tells_how_much_was_deleted_before() -> None:
    script = Script(answer(200), answer(403))
    with pytest.raises(
        MailerSendPermissionError, match="Deleted from blocklist before that: 2 of 3; left: 1"
    ):
        delete(None, ids(1, 2, 3), script=script, batch_size=2)


def test_one_that_is_refused_for_its_size_is_an_error() -> None:
    with pytest.raises(MailerSendRequestError, match="answered 413"):
        delete(None, ids(1, 2), script=Script(answer(413), answer(413)))


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if not fault.startswith("HTML")])
@pytest.mark.parametrize("on_missing", ["skip", "fail"])
def test_a_deletion_that_met_a_fault_is_repeated_and_counted_as_done(fault: str, on_missing: str) -> None:
    account = account_of(5, faults=[fault, fault])
    deletions, _ = delete(account, ids(1, 2, 3), on_missing=on_missing)
    assert left(account) == ids(4, 5)
    assert deletions.deleted == ids(1, 2, 3)
    assert deletions.missing == []


@pytest.mark.parametrize("fault", ["lost before", "lost after"])
def test_what_was_unknown_before_a_lost_deletion_is_missing_still(fault: str) -> None:
    account = account_of(3, faults=[fault])
    deletions, _ = delete(account, ["e1", "x1", "e2"])
    assert deletions.deleted == ids(1, 2)
    assert deletions.missing == ["x1"]


def test_an_answer_lost_for_one_batch_says_nothing_of_the_next() -> None:
    account = account_of(2, faults=["lost after"])
    deletions, _ = delete(account, ["e1", "e2", "x1", "x2"], batch_size=2)
    assert deletions.deleted == ids(1, 2)
    assert deletions.missing == ["x1", "x2"]


def test_a_success_that_is_a_page_of_html_is_no_deletion() -> None:
    # A proxy or a CDN may answer 200 in the API's place.
    account = account_of(3)
    script = Script(answer(200, b"<!DOCTYPE html><html></html>"), server=account)
    try:
        delete(account, ids(1, 2), script=script)
    except MailerSendUnexpectedAnswerError:
        return
    assert left(account) == ids(3)


def test_a_deletion_that_stays_lost_is_given_up() -> None:
    script = Script(server=lambda *_: lost())
    with pytest.raises(MailerSendConnectionError, match="Deleted from blocklist before that: 0 of 2"):
        delete(None, ids(1, 2), script=script, sender=flow(max_retries=2))
    assert len(script.sent) == 3


@thorough
@given(
    there=st.integers(0, 25),
    named=st.lists(st.integers(1, 40), max_size=40),
    batch_size=st.integers(1, 12),
    most=st.none() | st.integers(1, 8),
    names_most=st.booleans(),
    faults=st.lists(st.sampled_from(FAULTS), max_size=8),
)
def test_exactly_what_is_named_is_gone_whatever_goes_wrong(
    there: int, named: str, batch_size: int, most: int, names_most: bool, faults: list[str]
) -> None:
    account = account_of(there, most=most, names_most=names_most, faults=faults)
    known = set(left(account))
    deletions, _ = delete(account, ids(*named), batch_size=batch_size)
    assert set(left(account)) == known - set(ids(*named))
    done, missing = deletions.deleted, deletions.missing
    assert sorted(done + missing) == sorted(set(ids(*named)))
    # An unknown id may count as deleted, where a try of it went unanswered; a known one never counts as missing.
    assert not set(missing) & known


@thorough
@given(
    there=st.integers(1, 10),
    named=st.lists(st.integers(1, 15), max_size=15),
    batch_size=st.integers(1, 6),
    faults=st.lists(st.sampled_from([*FAULTS, "fine"]), max_size=5),
)
def test_no_deletion_goes_on_past_an_unknown_id_that_is_to_fail(
    there: int, named: str, batch_size: int, faults: list[str]
) -> None:
    account = account_of(there, faults=faults)
    known = set(left(account))
    script = Script(server=account)
    deletions = Deletions(BLOCKLIST, ids(*named), on_missing="fail", batch_size=batch_size)
    try:
        script.run(deletions.run(flow(max_retries=20)))
    except MailerSendError:
        assert set(ids(*named)) - known
    assert known - set(left(account)) == set(deletions.deleted) & known


# By what they suppress


def old(*numbers: int) -> list[str]:
    return [f"old{number}@example.org" for number in numbers]


def matches(**given_: Any) -> Matches:
    return Matches(BLOCKLIST, **given_)


def test_what_matches_is_found_and_deleted() -> None:
    account = account_of(250)
    work, script = delete(account, (), matches=matches(recipients=[*old(0, 7), "OLD249@example.org", "x@y"]))
    assert script.methods == ["GET", "GET", "GET", "DELETE"]
    assert set(ids(1, 8, 250)) & set(left(account)) == set()
    assert len(account.entries) == 247
    assert work.result(4) == {
        "deleted": ids(250, 8, 1),
        "missing": ["x@y"],
        "all": False,
        "may_be_incomplete": False,
        "requests": 4,
    }


def test_what_matches_nothing_deletes_nothing() -> None:
    account = account_of(3)
    work, script = delete(account, (), matches=matches(recipients=["x@y"]))
    assert (script.methods, work.result(1)["missing"]) == (["GET"], ["x@y"])
    work, script = delete(account, (), matches=matches())
    assert (script.methods, work.result(0)["missing"], len(account.entries)) == ([], [], 3)


def test_by_ids_nothing_is_unmet() -> None:
    work, _ = delete(account_of(2), ["e1", "x1"])
    assert work.result(1)["missing"] == ["x1"]


def test_what_is_gone_when_it_is_to_be_deleted_was_not_unmet() -> None:
    account = account_of(3)

    def vanish(request: Request, script: Script) -> Outcome:
        found = account(request, script)
        account.entries.pop()
        return found

    work, _ = delete(
        account, (), script=Script(vanish, server=account), matches=matches(recipients=old(0, 1))
    )
    assert work.result(0) == {
        "deleted": ids(2),
        "missing": [],
        "all": False,
        "may_be_incomplete": False,
        "requests": 0,
    }
    assert work.missing == ids(1)


# Starting over


def test_what_a_killed_worker_deleted_last_is_waited_for() -> None:
    account = account_of(150)

    def late(request: Request, script: Script) -> Outcome:
        # The killed worker's request is carried out some seconds after it was sent, or with the second page.
        if script.now >= NOON + 5 or request.params.get("page") == 2:
            account.entries = [entry for entry in account.entries if entry["id"] not in ids(*range(101, 151))]
        return account(request, script)

    by_value = {"recipients": old(*range(150)), "settle": True}
    _, script = delete(account, (), script=Script(server=late), matches=matches(**by_value))
    assert script.reasons == ["requests that an earlier attempt may have sent"]
    assert account.entries == []
    _, script = delete(account, (), matches=matches(settle=True))
    assert script.pauses == []


def test_an_error_tells_how_many_were_deleted() -> None:
    account = account_of(5, left=2, faults=["fine", "lost after"])
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        delete(account, ids(1, 2, 3, 4, 5), batch_size=2)
    assert caught.value.counts == {"deleted": 2, "unsure": 2}


@pytest.mark.parametrize("by_value", [False, True])
@pytest.mark.parametrize("fault", ["fine", "lost before", "lost after", "429", "503 before", "503 after"])
def test_a_killed_worker_s_work_is_started_over(by_value: bool, fault: str) -> None:
    def job() -> dict[str, Any]:
        if by_value:
            return {"ids": (), "matches": matches(recipients=[*old(1, 3), "x1@x", *old(5, 7)])}
        return {"ids": [*ids(2, 4), "x1", *ids(6, 8)]}

    for steps in range(30):
        account = account_of(9, faults=["fine", fault])
        script = Script(server=account)
        is_done = script.run_some(deletions(batch_size=2, **job()).run(flow()), steps)
        account.faults = []
        delete(account, batch_size=2, **job())
        assert left(account) == ids(1, 3, 5, 7, 9), steps
    assert is_done


@properties
@given(
    named=st.lists(st.integers(1, 15), max_size=15),
    batch_size=st.integers(1, 6),
    days=st.lists(st.integers(0, 4), max_size=5),
    faults=st.lists(st.sampled_from(FAULTS), max_size=8),
)
def test_exactly_what_is_named_is_gone_however_many_days_it_takes(
    named: str, batch_size: int, days: list[int], faults: list[str]
) -> None:
    account = account_of(10, faults=faults)
    known = set(left(account))
    for left_ in [*days, None]:
        account.left = left_
        try:
            work, _ = delete(account, ids(*named), batch_size=batch_size)
            break
        except MailerSendQuotaExhaustedError:
            continue
    assert set(left(account)) == known - set(ids(*named))
    assert sorted(work.deleted + work.missing) == sorted(set(ids(*named)))


def test_an_error_while_reading_says_nothing_of_what_was_deleted() -> None:
    with pytest.raises(MailerSendPermissionError) as caught:
        delete(None, (), script=Script(answer(403)), matches=matches(recipients=["x@y"]))
    assert (caught.value.counts, caught.value.progress) == ({}, None)


def test_it_tells_how_far_it_is() -> None:
    account = account_of(150)
    script = Script(server=account)
    named = matches(recipients=[*old(1, 2, 3), "x@y"])
    delete(account, (), script=script, matches=named, batch_size=2)
    path = "/suppressions/blocklist"
    assert script.told == [
        (f"GET {path}", 100, None),
        (f"GET {path}", 150, None),
        (f"DELETE {path}", 2, 3),
        (f"DELETE {path}", 3, 3),
    ]


# What only looks like a success


@pytest.mark.parametrize(
    "body", [{"errors": {"ids": ["Odd."]}}, {"errors": ["Odd."], "message": "Odd."}, {"errors": "Odd."}]
)
def test_a_success_with_errors_is_none(body: Any) -> None:
    with pytest.raises(MailerSendValidationError, match=r"answered 200, but with errors: .*Odd"):
        delete(None, ids(1, 2), script=Script(answer(200, body)))


@pytest.mark.parametrize(
    "body",
    [
        {"error": "Odd."},
        {"error": {"message": "Odd."}},
        {"success": False, "message": "Odd."},
        [{"errors": {"ids": ["Odd."]}}],
        {"data": {"errors": {"ids": ["Odd."]}}},
        {"data": [{"id": "e1", "error": "Odd."}]},
    ],
)
def test_other_forms_of_errors_in_a_success_are_errors_too(body: Any) -> None:
    with pytest.raises(MailerSendValidationError, match=r"answered 200, but with errors: .*Odd"):
        delete(None, ids(1, 2), script=Script(answer(200, body)))
    with pytest.raises(MailerSendValidationError, match=r"answered 200, but with errors: .*success"):
        delete(None, ids(1, 2), script=Script(answer(200, {"success": False})))


LOCKED = "The entry is locked."


@pytest.mark.parametrize("status", [200, 422])
@pytest.mark.parametrize("on_missing", ["skip", "fail"])
def test_an_entry_that_cannot_be_deleted_fails_once_the_rest_is_deleted(status: int, on_missing: str) -> None:
    account = account_of(5)

    def locking(request: Request, script: Script) -> Outcome:
        named = (request.body or {})["ids"]
        if "e2" not in named:
            return account(request, script)
        if status == 200:
            account.entries = [entry for entry in account.entries if entry["id"] not in set(named) - {"e2"}]
        return answer(status, {"errors": {f"ids.{named.index('e2')}": [LOCKED]}})

    work = deletions(ids(1, 2, 3, 4), batch_size=3, on_missing=on_missing)
    with pytest.raises(MailerSendValidationError) as caught:
        Script(server=locking).run(work.run(flow()))
    assert left(account) == ids(2, 5)
    assert f"1 can't be deleted: e2: {LOCKED}" in str(caught.value)
    assert caught.value.errors == {"e2": [LOCKED]}
    assert (work.deleted, work.missing) == (ids(1, 3, 4), [])
    assert caught.value.counts["deleted"] == 3


@pytest.mark.parametrize(
    "reason",
    [
        "The selected ids.0 is invalid.",
        "The selected ids.0 is invalid. #MS42206",
        "The entry was not found.",
        "No query results: entry does not exist.",
    ],
)
def test_an_id_is_missing_only_where_the_reason_says_so(reason: str) -> None:
    script = Script(answer(200, {"errors": {"ids.0": [reason]}}), answer(200))
    work, _ = delete(None, ids(1, 2), script=script)
    assert (work.deleted, work.missing) == (ids(2), ids(1))


@pytest.mark.parametrize("body", [{"errors": {}}, {"errors": []}, {"errors": None}, {}, []])
def test_a_success_without_errors_is_one(body: Any) -> None:
    deletions, _ = delete(None, ids(1), script=Script(answer(200, body)))
    assert deletions.deleted == ids(1)


@pytest.mark.parametrize("deletes_the_rest", [True, False])
def test_a_success_with_errors_for_some_ids_is_completed(deletes_the_rest: bool) -> None:
    account = account_of(4)

    def partly(request: Request, script: Script) -> Outcome:
        if deletes_the_rest:
            account.entries = [entry for entry in account.entries if entry["id"] not in ids(1, 3)]
        return answer(200, {"errors": {"ids.1": ["The selected ids.1 is invalid."]}})

    deletions, _ = delete(account, ["e1", "x1", "e3"], script=Script(partly, server=account))
    assert left(account) == ids(2, 4)
    assert (deletions.deleted, deletions.missing) == (ids(1, 3), ["x1"])


# Whose entries they are


def bare(id_: str, value: str, domain_id: str | None = None) -> Any:
    domain = {"domain": {"id": domain_id}} if domain_id else {}
    return {"id": id_, "recipient": {"email": value, **domain}}


@pytest.mark.parametrize(
    ("others", "deleted"), [((), ["e1", "e2"]), ((bare("e3", "c@x.example", "d2"),), ["e2"])]
)
def test_an_entry_without_its_domain_is_deleted_only_where_the_filter_kept_out_others(
    others: Any, deleted: list[str]
) -> None:
    listed = page(bare("e1", "a@x.example"), bare("e2", "a@x.example", "d1"), *others)
    found = Matches(SuppressionList.HARD_BOUNCES, recipients=["a@x.example"], scope=Scope("d1"))
    Script(listed).run(found.run(flow()))
    assert sorted(found.ids) == deleted


def test_an_entry_of_another_domain_is_never_deleted_by_address() -> None:
    listed = page(bare("e1", "a@x.example", "d2"), bare("e2", "a@x.example", "d1"))
    found = Matches(SuppressionList.HARD_BOUNCES, recipients=["a@x.example"], scope=Scope("d1"))
    Script(listed).run(found.run(flow()))
    assert found.ids == ["e2"]


def test_a_list_whose_order_keeps_varying_tells_that_some_may_be_missed() -> None:
    account = VaryingAccount()
    for n in range(1000):
        account.put(f"old{n}@example.org", at=NOON - minutes(1))
    work, _ = delete(account, (), matches=matches(recipients=old(*range(1000))))
    result = work.result(0)
    assert result["may_be_incomplete"]
    assert len(result["deleted"]) + len(result["missing"]) == 1000
    assert result["missing"]
