"""Made-up entries: the same for the same seed, spread as promised, and any number of them."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_mailersend.sandbox import Sandbox

LISTS = {
    "blocklist": "blocklist",
    "hard_bounces": "hard-bounces",
    "spam_complaints": "spam-complaints",
    "unsubscribes": "unsubscribes",
    "on_hold": "on-hold-list",
    "recipients": "recipients",
    "sms_recipients": "sms-recipients",
}


@pytest.mark.parametrize(("option", "name"), LISTS.items())
@pytest.mark.parametrize("count", [0, 1, 2, 5, 6, 11, 173])
def test_as_many_as_asked_for(option, name, count):
    counts: dict[str, Any] = {option: count}
    entries = Sandbox(**counts).entries(name)

    assert len({entry["id"] for entry in entries}) == len(entries) == count


@pytest.mark.parametrize(("option", "name"), LISTS.items())
def test_the_same_seed_gives_the_same_entries(option, name):
    counts: dict[str, Any] = {option: 50}
    first, again, other = (Sandbox(**counts, seed=seed).entries(name) for seed in (7, 7, 8))

    assert first == again
    assert {entry["id"] for entry in first}.isdisjoint(entry["id"] for entry in other)


def test_the_same_seed_gives_the_same_answers(start):
    options = {"seed": 7, "dialect": "documented", "unsubscribes": 30, "sms_recipients": 30}
    one, other = start(**options), start(**options)

    for path in ("/suppressions/unsubscribes", "/recipients", "/sms-recipients", "/domains"):
        assert one.get(path).json()["data"] == other.get(path).json()["data"]
    assert one.sandbox.domain_id("example.com") == other.sandbox.domain_id("example.com")


def test_more_entries_keep_those_that_were_there_under_the_same_addresses():
    few = {entry["recipient"]["email"] for entry in Sandbox(unsubscribes=10).entries("unsubscribes")}
    many = {entry["recipient"]["email"] for entry in Sandbox(unsubscribes=20).entries("unsubscribes")}

    assert few < many


def test_a_blocklist_of_fifty():
    sandbox = Sandbox(blocklist=50)
    oldest_first = sandbox.entries("blocklist")[::-1]
    texts = [entry["pattern"] for entry in oldest_first]

    assert [entry["type"] for entry in oldest_first] == ["exact"] * 49 + ["pattern"]
    assert texts[49].startswith(".*@")
    assert texts[24] == texts[20]
    assert oldest_first[24]["domain"] == oldest_first[20]["domain"]
    assert len(set(texts)) == 49
    scopes = Counter(entry["domain"] and entry["domain"]["name"] for entry in oldest_first)
    assert set(scopes) == {"example.com", "news.example.com", "shop.example.org", None}
    assert set(scopes.values()) == {12, 13}


@pytest.mark.parametrize("option", ["hard_bounces", "spam_complaints", "unsubscribes", "on_hold"])
def test_lists_of_recipients_go_round_the_domains(option):
    counts: dict[str, Any] = {option: 100}
    entries = Sandbox(**counts).entries(LISTS[option])

    domains = Counter(entry["recipient"]["domain"]["name"] for entry in entries)
    assert sorted(domains.values()) == [33, 33, 34]
    assert len({entry["recipient"]["email"] for entry in entries}) == 100


def test_every_entry_has_its_own_recipient():
    sandbox = Sandbox(recipients=7, hard_bounces=8, unsubscribes=9)
    listed = {entry["id"]: entry for entry in sandbox.entries("recipients")}

    assert len(listed) == 24
    on_lists = [e["recipient"] for name in ("hard-bounces", "unsubscribes") for e in sandbox.entries(name)]
    assert len({recipient["id"] for recipient in on_lists}) == 17
    for recipient in on_lists:
        domain = recipient.pop("domain")
        assert listed[recipient["id"]] == recipient
        assert domain["name"] in sandbox.domains


def test_dates_go_back_from_newest():
    newest = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    for dialect, seconds in (("documented", (0, 0.5, 1)), ("observed", (0, 1, 1))):
        entries = Sandbox(unsubscribes=3, newest=newest, spacing=0.5, dialect=dialect).entries("unsubscribes")

        created = [datetime.fromisoformat(entry["created_at"]) for entry in entries]
        assert created == [newest - timedelta(seconds=passed) for passed in seconds]
        for entry in entries:
            assert entry["recipient"]["created_at"] < entry["created_at"]


def test_new_entries_are_newer_than_seeded_ones_even_of_the_future():
    newest = datetime.now(UTC) + timedelta(days=400)
    for dialect in ("observed", "documented"):
        sandbox = Sandbox(unsubscribes=3, newest=newest, dialect=dialect)

        [added] = sandbox.add("unsubscribes", "a@b.co")

        seeded = sandbox.entries("unsubscribes")[1]
        assert seeded["created_at"] < added["created_at"] or dialect == "observed"
        assert seeded["created_at"] <= added["created_at"]
        assert sandbox.entries("unsubscribes")[0] == added


def test_new_entries_have_the_real_time():
    [added] = Sandbox(unsubscribes=3).add("unsubscribes", "a@b.co")

    assert abs(datetime.fromisoformat(added["created_at"]).timestamp() - time.time()) < 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/suppressions/blocklist", {"blocklist": 100_000}),
        ("/suppressions/unsubscribes", {"unsubscribes": 100_000}),
        ("/sms-recipients", {"sms_recipients": 100_000}),
    ],
)
def test_a_hundred_thousand(start, path, options):
    began = time.process_time()
    client = start(**options)
    assert client.get("/domains").status_code == 200
    assert time.process_time() - began < 10  # two are usual, on a machine that does nothing else

    scope = {} if path == "/sms-recipients" else {"domain_id": client.sandbox.domain_id("example.com")}
    for query in ({}, scope):
        first = client.get(path, limit=100, page=1, **query).json()["data"]
        deep = client.get(path, limit=100, page=240, **query).json()["data"]
        assert len(first) == len(deep) == 100
    if path != "/sms-recipients":
        answer = client("DELETE", path, {"ids": [entry["id"] for entry in deep]})
        assert answer.status_code == 200
        assert client.sandbox.state()["lists"][path.rpartition("/")[2]] == 99_900


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocklist": -1}, "blocklist must be"),
        ({"blocklist": 20_000_000}, "blocklist must be"),
        ({"recipients": 900_000, "unsubscribes": 900_000}, "All lists together"),
        ({"unsubscribes": 1_000_000, "spacing": 86_400}, "lessen spacing"),
        ({"spacing": -1}, "spacing must be"),
        ({"spacing": float("inf")}, "spacing must be"),
        ({"dialect": "spoken"}, "dialect must be one of observed"),
        ({"domains": ()}, "domains must be a sequence of one or more"),
        ({"domains": "example.com"}, "domains must be a sequence"),
        ({"domains": ("a.example", "a.example")}, "none twice"),
        ({"sms_numbers": ()}, "sms_numbers must be a sequence of one or more"),
        ({"token": ""}, "token must be"),
        ({"token": "two words"}, "token must be"),
        ({"port": 65_536}, "port must be from 0 to 65,535"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        Sandbox(**options)


def test_unknown_names():
    sandbox = Sandbox()
    with pytest.raises(ValueError, match=r"has no 'a.example': it has example.com"):
        sandbox.domain_id("a.example")
    with pytest.raises(ValueError, match="must be one of blocklist"):
        sandbox.entries("hard_bounces")
    with pytest.raises(ValueError, match=r"has no '\+1': it has \+15005550001"):
        sandbox.sms_number_id("+1")
