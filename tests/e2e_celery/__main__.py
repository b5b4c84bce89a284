"""``python -m tests.e2e_celery``: run it all, and print the numbers."""

from __future__ import annotations

import argparse
import signal
import sys

import requests

from tests.e2e_celery.story import run
from tests.services.servers import Postgres, Redis


def main() -> int:
    """Return 0 when all came true, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e_celery")
    parser.add_argument("--slots", type=int, default=4, help="tasks at a time, on both workers together")
    parser.add_argument("--no-kills", action="store_true", help="kill no worker and no triggerer")
    parser.add_argument(
        "--minute", type=float, default=20.0, help="seconds in which the account takes 60 requests"
    )
    parser.add_argument("--check", action="store_true", help="only check that the servers are installed")
    options = parser.parse_args()
    packages = [server.package for server in (Postgres, Redis) if server.program() is None]
    if packages:
        sys.stderr.write(f"It needs PostgreSQL and Redis: apt-get install {' '.join(packages)}\n")
        return 1
    if options.check:
        return 0
    # As an exception, so that all processes are ended and their folders are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        numbers = run(slots=options.slots, kills=not options.no_kills, minute=options.minute)
    except (RuntimeError, requests.RequestException) as error:
        sys.stderr.write(f"\nFAILED: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(f"\n{numbers}\n")
    return 1 if numbers.failed else 0


if __name__ == "__main__":
    sys.exit(main())
