"""What the API does late, in any order or differently than asked, over real HTTP."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_mailersend.exceptions import MailerSendIncompleteListError, MailerSendValidationError
from airflow_provider_mailersend.hooks.mailersend import MailerSendAsyncHook, MailerSendHook
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from airflow_provider_mailersend.sensors.suppressions import MailerSendSuppressionSensor
from tests.unsteady import RareFault, UnsteadySandbox

Connect = Callable[..., str]


def numbered(count: int, prefix: str = "person") -> list[str]:
    return [f"{prefix}{number}@example.net" for number in range(count)]


def blocked(sandbox: Sandbox) -> list[str]:
    return sorted(entry["pattern"] for entry in sandbox.entries("blocklist"))


@pytest.mark.parametrize(
    ("commit_after", "options"),
    [
        (1.2, {}),
        (4.0, {"gateway_clock_ahead": 3.0}),
        (3.0, {"visible_after": 2.0, "gateway_clock_ahead": 3.0}),
    ],
)
def test_an_addition_that_is_done_after_its_answer_was_lost_is_not_done_twice(
    connect: Connect, commit_after: float, options: dict[str, Any]
) -> None:
    with UnsteadySandbox(rate_limit=None, quota=None, **options) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        sandbox.fail(RareFault(method="POST", cut="after", commit_after=commit_after))
        result = hook.add_suppressions("blocklist", recipients=numbered(20))
        assert blocked(sandbox) == sorted(numbered(20))
        assert len(result["added"]) == 20
        assert len(sandbox.requests("POST")) == 1


@pytest.mark.parametrize("cut", ["before", "after"])
def test_deleting_all_leaves_what_another_adds_while_its_answer_is_lost(connect: Connect, cut: Any) -> None:
    with Sandbox(blocklist=230, rate_limit=None, quota=None) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        sandbox.fail(Fault(method="DELETE", cut=cut))

        def add_meanwhile() -> None:
            while not sandbox.requests("DELETE"):
                time.sleep(0.01)
            time.sleep(2.0)
            sandbox.add("blocklist", "other@example.net")

        other = threading.Thread(target=add_meanwhile)
        other.start()
        result = hook.delete_suppressions("blocklist", delete_all=True, domain_id="account")
        other.join()
        assert result["all"] is True
        assert blocked(sandbox) == ["other@example.net"]


@pytest.fixture
def shuffled(connect: Connect) -> Any:
    """A sandbox whose blocklist holds many entries of one second, in another order for each request."""
    with UnsteadySandbox(rate_limit=None, quota=None, shuffle_ties=True) as sandbox:
        connect(sandbox)
        sandbox.add("blocklist", *numbered(1000))
        yield sandbox


def test_a_list_whose_order_keeps_varying_is_read_again_and_told_to_be_incomplete(
    shuffled: Sandbox, logged: Callable[[], str]
) -> None:
    listed = MailerSendHook().list_suppressions("blocklist")
    ids = [entry["id"] for entry in listed]
    assert 900 < len(ids) == len(set(ids)) <= 1000
    assert len(shuffled.log) > 20
    assert "entries may be missing" in logged()


def test_absence_is_not_told_of_a_list_whose_order_keeps_varying(shuffled: Sandbox) -> None:
    gone = {("recipients", "gone@example.net"): 1}
    with pytest.raises(MailerSendIncompleteListError, match="may be there"):
        MailerSendHook().find_suppression("blocklist", recipient="gone@example.net")

    async def find() -> None:
        async with MailerSendAsyncHook() as hook:
            with pytest.raises(MailerSendIncompleteListError, match="may be there"):
                await hook.locate_suppressions("blocklist", gone)

    asyncio.run(find())


@pytest.mark.parametrize("present", [True, False])
def test_a_sensor_stays_closed_where_the_order_keeps_varying(shuffled: Sandbox, present: bool) -> None:
    sensor = MailerSendSuppressionSensor(
        task_id="wait", suppression_list="blocklist", recipient="gone@example.net", present=present
    )
    assert not sensor.poke({}).is_done
    assert not sensor.poke({}).is_done


def test_a_list_whose_ties_stand_on_one_page_needs_no_second_reading(connect: Connect) -> None:
    with UnsteadySandbox(rate_limit=None, quota=None, shuffle_ties=True) as sandbox:
        sandbox.add("blocklist", *numbered(90))
        hook = MailerSendHook(connect(sandbox))
        assert len(hook.list_suppressions("blocklist")) == 90
        assert len(sandbox.log) == 1


def test_what_is_stored_differently_is_told_and_does_not_pile_up(
    connect: Connect, logged: Callable[[], str]
) -> None:
    def without_tag(address: str) -> str:
        name, _, domain = address.partition("@")
        return f"{name.partition('+')[0]}@{domain}"

    with UnsteadySandbox(rate_limit=None, quota=None, stored_as=without_tag) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        wanted = ["jane+news@example.net", "bob@example.net"]
        for _ in range(3):
            with pytest.raises(MailerSendValidationError, match=r"Correct the source to the stored spelling"):
                hook.sync_suppressions("blocklist", recipients=wanted)
            assert blocked(sandbox) == ["bob@example.net", "jane@example.net"]
        result = hook.sync_suppressions("blocklist", recipients=wanted, on_invalid="skip")
        assert result["first_stored_differently"] == [
            {"value": wanted[0], "where": "recipients[0]", "stored_as": "jane@example.net"}
        ]
        said = logged()
        assert "change it in the source to the stored spelling" in said
        assert "jane" not in said


@pytest.mark.parametrize("suppression_list", ["blocklist", "hard-bounces"])
def test_a_domain_id_that_the_account_has_not_is_shown(connect: Connect, suppression_list: str) -> None:
    with Sandbox(rate_limit=None, quota=None) as sandbox:
        hook = MailerSendHook(connect(sandbox, extra={"domain_id": "no0such1domain"}))
        for call in (
            lambda: hook.add_suppressions(suppression_list, recipients=["a@example.net"]),
            lambda: hook.list_suppressions(suppression_list),
        ):
            with pytest.raises(MailerSendValidationError, match=r"'no0such1domain' was sent.*\(Domains\)"):
                call()


def test_simultaneous_syncs_do_not_ask_for_the_quota(connect: Connect) -> None:
    with Sandbox(rate_limit=None, quota=1000) as sandbox:
        connect(sandbox)
        syncs = [
            threading.Thread(
                target=MailerSendHook().sync_suppressions,
                args=("blocklist",),
                kwargs={"recipients": numbered(9)},
            )
            for _ in range(8)
        ]
        for thread in syncs:
            thread.start()
        for thread in syncs:
            thread.join()
        assert sandbox.requests(path="/api-quota") == []


def test_a_deferrable_sensor_leaves_resolving_its_domain_to_the_trigger(connect: Connect) -> None:
    with Sandbox(blocklist=5, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)
        sandbox.add("blocklist", "a@example.net", domain="example.com")
        sensor = MailerSendSuppressionSensor(
            task_id="wait",
            suppression_list="blocklist",
            recipient="a@example.net",
            domain="example.com",
            deferrable=True,
        )
        with pytest.raises(TaskDeferred) as deferred:
            sensor.execute({})
        trigger = deferred.value.trigger
        assert sandbox.log == []

        async def wait() -> Any:
            return await anext(aiter(trigger.run()))

        assert asyncio.run(wait()).payload["status"] == "success"
        assert len(sandbox.requests(path="/domains")) == 1


def test_many_who_name_a_domain_at_once_resolve_it_once(connect: Connect) -> None:
    async def look() -> None:
        async with MailerSendAsyncHook() as hook:
            await asyncio.gather(
                *(hook.list_suppressions("blocklist", domain="example.com") for _ in range(5)),
                hook.locate_suppressions(
                    "blocklist", {("recipients", "a@b.example"): 1}, domain="example.com"
                ),
            )

    with Sandbox(blocklist=5, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)
        asyncio.run(look())
        asked = Counter(request.path for request in sandbox.log)
        assert asked == {"/domains": 1, "/suppressions/blocklist": 6}
