"""
Runs the CRM example through a real Airflow against the sandbox, or starts Airflow's UI on it: ``demo.py [ui [PORT]]``.

Everything it makes lies in one folder, ``.airflow``; what it starts ends with it.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from itertools import count as count_from
from pathlib import Path

from airflow_provider_mailersend.sandbox import QUOTA_HEADERS, RATE_HEADERS, Sandbox

DAGS = Path(__file__).parent
HOME = DAGS.parent / ".airflow"
LISTS = ("blocklist", "hard-bounces", "spam-complaints", "unsubscribes", "on-hold-list", "sms-recipients")

#: A minute of the sandbox's, in seconds: whoever meets the rate limit waits less.
SHORT_MINUTE = 3.0

#: While a command of Airflow runs, there is a dot every so many seconds, and a new line after so many dots.
DOT_EVERY, DOTS_IN_A_LINE = 5.0, 30

#: Where Airflow's UI is, unless another port is named.
PORT = 8080

#: How long Airflow may take to answer, in seconds, until nobody waits to say where it is.
LONGEST_START = 300.0


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
    match sys.argv[1:]:
        case []:
            with sandbox() as mailersend:
                run_crm_dag(mailersend)
        case ["ui", *port] if len(port) < 2:
            port_of_ui = checked_port(port[0] if port else str(PORT))
            with sandbox() as mailersend:
                start_ui(mailersend, port_of_ui)
        case _:
            sys.exit("Usage: demo.py [ui [PORT]]")


def checked_port(text: str) -> int:
    """Return the port that *text* names. Without it Airflow would run on, and its tasks could not start."""
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        sys.exit(f"The port must be a number from 1 to 65535, not {text!r}: make ui PORT=8081")
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", int(text)))
    except OSError as error:
        sys.exit(
            f"Airflow cannot listen on port {text}: {error.strerror}. Name another one: make ui PORT=8081"
        )
    return int(text)


def start_ui(mailersend: Sandbox, port: int) -> None:
    """Start ``airflow standalone`` on the examples and the sandbox, until it is interrupted."""
    home = HOME / "ui"
    home.mkdir(parents=True, exist_ok=True)
    make_crm(home / "crm.sqlite", mailersend)
    make_blocked(home / "blocked.csv", mailersend)
    make_opted_out(home / "opted_out.txt", mailersend)
    # What the campaign waits for. Of a domain, so that the DAGs that mirror the account's blocklist leave it alone.
    mailersend.add("blocklist", "opt.out@example.com", domain=mailersend.domains[0])
    log = home / "airflow.log"
    print(
        f"The sandbox is at {mailersend.url}.\nAirflow's output goes to\n  {log}\n"
        "Starting Airflow takes a minute. Ctrl-C ends both.",
        flush=True,
    )
    # Its output would push out of sight how to log in.
    output = log.open("wb")
    # In a session of its own, so that Ctrl-C comes here alone, and all of it can be ended together.
    process = subprocess.Popen(
        ["airflow", "standalone"],
        # The examples name their files without a folder.
        cwd=home,
        env=environment(mailersend, home, port),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        if is_answering(process, port):
            user, password = login(home)
            make_pool(port, user, password)
            say_how_to_log_in(port, user, password)
        ended = process.wait()
        print(last_lines(log), file=sys.stderr)
        sys.exit(f"Airflow ended by itself, with {ended}. Its whole output is in {log}.")
    except KeyboardInterrupt:
        print("Ending Airflow …", flush=True)
    finally:
        end(process)
        output.close()


def is_answering(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until Airflow answers, with a dot every few seconds; False where it ends before, or takes too long."""
    latest = time.monotonic() + LONGEST_START
    next_dot = time.monotonic() + DOT_EVERY
    while process.poll() is None and time.monotonic() < latest:
        if time.monotonic() > next_dot:
            print(".", end="", flush=True)
            next_dot += DOT_EVERY
        with suppress(OSError, HTTPException), closing(HTTPConnection("127.0.0.1", port, timeout=5)) as asked:
            asked.request("GET", "/api/v2/version")
            if asked.getresponse().status == 200:
                return True
        time.sleep(0.5)
    return False


def login(home: Path) -> tuple[str, str]:
    """Return the user and the password, which Airflow itself says when it makes it up, and never again."""
    users = json.loads((home / "simple_auth_manager_passwords.json.generated").read_text())
    ((user, password),) = users.items()
    return user, password


def make_pool(port: int, user: str, password: str) -> None:
    """Make the pool that all requests to MailerSend share, unless an earlier start made it."""
    _, answer = post(port, "/auth/token", {"username": user, "password": password})
    token = json.loads(answer)["access_token"]
    pool = {"name": "mailersend", "slots": 4, "description": "Requests to MailerSend"}
    for _ in range(10):
        status, _ = post(port, "/api/v2/pools", pool, authorization=f"Bearer {token}")
        if status in (201, 409):
            return
        # While Airflow starts, its SQLite database may be locked.
        time.sleep(1)
    sys.exit(f"Airflow did not make the pool {pool['name']}: it answered {status}")


def post(port: int, path: str, body: dict[str, object], **headers: str) -> tuple[int, bytes]:
    """Send JSON to Airflow's API, and return the status and the body of its response."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=LONGEST_START)) as asked:
        asked.request("POST", path, json.dumps(body), {"content-type": "application/json", **headers})
        response = asked.getresponse()
        return response.status, response.read()


def say_how_to_log_in(port: int, user: str, password: str) -> None:
    print(f"\nAirflow is at http://localhost:{port}. User: {user}, password: {password}", flush=True)
    print(
        "DAGs begin paused: switch one on there, or trigger it. Ctrl-C ends Airflow and the sandbox.\n",
        flush=True,
    )


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
    """Make the CRM anew: some of those who opted out are suppressed already, one was written in two ways."""
    path.unlink(missing_ok=True)
    listed = [entry["recipient"]["email"] for entry in mailersend.entries("unsubscribes")[:20]]
    addresses = [f"customer{number}@example.net" for number in range(40)]
    active = [one["number"] for one in mailersend.entries("sms-recipients") if one["status"] == "active"]
    with closing(sqlite3.connect(path)) as crm, crm:
        crm.execute("CREATE TABLE opt_outs (email TEXT, phone TEXT)")
        people = [*listed, *addresses, " Customer1@Example.net "]
        crm.executemany("INSERT INTO opt_outs (email) VALUES (?)", [(person,) for person in people])
        crm.executemany("INSERT INTO opt_outs (phone) VALUES (?)", [(number,) for number in active[:15]])
    return path


def make_blocked(path: Path, mailersend: Sandbox) -> None:
    """Make the blocklist's file anew: what the account blocks, but for a few, and a few more."""
    of_account = [entry for entry in mailersend.entries("blocklist") if not entry["domain"]]
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["email", "pattern"])
        for entry in of_account[5:]:
            is_pattern = entry["type"] == "pattern"
            lines.writerow(["", entry["pattern"]] if is_pattern else [entry["pattern"], ""])
        lines.writerows([f"blocked{number}@example.net", ""] for number in range(10))


def make_opted_out(path: Path, mailersend: Sandbox) -> None:
    """Make the list anew that is synced in parts: some of it is on the blocklist already."""
    blocked = [entry["pattern"] for entry in mailersend.entries("blocklist") if entry["type"] != "pattern"]
    addresses = [*dict.fromkeys(blocked[:50]), *(f"opted.out{number}@example.net" for number in range(100))]
    path.write_text("".join(f"{address}\n" for address in addresses))


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
        f"\n{quota:,} of the daily quota are left. Both runs took {seconds:.0f} s.\n"
        f"The sandbox allows 60 requests in {SHORT_MINUTE:g} s, so that the demo is quick.\n"
        "MailerSend allows 60 in a minute."
    )
    print(
        f"\nThe DAG:              {shown(DAGS / 'mailersend_crm_opt_outs.py')}\n"
        f"The log of both runs: {shown(HOME / 'demo' / 'airflow.log')}\n"
        "make ui shows it, and the other examples, in Airflow's UI."
    )


def shown(path: Path) -> str:
    """Return a path as it is named from the current folder, which is shorter."""
    return os.path.relpath(path)


def airflow(mailersend: Sandbox, home: Path, *arguments: str, says: str) -> None:
    """Run an Airflow command; its output goes to a file, and is shown when it fails."""
    print(f"{says} ", end="", flush=True)
    log = home / "airflow.log"
    with (
        log.open("a") as output,
        subprocess.Popen(
            ["airflow", *arguments],
            env=environment(mailersend, home),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            seconds = show_that_it_runs(process)
        except BaseException:
            process.kill()
            raise
    print(f" {seconds:.0f} s", flush=True)
    if process.returncode != 0:
        print(last_lines(log), file=sys.stderr)
        sys.exit(f"airflow {arguments[0]} {arguments[1]} failed. Its whole output is in {log}.")


def show_that_it_runs(process: subprocess.Popen[bytes]) -> float:
    """Print a dot every few seconds until it ends, and return how long it took, in seconds."""
    begun = time.monotonic()
    for dots in count_from(1):
        try:
            process.wait(timeout=DOT_EVERY)
            break
        except subprocess.TimeoutExpired:
            # On a slow machine, a line of dots must not get too long.
            print("." if dots % DOTS_IN_A_LINE else ".\n", end="", flush=True)
    return time.monotonic() - begun


def last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-40:])


def environment(mailersend: Sandbox, home: Path, port: int = PORT) -> dict[str, str]:
    """Return the environment of an Airflow of its own: its folder, the examples, and the connection."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        # SQLite lets one process write at a time; after the usual 5 s the scheduler would give up, and end.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home.absolute()}/airflow.db?timeout=60",
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://localhost:{port}",
        # The first task waits until Airflow has set up its API for tasks, on a busy machine longer than the usual 5 s.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{port}/execution/",
        "AIRFLOW_CONN_MAILERSEND_DEFAULT": mailersend.connection,
    }


if __name__ == "__main__":
    main()
