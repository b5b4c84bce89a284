"""What a hostile or broken network does to a request, by way of either hook."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from urllib3.util.connection import create_connection

from airflow_provider_mailersend.exceptions import (
    MailerSendConnectionError,
    MailerSendError,
    MailerSendSettingsError,
    MailerSendUnexpectedAnswerError,
)
from airflow_provider_mailersend.hooks import deadline
from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from airflow_provider_mailersend.sandbox import Sandbox

from .wire import (
    JSON,
    QUOTA,
    Handler,
    answer,
    bomb,
    certificate_for,
    dripping,
    endless,
    head,
    read_head,
    saying,
    serving,
    tunnel,
    zipped,
)

Connect = Callable[..., str]
Ask = Callable[..., Any]

PADDED = b" " * 200 + JSON


@pytest.fixture
def proxied(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """Let the hooks reach https://mailersend.invalid by way of a proxy that does what is given."""
    certificate = certificate_for("mailersend.invalid", tmp_path)
    for name in ("NO_PROXY", "no_proxy", "http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(certificate))
    connect(host="https://mailersend.invalid")

    def by(handler: Handler, *, through: bool = True) -> Any:
        wire = serving(tunnel(handler, certificate) if through else handler)
        entered = wire.__enter__()
        opened.append(wire)
        monkeypatch.setenv("https_proxy", entered.url)
        return entered

    opened: list[Any] = []
    yield by
    for wire in opened:
        wire.__exit__(None, None, None)


SLOW: dict[str, Handler] = {
    "the status comes byte by byte": dripping(b"", answer()[:60]),
    "the headers come byte by byte": dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"s" * 60 + b"\r\n\r\n"),
    "a header comes now and then": endless(b"X-Slow: yes\r\n", 0.1, first=b"HTTP/1.1 200 OK\r\n"),
    "100 Continue comes now and then": endless(b"HTTP/1.1 100 Continue\r\n\r\n", 0.05),
    "100 Continue comes without end": endless(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "the body comes byte by byte": dripping(answer(PADDED)[:-50], answer(PADDED)[-50:]),
    "chunks come byte by byte": dripping(
        head(b"Transfer-Encoding: chunked"), b"%x\r\n%b\r\n0\r\n\r\n" % (len(JSON), JSON)
    ),
    "a gzip comes byte by byte": dripping(
        head(b"Content-Encoding: gzip", b"Content-Length: %d" % len(zipped())), zipped()
    ),
    "a body without a length never ends": endless(b" ", 0.05, first=head()),
    "nothing comes": lambda connection, number: time.sleep(3),
}


@pytest.mark.parametrize("handler", SLOW.values(), ids=SLOW.keys())
def test_the_timeout_bounds_the_whole_exchange(connect: Connect, ask: Ask, handler: Handler) -> None:
    with serving(handler) as wire:
        connect(host=wire.url)
        with pytest.raises(
            MailerSendConnectionError, match=r"no complete response from 127.0.0.1:\d+ within 0.4 s"
        ):
            ask(timeout=0.4, max_retries=0)


@pytest.mark.parametrize(
    "name", ["the headers come byte by byte", "the body comes byte by byte", "100 Continue comes without end"]
)
def test_the_timeout_bounds_an_exchange_over_tls(proxied: Any, ask: Ask, name: str) -> None:
    proxied(SLOW[name])
    with pytest.raises(
        MailerSendConnectionError, match=r"no complete response from mailersend.invalid within 0.5 s"
    ):
        ask(timeout=0.5, max_retries=0)


@pytest.mark.parametrize(
    "handler",
    [
        dripping(b"HTTP/1.1 200 OK\r\n", b"X-Slow: " + b"s" * 60 + b"\r\n\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\n\r\n", bytes(50)),
        endless(b"HTTP/1.1 100 Continue\r\n\r\n", 0.05),
    ],
    ids=["the proxy's answer", "the handshake", "100 Continue of the proxy"],
)
def test_the_timeout_bounds_the_way_through_a_proxy(proxied: Any, ask: Ask, handler: Handler) -> None:
    proxied(handler, through=False)
    with pytest.raises(MailerSendConnectionError, match=r"mailersend.invalid"):
        ask(timeout=0.4, max_retries=0)


def test_a_proxy_leads_to_the_api(proxied: Any, ask: Ask) -> None:
    wire = proxied(saying(answer()))
    assert ask() == QUOTA
    assert wire.requests[0].startswith(b"CONNECT mailersend.invalid:443 ")
    assert b"authorization: bearer" not in wire.requests[0].lower()


def test_a_slow_answer_in_time_is_read(connect: Connect, ask: Ask) -> None:
    with serving(dripping(answer()[:20], answer()[20:], 0.5)) as wire:
        connect(host=wire.url)
        assert ask(timeout=5, max_retries=0) == QUOTA


def test_retry_timeout_bounds_all_tries(connect: Connect, ask: Ask) -> None:
    with serving(SLOW["the body comes byte by byte"]) as wire:
        connect(host=wire.url)
        with pytest.raises(MailerSendConnectionError, match=r"within 0.4 s. It was not tried again"):
            ask(timeout=30, max_retries=9, retry_timeout=0.4)


def test_each_try_has_its_own_time(connect: Connect, ask: Ask) -> None:
    def serve(connection: socket.socket, number: int) -> None:
        if number:
            connection.sendall(answer())
        else:
            SLOW["the body comes byte by byte"](connection, number)

    with serving(serve) as wire:
        connect(host=wire.url)
        assert ask(timeout=0.5, max_retries=1) == QUOTA
        # What is left of the first answer is read by nobody.
        assert len(wire.requests) == 2


def test_a_timeout_longer_than_sockets_can_hold_is_none_of_the_users_concern(
    connect: Connect, ask: Ask
) -> None:
    with serving(saying(answer())) as wire:
        connect(host=wire.url)
        assert ask(timeout=999_999_999, max_retries=0) == QUOTA


def test_a_connection_is_kept_for_the_next_request(connect: Connect, ask: Ask) -> None:
    def serve(connection: socket.socket, number: int) -> None:
        for encoding in (b"gzip", b"identity", b"gzip"):
            body = zipped() if encoding == b"gzip" else JSON
            connection.sendall(answer(body, b"Content-Encoding: " + encoding))
            read_head(connection)

    with serving(serve) as wire:
        connect(host=wire.url)
        assert ask(times=3, timeout=10) == QUOTA
        assert len(wire.requests) == 1


def test_the_addresses_of_a_host_share_the_time(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    # httpx tries them side by side.
    with serving(saying(answer())) as wire, socket.socket() as full, socket.socket() as other:
        port = int(wire.url.rpartition(":")[2])
        full.bind(("127.0.0.2", port))
        full.listen(0)
        other.connect(full.getsockname())  # nobody else can connect now
        addresses = ["127.0.0.2", "127.0.0.1"]

        def look_up(host: str, *_: Any, **__: Any) -> Any:
            found = addresses if host == "localhost" else [host]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

        given: list[float] = []

        def connect_in(address: Any, timeout: float, **options: Any) -> socket.socket:
            given.append(timeout)
            return create_connection(address, timeout, **options)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        monkeypatch.setattr(deadline, "create_connection", connect_in)
        connect(host=f"http://localhost:{port}")
        hook = MailerSendHook(timeout=1, max_retries=0)
        assert hook.get_api_quota() == QUOTA
        assert len(given) == 2
        addresses[1:] = ["127.0.0.2"] * 7
        given.clear()
        with pytest.raises(
            MailerSendConnectionError, match=f"localhost:{port} cannot be reached within 0.5 s"
        ):
            MailerSendHook(timeout=0.5, max_retries=0).get_api_quota()
        # Not eight times half a second.
        assert len(given) == 8
        assert sum(given) <= 0.5


def test_the_look_up_of_a_host_is_within_the_time_limit(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    # asyncio looks hosts up in threads of its own.
    over, answered = threading.Event(), threading.Event()

    def look_up(*_: Any, **__: Any) -> Any:
        over.wait(10)
        answered.set()
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    connect(host="https://mailersend.invalid")
    with pytest.raises(
        MailerSendConnectionError, match=r"mailersend\.invalid cannot be reached within 0\.5 s"
    ):
        MailerSendHook(timeout=0.5, max_retries=0).get_api_quota()
    assert not answered.is_set()
    over.set()
    assert answered.wait(10)


def test_a_host_that_has_no_address_is_told(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    connect(host="https://mailersend.invalid")
    with pytest.raises(MailerSendConnectionError, match="Name or service not known"):
        MailerSendHook(max_retries=0).get_api_quota()


def outcome(call: Callable[[], Any]) -> Any:
    """Return what *call* returns, or the error of ours that it raises."""
    try:
        return call()
    except MailerSendError as error:
        return error


ODD = {
    "no HTTP at all": b"220 mail.example.com ESMTP\r\n",
    "a status that is no number": b"HTTP/1.1 many OK\r\n\r\n",
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "half a body": answer()[:-5],
    "a header without a colon": head(b"Content-Length: 5", b"here we are") + b"null ",
    "a NUL in a header": head(b"X-Odd: a\x00b", b"Content-Length: 2") + b"{}",
    "a long header": head(b"X-Odd: " + b"o" * 200_000),
    "many headers": head(*(b"X-Odd-%d: 1" % number for number in range(30_000))),
    "a length that is none": head(b"Content-Length: many") + JSON,
    "two lengths": head(b"Content-Length: 1", b"Content-Length: 9") + JSON,
    "a negative length": head(b"Content-Length: -1") + JSON,
    "a chunk without a length": head(b"Transfer-Encoding: chunked") + b"zz\r\n{}\r\n0\r\n\r\n",
    "a chunk too short": head(b"Transfer-Encoding: chunked") + b"ff\r\n{}\r\n",
    "a chunk with a huge length": head(b"Transfer-Encoding: chunked") + b"f" * 300 + b"\r\n{}\r\n",
    "another protocol": b"HTTP/9.9 200 OK\r\n\r\n",
    "switching protocols": head(b"Upgrade: h9", status=b"101 Switching Protocols"),
    "broken gzip": answer(zipped()[:10] + b"no gzip at all", b"Content-Encoding: gzip"),
    "cut gzip": answer(zipped()[:-9], b"Content-Encoding: gzip"),
    "no gzip": answer(JSON, b"Content-Encoding: gzip"),
    "brotli": answer(JSON, b"Content-Encoding: br"),
    "gzip twice": answer(zipped(zipped()), b"Content-Encoding: gzip, gzip"),
    "an encoding of odd bytes": answer(JSON, b"Content-Encoding: \xff\xfe"),
}


@pytest.mark.parametrize("said", ODD.values(), ids=ODD.keys())
def test_what_is_no_answer_is_an_error_of_ours(connect: Connect, ask: Ask, said: bytes) -> None:
    with serving(saying(said)) as wire:
        connect(host=wire.url)
        found = outcome(lambda: ask(timeout=10, max_retries=0))
    # One library reads what the other refuses, as a browser would.
    if found != QUOTA:
        assert isinstance(found, MailerSendError)
        assert "GET /api-quota" in str(found)
        assert str(found).endswith(" Connection 'mailersend_default'.")
        assert not found.permanent or found.status


@pytest.mark.parametrize("said", ["half a body", "a chunk too short", "cut gzip", "broken gzip"])
def test_an_answer_that_was_damaged_on_its_way_is_asked_for_again(
    connect: Connect, ask: Ask, said: str
) -> None:
    def serve(connection: socket.socket, number: int) -> None:
        connection.sendall(answer() if number else ODD[said])

    with serving(serve) as wire:
        connect(host=wire.url)
        assert ask(timeout=10, max_retries=1) == QUOTA


@pytest.mark.parametrize(
    "location",
    [
        b"http://[",
        b"\xff\xfe",
        b"https://a..b:99999/",
        b"//",
        b"mailto:jane@example.com",
        b"\t",
        b"http://\xc3\xa4",
    ],
    ids=str,
)
def test_a_redirect_to_nowhere_is_told_as_a_redirect(connect: Connect, ask: Ask, location: bytes) -> None:
    redirect = answer(bomb(100), b"Location: " + location, b"Content-Encoding: gzip", status=b"302 Found")
    with serving(saying(redirect)) as wire:
        connect(host=wire.url)
        with pytest.raises(MailerSendUnexpectedAnswerError, match="answered 302, a redirect"):
            ask(timeout=10, max_retries=0)


def test_odd_headers_are_left_alone(connect: Connect, ask: Ask) -> None:
    odd = (
        b"X-Name: J\xc3\xa4ne \xff",
        b"Set-Cookie: \xff=\xfe; expires=Never; max-age=lots; domain=..; path",
        b"Retry-After: soon",
        b"X-ApiQuota-Remaining: \xc2\xb2",
        b"X-RateLimit-Remaining: nan",
        b"Content-Type: \xff; charset=none",
        b"Content-Encoding: ",
    )
    with serving(saying(answer(JSON, *odd))) as wire:
        connect(host=wire.url)
        assert ask(timeout=10, max_retries=0) == QUOTA


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **more}


HOSTS = ["https://a..b", f"https://{'a' * 64}.example", "https://a.b:99999"]
PROXIES = [
    "http://127.0.0.1:99999",
    "http://127.0.0.1:port",
    "http://jane:secret@127.0.0.1:port",
    "gopher://127.0.0.1:70",
    "socks5://127.0.0.1:1080",
    "http://[::1",
]


@pytest.mark.parametrize("host", HOSTS, ids=str)
def test_a_host_that_cannot_be_is_an_error_of_ours(
    connect: Connect, ask: Ask, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    connect(host=host)
    with pytest.raises(ValueError, match=r"the host .*Connection 'mailersend_default'\.") as caught:
        ask(timeout=10, max_retries=3)
    assert type(caught.value) is MailerSendSettingsError


@pytest.mark.parametrize("proxy", PROXIES, ids=str)
def test_a_proxy_that_cannot_be_is_an_error_of_ours(
    connect: Connect, ask: Ask, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", proxy)
    connect(host="https://mailersend.invalid")
    with pytest.raises(MailerSendConnectionError, match=r"mailersend.invalid cannot be requested") as caught:
        ask(timeout=10, max_retries=3)
    assert caught.value.permanent
    assert "HTTPS_PROXY" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "proxy", ["http://a..b:80", f"http://{'a' * 64}.example:80", "http://[", "//", "http://", ":", "none"]
)
def test_a_proxy_that_is_not_there_is_an_error_of_ours(
    connect: Connect, ask: Ask, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", proxy)
    connect(host="https://mailersend.invalid")
    with pytest.raises(MailerSendConnectionError, match=r"mailersend.invalid cannot be"):
        ask(timeout=10, max_retries=0)


@pytest.mark.parametrize("proxy", [True, False], ids=["proxy", "host"])
@pytest.mark.parametrize(
    "place",
    [
        "{}",
        "{}.example",
        "x{}@127.0.0.1:port",
        "jane:{}@127.0.0.1:99999",
        "{}:port",
        "{}:99999",
        "[{}]",
        "{}..b",
    ],
)
@pytest.mark.parametrize(
    "token", ["mlsn.0123456789abcdef", "mlsn%2E0123456789abcdef", "MLSN.0123456789ABCDEF"]
)
def test_a_token_that_was_pasted_elsewhere_is_not_shown(
    connect: Connect,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
    logged: Callable[[], str],
    token: str,
    place: str,
    proxy: bool,
) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    if proxy:
        monkeypatch.setenv("https_proxy", f"http://{place.format(token)}")
    connect(host="https://mailersend.invalid" if proxy else f"https://{place.format(token)}")
    with pytest.raises((MailerSendError, ValueError)) as caught:
        ask(timeout=10, max_retries=0)
    assert "0123456789" not in f"{caught.value} {caught.value!r} {logged()}"


def test_a_host_that_cannot_be_reached_is_named(connect: Connect, ask: Ask) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{unused.getsockname()[1]}"
        connect(host=f"http://{host}")
        with pytest.raises(
            MailerSendConnectionError, match=f"GET /api-quota: {host} cannot be reached"
        ) as caught:
            ask(timeout=10, max_retries=0)
    assert not caught.value.permanent
    port = host.rpartition(":")[2]
    assert f"; check the connection's host, and its port, which is {port}." in str(caught.value)


@pytest.mark.parametrize(
    ("host", "advice"),
    [
        (
            "127.0.0.1:PORT",
            r"127\.0\.0\.1:\d+ cannot be reached .*: begin the connection's host with http://\.",
        ),
        (None, r"api\.mailersend\.com cannot be reached .*; the connection has no host of its own"),
    ],
)
def test_what_to_correct_is_said_where_a_host_cannot_be_reached(
    connect: Connect,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    host: str | None,
    advice: str,
) -> None:
    # Nothing listens there: no test reaches MailerSend.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    port = str(urlsplit(sandbox.url).port)
    connect(host=host and host.replace("PORT", port))
    with pytest.raises(MailerSendConnectionError, match=advice):
        ask(timeout=10, max_retries=0)


def test_a_certificate_of_another_is_not_accepted(
    proxied: Any, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxied(saying(answer()))
    (tmp_path / "others").mkdir()
    others = certificate_for("mailersend.invalid", tmp_path / "others")
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(others))
    with pytest.raises(MailerSendConnectionError, match=r"mailersend.invalid.*certificate verify failed"):
        ask(timeout=10, max_retries=0)


@pytest.mark.parametrize(
    "handler",
    [
        saying(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"),
        saying(b"HTTP/1.1 200 OK\r\n\r\n", b"no TLS at all"),
    ],
    ids=["refused by the proxy", "no TLS"],
)
def test_an_addition_that_came_no_further_than_a_proxy_is_repeated_without_a_look(
    proxied: Any, handler: Handler
) -> None:
    wire = proxied(handler, through=False)
    with pytest.raises(MailerSendConnectionError, match="cannot be reached"):
        MailerSendHook(timeout=10, max_retries=1).add_suppressions(
            "blocklist", recipients=["jane@example.net"]
        )
    assert len(wire.requests) == 2


def test_who_uses_the_session_has_their_own_timeouts(connect: Connect) -> None:
    with serving(dripping(answer()[:20], answer()[20:], 0.5)) as wire:
        hook = MailerSendHook(connect(host=wire.url), timeout=0.1)
        assert hook.get_conn().get(f"{wire.url}/v1/api-quota", timeout=0.3).json() == QUOTA


@pytest.mark.parametrize(
    ("module", "library"),
    [("hooks.mailersend", "requests"), ("hooks.asynchronous", "httpx"), ("triggers.mailersend", None)],
)
def test_a_hook_imports_no_library_of_the_other(module: str, library: str | None) -> None:
    """Airflow itself may have imported one of them by then, so that what counts is what cannot be imported."""
    others = {"requests", "httpx"} - {library}
    program = f"""
import sys
from airflow.providers.common.compat.sdk import BaseHook
from airflow.triggers.base import BaseTrigger
for name in [name for name in sys.modules if name.partition(".")[0] in {others!r}]:
    del sys.modules[name]
sys.modules.update(dict.fromkeys({others!r}))
import airflow_provider_mailersend.{module}
"""
    subprocess.run([sys.executable, "-c", program], env=_environment(), check=True, capture_output=True)
