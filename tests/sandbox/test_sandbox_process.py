"""Starting and stopping: in this process, and as a program of its own."""

from __future__ import annotations

import inspect
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
import requests

from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from airflow_provider_mailersend.sandbox import GUESSES, Sandbox
from airflow_provider_mailersend.sandbox.server import Answer, LoopbackServer

ROOT = Path(__file__).parents[2]


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_many_one_after_another_leave_nothing_behind():
    with Sandbox() as sandbox, requests.Session() as session:
        session.get(f"{sandbox.url}/domains", timeout=10)
    threads, before = threading.active_count(), descriptors()

    for _ in range(30):
        with requests.Session() as session, Sandbox() as sandbox:
            session.get(f"{sandbox.url}/domains", timeout=10)  # leaves its connection open

    assert threading.active_count() == threads
    assert descriptors() <= before


def test_a_stopped_sandbox_answers_nobody_and_still_tells():
    with Sandbox(blocklist=2) as sandbox:
        url = sandbox.url
        requests.get(f"{url}/domains", timeout=10)

    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/domains", timeout=10)
    for name in ("url", "connection"):
        with pytest.raises(RuntimeError, match="only while it runs"):
            getattr(sandbox, name)
    assert len(sandbox.log) == 1
    assert len(sandbox.entries("blocklist")) == 2
    sandbox.stop()


def test_its_connection_leads_to_it_and_its_first_domain(monkeypatch):
    with Sandbox(domains=["b.example", "a.example"], token="mlsn.other") as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_MAILERSEND_DEFAULT", sandbox.connection)
        settings = MailerSendHook().settings
        assert (settings.base_url, settings.token) == (sandbox.url, "mlsn.other")
        assert settings.domain_id == sandbox.domain_id("b.example")


def test_a_sandbox_can_be_started_again_but_not_twice():
    sandbox = Sandbox()
    for _ in range(2):
        with sandbox:
            assert requests.get(f"{sandbox.url}/domains", timeout=10).status_code == 401
            with pytest.raises(RuntimeError, match="running already"):
                sandbox.start()


def test_a_kept_connection_is_answered_without_delay():
    """With Nagle's algorithm each response would take 40 ms."""
    server = LoopbackServer("127.0.0.1", 0, lambda exchange: exchange.send(Answer(200)))
    server.start()
    with requests.Session() as session:
        assert session.get(server.url, timeout=10).status_code == 200
        [connection] = server.connections.values()
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    server.stop()


def test_entries_may_change_while_it_serves(start):
    client = start(blocklist=500)

    def change():
        for number in range(200):
            [entry] = client.sandbox.add("blocklist", f"new{number}@a.co")
            client.sandbox.remove("blocklist", [entry["id"]])

    changing = threading.Thread(target=change)
    changing.start()
    while changing.is_alive():
        assert len(client.get("/suppressions/blocklist", limit=100).json()["data"]) == 100
    assert client.sandbox.state()["lists"]["blocklist"] == 500


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",
        "::",
        "10.0.0.1",
        "192.168.1.1",
        "example.com",
        "",
        "localhost.example.com",
        "127.0.0.1.nip.io",
    ],
)
def test_hosts_that_others_could_reach(host):
    with pytest.raises(ValueError, match="this machine only"):
        Sandbox(host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.4.5", "localhost", "::1"])
def test_hosts_of_this_machine(host):
    if host == "::1" and not _has_ipv6():
        pytest.skip("this machine has no IPv6")
    with Sandbox(host=host) as sandbox:
        assert requests.get(f"{sandbox.url}/domains", timeout=10).status_code == 401


def test_a_port_that_is_taken():
    with Sandbox() as sandbox:
        port = int(sandbox.url.split(":")[2].partition("/")[0])
        with pytest.raises(OSError, match=r"[Aa]ddress"):
            Sandbox(port=port).start()


def run(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "airflow_provider_mailersend.sandbox", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program(number):
    options = [
        "--port=0",
        "--blocklist=30",
        "--domain=a.example",
        "--rate-limit=none",
        "--quota=50",
        "--seed=7",
    ]
    with run(*options, "--token=mlsn.cli", "--dialect=documented", "--spacing=1") as process:
        lines = [process.stdout.readline().strip() for _ in range(4)]
        url, token, domain_id = (line.split()[1] for line in lines[:3])
        exported = lines[3].removeprefix("export AIRFLOW_CONN_MAILERSEND_DEFAULT='").removesuffix("'")
        assert json.loads(exported) == {
            "conn_type": "mailersend",
            "password": token,
            "host": url,
            "extra": {"domain_id": domain_id},
        }
        assert token == "mlsn.cli"
        assert lines[2].endswith("  a.example")

        headers = {"Authorization": f"Bearer {token}"}
        with requests.Session() as session:
            body = session.get(f"{url}/suppressions/blocklist", headers=headers, timeout=10).json()
            assert body["meta"]["total"] == 30
            assert abs(time.time() - _unix(body["data"][0]["created_at"])) < 60
            state = session.get(url.replace("/v1", "/_sandbox/state"), timeout=10).json()
            assert (state["requests"], state["quota_remaining"]) == (1, 49)

            process.send_signal(number)
            rest = process.communicate(timeout=60)
        assert process.returncode == 0
        assert rest == ("", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host=0.0.0.0"], "this machine only"),
        (["--dialect=spoken"], "dialect must be one of"),
        (["--rate-limit=many"], "--rate-limit: must be a whole number or none, not 'many'"),
        (
            ["--newest=yesterday"],
            "--newest: must be a date in ISO 8601, not 'yesterday'",
        ),
        (["--port=99999"], "port must be from 0 to 65,535, not 99999."),
        (["--port=-1"], "port must be from 0 to 65,535, not -1."),
        (["--headers=x-powered-by"], "headers may hold"),
    ],
)
def test_the_program_refuses(arguments, message):
    with run("--port=0", *arguments) as process:
        out, err = process.communicate(timeout=20)

    assert process.returncode == 2
    assert message in err
    assert "Traceback" not in err
    assert out == ""


def test_the_program_without_a_free_port():
    with Sandbox() as sandbox:
        port = sandbox.url.split(":")[2].partition("/")[0]
        with run(f"--port={port}") as process:
            _, err = process.communicate(timeout=20)

    assert process.returncode == 2
    assert f"Cannot listen on port {port}: Address already in use. Choose another one by --port." in err


def test_the_program_tells_a_window_that_is_no_minute():
    with run("--port=0", "--token=it's", "--rate-window=2.5", "--domain=a.example,b.example") as process:
        lines = [process.stdout.readline().strip() for _ in range(5)]
        assert [line.split()[2] for line in lines[2:4]] == ["a.example", "b.example"]
        exported = json.loads(shlex.split(lines[-1])[1].partition("=")[2])
        assert (exported["password"], exported["extra"]["rate_limit_window"]) == ("it's", 2.5)
        process.terminate()
        process.communicate(timeout=10)


def test_every_option_is_told_and_described():
    with run("--help") as process:
        told = process.communicate(timeout=20)[0]

    for name in inspect.signature(Sandbox).parameters:
        assert f"--{name.replace('_', '-')}" in told
    assert "requests per window before a 429" in " ".join(told.split())


def test_its_guesses_are_told():
    with run("--help") as process:
        told = "".join(process.communicate(timeout=20)[0].split())

    for about in ("on hold", "401", "403", "delete all", "invalid address", "batch size"):
        assert "".join(GUESSES[about].split()) in told


def test_it_needs_nothing_that_the_provider_does_not():
    hide = "import sys; sys.modules.update(dict.fromkeys(['uvicorn', 'starlette', 'fastapi']))"
    start = "from airflow_provider_mailersend.sandbox import Sandbox; Sandbox().__enter__().stop()"
    found = subprocess.run(
        [sys.executable, "-c", f"{hide}; {start}"], cwd=ROOT, capture_output=True, text=True
    )

    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize(
    "sent", [b"\r\n\r\n", b"GET\r\n\r\n", b"\xff" * 100_000, b"GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n"]
)
def test_what_is_no_http_ends_the_connection_and_nothing_else(start, sent):
    client = start()
    host, port = client.sandbox.url.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(sent)
        with suppress(ConnectionError):
            assert connection.recv(100) == b""

    assert client.get("/domains").status_code == 200


def test_who_closes_the_connection_is_let_go(start):
    client = start()

    answers = [client("GET", "/domains", headers={"Connection": "close"}) for _ in range(2)]

    assert [(answer.status_code, answer.headers["connection"]) for answer in answers] == [(200, "close")] * 2


def _unix(text):
    return datetime.fromisoformat(text).timestamp()


def _has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
