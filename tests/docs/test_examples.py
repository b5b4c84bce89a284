"""The DAGs that the documentation includes, run by Airflow against the sandbox."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import ParamValidationError
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS

from airflow_provider_mailersend.sandbox import Fault, Sandbox

Connect = Callable[..., str]

DOCS = Path(__file__).parent.parent.parent / "docs"
EXAMPLES = DOCS / "examples"

DOMAIN = "example.com"

pytestmark = pytest.mark.usefixtures("airflow_db")


def run(name: str, **conf: Any) -> Any:
    """Run the DAG of an example's file and return its DAG run."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    when = "logical_date" if AIRFLOW_V_3_0_PLUS else "execution_date"
    return getattr(module, name)().test(**{when: datetime.now(UTC), "run_conf": conf or None})


def result_of(dag_run: Any, task_id: str) -> Any:
    """Return what a task of a successful DAG run returned."""
    assert dag_run.state == "success"
    return dag_run.get_task_instance(task_id).xcom_pull(task_ids=task_id)


def on(sandbox: Sandbox, name: str) -> list[str]:
    """Return the addresses and patterns on a list, sorted."""
    return sorted(entry.get("pattern") or entry["recipient"]["email"] for entry in sandbox.entries(name))


@pytest.fixture
def account(connect: Connect) -> Iterator[Sandbox]:
    """A sandbox, whose first domain is the connection's."""
    with Sandbox(rate_limit=None) as sandbox:
        connect(sandbox, extra={"domain_id": sandbox.domain_id(DOMAIN)})
        yield sandbox


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """The CRM, and the warehouse: one SQLite database."""
    if find_spec("airflow.providers.sqlite") is None:
        reason = "airflow.providers.sqlite isn't installed: pip install apache-airflow-providers-sqlite"
        if os.environ.get("TESTS_NEED_SERVICES"):
            pytest.fail(reason)
        pytest.skip(reason)
    path = tmp_path / "crm.sqlite"
    shown = re.search(r"AIRFLOW_CONN_WAREHOUSE='(.*)'", (DOCS / "guides" / "transfers.md").read_text())
    assert shown is not None
    for conn_id in ("CRM", "WAREHOUSE"):
        connection = shown[1].replace("/tmp/warehouse.db", str(path))
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id}", connection)
    with closing(sqlite3.connect(path, isolation_level=None)) as opened:
        opened.execute("CREATE TABLE contacts (email TEXT, phone TEXT, opted_out_at TEXT, no_sms INTEGER)")
        yield opened


def test_every_example_is_run_here_and_included_somewhere() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert {name for name in names if f'run("{name}"' not in Path(__file__).read_text()} == set()
    pages = "".join(page.read_text() for page in DOCS.glob("**/*.md"))
    assert {name for name in names if f"examples/{name}.py" not in pages} == set()


def test_every_marked_part_is_included_in_a_page() -> None:
    pages = "".join(page.read_text() for page in DOCS.glob("**/*.md"))
    left_out = []
    for path in EXAMPLES.glob("*.py"):
        for part in re.findall(r"# \[START (\w+)\]", path.read_text()):
            lines = rf"examples/{path.name}\n(?::.*\n)*:start-after: \[START {part}\]\n:end-before: \[END {part}\]"
            if not re.search(lines, pages):
                left_out.append((path.name, part))
    assert left_out == []


def test_the_readmes_first_dag_is_the_examples() -> None:
    marked = (EXAMPLES / "suppress_opt_outs.py").read_text()
    dag = marked.partition("# [START dag]\n")[2].partition("# [END dag]")[0]
    assert f"```python\n{dag}```" in (DOCS.parent / "README.md").read_text()


def test_the_first_dag(account: Sandbox) -> None:
    for _ in range(2):
        assert result_of(run("suppress_opt_outs"), "suppress")["wanted"] == 2
        assert on(account, "unsubscribes") == ["jane@example.com", "joe@example.com"]


def test_the_first_dag_costs_what_the_page_says(connect: Connect) -> None:
    shown = (DOCS / "start.md").read_text()
    with Sandbox(blocklist=1000, unsubscribes=5000, newest=datetime.now(UTC)) as sandbox:
        connect(sandbox, extra={"domain_id": sandbox.domain_id(DOMAIN)})
        first, second = (result_of(run("suppress_opt_outs"), "suppress") for _ in range(2))
        assert f"unsubscribes (domain {sandbox.domain_id(DOMAIN)}): added {first['added']}, " in shown
    assert f"{first['wanted']} wanted, {first['present']:,} present, {first['unchanged']} unchanged" in shown
    assert f"{first['requests']} requests, {1000 - first['requests']} of the daily quota left" in shown
    assert (second["added"], second["requests"]) == (0, 1)


def test_suppressions(account: Sandbox) -> None:
    account.add("hard-bounces", "joe@example.com", "ann@example.com")
    account.add("spam-complaints", "ann@example.com", domain="news.example.com")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    bounced = result_of(run("suppressions", day=today), "bounced")
    assert 1 <= len(bounced) <= 2  # one of them may be released already
    assert on(account, "hard-bounces") == ["ann@example.com"]
    assert on(account, "blocklist") == [r".*@spam\.example", "jane@example.com"]
    assert on(account, "spam-complaints") == ["ann@example.com"]
    result_of(run("suppressions", day="2020-01-01", empty_list=True), "empty")
    assert on(account, "spam-complaints") == []


def test_sync(account: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "blocked.csv"
    file.write_text("email,pattern\nnew@example.net,\n,.*@example.org\n")
    account.add("blocklist", "old@example.net")
    planned = result_of(run("sync", file=str(file), dry_run=True), "mirror")
    assert (planned["to_add"], planned["to_delete"], bool(planned["refusal"])) == (2, 1, True)
    assert run("sync", file=str(file)).state == "failed"
    assert on(account, "blocklist") == ["old@example.net"]
    result_of(run("sync", file=str(file), max_deletes=1), "mirror")
    assert on(account, "blocklist") == [".*@example.org", "new@example.net"]
    assert on(account, "unsubscribes") == ["jane@example.com", "joe@example.com"]


def test_recipients(account: Sandbox) -> None:
    recipient, _ = account.add("recipients", "jane@example.com", "joe@example.com")
    dag_run = run("recipients", recipient_id=recipient["id"])
    assert len(result_of(dag_run, "recipients")) == 2
    assert result_of(dag_run, "recipient")["email"] == "jane@example.com"
    assert result_of(dag_run, "forget")["deleted"] is True
    # As it was seen in one account.
    assert on(account, "blocklist") == ["jane@example.com"]


def test_sms_recipients(account: Sandbox) -> None:
    recipient, _ = account.add("sms-recipients", "+15551234567", "+15550000000")
    dag_run = run("sms_recipients", sms_recipient_id=recipient["id"])
    assert result_of(dag_run, "opted_out") == []
    assert result_of(dag_run, "sms_recipient")["number"] == "+15551234567"
    assert result_of(dag_run, "opt_out")["updated"] == [recipient["id"]]
    statuses = {one["number"]: one["status"] for one in account.entries("sms-recipients")}
    assert statuses == {"+15551234567": "opt_out", "+15550000000": "active"}


def test_sms_opt_outs_from_params(account: Sandbox) -> None:
    recipient, _ = account.add("sms-recipients", "+15551234567", "+15550000000")
    dag_run = run("sms_opt_outs_from_params", numbers=["+1 555 123-4567", "+15559999999"])
    result = result_of(dag_run, "opt_out")
    assert (result["updated"], len(result["missing"])) == ([recipient["id"]], 1)
    number = "+15551234567"
    wrong: list[dict[str, Any]] = [{}, {"number": [number]}, {"numbers": []}, {"numbers": number}]
    for conf in wrong:
        # Airflow 3.2 raises the latter.
        with pytest.raises((ParamValidationError, ValueError), match="param numbers"):
            run("sms_opt_outs_from_params", **conf)


def test_sensors(account: Sandbox) -> None:
    account.add("blocklist", "jane@example.com", domain=DOMAIN)
    account.add("hard-bounces", *[f"{number}@example.net" for number in range(50)])
    recipient, _ = account.add("sms-recipients", "+15551234567", "+15550000000")
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    dag_run = run("sensors", since=since, sms_recipient_id=recipient["id"])
    assert result_of(dag_run, "suppressed")["pattern"] == "jane@example.com"
    assert result_of(dag_run, "off_hold") is None
    assert result_of(dag_run, "bounces")["count"] == 50
    assert result_of(dag_run, "opted_in")["status"] == "active"
    assert result_of(dag_run, "enough_requests")["remaining"] >= 500


def test_transfers(account: Sandbox, database: sqlite3.Connection, tmp_path: Path) -> None:
    account.add("hard-bounces", "joe@example.com")
    database.execute("INSERT INTO contacts (email, opted_out_at) VALUES ('jane@example.com', '2026-01-01')")
    database.execute("INSERT INTO contacts (email, opted_out_at) VALUES ('nobody', '2026-01-01')")
    database.execute("INSERT INTO contacts (email) VALUES ('ann@example.com')")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    dag_run = run("transfers", folder=str(tmp_path), day=today)
    assert result_of(dag_run, "bounces_to_lake")["rows"] == 1
    lines = gzip.decompress((tmp_path / f"bounces-{today}.jsonl.gz").read_bytes()).splitlines()
    assert [json.loads(line)["email"] for line in lines] == ["joe@example.com"]
    assert database.execute("SELECT email FROM hard_bounces").fetchall() == [("joe@example.com",)]
    assert on(account, "unsubscribes") == ["jane@example.com"]
    assert database.execute("SELECT value FROM mailersend_rejected").fetchall() == [("nobody",)]


def test_the_hook(account: Sandbox) -> None:
    account.add("hard-bounces", "joe@example.com", "ann@example.com")
    account.add("blocklist", "jane@example.com", domain=DOMAIN)
    dag_run = run("hook")
    assert result_of(dag_run, "bounces_by_reason") == {"Unknown reason": 2}
    assert result_of(dag_run, "is_blocked") is True
    assert result_of(dag_run, "domain_exists") is True


def test_nightly_bounces(account: Sandbox, database: sqlite3.Connection) -> None:
    account.add("hard-bounces", "joe@example.com")
    account.add("hard-bounces", "ann@example.com", domain="news.example.com")
    account.add("spam-complaints", "jane@example.com")
    for _ in range(2):
        assert run("nightly_bounces").state == "success"
        rows = database.execute(
            "SELECT email, domain_name FROM mailersend_hard_bounces ORDER BY 1"
        ).fetchall()
        assert rows == [("ann@example.com", "news.example.com"), ("joe@example.com", DOMAIN)]
        assert database.execute("SELECT email FROM mailersend_spam_complaints").fetchall() == [
            ("jane@example.com",)
        ]


def test_crm_opt_outs_both_ways(account: Sandbox, database: sqlite3.Connection) -> None:
    account.add("unsubscribes", "by.link@example.com")
    database.executemany(
        "INSERT INTO contacts (email, opted_out_at) VALUES (?, ?)",
        [("By.Link@example.com", None), ("by.phone@example.com", "2026-01-01"), ("fan@example.com", None)],
    )
    for _ in range(2):
        assert run("crm_opt_outs_both_ways").state == "success"
        assert on(account, "unsubscribes") == ["by.link@example.com", "by.phone@example.com"]
        opted_out = "SELECT email FROM contacts WHERE opted_out_at IS NOT NULL ORDER BY 1"
        assert database.execute(opted_out).fetchall() == [("By.Link@example.com",), ("by.phone@example.com",)]
    assert len(account.requests("POST")) == 1


@pytest.mark.parametrize("keep_blocked", [True, False])
def test_erasure(account: Sandbox, tmp_path: Path, keep_blocked: bool) -> None:
    jane, joe = "jane@example.com", "joe@example.com"
    for domain in (DOMAIN, "news.example.com"):
        account.add("hard-bounces", jane, joe, domain=domain)
        account.add("unsubscribes", jane, joe, domain=domain)
    account.add("blocklist", jane, joe)
    (tmp_path / "request.txt").write_text(f" {jane.title()}\n")
    assert run("erasure", request=str(tmp_path / "request.txt"), keep_blocked=keep_blocked).state == "success"
    for name in ("hard-bounces", "unsubscribes"):
        assert on(account, name) == [joe, joe]
    assert {one["email"] for one in account.entries("recipients")} == {joe}
    # The account's own entry, and those that deleting the recipients of two domains makes.
    assert on(account, "blocklist") == ([jane, jane, jane, joe] if keep_blocked else [joe])


@pytest.mark.parametrize("keep_blocked", [True, False])
def test_an_erasure_that_finds_no_recipient_still_looks_at_the_lists(
    account: Sandbox, tmp_path: Path, keep_blocked: bool
) -> None:
    jane, joe = "jane@example.com", "joe@example.com"
    account.add("blocklist", jane, joe, domain="news.example.com")
    lists = ("hard-bounces", "spam-complaints", "unsubscribes", "on-hold-list")
    for name in lists:
        account.add(name, jane, joe, domain="news.example.com")
    nobody = {"data": [], "links": {"next": None}, "meta": {"current_page": 1, "from": None, "to": None}}
    account.fail(Fault(method="GET", path="/recipients", status=200, body=nobody))
    (tmp_path / "request.txt").write_text(jane)
    assert run("erasure", request=str(tmp_path / "request.txt"), keep_blocked=keep_blocked).state == "success"
    assert {name: on(account, name) for name in lists} == {name: [joe] for name in lists}
    # That of a domain doesn't block the account's other domains.
    assert on(account, "blocklist") == ([jane, jane, joe] if keep_blocked else [joe])


def test_sms_opt_outs(connect: Connect, database: sqlite3.Connection) -> None:
    database.executemany(
        "INSERT INTO contacts (phone, no_sms) VALUES (?, ?)",
        [("+15550000000", 0), ("+15550000001", 1), ("+15550000002", 0), ("+15554440000", 1)],
    )
    # They are from long ago: what changes is their status.
    with Sandbox(rate_limit=None, sms_recipients=3) as account:
        connect(account)
        assert run("sms_opt_outs").state == "success"
        by_text = next(one for one in account.entries("sms-recipients") if one["number"] == "+15550000000")
        account.set_sms_status(by_text["id"], "opt_out")
        assert run("sms_opt_outs").state == "success"
        statuses = {one["number"]: one["status"] for one in account.entries("sms-recipients")}
        assert statuses == {
            "+15550000000": "opt_out",
            "+15550000001": "opt_out",
            "+15550000002": "active",
        }
        no_sms = database.execute("SELECT phone FROM contacts WHERE no_sms = 1 ORDER BY 1").fetchall()
        assert no_sms == [("+15550000000",), ("+15550000001",), ("+15554440000",)]
        assert len(account.requests("PUT")) == 1


def test_a_mirror_in_two_runs(account: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "blocked.txt"
    addresses = [f"{number}@example.net" for number in range(20)]
    account.add("blocklist", *addresses)
    file.write_text("\n".join(addresses[1:]))
    planned = result_of(run("mirror_in_two_runs", file=str(file)), "plan")
    assert (planned["to_delete"], len(on(account, "blocklist"))) == (1, 20)
    changed = run("mirror_in_two_runs", file=str(file), approved_plan="another plan")
    assert (changed.state, len(on(account, "blocklist"))) == ("failed", 20)
    assert run("mirror_in_two_runs", file=str(file), approved_plan=planned["plan"]).state == "success"
    assert on(account, "blocklist") == sorted(addresses[1:])


def test_moving_in(account: Sandbox, tmp_path: Path) -> None:
    files = {
        "unsubscribes": ["a@example.net", "nobody"],
        "complaints": ["b@example.net"],
        "bounces": ["c@x.io"],
    }
    for name, addresses in files.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(["email,reason", *(f"{one},x" for one in addresses)]))
    target = {"folder": str(tmp_path), "domain": "shop.example.org"}
    assert result_of(run("moving_in", **target), "unsubscribes")["to_add"] == 1
    assert account.requests("POST") == []
    for _ in range(2):
        assert run("moving_in", **target, dry_run=False).state == "success"
        assert on(account, "unsubscribes") == ["a@example.net"]
        assert on(account, "spam-complaints") == ["b@example.net"]
        assert on(account, "blocklist") == ["c@x.io"]
    assert {entry["recipient"]["domain"]["name"] for entry in account.entries("unsubscribes")} == {
        "shop.example.org"
    }
