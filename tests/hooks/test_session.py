"""The session that the hook's requests go over: connections, proxies, certificates, secrets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests

from airflow_provider_mailersend.exceptions import (
    MailerSendError,
)
from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from airflow_provider_mailersend.sandbox import Fault, Sandbox

Connect = Callable[..., str]
Logged = Callable[[], str]


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


@pytest.mark.slow
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
