"""``python -m airflow_provider_mailersend.sandbox``: run a sandbox until Ctrl-C."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from airflow_provider_mailersend.sandbox import GUESSES, Sandbox

COUNTS = (
    "blocklist",
    "hard-bounces",
    "spam-complaints",
    "unsubscribes",
    "on-hold",
    "recipients",
    "sms-recipients",
)
SECONDS = {
    "spacing": "from one entry to the next",
    "rate-window": "how long a window lasts",
    "quota-window": "refill after this, not at midnight",
    "clock-ahead": "of this machine's clock; behind where less than 0",
    "gateway-clock-ahead": "of the Date header, of that clock",
    "visible-after": "from being added to being listed",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sandbox in the foreground; 0 after Ctrl-C or SIGTERM, 2 when it can't run as asked."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = {"newest": datetime.now(UTC)} | vars(_parser().parse_args(arguments))
    try:
        with Sandbox(**options) as sandbox:
            _say(sandbox)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        return 0
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
    except OSError as error:
        sys.stderr.write(
            f"Cannot listen on port {options['port']}: {error.strerror or error}. Name another one by --port.\n"
        )
    return 2


def _say(sandbox: Sandbox) -> None:
    sys.stdout.write(f"url    {sandbox.url}\ntoken  {sandbox.token}\n")
    for name in sandbox.domains:
        sys.stdout.write(f"domain {sandbox.domain_id(name)}  {name}\n")
    sys.stdout.write(f"export AIRFLOW_CONN_MAILERSEND_DEFAULT={shlex.quote(sandbox.connection)}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    # What isn't given isn't passed on, so that each default stands in one place: Sandbox's signature.
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_mailersend.sandbox",
        description="A MailerSend API on this machine, until Ctrl-C. Numbers that may be 'none' are limits.",
        argument_default=argparse.SUPPRESS,
        epilog="What it answers where nobody knows what the API does: " + " ".join(GUESSES.values()),
    )
    add = parser.add_argument
    add("--host", help="127.0.0.0/8, ::1 or localhost")
    add("--port", type=int, default=8025, help="the port, 8025 unless given; 0 takes a free one")
    add("--token", help="the one token that is accepted")
    add("--dialect", help="observed, documented or documented-2021")
    add("--domain", dest="domains", action="append", help="a domain of the account; repeatable")
    for name in COUNTS:
        add(f"--{name}", type=int, metavar="N", help="how many entries it begins with")
    add("--seed", type=int, metavar="N", help="what all made-up values follow from")
    add("--newest", type=_moment, help="when the newest entry was made, in ISO 8601; now unless given")
    add("--rate-limit", type=_whole_or_none, metavar="N", help="requests per window, or none")
    add("--sliding-window", action="store_true", help="the rate limit's window is that before each request")
    add("--quota", type=_whole_or_none, metavar="N", help="requests per day, or none")
    add("--headers", type=_names, help="the limit headers that are sent, with commas between")
    add("--shuffle-ties", action="store_true", help="entries of one second come in any order")
    add("--max-batch", type=int, metavar="N", help="the most addresses or ids in one request")
    add("--batch-refusal", help="how more is refused: 422 or 413")
    for name, means in SECONDS.items():
        add(f"--{name}", type=float, metavar="SECONDS", help=means)
    return parser


def _whole_or_none(text: str) -> int | None:
    if text == "none":
        return None
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number or none, not {text!r}") from None


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be a moment in ISO 8601, such as 2026-01-31T08:30, not {text!r}"
        ) from None


if __name__ == "__main__":
    sys.exit(main())
