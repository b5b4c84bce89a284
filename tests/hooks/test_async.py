"""The asynchronous hook drives the same flow: what it reads and how it fails is what the other hook does."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from airflow_provider_mailersend.exceptions import (
    MailerSendAuthenticationError,
    MailerSendConnectionError,
    MailerSendNotFoundError,
    MailerSendQuotaExhaustedError,
    MailerSendSettingsError,
    MailerSendUnexpectedAnswerError,
)
from airflow_provider_mailersend.hooks.mailersend import MailerSendAsyncHook, MailerSendHook
from airflow_provider_mailersend.sandbox import Fault, Sandbox

Connect = Callable[..., str]


def run(call: Callable[[MailerSendAsyncHook], Any], **options: Any) -> Any:
    async def session() -> Any:
        async with MailerSendAsyncHook(**options) as hook:
            return await call(hook)

    return asyncio.run(session())


def test_it_reads_what_the_other_hook_reads(connect: Connect) -> None:
    newest = datetime(2025, 6, 1, tzinfo=UTC)
    with Sandbox(unsubscribes=450, sms_recipients=1, newest=newest, rate_limit=None) as sandbox:
        connect(sandbox)
        blocking = MailerSendHook()
        domain_id = sandbox.domain_id("example.com")
        since, until = newest - timedelta(hours=3), newest - timedelta(hours=1)
        someone = {("recipients", sandbox.entries("unsubscribes")[7]["recipient"]["email"]): 1}
        sms_recipient = sandbox.entries("sms-recipients")[0]

        async def read(hook: MailerSendAsyncHook) -> list[Any]:
            return [
                await hook.list_suppressions("unsubscribes"),
                await hook.list_suppressions("unsubscribes", domain_id=domain_id, since=since),
                await hook.list_suppressions("unsubscribes", domain="example.com", since=since, until=until),
                await hook.locate_suppressions("unsubscribes", someone),
                await hook.get_sms_recipient(sms_recipient["id"]),
                await hook.resolve_domain_id("example.com"),
                await hook.get_api_quota(),
            ]

        assert run(read) == [
            blocking.list_suppressions("unsubscribes"),
            blocking.list_suppressions("unsubscribes", domain_id=domain_id, since=since),
            blocking.list_suppressions("unsubscribes", domain="example.com", since=since, until=until),
            blocking.locate_suppressions("unsubscribes", someone),
            blocking.get_sms_recipient(sms_recipient["id"]),
            domain_id,
            blocking.get_api_quota()
            | {"remaining": sandbox.state()["quota_remaining"] + blocking.requests_sent - 1},
        ]


def test_the_connections_domain_is_the_default(connect: Connect) -> None:
    with Sandbox(unsubscribes=30) as sandbox:
        domain_id = sandbox.domain_id("example.com")
        connect(sandbox, extra={"domain_id": domain_id})
        assert len(run(lambda hook: hook.list_suppressions("unsubscribes"))) == 10
        assert len(run(lambda hook: hook.list_suppressions("unsubscribes", domain_id="account"))) == 30
        assert [request.query.get("domain_id") for request in sandbox.log] == [domain_id, None]


def test_one_client_is_used_by_all_calls_and_closed(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)

    def clients() -> list[httpx.AsyncClient]:
        return [thing for thing in gc.get_objects() if type(thing) is httpx.AsyncClient]

    async def new_clients(hook: MailerSendAsyncHook) -> list[httpx.AsyncClient]:
        await asyncio.gather(*(hook.get_api_quota() for _ in range(5)))
        await hook.get_api_quota()
        return [client for client in clients() if client not in before]

    before = clients()
    [client] = run(new_clients)
    assert client.is_closed


def test_calls_that_begin_together_make_one_client(
    connect: Connect, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(sandbox)
    made = []

    class Counted(httpx.AsyncClient):
        def __init__(self, **options: Any) -> None:
            made.append(options)
            super().__init__(**options)

    monkeypatch.setattr(httpx, "AsyncClient", Counted)

    async def together(hook: MailerSendAsyncHook) -> None:
        await asyncio.gather(*(hook.get_api_quota() for _ in range(5)))

    run(together)
    assert len(made) == 1
    assert len(sandbox.log) == 5


def test_requests_ask_for_json(connect: Connect) -> None:
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(4000).decode().lower())
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

        threading.Thread(target=serve, daemon=True).start()
        connect(host=f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(MailerSendUnexpectedAnswerError):
            run(lambda hook: hook.get_api_quota(), max_retries=0)
    assert "\r\naccept: application/json\r\n" in asked[0]


def test_it_can_be_used_again_once_closed(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)

    async def again(hook: MailerSendAsyncHook) -> None:
        await hook.get_api_quota()
        await hook.aclose()
        await hook.get_api_quota()

    run(again)
    assert len(sandbox.log) == 2


def test_a_domain_is_resolved_once_by_its_name(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)

    async def twice(hook: MailerSendAsyncHook) -> list[str]:
        return [await hook.resolve_domain_id("example.com") for _ in range(2)]

    assert run(twice) == [sandbox.domain_id("example.com")] * 2
    assert len(sandbox.log) == 1


def test_an_unreadable_date_keeps_its_entry_with_one_warning(
    connect: Connect, sandbox: Sandbox, logged: Callable[[], str]
) -> None:
    connect(sandbox)
    page = {"data": [{"id": "1", "created_at": "soon"}], "links": {"next": None}}
    sandbox.fail(Fault(path="/suppressions/*", status=200, body=page))
    assert run(lambda hook: hook.list_suppressions("unsubscribes", since="2025-01-01")) == page["data"]
    assert (
        logged().count("GET /suppressions/unsubscribes: 1 entries have a created_at that isn't a valid date")
        == 1
    )


def test_the_environments_proxy_is_used_but_not_for_this_machine(
    connect: Connect, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(5)
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        connect(sandbox)
        run(lambda hook: hook.get_api_quota(), timeout=1, max_retries=0)
        connect(host="https://mailersend.invalid")
        with pytest.raises(MailerSendConnectionError):
            run(lambda hook: hook.get_api_quota(), timeout=0.2, max_retries=0)
        asked, _ = proxy.accept()
        with asked:
            assert asked.recv(100).startswith(b"CONNECT mailersend.invalid:443 ")


def test_certificates_that_are_not_there_are_an_error_of_the_connection(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/bundle.pem")
    options = {
        "mailersend_conn_id": connect(conn_id="elsewhere", host="https://mailersend.invalid"),
        "max_retries": 0,
    }
    with pytest.raises(MailerSendConnectionError) as error:
        run(lambda hook: hook.list_suppressions("unsubscribes"), **options)
    assert str(error.value).startswith("No answer from MailerSend to GET /suppressions/unsubscribes: ")
    assert str(error.value).endswith(" Connection 'elsewhere'.")
    assert not error.value.permanent


def test_a_connection_that_says_what_cannot_be_does_not_work(connect: Connect) -> None:
    connect(extra={"timeout": "soon"})
    with pytest.raises(MailerSendSettingsError, match="must be a number; it is 'soon'"):
        run(lambda hook: hook.get_api_quota())


def test_one_that_is_missing_is_an_error_and_its_id_is_quoted(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    with pytest.raises(MailerSendNotFoundError):
        run(lambda hook: hook.get_sms_recipient("../domains"))
    assert sandbox.log[-1].raw_path == "/v1/sms-recipients/..%2Fdomains"


@pytest.mark.parametrize(
    "fault",
    [{"status": 503}, {"cut": "before"}, {"cut": "after"}, {"truncate": True}, {"delay": 5.0}],
    ids=str,
)
def test_what_passes_is_waited_out(connect: Connect, fault: dict[str, Any]) -> None:
    with Sandbox(unsubscribes=150) as sandbox:
        connect(sandbox)
        sandbox.fail(Fault(skip=1, **fault))
        assert (
            len(
                run(
                    lambda hook: hook.list_suppressions("unsubscribes"),
                    timeout=1.0 if "delay" in fault else None,
                )
            )
            == 150
        )
        assert len(sandbox.log) == 3


def test_waiting_for_the_rate_limit_does_not_block_the_event_loop(connect: Connect) -> None:
    with Sandbox(unsubscribes=400, rate_limit=2, rate_window=2.0) as sandbox:
        connect(sandbox, extra={"rate_limit_window": 2.0})

        async def read(hook: MailerSendAsyncHook) -> tuple[int, Counter[int]]:
            reading = asyncio.create_task(hook.list_suppressions("unsubscribes"))
            turns: Counter[int] = Counter()
            while not reading.done():
                await asyncio.sleep(0.01)
                turns[len(sandbox.log)] += 1
            return len(await reading), turns

        found, turns = run(read)
        assert found == 400
        # About 200 between the two requests that the wait lies between, and few if it blocked the loop.
        assert max(turns.values()) > 30


def test_errors_are_the_same(connect: Connect) -> None:
    with Sandbox(unsubscribes=200, quota=1) as sandbox:
        connect(sandbox)
        with pytest.raises(MailerSendQuotaExhaustedError, match="Connection 'mailersend_default'"):
            run(lambda hook: hook.list_suppressions("unsubscribes"))
        connect(sandbox, password="mlsn.wrong")
        with pytest.raises(MailerSendAuthenticationError):
            run(lambda hook: hook.get_api_quota())


def test_redirects_are_not_followed(connect: Connect, sandbox: Sandbox) -> None:
    connect(sandbox)
    with Sandbox() as elsewhere:
        sandbox.fail(Fault(status=302, headers={"location": f"{elsewhere.url}/recipients"}))
        with pytest.raises(MailerSendUnexpectedAnswerError, match="redirect"):
            run(lambda hook: hook.get_api_quota())
        assert elsewhere.log == []


def test_the_token_is_neither_logged_nor_shown(
    connect: Connect, sandbox: Sandbox, logged: Callable[[], str]
) -> None:
    connect(sandbox)

    async def shown(hook: MailerSendAsyncHook) -> str:
        await hook.get_api_quota()
        return f"{hook!r} {vars(hook)!r}"

    assert sandbox.token not in run(shown) + logged()
