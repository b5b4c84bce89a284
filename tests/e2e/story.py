"""The story that the end-to-end test plays, and its checks."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from typing import Any

import requests

from airflow_provider_mailersend.sandbox import Sandbox
from tests.e2e.processes import Airflow

#: How often the triggerer is killed.
KILLS = 3

#: For each kill: how many entries are added while the triggerer runs, while it is down, and while the next one starts.
RUNNING, DOWN, STARTING = 1_200, 1_000, 1_200

#: How many are added at a time, and the seconds between.
CHUNK, PAUSE = 200, 0.5

#: Events of the two seconds before a kill may be repeated, so nothing is added for so many seconds before it.
QUIET = 4.0

#: The daily quota of the account whose quota is used up, and the seconds after which it resets.
QUOTA, DAY = 20, 75.0

#: The longest wait for anything, in seconds; the machine may be busy.
LONGEST = 120.0

#: The DAG run of the waiting tasks, and their ids.
RUN = "dags/waits/dagRuns/e2e"
WAITS = {"absent", "new", "present", "quota", "sms", "sync"}


def run() -> None:
    """Play the story; RuntimeError if a check fails."""
    with (
        Sandbox(rate_limit=None, quota=None, blocklist=300, unsubscribes=300, sms_recipients=4) as mailersend,
        Sandbox(rate_limit=None, quota=QUOTA, quota_window=DAY) as used_up,
        Airflow({"mailersend_default": mailersend, "mailersend_used_up": used_up}) as airflow,
    ):
        Story(mailersend, used_up, airflow).tell()


class Story:
    """
    The steps, in order.

    :param mailersend: the account that is watched, and that sensors wait for.
    :param used_up: an account whose daily quota is used up.
    :param airflow: Airflow, not started yet.
    """

    def __init__(self, mailersend: Sandbox, used_up: Sandbox, airflow: Airflow) -> None:
        self.mailersend = mailersend
        self.used_up = used_up
        self.airflow = airflow
        self.unsubscribed = mailersend.add("unsubscribes", "joe@example.net")[0]["id"]
        self.sms_recipient = mailersend.add("sms-recipients", "+15005550199")[0]["id"]
        self.deferred: set[str] = set()
        #: When each task's condition was made true, by task id.
        self.made_true: dict[str, float] = {}
        #: The bounced entries by id: when they were added, and whether the triggerer ran.
        self.bounced: dict[str, tuple[float, bool]] = {}
        self.newest = datetime.min.replace(tzinfo=UTC)
        self.begun = time.monotonic()

    def tell(self) -> None:
        self.start()
        self.defer_all()
        for kill in range(1, KILLS + 1):
            self.bounce(RUNNING, triggerer_runs=True)
            self.wait_for(f"{len(self.bounced):,} entries told", self.all_told)
            self.wait_for("the watermark kept", self.is_kept)
            time.sleep(QUIET)
            self.airflow.kill_triggerer()
            self.say(f"triggerer killed ({kill})")
            self.bounce(DOWN)
            self.airflow.start_triggerer()
            self.bounce(STARTING)
            self.wait_for(f"{len(self.bounced):,} entries told, by the next triggerer", self.all_told)
            if kill == 1:
                self.make_true()
        self.wait_for("all tasks succeeded", self.all_succeeded)
        self.check_found()
        self.pause()
        self.check_told()
        self.kill_in_the_midst()

    def start(self) -> None:
        self.airflow.make_database()
        self.say("database made")
        self.airflow.start()
        self.airflow.start_triggerer()
        self.wait_for("the API answers", self.airflow.log_in)
        self.wait_for("the DAGs are there", self.has_dags)

    def has_dags(self) -> bool:
        if errors := self.airflow.ask("importErrors")["import_errors"]:
            raise RuntimeError(errors[0]["stack_trace"])
        return bool(self.airflow.ask("dags")["total_entries"] == 3)

    def defer_all(self) -> None:
        """Wait until all tasks are deferred and the watcher has looked once."""
        headers = {"Authorization": f"Bearer {self.used_up.token}"}
        for _ in range(QUOTA):
            requests.get(f"{self.used_up.url}/domains", headers=headers, timeout=30)
        self.made_true |= dict.fromkeys(("quota", "sync"), time.time() + DAY)
        self.airflow.ask("dags/waits", "PATCH", is_paused=False)
        conf = {"since": datetime.now(UTC).isoformat(), "sms_recipient_id": self.sms_recipient}
        self.airflow.ask("dags/waits/dagRuns", "POST", dag_run_id="e2e", logical_date=None, conf=conf)
        self.wait_for("all tasks deferred", self.all_deferred)
        self.wait_for("the watcher had its first look", self.is_kept)

    def bounce(self, count: int, triggerer_runs: bool = False) -> None:
        """Add *count* hard bounces, a chunk at a time."""
        for _ in range(0, count, CHUNK):
            first = len(self.bounced)
            addresses = [f"bounce{number}@example.net" for number in range(first, first + CHUNK)]
            entries = self.mailersend.add("hard-bounces", *addresses)
            self.bounced |= {entry["id"]: (time.time(), triggerer_runs) for entry in entries}
            self.newest = _moment(entries[-1]["created_at"])
            time.sleep(PAUSE)

    def pause(self) -> None:
        """Add hard bounces while the watching DAGs are paused."""
        self.pause_all(True)
        self.wait_for("nobody watches, the DAGs being paused", self.has_stopped_looking)
        self.bounce(DOWN)
        self.pause_all(False)
        self.wait_for(f"{len(self.bounced):,} entries told, the DAGs being unpaused", self.all_told)
        self.wait_for("the watermark kept", self.is_kept)

    def pause_all(self, is_paused: bool) -> None:
        for dag in ("watch", "watch_too"):
            self.airflow.ask(f"dags/{dag}", "PATCH", is_paused=is_paused)
        # Parsing the file starts and stops its watchers.
        token = self.airflow.ask("dags/watch")["file_token"]
        self.airflow.ask(f"parseDagFile/{token}", "PUT")

    def has_stopped_looking(self) -> bool:
        before = self.looks()
        time.sleep(3)
        return self.looks() == before

    def kill_in_the_midst(self) -> None:
        """Kill the triggerer while it emits events: it may repeat the last ones, but loses none."""
        for _ in range(KILLS):
            self.bounce(RUNNING, triggerer_runs=True)
            self.airflow.kill_triggerer()
            self.airflow.start_triggerer()
        self.wait_for(f"{len(self.bounced):,} entries told, killed in the midst", self.all_told)
        again = sum(count > 1 for count in Counter(self.told()).values())
        self.say(f"{again:,} of them told again")

    def make_true(self) -> None:
        """Make the sensors' conditions true, except for the quota."""
        self.made_true["present"] = time.time()
        self.mailersend.add("blocklist", "jane@example.net", domain="example.com")
        self.made_true["absent"] = time.time()
        self.mailersend.remove("unsubscribes", [self.unsubscribed])
        self.made_true["sms"] = time.time()
        self.mailersend.set_sms_status(self.sms_recipient, "opt_out")
        for numbers in (range(149), range(149, 150)):
            time.sleep(2)
            self.made_true["new"] = time.time()
            self.mailersend.add("spam-complaints", *(f"complaint{number}@example.net" for number in numbers))
        self.say("what the sensors wait for made true")

    def all_deferred(self) -> bool:
        self.deferred |= {task["task_id"] for task in self.tasks() if task["state"] == "deferred"}
        return self.deferred == WAITS

    def all_succeeded(self) -> bool:
        return all(task["state"] == "success" for task in self.tasks())

    def tasks(self) -> list[dict[str, Any]]:
        tasks: list[dict[str, Any]] = self.airflow.ask(f"{RUN}/taskInstances")["task_instances"]
        if failed := [task["task_id"] for task in tasks if task["state"] in ("failed", "up_for_retry")]:
            raise RuntimeError(f"failed: {', '.join(failed)}")
        return tasks

    def told(self) -> list[str]:
        """Return the ids in all events that the DAG got, repeated ones too."""
        runs = self.airflow.told().values()
        return [id_ for run in runs for event in run["events"] for id_ in event["ids"]]

    def all_told(self) -> bool:
        return self.bounced.keys() <= set(self.told())

    def is_kept(self) -> bool:
        """Return whether the saved watermark of each asset covers all entries."""
        stores = [self.airflow.ask(f"assets/{id_}/state-store")["asset_state_store"] for id_ in self.assets()]
        return all(store and _moment(store[0]["value"]["moment"]) >= self.newest for store in stores)

    def assets(self) -> list[int]:
        return [asset["id"] for asset in self.airflow.ask("assets")["assets"]]

    def check_found(self) -> None:
        """Check what the tasks returned, and print how long after their condition was true."""
        found = {task: self.returned(task) for task in WAITS}
        _check("the entry that came", found["present"]["pattern"], "jane@example.net")
        _check("the entry that went", found["absent"], None)
        _check("new entries", (found["new"]["count"], len(set(found["new"]["ids"]))), (150, 150))
        _check(
            "the SMS recipient", (found["sms"]["id"], found["sms"]["status"]), (self.sms_recipient, "opt_out")
        )
        _check("whether requests are left", found["quota"]["remaining"] > 0, True)
        _check("additions", found["sync"]["added"], 2)
        listed = {entry["pattern"] for entry in self.used_up.entries("blocklist")}
        _check("the list kept equal", listed, {"jane@example.net", "joe@example.net"})
        for task in self.tasks():
            seconds = _moment(task["end_date"]).timestamp() - self.made_true[task["task_id"]]
            self.say(f"{task['task_id']}: succeeded {seconds:.1f} s after it was true")

    def returned(self, task: str) -> Any:
        """Return a task's XCom; Airflow stores none for None."""
        path = f"{RUN}/taskInstances/{task}/xcomEntries"
        keys = [entry["key"] for entry in self.airflow.ask(path)["xcom_entries"]]
        return self.airflow.ask(f"{path}/return_value")["value"] if "return_value" in keys else None

    def check_told(self) -> None:
        """Check that each entry was reported once, and print how long after it was added."""
        times = Counter(self.told())
        _check("entries not told", len(self.bounced.keys() - times.keys()), 0)
        _check("entries told more than once", sum(count > 1 for count in times.values()), 0)
        _check("ids of no entry", len(times.keys() - self.bounced.keys()), 0)
        runs = self.airflow.told().values()
        events = sum(len(run["events"]) for run in runs)
        for id_ in self.assets():
            of_asset = self.airflow.ask(f"assets/events?asset_id={id_}")["total_entries"]
            _check("events of each asset", of_asset, events)
        self.say(f"{len(times):,} entries told once each, in {events} events to {len(runs)} runs of the DAG")
        for what, triggerer_runs in (("while a triggerer ran", True), ("over its end", False)):
            seconds = [
                run["at"] - self.bounced[id_][0]
                for run in runs
                for event in run["events"]
                for id_ in event["ids"]
                if self.bounced[id_][1] is triggerer_runs
            ]
            self.say(f"{what}: told {median(seconds):.1f} s after they came, at most {max(seconds):.1f} s")
        self.say(f"{self.looks():,} requests for their list")

    def looks(self) -> int:
        return len(self.mailersend.requests("GET", "/suppressions/hard-bounces"))

    def wait_for(self, what: str, is_true: Callable[[], bool]) -> None:
        """Wait until it is true, and print when."""
        until = time.monotonic() + LONGEST
        while not is_true():
            self.airflow.check()
            if time.monotonic() > until:
                raise RuntimeError(f"not true after {LONGEST:.0f} s: {what}")
            time.sleep(0.4)
        self.say(what)

    def say(self, what: str) -> None:
        sys.stdout.write(f"{time.monotonic() - self.begun:6.1f} s  {what}\n")
        sys.stdout.flush()


def _check(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise RuntimeError(f"{what}: got {found!r}, expected {wanted!r}")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
