from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.api.answers import Outcome
from airflow_provider_mailersend.api.requests import Request, SmsRecipientStatus
from airflow_provider_mailersend.exceptions import (
    MailerSendAuthenticationError,
    MailerSendNotFoundError,
    MailerSendQuotaExhaustedError,
    MailerSendRequestError,
    MailerSendUnexpectedAnswerError,
)
from airflow_provider_mailersend.jobs.sms_updates import SmsUpdates, set_status
from tests.feeding.script import Script, Server, answer, flow, lost, page, properties, refusal

OPT_OUT, ACTIVE = SmsRecipientStatus.OPT_OUT, SmsRecipientStatus.ACTIVE
USED_UP = answer(429, {"message": "The daily API quota is reached. #MS42901"})


def number(n: int) -> str:
    return f"+1555123{n:04}"


class SmsAccount:
    """
    SMS recipients s0, s1 and so on.

    :param phones: the number of each one's phone number; some may have the same.
    :param refused: the ids that are refused by a 422.
    :param left: how many of the day's requests are left; None for any number.
    """

    def __init__(self, *phones: int, refused: tuple[str, ...] = (), left: int | None = None) -> None:
        self.recipients = [
            {"id": f"s{n}", "number": number(phone), "status": "active"} for n, phone in enumerate(phones)
        ]
        self.refused = refused
        self.left = left
        self.set: list[str] = []

    def __call__(self, request: Request, script: Script) -> Outcome:
        if self.left == 0:
            return USED_UP
        if self.left is not None:
            self.left -= 1
        if request.method == "GET":
            first = 100 * (int(request.params["page"]) - 1)
            return page(*self.recipients[first : first + 100], more=len(self.recipients) > first + 100)
        id_ = request.path.rpartition("/")[2]
        if id_ in self.refused:
            return refusal({"status": [f"{id_} cannot be set."]})
        for one in self.recipients:
            if one["id"] == id_:
                one["status"] = (request.body or {})["status"]
                self.set.append(id_)
                return answer(200, {"data": one})
        return answer(404, {"message": "Resource not found."})

    def of(self, status: str) -> list[str]:
        return [one["id"] for one in self.recipients if one["status"] == status]


def update(
    server: Server | None,
    *,
    script: Script | None = None,
    status: SmsRecipientStatus = OPT_OUT,
    **given_: Any,
) -> tuple[SmsUpdates, Script]:
    """Set those given; return the work and the script it ran by."""
    script = script or Script(server=server)
    work = SmsUpdates(status, **given_)
    script.run(work.run(flow()))
    return work, script


def put(script: Script) -> list[str]:
    return [request.path.rpartition("/")[2] for request in script.sent if request.method == "PUT"]


def test_those_named_by_their_ids_are_set_in_order_and_each_once() -> None:
    account = SmsAccount(0, 1, 2)
    work, script = update(account, ids=["s2", " s0 ", "s2"])
    assert (put(script), account.of("opt_out")) == (["s2", "s0"], ["s0", "s2"])
    assert script.bodies == [{"status": "opt_out"}] * 2
    assert work.result(2) == {
        "updated": ["s2", "s0"],
        "unchanged": 0,
        "missing": [],
        "may_be_incomplete": False,
        "requests": 2,
    }


def test_those_of_a_phone_number_are_all_set_where_their_status_differs() -> None:
    account = SmsAccount(0, 1, 0, 2, 0)
    account.recipients[2]["status"] = "opt_out"
    work, script = update(account, numbers=["+1 (555) 123-0000", number(2), number(0)])
    assert put(script) == ["s0", "s3", "s4"]
    assert work.result(4) == {
        "updated": ["s0", "s3", "s4"],
        "unchanged": 1,
        "missing": [],
        "may_be_incomplete": False,
        "requests": 4,
    }


def test_those_of_a_phone_number_are_looked_for_on_every_page() -> None:
    account = SmsAccount(*range(250))
    work, script = update(account, numbers=[number(249), number(100)])
    assert work.updated == ["s100", "s249"]
    assert [dict(r.params) for r in script.sent if r.method == "GET"] == [
        {"page": n, "limit": 100} for n in (1, 2, 3)
    ]


def test_only_those_of_one_sms_number_are_looked_at() -> None:
    _, script = update(SmsAccount(0), numbers=[number(0)], sms_number_id="n1")
    assert script.sent[0].params["sms_number_id"] == "n1"
    assert "status" not in script.sent[0].params


def test_done_again_nothing_is_set() -> None:
    account = SmsAccount(0, 1)
    update(account, numbers=[number(0), number(1)])
    work, script = update(account, numbers=[number(0), number(1)])
    assert (put(script), work.unchanged, work.updated) == ([], 2, [])


def test_they_can_be_made_active_again() -> None:
    account = SmsAccount(0)
    account.recipients[0]["status"] = "opt_out"
    work, _ = update(account, numbers=[number(0)], status=ACTIVE)
    assert (work.updated, account.of("active")) == (["s0"], ["s0"])


@pytest.mark.parametrize("given_", [{"ids": []}, {"numbers": iter(())}])
def test_nothing_given_means_nothing_sent(given_: dict[str, Any]) -> None:
    work, script = update(None, **given_)
    assert script.sent == []
    assert work.result(0) == {
        "updated": [],
        "unchanged": 0,
        "missing": [],
        "may_be_incomplete": False,
        "requests": 0,
    }


@pytest.mark.parametrize(
    ("given_", "error", "said"),
    [
        ({"on_missing": "ignore"}, ValueError, "^on_missing must be one of fail, skip; got 'ignore'$"),
        ({}, ValueError, "^give either ids or numbers, not both$"),
        ({"ids": ["s1"], "numbers": [number(1)]}, ValueError, "^give either ids or numbers, not both$"),
        ({"ids": (), "numbers": ()}, ValueError, "^give either ids or numbers, not both$"),
        ({"ids": ["s1", " "]}, ValueError, r"ids\[1\] must be an id, as a string; got ' '$"),
        ({"numbers": number(1)}, TypeError, "numbers must be a list of strings; got one string"),
        ({"numbers": ["5551234567"]}, ValueError, r"numbers\[0\] '5\*\*\*' is not a phone number"),
        ({"ids": "s1"}, TypeError, "ids must be a list of strings; got one string"),
    ],
)
def test_bad_arguments_are_refused_before_any_request(given_: dict[str, Any], error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        SmsUpdates(OPT_OUT, **given_)


@pytest.mark.parametrize(
    ("given_", "named"),
    [
        ({"ids": ["x1", "s1", "x2"]}, "x1, x2"),
        ({"numbers": [number(1), number(9)]}, r"numbers\[1\] \+1\*\*\*09"),
    ],
)
def test_what_is_unknown_fails_it_once_the_others_are_set(given_: dict[str, Any], named: str) -> None:
    account = SmsAccount(0, 1)
    with pytest.raises(MailerSendRequestError) as caught:
        update(account, **given_)
    assert account.of("opt_out") == ["s1"]
    assert caught.match(
        rf"^MailerSend has no SMS recipients for {named}; on_missing='skip' skips them. All others \(1\) were "
        "set to opt_out.$"
    )
    assert caught.value.permanent


def test_what_is_unknown_is_left_out_when_asked_to() -> None:
    work, _ = update(SmsAccount(0, 1), ids=["x1", "s1", "x2"], on_missing="skip")
    assert work.result(3) == {
        "updated": ["s1"],
        "unchanged": 0,
        "missing": ["x1", "x2"],
        "may_be_incomplete": False,
        "requests": 3,
    }
    work, _ = update(SmsAccount(0, 1), numbers=[number(8), number(1), number(7)], on_missing="skip")
    assert work.result(2) == {
        "updated": ["s1"],
        "unchanged": 0,
        "missing": [number(8), number(7)],
        "may_be_incomplete": False,
        "requests": 2,
    }


def test_where_all_are_unknown_nothing_was_set() -> None:
    with pytest.raises(MailerSendRequestError, match=r" Nothing was set to opt_out\.$"):
        update(SmsAccount(), ids=["x1"])


def test_of_many_unknown_ones_twenty_are_named() -> None:
    with pytest.raises(MailerSendRequestError, match=r"x19 and 5 more; on_missing"):
        update(SmsAccount(), ids=[f"x{n}" for n in range(25)])
    with pytest.raises(MailerSendRequestError, match=r"x19 and 1 more; on_missing"):
        update(SmsAccount(), ids=[f"x{n}" for n in range(21)])
    with pytest.raises(MailerSendRequestError, match=r"for x0, .*, x19; on_missing"):
        update(SmsAccount(), ids=[f"x{n}" for n in range(20)])


@pytest.mark.parametrize("on_missing", ["fail", "skip"])
def test_one_that_is_refused_holds_up_none_of_the_others(on_missing: str) -> None:
    account = SmsAccount(0, 1, 2, refused=("s0",))
    with pytest.raises(MailerSendRequestError) as caught:
        update(account, ids=["s0", "s1", "x1", "s2"], on_missing=on_missing)
    assert account.of("opt_out") == ["s1", "s2"]
    message = str(caught.value)
    assert message.startswith(
        "MailerSend refuses to set 1 SMS recipients to opt_out: s0: s0 cannot be set. Leave"
    )
    assert message.endswith("All others (2) were set to opt_out.")
    assert ("has no SMS recipients for x1;" in message) is (on_missing == "fail")


def test_of_many_refused_ones_ten_are_named() -> None:
    account = SmsAccount(*range(13), refused=tuple(f"s{n}" for n in range(12)))
    ids = [f"s{n}" for n in range(13)]
    ten = "; ".join(f"s{n}: s{n} cannot be set" for n in range(10))
    for refused, more in ((10, ""), (11, " and 1 more"), (12, " and 2 more")):
        with pytest.raises(MailerSendRequestError) as caught:
            update(account, ids=[*ids[:refused], "s12"])
        assert str(caught.value) == (
            f"MailerSend refuses to set {refused} SMS recipients to opt_out: {ten}{more}. Leave them out, or set them "
            "in MailerSend. All others (1) were set to opt_out."
        )


def test_an_answer_of_another_status_ends_it() -> None:
    one = {"id": "s0", "status": "active"}
    with pytest.raises(MailerSendUnexpectedAnswerError) as caught:
        update(None, script=Script(answer(200, {"data": one})), ids=["s0", "s1"])
    assert str(caught.value) == (
        "PUT /sms-recipients/{id} was to set the status opt_out, but the response has the status 'active'. "
        "Check in MailerSend whether it was set. Set to opt_out before that: 0 of 2."
    )
    assert caught.value.endpoint == "PUT /sms-recipients/{id}"
    assert caught.value.counts == {"updated": 0}


@pytest.mark.parametrize("body", [{"data": {"id": "s0"}}, {"data": {"id": "s0", "status": None}}])
def test_an_answer_without_the_status_is_not_taken_for_done(body: Any) -> None:
    with pytest.raises(MailerSendUnexpectedAnswerError, match="has the status None"):
        Script(answer(200, body)).run(set_status(flow(), "s0", OPT_OUT))


def test_setting_one_returns_it() -> None:
    account = SmsAccount(0)
    one = Script(server=account).run(set_status(flow(), "s0", OPT_OUT))
    assert one == {"id": "s0", "number": number(0), "status": "opt_out"}
    with pytest.raises(MailerSendNotFoundError):
        Script(server=account).run(set_status(flow(), "x", OPT_OUT))


def test_one_whose_answer_was_lost_is_set_again() -> None:
    account = SmsAccount(0, 1)

    def lose(request: Request, script: Script) -> Outcome:
        account(request, script)
        return lost()

    work, script = update(account, script=Script(lose, server=account), ids=["s0", "s1"])
    assert (put(script), work.updated) == (["s0", "s0", "s1"], ["s0", "s1"])


def test_an_error_tells_how_many_were_set_before() -> None:
    account = SmsAccount(0, 1, 2)
    with pytest.raises(
        MailerSendAuthenticationError, match=r"Set to opt_out before that: 2 of 3\.$"
    ) as caught:
        update(account, script=Script(account, account, answer(401)), ids=["s0", "s1", "s2"])
    assert caught.value.counts == {"updated": 2}


def test_an_error_while_reading_says_nothing_of_what_was_set() -> None:
    with pytest.raises(MailerSendAuthenticationError) as caught:
        update(None, script=Script(answer(401)), numbers=[number(0)])
    assert caught.value.counts == {}
    assert caught.value.progress is None


def test_it_tells_how_far_it_is() -> None:
    script = Script(server=SmsAccount(0, 1))
    script.run(SmsUpdates(OPT_OUT, ids=["s0", "x1", "s1"], on_missing="skip").run(flow()))
    assert script.told == [("PUT /sms-recipients/{id}", done, 3) for done in (1, 2, 3)]


# Starting over


@pytest.mark.parametrize(
    "given_",
    [
        {"ids": ["s4", "x1", "s0", "s2", "x2", "s3"]},
        {"ids": ["s4", "x1", "s0", "s2", "x2", "s3"], "changed_only": True},
        {"numbers": [number(4), number(0), number(7), number(1), number(8)]},
    ],
)
def test_a_killed_worker_s_work_is_started_over(given_: dict[str, Any]) -> None:
    for steps in range(30):
        account = SmsAccount(0, 1, 2, 0, 4)
        is_done = Script(server=account).run_some(
            SmsUpdates(OPT_OUT, on_missing="skip", **given_).run(flow()), steps
        )
        work, script = update(account, on_missing="skip", **given_)
        set_ = {one["id"] for one in account.recipients if one["status"] == "opt_out"}
        assert set_ == ({"s0", "s1", "s3", "s4"} if "numbers" in given_ else {"s0", "s2", "s3", "s4"}), steps
        assert len(work.missing) == 2
    assert is_done
    # Done already, ids alone are all set again.
    assert len(put(script)) == (0 if "numbers" in given_ or "changed_only" in given_ else 6)


def test_ids_that_are_set_already_are_left_out_where_that_is_asked_for() -> None:
    account = SmsAccount(0, 1, 2)
    account.recipients[1]["status"] = "opt_out"
    work, script = update(account, ids=["s2", "x1", "s1"], changed_only=True, on_missing="skip")
    assert [request.method for request in script.sent] == ["GET", "PUT"]
    assert (work.updated, work.unchanged, work.missing) == (["s2"], 1, ["x1"])


@properties
@given(
    ids=st.lists(st.sampled_from([f"s{n}" for n in range(6)] + ["x1", "x2"]), max_size=8),
    days=st.lists(st.integers(0, 3), max_size=5),
)
def test_each_is_set_once_however_many_days_it_takes(ids: Any, days: list[int]) -> None:
    account, is_again = SmsAccount(*range(6)), False
    for left in [*days, None]:
        account.left = left
        try:
            update(account, ids=ids, on_missing="skip", changed_only=is_again)
            break
        except MailerSendQuotaExhaustedError:
            is_again = True
    unique = list(dict.fromkeys(ids))
    assert sorted(account.set) == sorted(id_ for id_ in unique if id_[0] == "s")


@pytest.mark.parametrize("keeps_varying", [False, True])
def test_a_list_whose_order_keeps_varying_tells_that_some_may_be_missed(keeps_varying: bool) -> None:
    account = SmsAccount(*range(1000))
    order = Random(0)

    def varying(request: Request, script: Script) -> Outcome:
        if keeps_varying and request.method == "GET":
            order.shuffle(account.recipients)
        return account(request, script)

    work, _ = update(varying, ids=["s0"], changed_only=True, on_missing="skip")
    assert work.result(0)["may_be_incomplete"] is keeps_varying
    gone = "s1000"
    with pytest.raises(MailerSendRequestError) as caught:
        update(varying, ids=[gone], changed_only=True)
    assert ("Some may exist: the list's order kept changing" in str(caught.value)) is keeps_varying
