"""What a task keeps for its next try in the task state store, over real HTTP."""

from __future__ import annotations

import json
import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_mailersend.exceptions import MailerSendError, MailerSendServerError
from airflow_provider_mailersend.operators.suppressions import MailerSendSyncSuppressionsOperator
from airflow_provider_mailersend.sandbox import Fault, Sandbox

Connect = Callable[..., str]
Logged = Callable[[], str]


class KilledError(BaseException):
    """The worker is no more."""


class Store:
    """A task state store, with the interface of Airflow's accessor. It holds JSON, as Airflow's does."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.sizes: list[int] = []
        self.deletions = 0
        #: How often something may be kept until the worker is killed, and whether just before it is kept.
        self.kills_at: int | None = None
        self.kills_before = False

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self.kept[key]) if key in self.kept else default

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        assert value is not None
        last = self.kills_at == len(self.sizes)
        self.sizes.append(len(json.dumps(value)))
        if last and self.kills_before:
            raise KilledError
        self.kept[key] = json.dumps(value)
        if last:
            raise KilledError

    def delete(self, key: str) -> None:
        self.deletions += 1
        self.kept.pop(key, None)


class BrokenStore:
    """A task state store whose server is away."""

    def __init__(self) -> None:
        self.calls = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.calls += 1
        raise ConnectionError("jane.roe@example.net is not at home")

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self.calls += 1
        raise ConnectionError("jane.roe@example.net is not at home")

    def delete(self, key: str) -> None:
        self.calls += 1
        raise ConnectionError("jane.roe@example.net is not at home")


def numbered(count: int, prefix: str = "wanted") -> list[str]:
    return [f"{prefix}{number}@example.net" for number in range(count)]


def syncing(recipients: list[str], **arguments: Any) -> MailerSendSyncSuppressionsOperator:
    return MailerSendSyncSuppressionsOperator(
        task_id="sync",
        suppression_list="blocklist",
        recipients=recipients,
        **{"mode": "mirror", "max_deletes": 1.0, "batch_size": 20, "on_invalid": "skip", **arguments},
    )


def sync(store: Any, recipients: list[str], **arguments: Any) -> dict[str, Any]:
    """Do what one try of the task does."""
    context: Any = {} if store is None else {"task_state_store": store}
    result: dict[str, Any] = syncing(recipients, **arguments).execute(context)
    return result


def pages(sandbox: Sandbox) -> int:
    """Return how many pages of the list have been read."""
    return len(sandbox.requests("GET", "/suppressions/*"))


def done(sandbox: Sandbox, method: str, field: str) -> Counter[str]:
    """Return what all successful requests of that method held."""
    answered = [request for request in sandbox.requests(method) if (request.status or 500) < 300]
    return Counter(chain.from_iterable(request.json.get(field, ()) for request in answered))


def addresses(sandbox: Sandbox) -> list[str]:
    """Return the account's own addresses on the list."""
    own = [entry for entry in sandbox.entries("blocklist") if entry["domain"] is None]
    return [entry["pattern"] for entry in own if entry["type"] == "exact"]


def check_all_is_done_once(sandbox: Sandbox, recipients: list[str]) -> None:
    assert sorted(addresses(sandbox)) == sorted(recipients)
    for method, field in (("POST", "recipients"), ("DELETE", "ids")):
        assert set(done(sandbox, method, field).values()) <= {1}


@pytest.fixture
def long_list(connect: Connect) -> Iterator[Sandbox]:
    """A list of nine pages, of long ago: of the account's own there are 200 addresses and 8 patterns."""
    # Entries dated to the microsecond are told apart by date alone.
    with Sandbox(blocklist=832, rate_limit=None, quota=None, dialect="documented") as sandbox:
        connect(sandbox, extra={"max_retries": 0})
        yield sandbox


@pytest.fixture
def wanted(long_list: Sandbox) -> list[str]:
    """150 addresses, of which 50 are on the list."""
    return [*numbered(100), *addresses(long_list)[:50]]


@pytest.mark.parametrize(
    ("fault", "added", "deleted", "reads"),
    [
        (Fault(method="POST", skip=2, status=503), 40, 0, 1),
        (Fault(method="POST", skip=2, status=503, processed=True), 60, 0, 1),
        (Fault(method="POST", skip=2, cut="before"), 40, 0, 1),
        (Fault(method="DELETE", skip=2, status=503), 100, 40, 0),
        (Fault(method="DELETE", skip=2, cut="before"), 100, 40, 0),
    ],
    ids=["POST 503", "POST 503, processed", "POST cut", "DELETE 503", "DELETE cut"],
)
def test_a_retry_goes_on_where_the_try_before_ended(
    long_list: Sandbox, wanted: list[str], fault: Fault, added: int, deleted: int, reads: int
) -> None:
    store = Store()
    long_list.fail(fault)
    if fault.processed:
        # The list is looked up, and then the next request goes wrong.
        long_list.fail(Fault(method="POST", skip=2, status=403))
    with pytest.raises(Exception, match=f"Added before that: {added} of 100; deleted: {deleted} of 150"):
        sync(store, wanted)
    assert store.kept
    before, begun_with = pages(long_list), len(long_list.log)
    assert before >= 9
    result = sync(store, wanted)
    assert pages(long_list) - before == reads
    assert store.kept == {}
    check_all_is_done_once(long_list, wanted)
    assert (result["added"], result["deleted"], result["unchanged"]) == (100, 150, 50)
    assert (result["present"], result["to_add"], result["to_delete"]) == (200, 100, 150)
    left = reads + (100 - added) // 20 + -(-(150 - deleted) // 20)
    assert len(long_list.log) - begun_with == left
    # What the first try could not keep is not counted: the request that failed, and what it was looked up by.
    assert left < result["requests"] <= len(long_list.log)


@pytest.mark.parametrize("before", [True, False], ids=["before it is kept", "after it is kept"])
@pytest.mark.parametrize("kills_at", range(14))
def test_a_worker_may_be_killed_at_any_point(
    long_list: Sandbox, wanted: list[str], kills_at: int, before: bool
) -> None:
    store = Store()
    store.kills_at, store.kills_before = kills_at, before
    with pytest.raises(KilledError):
        sync(store, [*wanted, "refused@nodot"])
    read = pages(long_list)
    assert read == 9
    result = sync(store, [*wanted, "refused@nodot"])
    check_all_is_done_once(long_list, wanted)
    assert (result["added"], result["deleted"], result["rejected"]) == (100, 150, 1)
    assert [one["where"] for one in result["first_rejected"]] == ["recipients[150]"]
    assert store.kept == {}
    keeps_nothing = kills_at == 0 and before
    # The newest are looked back at: all of a page were made within the seconds by which the API's clocks may differ.
    assert pages(long_list) - read <= (10 if keeps_nothing else 2)


def test_a_worker_may_be_killed_again_and_again(long_list: Sandbox, wanted: list[str]) -> None:
    store = Store()
    store.kills_at, store.kills_before = 1, True
    kills = 0
    while True:
        store.sizes.clear()
        try:
            result = sync(store, wanted)
        except KilledError:
            kills += 1
            assert kills < 50
            # A try that gets no further than keeping what the one before did would go on for ever.
            store.kills_before = not store.kills_before
            continue
        break
    assert kills > 5
    check_all_is_done_once(long_list, wanted)
    assert (result["added"], result["deleted"]) == (100, 150)
    assert store.kept == {}


def test_who_was_added_by_somebody_else_meanwhile_is_not_added_again(
    long_list: Sandbox, wanted: list[str]
) -> None:
    store = Store()
    store.kills_at = 2
    with pytest.raises(KilledError):
        sync(store, wanted)
    long_list.add("blocklist", "wanted99@example.net")
    sync(store, wanted)
    check_all_is_done_once(long_list, wanted)


@pytest.mark.parametrize("suppression_list", ["blocklist", "unsubscribes"])
def test_a_retry_goes_on_for_a_domain_too(connect: Connect, suppression_list: str) -> None:
    with Sandbox(rate_limit=None, quota=None, dialect="documented") as sandbox:
        connect(sandbox)
        check_a_retry_for_a_domain(sandbox, suppression_list)


def check_a_retry_for_a_domain(sandbox: Sandbox, suppression_list: str) -> None:
    sandbox.add(suppression_list, *numbered(350, "old"), domain="news.example.com")
    sandbox.add(suppression_list, *numbered(30), domain="example.com")
    store = Store()
    store.kills_at, store.kills_before = 2, True
    arguments = {"suppression_list": suppression_list, "domain": "news.example.com", "mode": "mirror"}
    for _ in range(2):
        operator = MailerSendSyncSuppressionsOperator(
            task_id="sync", recipients=numbered(60), batch_size=20, max_deletes=1.0, **arguments
        )
        try:
            result = operator.execute({"task_state_store": store})
        except KilledError:
            read = pages(sandbox)
    # It looks back at what was made within the last seconds, which here is all there is.
    assert pages(sandbox) - read <= 4
    assert (result["added"], result["deleted"]) == (60, 350)
    assert set(done(sandbox, "POST", "recipients").values()) == {1}
    assert len(sandbox.entries(suppression_list)) == 30 + 60


def test_nothing_is_kept_where_nothing_is_to_be_done(long_list: Sandbox, wanted: list[str]) -> None:
    store = Store()
    sync(store, wanted)
    kept, store.deletions = len(store.sizes), 0
    assert kept > 0
    assert store.kept == {}
    sync(store, wanted)
    sync(store, numbered(10), dry_run=True)
    assert len(store.sizes) == kept
    assert store.deletions == 0


def test_a_dry_run_takes_up_no_plan_and_leaves_it_there(long_list: Sandbox, wanted: list[str]) -> None:
    store = Store()
    store.kills_at = 2
    with pytest.raises(KilledError):
        sync(store, wanted)
    kept = dict(store.kept)
    result = sync(store, wanted, dry_run=True)
    assert (result["to_add"], result["added"]) == (60, 0)
    assert store.kept == kept


CHANGES: dict[str, Callable[[list[str]], dict[str, Any]]] = {
    "fewer": lambda wanted: {"recipients": wanted[1:]},
    "in another order": lambda wanted: {"recipients": wanted[::-1]},
    "add only": lambda wanted: {"mode": "add_only"},
    "without duplicates": lambda wanted: {"remove_duplicates": True},
    "patterns too": lambda wanted: {"patterns": [".*@x"]},
    "a domain's": lambda wanted: {"domain": "news.example.com"},
}


@pytest.mark.parametrize("changed", CHANGES)
def test_the_plan_for_another_source_is_not_carried_out(
    long_list: Sandbox, wanted: list[str], changed: str
) -> None:
    store = Store()
    store.kills_at = 2
    with pytest.raises(KilledError):
        sync(store, wanted)
    before, there = pages(long_list), addresses(long_list)
    arguments = {"recipients": wanted, **CHANGES[changed](wanted)}
    result = sync(store, **arguments)
    if "domain" in arguments:
        assert pages(long_list) - before == 3
        assert (result["added"], addresses(long_list)) == (150, there)
        return
    assert pages(long_list) - before == 9
    left = there if changed == "add only" else []
    # What the first try had added is there, wanted or not; a mirror deletes it.
    assert sorted(addresses(long_list)) == sorted({*arguments["recipients"], *left})
    assert result["unchanged"] >= 50


def test_the_order_of_what_is_wanted_tells_two_sources_apart_and_spelling_does_not(
    long_list: Sandbox, wanted: list[str]
) -> None:
    store = Store()
    store.kills_at = 2
    with pytest.raises(KilledError):
        sync(store, wanted)
    before = pages(long_list)
    sync(store, [f" {address.upper()}" for address in wanted])
    assert pages(long_list) - before == 1


@pytest.mark.parametrize("kept", [[], "a plan", {}, {"fingerprint": "of another version"}, 7], ids=str)
def test_what_is_no_plan_is_passed_over(long_list: Sandbox, wanted: list[str], kept: Any) -> None:
    store = Store()
    store.kept["mailersend"] = json.dumps(kept)
    assert sync(store, wanted)["added"] == 100
    check_all_is_done_once(long_list, wanted)
    assert store.kept == {}


def test_a_store_that_does_not_answer_only_warns(
    long_list: Sandbox, wanted: list[str], logged: Logged, caplog: pytest.LogCaptureFixture
) -> None:
    store = BrokenStore()
    assert sync(store, wanted)["added"] == 100
    assert store.calls > 2
    check_all_is_done_once(long_list, wanted)
    said = logged() + caplog.text
    assert "The task state store does not answer (ConnectionError): beginning anew." in said
    assert "The task state store takes nothing (ConnectionError): going on without." in said
    assert "jane.roe" not in said


def test_a_store_that_does_not_answer_hides_no_error(long_list: Sandbox, wanted: list[str]) -> None:
    long_list.fail(Fault(method="DELETE", status=503))
    with pytest.raises(MailerSendServerError):
        sync(BrokenStore(), wanted)
    assert sync(BrokenStore(), wanted)["deleted"] == 150
    check_all_is_done_once(long_list, wanted)


@pytest.mark.parametrize("most", [300, 0, 65_535])
def test_a_plan_that_is_too_large_is_not_kept(
    long_list: Sandbox, wanted: list[str], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setenv("AIRFLOW__STATE_STORE__MAX_VALUE_STORAGE_BYTES", str(most))
    store = Store()
    long_list.fail(Fault(method="DELETE", status=503))
    with pytest.raises(MailerSendServerError):
        sync(store, wanted)
    fits = most != 300
    assert bool(store.kept) == bool(store.sizes) == fits
    before = pages(long_list)
    assert sync(store, wanted)["deleted"] == 150
    assert pages(long_list) - before == (0 if fits else 10)
    check_all_is_done_once(long_list, wanted)


def test_a_plan_that_is_too_large_is_told_of_once(
    long_list: Sandbox,
    wanted: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("AIRFLOW__STATE_STORE__MAX_VALUE_STORAGE_BYTES", "300")
    store = Store()
    assert sync(store, wanted)["deleted"] == 150
    (said,) = [message for message in caplog.messages if "is not kept" in message]
    assert re.fullmatch(
        r"The plan takes \d{4} bytes, and \[state_store\] max_value_storage_bytes allows 300: it is not kept, and a "
        r"next try reads the list anew\.",
        said,
    )
    assert store.sizes == []


def test_a_plan_that_is_kept_and_then_too_large_is_kept_no_longer(
    long_list: Sandbox, wanted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store()
    long_list.fail(Fault(method="POST", skip=1, status=403))
    with pytest.raises(Exception, match="403"):
        sync(store, wanted)
    assert store.kept
    monkeypatch.setenv("AIRFLOW__STATE_STORE__MAX_VALUE_STORAGE_BYTES", "300")
    long_list.fail(Fault(method="POST", skip=1, status=403))
    with pytest.raises(Exception, match="403"):
        sync(store, wanted)
    # A plan that is older than what was done would have it done again.
    assert store.kept == {}


def test_a_plan_of_a_hundred_thousand_fits_airflows_store(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    store = Store()
    store.kills_at = 0
    with pytest.raises(KilledError):
        sync(store, numbered(100_000), mode="add_only", batch_size=500)
    assert max(store.sizes) < 65_535


def test_no_address_is_kept_that_is_to_be_added(long_list: Sandbox, wanted: list[str]) -> None:
    store = Store()
    store.kills_at = 3
    with pytest.raises(KilledError):
        sync(store, wanted)
    assert "wanted" not in "".join(store.kept.values())


def test_a_context_without_a_store_is_one_of_an_older_airflow(long_list: Sandbox, wanted: list[str]) -> None:
    long_list.fail(Fault(method="POST", skip=2, status=503))
    with pytest.raises(MailerSendError):
        sync(None, wanted)
    assert sync(None, wanted)["added"] == 60
    check_all_is_done_once(long_list, wanted)


def test_a_deferred_task_goes_on_from_what_it_was_deferred_with(connect: Connect) -> None:
    with Sandbox(quota=4, quota_window=1.5, rate_limit=None) as sandbox:
        connect(sandbox)
        store = Store()
        operator = MailerSendSyncSuppressionsOperator(
            task_id="sync",
            suppression_list="blocklist",
            recipients=numbered(60),
            batch_size=20,
            deferrable=True,
            quota_reserve=2,
        )
        with pytest.raises(TaskDeferred) as deferred:
            operator.execute({"task_state_store": store})
        kept = store.get("mailersend")
        so_far = json.loads(json.dumps(deferred.value.kwargs))["so_far"]
        assert kept["fingerprint"] == so_far["fingerprint"]
        assert kept["done"]["next_to_add"] == so_far["done"]["next_to_add"] == 20


@pytest.mark.parametrize("most", [300, 65_535])
def test_a_deferred_task_leaves_nothing_kept_at_its_end(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    with Sandbox(quota=4, quota_window=1.5, rate_limit=None) as sandbox:
        connect(sandbox)
        store = Store()
        arguments = {"mode": "add_only", "deferrable": True, "quota_reserve": 1}
        with pytest.raises(TaskDeferred) as deferred:
            sync(store, numbered(60), **arguments)
        assert store.kept
        # What was kept before goes even where nothing more can be.
        monkeypatch.setenv("AIRFLOW__STATE_STORE__MAX_VALUE_STORAGE_BYTES", str(most))
        time.sleep(1.6)
        so_far = json.loads(json.dumps(deferred.value.kwargs))["so_far"]
        result = syncing(numbered(60), **arguments).resume({"task_state_store": store}, so_far=so_far)
        assert result["added"] == 60
        assert store.kept == {}
        check_all_is_done_once(sandbox, numbered(60))


@pytest.mark.parametrize("so_far", [None, {}], ids=str)
def test_a_task_that_was_deferred_with_nothing_goes_on_from_what_is_kept(
    long_list: Sandbox, wanted: list[str], so_far: dict[str, Any] | None
) -> None:
    store = Store()
    store.kills_at = 3
    with pytest.raises(KilledError):
        sync(store, wanted)
    read = pages(long_list)
    result = syncing(wanted).resume({"task_state_store": store}, so_far=so_far)
    assert pages(long_list) - read == 1
    assert (result["added"], result["deleted"]) == (100, 150)
    assert store.kept == {}
    check_all_is_done_once(long_list, wanted)
