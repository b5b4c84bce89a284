"""The lines of progress in the log, over real HTTP, and Airflow's metrics, over real UDP."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_provider_mailersend.hooks import progress
from airflow_provider_mailersend.hooks.mailersend import MailerSendAsyncHook, MailerSendHook
from airflow_provider_mailersend.sandbox import Fault, Sandbox

Connect = Callable[..., str]
Logged = Callable[[], str]

SECRETS = ["mlsn.sandbox", "@example.net", "+1555"]


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell progress five times a second."""
    monkeypatch.setattr(progress, "INTERVAL", 0.2)


@pytest.fixture
def slow() -> Iterator[Sandbox]:
    """A sandbox that takes its time for each request, tells how long its lists are, and has a quota."""
    with Sandbox(
        unsubscribes=1000, sms_recipients=40, dialect="documented", quota=2000, rate_limit=None
    ) as sandbox:
        sandbox.fail(Fault(delay=0.1, times=None))
        yield sandbox


def progress_in(said: str, endpoint: str) -> list[tuple[int, int | None, int, int]]:
    """Return of each line of progress how much is done, of how many, the requests, and what is left of the day's."""
    found = re.findall(
        rf"{re.escape(endpoint)}: ([\d,]+)(?: of ([\d,]+))? done; (\d+) requests?; ([\d,]+) of the daily quota left",
        said,
    )
    numbers = [[int(text.replace(",", "")) if text else None for text in line] for line in found]
    return [(done or 0, of, requests or 0, left or 0) for done, of, requests, left in numbers]


def progress_of(said: str, endpoint: str) -> list[tuple[int, int]]:
    """Return of each line of progress how much is done, and the requests, where the API tells no more."""
    found = re.findall(rf"{re.escape(endpoint)}: ([\d,]+) done; (\d+) requests?\b", said)
    return [(int(done.replace(",", "")), int(requests)) for done, requests in found]


def check(lines: list[tuple[int, int | None, int, int]], total: int | None, free: int = 0) -> None:
    assert len(lines) >= 2
    assert {of for _, of, _, _ in lines} == {total}
    assert [done for done, *_ in lines] == sorted(done for done, *_ in lines)
    assert [requests for _, _, requests, _ in lines] == sorted(requests for _, _, requests, _ in lines)
    assert all(0 < done <= (total or done) for done, *_ in lines)
    assert all(left == 2000 - (requests - free) for _, _, requests, left in lines)


@pytest.mark.usefixtures("often")
def test_reading_tells_how_far_it_is(connect: Connect, slow: Sandbox, logged: Logged) -> None:
    begun = time.monotonic()
    MailerSendHook(connect(slow)).list_suppressions("unsubscribes")
    seconds = time.monotonic() - begun
    said = logged()
    lines = progress_in(said, "GET /suppressions/unsubscribes")
    check(lines, 1000)
    assert len(lines) <= seconds / 0.2 + 1
    assert all(done == 100 * requests for done, _, requests, _ in lines)
    assert "GET /suppressions/unsubscribes: 300 of 1,000 done" in said or len(lines) < 8
    assert [secret for secret in SECRETS if secret in said] == []


@pytest.mark.usefixtures("often")
def test_reading_tells_no_total_that_is_not_known(connect: Connect, logged: Logged) -> None:
    with Sandbox(unsubscribes=600, quota=2000, rate_limit=None) as sandbox:
        sandbox.fail(Fault(delay=0.1, times=None))
        MailerSendHook(connect(sandbox)).list_suppressions("unsubscribes")
    check(progress_in(logged(), "GET /suppressions/unsubscribes"), None)


@pytest.mark.usefixtures("often")
def test_an_event_loop_is_told_too(connect: Connect, slow: Sandbox, logged: Logged) -> None:
    async def read() -> int:
        async with MailerSendAsyncHook(connect(slow)) as hook:
            return len(await hook.list_suppressions("unsubscribes"))

    assert asyncio.run(read()) == 1000
    check(progress_in(logged(), "GET /suppressions/unsubscribes"), 1000)


@pytest.mark.usefixtures("often")
def test_changing_tells_how_far_it_is(connect: Connect, slow: Sandbox, logged: Logged) -> None:
    hook = MailerSendHook(connect(slow))
    slow.add("blocklist", *(f"old{number}@example.net" for number in range(80)))
    hook.sync_suppressions(
        "blocklist",
        recipients=[f"wanted{number}@example.net" for number in range(80)],
        mode="mirror",
        max_deletes=80,
        batch_size=10,
    )
    said = logged()
    for method in ("POST", "DELETE"):
        lines = progress_in(said, f"{method} /suppressions/blocklist")
        check(lines, 80)
        assert all(done % 10 == 0 for done, *_ in lines)
    assert [secret for secret in SECRETS if secret in said] == []


@pytest.mark.usefixtures("often")
def test_setting_sms_recipients_tells_how_far_it_is(connect: Connect, slow: Sandbox, logged: Logged) -> None:
    ids = [one["id"] for one in slow.entries("sms-recipients")[:12]]
    MailerSendHook(connect(slow)).update_sms_recipients("opt_out", ids=ids)
    said = logged()
    check(progress_in(said, "PUT /sms-recipients/{id}"), 12)
    assert [secret for secret in [*SECRETS, *ids] if secret in said] == []


@pytest.mark.usefixtures("often")
def test_two_readings_of_one_hook_each_tell_of_their_own_list(connect: Connect, logged: Logged) -> None:
    with Sandbox(unsubscribes=600, hard_bounces=900, rate_limit=None) as sandbox:
        sandbox.fail(Fault(delay=0.1, times=None))
        hook = MailerSendHook(connect(sandbox))
        domain_id = sandbox.domain_id("example.com")
        lists = zip(
            hook.iter_suppressions("unsubscribes"),
            hook.iter_suppressions("hard-bounces", domain_id=domain_id),
            strict=False,
        )
        assert len(list(lists)) > 200
    said = logged()
    unsubscribes = progress_of(said, "GET /suppressions/unsubscribes")
    bounces = progress_of(said, f"GET /suppressions/hard-bounces (domain {domain_id})")
    for lines in (unsubscribes, bounces):
        assert len(lines) >= 2
        assert all(done == 100 * requests for done, requests in lines), "and of their own requests"


@pytest.mark.usefixtures("often")
def test_who_shares_a_hook_in_an_event_loop_tells_of_its_own_list(connect: Connect, logged: Logged) -> None:
    async def read(hook: MailerSendAsyncHook, suppression_list: str, domain: str | None) -> int:
        return len(await hook.list_suppressions(suppression_list, domain=domain))

    async def read_both() -> None:
        async with MailerSendAsyncHook(connect(sandbox)) as hook:
            await asyncio.gather(
                read(hook, "unsubscribes", None),
                read(hook, "hard-bounces", "example.com"),
                read(hook, "blocklist", None),
            )

    with Sandbox(unsubscribes=600, hard_bounces=1800, blocklist=50, rate_limit=None) as sandbox:
        sandbox.fail(Fault(delay=0.1, times=None))
        asyncio.run(read_both())
    said = logged()
    named = {"GET /suppressions/unsubscribes", "GET /suppressions/hard-bounces (domain example.com)"}
    for endpoint in named:
        lines = progress_of(said, endpoint)
        assert len(lines) >= 2
        assert all(done <= 100 * requests for done, requests in lines)
        assert [done for done, _ in lines] == sorted(done for done, _ in lines)
    assert set(re.findall(r"(GET /\S+(?: \(domain \S+\))?): [\d,]+ done", said)) == named


@pytest.mark.usefixtures("often")
def test_a_watcher_at_rest_logs_nothing_at_each_look(connect: Connect, logged: Logged) -> None:
    async def look_now_and_then() -> None:
        async with MailerSendAsyncHook(connect(sandbox)) as hook:
            for _ in range(5):
                await hook.list_suppressions("unsubscribes")
                await asyncio.sleep(0.3)

    with Sandbox(unsubscribes=50, rate_limit=None) as sandbox:
        asyncio.run(look_now_and_then())
    assert "request" not in logged()


@pytest.mark.usefixtures("often")
def test_a_long_wait_is_told_with_its_end(connect: Connect, logged: Logged) -> None:
    async def read_for_a_while() -> None:
        async with MailerSendAsyncHook(connect(sandbox), retry_timeout=400.0) as hook:
            async with asyncio.timeout(3.0):
                await hook.list_suppressions("unsubscribes")

    with Sandbox(unsubscribes=5, rate_limit=None) as sandbox:
        sandbox.fail(Fault(status=429, headers={"retry-after": "300"}))
        with pytest.raises(TimeoutError):
            asyncio.run(read_for_a_while())
    said = logged()
    found = re.search(
        r"GET /suppressions/unsubscribes; 1 request; waiting ([\d.]+) s for the rate limit, "
        r"until (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC\.",
        said,
    )
    assert found is not None, said
    until = datetime.fromisoformat(found[2]).replace(tzinfo=UTC)
    assert 250 < (until - datetime.now(UTC)).total_seconds() < 320


def test_the_hook_says_how_long_it_waited_and_why(connect: Connect) -> None:
    with Sandbox(unsubscribes=50, rate_limit=None) as sandbox:
        sandbox.fail(Fault(status=503, times=3))
        hook = MailerSendHook(connect(sandbox))
        assert hook.seconds_waited == {}
        hook.list_suppressions("unsubscribes")
    assert set(hook.seconds_waited) == {"a retry after status 503"}
    assert 0 < hook.seconds_waited["a retry after status 503"] <= 1 + 2 + 4


def test_a_short_job_tells_nothing(connect: Connect, logged: Logged) -> None:
    with Sandbox(unsubscribes=1000, rate_limit=None) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        hook.list_suppressions("unsubscribes")
        hook.sync_suppressions("blocklist", recipients=["a@example.net"])
    assert "requests" not in logged()


def test_a_job_is_silent_for_as_long_as_the_interval_is(
    connect: Connect, slow: Sandbox, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "INTERVAL", 1000.0)
    MailerSendHook(connect(slow)).list_suppressions("unsubscribes")
    assert " requests" not in logged()


def test_a_wait_for_the_limit_is_told_again_and_again(
    connect: Connect, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "INTERVAL", 0.5)
    with Sandbox(
        unsubscribes=400, dialect="documented", rate_limit=3, rate_window=2.5, quota=2000
    ) as sandbox:
        hook = MailerSendHook(connect(sandbox, extra={"rate_limit_window": 2.5}))
        assert len(hook.list_suppressions("unsubscribes")) == 400
    waits = [
        float(seconds)
        for seconds in re.findall(
            r"GET /suppressions/unsubscribes: 300 of 400 done; 3 requests; 1,997 of the daily quota left; "
            r"waiting ([\d.]+) s for the rate limit\.",
            logged(),
        )
    ]
    assert len(waits) >= 2
    assert waits == sorted(waits, reverse=True)
    assert 1.0 <= waits[0] <= 2.5


def test_a_wait_for_the_outcome_of_an_addition_is_logged_with_its_reason(
    connect: Connect, logged: Logged
) -> None:
    with Sandbox(unsubscribes=10, rate_limit=None) as sandbox:
        connect(sandbox)
        sandbox.fail(Fault(method="POST", path="/suppressions/blocklist", delay=1.5, cut="after"))
        hook = MailerSendHook()
        assert len(hook.add_suppressions("blocklist", recipients=["jane@example.net"])["added"]) == 1
    said = logged()
    assert re.search(
        r"POST /suppressions/blocklist; 1 request; waiting [\d.]+ s for the outcome of an addition that got no "
        r"answer\.",
        said,
    )
    assert "jane@" not in said


SCRIPT = """
from airflow.providers.common.compat.version_compat import get_base_airflow_version_tuple

# What Airflow does where a task's process begins, from 3.2 on.
if get_base_airflow_version_tuple() >= (3, 3):
    from airflow.sdk.configuration import conf
    from airflow.sdk.observability import stats
    from airflow.sdk.observability.metrics import stats_utils

    stats.initialize(
        factory=stats_utils.get_stats_factory(),
        export_legacy_names=conf.getboolean("metrics", "legacy_names_on"),
    )
elif get_base_airflow_version_tuple() >= (3, 2):
    from airflow.sdk._shared.observability.metrics.stats import Stats
    from airflow.sdk.observability.metrics import stats_utils

    Stats.initialize(factory=stats_utils.get_stats_factory(Stats))

from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

hook = MailerSendHook("marketing")
assert len(hook.list_suppressions("unsubscribes")) == 700
hook.update_sms_recipients("opt_out", numbers=["+15559999999"], on_missing="skip")
print("sent:", hook.requests_sent)
"""


@pytest.mark.slow
@pytest.mark.parametrize("tagged", [False, True], ids=["plain", "tagged"])
def test_airflows_metrics_are_told(connect: Connect, tmp_path: Path, tagged: bool) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd,
        Sandbox(unsubscribes=700, dialect="documented", rate_limit=4, rate_window=1.5, quota=500) as sandbox,
    ):
        statsd.bind(("127.0.0.1", 0))
        statsd.settimeout(1.0)
        # Once others have used up the minute, which the task learns by a 429.
        sandbox.fail(Fault(path="/suppressions/*", status=429, headers={"retry-after": "1"}, times=2, skip=1))
        connection = {
            "conn_type": "mailersend",
            "password": "mlsn.sandbox",
            "host": sandbox.url,
            "extra": {"rate_limit_window": 1.5},
        }
        environment = {
            **os.environ,
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW_CONN_MARKETING": json.dumps(connection),
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(statsd.getsockname()[1]),
            "AIRFLOW__METRICS__STATSD_PREFIX": "airflow",
            "AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED": str(tagged),
        }
        task = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", SCRIPT],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert task.returncode == 0, task.stderr
        received = "\n".join(_datagrams(statsd)).splitlines()
        answered = [request.status for request in sandbox.log]
        seconds = sandbox.log[-1].at - sandbox.log[0].at
    name = r"airflow\.mailersend\.(\w+)" + (",conn_id=marketing" if tagged else "")
    values: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for line in received:
        if "mailersend" in line:
            metric = re.fullmatch(name + r":([\d.]+)\|(c|g)", line)
            assert metric, line
            values[metric[1]].append((float(metric[2]), metric[3]))
    assert values.keys() == {"requests", "throttled", "seconds_waited", "quota_remaining"}
    kinds = {metric: {kind for _, kind in told} for metric, told in values.items()}
    assert kinds == {"requests": {"c"}, "throttled": {"c"}, "seconds_waited": {"c"}, "quota_remaining": {"g"}}
    sums = {metric: sum(value for value, _ in told) for metric, told in values.items()}
    assert f"sent: {len(answered)}" in task.stdout
    assert sums["requests"] == len(answered)
    assert sums["throttled"] == answered.count(429) >= 2
    assert 2 <= sums["seconds_waited"] <= seconds
    gauged = [value for value, _ in values["quota_remaining"]]
    assert gauged == sorted(set(gauged), reverse=True)
    assert gauged[-1] == 500 - answered.count(200)


def _datagrams(receiver: socket.socket) -> Iterator[str]:
    while True:
        try:
            yield receiver.recv(65_535).decode()
        except TimeoutError:
            return
