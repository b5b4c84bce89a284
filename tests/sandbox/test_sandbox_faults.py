"""Faults on demand, as a client meets them."""

from __future__ import annotations

import http.client
import threading
import time

import pytest
import requests

from airflow_provider_mailersend.sandbox import Fault

ADD = ("POST", "/suppressions/blocklist", {"recipients": ["a@a.co"]})


def added(client):
    return len(client.sandbox.entries("blocklist"))


def test_a_status_instead_of_an_answer(start):
    client = start()
    client.sandbox.fail(Fault(status=503, headers={"Retry-After": "7"}))

    answer = client(*ADD)

    assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["content-type"] == "application/json"
    assert added(client) == 0
    assert client(*ADD).status_code == 201


def test_a_status_although_the_request_was_processed(start):
    client = start()
    client.sandbox.fail(Fault(status=504, processed=True))

    assert client(*ADD).status_code == 504
    assert added(client) == 1


def test_a_web_page(start):
    client = start()
    client.sandbox.fail(Fault(status=520, html=True))

    answer = client.get("/domains")

    assert answer.status_code == 520
    assert answer.headers["content-type"].startswith("text/html")
    assert "<html>" in answer.text


@pytest.mark.parametrize(
    ("body", "sent"),
    [("text", b"text"), (b"\xff\0", b"\xff\0"), ({"message": "x"}, b'{"message": "x"}'), ("", b"")],
)
def test_a_body(start, body, sent):
    client = start()
    client.sandbox.fail(Fault(status=200, body=body))

    assert client.get("/domains").content == sent


@pytest.mark.parametrize("status", [200, 204, 304, 421, 499, 599])
def test_any_status(start, status):
    client = start()
    client.sandbox.fail(Fault(status=status))

    assert client.get("/domains").status_code == status


def test_headers_on_a_real_answer(start):
    client = start()
    client.sandbox.fail(Fault(headers={"retry-after": "soon"}))

    answer = client.get("/domains")

    assert answer.json()["data"]
    assert answer.headers["retry-after"] == "soon"


@pytest.mark.parametrize(("cut", "entries"), [("before", 0), ("after", 1)])
def test_a_dropped_connection(start, cut, entries):
    client = start()
    client.sandbox.fail(Fault(cut=cut, method="POST"))

    with pytest.raises(requests.ConnectionError):
        client(*ADD)

    assert added(client) == entries
    [request] = client.sandbox.log
    assert request.status is None
    assert request.fault == Fault(cut=cut, method="POST")
    assert client(*ADD).status_code == 201


def test_only_one_of_several_connections_is_dropped(start):
    client = start()
    other = http.client.HTTPConnection(client.sandbox.url.split("/")[2], timeout=10)
    other.connect()
    client.sandbox.fail(Fault(cut="before"))

    with pytest.raises(requests.ConnectionError):
        client.get("/domains")

    other.request("GET", "/v1/domains")
    assert other.getresponse().status == 401
    other.close()


def test_half_an_answer(start):
    client = start(blocklist=50)
    whole = client.get("/suppressions/blocklist", limit=50)
    client.sandbox.fail(Fault(truncate=True))

    answer = client("GET", "/suppressions/blocklist?limit=50", stream=True)

    assert answer.status_code == 200
    assert answer.headers["content-length"] == whole.headers["content-length"]
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        _ = answer.content
    assert client.get("/suppressions/blocklist", limit=50).content == whole.content


def test_half_an_answer_is_one_of_a_processed_request(start):
    client = start()
    client.sandbox.fail(Fault(truncate=True))

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client(*ADD)

    assert added(client) == 1
    assert client.sandbox.log[0].status == 201


def test_half_of_an_empty_answer_is_none(start):
    client = start(recipients=1)
    client.sandbox.fail(Fault(truncate=True))

    with pytest.raises(requests.ConnectionError):
        client("DELETE", f"/recipients/{client.sandbox.entries('recipients')[0]['id']}")

    assert client.sandbox.entries("recipients") == []


@pytest.mark.parametrize(("when", "entries"), [("before", 0), ("after", 1)])
def test_a_delay_before_or_after_processing(start, when, entries):
    client = start()
    client.sandbox.fail(Fault(delay=0.3, delay_when=when))
    began = time.monotonic()
    asking = threading.Thread(target=client, args=ADD)
    asking.start()
    while not client.sandbox.log:
        time.sleep(0.001)
    time.sleep(0.1)

    assert added(client) == entries
    asking.join()
    assert time.monotonic() - began >= 0.3
    assert added(client) == 1
    assert client.sandbox.log[0].status == 201


def test_a_delay_keeps_nobody_else_waiting(start):
    client = start()
    client.sandbox.fail(Fault(delay=3000, path="/recipients"))

    def ask_in_vain():
        with pytest.raises(requests.RequestException):
            client("GET", "/recipients")

    slow = threading.Thread(target=ask_in_vain)
    slow.start()
    while not client.sandbox.log:
        time.sleep(0.001)

    assert requests.get(f"{client.sandbox.url}/domains", timeout=10).status_code == 401
    client.sandbox.stop()
    slow.join()


def test_times_and_skip(start):
    client = start()
    client.sandbox.fail(Fault(status=500, skip=1, times=2))

    assert [client.get("/domains").status_code for _ in range(5)] == [200, 500, 500, 200, 200]


def test_a_fault_for_every_request(start):
    client = start()
    client.sandbox.fail(Fault(status=500, times=None))
    assert [client.get("/domains").status_code for _ in range(4)] == [500] * 4

    client.sandbox.clear_faults()
    assert client.get("/domains").status_code == 200


def test_faults_hit_in_the_order_in_which_they_were_added(start):
    client = start()
    for status in (500, 502, 504):
        client.sandbox.fail(Fault(status=status))

    assert [client.get("/domains").status_code for _ in range(4)] == [500, 502, 504, 200]


def test_a_fault_that_skips_lets_the_next_have_its_turn(start):
    client = start()
    client.sandbox.fail(Fault(status=500, skip=1))
    client.sandbox.fail(Fault(status=502))

    assert [client.get("/domains").status_code for _ in range(3)] == [502, 500, 200]


def test_a_fault_waits_for_its_method_and_path(start):
    client = start()
    client.sandbox.fail(Fault(status=500, method="POST", path="/suppressions/*"))

    assert client.get("/suppressions/blocklist").status_code == 200
    assert client.get("/domains").status_code == 200
    assert client(*ADD).status_code == 500


def test_a_fault_needs_no_token(start):
    client = start()
    client.sandbox.fail(Fault(status=500))

    assert requests.get(f"{client.sandbox.url}/domains", timeout=10).status_code == 500


def test_the_log_tells_which_fault_hit(start):
    client = start()
    fault = Fault(status=500)
    client.sandbox.fail(fault)
    client.get("/domains")
    client.get("/domains")

    assert [(request.status, request.fault) for request in client.sandbox.log] == [(500, fault), (200, None)]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "must do something"),
        ({"status": 100}, "status must be from 200"),
        ({"status": 600}, "status must be from 200"),
        ({"status": "500"}, "status must be int"),
        ({"status": True}, "status must be"),
        ({"status": 500, "times": 0}, "times must be 1"),
        ({"status": 500, "times": "2"}, "times must be int"),
        ({"status": 500, "skip": -1}, "skip must be 0"),
        ({"delay": -1}, "delay must be seconds"),
        ({"delay": float("nan")}, "delay must be seconds"),
        ({"delay": 1, "delay_when": "during"}, "delay_when must be"),
        ({"cut": "now"}, "cut must be"),
        ({"cut": "before", "status": 500}, "exclude each other"),
        ({"cut": "before", "truncate": True}, "exclude each other"),
        ({"status": 500, "truncate": True}, "exclude each other"),
        ({"body": "x"}, "need a status"),
        ({"html": True, "delay": 1}, "need a status"),
        ({"status": 500, "html": True, "body": "x"}, "exclude each other"),
        ({"status": 204, "body": "x"}, "has no body"),
        ({"status": 500, "body": 5}, "body must be"),
        ({"status": 500, "body": {"x": object()}}, "body must be"),
        ({"status": 500, "body": "\ud800"}, "body must be"),
        ({"cut": "before", "processed": True}, "need a status"),
        ({"truncate": True, "processed": True}, "need a status"),
        ({"cut": "after", "headers": {"a": "b"}}, "exclude each other"),
        ({"headers": {"a": "ü"}}, "headers must be"),
        ({"headers": {"a": "b\r\nc: d"}}, "headers must be"),
        ({"headers": {"a b": "c"}}, "headers must be"),
        ({"headers": {"Content-Length": "5"}}, "leave Content-Length to the server"),
        ({"status": 500, "path": 5}, "path must be str"),
    ],
)
def test_faults_that_make_no_sense(fields, message):
    with pytest.raises(ValueError, match=message):
        Fault(**fields)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, body={"message": "x"}, headers={"retry-after": "1"}, times=None, skip=2),
        Fault(cut="after", method="POST"),
        Fault(delay=0.5, delay_when="before"),
    ],
)
def test_a_fault_as_json_and_back(fault):
    assert Fault(**fault.as_json()) == fault
