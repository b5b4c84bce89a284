"""Reading any list page by page, over real HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest

from airflow_provider_mailersend.api.requests import SuppressionList
from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from airflow_provider_mailersend.sandbox import Fault, Sandbox

Connect = Callable[..., str]

NEWEST = datetime(2025, 6, 1, tzinfo=UTC)
LISTS = [*map(str, SuppressionList), "recipients", "sms-recipients"]


def seeds(list_name: str, count: int) -> dict[str, Any]:
    name = {"on-hold-list": "on_hold"}.get(list_name, list_name.replace("-", "_"))
    return {name: count, "newest": NEWEST, "spacing": 60, "rate_limit": None, "quota": None}


def ids_of(entries: list[dict[str, Any]]) -> list[str]:
    return sorted(entry["id"] for entry in entries)


@pytest.mark.parametrize("dialect", ["observed", "documented"])
@pytest.mark.parametrize("list_name", LISTS)
def test_every_list_is_read_by_pages(connect: Connect, list_name: str, dialect: str) -> None:
    with Sandbox(dialect=dialect, **seeds(list_name, 230)) as sandbox:
        pages = MailerSendHook(connect(sandbox)).read_pages(list_name)
        assert sandbox.log == []
        read = list(pages)
        assert [len(page) for page in read] == [100, 100, 30]
        assert ids_of(list(chain.from_iterable(read))) == ids_of(sandbox.entries(list_name))
        assert (pages.domain_id, pages.may_be_incomplete) == (None, False)
        assert len(sandbox.log) == 3


@pytest.mark.parametrize("dialect", ["observed", "documented"])
@pytest.mark.parametrize("list_name", LISTS)
def test_every_list_keeps_to_since_and_until(connect: Connect, list_name: str, dialect: str) -> None:
    with Sandbox(dialect=dialect, **seeds(list_name, 300)) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        since, until = NEWEST - timedelta(minutes=130), NEWEST - timedelta(minutes=10)
        expected = [
            entry
            for entry in sandbox.entries(list_name)
            if since <= datetime.fromisoformat(entry["created_at"]) < until
        ]
        read = list(chain.from_iterable(hook.read_pages(list_name, since=since, until=str(until))))
        assert 0 < len(expected) < 300
        assert ids_of(read) == ids_of(expected)
        iterators: dict[str, Callable[..., Any]] = {
            "recipients": hook.iter_recipients,
            "sms-recipients": hook.iter_sms_recipients,
        }
        if list_name in iterators:
            assert ids_of(list(iterators[list_name](since=since, until=until))) == ids_of(expected)


@pytest.mark.parametrize("list_name", ["unsubscribes", "recipients"])
def test_a_domain_is_told_as_it_was_resolved(connect: Connect, list_name: str) -> None:
    with Sandbox(**seeds(list_name, 30)) as sandbox:
        domain_id = sandbox.domain_id("example.com")
        hook = MailerSendHook(connect(sandbox, extra={"domain_id": domain_id}))
        by_name = hook.read_pages(list_name, domain="example.com")
        assert by_name.domain_id is None
        assert len(list(chain.from_iterable(by_name))) == 10
        assert by_name.domain_id == hook.read_pages(list_name).domain_id == domain_id
        everything = hook.read_pages(list_name, domain_id="account")
        assert len(list(chain.from_iterable(everything))) == 30
        assert everything.domain_id is None


def test_sms_recipients_belong_to_no_domain(connect: Connect) -> None:
    with Sandbox(**seeds("sms-recipients", 30)) as sandbox:
        hook = MailerSendHook(connect(sandbox, extra={"domain_id": sandbox.domain_id("example.com")}))
        pages = hook.read_pages("sms-recipients", domain_id="account")
        assert len(list(chain.from_iterable(pages))) == 30
        assert pages.domain_id is None
        for scope in ({"domain_id": "abc"}, {"domain": "example.com"}, {"domain": ""}):
            with pytest.raises(ValueError, match="sms-recipients belong to no domain"):
                hook.read_pages("sms-recipients", **scope)


def test_a_list_whose_order_keeps_varying_may_be_incomplete(connect: Connect, sandbox: Sandbox) -> None:
    # Entries of the first page come again on the second one, among others.
    for _ in range(3):
        for ids in ("abcd", "aebf"):
            data = [{"id": id_, "created_at": "2026-03-02T00:00:00Z"} for id_ in ids]
            body = {"data": data, "links": {"next": "/?page=2" if ids == "abcd" else None}}
            sandbox.fail(Fault(path="/suppressions/blocklist", status=200, body=body))
    pages = MailerSendHook(connect(sandbox)).read_pages("blocklist")
    assert not pages.may_be_incomplete
    assert ids_of(list(chain.from_iterable(pages))) == list("abcdef")
    assert pages.may_be_incomplete


def test_pages_can_be_read_again(connect: Connect) -> None:
    with Sandbox(**seeds("unsubscribes", 130)) as sandbox:
        pages = MailerSendHook(connect(sandbox)).read_pages("unsubscribes")
        assert list(pages) == list(pages)
        assert len(sandbox.log) == 4


def test_pages_without_a_wanted_entry_are_left_out(connect: Connect) -> None:
    with Sandbox(**seeds("unsubscribes", 250)) as sandbox:
        pages = MailerSendHook(connect(sandbox)).read_pages("unsubscribes", until=NEWEST - timedelta(hours=3))
        assert all(pages)
        assert len(sandbox.log) == 3


@pytest.mark.parametrize(
    ("list_name", "arguments", "complaint"),
    [
        ("bounces", {}, "list_name must be one of blocklist, .*sms-recipients; got 'bounces'"),
        ("recipients", {"since": "soon"}, "since must be a date, or a date and time"),
        ("recipients", {"since": "2026-01-02", "until": "2026-01-01"}, "must be later than since"),
        ("sms-recipients", {"until": "soon"}, "until must be a date, or a date and time"),
        ("recipients", {"domain": ""}, "domain is not a domain"),
    ],
)
def test_what_cannot_be_read_is_refused_at_once(
    connect: Connect, sandbox: Sandbox, list_name: str, arguments: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        MailerSendHook(connect(sandbox)).read_pages(list_name, **arguments)
    assert sandbox.log == []


def test_recipients_are_read_to_their_end_though_their_dates_fall(connect: Connect, sandbox: Sandbox) -> None:
    """They are sorted by address: that the first ones' dates fall says nothing of the others."""
    dates = ["2026-03-02T00:00:00Z"] * 99 + ["2026-03-01T00:00:00Z"], ["2026-03-02T00:00:00Z"]
    for number, page in enumerate(dates):
        entries = [
            {"id": f"{number}-{position}", "email": f"r{number}-{position}@example.com", "created_at": date}
            for position, date in enumerate(page)
        ]
        links = {"next": f"{sandbox.url}/recipients?page=2" if number == 0 else None}
        body = {"data": entries, "links": links}
        sandbox.fail(Fault(path="/recipients", status=200, body=body))
    found = list(MailerSendHook(connect(sandbox)).iter_recipients(since="2026-03-02"))
    assert len(found) == 100
