"""The hook, over real HTTP."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from airflow_provider_mailersend.exceptions import (
    MailerSendAuthenticationError,
    MailerSendConnectionError,
    MailerSendError,
    MailerSendGuardError,
    MailerSendNotFoundError,
    MailerSendPermissionError,
    MailerSendQuotaExhaustedError,
    MailerSendRateLimitError,
    MailerSendRequestError,
    MailerSendServerError,
    MailerSendUnexpectedAnswerError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from airflow_provider_mailersend.sandbox import ALL_HEADERS, Fault, Sandbox

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
    ("entries", "requests_sent"), [(0, 1), (1, 1), (99, 1), (100, 1), (101, 2), (100_000, 1000)]
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
    with Sandbox(dialect=dialect, rate_limit=None, **{name: 230}) as sandbox:
        found = MailerSendHook(connect(sandbox)).list_suppressions(suppression_list)
        assert [entry["id"] for entry in found] == [
            entry["id"] for entry in sandbox.entries(suppression_list)
        ]


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
        in_utc = {"since": since.replace(tzinfo=None), "until": until.replace(tzinfo=None)}
        assert hook.list_suppressions("hard-bounces", **in_utc) == found
        days = [hook.list_suppressions("hard-bounces", since=day) for day in ("2025-06-01", newest.date())]
        assert [[entry["created_at"] for entry in of_day] for of_day in days] == [
            ["2025-06-01T00:00:00.000000Z"]
        ] * 2


@pytest.mark.parametrize(
    ("since", "until", "complaint"),
    [
        ("2025-01-01", "2025-01-01", "nothing can be"),
        ("2025-01-02", "2025-01-01", "nothing can be"),
        ("yesterday", None, "since must be a moment"),
        ("12:00", None, "since must be a moment"),
        (None, "P1D", "until must be a moment"),
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
        f"GET /suppressions/unsubscribes held 2 entries whose created_at cannot be read, such as '{odd}'. They were "
        "kept, whatever their date."
    )
    assert logged().count(warning) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("suppression_list", LISTS[:-1])
def test_adding_to_every_list(connect: Connect, suppression_list: str, dialect: str) -> None:
    with Sandbox(dialect=dialect, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox, extra={"domain_id": sandbox.domain_id("example.com")}))
        result = hook.add_suppressions(
            suppression_list, recipients=[" Jane@example.net", "jane@EXAMPLE.net ", "joe@example.net"]
        )
        assert sorted(addresses(sandbox, suppression_list)) == ["Jane@example.net", "joe@example.net"]
        assert result == {
            "added": [entry["id"] for entry in reversed(sandbox.entries(suppression_list))],
            "rejected": [],
            "stored_differently": 0,
            "first_stored_differently": [],
            "requests": 1,
        }


def test_patterns_go_to_the_blocklist_of_the_account(connect: Connect, sandbox: Sandbox) -> None:
    MailerSendHook(connect(sandbox)).add_suppressions(
        "blocklist", patterns=[r".*@example\.org", r" \S+@x ", r"\s+@x"]
    )
    entries = sandbox.entries("blocklist")
    assert sorted(entry["pattern"] for entry in entries) == [r".*@example\.org", r"\S+@x", r"\s+@x"]
    assert {(entry["type"], entry["domain"] is None) for entry in entries} == {("pattern", True)}


@pytest.mark.parametrize("suppression_list", LISTS[1:-1])
def test_adding_without_the_domain_it_needs_says_where_to_set_it(
    connect: Connect, sandbox: Sandbox, suppression_list: str
) -> None:
    with pytest.raises(ValueError, match="give domain or domain_id, or set Domain ID in the connection"):
        MailerSendHook(connect(sandbox)).add_suppressions(suppression_list, recipients=["jane@example.com"])
    assert sandbox.log == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"suppression_list": "on-hold-list", "recipients": ["a@b.c"]}, "on-hold-list: MailerSend puts"),
        (
            {"suppression_list": "nowhere", "recipients": ["a@b.c"]},
            "suppression_list must be one of blocklist",
        ),
        ({"suppression_list": "unsubscribes", "patterns": [".*"], "domain_id": "x"}, "on the blocklist only"),
        ({"suppression_list": "blocklist", "recipients": "a@b.c"}, "recipients must be a list"),
        (
            {"suppression_list": "blocklist", "recipients": ["a@b.c", None]},
            r"recipients\[1\] must be a string",
        ),
        ({"suppression_list": "blocklist", "recipients": ["a@b.c"], "on_invalid": "drop"}, "fail, skip"),
        ({"suppression_list": "blocklist", "recipients": ["a@b.c"], "batch_size": 0}, "at least 1"),
    ],
)
def test_additions_that_cannot_be_are_refused_before_any_request(
    connect: Connect, sandbox: Sandbox, arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=complaint):
        MailerSendHook(connect(sandbox)).add_suppressions(**arguments)
    assert sandbox.log == []


def test_adding_nothing_sends_nothing(connect: Connect, sandbox: Sandbox) -> None:
    result = MailerSendHook(connect(sandbox)).add_suppressions("unsubscribes", recipients=[])
    assert result == {"added": [], "rejected": [], "stored_differently": [], "requests": 0}
    assert sandbox.log == []


@pytest.mark.parametrize(
    ("refusal", "batches"), [("422", [300, 120, 120, 60]), ("413", [300, 150, 75, 75, 75, 75])]
)
def test_adding_adapts_to_the_size_that_the_api_takes(
    connect: Connect, refusal: Any, batches: list[int]
) -> None:
    with Sandbox(max_batch=120, batch_refusal=refusal, rate_limit=None) as sandbox:
        wanted = [f"person{number}@example.net" for number in range(300)]
        result = MailerSendHook(connect(sandbox)).add_suppressions(
            "blocklist", recipients=wanted, batch_size=500
        )
        assert [len(request.json["recipients"]) for request in sandbox.log] == batches
        assert list(reversed(addresses(sandbox, "blocklist"))) == wanted
        assert len(result["added"]) == 300


def test_an_invalid_address_fails_the_addition_naming_it_masked(connect: Connect, sandbox: Sandbox) -> None:
    hook = MailerSendHook(connect(sandbox))
    wanted = ["first@example.com", "second@example.com", "third@nodot", "last@example.com"]
    with pytest.raises(MailerSendValidationError) as error:
        hook.add_suppressions("blocklist", recipients=wanted, batch_size=2)
    message = str(error.value)
    assert "recipients[2] 't***@nodot'" in message
    assert "Added to blocklist before that: 2 of 4; not added: 2." in message
    assert "third" not in message
    assert addresses(sandbox, "blocklist") == ["second@example.com", "first@example.com"]


def test_an_invalid_address_can_be_skipped(connect: Connect, sandbox: Sandbox) -> None:
    wanted = ["nobody", "first@example.com", "  ", "x@", "y@nodot", "last@example.com"]
    result = MailerSendHook(connect(sandbox)).add_suppressions(
        "blocklist", recipients=wanted, on_invalid="skip"
    )
    assert addresses(sandbox, "blocklist") == ["last@example.com", "first@example.com"]
    assert sorted(one["value"] for one in result["rejected"]) == ["", "nobody", "x@", "y@nodot"]
    assert all(one["reason"] for one in result["rejected"])
    assert result["requests"] == 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="POST", cut="after"),
        Fault(method="POST", cut="before"),
        Fault(method="POST", truncate=True),
        Fault(method="POST", status=503, html=True),
        Fault(method="POST", status=502, html=True, processed=True),
        Fault(method="POST", status=500),
        Fault(method="POST", status=200, html=True, processed=True),
        Fault(method="POST", cut="after", times=3),
        Fault(method="POST", cut="before", times=3),
        Fault(method="POST", status=421),
        Fault(method="POST", status=429, body={"message": "Please wait a while before retrying."}),
        Fault(method="POST", delay=5.0),
        Fault(method="POST", delay=1.3, delay_when="before"),
    ],
    ids=str,
)
@pytest.mark.parametrize("scope", ["account", "domain"])
def test_nothing_is_added_twice_and_nothing_is_lost_when_an_answer_is(
    connect: Connect, fault: Fault, scope: str
) -> None:
    with Sandbox(blocklist=1000, rate_limit=None) as sandbox:
        sandbox.add("blocklist", "jane@example.net", domain="news.example.com")
        before = addresses(sandbox, "blocklist")
        sandbox.fail(fault)
        hook = MailerSendHook(
            connect(sandbox, extra={"rate_limit_window": 0.2, "timeout": 1.0 if fault.delay else 30}),
        )
        domain_id = sandbox.domain_id("example.com") if scope == "domain" else None
        wanted = [f"person{number}@example.net" for number in range(7)] + ["jane@example.net"]
        result = hook.add_suppressions("blocklist", recipients=wanted, domain_id=domain_id, batch_size=3)
        now = addresses(sandbox, "blocklist")
        assert sorted(now[: len(now) - len(before)]) == sorted(wanted)
        assert sorted(result["added"]) == sorted(
            entry["id"] for entry in sandbox.entries("blocklist")[: len(wanted)]
        )
        assert len(sandbox.requests("GET")) <= 4, "the newest entries are on the first page"


def test_a_post_that_keeps_failing_fails_and_says_how_far_it_came(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.fail(Fault(method="POST", status=500, skip=1, times=100))
    hook = MailerSendHook(connect(sandbox), max_retries=1)
    with pytest.raises(Exception, match="answered 500") as error:
        hook.add_suppressions("blocklist", recipients=["a@b.com", "c@d.com"], batch_size=1)
    assert "Added to blocklist before that: 1 of 2; not added: 1." in str(error.value)
    assert addresses(sandbox, "blocklist") == ["a@b.com"]


@pytest.mark.parametrize(("listens", "reason"), [(True, "within 0.2 s"), (False, "refused")])
def test_an_addition_that_never_reached_the_api_is_known_not_to_be_made(
    connect: Connect, listens: bool, reason: str
) -> None:
    with socket.socket() as server, socket.socket() as other:
        server.bind(("127.0.0.1", 0))
        if listens:
            server.listen(0)
            other.connect(server.getsockname())  # nobody else can connect now
        host = f"http://127.0.0.1:{server.getsockname()[1]}"
        hook = MailerSendHook(connect(host=host), timeout=0.2, max_retries=0)
        with pytest.raises(MailerSendConnectionError, match=reason) as error:
            hook.add_suppressions("blocklist", recipients=["jane@example.net"])
    assert str(error.value).endswith("not added: 1. Connection 'mailersend_default'.")
    assert f"{host.removeprefix('http://')} cannot be reached" in str(error.value)
    assert hook.requests_sent == 1


@pytest.mark.parametrize(
    "fault",
    [{"status": 504, "delay": 0.8, "processed": False}, {"delay": 2.0, "delay_when": "before"}],
    ids=str,
)
def test_the_api_is_given_time_to_finish_what_a_gateway_gave_up_on(
    connect: Connect, sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    def finish_late() -> None:
        while not sandbox.requests("POST"):
            time.sleep(0.01)
        time.sleep(1.2)
        if fault.get("status"):
            sandbox.add("blocklist", "jane@example.net")

    at_work = threading.Thread(target=finish_late, daemon=True)
    at_work.start()
    sandbox.fail(Fault(method="POST", **fault))
    hook = MailerSendHook(connect(sandbox), timeout=None if "status" in fault else 1.5)
    hook.add_suppressions("blocklist", recipients=["jane@example.net"])
    at_work.join()
    assert addresses(sandbox, "blocklist") == ["jane@example.net"]
    assert len(sandbox.requests("POST")) == 1


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("suppression_list", LISTS)
def test_deleting_by_id_from_every_list(connect: Connect, suppression_list: str, dialect: str) -> None:
    name = {"on-hold-list": "on_hold"}.get(suppression_list, suppression_list.replace("-", "_"))
    with Sandbox(dialect=dialect, rate_limit=None, **{name: 30}) as sandbox:
        ids = [entry["id"] for entry in sandbox.entries(suppression_list)]
        hook = MailerSendHook(connect(sandbox))
        result = hook.delete_suppressions(suppression_list, ids=[*ids[:20], ids[0]], batch_size=8)
        assert result == {
            "deleted": ids[:20],
            "missing": [],
            "all": False,
            "may_be_incomplete": False,
            "requests": 3,
        }
        assert [entry["id"] for entry in sandbox.entries(suppression_list)] == ids[20:]


def test_deleting_by_id_names_the_domain(connect: Connect) -> None:
    with Sandbox(unsubscribes=30, rate_limit=None) as sandbox:
        domain_id = sandbox.domain_id("example.com")
        hook = MailerSendHook(connect(sandbox))
        ids = [entry["id"] for entry in hook.list_suppressions("unsubscribes", domain_id=domain_id)]
        hook.delete_suppressions("unsubscribes", ids=ids[:2], domain_id=domain_id)
        assert sandbox.log[-1].json == {"domain_id": domain_id, "ids": ids[:2]}


@pytest.mark.parametrize("ids", [[], (), iter(())])
def test_no_ids_delete_nothing(connect: Connect, ids: Any) -> None:
    with Sandbox(blocklist=5) as sandbox:
        result = MailerSendHook(connect(sandbox)).delete_suppressions("blocklist", ids=ids)
        assert result == {
            "deleted": [],
            "missing": [],
            "all": False,
            "may_be_incomplete": False,
            "requests": 0,
        }
        assert sandbox.log == []


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"delete_all": "true"},
        {"delete_all": 1},
        {"delete_all": True},
        {"delete_all": True, "domain_id": "account", "ids": []},
        {"delete_all": True, "domain_id": "account", "ids": ["abc"]},
        {"delete_all": True, "domain_id": ""},
        {"delete_all": True, "domain_id": " "},
        {"delete_all": True, "domain_id": "None"},
        {"delete_all": True, "domain": ""},
        {"delete_all": False},
        {"delete_all": True, "domain_id": "account", "recipients": []},
        {"ids": [], "recipients": []},
        {"ids": "abc"},
        {"ids": [""]},
        {"ids": [None]},
        {"ids": ["nan"]},
        {"ids": ["{{ x }}"]},
        {"ids": ["+15551234567"]},
        {"ids": ["abc"], "domain_id": ""},
        {"recipients": [""]},
        {"recipients": ["None"]},
        {"recipients": ["Jane <jane@example.com>"]},
        {"recipients": ["a@example.com, b@example.com"]},
        {"patterns": ["nan"]},
    ],
)
def test_only_a_literal_true_without_ids_deletes_all(connect: Connect, arguments: dict[str, Any]) -> None:
    with Sandbox(blocklist=5) as sandbox:
        with pytest.raises((ValueError, TypeError)):
            MailerSendHook(connect(sandbox)).delete_suppressions("blocklist", **arguments)
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
        lambda: hook.find_suppressions("blocklist", {("recipients", *address): 1}, **scope),
        lambda: hook.add_suppressions("blocklist", recipients=address, **scope),
        lambda: hook.sync_suppressions("blocklist", recipients=address, **scope),
        lambda: hook.delete_suppressions("blocklist", ids=["abc"], **scope),
        lambda: hook.delete_suppressions("blocklist", recipients=address, **scope),
        lambda: hook.delete_suppressions("blocklist", delete_all=True, **scope),
        lambda: list(hook.iter_recipients(**scope)),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=f"{field} was given, and is no domain"):
            call()
    assert sandbox.log == []


def test_emptying_a_list_takes_its_scope(connect: Connect) -> None:
    with Sandbox(blocklist=40, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        with pytest.raises(ValueError, match="domain_id='account'"):
            hook.delete_suppressions("blocklist", delete_all=True)
        assert sandbox.log == []
        of_connection = MailerSendHook(
            connect(sandbox, extra={"domain_id": sandbox.domain_id("example.com")})
        )
        of_connection.delete_suppressions("blocklist", delete_all=True)
        assert len(sandbox.entries("blocklist")) == 30
        of_connection.delete_suppressions("blocklist", delete_all=True, domain_id="account")
        assert sandbox.entries("blocklist") == []


def test_the_account_can_be_meant_whatever_the_connection_says(connect: Connect) -> None:
    with Sandbox(blocklist=40, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox, extra={"domain_id": sandbox.domain_id("example.com")}))
        assert len(hook.list_suppressions("blocklist")) == 10
        assert len(hook.list_suppressions("blocklist", domain_id="account")) == 40
        hook.add_suppressions("blocklist", recipients=["jane@example.net"], domain_id="account")
        assert sandbox.entries("blocklist")[0]["domain"] is None
        with pytest.raises(ValueError, match="needs a domain"):
            hook.add_suppressions("unsubscribes", recipients=["jane@example.net"], domain_id="account")


def test_deleting_all_keeps_to_the_domain(connect: Connect) -> None:
    with Sandbox(unsubscribes=30, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        domain_id = sandbox.domain_id("example.com")
        result = hook.delete_suppressions("unsubscribes", delete_all=True, domain_id=domain_id)
        assert result == {
            "deleted": [],
            "missing": [],
            "all": True,
            "may_be_incomplete": False,
            "requests": 2,
        }
        left = {entry["recipient"]["domain"]["id"] for entry in sandbox.entries("unsubscribes")}
        assert domain_id not in left
        assert len(left) == 2
        hook.delete_suppressions("unsubscribes", delete_all=True, domain_id="account")
        assert sandbox.entries("unsubscribes") == []


@pytest.mark.parametrize("suppression_list", LISTS[:-1])
def test_deleting_by_address_takes_every_entry_in_scope_and_no_other(
    connect: Connect, suppression_list: str
) -> None:
    with Sandbox(rate_limit=None) as sandbox:
        here, elsewhere = "example.com", "news.example.com"
        for domain in (here, elsewhere):
            sandbox.add(suppression_list, "jane@example.net", "joe@example.net", domain=domain)
        twice = suppression_list == "blocklist"
        if twice:
            sandbox.add("blocklist", "JANE@example.net", domain=here)
        hook = MailerSendHook(connect(sandbox))
        result = hook.delete_suppressions(
            suppression_list, recipients=["Jane@example.net ", "who@example.net"], domain=here
        )
        assert len(result["deleted"]) == (2 if twice else 1)
        assert result["missing"] == ["who@example.net"]
        assert sorted(addresses(sandbox, suppression_list)) == ["jane@example.net", *["joe@example.net"] * 2]
        again = hook.delete_suppressions(suppression_list, recipients=["jane@example.net"], domain=here)
        assert (again["deleted"], again["missing"]) == ([], ["jane@example.net"])
        assert len(sandbox.requests("DELETE")) == 1


def test_deleting_by_value_from_the_blocklist_without_a_domain_takes_the_accounts_own(
    connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.add("blocklist", "jane@example.net", patterns=[r".*@example\.org"])
    sandbox.add("blocklist", "jane@example.net", patterns=[r".*@example\.org"], domain="example.com")
    hook = MailerSendHook(connect(sandbox))
    result = hook.delete_suppressions(
        "blocklist", recipients=["jane@example.net"], patterns=[r".*@example\.org", r".*@EXAMPLE\.org"]
    )
    assert len(result["deleted"]) == 2
    assert result["missing"] == [r".*@EXAMPLE\.org"]
    assert [entry["domain"]["name"] for entry in sandbox.entries("blocklist")] == ["example.com"] * 2


def test_unknown_ids_are_left_out_and_the_rest_deleted(connect: Connect) -> None:
    with Sandbox(blocklist=10, rate_limit=None) as sandbox:
        ids = [entry["id"] for entry in sandbox.entries("blocklist")]
        hook = MailerSendHook(connect(sandbox))
        result = hook.delete_suppressions("blocklist", ids=["unknown1", *ids[:5], "unknown2"])
        assert result == {
            "deleted": ids[:5],
            "missing": ["unknown1", "unknown2"],
            "all": False,
            "may_be_incomplete": False,
            "requests": 2,
        }
        only_unknown = hook.delete_suppressions("blocklist", ids=["unknown1"])
        assert only_unknown == {
            "deleted": [],
            "missing": ["unknown1"],
            "all": False,
            "may_be_incomplete": False,
            "requests": 1,
        }
        assert [entry["id"] for entry in sandbox.entries("blocklist")] == ids[5:]


def test_unknown_ids_can_fail_the_deletion_naming_them(connect: Connect) -> None:
    with Sandbox(blocklist=10, rate_limit=None) as sandbox:
        ids = [entry["id"] for entry in sandbox.entries("blocklist")]
        with pytest.raises(MailerSendValidationError, match="no entries of the ids unknown1, unknown2"):
            MailerSendHook(connect(sandbox)).delete_suppressions(
                "blocklist", ids=["unknown1", *ids, "unknown2"], ignore_missing=False
            )
        assert len(sandbox.entries("blocklist")) == 10


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_deletion_whose_answer_is_lost_is_repeated_and_counts_once(connect: Connect, cut: Any) -> None:
    with Sandbox(blocklist=10, rate_limit=None) as sandbox:
        ids = [entry["id"] for entry in sandbox.entries("blocklist")]
        sandbox.fail(Fault(method="DELETE", cut=cut))
        result = MailerSendHook(connect(sandbox)).delete_suppressions(
            "blocklist", ids=ids, ignore_missing=False
        )
        assert (result["deleted"], result["missing"]) == (ids, [])
        assert sandbox.entries("blocklist") == []


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
            hook.delete_recipient(one, ignore_missing=False)
        with pytest.raises(MailerSendNotFoundError):
            hook.get_recipient(one)


def test_a_recipient_deleted_by_a_request_without_an_answer_counts_as_deleted(connect: Connect) -> None:
    with Sandbox(recipients=3, rate_limit=None) as sandbox:
        sandbox.fail(Fault(method="DELETE", cut="after"))
        one = sandbox.entries("recipients")[0]["id"]
        assert MailerSendHook(connect(sandbox)).delete_recipient(one, ignore_missing=False) is True


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
        with pytest.raises(MailerSendRequestError, match=r"no SMS recipients for \+1\*\*\*99; .*The other 1"):
            hook.update_sms_recipients("active", numbers=numbers[1:])


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
        with pytest.raises(MailerSendGuardError, match=r"9 to delete are more than max_deletes=0\.1"):
            hook.sync_suppressions("unsubscribes", recipients=theirs[16:], mode="mirror")


def test_a_synchronization_is_counted_for_each_call(connect: Connect, sandbox: Sandbox) -> None:
    hook = MailerSendHook(connect(sandbox))
    assert hook.sync_suppressions("blocklist", patterns=[".*@x"])["requests"] == 2
    assert hook.sync_suppressions("blocklist", patterns=[".*@x"])["requests"] == 1
    assert hook.requests_sent == 3


def test_a_status_that_is_none_is_refused_before_any_request(connect: Connect, sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="active, opt_out"):
        MailerSendHook(connect(sandbox)).update_sms_recipient("abc", "blocked")
    assert sandbox.log == []


@pytest.mark.parametrize("id_", ["../domains", "a/b?x=1", "a#b", "%2e%2e/domains", "..%2f", "a b", "ü"])
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
    with pytest.raises(ValueError, match="names one recipient"):
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
    work = {"recipients": []} if call == "add_suppressions" else {"ids": []}
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
            f"Connected to MailerSend. 999 of the day's 1000 requests are left until {quota['reset']}.",
        )
    with Sandbox(quota=None) as sandbox:
        assert MailerSendHook(connect(sandbox)).test_connection()[1].endswith("a day are not limited.")


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


@pytest.mark.parametrize("limit_headers", [True, False])
def test_the_rate_limit_is_waited_out(connect: Connect, limit_headers: bool) -> None:
    headers = ALL_HEADERS if limit_headers else ()
    with Sandbox(unsubscribes=2500, rate_limit=10, rate_window=0.3, headers=headers) as sandbox:
        hook = MailerSendHook(connect(sandbox, extra={"rate_limit_window": 0.3}))
        assert len(hook.list_suppressions("unsubscribes")) == 2500
        refused = [request for request in sandbox.log if request.status == 429]
        assert len(refused) <= (0 if limit_headers else 3)


def test_a_wait_that_is_worth_it_is_logged_with_what_it_is_for(
    connect: Connect, sandbox: Sandbox, logged: Logged
) -> None:
    sandbox.fail(Fault(status=503))
    sandbox.fail(Fault(status=429, headers={"retry-after": "1.15"}, body={"message": "Wait. #MS42903"}))
    assert MailerSendHook(connect(sandbox)).list_suppressions("blocklist") == []
    assert len(sandbox.log) == 3
    assert re.findall(r"waiting [\d.]+ s for [\w ]+\.", logged()) == ["waiting 1.1 s for the rate limit."]


def test_a_rate_limit_that_lasts_too_long_fails_and_says_what_to_do(
    connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.fail(Fault(status=429, headers={"retry-after": "3600"}, body={"message": "Wait. #MS42903"}))
    hook = MailerSendHook(connect(sandbox), retry_timeout=5)
    with pytest.raises(MailerSendRateLimitError, match="longer than 5 s") as error:
        hook.list_suppressions("blocklist")
    assert not error.value.permanent


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_used_up_quota_says_when_it_ends(connect: Connect, dialect: str) -> None:
    with Sandbox(dialect=dialect, unsubscribes=500, quota=3, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        with pytest.raises(MailerSendQuotaExhaustedError, match=r"begin at .* 00:00:00 UTC") as error:
            hook.list_suppressions("unsubscribes")
        tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        assert error.value.resets_at == tomorrow
        assert len(sandbox.log) == 3, "what the headers tell is not tried out"


def test_a_used_up_quota_is_found_out_without_headers_and_codes(connect: Connect) -> None:
    with Sandbox(unsubscribes=500, quota=3, rate_limit=None, headers=()) as sandbox:
        hook = MailerSendHook(connect(sandbox, extra={"rate_limit_window": 0.1}))
        with pytest.raises(MailerSendQuotaExhaustedError, match="used up"):
            hook.list_suppressions("unsubscribes")
        assert len(sandbox.requests(path="/api-quota")) == 1


def test_the_reserve_is_left_to_sending(connect: Connect) -> None:
    with Sandbox(unsubscribes=2000, quota=20, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox, extra={"quota_reserve": 15}))
        with pytest.raises(MailerSendQuotaExhaustedError, match="15 requests are left, and 15 are reserved"):
            hook.list_suppressions("unsubscribes")
        assert sandbox.state()["quota_remaining"] == 15


def test_the_quota_of_the_next_day_is_used(connect: Connect) -> None:
    with Sandbox(unsubscribes=200, quota=2, quota_window=2.0, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        assert len(hook.list_suppressions("unsubscribes")) == 200
        with pytest.raises(MailerSendQuotaExhaustedError):
            hook.list_suppressions("unsubscribes")
        _wait_for_the_reset_of(hook)
        assert len(hook.list_suppressions("unsubscribes")) == 200


def _wait_for_the_reset_of(hook: MailerSendHook) -> None:
    resets_at = hook._flow.throttle.quota_resets_at
    assert resets_at is not None
    time.sleep(max(0, resets_at.timestamp() - time.time()))


@pytest.mark.parametrize(
    ("status", "error_class", "tells"),
    [
        (401, MailerSendAuthenticationError, "API token field"),
        (403, MailerSendPermissionError, "the scope suppressions_read"),
        (422, MailerSendValidationError, "domain_id: The selected domain id is invalid."),
    ],
)
def test_what_cannot_get_better_is_asked_once(
    connect: Connect, sandbox: Sandbox, status: int, error_class: type[Exception], tells: str
) -> None:
    message = "The selected domain id is invalid."
    errors = {"domain_id": [message]} if status == 422 else {}
    sandbox.fail(Fault(status=status, body={"message": message, "errors": errors}, times=9))
    with pytest.raises(error_class, match=tells) as error:
        MailerSendHook(connect(sandbox)).list_suppressions("unsubscribes")
    assert str(error.value).endswith(" Connection 'mailersend_default'.")
    assert f"GET /suppressions/unsubscribes answered {status}" in str(error.value)
    assert len(sandbox.log) == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "fault",
    [{"status": status} for status in (408, 421, 500, 502, 503, 504)]
    + [
        {"cut": "before"},
        {"cut": "after"},
        {"truncate": True},
        {"delay": 5.0},
        {"status": 503, "html": True},
    ],
    ids=str,
)
def test_what_passes_is_waited_out(connect: Connect, method: str, fault: dict[str, Any]) -> None:
    with Sandbox(sms_recipients=2, recipients=1, rate_limit=None) as sandbox:
        sandbox.fail(Fault(method=method, **fault))
        hook = MailerSendHook(connect(sandbox), timeout=1.0 if "delay" in fault else None)
        one = sandbox.entries("sms-recipients")[0]["id"]
        if method == "GET":
            assert hook.get_sms_recipient(one)["id"] == one
        elif method == "PUT":
            assert hook.update_sms_recipient(one, "opt_out")["status"] == "opt_out"
        else:
            assert hook.delete_recipient(sandbox.entries("recipients")[0]["id"]) is True
        assert hook.requests_sent == 2


def test_what_does_not_pass_fails_after_the_retries(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.fail(Fault(status=503, html=True, times=9))
    hook = MailerSendHook(connect(sandbox), max_retries=2)
    with pytest.raises(MailerSendServerError, match=r"answered 503.*It was tried 3 times") as error:
        hook.list_suppressions("blocklist")
    assert not error.value.permanent
    assert len(sandbox.log) == 3


def test_no_answer_at_all_fails_after_the_retries(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.fail(Fault(cut="before", times=9))
    with pytest.raises(MailerSendConnectionError, match="No answer from MailerSend"):
        MailerSendHook(connect(sandbox), max_retries=1).list_suppressions("blocklist")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>no</html>",
        "[]",
        "null",
        '{"data": null}',
        '{"data": [1]}',
        '{"data": [{"id": 7}]}',
        '{"dat',
    ],
)
def test_a_body_that_is_no_page_is_an_error_that_names_endpoint_and_status(
    connect: Connect, sandbox: Sandbox, body: str
) -> None:
    sandbox.fail(Fault(status=200, body=body))
    with pytest.raises(
        MailerSendUnexpectedAnswerError, match="GET /suppressions/blocklist answered 200 with "
    ):
        MailerSendHook(connect(sandbox)).list_suppressions("blocklist")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        '{"data": []}',
        '{"quota": "many"}',
        '{"quota": 1, "remaining": null}',
        '{"quota": 1, "remaining": true}',
    ],
)
def test_a_body_of_another_shape_is_an_error_everywhere(
    connect: Connect, sandbox: Sandbox, body: str
) -> None:
    hook = MailerSendHook(connect(sandbox))
    calls: list[Callable[[], Any]] = [
        hook.get_api_quota,
        lambda: hook.get_recipient("abc"),
        lambda: hook.get_sms_recipient("abc"),
        lambda: hook.update_sms_recipient("abc", "active"),
    ]
    for call in calls:
        sandbox.fail(Fault(status=200, body=body))
        with pytest.raises(MailerSendUnexpectedAnswerError, match="answered 200 with "):
            call()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(connect: Connect, sandbox: Sandbox, status: int) -> None:
    with Sandbox() as elsewhere:
        sandbox.fail(Fault(status=status, headers={"location": f"{elsewhere.url}/recipients"}))
        with pytest.raises(MailerSendUnexpectedAnswerError, match="redirect"):
            list(MailerSendHook(connect(sandbox)).iter_recipients())
        assert elsewhere.log == []


def test_one_session_keeps_its_connection(connect: Connect) -> None:
    with Sandbox(unsubscribes=1000, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        hook.list_suppressions("unsubscribes")
        hook.get_api_quota()
        pools = hook.get_conn().get_adapter(sandbox.url).poolmanager.pools  # type: ignore[attr-defined]
        assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118


def test_the_session_sends_the_token_to_the_api_alone(connect: Connect, sandbox: Sandbox) -> None:
    session = MailerSendHook(connect(sandbox)).get_conn()
    assert isinstance(session, requests.Session)
    assert session.get(f"{sandbox.url}/recipients").status_code == 200
    assert "Authorization" not in session.get(f"{sandbox.url}0/recipients").request.headers
    with Sandbox(token=sandbox.token) as elsewhere:
        assert session.get(f"{elsewhere.url}/recipients").status_code == 401


def test_requests_ask_for_json(connect: Connect, sandbox: Sandbox) -> None:
    response = MailerSendHook(connect(sandbox)).get_conn().get(f"{sandbox.url}/recipients")
    assert response.request.headers["Accept"] == "application/json"


def test_requests_are_counted_for_each_call(connect: Connect) -> None:
    with Sandbox(blocklist=5, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        for _ in range(2):
            assert hook.add_suppressions("blocklist", recipients=["jane@example.net"])["requests"] == 1
            assert hook.delete_suppressions("blocklist", ids=["abc"])["requests"] == 1
        assert hook.requests_sent == 4


def test_the_environments_proxy_is_used_but_not_for_this_machine(
    connect: Connect, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{unused.getsockname()[1]}")
        assert MailerSendHook(connect(sandbox)).test_connection()[0]
        elsewhere = connect(conn_id="elsewhere", host="https://mailersend.invalid")
        done, message = MailerSendHook(elsewhere, max_retries=0).test_connection()
    assert not done
    assert "ProxyError" in message


def test_the_environments_certificates_are_used(
    connect: Connect, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = tmp_path / "certificates.pem"
    none.write_text("")
    for name, value in (("NO_PROXY", ""), ("no_proxy", ""), ("REQUESTS_CA_BUNDLE", str(none))):
        monkeypatch.setenv(name, value)
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def let_through() -> None:
            asked, _ = proxy.accept()
            with asked:
                asked.recv(1000)
                asked.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                asked.recv(1000)

        threading.Thread(target=let_through, daemon=True).start()
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        elsewhere = connect(host="https://mailersend.invalid")
        done, message = MailerSendHook(elsewhere, max_retries=0).test_connection()
    assert not done
    assert "no certificate" in message


def test_certificates_that_are_not_there_are_named(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    done, message = MailerSendHook(
        connect(host="https://mailersend.invalid"), max_retries=0
    ).test_connection()
    assert not done
    assert "/nowhere/bundle.pem" in message


def test_a_netrc_entry_does_not_replace_the_token(
    connect: Connect, sandbox: Sandbox, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert MailerSendHook(connect(sandbox)).test_connection()[0]


def test_what_answers_in_the_apis_place_is_shown_masked(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4000)
                connection.sendall(b"220 jane.doe@example.com\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        host = f"http://127.0.0.1:{server.getsockname()[1]}"
        done, message = MailerSendHook(connect(host=host), max_retries=0).test_connection()
    assert not done
    assert "@example.com" in message
    assert "jane.doe" not in message


def test_neither_token_nor_address_is_in_logs_and_errors(
    connect: Connect, sandbox: Sandbox, logged: Logged
) -> None:
    shown = []
    says = {"message": "jane.doe@example.com and +15551234567 with Bearer mlsn.sandbox are refused."}
    hook = MailerSendHook(connect(sandbox), max_retries=0)
    for fault in (
        *(Fault(method="POST", status=status, body=says) for status in (401, 403, 404, 418, 422, 500)),
        Fault(method="POST", cut="before"),
        Fault(method="POST", status=422, body={**says, "errors": {"recipients.0": [says["message"]]}}),
    ):
        sandbox.fail(fault)
        with pytest.raises(MailerSendError) as error:
            hook.add_suppressions("blocklist", recipients=["jane.doe@example.com"])
        shown.append(f"{error.value} {error.value!r}")
    everything = "\n".join([*shown, logged()])
    assert "jane.doe@" not in everything
    assert "+15551234567" not in everything
    assert "mlsn.sandbox" not in everything
