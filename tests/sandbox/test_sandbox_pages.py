"""Pages: what they hold, and what they tell about the others."""

from __future__ import annotations

import pytest

PATH = "/suppressions/blocklist"


def test_observed_pages_tell_no_total(start):
    client = start(blocklist=25)
    url = client.sandbox.url + PATH

    first = client.get(PATH).json()
    last = client.get(PATH, page=3).json()

    assert first["links"] == {"first": f"{url}?page=1", "last": None, "prev": None, "next": f"{url}?page=2"}
    assert first["meta"] == {"current_page": 1, "from": 1, "path": url, "per_page": 10, "to": 10}
    assert last["links"] == {"first": f"{url}?page=1", "last": None, "prev": f"{url}?page=2", "next": None}
    assert last["meta"] == {"current_page": 3, "from": 21, "path": url, "per_page": 10, "to": 25}


def test_observed_links_drop_limit_and_filters(start):
    client = start(blocklist=100)
    domain_id = client.sandbox.domain_id("example.com")

    body = client.get(PATH, limit=20, domain_id=domain_id).json()

    assert body["links"]["next"] == f"{client.sandbox.url}{PATH}?page=2"
    assert body["meta"]["per_page"] == 20


def test_per_page_is_a_string_on_sms_recipients_alone(start):
    client = start(sms_recipients=30)

    sent = client.get("/sms-recipients", limit=10).json()["meta"]["per_page"]

    assert (sent, client.get("/sms-recipients").json()["meta"]["per_page"]) == ("10", 25)
    assert client.get("/recipients", limit=10).json()["meta"]["per_page"] == 10
    assert client.get("/domains", limit=10).json()["meta"]["per_page"] == 10


def test_domains_alone_tell_a_total(start):
    client = start(domains=[f"d{number}.example" for number in range(12)])
    url = f"{client.sandbox.url}/domains"

    body = client.get("/domains", limit=10, page=2).json()

    assert len(client.get("/domains").json()["data"]) == 12
    assert body["links"] == {
        "first": f"{url}?page=1",
        "last": f"{url}?page=2",
        "prev": f"{url}?page=1",
        "next": None,
    }
    assert (body["meta"]["last_page"], body["meta"]["total"]) == (2, 12)
    assert body["meta"]["links"] == [
        {"url": f"{url}?page=1", "label": "&laquo; Previous", "active": False},
        {"url": f"{url}?page=1", "label": "1", "active": False},
        {"url": f"{url}?page=2", "label": "2", "active": True},
        {"url": None, "label": "Next &raquo;", "active": False},
    ]


def test_documented_pages_tell_the_total(start):
    client = start(dialect="documented", blocklist=60)
    url = client.sandbox.url + PATH

    body = client.get(PATH, limit=20, page=2).json()

    assert body["links"] == {
        "first": f"{url}?limit=20&page=1",
        "last": f"{url}?limit=20&page=3",
        "prev": f"{url}?limit=20&page=1",
        "next": f"{url}?limit=20&page=3",
    }
    assert body["meta"] == {
        "current_page": 2,
        "from": 21,
        "path": url,
        "per_page": 20,
        "to": 40,
        "last_page": 3,
        "total": 60,
    }


def test_documented_links_lead_through_a_filtered_list(start):
    client = start(dialect="documented", unsubscribes=70)
    domain_id = client.sandbox.domain_id("example.com")
    seen, url = [], f"{client.sandbox.url}/suppressions/unsubscribes?limit=10&domain_id={domain_id}"

    while url:
        body = client("GET", url.removeprefix(client.sandbox.url)).json()
        seen += [entry["id"] for entry in body["data"]]
        url = body["links"]["next"]

    wanted = [
        e for e in client.sandbox.entries("unsubscribes") if e["recipient"]["domain"]["id"] == domain_id
    ]
    assert seen == [entry["id"] for entry in wanted]
    assert len(seen) == 24


@pytest.mark.parametrize("page", [1, 2, 900])
def test_an_empty_page(start, page):
    body = start().get(PATH, page=page).json()

    assert body["data"] == []
    assert (body["meta"]["from"], body["meta"]["to"]) == (None, None)
    assert body["links"]["next"] is None


@pytest.mark.parametrize(("count", "more"), [(10, False), (11, True)])
def test_next_is_null_on_the_last_page_even_when_it_is_full(start, count, more):
    body = start(blocklist=count).get(PATH, limit=10).json()

    assert (body["links"]["next"] is not None) is more


@pytest.mark.parametrize("dialect", ["observed", "documented"])
@pytest.mark.parametrize("limit", [10, 37, 100])
def test_all_pages_together_are_the_list(start, dialect, limit):
    client = start(dialect=dialect, blocklist=211)
    seen, page = [], 1
    while data := client.get(PATH, limit=limit, page=page).json()["data"]:
        seen += data
        page += 1

    assert seen == client.sandbox.entries("blocklist")
    assert len(seen) == 211


def test_pages_move_with_the_list(start):
    client = start(blocklist=30)
    first = [entry["id"] for entry in client.get(PATH).json()["data"]]

    client.sandbox.add("blocklist", "new@a.co")
    pushed = [entry["id"] for entry in client.get(PATH, page=2).json()["data"]]
    assert pushed[0] == first[-1]

    client.sandbox.remove("blocklist", [entry["id"] for entry in client.sandbox.entries("blocklist")[:2]])
    pulled = [entry["id"] for entry in client.get(PATH, page=1).json()["data"]]
    assert pulled[:9] == first[1:]


@pytest.mark.parametrize(
    "path", [PATH, "/suppressions/unsubscribes", "/recipients", "/sms-recipients", "/domains"]
)
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"limit": 9}, "The limit must be at least 10."),
        ({"limit": 101}, "The limit must not be greater than 100."),
        ({"limit": -5}, "The limit must be at least 10."),
        ({"limit": "many"}, "The limit must be an integer."),
        ({"page": 0}, "The page must be at least 1."),
        ({"page": "9" * 40}, "The page must be an integer."),
    ],
)
def test_limit_and_page_out_of_range(start, path, query, message):
    [field] = query

    answer = start().get(path, **query)

    assert answer.status_code == 422
    assert answer.json() == {"message": message, "errors": {field: [message]}}
