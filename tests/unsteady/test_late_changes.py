"""What comes late, in another order, or otherwise than it was sent."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from tests.unsteady import RareFault, UnsteadySandbox

BLOCKLIST = "/suppressions/blocklist"
LATE = 1.0
SUPPRESSIONS = ("blocklist", "hard-bounces", "spam-complaints", "unsubscribes", "on-hold-list")


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def ids(client, path, **query):
    return [entry["id"] for entry in client.get(path, limit=100, **query).json()["data"]]


def test_an_answered_addition_is_committed_later(start):
    client = start()
    client.sandbox.fail(RareFault(commit_after=LATE, method="POST"))

    answer = client("POST", BLOCKLIST, {"recipients": ["a@a.co", "b@a.co"]})

    assert answer.status_code == 201
    assert client.sandbox.entries("blocklist") == []
    assert client.sandbox.late_requests == 1
    until(lambda: client.sandbox.late_requests == 0)
    added = [entry["id"] for entry in answer.json()["data"]]
    assert [entry["id"] for entry in client.sandbox.entries("blocklist")] == added[::-1]


@pytest.mark.parametrize("how", [{"status": 504, "processed": True}, {"cut": "after"}, {"truncate": True}])
def test_an_addition_without_an_answer_is_committed_later(start, how):
    client = start()
    client.sandbox.fail(RareFault(commit_after=LATE, **how))
    body = {"domain_id": client.sandbox.domain_id("example.com"), "recipients": ["a@a.co"]}

    try:
        assert client("POST", "/suppressions/unsubscribes", body).status_code == 504
    except requests.RequestException:
        assert "status" not in how

    assert client.sandbox.entries("unsubscribes") == []
    until(lambda: client.sandbox.entries("unsubscribes"))
    [entry] = client.sandbox.entries("unsubscribes")
    [recipient] = client.sandbox.entries("recipients")
    assert entry["recipient"]["id"] == recipient["id"]


def test_other_changes_are_committed_later(start):
    client = start(blocklist=5, sms_recipients=1, recipients=1)
    sandbox = client.sandbox
    [first, *others] = sandbox.entries("blocklist")
    recipient, sms = sandbox.entries("recipients")[0]["id"], sandbox.entries("sms-recipients")[0]["id"]
    sandbox.fail(RareFault(commit_after=LATE, times=None))

    assert client("DELETE", BLOCKLIST, {"ids": [first["id"]]}).status_code == 200
    assert (
        client("PUT", f"/sms-recipients/{sms}", {"status": "opt_out"}).json()["data"]["status"] == "opt_out"
    )
    assert client("DELETE", f"/recipients/{recipient}").status_code == 204

    assert sandbox.entries("blocklist") == [first, *others]
    assert client.get(f"/sms-recipients/{sms}").json()["data"]["status"] == "active"
    assert sandbox.entries("recipients")[0]["id"] == recipient
    sandbox.clear_faults()
    until(lambda: sandbox.late_requests == 0)
    assert [entry for entry in sandbox.entries("blocklist") if entry in others] == others
    assert first not in sandbox.entries("blocklist")
    assert sandbox.entries("sms-recipients")[0]["status"] == "opt_out"
    assert sandbox.entries("recipients") == []


def test_a_late_delete_of_all_deletes_what_stands_there_then(start):
    client = start(blocklist=5)
    client.sandbox.fail(RareFault(commit_after=LATE, status=502, processed=True))

    assert client("DELETE", BLOCKLIST, {"all": True}).status_code == 502
    client.sandbox.add("blocklist", "late@a.co")

    assert len(client.sandbox.entries("blocklist")) == 6
    until(lambda: client.sandbox.entries("blocklist") == [])


def test_the_same_address_committed_late_twice_stands_there_once(start):
    client = start()
    body = {"domain_id": client.sandbox.domain_id("example.com"), "recipients": ["a@a.co", "a@a.co"]}
    client.sandbox.fail(RareFault(commit_after=LATE, times=2))
    for _ in range(2):
        assert client("POST", "/suppressions/unsubscribes", body).status_code == 201

    until(lambda: client.sandbox.late_requests == 0)

    assert len(client.sandbox.entries("unsubscribes")) == len(client.sandbox.entries("recipients")) == 1


def test_what_is_to_be_committed_when_it_stops_is_committed_then(start):
    client = start()
    client.sandbox.fail(RareFault(commit_after=3000))
    client("POST", BLOCKLIST, {"recipients": ["a@a.co"]})

    client.sandbox.stop()

    assert len(client.sandbox.entries("blocklist")) == 1


@pytest.mark.parametrize("name", SUPPRESSIONS)
def test_what_was_added_is_listed_later(start, name):
    client = start(visible_after=LATE, hard_bounces=2, blocklist=2)
    path, seeded = f"/suppressions/{name}", len(client.sandbox.entries(name))

    [added] = client.sandbox.add(name, "a@a.co")

    assert len(ids(client, path)) == seeded
    assert added in client.sandbox.entries(name)
    until(lambda: ids(client, path)[:1] == [added["id"]])
    assert len(ids(client, path)) == seeded + 1


def test_what_is_not_listed_yet_is_there(start):
    client = start(visible_after=3000)
    body = {"domain_id": client.sandbox.domain_id("example.com"), "recipients": ["a@a.co"]}

    first, again = (client("POST", "/suppressions/hard-bounces", body).json()["data"][0] for _ in range(2))

    assert first["id"] == again["id"]
    assert client.get("/suppressions/hard-bounces").json()["data"] == []
    assert client("DELETE", "/suppressions/hard-bounces", {"ids": [first["id"]]}).status_code == 200
    assert client.sandbox.entries("hard-bounces") == []


@pytest.mark.parametrize("path", [BLOCKLIST, "/suppressions/unsubscribes", "/sms-recipients"])
def test_ties_come_in_another_order_at_each_request(start, path):
    seeds = {"blocklist": 60, "unsubscribes": 60, "sms_recipients": 60, "spacing": 0.05}
    client, again, still = (start(shuffle_ties=shuffle, **seeds) for shuffle in (True, True, False))

    orders = [ids(client, path) for _ in range(5)]

    assert len({tuple(order) for order in orders}) > 1
    assert all(sorted(order) == sorted(orders[0]) for order in orders)
    for entries in (client.get(path, limit=100).json()["data"] for _ in range(3)):
        dates = [entry["created_at"] for entry in entries]
        assert dates == sorted(dates, reverse=path != "/sms-recipients")
    assert [ids(again, path) for _ in range(5)] == orders
    assert len({tuple(ids(still, path)) for _ in range(5)}) == 1


def test_ties_may_change_pages(start):
    client = start(shuffle_ties=True, blocklist=200, spacing=0)

    pages = [ids(client, BLOCKLIST, page=number) for number in (1, 2)]

    assert set(pages[0]) & set(pages[1])


def test_the_gateways_clock_alone_may_be_ahead(start):
    client = start(gateway_clock_ahead=100.0, clock_ahead=1000.0)
    before = time.time()

    answer = client("POST", BLOCKLIST, {"recipients": ["a@a.co"]})

    dated = parsedate_to_datetime(answer.headers["date"]).timestamp()
    made = datetime.fromisoformat(answer.json()["data"][0]["created_at"]).timestamp()
    assert -1 <= dated - before - 1100 <= 5
    assert -1 <= made - before - 1000 <= 5


@pytest.mark.parametrize("option", ["gateway_clock_ahead", "visible_after"])
def test_seconds_out_of_range(option: str) -> None:
    options: dict[str, Any] = {option: 1e9}
    with pytest.raises(ValueError, match=f"{option} must be seconds"):
        UnsteadySandbox(**options)


@pytest.mark.parametrize("name", ["blocklist", "unsubscribes"])
def test_an_address_may_be_stored_otherwise_than_it_was_sent(start, name):
    client = start(stored_as=lambda address: address.lower().replace("+tag", ""))
    body = {"domain_id": client.sandbox.domain_id("example.com"), "recipients": ["Jane+tag@a.co", "b@a.co"]}

    answer = client("POST", f"/suppressions/{name}", body)
    client("POST", f"/suppressions/{name}", body)
    client.sandbox.add(name, "B@a.co", domain="example.com")

    def addresses(entries):
        return [entry["pattern"] if name == "blocklist" else entry["recipient"]["email"] for entry in entries]

    assert addresses(answer.json()["data"]) == ["jane@a.co", "b@a.co"]
    listed = addresses(client.get(f"/suppressions/{name}").json()["data"])
    assert set(listed) == {"jane@a.co", "b@a.co"}
    assert len(listed) == (5 if name == "blocklist" else 2)


def test_a_pattern_is_stored_as_it_was_sent(start):
    client = start(stored_as=lambda address: "stored@a.co")

    answer = client("POST", BLOCKLIST, {"patterns": [".*@a.co"]})

    assert answer.json()["data"][0]["pattern"] == ".*@a.co"


def test_a_delete_may_be_answered_with_errors_and_200(start):
    client = start(blocklist=2)
    errors = {"ids.0": ["The selected ids.0 is invalid."]}
    client.sandbox.fail(RareFault(status=200, method="DELETE", body={"message": "x", "errors": errors}))

    answer = client("DELETE", BLOCKLIST, {"ids": [client.sandbox.entries("blocklist")[0]["id"]]})

    assert (answer.status_code, answer.json()["errors"]) == (200, errors)
    assert len(client.sandbox.entries("blocklist")) == 2


@pytest.mark.parametrize("most", [None, 3])
def test_a_batch_that_fits(start, most):
    client = start(max_batch=most)

    body = {"recipients": ["a@a.co"] * 3, "patterns": [".*"] * 3}

    assert client("POST", BLOCKLIST, body).status_code == 201


@pytest.mark.parametrize(
    ("method", "body", "field"),
    [
        ("POST", {"recipients": ["a@a.co"] * 4}, "recipients"),
        ("POST", {"patterns": [".*"] * 4}, "patterns"),
        ("DELETE", {"ids": ["5ee0b174b251345e407c92dc"] * 4}, "ids"),
    ],
)
def test_a_batch_too_large(start, method, body, field):
    message = f"The {field} must not have more than 3 items."
    answer = start(max_batch=3)(method, BLOCKLIST, body)
    assert answer.status_code == 422
    assert answer.json() == {"message": message, "errors": {field: [message]}}


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("POST", {"recipients": ["a@a.co"] * 4}),
        ("POST", {"patterns": [".*"] * 4}),
        ("DELETE", {"ids": ["5ee0b174b251345e407c92dc"] * 4}),
    ],
)
def test_a_batch_too_large_may_be_refused_by_a_web_page(start, method, body):
    client = start(max_batch=3, batch_refusal="413")

    answer = client(method, BLOCKLIST, body)

    assert answer.status_code == 413
    assert answer.headers["content-type"].startswith("text/html")
    assert client("POST", BLOCKLIST, {"recipients": ["a@a.co"] * 3}).status_code == 201
    with pytest.raises(ValueError, match="batch_refusal must be"):
        UnsteadySandbox(batch_refusal="500")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_batch must be"):
        UnsteadySandbox(max_batch=0)


def test_a_commit_keeps_nobody_waiting(start):
    client = start()
    client.sandbox.fail(RareFault(commit_after=3000))
    client("POST", BLOCKLIST, {"recipients": ["a@a.co"]})  # and the kept connection is free at once

    done = threading.Event()

    def ask() -> None:
        client.get("/domains")
        done.set()

    threading.Thread(target=ask).start()

    assert done.wait(10)


def test_faults_of_this_kind_over_http(start):
    client = start()
    given = {"commit_after": 0.2, "status": 504, "processed": True}

    assert client.control("POST", "/faults", given).json() == given
    assert client("POST", BLOCKLIST, {"recipients": ["a@a.co"]}).status_code == 504
    until(lambda: len(client.sandbox.entries("blocklist")) == 1)


@pytest.mark.parametrize(
    ("options", "window"), [({"rate_window": 2.5}, 2.5), ({"rate_window": 120}, 120), ({}, None)]
)
def test_its_connection_tells_a_window_that_is_no_minute(start, options, window):
    sandbox = start(rate_limit=60, token="mlsn.it's", **options).sandbox

    connection = json.loads(sandbox.connection)

    assert connection["extra"].get("rate_limit_window") == window
    assert connection["password"] == "mlsn.it's"
