"""
Runs the CRM example through a real Airflow against the sandbox, or starts Airflow's UI on it: ``demo.py [ui]``.

Everything it makes lies in one folder, ``.airflow``; what it starts ends with it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow_provider_mailersend.sandbox import QUOTA_HEADERS, RATE_HEADERS, Sandbox

DAGS = Path(__file__).parent
HOME = DAGS.parent / ".airflow"
LISTS = ("blocklist", "hard-bounces", "spam-complaints", "unsubscribes", "on-hold-list", "sms-recipients")

#: A minute of the sandbox's, in seconds: whoever meets the rate limit waits less.
SHORT_MINUTE = 3.0


def sandbox() -> Sandbox:
    """A sandbox of 5,000 entries that allows 60 requests a short minute."""
    return Sandbox(
        blocklist=2_000,
        hard_bounces=900,
        spam_complaints=300,
        unsubscribes=1_200,
        on_hold=100,
        sms_recipients=500,
        newest=datetime.now(UTC),
        rate_limit=60,
        rate_window=SHORT_MINUTE,
        headers=[*RATE_HEADERS, *QUOTA_HEADERS],
    )


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with sandbox() as mailersend:
        if sys.argv[1:] == ["ui"]:
            start_ui(mailersend)
        else:
            run_crm_dag(mailersend)


def start_ui(mailersend: Sandbox) -> None:
    """Start ``airflow standalone`` on the examples and the sandbox, until it is interrupted."""
    print(f"The sandbox answers at {mailersend.url}. Airflow comes up at http://localhost:8080.", flush=True)
    print("The user and password stand in its output below. Ctrl-C ends both.", flush=True)
    # In a session of its own, so that Ctrl-C comes here alone, and all of it can be ended together.
    process = subprocess.Popen(
        ["airflow", "standalone"], env=environment(mailersend, HOME / "ui"), start_new_session=True
    )
    try:
        process.wait()
    except KeyboardInterrupt:
        print("Ending Airflow …", flush=True)
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started: asked at first, then by force."""
    try:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=15)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run_crm_dag(mailersend: Sandbox) -> None:
    """Run the CRM DAG twice, and show what each run made of the lists."""
    home = HOME / "demo"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    crm = make_crm(home / "crm.sqlite", mailersend)
    airflow(mailersend, home, "db", "migrate", says="Setting up Airflow")
    begun = time.monotonic()
    counts = [count(mailersend)]
    requests = [0]
    for says in ("Running the DAG mailersend_crm_opt_outs", "Running it again: it must change nothing"):
        conf = json.dumps({"crm": str(crm)})
        dag = DAGS / "mailersend_crm_opt_outs.py"
        airflow(
            mailersend,
            home,
            *("dags", "test", "--dagfile-path", str(dag), "--conf", conf, "mailersend_crm_opt_outs"),
            says=says,
        )
        counts.append(count(mailersend))
        requests.append(len(mailersend.log))
    show(counts, requests, mailersend.state()["quota_remaining"], time.monotonic() - begun)
    if counts[1] == counts[0] or counts[2] != counts[1]:
        sys.exit("The first run should have changed the lists, and the second should not.")


def make_crm(path: Path, mailersend: Sandbox) -> Path:
    """Make the CRM: some of those who opted out are suppressed already, one was written in two ways."""
    listed = [entry["recipient"]["email"] for entry in mailersend.entries("unsubscribes")[:20]]
    addresses = [f"customer{number}@example.net" for number in range(40)]
    active = [one["number"] for one in mailersend.entries("sms-recipients") if one["status"] == "active"]
    with closing(sqlite3.connect(path)) as crm, crm:
        crm.execute("CREATE TABLE opt_outs (email TEXT, phone TEXT)")
        people = [*listed, *addresses, " Customer1@Example.net "]
        crm.executemany("INSERT INTO opt_outs (email) VALUES (?)", [(person,) for person in people])
        crm.executemany("INSERT INTO opt_outs (phone) VALUES (?)", [(number,) for number in active[:15]])
    return path


def count(mailersend: Sandbox) -> dict[str, int]:
    """Return how many stand on each list; of the SMS recipients, how many opted out."""
    entries = {name: mailersend.entries(name) for name in LISTS}
    opted_out = [one for one in entries.pop("sms-recipients") if one["status"] == "opt_out"]
    return {**{name: len(listed) for name, listed in entries.items()}, "SMS opt-outs": len(opted_out)}


def show(counts: list[dict[str, int]], requests: list[int], quota: int, seconds: float) -> None:
    print(f"\n{'':18}{'before':>9}{'after':>9}{'second run':>12}")
    for name, before in counts[0].items():
        print(f"{name:18}{before:>9,}{counts[1][name]:>9,}{counts[2][name]:>12,}")
    print(f"{'requests used':18}{'':>9}{requests[1]:>9,}{requests[2] - requests[1]:>12,}")
    print(
        f"\n{quota:,} of the day's requests are left. Both runs took {seconds:.0f} s, at 60 requests in",
        end=" ",
    )
    print(f"{SHORT_MINUTE:g} s.")


def airflow(mailersend: Sandbox, home: Path, *arguments: str, says: str) -> None:
    """Run an Airflow command; its output goes to a file, and is shown when it fails."""
    print(f"{says} …", flush=True)
    log = home / "airflow.log"
    with log.open("a") as output:
        done = subprocess.run(
            ["airflow", *arguments],
            env=environment(mailersend, home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        print("\n".join(log.read_text().splitlines()[-40:]), file=sys.stderr)
        sys.exit(f"airflow {arguments[0]} {arguments[1]} failed. Its whole output is in {log}.")


def environment(mailersend: Sandbox, home: Path) -> dict[str, str]:
    """Return the environment of an Airflow of its own: its folder, the examples, and the connection."""
    connection: dict[str, Any] = {
        "conn_type": "mailersend",
        "password": mailersend.token,
        "host": mailersend.url,
        "extra": {"domain_id": mailersend.domain_id("example.com")},
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW_CONN_MAILERSEND_DEFAULT": json.dumps(connection),
    }


if __name__ == "__main__":
    main()
