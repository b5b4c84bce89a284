from __future__ import annotations

from collections.abc import Callable
from random import Random
from statistics import mean

import pytest

from tests.feeding.crowd import Crowd, Limit, Worker, fixed_window, run, sliding_window
from tests.feeding.script import AGAINST_MUTANTS

LIMITS = pytest.mark.parametrize("window", [fixed_window, sliding_window])

SEEDS = range(3 if AGAINST_MUTANTS else 8)


def crowds(workers: int, requests: int, window: Callable[[], Limit]) -> list[Crowd]:
    """Let so many workers of so many requests begin within two seconds, once for each seed."""
    return [
        run(
            [Worker(requests, Random(f"{seed}/{n}").random() * 2) for n in range(workers)],
            window(),
            seed=seed,
        )
        for seed in SEEDS
    ]


@LIMITS
@pytest.mark.parametrize(("workers", "requests"), [(24, 30), (16, 60), (10, 60)])
def test_nobody_starves_in_a_crowd(workers: int, requests: int, window: Callable[[], Limit]) -> None:
    for crowd in crowds(workers, requests, window):
        assert [worker.error for worker in crowd.workers] == [None] * workers
        assert crowd.longest_wait <= 5


@LIMITS
@pytest.mark.parametrize(("workers", "requests"), [(24, 30), (16, 60), (4, 300), (1, 300)])
def test_a_crowd_uses_its_limit_and_is_seldom_refused(
    workers: int, requests: int, window: Callable[[], Limit]
) -> None:
    seen = crowds(workers, requests, window)
    assert mean(crowd.used_while_busy(max(1, workers // 2)) for crowd in seen) >= 0.95
    assert mean(crowd.refused_share for crowd in seen) <= (0.2 if workers > 4 else 0.06)


@pytest.mark.parametrize(("workers", "requests"), [(24, 30), (16, 60), (4, 300), (1, 300)])
def test_the_last_of_a_crowd_take_what_the_others_leave(workers: int, requests: int) -> None:
    assert mean(crowd.used_share for crowd in crowds(workers, requests, fixed_window)) >= 0.9


def test_four_workers_use_a_sliding_window() -> None:
    seen = crowds(4, 300, sliding_window)
    assert mean(crowd.used_share for crowd in seen) >= 0.92
    assert mean(crowd.used_while_busy(2) for crowd in seen) >= 0.97


@LIMITS
def test_newcomers_come_to_their_turn_beside_a_long_job(window: Callable[[], Limit]) -> None:
    for seed in SEEDS:
        workers = [Worker(600), *(Worker(5, starts_at=200.0) for _ in range(5))]
        crowd = run(workers, window(), seed=seed)
        assert not any(worker.error for worker in workers)
        assert crowd.longest_wait <= 5


def test_whoever_is_alone_is_refused_once_a_window() -> None:
    crowd = run([Worker(300)], fixed_window())
    assert len(crowd.refused) == 4
