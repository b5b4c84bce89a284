"""Many workers on one account, in virtual time: each drives a flow of its own, and none knows of the others."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

from airflow_provider_mailersend.api.answers import Answer
from airflow_provider_mailersend.api.flow import Flow, Send, Steps, Wait
from airflow_provider_mailersend.api.requests import list_recipients
from airflow_provider_mailersend.api.throttle import RATE_LIMIT, RATE_WINDOW, Throttle
from airflow_provider_mailersend.exceptions import MailerSendError

from .script import NOON

#: Whether a request at this moment is within the limit; one that is not does not count.
Limit = Callable[[float], bool]


def fixed_window() -> Limit:
    """A window that opens with the first request after the last one's end."""
    ends, used = 0.0, 0

    def take(now: float) -> bool:
        nonlocal ends, used
        if now >= ends:
            ends, used = now + RATE_WINDOW, 0
        used += 1
        return used <= RATE_LIMIT

    return take


def sliding_window() -> Limit:
    """The requests of the last minute, at any moment."""
    taken: deque[float] = deque()

    def take(now: float) -> bool:
        while taken and taken[0] <= now - RATE_WINDOW:
            taken.popleft()
        if len(taken) >= RATE_LIMIT:
            return False
        taken.append(now)
        return True

    return take


@dataclass
class Worker:
    """
    One task process.

    :param requests: how many requests its job takes, one after another.
    :param starts_at: when it begins, in seconds.
    """

    requests: int
    starts_at: float = 0.0
    ended_at: float = 0.0
    longest_wait: float = 0.0
    error: MailerSendError | None = None

    def job(self, flow: Flow) -> Steps[None]:
        for _ in range(self.requests):
            begun = yield Wait(0.0)
            yield from flow.send(list_recipients())
            self.ended_at = yield Wait(0.0)
            self.longest_wait = max(self.longest_wait, self.ended_at - begun)


@dataclass
class Crowd:
    """What became of the workers: moments in seconds from the start."""

    workers: Sequence[Worker]
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    @property
    def longest_wait(self) -> float:
        """How long one request took at the most, in windows."""
        return max(worker.longest_wait for worker in self.workers) / RATE_WINDOW

    @property
    def refused_share(self) -> float:
        """How many of the requests were answered with 429."""
        return len(self.refused) / (len(self.refused) + len(self.accepted))

    @property
    def used_share(self) -> float:
        """How much of what the account allows was used in the windows that were begun until all was done."""
        windows = int(max(self.accepted) // RATE_WINDOW) + 1
        return len(self.accepted) / (windows * RATE_LIMIT)

    def used_while_busy(self, least_busy: int) -> float:
        """How much of what the account allows was used in the whole windows in which so many had work left."""
        ends = sorted(worker.ended_at for worker in self.workers)
        until = ends[-least_busy] - NOON
        windows = int(until // RATE_WINDOW)
        return sum(at < windows * RATE_WINDOW for at in self.accepted) / (windows * RATE_LIMIT)


def run(workers: Sequence[Worker], limit: Limit, *, seed: int = 0, latency: float = 0.1) -> Crowd:
    """Let *workers* work until all are done, their answers without limit headers."""
    random = Random(seed)
    crowd = Crowd(workers)
    events: list[tuple[float, int, object]] = []
    jobs = []
    for number, worker in enumerate(workers):
        flow = Flow(Throttle(random=random.random), random=random.random)
        jobs.append(worker.job(flow))
        heapq.heappush(events, (NOON + worker.starts_at, number, None))
    while events:
        now, number, outcome = heapq.heappop(events)
        if isinstance(outcome, Send):
            is_taken = limit(now)
            (crowd.accepted if is_taken else crowd.refused).append(now - NOON)
            arrives = now + latency * random.random()
            answer = Answer(200 if is_taken else 429, at=arrives)
            heapq.heappush(events, (arrives, number, answer))
            continue
        try:
            step = jobs[number].send(outcome)
            while isinstance(step, Wait) and step.until <= now:
                step = jobs[number].send(now)
        except StopIteration:
            continue
        except MailerSendError as error:
            workers[number].error = error
            continue
        if isinstance(step, Wait):
            heapq.heappush(events, (step.until, number, step.until))
        else:
            heapq.heappush(events, (now + latency * random.random(), number, step))
    return crowd
