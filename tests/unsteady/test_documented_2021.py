"""The dialect of a page of the documents of 2021."""

from __future__ import annotations

import re

import pytest

from airflow_provider_mailersend.sandbox import Sandbox
from tests.sandbox_client import Start

LISTS = (
    "/suppressions/blocklist",
    "/suppressions/hard-bounces",
    "/suppressions/on-hold-list",
    "/recipients",
    "/sms-recipients",
    "/domains",
)
SEEDS = {"blocklist": 60, "hard_bounces": 30, "on_hold": 30, "sms_recipients": 30}
IN_2020 = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_no_pages(start: Start, path: str) -> None:
    client = start(dialect="documented-2021", **SEEDS)

    body = client.get(path, limit=25).json()

    assert set(body) == {"data"}
    assert len(body["data"]) == (3 if path == "/domains" else 25)


def test_recipients_are_dated_in_the_old_form_and_entries_in_the_new_one(start: Start) -> None:
    client = start(dialect="documented-2021", **SEEDS)

    listed = client.get("/recipients").json()["data"]

    shown = client.get(f"/recipients/{listed[0]['id']}").json()["data"]
    assert shown == listed[0] | {"domain": shown["domain"], "emails": []}
    assert all(
        IN_2020.fullmatch(recipient[key]) for recipient in listed for key in ("created_at", "updated_at")
    )
    entries = client.get("/suppressions/hard-bounces").json()["data"]
    assert entries == Sandbox(dialect="documented", **SEEDS).entries("hard-bounces")[:25]  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [10, 37, 100])
def test_all_pages_together_are_the_list(start: Start, limit: int) -> None:
    client = start(dialect="documented-2021", blocklist=211)
    seen, page = [], 1
    while data := client.get("/suppressions/blocklist", limit=limit, page=page).json()["data"]:
        seen += data
        page += 1

    assert seen == client.sandbox.entries("blocklist")
    assert len(seen) == 211


def test_in_all_else_it_answers_as_documented(start: Start) -> None:
    client = start(dialect="documented-2021")

    answer = client("POST", "/suppressions/unsubscribes", {"recipients": ["a@a.co"]})

    assert answer.status_code == 200
    ids = [entry["id"] for entry in answer.json()["data"]]
    assert client("DELETE", "/suppressions/unsubscribes", {"ids": ids}).content == b""


def test_the_same_seed_gives_the_same_bytes(start: Start) -> None:
    options = {"seed": 7, "dialect": "documented-2021", "unsubscribes": 30, "sms_recipients": 30}
    one, other = start(**options), start(**options)

    for path in ("/suppressions/unsubscribes", "/recipients", "/sms-recipients", "/domains"):
        assert one.get(path).content == other.get(path).content
