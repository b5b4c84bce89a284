"""The rate limit and the quota, their headers and their ends."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from airflow_provider_mailersend.sandbox import ALL_HEADERS, QUOTA_HEADERS, RATE_HEADERS, Fault, Sandbox
from airflow_provider_mailersend.sandbox.limits import Window

TOO_MANY = "You cannot create a resource at the moment. Please wait a while before retrying."


def limit_headers(answer):
    return {name.lower() for name in answer.headers} & ALL_HEADERS


def test_over_the_rate_limit_as_observed(start):
    client = start(rate_limit=3)

    statuses = [client.get("/domains").status_code for _ in range(5)]
    refused = client.get("/domains")

    assert statuses == [200, 200, 200, 429, 429]
    assert refused.json() == {"message": TOO_MANY}
    assert limit_headers(refused) == QUOTA_HEADERS


def test_over_the_rate_limit_as_documented(start):
    client = start(rate_limit=1, dialect="documented")

    before = time.time()
    allowed, refused = client.get("/domains"), client.get("/domains")

    assert limit_headers(allowed) == ALL_HEADERS - {"retry-after"}
    assert limit_headers(refused) == ALL_HEADERS
    assert refused.json()["message"].endswith("#MS42903")
    assert refused.headers["x-ratelimit-limit"] == "1"
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert 58 <= int(refused.headers["retry-after"]) <= 60
    assert before + 59 <= int(refused.headers["x-ratelimit-reset"]) <= before + 63


def test_who_waits_as_long_as_the_header_says_is_let_in(start):
    client = start(rate_limit=2, rate_window=0.15, dialect="documented")
    for _ in range(3):
        assert [client.get("/domains").status_code for _ in range(2)] == [200, 200]
        refused = client.get("/domains")
        assert refused.status_code == 429
        assert 0 < float(refused.headers["retry-after"]) <= 0.151
        assert "." in refused.headers["x-ratelimit-reset"]
        time.sleep(float(refused.headers["retry-after"]))


def test_the_quota_counts_every_request_but_its_own(start):
    client = start(quota=10, dialect="documented")
    client.get("/domains")
    client.get("/recipients/unknown")
    client("POST", "/suppressions/blocklist", {})
    client.get("/api-quota")
    client("GET", "/domains", headers={"Authorization": "Bearer mlsn.other"})

    assert client.get("/api-quota").json()["remaining"] == 7
    assert client.get("/domains").headers["x-apiquota-remaining"] == "6"


@pytest.mark.parametrize(("dialect", "code"), [("observed", ""), ("documented", " #MS42901")])
def test_a_quota_used_up(start, dialect, code):
    client = start(quota=2, dialect=dialect)

    statuses = [client.get("/domains").status_code for _ in range(3)]
    refused = client.get("/domains")

    assert statuses == [200, 200, 429]
    assert refused.json() == {"message": f"The daily API quota was used up.{code}"}
    assert refused.headers["x-apiquota-remaining"] == "0"
    assert ("retry-after" in refused.headers) is (dialect == "documented")
    assert client.get("/api-quota").json()["remaining"] == 0


def test_a_quota_starts_again_at_midnight(start):
    client = start(quota=2)
    today = datetime.now(UTC).date()

    reset = client.get("/domains").headers["x-apiquota-reset"]

    assert reset == client.get("/api-quota").json()["reset"]
    assert reset.endswith("T00:00:00Z")
    assert (datetime.fromisoformat(reset).date() - today).days == 1


def test_a_quota_of_seconds(start):
    client = start(quota=1, quota_window=0.2)
    client.get("/domains")
    refused = client.get("/domains")
    assert refused.status_code == 429

    reset = datetime.fromisoformat(refused.headers["x-apiquota-reset"])
    time.sleep(max((reset - datetime.now(UTC)).total_seconds(), 0))

    assert client.get("/domains").status_code == 200


def test_no_limits(start):
    client = start(rate_limit=None, quota=None, headers=ALL_HEADERS)

    answer = client.get("/domains")

    assert limit_headers(answer) == QUOTA_HEADERS
    assert answer.headers["x-apiquota-remaining"] == "-1"
    quota = client.get("/api-quota").json()
    assert (quota["quota"], quota["remaining"]) == (-1, -1)


def test_what_the_rate_limit_refuses_costs_no_quota(start):
    client = start(rate_limit=2, quota=10)
    for _ in range(5):
        client.get("/domains")

    assert client.sandbox.state()["quota_remaining"] == 8


def test_asking_for_the_quota_counts_for_the_rate_limit(start):
    client = start(rate_limit=2)

    assert [client.get("/api-quota").status_code for _ in range(3)] == [200, 200, 429]


def test_what_a_fault_keeps_from_being_processed_counts_for_nothing(start):
    client = start(rate_limit=2, quota=2)
    client.sandbox.fail(Fault(status=503, times=3))
    for _ in range(3):
        client.get("/domains")

    assert [client.get("/domains").status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("headers", [set(), {"retry-after"}, RATE_HEADERS, QUOTA_HEADERS, ALL_HEADERS])
@pytest.mark.parametrize("dialect", ["observed", "documented"])
def test_only_the_chosen_headers_are_sent(start, headers, dialect):
    client = start(rate_limit=1, headers=headers, dialect=dialect)
    client.get("/domains")

    assert limit_headers(client.get("/domains")) == headers


@pytest.mark.parametrize(("dialect", "sent"), [("observed", set()), ("documented", QUOTA_HEADERS)])
def test_quota_headers_of_a_404(start, dialect, sent):
    assert limit_headers(start(dialect=dialect).get("/recipients/unknown")) == sent


def test_the_date_header(start):
    assert start().get("/domains").headers["date"].endswith(" GMT")


def test_a_window_begins_with_the_first_request_after_the_last_one():
    now = 0
    window = Window(2, 10.0, lambda: now)
    assert (window.remaining, window.ends) == (2, 10)

    now = 5
    assert window.spend()
    now = 14
    assert window.spend()
    assert not window.spend()
    assert (window.remaining, window.ends) == (0, 15)

    now = 15
    assert window.remaining == 2
    now = 100
    assert window.spend()
    assert (window.remaining, window.ends) == (1, 110)


def test_a_day_ends_at_midnight():
    now = 86_399
    window = Window(1, None, lambda: now)
    assert window.spend()
    assert not window.spend()
    assert window.ends == 86_400

    now = 86_400
    assert window.spend()
    assert window.ends == 2 * 86_400


@pytest.mark.parametrize(
    "options",
    [
        {"rate_limit": 0},
        {"rate_limit": True},
        {"rate_window": 0},
        {"quota": -1},
        {"quota_window": float("nan")},
        {"headers": {"x-powered-by"}},
    ],
)
def test_limits_that_make_no_sense(options):
    [name] = options
    with pytest.raises(ValueError, match=name):
        Sandbox(**options)
