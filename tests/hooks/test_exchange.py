"""What a hostile or broken network does to a request, by way of either hook."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mailersend.exceptions import (
    MailerSendConnectionError,
    MailerSendError,
    MailerSendServerError,
    MailerSendSettingsError,
    MailerSendUnexpectedAnswerError,
)
from airflow_provider_mailersend.hooks.mailersend import MailerSendAsyncHook, MailerSendHook
from airflow_provider_mailersend.sandbox import Fault, Sandbox

from .wire import (
    JSON,
    QUOTA,
    Handler,
    answer,
    bomb,
    certificate_for,
    drip,
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


@pytest.fixture(params=["requests", "httpx"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Ask for the quota by one of the hooks, *times* times, and return the last answer."""

    def by_requests(times: int = 1, **options: Any) -> Any:
        hook = MailerSendHook(**options)
        return [hook.get_api_quota() for _ in range(times)][-1]

    async def by_httpx(times: int = 1, **options: Any) -> Any:
        async with MailerSendAsyncHook(**options) as hook:
            return [await hook.get_api_quota() for _ in range(times)][-1]

    if request.param == "requests":
        return by_requests
    return lambda *args, **options: asyncio.run(by_httpx(*args, **options))


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


SLOW = {
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
            MailerSendConnectionError, match=r"no whole answer from 127.0.0.1:\d+ within 0.4 s"
        ):
            ask(timeout=0.4, max_retries=0)


@pytest.mark.parametrize(
    "name", ["the headers come byte by byte", "the body comes byte by byte", "100 Continue comes without end"]
)
def test_the_timeout_bounds_an_exchange_over_tls(proxied: Any, ask: Ask, name: str) -> None:
    proxied(SLOW[name])
    with pytest.raises(
        MailerSendConnectionError, match=r"no whole answer from mailersend.invalid within 0.5 s"
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

        def look_up(*_: Any, **__: Any) -> Any:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        connect(host=f"http://localhost:{port}")
        hook = MailerSendHook(timeout=1, max_retries=0)
        assert hook.get_api_quota() == QUOTA
        addresses[1:] = ["127.0.0.2"] * 7
        began = time.monotonic()
        with pytest.raises(
            MailerSendConnectionError, match=f"localhost:{port} cannot be reached within 0.5 s"
        ):
            MailerSendHook(timeout=0.5, max_retries=0).get_api_quota()
        assert time.monotonic() - began < 2  # not eight times half a second


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


@pytest.mark.parametrize("encoding", [b"gzip", b"x-gzip", b"GZIP", b"identity, gzip"])
def test_a_compressed_answer_is_read(connect: Connect, ask: Ask, encoding: bytes) -> None:
    with serving(
        saying(answer(zipped(JSON[:9]) + zipped(JSON[9:]), b"Content-Encoding: " + encoding))
    ) as wire:
        connect(host=wire.url)
        assert ask(timeout=10, max_retries=0) == QUOTA
        assert b"\r\naccept-encoding: gzip\r\n" in wire.requests[0].lower()


def test_a_compressed_answer_without_a_body_is_empty(connect: Connect) -> None:
    def serve(connection: socket.socket, number: int) -> None:
        connection.sendall(answer(b"", b"Content-Encoding: gzip", status=b"204 No Content"))

    with serving(serve) as wire:
        assert MailerSendHook(connect(host=wire.url), max_retries=0).delete_recipient("r1") is True


LARGE = {
    "a gzip bomb": answer(bomb(1024), b"Content-Encoding: gzip"),
    "a length": head(b"Content-Length: 100000000") + bytes(40 * 2**20),
    "chunks": head(b"Transfer-Encoding: chunked") + (b"100000\r\n" + bytes(2**20) + b"\r\n") * 40,
}


@pytest.mark.parametrize("said", LARGE.values(), ids=LARGE.keys())
def test_a_body_that_is_too_large_is_an_error_after_one_request(
    connect: Connect, ask: Ask, said: bytes
) -> None:
    with serving(saying(said)) as wire:
        connect(host=wire.url)
        with pytest.raises(
            MailerSendUnexpectedAnswerError, match="answered 200 with a body larger than 32 MiB"
        ):
            ask(timeout=10, max_retries=3)
        assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "first",
    [
        head(b"Transfer-Encoding: chunked"),
        head(b"Transfer-Encoding: chunked") + b"0\r\n",
        b"HTTP/1.1 200 OK\r\nX-Odd: ",
        b"",
    ],
    ids=["a chunk's length", "a trailer", "a header", "the status"],
)
def test_a_line_without_an_end_is_given_up(connect: Connect, ask: Ask, first: bytes) -> None:
    with serving(endless(b"f" * 65536, first=first)) as wire:
        connect(host=wire.url)
        with pytest.raises(MailerSendConnectionError, match="broke off"):
            ask(timeout=20, max_retries=0)


def test_a_large_body_within_the_limit_is_read(connect: Connect, ask: Ask) -> None:
    with serving(saying(answer(zipped(b" " * 30 * 2**20 + JSON), b"Content-Encoding: gzip"))) as wire:
        connect(host=wire.url)
        assert ask(timeout=10, max_retries=0) == QUOTA


def test_of_an_error_that_is_too_large_its_status_counts(connect: Connect, ask: Ask) -> None:
    large = answer(bomb(100), b"Content-Encoding: gzip", status=b"503 Service Unavailable")
    with serving(saying(large)) as wire:
        connect(host=wire.url)
        with pytest.raises(MailerSendServerError, match=r"answered 503. It was tried 2 times"):
            ask(timeout=5, max_retries=1)


# What getrusage tells is no less than what the process that started this one has taken.
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="it is Linux that tells the memory's peak")
def test_a_gzip_bomb_costs_no_more_memory_than_the_largest_body() -> None:
    """1 MB that unpacks to 1 GiB, by both hooks, in a process of its own."""
    program = """
import asyncio, os, re, sys
from pathlib import Path
from airflow_provider_mailersend.hooks.mailersend import MailerSendAsyncHook, MailerSendHook

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024

def failure_of(asking):
    try:
        asking()
    except Exception as error:
        return str(error)

def ask_both():
    return [
        failure_of(MailerSendHook(max_retries=0).get_api_quota),
        failure_of(lambda: asyncio.run(MailerSendAsyncHook(max_retries=0).get_api_quota())),
    ]

ask_both()
os.environ["AIRFLOW_CONN_MAILERSEND_DEFAULT"] = sys.argv[1]
before = peak()
messages = ask_both()
print("grew by", peak() - before, *messages)
"""
    with serving(saying(answer())) as fine, serving(saying(LARGE["a gzip bomb"])) as wire:
        connections = [
            json.dumps({"conn_type": "mailersend", "host": url, "password": "mlsn.token"})
            for url in (fine.url, wire.url)
        ]
        done = subprocess.run(
            [sys.executable, "-c", program, connections[1]],
            env=_environment(AIRFLOW_CONN_MAILERSEND_DEFAULT=connections[0]),
            capture_output=True,
            text=True,
            check=True,
        )
    told = done.stdout[done.stdout.index("grew by") :]
    assert told.count("larger than 32 MiB") == 2
    assert int(told.split()[2]) < 150


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
    with pytest.raises(ValueError, match=r"the (host|port) .*Connection 'mailersend_default'\.") as caught:
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
    with pytest.raises(MailerSendConnectionError, match=r"mailersend.invalid cannot be asked") as caught:
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


def test_a_slow_answer_holds_up_no_other_request_of_the_connection(connect: Connect) -> None:
    """The first request's answer drips until the others are done; it would be read for ever otherwise."""
    others_done = threading.Event()
    # Said, as the server closes: whoever reuses the connection meanwhile would find it broken.
    said = answer(JSON, b"Connection: close")

    def serve(connection: socket.socket, number: int) -> None:
        if number == 0:
            connection.sendall(said[:-5])
            others_done.wait(8)
            connection.sendall(said[-5:])
        else:
            connection.sendall(said)

    async def scenario(hook: MailerSendAsyncHook) -> list[Any]:
        first = asyncio.create_task(hook.get_api_quota())
        while not wire.requests:
            await asyncio.sleep(0.01)
        others = [asyncio.create_task(hook.get_api_quota()) for _ in range(3)]
        found = await asyncio.gather(*others)
        assert not first.done()
        others_done.set()
        return [await first, *found]

    with serving(serve) as wire:
        assert _run(scenario, connect(host=wire.url), timeout=5, max_retries=0) == [QUOTA] * 4


def test_waiting_after_a_fault_holds_up_no_other_request(connect: Connect) -> None:
    with Sandbox(unsubscribes=150, hard_bounces=5, rate_limit=None) as sandbox:
        sandbox.fail(Fault(path="/suppressions/hard-bounces", status=503, times=2))

        async def scenario(hook: MailerSendAsyncHook) -> list[Any]:
            return await asyncio.gather(
                hook.list_suppressions("hard-bounces"), hook.list_suppressions("unsubscribes")
            )

        bounces, unsubscribes = _run(scenario, connect(sandbox))
        assert (len(bounces), len(unsubscribes)) == (5, 150)
        assert sandbox.log[1].path.endswith("unsubscribes")


def test_who_is_cancelled_leaves_nothing_behind(connect: Connect) -> None:
    def serve(connection: socket.socket, number: int) -> None:
        drip(connection, *((answer()[:-20], answer()[-20:], 8.0) if number < 2 else (answer(), b"")))

    async def scenario(hook: MailerSendAsyncHook) -> Any:
        slow = [asyncio.create_task(hook.get_api_quota()) for _ in range(2)]
        # One has lent its turn to the other by then, which holds it.
        while len(wire.requests) < 2:
            await asyncio.sleep(0.01)
        for each in slow:
            each.cancel()
        assert all(
            isinstance(each, asyncio.CancelledError)
            for each in await asyncio.gather(*slow, return_exceptions=True)
        )
        assert len(asyncio.all_tasks()) == 1
        found = await hook.get_api_quota()
        assert len(asyncio.all_tasks()) == 1
        return found

    with serving(serve) as wire:
        assert _run(scenario, connect(host=wire.url), timeout=5, max_retries=0) == QUOTA


def _run(scenario: Callable[[MailerSendAsyncHook], Any], conn_id: str, **options: Any) -> Any:
    async def session() -> Any:
        async with MailerSendAsyncHook(conn_id, **options) as hook:
            return await scenario(hook)

    return asyncio.run(session())


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
