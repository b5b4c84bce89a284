"""The sandbox as a whole: an account, its API, and the server that they are reached at."""

from __future__ import annotations

import copy
import json
import math
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from typing import Any, Self

from airflow_provider_mailersend.api.requests import (
    LIST_NAMES,
    RECIPIENTS,
    SMS_RECIPIENTS,
    SmsRecipientStatus,
    check_list_name,
)
from airflow_provider_mailersend.sandbox.account import BLOCKLIST, DOMAINS, SMS_NUMBERS, Account, Row
from airflow_provider_mailersend.sandbox.control import control
from airflow_provider_mailersend.sandbox.endpoints import respond
from airflow_provider_mailersend.sandbox.faults import Fault
from airflow_provider_mailersend.sandbox.limits import Limits, Window
from airflow_provider_mailersend.sandbox.seeding import seed_account
from airflow_provider_mailersend.sandbox.server import (
    Answer,
    Exchange,
    LoggedRequest,
    LoopbackServer,
    is_loopback,
    json_answer,
    not_found,
)

_MOST = 1_000_000  # entries, which are held in memory
_YEAR = 366 * 86_400


class Sandbox:
    """A MailerSend API on your own machine, as a context manager.

    ::

        with Sandbox(blocklist=1000, rate_limit=None) as sandbox:
            requests.get(f"{sandbox.url}/suppressions/blocklist", headers={"Authorization": f"Bearer {sandbox.token}"})

    It sends nothing to anybody, only this machine can reach it, and its data is gone when it is. The same
    ``seed`` gives the same entries. ``GUESSES`` lists what it answers where nobody knows what the API does.

    :param host: an address in 127.0.0.0/8, ``::1`` or ``localhost``.
    :param port: the port; 0 for a free one.
    :param token: the only token that is accepted.
    :param dialect: how to answer: ``observed`` as the API was seen to, or ``documented``.
    :param domains: the names of the account's domains.
    :param sms_numbers: the numbers that the account sends text messages from.
    :param blocklist: how many entries the blocklist begins with, taking turns between the domains and the
        account. Of every fifty, the 25th repeats an earlier one of its scope, and the 50th is a pattern.
    :param hard_bounces: how many hard bounces there are, taking turns between the domains. As on the next three lists,
        each has a recipient of its own.
    :param spam_complaints: how many spam complaints there are.
    :param unsubscribes: how many unsubscribes there are.
    :param on_hold: how many entries are on hold.
    :param recipients: how many recipients there are that are on no list.
    :param sms_recipients: how many SMS recipients there are; every fourth has opted out.
    :param seed: what all made-up values follow from.
    :param newest: when the newest seeded entry of each list was made.
    :param spacing: seconds between a seeded entry and the next.
    :param rate_limit: requests per window before a 429; None for no limit.
    :param rate_window: seconds that a window lasts from its first request on.
    :param quota: requests per day before a 429; None for no limit. ``/api-quota`` doesn't count.
    :param quota_window: seconds until the quota starts over; None for midnight UTC.
    :param headers: the names of the limit headers to send; None for those of the dialect.
    """

    account_type: type[Account] = Account
    fault_type: type[Fault] = Fault

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = "mlsn.sandbox",  # noqa: S107  # no secret: it opens nothing but a sandbox
        dialect: str = "observed",
        domains: Sequence[str] = ("example.com", "news.example.com", "shop.example.org"),
        sms_numbers: Sequence[str] = ("+15005550001", "+15005550002"),
        blocklist: int = 0,
        hard_bounces: int = 0,
        spam_complaints: int = 0,
        unsubscribes: int = 0,
        on_hold: int = 0,
        recipients: int = 0,
        sms_recipients: int = 0,
        seed: int = 7,
        newest: datetime = datetime(2025, 1, 1, tzinfo=UTC),
        spacing: float = 60.0,
        rate_limit: int | None = 60,
        rate_window: float = 60.0,
        quota: int | None = 1000,
        quota_window: float | None = None,
        headers: Iterable[str] | None = None,
    ) -> None:
        suppressions = (blocklist, hard_bounces, spam_complaints, unsubscribes, on_hold)
        counts = dict(zip(LIST_NAMES, (*suppressions, recipients, sms_recipients), strict=True))
        ranges: dict[str, tuple[float | None, float, float]] = {
            **{name: (count, 0, _MOST) for name, count in counts.items()},
            "All lists together": (sum(counts.values()), 0, _MOST),
            "port": (port, 0, 65_535),
            "spacing": (spacing, 0, _YEAR),
            "rate_limit": (rate_limit, 1, math.inf),
            "rate_window": (rate_window, 0.001, _YEAR),
            "quota": (quota, 0, math.inf),
            "quota_window": (quota_window, 0.001, _YEAR),
        }
        for name, (value, least, most) in ranges.items():
            if value is not None and (isinstance(value, bool) or not least <= value <= most):
                raise ValueError(f"{name} must be from {least:,} to {most:,}, not {value!r}.")
        for name, owners in {"domains": domains, "sms_numbers": sms_numbers}.items():
            if isinstance(owners, str) or not owners or len(set(owners)) < len(owners):
                raise ValueError(f"{name} must be a sequence of one or more, none twice, not {owners!r}.")
        if not is_loopback(host):
            raise ValueError(f"host must be this machine only: 127.0.0.0/8, ::1 or localhost, not {host!r}.")
        if not re.fullmatch(r"[!-~]+", token):
            raise ValueError("token must be printable ASCII without spaces.")
        if dialect not in ("observed", "documented"):
            raise ValueError(f"dialect must be one of observed, documented, not {dialect!r}.")
        newest = newest if newest.tzinfo else newest.replace(tzinfo=UTC)
        if newest.timestamp() - spacing * max(counts.values()) < _YEAR:
            raise ValueError("No entry may be older than 1971: lessen spacing.")
        observed = dialect == "observed"
        self.token = token
        rate, daily = Window(rate_limit, rate_window, self.now), Window(quota, quota_window, self.now)
        self.limits = Limits(rate, daily, observed, headers)
        self.account = self.account_type(observed, seed, newest, self.now)
        seed_account(self.account, domains, sms_numbers, counts, newest, timedelta(seconds=spacing), seed)
        self._address = ("127.0.0.1" if host.lower() == "localhost" else host, port)
        self._log: list[LoggedRequest] = []
        self._faults: list[tuple[Fault, Iterator[bool]]] = []
        self._server: LoopbackServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve until ``stop``; ``OSError`` when the port is taken."""
        if self._server is not None:
            raise RuntimeError("The sandbox is running already.")
        self._server = LoopbackServer(*self._address, self.serve)
        self._server.start()

    def stop(self) -> None:
        """Drop all connections and stop serving; the lists and the log can still be read."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    @property
    def url(self) -> str:
        """Where the API is: ``http://127.0.0.1:PORT/v1``."""
        if self._server is None:
            raise RuntimeError("The sandbox has a URL only while it runs: use it in a with statement.")
        return f"{self._server.url}/v1"

    @property
    def connection(self) -> str:
        """An Airflow connection to it and its first domain, as ``AIRFLOW_CONN_MAILERSEND_DEFAULT`` takes it."""
        window = self.limits.rate.length
        extra: dict[str, Any] = {} if window == 60 else {"rate_limit_window": window}
        extra |= {"domain_id": self.domain_id(self.domains[0])}
        connection = {"conn_type": "mailersend", "password": self.token, "host": self.url, "extra": extra}
        return json.dumps(connection)

    @property
    def log(self) -> list[LoggedRequest]:
        """All requests to the API so far, in the order in which they came."""
        return list(self._log)

    def clear_log(self) -> None:
        self._log.clear()

    def requests(self, method: str = "*", path: str = "*") -> list[LoggedRequest]:
        """The logged requests with that method, and a path (without ``/v1``) such as ``/suppressions/*``."""
        return [request for request in self.log if request.matches(method, path)]

    def fail(self, fault: Fault) -> Fault:
        """Let a fault hit requests to come; a request meets the first one added that is due for it. Returns it."""
        hits = repeat(True) if fault.times is None else repeat(True, fault.times)
        self._faults.append((fault, chain(repeat(False, fault.skip), hits)))
        return fault

    def clear_faults(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def state(self) -> dict[str, Any]:
        """The sizes of all ``lists``, how many ``requests`` came, and what the limits leave."""
        with self.account.lock:
            return {
                "lists": {name: len(self.account.tables[name].rows) for name in LIST_NAMES},
                "requests": len(self._log),
                "quota_remaining": self.limits.quota.remaining,
                "quota_reset": self.limits.quota_reset,
                "rate_remaining": self.limits.rate.remaining,
            }

    @property
    def domains(self) -> list[str]:
        """The names of the account's domains."""
        return [domain.value for domain in self.account.tables[DOMAINS].select()]

    def domain_id(self, name: str) -> str:
        """The id of the domain with that name."""
        return self._owner(DOMAINS, name).id

    def sms_number_id(self, number: str) -> str:
        """The id of one of ``sms_numbers``."""
        return self._owner(SMS_NUMBERS, number).id

    def entries(self, name: str) -> list[dict[str, Any]]:
        """Everything on a list, as the API lists it.

        Lists go by the last word of their path: ``blocklist``, ``hard-bounces``, ``spam-complaints``,
        ``unsubscribes``, ``on-hold-list``, ``recipients``, ``sms-recipients``.
        """
        with self.account.lock:
            return self._shown(name, self.account.tables[check_list_name(name)].select())

    def add(
        self, name: str, *recipients: str, patterns: Sequence[str] = (), domain: str | None = None
    ) -> list[dict[str, Any]]:
        """Put entries on a list as somebody else would: nothing is logged or counted. Returns them.

        :param recipients: addresses; for ``sms-recipients`` phone numbers, under the first SMS number.
        :param patterns: regular expressions, for the blocklist.
        :param domain: the name of a domain. Without it an entry of the blocklist belongs to the account, any other
            to the first domain.
        """
        check_list_name(name)
        with self.account.lock:
            if patterns and name != BLOCKLIST:
                raise ValueError(f"Only the blocklist takes patterns, not {name}.")
            owner = None if domain is None else self._owner(DOMAINS, domain)
            rows = [self.account.add(name, recipient, owner) for recipient in recipients]
            rows += [self.account.add(name, pattern, owner, type="pattern") for pattern in patterns]
            return self._shown(name, rows)

    def remove(self, name: str, ids: Iterable[str]) -> None:
        """Take entries off a list as somebody else would; ``ValueError`` and no change if one isn't there."""
        with self.account.lock:
            rows = [self._row(name, row_id) for row_id in ids]
            if name == RECIPIENTS:
                for row in rows:
                    self.account.delete_recipient(row)
            self.account.tables[name].drop([row.id for row in rows])

    def set_sms_status(self, recipient_id: str, status: str) -> None:
        """Let an SMS recipient opt out (``opt_out``) or in again (``active``), as if by a text message."""
        status = SmsRecipientStatus(status).value
        with self.account.lock:
            self.account.tables[SMS_RECIPIENTS].update(self._row(SMS_RECIPIENTS, recipient_id), status=status)

    def now(self) -> float:
        """The time, in Unix seconds."""
        return time.time()

    def serve(self, exchange: Exchange) -> None:
        """Respond to a request. One to the API meets the log, a fault, the token, the limits, and its endpoint."""
        request = exchange.logged
        if request.raw_path.startswith("/_sandbox/"):
            exchange.send(control(self, exchange))
        elif not request.raw_path.startswith("/v1/"):
            exchange.send(not_found())
        else:
            with self.account.lock:
                due = (
                    fault
                    for fault, hits in self._faults
                    if request.matches(fault.method, fault.path) and next(hits, False)
                )
                request.fault = next(due, None)
                self._log.append(request)
            if request.fault is None:
                exchange.send(self.process(exchange))
            else:
                self.suffer(exchange, request.fault)

    def suffer(self, exchange: Exchange, fault: Fault) -> None:
        """Respond, or not, as a fault has it."""
        wait = exchange.server.stopping.wait
        wait(fault.delay if fault.delay_when == "before" else 0)
        answer = self.process(exchange) if fault.processes else None
        wait(fault.delay if fault.delay_when == "after" else 0)
        answer = fault.answer() or answer
        if answer is None or fault.cut:
            exchange.close_connection = True
            return
        answer.headers |= {name.lower(): value for name, value in (fault.headers or {}).items()}
        exchange.send(answer, share=0.5 if fault.truncate else 1)

    def process(self, exchange: Exchange) -> Answer:
        """The API's response. A request without the right token counts against no limit."""
        with self.account.lock:
            if exchange.headers.get("authorization") != f"Bearer {self.token}":
                return json_answer({"message": "Unauthenticated."}, 401)
            answer = self.limits.refusal(uses_quota=exchange.logged.path != "/api-quota")
            answer = answer or self.respond(exchange)
            answer.headers |= self.limits.headers(answer.status)
            return answer

    def respond(self, exchange: Exchange) -> Answer:
        """The response of an endpoint to a request with the right token and within the limits."""
        return respond(exchange, self.account, self.limits)

    def _owner(self, kind: str, name: str) -> Row:
        owner = self.account.tables[kind].find(name, None)
        if owner is None:
            there = ", ".join(row.value for row in self.account.tables[kind].select())
            raise ValueError(f"The account has no {name!r}: it has {there}.")
        return owner

    def _row(self, name: str, row_id: str) -> Row:
        row = self.account.tables[check_list_name(name)].rows.get(row_id)
        if row is None:
            raise ValueError(f"There is no {row_id!r} on {name}.")
        return row

    def _shown(self, name: str, rows: Iterable[Row]) -> list[dict[str, Any]]:
        # Rows change in place: what is handed out stays as it is.
        return copy.deepcopy([self.account.show(name, row) for row in rows])
