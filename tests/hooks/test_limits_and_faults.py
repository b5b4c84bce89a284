"""Limits, the daily quota and faults, over real HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_mailersend.exceptions import (
    MailerSendAuthenticationError,
    MailerSendConnectionError,
    MailerSendPermissionError,
    MailerSendQuotaExhaustedError,
    MailerSendRateLimitError,
    MailerSendServerError,
    MailerSendUnexpectedAnswerError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from airflow_provider_mailersend.sandbox import ALL_HEADERS, Fault, Sandbox

Connect = Callable[..., str]
Logged = Callable[[], str]
DIALECTS = ["observed", "documented"]


@pytest.mark.parametrize("limit_headers", [True, False])
def test_the_rate_limit_is_waited_out(connect: Connect, limit_headers: bool) -> None:
    headers = ALL_HEADERS if limit_headers else ()
    with Sandbox(unsubscribes=2500, rate_limit=10, rate_window=0.8, headers=headers) as sandbox:
        hook = MailerSendHook(connect(sandbox, extra={"rate_limit_window": 0.8}))
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
        with pytest.raises(MailerSendQuotaExhaustedError, match=r"quota resets at .* 00:00:00 UTC") as error:
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
        with pytest.raises(MailerSendQuotaExhaustedError) as error:
            hook.list_suppressions("unsubscribes")
        assert error.value.retry_at is not None
        time.sleep(max(0, error.value.retry_at - time.time()))
        assert len(hook.list_suppressions("unsubscribes")) == 200


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
