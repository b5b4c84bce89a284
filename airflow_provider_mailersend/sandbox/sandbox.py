"""The sandbox as a whole: an account, its API, and the server that they are reached at."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from random import Random
from types import TracebackType
from typing import Any, Literal, Self

from airflow_provider_mailersend.api.requests import SmsRecipientStatus
from airflow_provider_mailersend.sandbox.account import BLOCKLIST, Account
from airflow_provider_mailersend.sandbox.control import control
from airflow_provider_mailersend.sandbox.dialect import dialect_named
from airflow_provider_mailersend.sandbox.endpoints import Api
from airflow_provider_mailersend.sandbox.faults import Fault, FaultQueue
from airflow_provider_mailersend.sandbox.front import Front
from airflow_provider_mailersend.sandbox.limits import Limits, Window
from airflow_provider_mailersend.sandbox.maker import RECIPIENTS, SMS_RECIPIENTS, Maker
from airflow_provider_mailersend.sandbox.moments import SECOND, moment_of, now, seconds
from airflow_provider_mailersend.sandbox.requestlog import LoggedRequest
from airflow_provider_mailersend.sandbox.rows import Row
from airflow_provider_mailersend.sandbox.server import LoopbackServer, require_loopback
from airflow_provider_mailersend.sandbox.wire import Line, Request, not_found

DEFAULT_TOKEN = "mlsn.sandbox"  # noqa: S105  # no secret: it opens nothing but a sandbox
DEFAULT_DOMAINS = ("example.com", "news.example.com", "shop.example.org")
DEFAULT_SMS_NUMBERS = ("+15005550001", "+15005550002")
DEFAULT_NEWEST = datetime(2025, 1, 1, tzinfo=UTC)


class Sandbox:
    """A MailerSend API on your own machine, as a context manager.

    ::

        with Sandbox(blocklist=1000, rate_limit=None) as sandbox:
            requests.get(f"{sandbox.url}/suppressions/blocklist", headers={"Authorization": f"Bearer {sandbox.token}"})

    It sends nothing to anybody, listens on this machine only, and forgets everything when it stops. Its
    lists begin with made-up entries that follow from ``seed``: the same seed gives the same ids, addresses
    and dates. An address of the blocklist may stand there twice; a recipient stands once on each list.
    What it answers where nobody knows what the API does is listed in ``GUESSES``.

    :param host: 127.0.0.0/8, ``::1`` or ``localhost``; anything else is a ``ValueError``.
    :param port: the port; 0 takes a free one.
    :param token: the one token that is accepted.
    :param dialect: ``observed`` (as the API was seen to answer), ``documented``, or ``documented-2021``
        (lists without pages, recipients' dates in the old form).
    :param domains: names of the account's domains; those without one belong to the first.
    :param sms_numbers: numbers that the account sends text messages from.
    :param blocklist: how many entries the blocklist begins with. They go round the domains and the account;
        of every fifty, the 25th repeats an earlier one of the same scope, and the 50th is a pattern.
    :param hard_bounces: how many entries that list begins with, going round the domains; likewise
        ``spam_complaints``, ``unsubscribes`` and ``on_hold``. Each entry has a recipient of its own, which
        ``GET /recipients`` lists too.
    :param recipients: how many recipients there are besides, on no suppression list.
    :param sms_recipients: how many SMS recipients there are; every fourth has opted out.
    :param seed: the number that all made-up values follow from.
    :param newest: when the newest seeded entry of each list was made: the beginning of 2025 unless given.
    :param spacing: seconds between a seeded entry and the next.
    :param rate_limit: requests per window, after which 429 is answered; None for no limit.
    :param rate_window: seconds that a window lasts from its first request on.
    :param quota: requests per day, valid or not; None for no limit. ``/api-quota`` doesn't count.
    :param quota_window: seconds after which the quota is refilled; None for midnight UTC.
    :param headers: names of the limit headers that are sent, of ``ALL_HEADERS``; None for the dialect's own.
    :param sliding_window: whether the rate limit counts the requests of the last ``rate_window`` seconds at
        any moment, in place of windows that begin with a request.
    :param clock_ahead: how many seconds its clock is ahead of this machine's, or behind where less than 0.
    :param gateway_clock_ahead: how many seconds the ``Date`` header is ahead of that clock.
    :param visible_after: seconds from an entry's being added to its being listed. ``entries`` has it at once.
    :param shuffle_ties: whether entries of the same second come in another order at each request.
    :param stored_as: makes of an address that is added what is stored.
    :param max_batch: the most ``recipients``, ``patterns`` or ``ids`` in one request; None for no limit.
    :param batch_refusal: how more is refused: ``422`` with the API's error, or ``413`` with a web page.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = DEFAULT_TOKEN,
        dialect: str = "observed",
        domains: Sequence[str] = DEFAULT_DOMAINS,
        sms_numbers: Sequence[str] = DEFAULT_SMS_NUMBERS,
        blocklist: int = 0,
        hard_bounces: int = 0,
        spam_complaints: int = 0,
        unsubscribes: int = 0,
        on_hold: int = 0,
        recipients: int = 0,
        sms_recipients: int = 0,
        seed: int = 7,
        newest: datetime = DEFAULT_NEWEST,
        spacing: float = 60.0,
        rate_limit: int | None = 60,
        rate_window: float = 60.0,
        quota: int | None = 1000,
        quota_window: float | None = None,
        headers: Iterable[str] | None = None,
        sliding_window: bool = False,
        clock_ahead: float = 0.0,
        gateway_clock_ahead: float = 0.0,
        visible_after: float = 0.0,
        shuffle_ties: bool = False,
        stored_as: Callable[[str], str] = str,
        max_batch: int | None = None,
        batch_refusal: Literal["422", "413"] = "422",
    ) -> None:
        require_loopback(host)
        if not 0 <= port <= 65_535:
            raise ValueError(f"port must be from 0 to 65535, not {port}.")
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ValueError("token must be printable ASCII without spaces.")
        if batch_refusal not in ("422", "413"):
            raise ValueError(f"batch_refusal must be '422' or '413', not {batch_refusal!r}.")
        self.token = token
        clock = _clock_ahead("clock_ahead", clock_ahead)
        gateway = _clock_ahead("gateway_clock_ahead", gateway_clock_ahead)
        self._now = lambda: now() + clock
        self._gateway_now = lambda: now() + clock + gateway
        self._address = (host, port)
        self._max_batch = max_batch
        self._batch_refusal: Literal["422", "413"] = batch_refusal
        self._rate_window = rate_window
        spoken = dialect_named(dialect)
        _require_most("rate_limit", rate_limit, 1)
        _require_most("quota", quota, 0)
        _require_most("max_batch", max_batch, 1)
        seconds("rate_window", rate_window, least=0.001)
        seconds("quota_window", rate_window if quota_window is None else quota_window, least=0.001)
        self._limits = Limits(
            Window(rate_limit, rate_window, self._now, slides=sliding_window),
            Window(quota, quota_window, self._now),
            spoken.headers if headers is None else headers,
            self._now,
        )
        self._account = Account(
            {
                "blocklist": blocklist,
                "hard-bounces": hard_bounces,
                "spam-complaints": spam_complaints,
                "unsubscribes": unsubscribes,
                "on-hold-list": on_hold,
                "recipients": recipients,
                "sms-recipients": sms_recipients,
            },
            Maker(seed, moment_of(newest), seconds("spacing", spacing), spoken),
            spoken,
            domains=domains,
            sms_numbers=sms_numbers,
            now=self._now,
            stored_as=stored_as,
            visible_after=seconds("visible_after", visible_after) / SECOND,
            ties=Random(seed) if shuffle_ties else None,  # noqa: S311
        )
        self._log: list[LoggedRequest] = []
        self._faults = FaultQueue()
        self._server: LoopbackServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve until ``stop``; ``OSError`` when the port is taken."""
        if self._server is not None:
            raise RuntimeError("The sandbox is running already.")
        server = LoopbackServer(*self._address)
        api = Api(self._account, self._limits, f"{server.url}/v1", self._max_batch, self._batch_refusal)
        front = Front(api, self.token, self._log, self._faults, server, self._gateway_now)

        async def answer(request: Request, line: Line) -> None:
            root = request.path.split("/")[1:2]
            if root == ["v1"]:
                await front.answer(request, line)
            else:
                await line.send(control(self, request) if root == ["_sandbox"] else not_found())

        server.start(answer)
        self._server = server

    def stop(self) -> None:
        """Drop all connections and stop serving; what is on the lists and in the log stays readable."""
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
        """An Airflow connection to it, with its first domain, as ``AIRFLOW_CONN_MAILERSEND_DEFAULT`` takes it."""
        extra: dict[str, Any] = {"domain_id": self.domain_id(self.domains[0])}
        if self._rate_window != 60:
            extra["rate_limit_window"] = self._rate_window
        connection = {"conn_type": "mailersend", "password": self.token, "host": self.url, "extra": extra}
        return json.dumps(connection)

    @property
    def log(self) -> list[LoggedRequest]:
        """All requests to the API so far, in the order in which they came."""
        return list(self._log)

    def clear_log(self) -> None:
        self._log.clear()

    def requests(self, method: str = "*", path: str = "*") -> list[LoggedRequest]:
        """The logged requests of that method, and a path (without ``/v1``) like ``/suppressions/*``."""
        return [
            request
            for request in self.log
            if method in ("*", request.method) and fnmatchcase(request.path, path)
        ]

    def fail(self, fault: Fault) -> None:
        """Let a fault hit requests to come."""
        self._faults.add(fault)

    def clear_faults(self) -> None:
        """Forget the faults that have not hit yet."""
        self._faults.clear()

    def state(self) -> dict[str, Any]:
        """The sizes of all ``lists``, how many ``requests`` came and are ``under_way``, and what the limits allow.

        A request is under way until it is answered or dropped, and what it changes is changed.
        """
        logged = self.log
        with self._account.lock:
            lists = {name: len(table) for name, table in self._account.tables.items()}
        return {
            "lists": lists,
            "requests": len(logged),
            "under_way": sum(not request.is_over for request in logged),
            "quota_remaining": self._limits.quota.remaining,
            "quota_reset": self._limits.quota_reset,
            "rate_remaining": self._limits.rate.remaining,
        }

    @property
    def domains(self) -> list[str]:
        """The names of the account's domains."""
        return [domain.name for domain in self._account.domains]

    def domain_id(self, name: str) -> str:
        """The id of the domain of that name."""
        return self._account.domain_named(name).id

    def sms_number_id(self, number: str) -> str:
        """The id of one of ``sms_numbers``."""
        for sender in self._account.sms_numbers:
            if sender.name == number:
                return sender.id
        raise ValueError(f"The account has no SMS number {number!r}.")

    def entries(self, name: str) -> list[dict[str, Any]]:
        """All that stands on a list now, listed already or not, as the API would list it.

        Lists go by the last word of their path: ``blocklist``, ``hard-bounces``, ``spam-complaints``,
        ``unsubscribes``, ``on-hold-list``, ``recipients``, ``sms-recipients``.
        """
        with self._account.lock:
            return self._shown(name, self._account.table(name).all())

    def add(
        self, name: str, *recipients: str, patterns: Sequence[str] = (), domain: str | None = None
    ) -> list[dict[str, Any]]:
        """Put entries on a list as if somebody else did: nothing is logged or counted. Returns them.

        :param recipients: addresses; for ``sms-recipients`` phone numbers, under the first SMS number.
        :param patterns: regular expressions, for the blocklist.
        :param domain: the name of the domain. Without it a blocklist entry is the account's, any other the
            first domain's.
        """
        account = self._account
        with account.lock:
            account.table(name)
            if patterns and name != BLOCKLIST:
                raise ValueError(f"Only the blocklist takes patterns, not {name}.")
            chosen = None if domain is None else account.domain_named(domain)
            first = chosen or account.domains[0]
            if name == BLOCKLIST:
                rows = account.block(recipients, patterns, chosen)
            elif name == SMS_RECIPIENTS:
                rows = [account.add_sms_recipient(number) for number in recipients]
            elif name == RECIPIENTS:
                rows = [account.add_recipient(address, first) for address in recipients]
            else:
                rows = account.suppress(name, recipients, first)
            return self._shown(name, rows)

    def remove(self, name: str, ids: Iterable[str]) -> None:
        """Take entries off a list as if somebody else did; ``ValueError``, and none is, at an unknown id."""
        with self._account.lock:
            rows = []
            for row_id in ids:
                row = self._account.table(name).with_id(row_id)
                if row is None:
                    raise ValueError(f"There is no {row_id!r} on {name}.")
                rows.append(row)
            if name != RECIPIENTS:
                self._account.delete(name, [row.id for row in rows])
                return
            for row in rows:
                self._account.delete_recipient(row)

    def set_sms_status(self, recipient_id: str, status: str) -> None:
        """Let an SMS recipient opt out (``opt_out``) or in again (``active``) as if by a text message."""
        if status not in list(SmsRecipientStatus):
            raise ValueError(f"status must be one of {', '.join(SmsRecipientStatus)}, not {status!r}.")
        with self._account.lock:
            recipient = self._account.tables[SMS_RECIPIENTS].with_id(recipient_id)
            if recipient is None:
                raise ValueError(f"There is no SMS recipient {recipient_id!r}.")
            self._account.set_sms_status(recipient, status)

    def _shown(self, name: str, rows: Iterable[Row]) -> list[dict[str, Any]]:
        # Rows change in place: what is handed out stays as it is.
        shown = [self._account.show(name, row) for row in rows]
        copies: list[dict[str, Any]] = json.loads(json.dumps(shown))
        return copies


def _require_most(name: str, most: int | None, least: int) -> None:
    if most is not None and (isinstance(most, bool) or most < least):
        raise ValueError(f"{name} must be None or a number from {least} up, not {most!r}.")


def _clock_ahead(name: str, ahead: float) -> int:
    if not abs(ahead) <= 366 * 86_400:
        raise ValueError(f"{name} must be seconds, at most a year either way, not {ahead!r}.")
    return round(ahead * SECOND)
