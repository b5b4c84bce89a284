"""Every endpoint's answer, in every dialect: status, body and keys."""

from __future__ import annotations

import re
from typing import Any

import pytest

DIALECTS = ("observed", "documented")
SEEDS = {
    "blocklist": 60,
    "hard_bounces": 30,
    "spam_complaints": 30,
    "unsubscribes": 30,
    "on_hold": 30,
    "recipients": 30,
    "sms_recipients": 30,
}
DOMAIN = {"id", "name", "created_at", "updated_at"}
RECIPIENT = {"id", "email", "created_at", "updated_at", "deleted_at", "domain"}
BOUNCE = {"id", "reason", "created_at", "recipient"}
KEYS = {
    "/suppressions/blocklist": {"id", "type", "pattern", "domain", "created_at", "updated_at"},
    "/suppressions/hard-bounces": BOUNCE,
    "/suppressions/spam-complaints": BOUNCE - {"reason"},
    "/suppressions/unsubscribes": BOUNCE | {"readable_reason"},
    "/suppressions/on-hold-list": BOUNCE,
    "/recipients": RECIPIENT - {"domain"},
    "/sms-recipients": {"id", "number", "status", "created_at"},
}
RECIPIENT_LISTS = ("hard-bounces", "spam-complaints", "unsubscribes")
SUPPRESSIONS = ("blocklist", *RECIPIENT_LISTS, "on-hold-list")
SMS_OPT_OUT = {"opted_out_at", "opt_out_source"}
TODAY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@pytest.fixture(params=DIALECTS)
def dialect(request: Any) -> str:
    return str(request.param)


@pytest.mark.parametrize("path", KEYS)
def test_a_list(start, dialect, path):
    answer = start(dialect=dialect, **SEEDS).get(path)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"data", "links", "meta"}
    is_short = dialect == "observed" and path.startswith("/suppressions/")
    assert len(body["data"]) == (10 if is_short else 25)
    observed_besides = SMS_OPT_OUT if (dialect, path) == ("observed", "/sms-recipients") else set()
    for entry in body["data"]:
        assert set(entry) == KEYS[path] | observed_besides
        assert re.fullmatch("[0-9a-f]{24}", entry["id"])
        assert TODAY.fullmatch(entry["created_at"])
        if path == "/recipients":
            assert entry["deleted_at"] == ""
        if "recipient" in entry:
            assert set(entry["recipient"]) == RECIPIENT
            assert set(entry["recipient"]["domain"]) == DOMAIN
            assert entry["recipient"]["deleted_at"] == ""
        if observed_besides:
            assert {entry[name] for name in SMS_OPT_OUT} == {None}


def test_domains(start, dialect):
    client = start(dialect=dialect, domains=("a.example", "b.example"))

    body = client.get("/domains").json()

    assert [domain["name"] for domain in body["data"]] == ["a.example", "b.example"]
    assert body["data"][0]["id"] == client.sandbox.domain_id("a.example")
    assert all(re.fullmatch("[a-z0-9]{16}", domain["id"]) for domain in body["data"])


def test_there_are_three_domains_unless_others_are_named(start):
    names = [domain["name"] for domain in start().get("/domains").json()["data"]]

    assert len(names) == 3
    assert "example.com" in names


def test_api_quota(start, dialect):
    answer = start(dialect=dialect, quota=500).get("/api-quota")

    assert set(answer.json()) == {"quota", "remaining", "reset"}
    assert (answer.json()["quota"], answer.json()["remaining"]) == (500, 500)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", answer.json()["reset"])


def test_one_recipient(start, dialect):
    client = start(dialect=dialect, recipients=3)
    listed = client.get("/recipients").json()["data"][1]

    shown = client.get(f"/recipients/{listed['id']}").json()["data"]

    assert shown == listed | {"domain": shown["domain"], "emails": []}
    assert set(shown["domain"]) == DOMAIN


def test_one_sms_recipient(start, dialect):
    client = start(dialect=dialect, sms_recipients=3)
    listed = client.get("/sms-recipients").json()["data"][2]

    shown = client.get(f"/sms-recipients/{listed['id']}").json()["data"]

    number = {"sms_number": None} if dialect == "observed" else {}
    assert shown == listed | number | {"sms": shown["sms"]}
    assert shown["sms"][0]["to"] == listed["number"]


def test_delete_recipient(start, dialect):
    client = start(dialect=dialect, recipients=2, hard_bounces=2)
    bounced = client.sandbox.entries("hard-bounces")[0]["recipient"]["id"]

    answer = client("DELETE", f"/recipients/{bounced}")

    assert (answer.status_code, answer.content) == (204 if dialect == "observed" else 200, b"")
    assert client.get(f"/recipients/{bounced}").status_code == 404
    assert client("DELETE", f"/recipients/{bounced}").status_code == 404
    assert bounced not in [entry["recipient"]["id"] for entry in client.sandbox.entries("hard-bounces")]
    assert len(client.sandbox.entries("hard-bounces")) == 1
    assert len(client.sandbox.entries("recipients")) == 3


def test_deleting_a_recipient_blocks_its_address(start, dialect):
    client = start(dialect=dialect, hard_bounces=1)
    [entry] = client.sandbox.entries("hard-bounces")

    client("DELETE", f"/recipients/{entry['recipient']['id']}")

    blocked = client.sandbox.entries("blocklist")
    if dialect == "observed":
        [one] = blocked
        assert (one["type"], one["pattern"]) == ("exact", entry["recipient"]["email"])
        assert one["domain"] == entry["recipient"]["domain"]
    else:
        assert blocked == []


@pytest.mark.parametrize("name", RECIPIENT_LISTS)
def test_add_recipients(start, dialect, name):
    client = start(dialect=dialect)
    domain_id = client.sandbox.domain_id("example.com")

    answer = client(
        "POST", f"/suppressions/{name}", {"domain_id": domain_id, "recipients": ["b@b.co", "a@a.co"]}
    )

    assert answer.status_code == (201 if dialect == "observed" else 200)
    added = answer.json()["data"]
    assert [entry["recipient"]["email"] for entry in added] == ["b@b.co", "a@a.co"]
    assert all(set(entry) == KEYS[f"/suppressions/{name}"] for entry in added)
    reasons = [entry.get("reason") for entry in added]
    observed_reason = dialect == "observed" and name == "hard-bounces"
    assert reasons == (["Unknown reason"] * 2 if observed_reason else [None] * 2)
    assert client.sandbox.entries(name) == added[::-1]


def test_add_to_blocklist(start, dialect):
    client = start(dialect=dialect)
    domain_id = client.sandbox.domain_id("example.com")

    answer = client(
        "POST",
        "/suppressions/blocklist",
        {"domain_id": domain_id, "recipients": ["a@a.co"], "patterns": [".*@b.co"]},
    )

    assert answer.status_code == (201 if dialect == "observed" else 200)
    added = answer.json()["data"]
    assert [(entry["type"], entry["pattern"]) for entry in added] == [
        ("exact", "a@a.co"),
        ("pattern", ".*@b.co"),
    ]
    assert all("domain" not in entry for entry in added)
    listed = client.sandbox.entries("blocklist")
    assert {entry.pop("domain")["id"] for entry in listed} == {domain_id}
    assert listed == added[::-1]


def test_add_to_the_accounts_blocklist(start, dialect):
    client = start(dialect=dialect)

    answer = client("POST", "/suppressions/blocklist", {"patterns": [".*@b.co"]})

    [entry] = client.sandbox.entries("blocklist")
    assert entry["domain"] is None
    assert "domain" not in answer.json()["data"][0]


@pytest.mark.parametrize("name", RECIPIENT_LISTS)
def test_add_recipients_of_no_domain(start, dialect, name):
    client = start(dialect=dialect, domains=("first.example", "second.example"))

    answer = client("POST", f"/suppressions/{name}", {"recipients": ["a@a.co"]})

    if dialect == "observed":
        assert answer.status_code == 422
        message = "The domain id field is required. #MS42209"
        assert answer.json() == {"message": message, "errors": {"domain_id": [message]}}
    else:
        assert answer.status_code == 200
        assert answer.json()["data"][0]["recipient"]["domain"]["name"] == "first.example"


@pytest.mark.parametrize("name", SUPPRESSIONS)
def test_delete_suppressions(start, dialect, name):
    client = start(dialect=dialect, **SEEDS)
    before = client.sandbox.entries(name)
    gone = [before[3]["id"], before[0]["id"]]

    answer = client("DELETE", f"/suppressions/{name}", {"ids": gone})

    assert (answer.status_code, answer.content) == (200, b"[]" if dialect == "observed" else b"")
    left = [entry for entry in before if entry["id"] not in gone]
    assert client.sandbox.entries(name) == left
    for domain in client.get("/domains").json()["data"]:
        listed = client.get(f"/suppressions/{name}", domain_id=domain["id"], limit=100).json()["data"]
        assert listed == [entry for entry in left if _domain_id(entry) == domain["id"]]


@pytest.mark.parametrize("name", SUPPRESSIONS)
def test_delete_all(start, dialect, name):
    client = start(dialect=dialect, **SEEDS)

    answer = client("DELETE", f"/suppressions/{name}", {"all": True})

    assert answer.status_code == 200
    assert client.sandbox.entries(name) == []
    assert client.get(f"/suppressions/{name}").json()["data"] == []


@pytest.mark.parametrize("name", SUPPRESSIONS)
def test_delete_all_of_a_domain(start, name):
    client = start(**SEEDS)
    domain_id = client.sandbox.domain_id("example.com")
    before = client.sandbox.entries(name)
    others = [entry for entry in before if _domain_id(entry) != domain_id]
    assert 0 < len(others) < len(before)

    client("DELETE", f"/suppressions/{name}", {"domain_id": domain_id, "all": True})

    assert client.sandbox.entries(name) == others


@pytest.mark.parametrize("name", SUPPRESSIONS)
def test_a_domain_lists_its_own(start, name):
    client = start(**SEEDS)
    domain_id = client.sandbox.domain_id("example.com")
    client.sandbox.add(name, "new@a.co", domain="example.com")

    listed = client.get(f"/suppressions/{name}", domain_id=domain_id, limit=100).json()["data"]

    assert listed == [entry for entry in client.sandbox.entries(name) if _domain_id(entry) == domain_id]
    assert len(listed) == (16 if name == "blocklist" else 11)


def test_recipients_of_a_domain(start):
    client = start(recipients=31, hard_bounces=17)
    domain_id = client.sandbox.domain_id("example.com")

    listed = client.get("/recipients", domain_id=domain_id, limit=100).json()["data"]

    shown = [
        client.get(f"/recipients/{entry['id']}").json()["data"]
        for entry in client.sandbox.entries("recipients")
    ]
    assert [one["id"] for one in listed] == [one["id"] for one in shown if one["domain"]["id"] == domain_id]
    assert 10 < len(listed) < 20


@pytest.mark.parametrize("status", ["opt_out", "active"])
def test_change_sms_recipient(start, dialect, status):
    client = start(dialect=dialect, sms_recipients=8)
    other = "active" if status == "opt_out" else "opt_out"
    before = client.get("/sms-recipients", status=other).json()["data"][0]

    answer = client("PUT", f"/sms-recipients/{before['id']}", {"status": status})

    assert answer.status_code == 200
    after = answer.json()["data"]
    assert after["status"] == status
    assert after.get("opted_out_at") is None
    assert after["id"] in [
        entry["id"] for entry in client.get("/sms-recipients", status=status).json()["data"]
    ]
    assert after["id"] not in [
        entry["id"] for entry in client.get("/sms-recipients", status=other).json()["data"]
    ]


def test_change_sms_recipient_by_query(start, dialect):
    client = start(dialect=dialect, sms_recipients=1)
    path = f"/sms-recipients/{client.sandbox.entries('sms-recipients')[0]['id']}"

    answer = client("PUT", path, params={"status": "opt_out"})

    assert answer.status_code == (422 if dialect == "observed" else 200)
    assert client.get(path).json()["data"]["status"] == ("active" if dialect == "observed" else "opt_out")


def test_sms_recipients_by_number_and_status(start):
    client = start(sms_recipients=40, sms_numbers=("+15005550001", "+15005550002"))
    number_id = client.sandbox.sms_number_id("+15005550002")

    ids = {
        status: [
            e["id"]
            for e in client.get("/sms-recipients", sms_number_id=number_id, status=status).json()["data"]
        ]
        for status in ("active", "opt_out")
    }
    both = [e["id"] for e in client.get("/sms-recipients", sms_number_id=number_id, limit=100).json()["data"]]

    assert sorted(ids["active"] + ids["opt_out"]) == sorted(both)
    assert len(both) == 20
    for entry_id in both:
        shown = client.get(f"/sms-recipients/{entry_id}").json()["data"]
        assert shown["sms"][0]["from"] == "+15005550002"


def test_answers_are_not_to_be_cached(start, dialect):
    client = start(dialect=dialect)

    for answer in (client.get("/domains"), client.get("/recipients/unknown")):
        assert answer.headers["cache-control"] == "no-cache, private"


@pytest.mark.parametrize("name", SUPPRESSIONS)
def test_new_entries_are_dated_in_whole_seconds(start, name):
    client = start()
    client.sandbox.add(name, *(f"new{number}@a.co" for number in range(50)))

    entries = client.get(f"/suppressions/{name}", limit=100).json()["data"]

    dates = {entry["created_at"] for entry in entries}
    dates |= (
        {entry["recipient"][key] for entry in entries for key in ("created_at", "updated_at")}
        if (name != "blocklist")
        else set()
    )
    assert all(date.endswith(".000000Z") for date in dates)
    assert len(dates) <= 3  # ties are the rule


def test_recipients_come_by_address(start):
    client = start(recipients=40, unsubscribes=20)
    client.sandbox.add("recipients", "aaa@a.co", "zzz@a.co")

    listed = [entry["email"] for entry in client.get("/recipients", limit=100).json()["data"]]

    assert listed == sorted(listed)
    assert (len(listed), listed[0], listed[-1]) == (62, "aaa@a.co", "zzz@a.co")


def test_head_is_get_without_a_body(start):
    answer = start(blocklist=5)("HEAD", "/suppressions/blocklist")

    assert (answer.status_code, answer.content) == (200, b"")


def _domain_id(entry: dict[str, Any]) -> str | None:
    domain = entry["recipient"]["domain"] if "recipient" in entry else entry["domain"]
    return None if domain is None else str(domain["id"])
