"""Bodies of answers, by both hooks: compressed, large, damaged."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mailersend.exceptions import (
    MailerSendConnectionError,
    MailerSendServerError,
    MailerSendUnexpectedAnswerError,
)
from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

from .wire import (
    JSON,
    QUOTA,
    answer,
    bomb,
    endless,
    head,
    saying,
    serving,
    zipped,
)

Connect = Callable[..., str]
Ask = Callable[..., Any]


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **more}


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
