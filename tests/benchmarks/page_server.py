"""
A server of one list of any length, whose pages are made from a template on request.

``python -m tests.benchmarks.page_server --entries N``. It stores no entry, so a million costs it no memory, and a page
little CPU. It lists unsubscribes, newest first; additions and deletions are answered, but change nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from airflow_provider_mailersend.sandbox.limits import Window
from airflow_provider_mailersend.sandbox.server import (
    Answer,
    Exchange,
    LoopbackServer,
    json_answer,
    not_found,
)
from tests.unsteady import SlidingWindow

TOKEN = "mlsn.pages"
DOMAIN = {"id": "pages0domain0000", "name": "example.com"}

_LIST = "/suppressions/unsubscribes"
_OLDEST = 1_600_000_000  # Unix seconds
_OF_ONE_SECOND = 10  # entries made in each second


_ADDRESS = "user%(n)d@example.net"


def address(number: int) -> str:
    """Return the address of an entry by its number; 0 is the oldest."""
    return _ADDRESS % {"n": number}


def _entry(entry_id: str, recipient_id: str, email: str, date: str) -> dict[str, Any]:
    domain = {
        **DOMAIN,
        "created_at": "2020-01-01T00:00:00.000000Z",
        "updated_at": "2020-01-01T00:00:00.000000Z",
    }
    recipient = {"id": recipient_id, "email": email, "created_at": date, "updated_at": date, "deleted_at": ""}
    return {
        "id": entry_id,
        "reason": None,
        "readable_reason": None,
        "recipient": {**recipient, "domain": domain},
        "created_at": date,
    }


_TEMPLATE = json.dumps(_entry("%(n)024x", "a%(n)023x", _ADDRESS, "%(date)s"))


class Pages:
    """Answers requests for a list of *entries*, as the observed dialect does."""

    def __init__(self, entries: int, window: Window, of_one_second: int) -> None:
        self._entries = entries
        self._of_one_second = of_one_second
        self._window = window
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    def answer(self, exchange: Exchange) -> None:
        with self._lock:
            answer = self._answer(exchange)
        exchange.send(answer)

    def _answer(self, exchange: Exchange) -> Answer:
        request = exchange.logged
        asked = f"{request.method} {request.path}"
        if asked == "GET /_asked":
            return json_answer(self._asked)
        if asked == "DELETE /_asked":
            self._asked.clear()
            return Answer(204)
        self._asked[asked] += 1
        if exchange.headers.get("authorization") != f"Bearer {TOKEN}":
            return json_answer({"message": "Unauthenticated."}, 401)
        if not self._window.spend():
            self._asked["429"] += 1
            return json_answer({"message": "Please wait a while before retrying."}, 429)
        match request.method, request.path:
            case "GET", path if path == _LIST:
                number = int(request.query.get("page", 1))
                self._asked[f"page {number}"] += 1
                return self._page(number, int(request.query.get("limit", 10)))
            case "POST", path if path == _LIST:
                return self._added(request.json["recipients"])
            case "DELETE", path if path == _LIST:
                return Answer(200, b"[]")
            case "GET", "/domains":
                meta = {"current_page": 1, "per_page": 25, "last_page": 1, "total": 1}
                return json_answer({"data": [DOMAIN], "links": {"next": None}, "meta": meta})
            case "GET", "/api-quota":
                return json_answer({"quota": -1, "remaining": -1, "reset": "2099-01-01T00:00:00Z"})
        return not_found()

    def _page(self, number: int, limit: int) -> Answer:
        newest = self._entries - 1 - (number - 1) * limit
        numbers = range(newest, max(newest - limit, -1), -1)
        data = ",".join([_TEMPLATE % {"n": n, "date": date_of(n, self._of_one_second)} for n in numbers])
        follows = f'"{_LIST}?page={number + 1}"' if newest - limit >= 0 else "null"
        links = f'{{"first":"{_LIST}?page=1","last":null,"prev":null,"next":{follows}}}'
        meta = f'{{"current_page":{number},"from":1,"path":"{_LIST}","per_page":{limit},"to":{limit}}}'
        return Answer(200, f'{{"data":[{data}],"links":{links},"meta":{meta}}}'.encode())

    def _added(self, emails: list[str]) -> Answer:
        date = _iso(time.time())
        data = [
            _entry(f"{time.time_ns() + n:024x}", f"b{n:023x}", email, date) for n, email in enumerate(emails)
        ]
        return json_answer({"data": data}, 201)


def date_of(number: int, of_one_second: int = _OF_ONE_SECOND) -> str:
    """Return when the entry of that number was made, where so many are made in each second."""
    return _iso(_OLDEST + number // of_one_second)


def _iso(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC).isoformat(timespec='seconds')[:19]}.000000Z"


@dataclass(frozen=True)
class PageServer:
    """A running page server."""

    url: str
    token: str = TOKEN

    @property
    def authorization(self) -> str:
        return f"Bearer {self.token}"

    def asked(self) -> Counter[str]:
        """Return the number of requests by endpoint (``GET /api-quota``), by page (``page 1``), and of ``429``s."""
        return Counter(requests.get(f"{self.url}/_asked", timeout=60).json())

    def clear_log(self) -> None:
        requests.delete(f"{self.url}/_asked", timeout=60)


@contextmanager
def page_server(entries: int, *options: str) -> Iterator[PageServer]:
    """Serve so many *entries* in a process of its own, on a free port."""
    command = [sys.executable, "-m", "tests.benchmarks.page_server", f"--entries={entries}", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip() if process.stdout else ""
        if not url:
            raise RuntimeError("The page server did not start: its output is above.")
        yield PageServer(url)
        # It ends when its input does: also when the process that started it is killed.


def main() -> None:
    """Serve until the standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.page_server")
    parser.add_argument("--entries", type=int, required=True)
    parser.add_argument("--rate-limit", type=int, help="requests per window; unlimited unless given")
    parser.add_argument("--rate-window", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--sliding-window", action="store_true")
    parser.add_argument("--of-one-second", type=int, default=_OF_ONE_SECOND, metavar="N")
    given = parser.parse_args()
    kind = SlidingWindow if given.sliding_window else Window
    window = kind(given.rate_limit, given.rate_window, time.time)
    server = LoopbackServer("127.0.0.1", 0, Pages(given.entries, window, given.of_one_second).answer)
    server.start()
    sys.stdout.write(f"{server.url}/v1\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
