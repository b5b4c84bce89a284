"""A hostile network: answers that drip, go on for ever or blow up, and headers from nowhere."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
import time
import zlib

import pytest
import requests

from tests.unsteady import RareFault


def raw_get(client, path="/v1/api-quota"):
    """A connection on which that was asked."""
    host, port = client.sandbox.url.split("/")[2].split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    head = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.sandbox.token}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def read_to_the_end(connection):
    pieces = []
    while piece := connection.recv(65_536):
        pieces.append(piece)
    connection.close()
    return pieces


@pytest.mark.parametrize("part", ["body", "headers"])
def test_an_answer_that_drips_comes_whole_to_who_waits(start, part):
    client = start()
    whole = client.get("/api-quota")
    client.sandbox.fail(RareFault(drip=0.001, drip_part=part))

    answer = client.get("/api-quota")

    assert answer.json() == whole.json()
    assert answer.headers["content-length"] == whole.headers["content-length"]
    assert client.sandbox.log[-1].status == 200
    assert client.get("/api-quota").json() == whole.json()


@pytest.mark.parametrize("part", ["body", "headers"])
def test_which_part_drips(start, part):
    client = start()
    client.sandbox.fail(RareFault(drip=0.05, drip_part=part))

    pieces = read_to_the_end(raw_get(client))

    head, _, body = b"".join(pieces).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert len(pieces) > len(body if part == "body" else head) / 2
    assert (pieces[0].startswith(head)) is (part == "body")
    assert (len(pieces[-1]) > 1) is (part == "headers")


def test_an_error_may_drip(start):
    client = start()
    client.sandbox.fail(RareFault(drip=0.001, status=503, html=True))

    assert "<html>" in client.get("/domains").text


def test_a_dripping_addition_was_processed(start):
    client = start()
    client.sandbox.fail(RareFault(drip=30))
    with pytest.raises(requests.RequestException):
        client._session.post(
            f"{client.sandbox.url}/suppressions/blocklist", json={"recipients": ["a@a.co"]}, timeout=0.3
        )

    assert len(client.sandbox.entries("blocklist")) == 1


def test_100_continue_without_end(start):
    client = start()
    client.sandbox.fail(RareFault(continues=0.01))
    connection = raw_get(client)

    received = b""
    while received.count(b"HTTP/1.1 100 Continue\r\n\r\n") < 5:
        received += connection.recv(65_536)
    connection.close()

    assert received.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"") in (b"", b"HTTP/1.1")
    deadline = time.monotonic() + 10
    while client.sandbox.open_connections:
        assert time.monotonic() < deadline, "it goes on though the client is gone"
        time.sleep(0.01)
    assert client.get("/domains").status_code == 200


@pytest.mark.parametrize(
    "fault", [{"drip": 3000}, {"drip": 3000, "drip_part": "headers"}, {"continues": 3000}]
)
def test_a_stop_ends_what_drips_at_once(start, fault):
    client = start()
    client.sandbox.fail(RareFault(**fault))
    connection = raw_get(client)
    assert connection.recv(1)

    client.sandbox.stop()

    assert read_to_the_end(connection)[-1:] != [b"}"]


def test_what_drips_keeps_nobody_else_waiting(start):
    client = start()
    client.sandbox.fail(RareFault(drip=20))
    connection = raw_get(client)
    assert connection.recv(1)

    done = threading.Event()

    def ask() -> None:
        client.get("/domains")
        done.set()

    threading.Thread(target=ask).start()

    assert done.wait(10)
    connection.close()


def test_a_bomb(start):
    client = start()
    size = 50_000_000
    client.sandbox.fail(RareFault(status=200, bomb=size, method="POST"))

    answer = client("POST", "/suppressions/blocklist", {"recipients": ["a@a.co"]}, stream=True)
    sent = answer.raw.read(decode_content=False)

    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
    assert len(sent) == int(answer.headers["content-length"]) < size / 500
    assert gzip.decompress(sent)[-12:] == b'{"data": []}'
    assert len(zlib.decompress(sent, wbits=31)) == size
    assert client.sandbox.entries("blocklist") == []


def test_a_small_bomb_is_an_answer(start):
    client = start()
    client.sandbox.fail(RareFault(status=200, bomb=100))

    answer = client.get("/domains")

    assert (answer.json(), len(answer.content)) == ({"data": []}, 100)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Date", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ("date", "yesterday"),
        ("x-ratelimit-reset", "99999999999"),
        ("retry-after", "1e300"),
        ("Content-Type", "text/plain"),
    ],
)
@pytest.mark.parametrize("how", [{}, {"status": 429}, {"drip": 0.0001}])
def test_headers_in_place_of_its_own(start, name, value, how):
    client = start()
    client.sandbox.fail(RareFault(headers={name: value}, **how))
    host = client.sandbox.url.split("/")[2]
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", "/v1/domains", headers={"Authorization": f"Bearer {client.sandbox.token}"})

    answer = connection.getresponse()

    assert answer.headers.get_all(name) == [value]
    connection.close()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"drip": -1}, "drip must be seconds"),
        ({"drip": 1, "drip_part": "tail"}, "drip_part must be"),
        ({"drip": 1, "cut": "after"}, "exclude each other"),
        ({"drip": 1, "truncate": True}, "exclude each other"),
        ({"continues": 1, "status": 200}, "exclude each other"),
        ({"continues": 1, "headers": {"a": "b"}}, "exclude each other"),
        ({"continues": 1, "commit_after": 1}, "commit_after contradicts"),
        ({"bomb": -1}, "bomb must be bytes"),
        ({"bomb": 1.5}, "bomb must be int"),
        ({"bomb": 10}, "bomb needs a status"),
        ({"bomb": 10, "status": 200, "body": "x"}, "exclude each other"),
        ({"commit_after": float("inf"), "cut": "after"}, "commit_after must be seconds"),
        ({"commit_after": 1, "status": 504}, "commit_after contradicts"),
        ({"commit_after": 1, "cut": "before"}, "commit_after contradicts"),
    ],
)
def test_faults_of_this_kind_that_make_no_sense(fields, message):
    with pytest.raises(ValueError, match=message):
        RareFault(**fields)
