"""The log, and the sandbox's own endpoints."""

from __future__ import annotations

import pytest


def test_the_log(start):
    client = start()
    client("POST", "/suppressions/blocklist?x=1", {"recipients": ["a@a.co"]})
    client.get("/domains", limit=10)
    client("DELETE", "/suppressions/blocklist", data=b"{")

    post, get, delete = client.sandbox.log
    assert (post.method, post.path, post.raw_path) == (
        "POST",
        "/suppressions/blocklist",
        "/v1/suppressions/blocklist",
    )
    assert (post.query, post.json, post.status) == ({"x": "1"}, {"recipients": ["a@a.co"]}, 201)
    assert (get.query, get.json, get.status) == ({"limit": "10"}, None, 200)
    assert (delete.json, delete.status) == (None, 422)
    assert post.at <= get.at <= delete.at


def test_the_log_by_method_and_path(start):
    client = start()
    client.get("/suppressions/blocklist")
    client.get("/suppressions/unsubscribes")
    client.get("/domains")
    client("POST", "/suppressions/blocklist", {})

    sandbox = client.sandbox
    assert len(sandbox.requests()) == 4
    assert len(sandbox.requests("GET")) == 3
    assert len(sandbox.requests(path="/suppressions/*")) == 3
    assert len(sandbox.requests(method="POST", path="/suppressions/*")) == 1


def test_the_token_is_never_logged(start):
    client = start(token="mlsn.secret")
    client.get("/domains")

    assert client.sandbox.log
    assert "mlsn.secret" not in repr(client.sandbox.log)
    assert "mlsn.secret" not in client.control("GET", "/log").text


def test_log_over_http(start):
    client = start()
    client.control("POST", "/faults", {"status": 500})
    client.get("/domains")

    [logged] = client.control("GET", "/log").json()
    assert logged["path"] == "/domains"
    assert (logged["status"], logged["fault"]) == (500, {"status": 500})
    assert set(logged) == {"method", "path", "raw_path", "query", "json", "at", "status", "fault"}

    assert client.control("DELETE", "/log").status_code == 204
    assert client.control("GET", "/log").json() == []


def test_control_is_neither_logged_nor_counted(start):
    client = start(rate_limit=1, quota=10)
    for _ in range(3):
        assert client.control("GET", "/state").status_code == 200

    assert client.sandbox.log == []
    assert client.get("/domains").status_code == 200
    assert client.sandbox.state()["quota_remaining"] == 9


def test_state_over_http(start):
    client = start(blocklist=3, hard_bounces=2, recipients=1, quota=5)
    client.get("/domains")

    state = client.control("GET", "/state").json()

    assert state == client.sandbox.state()
    assert state["lists"] == {
        "blocklist": 3,
        "hard-bounces": 2,
        "spam-complaints": 0,
        "unsubscribes": 0,
        "on-hold-list": 0,
        "recipients": 3,
        "sms-recipients": 0,
    }
    assert (state["requests"], state["quota_remaining"]) == (1, 4)


@pytest.mark.parametrize("name", ["blocklist", "on-hold-list", "recipients", "sms-recipients"])
def test_entries_over_http(start, name):
    client = start(blocklist=3)
    given = {"list": name, "recipients": ["+15551234567" if name == "sms-recipients" else "a@a.co"]}

    [added] = client.control("POST", "/entries", given).json()
    assert added in client.control("GET", f"/entries/{name}").json()
    assert client.control("GET", f"/entries/{name}").json() == client.sandbox.entries(name)

    assert client.control("DELETE", "/entries", {"list": name, "ids": [added["id"]]}).status_code == 204
    assert added not in client.sandbox.entries(name)


def test_entries_of_a_domain_over_http(start):
    client = start()

    given = {"list": "blocklist", "patterns": [".*@a.co"], "domain": "example.com"}
    [added] = client.control("POST", "/entries", given).json()

    assert (added["type"], added["domain"]["name"]) == ("pattern", "example.com")


@pytest.mark.parametrize(
    ("method", "path", "given"),
    [
        ("GET", "/entries/nothing", None),
        ("POST", "/entries", {"list": "nothing"}),
        ("POST", "/entries", {"list": ["blocklist"]}),
        ("POST", "/entries", {"list": "blocklist", "recipients": "a@a.co"}),
        ("POST", "/entries", {"list": "blocklist", "recipients": ["a@a.co"], "domain": "nowhere.example"}),
        ("POST", "/entries", {"list": "blocklist", "recipients": ["a@a.co"], "domain": ["x"]}),
        ("POST", "/entries", {"list": "unsubscribes", "patterns": [".*"]}),
        ("POST", "/entries", {"list": "blocklist", "emails": ["a@a.co"]}),
        ("POST", "/entries", ["blocklist"]),
        ("DELETE", "/entries", {"list": "blocklist", "ids": ["nope"]}),
        ("POST", "/faults", {}),
        ("POST", "/faults", {"status": 500, "colour": "red"}),
        ("POST", "/faults", [500]),
    ],
)
def test_control_requests_that_make_no_sense(start, method, path, given):
    client = start()

    answer = client.control(method, path, given)

    assert answer.status_code == 422
    assert answer.json()["message"]
    assert client.sandbox.entries("blocklist") == []
    assert client.get("/domains").status_code == 200


def test_faults_can_be_cleared_over_http(start):
    client = start()
    client.control("POST", "/faults", {"status": 500, "times": None})
    assert client.get("/domains").status_code == 500

    assert client.control("DELETE", "/faults").status_code == 204
    assert client.get("/domains").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Host": "10.0.0.1"},
        {"Origin": "https://evil.example"},
    ],
)
def test_a_web_page_cannot_steer_the_sandbox(start, headers):
    client = start(blocklist=3)

    assert client.control("GET", "/entries/blocklist", headers=headers).status_code == 403
    assert client.control("POST", "/faults", {"status": 500}, headers=headers).status_code == 403
    assert client.get("/domains").status_code == 200


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:99", "127.0.0.1", "127.9.9.9:99", "[::1]:99", "[::1]"]
)
def test_names_of_this_machine(start, host):
    assert start().control("GET", "/state", headers={"Host": host}).status_code == 200


def test_changes_by_somebody_else_are_not_logged(start):
    client = start(sms_recipients=1)
    sandbox = client.sandbox
    [entry] = sandbox.add("unsubscribes", "a@b.co", domain="example.com")
    sandbox.remove("unsubscribes", [entry["id"]])
    sms_id = sandbox.entries("sms-recipients")[0]["id"]
    sandbox.set_sms_status(sms_id, "opt_out")

    assert sandbox.log == []
    assert client.get(f"/sms-recipients/{sms_id}").json()["data"]["status"] == "opt_out"


@pytest.mark.parametrize(("recipient", "status"), [("nope", "active"), (None, "asleep")])
def test_an_sms_status_that_cannot_be_set(start, recipient, status):
    sandbox = start(sms_recipients=1).sandbox
    with pytest.raises(ValueError, match=r"status must be|There is no"):
        sandbox.set_sms_status(recipient or sandbox.entries("sms-recipients")[0]["id"], status)
