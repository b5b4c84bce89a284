"""What may stand on a list twice, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mailersend.sandbox import Sandbox

RECIPIENT_LISTS = ("hard-bounces", "spam-complaints", "unsubscribes", "on-hold-list")


def test_the_blocklist_takes_a_pattern_again_under_a_new_id():
    sandbox = Sandbox()
    added = [sandbox.add("blocklist", patterns=[".*@a.co"])[0] for _ in range(3)]

    assert len({entry["id"] for entry in added}) == 3
    assert len(sandbox.entries("blocklist")) == 3


@pytest.mark.parametrize("name", RECIPIENT_LISTS)
def test_a_recipient_stands_on_a_list_once_for_each_domain(name):
    sandbox = Sandbox(domains=("a.example", "b.example"))

    [first] = sandbox.add(name, "x@a.co", domain="a.example")
    [again] = sandbox.add(name, "x@a.co", domain="a.example")
    [other] = sandbox.add(name, "x@a.co", domain="b.example")

    assert first["id"] == again["id"]
    assert first["created_at"] == again["created_at"]
    assert other["id"] != first["id"]
    assert other["recipient"]["id"] != first["recipient"]["id"]
    assert [entry["id"] for entry in sandbox.entries(name)] == [other["id"], first["id"]]


@pytest.mark.parametrize("name", RECIPIENT_LISTS)
def test_a_seeded_recipient_stands_on_a_list_once_too(name):
    sandbox = Sandbox(hard_bounces=9, spam_complaints=9, unsubscribes=9, on_hold=9)
    for entry in sandbox.entries(name):
        recipient = entry["recipient"]
        [again] = sandbox.add(name, recipient["email"], domain=recipient["domain"]["name"])
        assert again["id"] == entry["id"]
        assert again["recipient"]["id"] == recipient["id"]
    assert len(sandbox.entries(name)) == 9


def test_a_deleted_entry_can_be_added_again():
    sandbox = Sandbox(hard_bounces=5)
    entry = sandbox.entries("hard-bounces")[2]
    recipient = entry["recipient"]
    sandbox.remove("hard-bounces", [entry["id"]])

    [again] = sandbox.add("hard-bounces", recipient["email"], domain=recipient["domain"]["name"])
    [once_more] = sandbox.add("hard-bounces", recipient["email"], domain=recipient["domain"]["name"])

    assert again["id"] != entry["id"]
    assert again["id"] == once_more["id"]
    assert again["recipient"]["id"] == recipient["id"]
    assert sandbox.entries("hard-bounces")[0]["id"] == again["id"]
    assert len(sandbox.entries("recipients")) == 5


def test_an_added_entry_can_be_deleted_and_added_again():
    sandbox = Sandbox()
    [first] = sandbox.add("hard-bounces", "x@a.co")
    sandbox.remove("hard-bounces", [first["id"]])
    assert sandbox.entries("hard-bounces") == []

    [again] = sandbox.add("hard-bounces", "x@a.co")

    assert again["id"] != first["id"]
    assert sandbox.entries("hard-bounces") == [again]


def test_a_seeded_address_is_another_recipient_in_another_domain():
    sandbox = Sandbox(recipients=1, domains=("a.example", "b.example"))
    [seeded] = sandbox.entries("recipients")

    [added] = sandbox.add("unsubscribes", seeded["email"], domain="b.example")

    assert added["recipient"]["id"] != seeded["id"]
    assert added["recipient"]["domain"]["name"] == "b.example"


def test_an_sms_recipient_opts_out_once():
    sandbox = Sandbox(sms_recipients=4)
    before = sandbox.entries("sms-recipients")

    sandbox.set_sms_status(before[3]["id"], "opt_out")

    assert before[3]["status"] == "opt_out"
    assert sandbox.entries("sms-recipients") == before


@pytest.mark.parametrize("seeded", [True, False])
def test_a_deleted_recipient_comes_back_as_another(seeded):
    sandbox = Sandbox(recipients=4, domains=("a.example",))
    sandbox.add("recipients", "x@a.co")
    gone = next(one for one in sandbox.entries("recipients") if (one["email"] == "x@a.co") is not seeded)
    sandbox.remove("recipients", [gone["id"]])

    [again] = sandbox.add("unsubscribes", gone["email"])

    assert again["recipient"]["id"] != gone["id"]
    assert len(sandbox.entries("recipients")) == 5


def test_one_recipient_on_two_lists():
    sandbox = Sandbox(dialect="documented")  # whose dates are of less than a second

    [bounce] = sandbox.add("hard-bounces", "x@a.co")
    [complaint] = sandbox.add("spam-complaints", "x@a.co")

    assert bounce["recipient"]["id"] == complaint["recipient"]["id"]
    assert complaint["recipient"]["updated_at"] > bounce["recipient"]["updated_at"]
    assert len(sandbox.entries("recipients")) == 1


@pytest.mark.parametrize("name", ["blocklist", *RECIPIENT_LISTS])
@pytest.mark.parametrize("dialect", ["observed", "documented"])
def test_newest_first(name, dialect):
    seeds: dict[str, Any] = {
        "blocklist": 20,
        "hard_bounces": 20,
        "spam_complaints": 20,
        "unsubscribes": 20,
        "on_hold": 20,
    }
    sandbox = Sandbox(dialect=dialect, **seeds)
    added = sandbox.add(name, *(f"new{number}@a.co" for number in range(200)))

    entries = sandbox.entries(name)

    created = [entry["created_at"] for entry in entries]
    assert created == sorted(created, reverse=True)
    assert [entry["id"] for entry in entries[:200]] == [entry["id"] for entry in added[::-1]]
    if dialect == "documented":
        assert len(set(created)) == 220


def test_sms_recipients_come_oldest_first():
    created = [entry["created_at"] for entry in Sandbox(sms_recipients=50).entries("sms-recipients")]

    assert created == sorted(created)


def test_recipients_come_in_no_date_order():
    created = [entry["created_at"] for entry in Sandbox(recipients=50).entries("recipients")]

    assert created != sorted(created)
    assert created != sorted(created, reverse=True)


def test_a_phone_number_may_stand_under_two_sms_numbers():
    entries = Sandbox(sms_recipients=20).entries("sms-recipients")

    assert entries[9]["number"] == entries[8]["number"]
    assert len({entry["number"] for entry in entries}) == 18


def test_an_id_is_no_other_lists_id():
    sandbox = Sandbox(hard_bounces=5, unsubscribes=5)
    ids = [entry["id"] for entry in sandbox.entries("hard-bounces")]

    with pytest.raises(ValueError, match="There is no"):
        sandbox.remove("unsubscribes", ids)
    assert len(sandbox.entries("unsubscribes")) == 5


def test_removing_removes_nothing_when_one_id_is_unknown():
    sandbox = Sandbox(blocklist=5)
    known = sandbox.entries("blocklist")[0]["id"]

    with pytest.raises(ValueError, match="There is no"):
        sandbox.remove("blocklist", [known, "0" * 24])
    assert len(sandbox.entries("blocklist")) == 5


@pytest.mark.parametrize("name", ["recipients", "sms-recipients"])
def test_recipients_come_and_go(name):
    sandbox = Sandbox(recipients=5, sms_recipients=5)
    [added] = sandbox.add(name, "+15551234567" if name == "sms-recipients" else "x@a.co")

    assert added in sandbox.entries(name)
    sandbox.remove(name, [added["id"]])
    assert len(sandbox.entries(name)) == 5
