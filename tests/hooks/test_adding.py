"""Adding by the hook, over real HTTP."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_mailersend.exceptions import (
    MailerSendConnectionError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from tests.unsteady import UnsteadySandbox

Connect = Callable[..., str]
LISTS = ["blocklist", "hard-bounces", "spam-complaints", "unsubscribes", "on-hold-list"]
DIALECTS = ["observed", "documented"]


def addresses(sandbox: Sandbox, suppression_list: str) -> list[str]:
    return [
        entry["pattern"] if suppression_list == "blocklist" else entry["recipient"]["email"]
        for entry in sandbox.entries(suppression_list)
    ]


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
            "stored_differently": [],
            "may_be_incomplete": False,
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
        ({"suppression_list": "blocklist"}, "give recipients or patterns, or both"),
        ({"suppression_list": "on-hold-list", "recipients": ["a@b.c"]}, "on-hold-list: MailerSend adds"),
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
    assert result == {
        "added": [],
        "rejected": [],
        "stored_differently": [],
        "may_be_incomplete": False,
        "requests": 0,
    }
    assert sandbox.log == []


@pytest.mark.parametrize(
    ("refusal", "batches"), [("422", [300, 120, 120, 60]), ("413", [300, 150, 75, 75, 75, 75])]
)
def test_adding_adapts_to_the_size_that_the_api_takes(
    connect: Connect, refusal: Any, batches: list[int]
) -> None:
    with UnsteadySandbox(max_batch=120, batch_refusal=refusal, rate_limit=None) as sandbox:
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
        pytest.param(Fault(method="POST", cut="after", times=2), marks=pytest.mark.slow),
        pytest.param(Fault(method="POST", cut="before", times=2), marks=pytest.mark.slow),
        Fault(method="POST", status=421),
        Fault(method="POST", status=429, body={"message": "Please wait a while before retrying."}),
        Fault(method="POST", delay=5.0),
        Fault(method="POST", delay=1.3, delay_when="before"),
    ],
    ids=str,
)
@pytest.mark.parametrize("scope", ["account", pytest.param("domain", marks=pytest.mark.slow)])
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


@pytest.mark.slow
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
