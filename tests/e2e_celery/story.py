"""What happens, and the numbers that have to come true."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow_provider_mailersend.sandbox import LoggedRequest, Sandbox
from tests.e2e_celery.processes import CeleryAirflow
from tests.services.servers import Postgres, Redis
from tests.unsteady import UnsteadySandbox

#: The account's rate limit: requests in its "minute", which may be shorter here than MailerSend's.
RATE_LIMIT = 60

#: How many tasks sync the long list, how many addresses each, and how many the list holds before.
PARTS, PART_SIZE, LISTED = 8, 500, 2_000

#: The most addresses the sandbox takes in a request: few, so that the parts take a minute or two of requests.
MAX_BATCH = 8

#: How many requests of the parts there are before a worker and a triggerer are killed.
REQUESTS_BEFORE_KILL = 160

#: What must come true: how much of the rate limit is used, and how many requests are refused at the most.
LEAST_USED, MOST_REFUSED = 0.9, 0.1

#: How long anything may take, in seconds, and in the account's "minutes" besides. The machine may be busy.
LONGEST, MINUTES = 300.0, 20

ADDRESS = "jane@example.net"

Task = dict[str, Any]


@dataclass
class Numbers:
    """A table of what was measured and what it had to be."""

    rows: list[tuple[str, str, str, bool]] = field(default_factory=list)

    def add(self, what: str, measured: object, wanted: str, is_met: bool) -> None:
        self.rows.append((what, str(measured), wanted, is_met))

    def note(self, what: str, measured: object) -> None:
        """Add what nothing is wanted of."""
        self.add(what, measured, "", True)

    @property
    def failed(self) -> list[str]:
        return [what for what, _, _, is_met in self.rows if not is_met]

    def __str__(self) -> str:
        lines = [f"{'':46}{'measured':>12}  {'wanted':22}"]
        for what, measured, wanted, is_met in self.rows:
            verdict = "" if not wanted else "ok" if is_met else "FAILED"
            lines.append(f"{what:46}{measured:>12}  {wanted:22}{verdict}")
        return "\n".join(lines)


def run(*, slots: int, kills: bool, minute: float) -> Numbers:
    """
    Tell the story, and return its numbers.

    :param slots: how many tasks the pool and the two workers together run at a time.
    :param kills: whether a worker and a triggerer are killed.
    :param minute: how many seconds the account's "minute" lasts. Airflow takes some 10 s to start a task in the place
        of a killed one: the shorter the minute, the more of it that is.
    :raises RuntimeError: something did not come about in time.
    """
    with (
        _folder() as folder,
        Postgres(folder / "postgres") as postgres,
        Redis(folder / "redis") as redis,
        UnsteadySandbox(
            rate_limit=RATE_LIMIT,
            rate_window=minute,
            quota=None,
            headers=[],
            max_batch=MAX_BATCH,
            blocklist=LISTED,
            hard_bounces=300,
            unsubscribes=100,
            sms_recipients=40,
            newest=datetime.now(UTC),
        ) as sandbox,
    ):
        postgres.sql("CREATE DATABASE warehouse")
        with CeleryAirflow(
            {"mailersend_default": sandbox}, postgres, redis, slots=max(1, slots // 2)
        ) as airflow:
            story = Story(sandbox, airflow, folder, postgres, slots=slots, kills=kills, minute=minute)
            story.tell()
        numbers = story.numbers
    left = len(airflow.left_behind()) + folder.exists() + airflow.home.exists()
    numbers.add("processes and folders left behind", left, "0", left == 0)
    return numbers


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="airflow-provider-mailersend-services-"))
    # Where the tests run as root, PostgreSQL runs as a user that must pass through it.
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Window:
    """One of the rate limit's windows: it begins with the first request after the one before it."""

    begins: float
    accepted: int = 0
    refused: int = 0


def _windows(log: list[LoggedRequest], minute: float) -> list[Window]:
    windows: list[Window] = []
    for request in log:
        if not windows or request.at >= windows[-1].begins + minute:
            windows.append(Window(request.at))
        if request.status == 429:
            windows[-1].refused += 1
        else:
            windows[-1].accepted += 1
    return windows


class Story:
    """
    What happens, in its order.

    :param sandbox: the account.
    :param airflow: Airflow, not yet started.
    :param folder: for the files that the DAGs read.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        airflow: CeleryAirflow,
        folder: Path,
        postgres: Postgres,
        *,
        slots: int,
        kills: bool,
        minute: float,
    ) -> None:
        self.numbers = Numbers()
        self._sandbox = sandbox
        self._airflow = airflow
        self._folder = folder
        self._postgres = postgres
        self._slots = slots
        self._kills = kills
        self._minute = minute
        self._begun = time.monotonic()
        self._triggered_at = 0.0

    def tell(self) -> None:
        self._start()
        self._defer_gate()
        self._airflow.start_triggerer_named("triggerer-2")
        self._sync_crm()
        self._sync_long_list()
        self._transfer()
        self.numbers.note("seconds in all", f"{time.monotonic() - self._begun:.0f}")

    def _start(self) -> None:
        self._airflow.make_database()
        self._say("database made")
        self._airflow.start()
        for worker in ("worker-1", "worker-2"):
            self._airflow.start_worker(worker)
        # The other one starts when the gate is deferred: so it is known which of them holds it.
        self._airflow.start_triggerer_named("triggerer-1")
        self._wait_for("the API answers", self._airflow.log_in)
        self._airflow.ask("pools", "POST", name="mailersend", slots=self._slots)
        self._wait_for("the DAGs are there", self._has_dags)

    def _has_dags(self) -> bool:
        if errors := self._airflow.ask("importErrors")["import_errors"]:
            raise RuntimeError(errors[0]["stack_trace"])
        dags = {dag["dag_id"] for dag in self._airflow.ask("dags")["dags"]}
        return dags >= {"gate", "transfer", "mailersend_crm_opt_outs", "mailersend_mapped_sync"}

    def _defer_gate(self) -> None:
        self._trigger("gate", address=ADDRESS)
        self._wait_for("the gate is deferred", lambda: self._states("gate") == {"deferred"})
        self._wait_for("the triggerer looks", lambda: bool(self._sandbox.requests("GET", "*/hard-bounces")))

    def _sync_crm(self) -> None:
        """Run the CRM example: it suppresses those who opted out, by email and SMS."""
        addresses = {f"customer{number}@example.net" for number in range(30)}
        number = next(
            one["number"] for one in self._sandbox.entries("sms-recipients") if one["status"] == "active"
        )
        path = self._folder / "crm.sqlite"
        with closing(sqlite3.connect(path)) as crm, crm:
            crm.execute("CREATE TABLE opt_outs (email TEXT, phone TEXT)")
            crm.executemany("INSERT INTO opt_outs (email) VALUES (?)", [(each,) for each in addresses])
            crm.execute("INSERT INTO opt_outs (phone) VALUES (?)", (number,))
        self._run("mailersend_crm_opt_outs", crm=str(path))
        blocked = {entry["pattern"] for entry in self._sandbox.entries("blocklist")}
        unsubscribed = {entry["recipient"]["email"] for entry in self._sandbox.entries("unsubscribes")}
        statuses = {one["number"]: one["status"] for one in self._sandbox.entries("sms-recipients")}
        missing = len(addresses - blocked) + len(addresses - unsubscribed) + (statuses[number] != "opt_out")
        self.numbers.add("CRM: opt-outs missing", missing, "0", missing == 0)

    def _sync_long_list(self) -> None:
        """Run the example of mapped tasks, and in its midst kill a worker and the triggerer of the gate."""
        before = Counter(entry["id"] for entry in self._sandbox.entries("blocklist"))
        wanted = [f"Opted.Out{number}@example.org" for number in range(PARTS * PART_SIZE)]
        file = self._folder / "opted_out.txt"
        file.write_text("".join(f"{address}\n" for address in wanted))
        self._triggered_at = time.time()
        self._trigger("mailersend_mapped_sync", file=str(file), part_size=PART_SIZE)
        self._wait_for(
            f"{REQUESTS_BEFORE_KILL} requests of the mapped tasks",
            lambda: (
                len(self._requests()) >= REQUESTS_BEFORE_KILL and self._running() >= min(self._slots, PARTS)
            ),
        )
        if self._kills:
            self._kill()
        self._sandbox.add("hard-bounces", ADDRESS)
        added_at = time.time()
        if self._kills:
            # As whatever keeps workers running would do.
            self._airflow.start_worker("worker-3")
        self._wait_for("the gate is open", lambda: self._states("gate") == {"success"})
        self.numbers.note("gate: seconds until it opened", f"{time.time() - added_at:.1f}")
        self._wait_for(
            "the mapped tasks succeeded", lambda: self._states("mailersend_mapped_sync") == {"success"}
        )
        tries = [
            self._tries(task) for task in self._tasks("mailersend_mapped_sync") if task["task_id"] == "sync"
        ]
        self._measure_rate(tries)
        self._measure_tries(tries)
        entries = self._sandbox.entries("blocklist")
        times = Counter(entry["pattern"].lower() for entry in entries)
        lost = sum(not times[address.lower()] for address in wanted)
        twice = sum(times[address.lower()] > 1 for address in wanted)
        gone = len(before.keys() - {entry["id"] for entry in entries})
        self.numbers.add("addresses lost", lost, "0", lost == 0)
        self.numbers.add("addresses there twice", twice, "0", twice == 0)
        self.numbers.add("entries of others gone", gone, "0", gone == 0)

    def _kill(self) -> None:
        running = [
            task["map_index"] for task in self._tasks("mailersend_mapped_sync") if task["state"] == "running"
        ]
        self._airflow.kill("worker-1")
        self._airflow.kill("triggerer-1")
        self._say(f"worker and triggerer killed; {len(running)} mapped tasks ran")

    def _running(self) -> int:
        return sum(task["state"] == "running" for task in self._tasks("mailersend_mapped_sync"))

    def _requests(self) -> list[LoggedRequest]:
        """Return those for the list that the mapped tasks sync."""
        requests = self._sandbox.requests(path="/suppressions/blocklist")
        return [request for request in requests if request.at >= self._triggered_at]

    def _measure_rate(self, tries: list[list[Task]]) -> None:
        """
        Measure how much of the rate limit was used while the tasks were busy: in the whole windows from the first
        that a request of theirs opens to the last that begins while two of them run. The gate's looks count too.
        """
        first = self._requests()[0].at
        last = sorted(_moment(task[-1]["end_date"]) for task in tries)[-2]
        # From the whole log: an earlier request may have opened the window that the tasks begin in.
        log = self._sandbox.log
        windows = [each for each in _windows(log, self._minute) if each.begins > first - self._minute]
        self._say("requests accepted and refused in each window:")
        self._say("  ".join(f"{window.accepted}+{window.refused}" for window in windows))
        busy = [window for window in windows if first <= window.begins <= last]
        seconds = busy[-1].begins - busy[0].begins
        used = sum(window.accepted for window in busy[:-1]) / (RATE_LIMIT * seconds / self._minute)
        refused = sum(window.refused for window in windows)
        total = refused + sum(window.accepted for window in windows)
        part = refused / total
        self.numbers.note("mapped tasks: requests", total)
        self.numbers.note("mapped tasks: seconds measured", f"{seconds:.0f}")
        self.numbers.add("rate limit used", f"{used:.1%}", f"at least {LEAST_USED:.0%}", used >= LEAST_USED)
        self.numbers.add(
            "requests answered 429", f"{part:.1%}", f"at most {MOST_REFUSED:.0%}", part <= MOST_REFUSED
        )

    def _measure_tries(self, tries: list[list[Task]]) -> None:
        """Count the tries that ended early: those of a killed worker may, and no others."""
        again = sum(len(each) - 1 for each in tries)
        failed = sum(each[-1]["state"] != "success" for each in tries)
        least, most = (1, self._slots // 2) if self._kills else (0, 0)
        self.numbers.add("mapped tasks", len(tries), str(PARTS), len(tries) == PARTS)
        self.numbers.add("mapped tasks failed", failed, "0", failed == 0)
        self.numbers.add("tries that were killed", again, f"{least} to {most}", least <= again <= most)

    def _tries(self, task: Task) -> list[Task]:
        path = (
            f"{_run_path('mailersend_mapped_sync')}/taskInstances/{task['task_id']}/{task['map_index']}/tries"
        )
        tries: list[Task] = self._airflow.ask(path)["task_instances"]
        return sorted(tries, key=lambda each: each["try_number"])

    def _transfer(self) -> None:
        """Run the DAG of the transfer, and compare the table with the list."""
        self._run("transfer")
        rows = Counter(self._postgres.sql("SELECT id FROM blocklist", "warehouse"))
        listed = Counter(entry["id"] for entry in self._sandbox.entries("blocklist"))
        self.numbers.note("transfer: rows", rows.total())
        wrong = len((rows - listed) | (listed - rows))
        self.numbers.add("transfer: rows missing or too many", wrong, "0", wrong == 0)

    def _run(self, dag: str, **conf: Any) -> None:
        self._trigger(dag, **conf)
        self._wait_for(f"{dag} succeeded", lambda: self._states(dag) == {"success"})

    def _trigger(self, dag: str, **conf: Any) -> None:
        self._airflow.ask(f"dags/{dag}", "PATCH", is_paused=False)
        self._airflow.ask(f"dags/{dag}/dagRuns", "POST", dag_run_id="e2e", logical_date=None, conf=conf)

    def _states(self, dag: str) -> set[str | None]:
        """Return the states of the DAG's tasks; RuntimeError where one failed for good."""
        tasks = self._tasks(dag)
        if failed := [task["task_id"] for task in tasks if task["state"] in ("failed", "upstream_failed")]:
            raise RuntimeError(f"{dag}: failed: {', '.join(failed)}")
        return {task["state"] for task in tasks}

    def _tasks(self, dag: str) -> list[Task]:
        tasks: list[Task] = self._airflow.ask(f"{_run_path(dag)}/taskInstances")["task_instances"]
        return tasks

    def _wait_for(self, what: str, is_true: Callable[[], bool]) -> None:
        longest = LONGEST + MINUTES * self._minute
        until = time.monotonic() + longest
        while not is_true():
            self._airflow.check()
            if time.monotonic() > until:
                raise RuntimeError(f"not true in {longest:.0f} s: {what}")
            time.sleep(0.5)
        self._say(what)

    def _say(self, what: str) -> None:
        sys.stdout.write(f"{time.monotonic() - self._begun:6.1f} s  {what}\n")
        sys.stdout.flush()


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _run_path(dag: str) -> str:
    return f"dags/{dag}/dagRuns/e2e"
