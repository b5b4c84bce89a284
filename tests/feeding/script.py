"""Runs steps without a network: outcomes by script or by a server model, and a clock that never really waits."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import Phase, settings

from airflow_provider_mailersend.api.answers import Answer, Failure, Outcome
from airflow_provider_mailersend.api.flow import Flow, Progress, Send, Step, Steps, Wait
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.api.throttle import Throttle

from .driving import drive

#: When every script begins, unless it says otherwise: far from midnight, and in the middle of a minute.
NOON = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC).timestamp()

#: Whether the tests run against a mutant: thousands of times, so each with few examples.
AGAINST_MUTANTS = "MUTANT_UNDER_TEST" in os.environ

#: Property-based tests run the same examples every time.
properties = settings(derandomize=True, deadline=None, max_examples=100)
thorough = settings(properties, max_examples=500)
if AGAINST_MUTANTS:
    phases = [Phase.explicit, Phase.generate]  # the first example that fails is enough
    properties = settings(properties, max_examples=12, phases=phases)
    thorough = settings(properties, max_examples=24)

Server = Callable[[Request, "Script"], Outcome]


def answer(status: int = 200, body: object = None, headers: dict[str, str] | None = None) -> Answer:
    """Return an answer; *body* is sent as JSON, unless it is bytes."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Answer(status, headers or {}, raw)


def page(*entries: dict[str, Any], more: bool = False) -> Answer:
    """Return one page of a list."""
    return answer(200, {"data": list(entries), "links": {"next": "/?page=2" if more else None}})


def refusal(errors: object, message: str = "The given data was invalid.") -> Answer:
    """Return a 422 that finds fault with these fields."""
    return answer(422, {"message": message, "errors": errors})


def lost(reason: str = "connection reset") -> Failure:
    """Return the failure after which nobody knows what became of the request."""
    return Failure(reason)


def unreachable() -> Failure:
    """Return the failure of a request that never left."""
    return Failure("connection refused", never_sent=True)


def slowly(seconds: float, outcome: Outcome) -> Server:
    """Return *outcome* that takes so many seconds to come."""

    def serve(request: Request, script: Script) -> Outcome:
        script.now += seconds
        return outcome

    return serve


def timed_out(seconds: float = 30.0) -> Server:
    """Return a request's time-out after so many seconds."""
    return slowly(seconds, Failure("timed out"))


class Script:
    """
    Hands steps what came of them.

    :param outcomes: for each request in turn its outcome, or a function that gives it.
    :param server: gives the outcome of every request beyond those.
    :param latency: how long an answer takes, in seconds.
    """

    def __init__(
        self,
        *outcomes: Outcome | Server,
        server: Server | None = None,
        start: float = NOON,
        latency: float = 0.0,
    ) -> None:
        self.now = start
        self.sent: list[Request] = []
        self.sent_at: list[float] = []
        #: The pauses that took time, in seconds, and what they were for.
        self.pauses: list[float] = []
        self.reasons: list[str] = []
        #: How far the job said it was, each time.
        self.progress: list[Progress] = []
        #: How many steps were done.
        self.steps = 0
        self._outcomes = list(outcomes)
        self._server = server
        self._latency = latency

    def run(self, steps: Steps[Any]) -> Any:
        """Run *steps* to their end and return their result."""
        return drive(steps, self.perform)

    def run_some(self, steps: Steps[Any], number: int) -> bool:
        """Run no more than *number* steps, as where the worker dies then, and return whether that was the end."""
        try:
            step, last = next(steps), self.steps + number
            while self.steps < last:
                step = steps.send(self.perform(step))
        except StopIteration:
            return True
        steps.close()
        return False

    @property
    def methods(self) -> list[str]:
        """The methods of the requests sent."""
        return [request.method for request in self.sent]

    @property
    def changes(self) -> list[str]:
        """The methods of the requests sent that change anything."""
        return [method for method in self.methods if method != "GET"]

    @property
    def pages_read(self) -> list[int]:
        """The numbers of the pages asked for."""
        return [int(request.params["page"]) for request in self.sent if "page" in request.params]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """The bodies of the requests sent that have one."""
        return [dict(request.body) for request in self.sent if request.body is not None]

    @property
    def sizes(self) -> list[int]:
        """How many items each of these bodies holds."""
        return [sum(len(one) for one in body.values() if isinstance(one, list)) for body in self.bodies]

    @property
    def left(self) -> int:
        """How many scripted outcomes nobody asked for."""
        return len(self._outcomes)

    def perform(self, step: Step) -> Any:
        """Do one step and return what came of it."""
        if isinstance(step, Progress):
            self.progress.append(step)
            return None
        self.steps += 1
        if isinstance(step, Wait):
            return self._wait(step)
        assert isinstance(step, Send)
        assert len(self.sent) < 5_000, "this goes on for ever"
        self.sent.append(step.request)
        self.sent_at.append(self.now)
        outcome = self._outcomes.pop(0) if self._outcomes else self._server
        assert outcome is not None, f"nothing is scripted for request {len(self.sent)}: {step.request}"
        self.now += self._latency
        if not isinstance(outcome, Answer | Failure):
            outcome = outcome(step.request, self)
        return replace(outcome, at=self.now)

    @property
    def told(self) -> list[tuple[str, int, int | None]]:
        """How far the job said it was, each time: the endpoint, how many were done, and of how many."""
        return [(one.request.endpoint, one.done, one.total) for one in self.progress]

    def _wait(self, wait: Wait) -> float:
        if wait.until > self.now:
            self.pauses.append(wait.until - self.now)
            self.reasons.append(wait.reason)
            self.now = wait.until
        return self.now


def flow(*, random: float = 0.5, window: float = 60.0, quota_reserve: int = 0, **options: Any) -> Flow:
    """Return a flow whose random numbers are all *random*."""
    throttle = Throttle(window=window, quota_reserve=quota_reserve, random=lambda: random)
    return Flow(throttle, random=lambda: random, **options)
