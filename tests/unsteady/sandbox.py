"""A sandbox whose API is late or inconsistent, behind a hostile network."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from random import Random
from typing import Any, Literal

from airflow_provider_mailersend.api.requests import check_list_name
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from airflow_provider_mailersend.sandbox.server import Answer, Exchange, json_answer
from tests.unsteady.account import Change, Delays, UnsteadyAccount
from tests.unsteady.faults import RareFault
from tests.unsteady.limits import SlidingWindow

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_YEAR = 366 * 86_400
_TOO_LARGE = b"<html><body><center><h1>413 Request Entity Too Large</h1></center></body></html>"


class UnsteadySandbox(Sandbox):
    """
    A sandbox that takes :class:`RareFault` too.

    :param dialect: a sandbox's, or ``documented-2021``: lists without pages, recipients' dates in the old form.
    :param sliding_window: whether the rate limit counts the requests of the last ``rate_window`` seconds.
    :param clock_ahead: how many seconds its clock is ahead of this machine's, or behind if negative.
    :param gateway_clock_ahead: how many seconds the ``Date`` header is ahead of that clock.
    :param visible_after: seconds until a new entry is listed. ``entries`` has it at once.
    :param shuffle_ties: whether entries of one second come in another order at each request.
    :param stored_as: makes of an address that is added what is stored.
    :param max_batch: the most ``recipients``, ``patterns`` or ``ids`` in one request; None for no limit.
    :param batch_refusal: how more than ``max_batch`` is refused: ``422``, or ``413`` with a web page.
    """

    account_type = UnsteadyAccount
    fault_type = RareFault
    account: UnsteadyAccount

    def __init__(
        self,
        *,
        dialect: str = "observed",
        sliding_window: bool = False,
        clock_ahead: float = 0.0,
        gateway_clock_ahead: float = 0.0,
        visible_after: float = 0.0,
        shuffle_ties: bool = False,
        stored_as: Callable[[str], str] = str,
        max_batch: int | None = None,
        batch_refusal: Literal["422", "413"] = "422",
        **options: Any,
    ) -> None:
        self._clock_ahead = clock_ahead
        self._gateway_clock_ahead = gateway_clock_ahead
        self._max_batch = max_batch
        self._batch_refusal = batch_refusal
        self._is_of_2021 = dialect == "documented-2021"
        for name, seconds in {
            "clock_ahead": clock_ahead,
            "gateway_clock_ahead": gateway_clock_ahead,
            "visible_after": visible_after,
        }.items():
            if not abs(seconds) <= _YEAR:
                raise ValueError(f"{name} must be seconds, at most a year, not {seconds!r}.")
        if max_batch is not None and max_batch < 1:
            raise ValueError(f"max_batch must be 1 or more, not {max_batch!r}.")
        if batch_refusal not in ("422", "413"):
            raise ValueError(f"batch_refusal must be '422' or '413', not {batch_refusal!r}.")
        super().__init__(dialect=dialect.removesuffix("-2021"), **options)
        self.account.has_old_dates = self._is_of_2021
        self.account.stored_as = stored_as
        self.account.delay(Delays(visible_after, Random(7) if shuffle_ties else None))
        if sliding_window:
            rate = self.limits.rate
            self.limits.rate = SlidingWindow(rate.most, rate.length, self.now)
        self._held: dict[Exchange, list[Change]] = {}
        self._late: dict[threading.Timer, list[Change]] = {}

    def now(self) -> float:
        return super().now() + self._clock_ahead

    def start(self) -> None:
        super().start()
        if self._server is not None:
            self._server.clock = lambda: self.now() + self._gateway_clock_ahead

    def stop(self) -> None:
        super().stop()
        for timer in list(self._late):
            timer.cancel()
            self._commit(timer)
            timer.join()

    @property
    def open_connections(self) -> int:
        """How many connections there are: a request of a client that is dead by now comes on one of them."""
        return len(self._server.connections) if self._server else 0

    @property
    def late_requests(self) -> int:
        """How many requests have been answered, or dropped, whose changes are still to be made."""
        with self.account.lock:
            return len(self._held) + len(self._late)

    def entries(self, name: str) -> list[dict[str, Any]]:
        with self.account.lock:
            return self._shown(name, self.account.tables[check_list_name(name)].select_all())

    def suffer(self, exchange: Exchange, fault: Fault) -> None:
        rare = fault if isinstance(fault, RareFault) else RareFault(delay=1)
        try:
            if rare.continues:
                self._continue_for_ever(exchange, rare.continues)
            elif rare.drip:
                self._drip(exchange, rare)
            else:
                super().suffer(exchange, fault)
        finally:
            with self.account.lock:
                changes = self._held.pop(exchange, [])
                if changes:
                    self._commit_after(rare.commit_after, changes)

    def process(self, exchange: Exchange) -> Answer:
        fault = exchange.logged.fault
        if isinstance(fault, RareFault) and fault.commit_after:
            with self.account.lock, self.account.holding_back() as self._held[exchange]:
                answer = super().process(exchange)
        else:
            answer = super().process(exchange)
        if self._is_of_2021 and b'"links"' in answer.body:
            answer.body = json.dumps({"data": json.loads(answer.body)["data"]}).encode()
        return answer

    def respond(self, exchange: Exchange) -> Answer:
        body = exchange.logged.json
        if self._max_batch is not None and isinstance(body, dict):
            for name in ("recipients", "patterns", "ids"):
                if isinstance(body.get(name), list) and len(body[name]) > self._max_batch:
                    return self._refuse_batch(
                        f"The {name} must not have more than {self._max_batch} items.", name
                    )
        return super().respond(exchange)

    def _refuse_batch(self, message: str, name: str) -> Answer:
        if self._batch_refusal == "413":
            return Answer(413, _TOO_LARGE, {"content-type": "text/html"})
        return json_answer({"message": message, "errors": {name: [message]}}, 422)

    def _drip(self, exchange: Exchange, fault: RareFault) -> None:
        """Send a response whose head or body comes byte by byte, and hang up."""
        exchange.close_connection = True
        answer = self.process(exchange) if fault.processes else None
        answer = fault.answer() or answer
        if answer is None:
            return
        answer.headers |= {name.lower(): value for name, value in (fault.headers or {}).items()}
        fast, slow, rest = b"", exchange.head_of(answer), answer.body
        if fault.drip_part == "body":
            fast, slow, rest = slow, rest, b""
        exchange.wfile.write(fast)
        for byte in slow:
            exchange.wfile.write(bytes((byte,)))
            if exchange.server.stopping.wait(fault.drip):
                return
        exchange.wfile.write(rest)

    def _continue_for_ever(self, exchange: Exchange, seconds: float) -> None:
        exchange.close_connection = True
        exchange.wfile.write(_CONTINUE)
        while not exchange.server.stopping.wait(seconds):
            exchange.wfile.write(_CONTINUE)  # an OSError once the client is gone

    def _commit_after(self, seconds: float, changes: list[Change]) -> None:
        timer = threading.Timer(seconds, lambda: self._commit(timer))
        timer.daemon = True
        self._late[timer] = changes
        timer.start()

    def _commit(self, timer: threading.Timer) -> None:
        with self.account.lock:
            for change in self._late.pop(timer, []):
                change()
