from __future__ import annotations

from contextlib import suppress
from math import ceil

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_mailersend.api.requests import SuppressionList
from airflow_provider_mailersend.exceptions import (
    MailerSendAuthenticationError,
    MailerSendError,
    MailerSendGuardError,
    MailerSendPermissionError,
    MailerSendQuotaExhaustedError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.jobs.domains import Scope
from airflow_provider_mailersend.jobs.sync import Sync, SyncOptions
from airflow_provider_mailersend.jobs.wanted import Line, Wanted
from tests.feeding.account import FAULTS, Account, minutes
from tests.feeding.script import NOON, Script, answer, flow, properties, thorough
from tests.feeding.varying import VaryingAccount

HOUR = 3600.0


def people(*numbers: int) -> list[str]:
    return [f"person{number}@x.example" for number in numbers]


def sync(account, wanted=None, *, script=None, sender=None, domain_id=None, scope=None, **given_):
    """Make *account* equal to *wanted*; return the work and the script it ran by."""
    script = script or Script(server=account)
    work = work_for(account, wanted, domain_id=domain_id, scope=scope, **given_)
    script.run(work.run(sender or flow(max_retries=20)))
    return work, script


def work_for(account, wanted=None, *, domain_id=None, scope=None, **given_):
    kinds = {kind: given_.pop(kind) for kind in ("recipients", "patterns") if kind in given_}
    which = SuppressionList(account.suppression_list if account else "blocklist")
    options = SyncOptions(**given_)
    return Sync(which, wanted or Wanted(**kinds), scope=scope or Scope(domain_id), options=options)


def methods(script: Script) -> list[str]:
    return [request.method for request in script.sent]


def pages_read(script: Script) -> list[int]:
    return [request.params["page"] for request in script.sent if request.path.startswith("/suppressions/")
            and request.method == "GET"]  # fmt: skip


def changes(script: Script) -> list[str]:
    return [method for method in methods(script) if method != "GET"]


def values(account: Account, domain_id: str | None = None) -> list[str]:
    return sorted(value.lower() for value in account.of_domain(domain_id))


def state(account: Account) -> list[tuple[object, ...]]:
    """Return what is on the list, whatever ids and dates the new entries have."""
    return sorted(
        (value.lower(), str(domain), entry.get("type", ""))
        for entry in account.entries
        for value, domain in [(account.value_in(entry), account.domain_of(entry))]
    )


def account_with(number: int, **options) -> Account:
    """Return an account with the account's own entries of people(0), people(1) and so on."""
    account = Account(**options)
    for value in people(*range(number)):
        account.put(value, at=NOON - minutes(60))
    return account


def test_what_is_missing_is_added_and_nothing_else_is_touched():
    account = account_with(3)
    account.put(".*", at=NOON - minutes(60), kind="patterns")
    account.put("person3@x.example", at=NOON - minutes(60), domain_id="d1")
    before = [entry["id"] for entry in account.entries]
    work, script = sync(account, recipients=people(1, 3, 4))
    assert values(account) == [".*", *people(0, 1, 2, 3, 4)]
    assert [entry["id"] for entry in account.entries if entry["id"] in before] == before
    assert methods(script) == ["GET", "POST"]
    assert work.result(2) == {
        "wanted": 3,
        "present": 3,
        "unchanged": 1,
        "duplicates": 0,
        "to_add": 2,
        "to_delete": 0,
        "added": 2,
        "deleted": 0,
        "rejected": 0,
        "stored_differently": 0,
        "first_to_add": people(3, 4),
        "first_to_delete": [],
        "first_rejected": [],
        "first_stored_differently": [],
        "may_be_incomplete": False,
        "dry_run": False,
        "refusal": None,
        "requests": 2,
    }


def test_a_mirror_makes_the_list_equal():
    account = account_with(3)
    account.put(".*", at=NOON - minutes(60), kind="patterns")
    work, script = sync(account, recipients=people(1, 3, 4), mode="mirror", max_deletes=2)
    assert values(account) == [".*", *people(1, 3, 4)]
    assert changes(script) == ["POST", "DELETE"]
    result = work.result(4)
    assert (result["added"], result["deleted"], result["to_delete"]) == (2, 2, 2)
    assert result["first_to_delete"] == [
        {"id": "e3", "value": people(2)[0]},
        {"id": "e1", "value": people(0)[0]},
    ]


def test_duplicates_go_when_asked_to_and_the_oldest_stays():
    account = account_with(2)
    for minute in (50, 40):
        account.put("PERSON1@x.example", at=NOON - minutes(minute))
    work, script = sync(account, recipients=people(0, 1), remove_duplicates=True)
    assert sorted(entry["id"] for entry in account.entries) == ["e1", "e2"]
    assert changes(script) == ["DELETE"]
    assert (work.result(0)["duplicates"], work.result(0)["deleted"]) == (2, 2)


@pytest.mark.parametrize("scope", [Scope("d1"), Scope(domain="D1.example")])
@pytest.mark.parametrize("suppression_list", ["blocklist", "unsubscribes", "hard-bounces"])
def test_only_the_entries_of_the_domain_are_meant(suppression_list, scope):
    account = Account(suppression_list)
    for domain_id in ("d1", "d2"):
        for value in people(0, 1):
            account.put(value, at=NOON - minutes(60), domain_id=domain_id)
    _, script = sync(account, recipients=people(1, 2), scope=scope, mode="mirror", max_deletes=1)
    assert (values(account, "d1"), values(account, "d2")) == (people(1, 2), people(0, 1))
    assert [request.params.get("domain_id") for request in script.sent if request.params and "domains" not in
            request.path] == ["d1"]  # fmt: skip
    assert [request.body["domain_id"] for request in script.sent if request.body] == ["d1", "d1"]


def test_the_account_s_blocklist_is_that_without_a_domain():
    account = account_with(2)
    account.put("person0@x.example", at=NOON - minutes(60), domain_id="d1")
    sync(account, recipients=[], mode="mirror", max_deletes=1.0, allow_empty=True)
    assert (values(account), values(account, "d1")) == ([], people(0))


@pytest.mark.parametrize("mode", ["add_only", "mirror"])
def test_done_again_it_changes_nothing(mode):
    account = account_with(30)
    for _ in range(2):
        for value in people(4, 5):
            account.put(value, at=NOON - minutes(50))
    given_ = {"recipients": people(*range(10, 40)), "patterns": [r"\d"], "mode": mode, "max_deletes": 1.0}
    sync(account, remove_duplicates=True, **given_)
    done = state(account)
    work, script = sync(account, remove_duplicates=True, **given_)
    assert (changes(script), state(account)) == ([], done)
    assert (work.result(0)["to_add"], work.result(0)["to_delete"]) == (0, 0)


def test_who_opted_out_is_added_before_anything_is_deleted():
    account = account_with(4)
    _, script = sync(account, recipients=people(8, 9), mode="mirror", max_deletes=4, batch_size=1)
    assert changes(script) == ["POST"] * 2 + ["DELETE"] * 4


@properties
@given(
    there=st.integers(0, 320),
    adds=st.integers(0, 70),
    deletes=st.integers(0, 320),
    batch_size=st.integers(1, 120),
)
def test_it_takes_no_request_too_many(there, adds, deletes, batch_size):
    deletes = min(there, deletes)
    account = account_with(there)
    wanted = people(*range(deletes, there), *range(1000, 1000 + adds))
    given_ = {"recipients": wanted, "mode": "mirror", "max_deletes": there, "allow_empty": True}
    work, script = sync(account, batch_size=batch_size, **given_)
    pages = max(1, ceil(there / 100))
    asked = [request for request in script.sent if not request.uses_quota]
    assert len(script.sent) == pages + ceil(adds / batch_size) + ceil(deletes / batch_size) + len(asked)
    # No answer tells what is left of the day's: for a long job it is asked, once, and for a short one not.
    assert len(asked) == (work._least_requests() > 21)
    assert values(account) == sorted(wanted)
    _, script = sync(account, batch_size=batch_size, **given_)
    assert len(pages_read(script)) == max(1, ceil((there - deletes + adds) / 100))
    assert changes(script) == []
    assert work.result(0)["added"] == adds


# Guards


@pytest.mark.parametrize(
    ("max_deletes", "number"),
    [(0.1, 10), (0.29, 29), (0.0, 0), (0, 0), (1.0, 100), (1, 1), (37, 37), (1000, 100)],
)
def test_a_mirror_deletes_as_much_as_it_may(max_deletes, number):
    account = account_with(100)
    wanted = people(*range(number, 100))
    work, _ = sync(account, recipients=wanted, mode="mirror", max_deletes=max_deletes, allow_empty=True)
    assert (values(account), work.result(0)["deleted"]) == (sorted(wanted), number)


@pytest.mark.parametrize(
    ("max_deletes", "number"), [(0.1, 11), (0.29, 30), (0.0, 1), (0, 1), (0.99, 100), (1, 2), (99, 100)]
)
def test_a_mirror_deletes_nothing_where_it_would_delete_too_much(max_deletes, number):
    account = account_with(100)
    before, script = list(account.entries), Script(server=account)
    wanted = [*people(*range(number, 100)), "jane.doe@y.example"]
    with pytest.raises(MailerSendGuardError) as caught:
        sync(account, script=script, recipients=wanted, mode="mirror", max_deletes=max_deletes)
    assert account.entries == before
    assert [request.path for request in script.sent] == ["/suppressions/blocklist"]
    assert methods(script) == ["GET"]
    message = str(caught.value)
    assert f"blocklist: {number} to delete are more than max_deletes={max_deletes!r} allows" in message
    assert f"The plan: 100 are there, {len(wanted)} are wanted: 1 to add (j***@y.example)" in message
    assert f"{number} to delete (p***@x.example" in message
    assert message.endswith("Nothing was changed.")
    assert "jane" not in message
    assert "person" not in message
    assert caught.value.permanent


def test_a_tenth_may_be_deleted_unless_told_otherwise():
    sync(account_with(100), recipients=people(*range(10, 100)), mode="mirror")
    with pytest.raises(MailerSendGuardError, match=r"max_deletes=0\.1 allows, which is 10\."):
        sync(account_with(100), recipients=people(*range(11, 100)), mode="mirror")


def test_the_fraction_is_of_the_entries_that_are_meant():
    account = account_with(10)
    for n in range(200):
        account.put(f"other{n}@x.example", at=NOON - minutes(60), domain_id="d1")
        account.put(f"other{n}", at=NOON - minutes(60), kind="patterns")
    with pytest.raises(MailerSendGuardError, match=r"2 to delete are more .* which is 1"):
        sync(account, recipients=people(*range(2, 10)), mode="mirror")


def test_duplicates_removed_by_a_mirror_count_too():
    account = account_with(10)
    for _ in range(4):
        account.put(people(3)[0], at=NOON - minutes(50))
    with pytest.raises(MailerSendGuardError, match=r"4 to delete are more .* which is 1"):
        sync(account, recipients=people(*range(10)), mode="mirror", remove_duplicates=True)


def test_what_only_adds_knows_no_guard():
    account = account_with(3)
    for _ in range(9):
        account.put(people(2)[0], at=NOON - minutes(50))
    sync(account, recipients=people(2), remove_duplicates=True, max_deletes=0)
    assert values(account) == people(0, 1, 2)
    sync(account, recipients=[])
    assert values(account) == people(0, 1, 2)


@pytest.mark.parametrize("max_deletes", [True, "5", None, -1, 1.5, -0.1, float("nan"), [1]])
@pytest.mark.parametrize("mode", ["add_only", "mirror"])
def test_what_is_no_guard_is_refused_before_any_request(max_deletes, mode):
    with pytest.raises(ValueError, match="max_deletes must be"):
        work_for(None, recipients=[], mode=mode, max_deletes=max_deletes)


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
def test_a_mirror_of_nothing_is_refused_and_nothing_is_asked(given_, named):
    script = Script()
    with pytest.raises(MailerSendGuardError) as caught:
        sync(None, script=script, mode="mirror", max_deletes=1.0, **given_)
    assert script.sent == []
    assert str(caught.value) == (
        f"blocklist: no {named} are wanted at all, and mode='mirror' would delete all {named} there are. "
        "See whether the source is whole; where it is, let this run pass by params of the DAG allow_empty=True, and a "
        "max_deletes that allows it, or "
        f"leave {named} out, which leaves them alone. Nothing was changed."
    )
    assert caught.value.permanent


@pytest.mark.parametrize("given_", [{"recipients": []}, {"patterns": []}, {"recipients": [], "patterns": []}])
def test_a_mirror_may_be_of_nothing_when_told_so(given_):
    account = account_with(2)
    account.put(".*", at=NOON - minutes(60), kind="patterns")
    sync(account, mode="mirror", allow_empty=True, max_deletes=1.0, **given_)
    left = {"exact": "recipients", "pattern": "patterns"}
    assert not {left[entry["type"]] for entry in account.entries} & set(given_)
    assert len(account.entries) == {1: 2 if "patterns" in given_ else 1, 2: 0}[len(given_)]


def test_an_empty_mirror_of_one_kind_leaves_the_guard_on():
    with pytest.raises(MailerSendGuardError, match="2 to delete are more"):
        sync(account_with(2), recipients=[], mode="mirror", allow_empty=True)


def test_nothing_wanted_adds_nothing_and_is_no_error():
    account = account_with(2)
    work, script = sync(account, recipients=[])
    assert (script.sent, work.result(0)["added"], len(account.entries)) == ([], 0, 2)


@pytest.mark.parametrize("flag", ["allow_empty", "remove_duplicates", "dry_run"])
@pytest.mark.parametrize("value", [1, 0, "False", None, "yes"])
def test_a_flag_is_true_or_false_literally(flag, value):
    with pytest.raises(TypeError, match=f"^{flag} must be True or False, literally; got {value!r}$"):
        work_for(None, recipients=[], **{flag: value})


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
def test_bad_arguments_are_refused_before_any_request(given_, said):
    with pytest.raises(ValueError, match=said):
        work_for(None, **given_)


@pytest.mark.parametrize("suppression_list", ["unsubscribes", "hard-bounces", "spam-complaints"])
def test_a_list_of_domains_needs_one_and_takes_no_patterns(suppression_list):
    which = SuppressionList(suppression_list)
    with pytest.raises(ValueError, match=f"synchronizing {suppression_list} needs a domain"):
        Sync(which, Wanted([]))
    with pytest.raises(ValueError, match=f"blocklist only, not on {suppression_list}"):
        Sync(which, Wanted([], ["a"]), scope=Scope("d1"))


def test_the_list_that_mailersend_keeps_by_itself_is_not_synchronized():
    with pytest.raises(ValueError, match="nothing can be added to on-hold-list"):
        Sync(SuppressionList.ON_HOLD, Wanted([]), scope=Scope("d1"))


# Dry runs


def test_a_dry_run_tells_the_plan_and_changes_nothing():
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
    assert (account.entries, methods(script)) == (before, ["GET"])
    result = work.result(2)
    assert (result["to_add"], result["to_delete"], result["added"], result["deleted"]) == (1, 3, 0, 0)
    assert (result["dry_run"], result["refusal"], result["rejected"]) == (True, None, 1)
    assert result["first_to_add"] == people(40)
    assert [each["value"] for each in result["first_to_delete"]] == people(2, 1, 0)


def test_a_dry_run_tells_why_its_plan_would_be_refused():
    account = account_with(10)
    work, script = sync(account, recipients=people(0), mode="mirror", dry_run=True)
    assert changes(script) == []
    assert work.result(0)["refusal"].startswith(
        "9 to delete are more than max_deletes=0.1 allows, which is 1. "
    )
    assert work.result(0)["refusal"].endswith("a param of the DAG.")
    assert "person" not in work.result(0)["refusal"]


@empty_ones
def test_a_dry_run_tells_that_a_mirror_of_nothing_would_be_refused(given_, named):
    account = account_with(10)
    given_ = {kind: list(each) for kind, each in given_.items()}
    work, script = sync(account, mode="mirror", dry_run=True, **given_)
    assert methods(script) == ["GET"]
    assert work.result(0)["refusal"].startswith(f"no {named} are wanted at all")


def test_a_dry_run_tells_all_that_its_plan_would_be_refused_for():
    account = account_with(3)
    work, _ = sync(account, recipients=[], mode="mirror", dry_run=True)
    assert work.result(0)["refusal"] == (
        "no recipients are wanted at all, and mode='mirror' would delete all recipients there are. See whether the "
        "source is whole; where it is, let this run pass by params of the DAG allow_empty=True, and a max_deletes that "
        "allows it, or leave recipients "
        "out, which leaves them alone. 3 to delete are more than max_deletes=0.1 allows, which is 0. The plan: 3 are "
        "there, 0 are wanted: 0 to add, 3 to delete "
        "(p***@x.example, p***@x.example, p***@x.example), 0 there already. See whether the source is whole; where it "
        "is, let this run delete more: operators take max_deletes='{{ params.max_deletes }}', a param of the DAG."
    )
    assert len(account.entries) == 3


def test_a_dry_run_of_a_plan_that_would_pass_is_not_refused():
    work, _ = sync(account_with(10), recipients=people(*range(1, 10)), mode="mirror", dry_run=True)
    assert work.result(0)["refusal"] is None


def test_a_dry_run_needs_requests_for_reading_only():
    account = account_with(0, left=1)
    work, _ = sync(account, recipients=people(*range(5000)), dry_run=True)
    assert work.result(0)["to_add"] == 5000


# Starting over


class Case:
    """A list and what it is to be made, a few batches of it wrong."""

    def __init__(self, suppression_list="blocklist", *, invalid=True, long=False, **options):
        self.domain_id = None if suppression_list == "blocklist" else "d1"
        bad = people(21, 24) if invalid else []
        self.account = Account(suppression_list, invalid=bad, **options)
        for n in range(230 if long else 6):
            self.put(f"old{n}@x.example", minutes_ago=500 - n)
        for n in range(7):
            self.put(people(n)[0], minutes_ago=100)
        for value in people(0, 20, 21):
            self.account.put(value, at=NOON - minutes(95), domain_id="d2")
        if suppression_list == "blocklist":
            self.put(people(1)[0], minutes_ago=90)
        old = [f"old{n}@x.example" for n in range(230 if long else 6)]
        self.given = {
            "recipients": [*old, *people(1, 2), " ", *people(20, 21, 22, 23, 24, 25, 26)],
            "mode": "mirror",
            "max_deletes": 20,
            "remove_duplicates": True,
            "on_invalid": "skip",
            "batch_size": 2,
            "domain_id": self.domain_id,
        }

    def put(self, value, *, minutes_ago):
        self.account.put(value, at=NOON - minutes(minutes_ago), domain_id=self.domain_id)

    def work(self, **more):
        return work_for(self.account, **(self.given | more))

    def begin(self, number, *, start=NOON, **more):
        """Do so many steps, and then die; return the script."""
        script = Script(server=self.account, start=start, latency=0.2)
        script.run_some(self.work(**more).run(flow(max_retries=20)), number)
        return script

    def finish(self, *, start=NOON, **more):
        """Do it to its end; return the work and the script."""
        script = Script(server=self.account, start=start, latency=0.2)
        work = self.work(**more)
        script.run(work.run(flow(max_retries=20)))
        return work, script


def old_ids(account):
    """Return the ids of what is left of the entries that a case begins with."""
    return [entry["id"] for entry in account.entries if int(entry["id"][1:]) <= 16]


def undisturbed(**options):
    case = Case(**options)
    work, script = case.finish()
    return case, work, script


LISTS = ("blocklist", "unsubscribes")
STEPS = {which: undisturbed(suppression_list=which)[2].steps for which in LISTS}


@pytest.mark.parametrize("which", LISTS)
@pytest.mark.parametrize("wait", [0.0, 3.0, minutes(5), 30 * HOUR])
@pytest.mark.parametrize("fault", ["fine", "lost before", "lost after", "503 after", "timed out after"])
def test_a_run_that_dies_at_any_moment_is_started_over(which, wait, fault):
    done, _, _ = undisturbed(suppression_list=which)
    for number in range(STEPS[which] + 1):
        case = Case(which, faults=["fine", "fine", fault])
        script = case.begin(number)
        case.account.faults = []
        work, _ = case.finish(start=script.now + wait, settle=True)
        assert state(case.account) == state(done.account), number
        assert old_ids(case.account) == old_ids(done.account), number
        result = work.result(0)
        assert (result["added"], result["deleted"]) == (result["to_add"] - 2, result["to_delete"]), number


@pytest.mark.parametrize("which", LISTS)
@pytest.mark.parametrize("fault", ["fine", "lost before", "lost after", "503 after", "timed out after"])
def test_a_day_that_ends_at_any_request_is_started_over_on_the_next(which, fault):
    done, work, script = undisturbed(suppression_list=which)
    total, whole = len(script.sent), work.result(0)
    for left in range(total + 1):
        for at in range(total) if fault != "fine" else [0]:
            case = Case(which, left=left, tells_quota=False, faults=["fine"] * at + [fault])
            before = {}
            try:
                again, script = case.finish()
            except MailerSendQuotaExhaustedError as error:
                before = error.counts
                case.account.left, case.account.faults = None, []
                again, script = case.finish(start=NOON + 12 * HOUR)
            assert state(case.account) == state(done.account), (left, at)
            if fault == "fine":
                for name in ("added", "deleted"):
                    assert again.result(0)[name] + before.get(name, 0) == whole[name], (left, name)


def test_a_first_run_waits_for_nothing_and_a_retry_for_what_a_killed_worker_sent_last():
    account, sent = account_with(1), []

    def late(request, script):
        # The killed worker's request is carried out some seconds after it was sent.
        if not sent and script.now >= NOON + 5:
            sent.append(account.put(people(1)[0], at=NOON + 4))
        return account(request, script)

    _, script = sync(account, script=Script(server=late), recipients=people(0, 1, 2), settle=True)
    assert script.reasons == ["what an earlier try may have sent"]
    assert values(account) == people(0, 1, 2)
    _, script = sync(account, recipients=people(0, 1, 2, 3))
    assert script.pauses == []


@thorough
@given(
    which=st.sampled_from(LISTS),
    invalid=st.booleans(),
    faults=st.lists(st.sampled_from([*FAULTS, "fine", "fine"]), max_size=12),
    tries=st.lists(
        st.tuples(
            st.booleans(),  # whether the worker dies, or the day ends
            st.integers(0, 45),  # when
            st.sampled_from([0.0, 2.0, minutes(5), 14 * HOUR]),  # how long until the next try
        ),
        max_size=4,
    ),
    batch_size=st.integers(1, 4),
    most=st.none() | st.integers(1, 3),
    ahead=st.sampled_from([0.0, -HOUR, 30.0]),
)
def test_the_list_ends_up_as_wanted_whatever_goes_wrong(
    which, invalid, faults, tries, batch_size, most, ahead
):
    done, _, _ = undisturbed(suppression_list=which, invalid=invalid)
    case = Case(which, invalid=invalid, faults=faults, most=most, ahead=ahead)
    case.account.tells_quota = False
    now = NOON
    for dies, when, wait in tries:
        script = Script(server=case.account, start=now, latency=0.2)
        steps = case.work(batch_size=batch_size).run(flow(max_retries=20))
        case.account.left = None if dies else when % 14
        with suppress(MailerSendQuotaExhaustedError):
            script.run_some(steps, when if dies else 10_000)
        case.account.left = None
        now = script.now + wait
    case.finish(start=now, batch_size=batch_size)
    assert state(case.account) == state(done.account)


# The day's requests


def needs(account, **given_):
    _, script = sync(account, **given_)
    return sum(request.uses_quota for request in script.sent), len(pages_read(script))


@properties
@given(
    there=st.integers(0, 450),
    wanted=st.integers(0, 900),
    shared=st.integers(0, 450),
    others=st.integers(0, 250),
    batch_size=st.sampled_from([1, 3, 10, 40, 99, 100, 101, 250, 500]),
    mirror=st.booleans(),
    dry_run=st.booleans(),
    knows_pages=st.booleans(),
)
def test_where_enough_is_left_it_is_begun(
    there, wanted, shared, others, batch_size, mirror, dry_run, knows_pages
):
    shared = min(there, wanted, shared)
    given_ = {
        "recipients": people(*range(there - shared, there - shared + wanted)),
        "batch_size": batch_size,
        "mode": "mirror" if mirror else "add_only",
        "max_deletes": 1.0,
        "allow_empty": True,
        "dry_run": dry_run,
    }

    def account():
        account = account_with(there)
        for n in range(others):
            account.put(f"other{n}@x.example", at=NOON - minutes(60), domain_id="d2")
        return account

    assume(wanted / batch_size < 120)
    needed, pages = needs(account(), **given_)
    pages_read = pages - 1 if knows_pages and pages else 0
    enough = account()
    enough.left = needed
    sync(enough, pages_read=pages_read, **given_)
    assert enough.left == 0


def test_what_cannot_be_enough_is_not_begun():
    account = account_with(0, left=3, whole_day=100)
    script = Script(server=account)
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        sync(account, script=script, recipients=people(*range(301)), batch_size=100)
    assert [request.path for request in script.sent] == ["/suppressions/blocklist", "/api-quota"]
    assert str(caught.value).startswith(
        "Synchronizing blocklist was not begun: it takes at least 3 requests, and 2 of the day's are left."
    )
    assert str(caught.value).endswith(" Nothing was changed.")
    assert caught.value.counts == {"added": 0, "deleted": 0, "duplicates": 0, "pages": 1}
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("number", "batch_size", "pages", "least"),
    [
        (101, 500, 0, 2),
        (600, 500, 0, 2),
        (601, 500, 0, 3),
        (600, 500, 4, 6),
        (300, 100, 0, 3),
        (300, 99, 0, 3),
        (301, 99, 0, 4),
        (300, 1, 0, 3),
        (300, 1, 7, 8),
        (101, 100, 0, 2),
    ],
)
def test_after_its_first_page_it_takes_at_least_so_many_requests_less_one(number, batch_size, pages, least):
    account = account_with(0, left=1)
    with pytest.raises(MailerSendQuotaExhaustedError, match=f"at least {least - 1} requests, and 0 of"):
        sync(
            account,
            recipients=people(*range(number)),
            batch_size=batch_size,
            pages_read=pages,
        )


@pytest.mark.parametrize("goes_on", [True, False])
def test_more_than_a_whole_day_has_is_begun_only_where_it_can_go_on(goes_on):
    account = account_with(0, left=2, whole_day=2)
    given_ = {"recipients": people(*range(250)), "batch_size": 10}
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        sync(account, resume_after_quota_reset=goes_on, **given_)
    assert caught.value.permanent is not goes_on
    assert len(account.entries) == (10 if goes_on else 0)


def test_unless_told_otherwise_it_must_be_done_in_a_day():
    account = account_with(0, left=2, whole_day=2)
    with pytest.raises(MailerSendQuotaExhaustedError, match="No whole day's 2 are enough"):
        sync(account, recipients=people(*range(250)), batch_size=10)


def test_the_work_of_days_does_not_read_on_a_day_too_short_for_it():
    account = account_with(500, left=5, whole_day=5)
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        sync(account, recipients=people(0), resume_after_quota_reset=True, pages_read=5)
    assert caught.value.permanent
    assert "No whole day's 5 are enough" in str(caught.value)


def test_pages_read_by_an_earlier_run_are_known_to_the_next():
    account = account_with(350, left=2, tells_quota=False)
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        sync(account, recipients=people(1))
    pages_read = caught.value.counts["pages"]
    assert pages_read == 2
    account.left, account.tells_quota = 2, True
    with pytest.raises(MailerSendQuotaExhaustedError, match="at least 2 requests, and 1 of") as caught:
        sync(account, recipients=people(1), pages_read=pages_read)
    assert caught.value.counts["pages"] == 2
    account.left = 4
    sync(account, recipients=people(1), pages_read=pages_read)


def test_it_takes_as_many_days_as_it_takes():
    account = account_with(150, left=4, whole_day=4)
    wanted = people(*range(100, 150), *range(200, 260))
    given_ = {"recipients": wanted, "batch_size": 20, "mode": "mirror", "max_deletes": 100}
    pages, read = 0, []
    for day in range(9):
        script = Script(server=account, start=NOON + 24 * HOUR * day)
        try:
            sync(account, script=script, resume_after_quota_reset=True, pages_read=pages, **given_)
            break
        except MailerSendQuotaExhaustedError as error:
            pages, account.left = max(pages, error.counts["pages"]), 4
        finally:
            read.append(len(pages_read(script)))
    assert values(account) == sorted(wanted)
    # Each day reads the list again, and does two batches more.
    assert read == [2, 2, 2, 2]


@pytest.mark.parametrize("status", [403, 404])
def test_who_may_not_ask_for_the_quota_may_synchronize(status):
    account = account_with(2)
    script = Script(account, answer(status), server=account)
    sync(account, script=script, recipients=people(*range(2300)), batch_size=99)
    assert script.sent[1].path == "/api-quota"
    assert len(account.entries) == 2300


def test_a_long_job_asks_for_the_quota_after_its_first_page_and_a_short_one_does_not():
    for number, asked in ((2000, []), (2101, [1])):
        account = account_with(1)
        _, script = sync(account, recipients=people(*range(number)), batch_size=99)
        assert [n for n, request in enumerate(script.sent) if request.path == "/api-quota"] == asked


def test_what_the_first_page_tells_to_be_enough_is_not_asked_for():
    account = account_with(1, left=100)
    _, script = sync(account, recipients=people(*range(2500)), batch_size=99)
    assert [request.path for request in script.sent if not request.uses_quota] == []
    assert len(account.entries) == 2500


def test_the_reserve_is_kept_although_the_first_page_tells_what_is_left():
    account = account_with(1, left=29)
    script = Script(server=account)
    with pytest.raises(
        MailerSendQuotaExhaustedError, match=r"at least 25 requests, and 8 of .* besides the 20"
    ):
        sync(
            account,
            script=script,
            sender=flow(quota_reserve=20),
            recipients=people(*range(2600)),
            batch_size=99,
        )
    # Before the first request, which is to leave the reserve too, and for how much a whole day has.
    assert [request.path for request in script.sent] == [
        "/api-quota",
        "/suppressions/blocklist",
        "/api-quota",
    ]
    assert len(account.entries) == 1


def test_a_token_that_is_not_valid_ends_it_before_anything():
    with pytest.raises(MailerSendAuthenticationError, match=r"Nothing was changed\.$") as caught:
        sync(None, script=Script(answer(401)), recipients=people(5))
    assert caught.value.counts["pages"] == 0


def test_an_error_in_between_tells_what_was_done_before():
    account = account_with(4)
    script = Script(*[account] * 2, answer(403), server=account)
    given_ = {"recipients": people(2, 3, 4, 5, 6), "mode": "mirror", "max_deletes": 2, "batch_size": 2}
    with pytest.raises(
        MailerSendPermissionError, match=r"Added before that: 2 of 3; deleted: 0 of 2\.$"
    ) as caught:
        sync(account, script=script, **given_)
    assert caught.value.counts == {"added": 2, "deleted": 0, "duplicates": 0, "pages": 0}
    assert values(account) == people(0, 1, 2, 3, 4, 5)


# What the API refuses


def test_invalid_ones_fail_it_once_all_else_is_done():
    account = account_with(3, invalid=["bad.one@x", "worse@x"])
    with pytest.raises(MailerSendValidationError) as caught:
        sync(
            account,
            recipients=["a@x.example", "bad.one@x", "b@x.example", "worse@x"],
            mode="mirror",
            max_deletes=3,
            batch_size=2,
        )
    assert values(account) == ["a@x.example", "b@x.example"]
    reason = "It must be a valid email address. #MS42208"
    assert str(caught.value).startswith(
        "blocklist: 2 of what is wanted cannot be added: recipients[1] 'b***@x': "
        f"{reason}; recipients[3] 'w***@x': {reason}. All else was done. Correct it, or pass "
        "on_invalid='skip' to leave it out."
    )
    assert "bad.one" not in str(caught.value)
    assert caught.value.permanent
    assert str(caught.value).endswith("Added before that: 2 of 4; deleted: 3 of 3.")


ODD = [
    "",
    "nan",
    "None",
    "{{ x }}",
    "no address",
    "a@",
    "Person 0 <person0@x.example>",
    "person0@x.example, b@y",
]


@pytest.mark.parametrize("odd", ODD)
def test_a_mirror_deletes_nothing_where_it_cannot_read_all_that_is_wanted(odd):
    account = account_with(3)
    with pytest.raises(MailerSendValidationError, match=r"recipients\[1\]") as caught:
        sync(account, recipients=["a@x.example", odd], mode="mirror", max_deletes=3)
    assert sorted(values(account)) == ["a@x.example", *people(0, 1, 2)]
    assert "All else was added, and nothing deleted. Correct it, or pass on_invalid='skip'" in str(
        caught.value
    )
    assert "person0" not in str(caught.value)


@pytest.mark.parametrize("odd", ODD)
def test_a_mirror_that_skips_what_it_cannot_read_deletes_nobody_named_in_it(odd):
    account = account_with(3)
    work, _ = sync(account, recipients=["a@x.example", odd], mode="mirror", max_deletes=3, on_invalid="skip")
    kept = people(0) if "person0" in odd else []
    assert values(account) == ["a@x.example", *kept]
    result = work.result(0)
    assert (result["rejected"], result["added"], result["deleted"]) == (1, 1, 3 - len(kept))
    assert (result["first_rejected"][0]["value"], result["first_rejected"][0]["where"]) == (
        odd,
        "recipients[1]",
    )


def test_a_mirror_of_nothing_that_can_be_read_is_a_mirror_of_nothing():
    account = account_with(3)
    with pytest.raises(MailerSendGuardError, match="no recipients are wanted at all"):
        sync(account, recipients=["{{ x }}"], mode="mirror", max_deletes=3, on_invalid="skip")
    assert len(account.entries) == 3


def test_invalid_ones_from_a_file_are_named_by_their_lines():
    wanted = Wanted([Line("recipients", value, n) for n, value in enumerate(["a@x.example", "bad@x", ""], 2)])
    account = Account(invalid=["bad@x"])
    with pytest.raises(
        MailerSendValidationError, match=r"line 4 '\*\*\*': It is empty; line 3 'b\*\*\*@x': It"
    ):
        sync(account, wanted)
    assert values(account) == ["a@x.example"]


def test_invalid_ones_are_left_out_when_asked_to():
    account = Account(invalid=["bad@x"])
    work, _ = sync(account, recipients=["bad@x", "", "a@x.example"], on_invalid="skip")
    result = work.result(0)
    assert (result["wanted"], result["to_add"], result["added"], result["rejected"]) == (2, 2, 1, 2)
    assert result["first_rejected"] == [
        {"value": "", "where": "recipients[1]", "reason": "It is empty."},
        {
            "value": "bad@x",
            "where": "recipients[0]",
            "reason": "It must be a valid email address. #MS42208",
        },
    ]


@pytest.mark.parametrize(
    ("bad", "empty", "more"),
    [(10, 0, ""), (12, 0, " and 2 more"), (9, 3, " and 2 more"), (0, 11, " and 1 more")],
)
def test_ten_of_the_invalid_ones_are_named(bad, empty, more):
    invalid = [f"bad{n}@x" for n in range(bad)]
    account = Account(invalid=invalid)
    with pytest.raises(MailerSendValidationError) as caught:
        sync(account, recipients=[*invalid, *[""] * empty, "a@x.example"])
    message = str(caught.value)
    assert message.startswith(f"blocklist: {bad + empty} of what is wanted")
    assert message.count("recipients[") == 10
    assert f"{more}. All else was done." in message
    work, _ = sync(Account(invalid=invalid), recipients=[*invalid, *[""] * empty], on_invalid="skip")
    assert len(work.result(0)["first_rejected"]) == 10
    assert work.result(0)["rejected"] == bad + empty


def test_one_that_is_there_is_not_invalid():
    account = Account(invalid=["odd@x"])
    account.put("odd@x", at=NOON - minutes(5))
    work, script = sync(account, recipients=["odd@x"])
    assert (changes(script), work.result(0)["rejected"]) == ([], 0)


@pytest.mark.parametrize("status", [403, 500])
def test_where_something_else_fails_that_is_told(status):
    account = Account(invalid=["bad@x"])
    script = Script(account, account, server=lambda *_: answer(status, {"data": []}))
    with pytest.raises(MailerSendError, match="Added before that: 0 of 2") as caught:
        sync(account, script=script, sender=flow(max_retries=0), recipients=["bad@x", "a@x.example"])
    assert not isinstance(caught.value, MailerSendValidationError)


# How far it is


def test_it_tells_how_far_it_is():
    account = account_with(150)
    script = Script(server=account)
    wanted = people(*range(140), *range(200, 205))
    script.run(work_for(account, recipients=wanted, mode="mirror", batch_size=4).run(flow()))
    path = "/suppressions/blocklist"
    assert script.told == [
        (f"GET {path}", 100, None),
        (f"GET {path}", 150, None),
        (f"POST {path}", 4, 5),
        (f"POST {path}", 5, 5),
        (f"DELETE {path}", 4, 10),
        (f"DELETE {path}", 8, 10),
        (f"DELETE {path}", 10, 10),
    ]


# Reading no more than is needed


def test_adding_only_stops_reading_where_all_that_is_wanted_was_met():
    account = account_with(0)
    account.put_many(5000, newest=NOON - minutes(5))
    for value in people(0, 1, 2, 3, 4):
        account.put(value, at=NOON - minutes(4))
    _, script = sync(account, recipients=people(0, 1, 2, 3, 4))
    assert pages_read(script) == [1]
    _, script = sync(account, recipients=people(0, 1), remove_duplicates=True)
    assert len(pages_read(script)) == 51
    _, script = sync(account, recipients=people(0, 1, 2, 3, 4), mode="mirror", dry_run=True)
    assert len(pages_read(script)) == 51
    _, script = sync(account, recipients=[])
    assert script.sent == []


# Orders that vary, and two at once


def test_a_list_whose_order_keeps_varying_tells_that_some_may_be_missed():
    account = VaryingAccount()
    for value in people(*range(1000)):
        account.put(value, at=NOON - minutes(60))
    work, _ = sync(account, recipients=people(*range(1000)))
    result = work.result(0)
    assert result["may_be_incomplete"]
    assert set(account.of_domain(None)) == set(people(*range(1000)))
    work, _ = sync(account_with(300), recipients=people(*range(300)))
    assert not work.result(0)["may_be_incomplete"]


@pytest.mark.parametrize("seed", range(3))
def test_two_that_remove_duplicates_at_once_leave_one_of_each(seed):
    account = VaryingAccount(seed=seed)
    for _ in range(2):
        for value in people(*range(300)):
            account.put(value, at=NOON - minutes(60))
    given_ = {"recipients": people(*range(300)), "remove_duplicates": True}
    script = Script(server=account)
    under_way = [[work_for(account, **given_).run(flow()), None] for _ in range(2)]
    while under_way:
        for each in list(under_way):
            steps, outcome = each
            try:
                each[1] = script.perform(steps.send(outcome))
            except StopIteration:
                under_way.remove(each)
    assert sorted(set(account.of_domain(None))) == sorted(people(*range(300)))


# What is stored differently


class FoldingAccount(Account):
    """An account that stores an address without what stands after a plus sign."""

    def put(self, value, **options):
        name, _, domain = value.partition("@")
        return super().put(f"{name.partition('+')[0]}@{domain}", **options)


@pytest.mark.parametrize("mode", ["add_only", "mirror"])
@pytest.mark.parametrize("domain_id", [None, "d1"])
def test_what_is_stored_as_something_else_does_not_pile_up(mode, domain_id):
    account = FoldingAccount()
    account.put("old@x.example", at=NOON - minutes(60), domain_id=domain_id)
    given_ = {
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


def test_what_is_stored_as_another_that_is_wanted_is_taken_back():
    account = FoldingAccount()
    account.put("jane@x.example", at=NOON - minutes(60))
    wanted = ["jane+news@x.example", "jane@x.example"]
    for mode in ("add_only", "mirror"):
        work, script = sync(account, recipients=wanted, mode=mode, on_invalid="skip")
        assert [entry["id"] for entry in account.entries] == ["e1"]
        assert changes(script) == ["POST", "DELETE"]
        assert work.result(0)["added"] == 0


def test_what_another_list_holds_already_is_never_taken_back():
    # There the answer to an addition holds the entry that was there.
    account = FoldingAccount("unsubscribes")
    account.put("jane@x.example", at=NOON - minutes(60), domain_id="d1")

    def folding(request, script):
        if request.method == "POST":
            return answer(201, {"data": [account.entries[0]]})
        return account(request, script)

    script = Script(server=folding)
    sync(account, script=script, recipients=["jane+news@x.example"], domain_id="d1", on_invalid="skip")
    assert changes(script) == ["POST"]


def test_what_is_stored_as_something_else_fails_it_once_all_else_is_done():
    account = FoldingAccount()
    with pytest.raises(MailerSendValidationError, match=r"stored 1 of what was added.*stored spelling"):
        sync(account, recipients=["jane+news@x.example", "b@x.example"])
    assert sorted(account.of_domain(None)) == ["b@x.example", "jane@x.example"]
