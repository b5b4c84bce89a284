"""The hook, over real HTTP."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_mailersend.exceptions import (
    MailerSendGuardError,
    MailerSendNotFoundError,
    MailerSendPermissionError,
    MailerSendRequestError,
    MailerSendServerError,
    MailerSendUnexpectedAnswerError,
)
from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from tests.unsteady import UnsteadySandbox

Connect = Callable[..., str]
Logged = Callable[[], str]

LISTS = ["blocklist", "hard-bounces", "spam-complaints", "unsubscribes", "on-hold-list"]
DIALECTS = ["observed", "documented"]


def addresses(sandbox: Sandbox, suppression_list: str) -> list[str]:
    return [
        entry["pattern"] if suppression_list == "blocklist" else entry["recipient"]["email"]
        for entry in sandbox.entries(suppression_list)
    ]


@pytest.mark.parametrize(
    ("entries", "requests_sent"),
    [(0, 1), (1, 1), (99, 1), (100, 1), (101, 2), pytest.param(100_000, 1000, marks=pytest.mark.slow)],
)
def test_listing_is_complete_and_takes_a_request_for_each_hundred(
    connect: Connect, entries: int, requests_sent: int
) -> None:
    with Sandbox(unsubscribes=entries, rate_limit=None, quota=None) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        found = hook.list_suppressions("unsubscribes")
        assert [entry["id"] for entry in found] == [entry["id"] for entry in sandbox.entries("unsubscribes")]
        assert hook.requests_sent == len(sandbox.log) == requests_sent


@pytest.mark.parametrize("dialect", [*DIALECTS, "documented-2021"])
@pytest.mark.parametrize("suppression_list", LISTS)
def test_every_list_is_read_in_every_dialect(connect: Connect, suppression_list: str, dialect: str) -> None:
    name = {"on-hold-list": "on_hold"}.get(suppression_list, suppression_list.replace("-", "_"))
    entries: Any = {name: 230}
    with UnsteadySandbox(dialect=dialect, rate_limit=None, **entries) as sandbox:
        found = MailerSendHook(connect(sandbox)).list_suppressions(suppression_list)
        assert [entry["id"] for entry in found] == [
            entry["id"] for entry in sandbox.entries(suppression_list)
        ]


@pytest.mark.parametrize(
    ("default", "arguments", "expected"),
    [
        (None, {}, "blocklist (account-wide)"),
        ("d1", {}, "blocklist (domain d1)"),
        ("d1", {"domain_id": "d2"}, "blocklist (domain d2)"),
        ("d1", {"domain": "example.com"}, "blocklist (domain example.com)"),
        ("d1", {"domain_id": "account"}, "blocklist (account-wide)"),
    ],
)
def test_a_list_is_described_with_the_domain_that_is_meant(
    connect: Connect, sandbox: Sandbox, default: str | None, arguments: dict[str, str], expected: str
) -> None:
    hook = MailerSendHook(connect(sandbox, extra={"domain_id": default}))
    assert hook.describe_list("blocklist", **arguments) == expected
    assert len(sandbox.log) == 0


def test_listing_keeps_to_the_domain(connect: Connect) -> None:
    with Sandbox(unsubscribes=300, rate_limit=None) as sandbox:
        domain_id = sandbox.domain_id("news.example.com")
        given = MailerSendHook(connect(sandbox)).list_suppressions("unsubscribes", domain_id=domain_id)
        by_connection = MailerSendHook(connect(sandbox, extra={"domain_id": domain_id}))
        assert {entry["recipient"]["domain"]["id"] for entry in given} == {domain_id}
        assert by_connection.list_suppressions("unsubscribes") == given
        assert len(given) == 100


def test_entries_added_while_paging_come_once_and_hide_none(connect: Connect) -> None:
    with Sandbox(unsubscribes=350, rate_limit=None) as sandbox:
        before = {entry["id"] for entry in sandbox.entries("unsubscribes")}
        found = []
        for position, entry in enumerate(MailerSendHook(connect(sandbox)).iter_suppressions("unsubscribes")):
            if position % 50 == 0:
                sandbox.add("unsubscribes", *(f"new{position}-{n}@example.com" for n in range(7)))
            found.append(entry["id"])
        assert len(found) == len(set(found))
        assert before <= set(found)


def test_since_and_until_are_half_open_and_stop_early(connect: Connect) -> None:
    newest = datetime(2025, 6, 1, tzinfo=UTC)
    with Sandbox(hard_bounces=1000, newest=newest, spacing=60, rate_limit=None) as sandbox:
        since, until = newest - timedelta(minutes=130), newest - timedelta(minutes=10)
        hook = MailerSendHook(connect(sandbox))
        found = hook.list_suppressions("hard-bounces", since=since, until=until)
        dates = [datetime.fromisoformat(entry["created_at"]) for entry in found]
        assert (min(dates), max(dates)) == (since, until - timedelta(minutes=1))
        assert len(found) == 120
        assert hook.requests_sent == 2
        as_text = hook.list_suppressions(
            "hard-bounces", since="2025-05-31T21:50:00", until="2025-06-01T01:50:00+02:00"
        )
        assert as_text == found
        in_utc: dict[str, Any] = {"since": since.replace(tzinfo=None), "until": until.replace(tzinfo=None)}
        assert hook.list_suppressions("hard-bounces", **in_utc) == found
        days = [hook.list_suppressions("hard-bounces", since=day) for day in ("2025-06-01", newest.date())]
        assert [[entry["created_at"] for entry in of_day] for of_day in days] == [
            ["2025-06-01T00:00:00.000000Z"]
        ] * 2


@pytest.mark.parametrize(
    ("since", "until", "complaint"),
    [
        ("2025-01-01", "2025-01-01", "must be later than since"),
        ("2025-01-02", "2025-01-01", "must be later than since"),
        ("yesterday", None, "since must be a date, or a date and time"),
        ("12:00", None, "since must be a date, or a date and time"),
        (None, "P1D", "until must be a date, or a date and time"),
    ],
)
def test_moments_that_make_no_sense_are_refused_before_any_request(
    connect: Connect, sandbox: Sandbox, since: str | None, until: str | None, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        MailerSendHook(connect(sandbox)).list_suppressions("unsubscribes", since=since, until=until)
    assert sandbox.log == []


def test_an_unreadable_date_keeps_its_entry_with_one_warning(
    connect: Connect, sandbox: Sandbox, logged: Logged
) -> None:
    odd = "2022-01-01T12:00:0003.000000Z"
    page = {"data": [{"id": "1", "created_at": odd}, {"id": "2", "created_at": odd}], "links": {"next": None}}
    sandbox.fail(Fault(path="/suppressions/*", status=200, body=page))
    hook = MailerSendHook(connect(sandbox))
    found = hook.list_suppressions("unsubscribes", since="2025-01-01")
    assert [entry["id"] for entry in found] == ["1", "2"]
    warning = (
        f"GET /suppressions/unsubscribes: 2 entries have a created_at that isn't a valid date, such as '{odd}'. They "
        "are included, whatever their date."
    )
    assert logged().count(warning) == 1


def test_iterating_sends_nothing_until_it_begins(connect: Connect) -> None:
    with Sandbox(unsubscribes=3, recipients=3, sms_recipients=3) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        readings = [
            hook.iter_suppressions("unsubscribes", domain="example.com"),
            hook.iter_recipients(domain="example.com"),
            hook.iter_sms_recipients(),
        ]
        assert sandbox.log == []
        for reading in readings:
            next(reading)
        assert [request.path for request in sandbox.log] == [
            "/domains",
            "/suppressions/unsubscribes",
            "/recipients",
            "/sms-recipients",
        ]


def test_one_entry_is_found_by_what_it_suppresses(connect: Connect, sandbox: Sandbox) -> None:
    hook = MailerSendHook(connect(sandbox))
    sandbox.add("blocklist", *(f"person{n}@example.org" for n in range(120)))
    address = hook.find_suppression("blocklist", recipient=" Person3@Example.org")
    assert address is not None
    assert (address["type"], address["pattern"]) == ("exact", "person3@example.org")
    assert hook.find_suppression("blocklist", recipient="nobody@example.org") is None
    assert hook.find_suppression("blocklist", pattern=".*@example.org") is None
    added = hook.add_suppressions("blocklist", patterns=[".*@example.org"], domain="example.com")["added"]
    found = hook.find_suppression("blocklist", pattern=".*@example.org", domain="example.com")
    assert found is not None
    assert [found["id"]] == added


@pytest.mark.parametrize(
    ("suppression_list", "arguments", "complaint"),
    [
        ("blocklist", {}, "give recipient or pattern"),
        ("blocklist", {"recipient": "a@example.com", "pattern": "a"}, "give either recipient or pattern"),
        ("blocklist", {"recipient": "jane"}, r"recipient must be one address; got 'j\*\*\*'"),
        ("blocklist", {"recipient": ""}, "recipient must be one address"),
        ("blocklist", {"pattern": ""}, "pattern must be a regular expression"),
        ("unsubscribes", {"pattern": ".*"}, "patterns stand on the blocklist only"),
    ],
)
def test_what_cannot_be_found_is_refused_before_any_request(
    connect: Connect,
    sandbox: Sandbox,
    suppression_list: str,
    arguments: dict[str, Any],
    complaint: str,
) -> None:
    with pytest.raises(ValueError, match=complaint):
        MailerSendHook(connect(sandbox)).find_suppression(suppression_list, **arguments)
    assert sandbox.log == []


@pytest.mark.parametrize("nothing", ["", "  ", "None", "null", "nan", "{{ params.domain }}"])
@pytest.mark.parametrize("field", ["domain_id", "domain"])
def test_a_domain_that_came_out_empty_is_refused_by_every_method(
    connect: Connect, sandbox: Sandbox, field: str, nothing: str
) -> None:
    hook = MailerSendHook(connect(sandbox, extra={"domain_id": sandbox.domain_id("example.com")}))
    scope: dict[str, Any] = {field: nothing}
    address = ["a@example.com"]
    calls: list[Callable[[], Any]] = [
        lambda: list(hook.iter_suppressions("blocklist", **scope)),
        lambda: hook.list_suppressions("blocklist", **scope),
        lambda: hook.find_suppression("blocklist", recipient="a@example.com", **scope),
        lambda: hook.add_suppressions("blocklist", recipients=address, **scope),
        lambda: hook.sync_suppressions("blocklist", recipients=address, **scope),
        lambda: hook.delete_suppressions("blocklist", ids=["abc"], **scope),
        lambda: hook.delete_suppressions("blocklist", recipients=address, **scope),
        lambda: hook.delete_suppressions("blocklist", delete_all=True, **scope),
        lambda: list(hook.iter_recipients(**scope)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=f"{field} is not a domain"):
            call()
    assert sandbox.log == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_recipients_are_listed_got_and_deleted(connect: Connect, dialect: str) -> None:
    with Sandbox(dialect=dialect, recipients=230, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        listed = list(hook.iter_recipients())
        assert sorted(one["id"] for one in listed) == sorted(
            one["id"] for one in sandbox.entries("recipients")
        )
        one = listed[5]["id"]
        assert hook.get_recipient(one)["email"] == listed[5]["email"]
        assert hook.delete_recipient(one) is True
        assert hook.delete_recipient(one) is False
        with pytest.raises(MailerSendNotFoundError):
            hook.delete_recipient(one, on_missing="fail")
        with pytest.raises(MailerSendNotFoundError):
            hook.get_recipient(one)


def test_a_recipient_deleted_by_a_request_without_an_answer_counts_as_deleted(connect: Connect) -> None:
    with Sandbox(recipients=3, rate_limit=None) as sandbox:
        sandbox.fail(Fault(method="DELETE", cut="after"))
        one = sandbox.entries("recipients")[0]["id"]
        assert MailerSendHook(connect(sandbox)).delete_recipient(one, on_missing="fail") is True


@pytest.mark.parametrize("dialect", DIALECTS)
def test_sms_recipients_are_listed_got_and_updated(connect: Connect, dialect: str) -> None:
    with Sandbox(dialect=dialect, sms_recipients=250, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        everyone = list(hook.iter_sms_recipients())
        assert [one["id"] for one in everyone] == [one["id"] for one in sandbox.entries("sms-recipients")]
        active = list(hook.iter_sms_recipients(status="active"))
        assert {one["status"] for one in active} == {"active"}
        number_id = sandbox.sms_number_id("+15005550001")
        assert 0 < len(list(hook.iter_sms_recipients(sms_number_id=number_id))) < 250
        updated = hook.update_sms_recipient(active[0]["id"], "opt_out")
        assert updated["status"] == hook.get_sms_recipient(active[0]["id"])["status"] == "opt_out"


def test_an_update_that_the_api_did_not_make_is_an_error(connect: Connect) -> None:
    with Sandbox(sms_recipients=1, rate_limit=None) as sandbox:
        one = sandbox.entries("sms-recipients")[0]
        body = {"data": {"id": one["id"], "status": "active"}}
        sandbox.fail(Fault(method="PUT", status=200, body=body))
        with pytest.raises(MailerSendUnexpectedAnswerError, match="set the status opt_out"):
            MailerSendHook(connect(sandbox)).update_sms_recipient(one["id"], "opt_out")


def test_sms_recipients_are_set_by_id_and_by_number(connect: Connect) -> None:
    with Sandbox(sms_recipients=130, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        everyone = sandbox.entries("sms-recipients")
        ids = [one["id"] for one in everyone[:2]]
        assert hook.update_sms_recipients("opt_out", ids=[*ids, ids[0]]) == {
            "updated": ids,
            "unchanged": 0,
            "missing": [],
            "may_be_incomplete": False,
            "requests": 2,
        }
        numbers = [everyone[1]["number"], everyone[2]["number"], "+1 (555) 999-9999"]
        assert hook.update_sms_recipients("opt_out", numbers=numbers, on_missing="skip") == {
            "updated": [everyone[2]["id"]],
            "unchanged": 1,
            "missing": ["+15559999999"],
            "may_be_incomplete": False,
            "requests": 3,
        }
        with pytest.raises(
            MailerSendRequestError,
            match=r"no SMS recipients for numbers\[\d\] \+1\*\*\*99; .*All others \(1\)",
        ):
            hook.update_sms_recipients("active", numbers=numbers[1:])


@pytest.mark.parametrize(
    ("which", "complaint"),
    [
        ({}, "give either ids or numbers"),
        ({"ids": [], "numbers": []}, "give either ids or numbers"),
        ({"ids": ["s1"], "sms_number_id": "n1"}, "sms_number_id is for numbers: leave it out with ids"),
    ],
    ids=str,
)
def test_which_sms_recipients_to_set_must_be_clear(
    connect: Connect, sandbox: Sandbox, which: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        MailerSendHook(connect(sandbox)).update_sms_recipients("active", **which)
    assert sandbox.log == []


def test_an_empty_status_is_not_every_status(connect: Connect, sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="status must be one of active, opt_out"):
        list(MailerSendHook(connect(sandbox)).iter_sms_recipients(status=""))
    assert sandbox.log == []


def test_an_unknown_option_of_a_sync_is_answered_with_those_there_are(
    connect: Connect, sandbox: Sandbox
) -> None:
    hook = MailerSendHook(connect(sandbox))
    with pytest.raises(
        TypeError,
        match=r"^sync_suppressions\(\) takes no 'foo'; its options are mode, max_deletes, .*pages_read$",
    ):
        hook.sync_suppressions("blocklist", recipients=[], foo=1)
    assert sandbox.log == []


def test_updates_that_failed_in_the_middle_are_started_over(connect: Connect, sandbox: Sandbox) -> None:
    numbers = [f"+1555000000{digit}" for digit in range(4)]
    sandbox.add("sms-recipients", *numbers)
    hook = MailerSendHook(connect(sandbox, extra={"max_retries": 0}))
    sandbox.fail(Fault(method="PUT", skip=2, status=503))
    with pytest.raises(MailerSendServerError, match=r"Set to opt_out before that: 2 of 4\."):
        hook.update_sms_recipients("opt_out", numbers=numbers)
    result = MailerSendHook().update_sms_recipients("opt_out", numbers=numbers)
    assert (len(result["updated"]), result["unchanged"]) == (2, 2)
    assert {one["status"] for one in sandbox.entries("sms-recipients")} == {"opt_out"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_list_is_made_equal_to_a_source_of_truth(connect: Connect, dialect: str) -> None:
    with Sandbox(dialect=dialect, unsubscribes=240, rate_limit=None) as sandbox:
        domain_id = sandbox.domain_id("example.com")
        hook = MailerSendHook(connect(sandbox, extra={"domain_id": domain_id}))
        theirs = [
            entry["recipient"]["email"]
            for entry in sandbox.entries("unsubscribes")
            if entry["recipient"]["domain"]["id"] == domain_id
        ]
        wanted = (address for address in ["jane@example.net", *theirs[8:]])
        result = hook.sync_suppressions("unsubscribes", recipients=wanted, mode="mirror")
        assert (result["present"], result["added"], result["deleted"]) == (80, 1, 8)
        assert addresses(sandbox, "unsubscribes")[0] == "jane@example.net"
        assert not set(addresses(sandbox, "unsubscribes")) & set(theirs[:8])
        assert len(sandbox.entries("unsubscribes")) == 240 - 8 + 1
        with pytest.raises(MailerSendGuardError, match=r"9 to delete exceed max_deletes=0\.1"):
            hook.sync_suppressions("unsubscribes", recipients=theirs[16:], mode="mirror")


def test_a_synchronization_that_failed_in_the_middle_is_started_over(connect: Connect) -> None:
    with Sandbox(blocklist=250, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox, extra={"max_retries": 0}))
        wanted = [f"wanted{number}@example.net" for number in range(50)]
        sandbox.fail(Fault(method="POST", skip=1, status=403))
        with pytest.raises(MailerSendPermissionError, match=r"Added before that: 10 of 50"):
            hook.sync_suppressions("blocklist", recipients=wanted, batch_size=10)
        result = MailerSendHook().sync_suppressions("blocklist", recipients=wanted, batch_size=10)
        assert (result["added"], result["unchanged"]) == (40, 10)
        assert sorted(addresses(sandbox, "blocklist")[:50]) == sorted(wanted)


def test_a_synchronization_is_counted_for_each_call(connect: Connect, sandbox: Sandbox) -> None:
    hook = MailerSendHook(connect(sandbox))
    assert hook.sync_suppressions("blocklist", patterns=[".*@x"])["requests"] == 2
    assert hook.sync_suppressions("blocklist", patterns=[".*@x"])["requests"] == 1
    assert hook.requests_sent == 3


def test_a_status_that_is_none_is_refused_before_any_request(connect: Connect, sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="active, opt_out"):
        MailerSendHook(connect(sandbox)).update_sms_recipient("abc", "blocked")
    assert sandbox.log == []


@pytest.mark.parametrize("id_", ["../domains", "a/b?x=1", "a#b", "%2e%2e/domains", "..%2f"])
def test_an_id_reaches_no_other_endpoint(connect: Connect, sandbox: Sandbox, id_: str) -> None:
    hook = MailerSendHook(connect(sandbox))
    for ask in (hook.get_recipient, hook.get_sms_recipient):
        with pytest.raises(MailerSendNotFoundError):
            ask(id_)
    assert hook.delete_recipient(id_) is False
    with pytest.raises(MailerSendNotFoundError):
        hook.update_sms_recipient(id_, "active")
    for request in sandbox.log:
        head, _, tail = request.raw_path.removeprefix("/v1/").partition("/")
        assert head in ("recipients", "sms-recipients")
        assert tail
        assert not {"/", "?", "#"} & set(tail)
        assert request.query == {}


@pytest.mark.parametrize("id_", ["", " ", ".", "..", None, 7])
def test_an_id_that_is_none_is_refused_before_any_request(
    connect: Connect, sandbox: Sandbox, id_: Any
) -> None:
    with pytest.raises(ValueError, match="must be an id, as a string"):
        MailerSendHook(connect(sandbox)).delete_recipient(id_)
    assert sandbox.log == []


def test_a_domain_is_resolved_once_by_its_name(connect: Connect, sandbox: Sandbox) -> None:
    hook = MailerSendHook(connect(sandbox))
    for _ in range(3):
        assert hook.resolve_domain_id("news.example.com") == sandbox.domain_id("news.example.com")
    assert len(sandbox.log) == 1
    with pytest.raises(MailerSendNotFoundError, match=r"no domain 'example\.net'; it has example\.com, "):
        hook.resolve_domain_id("example.net")


def test_a_domain_is_taken_by_name_everywhere_and_resolved_once(connect: Connect) -> None:
    with Sandbox(unsubscribes=30, recipients=30, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox, extra={"domain_id": sandbox.domain_id("example.com")}))
        name, domain_id = "News.example.com", sandbox.domain_id("news.example.com")
        listed = hook.list_suppressions("unsubscribes", domain=name)
        assert {entry["recipient"]["domain"]["id"] for entry in listed} == {domain_id}
        recipients = [hook.get_recipient(one["id"]) for one in hook.iter_recipients(domain=name)]
        assert {one["domain"]["id"] for one in recipients} == {domain_id}
        hook.add_suppressions("unsubscribes", recipients=["jane@example.net"], domain=name)
        assert sandbox.entries("unsubscribes")[0]["recipient"]["domain"]["id"] == domain_id
        hook.delete_suppressions("unsubscribes", ids=[listed[0]["id"]], domain=name)
        hook.delete_suppressions("unsubscribes", delete_all=True, domain=name)
        assert len(sandbox.entries("unsubscribes")) == 20
        assert len(sandbox.requests(path="/domains")) == 1


@pytest.mark.parametrize("call", ["add_suppressions", "delete_suppressions"])
def test_nothing_to_do_does_not_ask_for_the_domain(connect: Connect, sandbox: Sandbox, call: str) -> None:
    hook = MailerSendHook(connect(sandbox))
    work: dict[str, Any] = {"recipients": []} if call == "add_suppressions" else {"ids": []}
    assert getattr(hook, call)("unsubscribes", domain="example.com", **work)["requests"] == 0
    assert sandbox.log == []


def test_a_domain_is_given_in_one_way(connect: Connect, sandbox: Sandbox) -> None:
    hook = MailerSendHook(connect(sandbox))
    with pytest.raises(ValueError, match="either domain_id or domain"):
        hook.list_suppressions("unsubscribes", domain_id="abc", domain="example.com")
    with pytest.raises(MailerSendNotFoundError, match=r"no domain 'example\.net'"):
        hook.add_suppressions("unsubscribes", recipients=["jane@example.net"], domain="example.net")
    assert sandbox.requests(path="/suppressions/*") == []


def test_the_quota_says_what_is_left(connect: Connect) -> None:
    with Sandbox(quota=1000) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        list(hook.iter_recipients())
        quota = hook.get_api_quota()
        assert (quota["quota"], quota["remaining"]) == (1000, 999)
        assert hook.test_connection() == (
            True,
            f"Connected to MailerSend. 999 of 1000 requests of the daily quota are left until {quota['reset']}.",
        )
    with Sandbox(quota=None) as sandbox:
        assert MailerSendHook(connect(sandbox)).test_connection()[1].endswith("has no daily quota.")


def test_a_connection_that_does_not_work_says_why(connect: Connect, sandbox: Sandbox) -> None:
    done, message = MailerSendHook(connect(sandbox, password="mlsn.wrong")).test_connection()
    assert not done
    assert message.startswith("MailerSend does not accept the API token")
    assert message.endswith(" Connection 'mailersend_default'.")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{unused.getsockname()[1]}"
        nobody = MailerSendHook(connect(conn_id="nobody", host=host), max_retries=0)
        done, message = nobody.test_connection()
    assert not done
    assert "refused" in message
    assert "Max retries" not in message, "the cause is told, not what came of it"
