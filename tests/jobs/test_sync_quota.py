from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_mailersend.api.answers import Answer, Outcome
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.exceptions import (
    MailerSendAuthenticationError,
    MailerSendPermissionError,
    MailerSendQuotaExhaustedError,
)
from tests.feeding.account import Account, minutes
from tests.feeding.script import NOON, Script, answer, flow, properties
from tests.feeding.syncs import HOUR, account_with, people, sync, values


def needs(account: Account, **given_: Any) -> Any:
    _, script = sync(account, **given_)
    return sum(request.uses_quota for request in script.sent), len(script.pages_read)


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
    there: int,
    wanted: Any,
    shared: int,
    others: Any,
    batch_size: int,
    mirror: bool,
    dry_run: bool,
    knows_pages: bool,
) -> None:
    shared = min(there, wanted, shared)
    given_: dict[str, Any] = {
        "recipients": people(*range(there - shared, there - shared + wanted)),
        "batch_size": batch_size,
        "mode": "mirror" if mirror else "add_only",
        "max_deletes": 1.0,
        "allow_empty": True,
        "dry_run": dry_run,
    }

    def account() -> Any:
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


def test_what_cannot_be_enough_is_not_begun() -> None:
    account = account_with(0, left=3, whole_day=100)
    script = Script(server=account)
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        sync(account, script=script, recipients=people(*range(301)), batch_size=100)
    assert [request.path for request in script.sent] == ["/suppressions/blocklist", "/api-quota"]
    assert str(caught.value).startswith(
        "Synchronizing blocklist was not started: it needs at least 3 requests, and 2 are left of the daily quota."
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
def test_after_its_first_page_it_takes_at_least_so_many_requests_less_one(
    number: int, batch_size: int, pages: Any, least: int
) -> None:
    account = account_with(0, left=1)
    with pytest.raises(MailerSendQuotaExhaustedError, match=f"at least {least - 1} requests, and 0 are left"):
        sync(
            account,
            recipients=people(*range(number)),
            batch_size=batch_size,
            pages_read=pages,
        )


@pytest.mark.parametrize("goes_on", [True, False])
def test_more_than_a_whole_day_has_is_begun_only_where_it_can_go_on(goes_on: bool) -> None:
    account = account_with(0, left=2, whole_day=2)
    given_: dict[str, Any] = {"recipients": people(*range(250)), "batch_size": 10}
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        sync(account, resume_after_quota_reset=goes_on, **given_)
    assert caught.value.permanent is not goes_on
    assert len(account.entries) == (10 if goes_on else 0)


def test_unless_told_otherwise_it_must_be_done_in_a_day() -> None:
    account = account_with(0, left=2, whole_day=2)
    with pytest.raises(MailerSendQuotaExhaustedError, match="A full day's quota of 2 is not enough"):
        sync(account, recipients=people(*range(250)), batch_size=10)


def test_the_work_of_days_does_not_read_on_a_day_too_short_for_it() -> None:
    account = account_with(500, left=5, whole_day=5)
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        sync(account, recipients=people(0), resume_after_quota_reset=True, pages_read=5)
    assert caught.value.permanent
    assert "A full day's quota of 5 is not enough" in str(caught.value)


def test_pages_read_by_an_earlier_run_are_known_to_the_next() -> None:
    account = account_with(350, left=2, tells_quota=False)
    with pytest.raises(MailerSendQuotaExhaustedError) as caught:
        sync(account, recipients=people(1))
    pages_read = caught.value.counts["pages"]
    assert pages_read == 2
    account.left, account.tells_quota = 2, True
    with pytest.raises(MailerSendQuotaExhaustedError, match="at least 2 requests, and 1 are left") as caught:
        sync(account, recipients=people(1), pages_read=pages_read)
    assert caught.value.counts["pages"] == 2
    account.left = 4
    sync(account, recipients=people(1), pages_read=pages_read)


def test_it_takes_as_many_days_as_it_takes() -> None:
    account = account_with(150, left=4, whole_day=4)
    wanted = people(*range(100, 150), *range(200, 260))
    given_: dict[str, Any] = {"recipients": wanted, "batch_size": 20, "mode": "mirror", "max_deletes": 100}
    pages, read = 0, []
    for day in range(9):
        script = Script(server=account, start=NOON + 24 * HOUR * day)
        try:
            sync(account, script=script, resume_after_quota_reset=True, pages_read=pages, **given_)
            break
        except MailerSendQuotaExhaustedError as error:
            pages, account.left = max(pages, error.counts["pages"]), 4
        finally:
            read.append(len(script.pages_read))
    assert values(account) == sorted(wanted)
    # Each day reads the list again, and does two batches more.
    assert read == [2, 2, 2, 2]


@pytest.mark.parametrize("status", [403, 404])
def test_who_may_not_ask_for_the_quota_may_synchronize(status: Any) -> None:
    account = account_with(2)
    script = Script(account, answer(status), server=account)
    sync(account, script=script, recipients=people(*range(2300)), batch_size=99)
    assert script.sent[1].path == "/api-quota"
    assert len(account.entries) == 2300


def test_a_long_job_asks_for_the_quota_after_its_first_page_and_a_short_one_does_not() -> None:
    for number, asked in ((2000, []), (2101, [1])):
        account = account_with(1)
        _, script = sync(account, recipients=people(*range(number)), batch_size=99)
        assert [n for n, request in enumerate(script.sent) if request.path == "/api-quota"] == asked


def test_what_the_first_page_tells_to_be_enough_is_not_asked_for() -> None:
    account = account_with(1, left=100)
    _, script = sync(account, recipients=people(*range(2500)), batch_size=99)
    assert [request.path for request in script.sent if not request.uses_quota] == []
    assert len(account.entries) == 2500


def test_the_reserve_is_kept_although_the_first_page_tells_what_is_left() -> None:
    account = account_with(1, left=29)
    script = Script(server=account)
    with pytest.raises(
        MailerSendQuotaExhaustedError, match=r"at least 25 requests, and 8 are left .* besides the 20"
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


def test_a_token_that_is_not_valid_ends_it_before_anything() -> None:
    with pytest.raises(MailerSendAuthenticationError, match=r"Nothing was changed\.$") as caught:
        sync(None, script=Script(answer(401)), recipients=people(5))
    assert caught.value.counts["pages"] == 0


def test_an_error_in_between_tells_what_was_done_before() -> None:
    account = account_with(4)
    script = Script(*[account] * 2, answer(403), server=account)
    given_: dict[str, Any] = {
        "recipients": people(2, 3, 4, 5, 6),
        "mode": "mirror",
        "max_deletes": 2,
        "batch_size": 2,
    }
    with pytest.raises(
        MailerSendPermissionError, match=r"Added before that: 2 of 3; deleted: 0 of 2\.$"
    ) as caught:
        sync(account, script=script, **given_)
    assert caught.value.counts == {"added": 2, "deleted": 0, "duplicates": 0, "pages": 0}
    assert values(account) == people(0, 1, 2, 3, 4, 5)


def test_where_the_first_page_shows_that_just_enough_is_left_nothing_is_asked_for() -> None:
    account = account_with(100, left=2, whole_day=100)
    _, script = sync(account, recipients=people(*range(200)), batch_size=100)
    assert script.methods == ["GET", "POST"]
    assert (account.left, len(account.entries)) == (0, 200)


@pytest.mark.parametrize("said", ["-1", None])
def test_where_the_first_page_shows_that_requests_are_unlimited_nothing_is_asked_for(
    said: str | None,
) -> None:
    account = account_with(0)

    def serve(request: Request, script: Script) -> Outcome:
        answered = account(request, script)
        assert isinstance(answered, Answer)
        return answered if said is None else replace(answered, headers={"x-apiquota-remaining": said})

    script = Script(server=serve)
    sync(account, script=script, recipients=people(*range(2200)), batch_size=99)
    asked = [request for request in script.sent if request.path == "/api-quota"]
    assert len(asked) == (0 if said else 1)
