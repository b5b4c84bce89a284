from __future__ import annotations

from itertools import pairwise

import pytest

from airflow_provider_mailersend.api.pacer import Pacer

# Random numbers at which whatever may happen does happen, or doesn't. The first also makes every wait the shortest.
YES, NO = 0.0, 0.99

#: Unix seconds; the moments in this module count from here.
START = 1_000_000.0


class Dice:
    """Rolls the numbers of *rolls*, one after another, and then *always*."""

    def __init__(self, always: float = NO) -> None:
        self.always = always
        self.rolls: list[float] = []

    def __call__(self) -> float:
        return self.rolls.pop(0) if self.rolls else self.always


class Worker:
    """A worker that gets the outcomes a test says, on a limit of 60 requests per 60 seconds."""

    def __init__(self, always: float = NO) -> None:
        self.dice = Dice(always)
        self.pacer = Pacer(60, 60.0, self.dice)

    @property
    def next_at(self) -> float:
        return round(self.pacer.next_at - START, 6)

    def accepted(self, *moments: float) -> float:
        """Return when it sends next, after requests that were accepted at these moments."""
        for moment in moments:
            self.pacer.accepted(START + moment)
        return self.next_at

    def refused(self, moment: float) -> float:
        """Return when it sends next, after a request that was refused at this moment."""
        self.pacer.refused(START + moment)
        return self.next_at

    def uses_share(self) -> int:
        """Send what it plans for the beginning of its window, and return how many requests that were."""
        opens = self.next_at
        sent = 0
        while self.next_at < opens + 10:
            self.accepted(self.next_at)
            sent += 1
            assert sent <= 60
        return sent


def sharing(accepted: int, always: float = NO) -> Worker:
    """Return a worker that was refused after so many requests, all within a second. Its next window begins at 60."""
    worker = Worker(always)
    worker.accepted(*(n / accepted for n in range(accepted)))
    worker.dice.rolls = [0.0]
    assert worker.refused(1) == 60
    return worker


# Alone


def test_until_its_first_refusal_a_worker_never_waits() -> None:
    worker = Worker()
    assert worker.pacer.next_at == 0
    assert all(worker.accepted(second) <= second for second in range(150))


@pytest.mark.parametrize("accepted", [58, 59, 60])
@pytest.mark.parametrize(("number", "until"), [(0.0, 60.0), (0.5, 60.15), (1.0, 60.3)])
def test_whoever_uses_the_whole_limit_waits_until_its_window_ends(
    accepted: int, number: float, until: float
) -> None:
    worker = Worker(number)
    worker.accepted(*(n / 10 for n in range(accepted)))
    assert worker.refused(20) == until
    assert worker.accepted(90) <= 90


def test_whoever_uses_the_whole_limit_goes_on_as_fast_as_before() -> None:
    worker = Worker(YES)
    for window in (0, 61, 122):
        moments = [window + n / 100 for n in range(60)]
        assert all(worker.accepted(moment) <= moment for moment in moments)
        assert worker.refused(window + 6) == window + 60


def test_requests_of_the_window_before_are_not_counted() -> None:
    worker = Worker(YES)
    worker.accepted(*range(50), *range(60, 70))
    assert worker.refused(70) == 71  # those until 10 are a window old
    assert worker.accepted(71) > 71


def test_the_oldest_request_is_less_than_a_window_old() -> None:
    worker = Worker()
    assert worker.pacer.oldest(START) is None
    worker.accepted(0, 10)
    assert worker.pacer.oldest(START + 59.9) == START
    assert worker.pacer.oldest(START + 60) == START + 10
    assert worker.pacer.oldest(START + 70) is None


# The share of a window


@pytest.mark.parametrize(("accepted", "share"), [(57, 45), (10, 8), (5, 4), (2, 1), (1, 1)])
def test_who_notices_others_keeps_four_fifths(accepted: int, share: int) -> None:
    worker = sharing(accepted)
    worker.dice.always = YES
    moments = [60.0]
    while len(moments) < share:
        moments.append(worker.accepted(moments[-1]))
    assert moments == pytest.approx([60 + 0.3 * n for n in range(share)])
    assert worker.accepted(moments[-1]) >= 72  # at YES, it probes now


@pytest.mark.parametrize(("number", "apart"), [(0.0, 0.3), (0.5, 0.375), (1.0, 0.45)])
def test_the_requests_of_a_share_are_spaced(number: float, apart: float) -> None:
    worker = sharing(10, number)
    planned = [worker.accepted(60 + n / 100) for n in range(7)]
    assert planned == pytest.approx([60 + n * apart for n in range(1, 8)])


def test_every_workers_first_request_comes_before_any_workers_third() -> None:
    late = Worker(NO)
    late.accepted(0)
    first = late.refused(1)
    early = sharing(10, YES)
    third = early.accepted(60, 60.3)
    assert first < third


@pytest.mark.parametrize("first", [60, 60.2, 63])
def test_a_window_begins_with_the_first_request_that_is_accepted(first: float) -> None:
    worker = sharing(2)
    worker.dice.rolls = [NO, NO, 0.0]  # no probe, not one more, and no spread
    assert worker.accepted(first) == first + 60


@pytest.mark.parametrize(("number", "spread"), [(0.0, 0.0), (0.5, 0.15), (1.0, 0.3)])
def test_not_all_workers_begin_a_window_at_once(number: float, spread: float) -> None:
    worker = sharing(2)
    worker.dice.rolls = [NO, NO, number]
    assert worker.accepted(60) == 120 + spread


def test_a_share_is_what_was_accepted_in_the_window_before() -> None:
    worker = sharing(5)
    assert [worker.uses_share() for _ in range(2)] == [4, 4]


def at_the_end_of_its_share(worker: Worker, share: int, *rolls: float) -> int:
    """Return the next share, after one whose end rolls these numbers: to probe, to send one more, to send one less."""
    worker.dice.rolls = [NO] * (share - 1) + list(rolls)
    assert worker.uses_share() == share
    worker.dice.rolls = []
    assert 120 <= worker.next_at <= 121
    worker.dice.always = YES  # so the share's end is seen by the probe that follows it
    return worker.uses_share()


def test_now_and_then_a_share_is_one_more() -> None:
    assert at_the_end_of_its_share(sharing(10), 8, NO, YES, NO) == 9
    assert at_the_end_of_its_share(sharing(1), 1, NO, YES, NO) == 2
    assert at_the_end_of_its_share(sharing(10), 8, NO, 0.5, NO) == 8


def test_now_and_then_a_share_is_one_less() -> None:
    assert at_the_end_of_its_share(sharing(10), 8, NO, NO, YES) == 7
    assert at_the_end_of_its_share(sharing(3), 2, NO, NO, YES) == 1


def test_the_smallest_share_is_one() -> None:
    assert at_the_end_of_its_share(sharing(1), 1, NO, NO, YES) == 1


def test_the_larger_the_share_the_likelier_it_is_lowered() -> None:
    assert at_the_end_of_its_share(sharing(3), 2, NO, NO, 0.5) == 2
    assert at_the_end_of_its_share(sharing(10), 8, NO, NO, 0.5) == 7


# Probing


@pytest.mark.parametrize(("number", "at"), [(0.0, 72.0), (0.5, 93.0), (1.0, 114.0)])
def test_a_probe_comes_later_in_the_window(number: float, at: float) -> None:
    worker = sharing(2)
    worker.dice.rolls = [YES, number]
    assert worker.accepted(60) == at


def test_a_probe_is_not_planned_for_the_past() -> None:
    worker = sharing(3)
    worker.dice.rolls = [0.0, YES, 0.0]
    assert worker.accepted(60, 80) == 80


def test_a_probe_uses_all_that_it_finds_and_keeps_it() -> None:
    worker = sharing(2)
    worker.dice.rolls = [YES, 0.0]
    worker.accepted(60)
    for moment in (72, 72.1, 72.2):
        assert worker.accepted(moment) == moment
    assert 120 <= worker.refused(72.3) <= 120.3
    worker.dice.always = YES
    assert worker.uses_share() == 4


def test_a_probe_that_finds_nothing_leaves_the_share() -> None:
    worker = sharing(10, YES)
    assert worker.uses_share() == 8
    worker.dice.rolls = [NO, 0.0]  # not one less
    assert worker.refused(worker.next_at) == 120
    assert worker.uses_share() == 8


def test_after_a_probe_large_shares_give_way_to_small_ones() -> None:
    worker = sharing(10, YES)
    assert worker.uses_share() == 8
    worker.dice.rolls = [0.5, 0.0]
    worker.refused(worker.next_at)
    assert worker.uses_share() == 7


def test_what_a_probe_finds_ends_with_the_window() -> None:
    worker = sharing(5, YES)
    worker.uses_share()
    assert worker.accepted(72, 119.9) == 119.9
    # The next one is the first of a new window with the same share.
    assert worker.accepted(120) == 120.3
    assert worker.uses_share() == 3


def probes(worker: Worker, number: float) -> bool:
    """Use the share of a window; say whether a probe follows, at this number, in the window."""
    opens = worker.next_at
    worker.dice.always = number
    worker.uses_share()
    return worker.next_at < opens + 59


def test_windows_without_a_refusal_lead_to_a_probe() -> None:
    worker = sharing(1)
    assert [probes(worker, NO) for _ in range(3)] == [False, False, True]


def test_windows_with_a_refusal_do_not_lead_to_a_probe() -> None:
    worker = sharing(1)
    for _ in range(20):
        opens = worker.next_at
        worker.refused(opens)
        assert worker.accepted(opens + 1) >= opens + 61


def test_after_a_probe_that_found_nothing_the_next_is_less_likely() -> None:
    worker = sharing(1)
    while not probes(worker, NO):
        pass
    worker.refused(worker.next_at)
    assert not probes(worker, 0.3)
    assert probes(worker, 0.3)  # for the window before was without a refusal


def test_after_a_probe_that_found_something_the_next_is_likelier() -> None:
    found, found_too, nothing = sharing(1), sharing(1), sharing(1)
    for worker in (found, found_too, nothing):
        assert probes(worker, YES)
    for worker in (found, found_too):
        worker.accepted(worker.next_at)
    for worker in (found, found_too, nothing):
        worker.refused(worker.next_at)
    assert probes(found, 0.18)
    assert not probes(found_too, 0.3)  # likelier, but not sure: here the window ended with a refusal
    assert not probes(nothing, 0.18)


def test_however_often_a_probe_finds_nothing_there_is_another() -> None:
    worker = sharing(1)
    for _ in range(20):
        assert probes(worker, 0.04)
        worker.refused(worker.next_at)


def test_the_larger_the_share_the_likelier_a_probe() -> None:
    small, large = sharing(1), sharing(10)
    for worker in (small, large):
        assert probes(worker, YES)
        worker.dice.always = NO
        worker.refused(worker.next_at)
    assert not probes(small, 0.3)
    assert probes(large, 0.3)


def test_whoever_finds_the_whole_limit_unused_stops_sharing() -> None:
    worker = sharing(5, YES)
    assert worker.uses_share() == 4
    moments = [72 + n / 10 for n in range(56)]
    assert all(worker.accepted(moment) <= moment for moment in moments)
    assert worker.refused(80) == 120
    assert worker.accepted(140, 140.1) <= 140.1


# Refused within a share


def test_a_share_that_is_refused_is_what_was_accepted_until_then() -> None:
    worker = sharing(10)
    worker.accepted(60, 60.3, 60.6)
    assert 120 <= worker.refused(60.9) <= 120.3
    worker.dice.always = YES
    assert worker.uses_share() == 3


def test_whoever_is_refused_retries_when_a_request_of_its_own_is_a_window_old() -> None:
    worker = Worker(YES)
    worker.accepted(0, 0.5, 1)
    worker.refused(2)
    assert worker.refused(60.2) == 60.5
    # Accepted now, it sends its share.
    assert worker.accepted(60.5) == 60.8


def test_whoever_is_refused_later_retries_when_capacity_it_found_by_a_probe_is_free_again() -> None:
    worker = sharing(3, YES)
    worker.uses_share()
    worker.accepted(90, 91, 91.2)
    worker.refused(91.3)
    worker.accepted(120, 120.3)
    assert worker.refused(120.6) == 150
    assert worker.accepted(150) == 151
    assert worker.accepted(151.5) == 151.5  # that of 91.2 is free too
    worker.dice.rolls = [NO, 0.0]
    assert worker.accepted(151.6) == 180  # nothing more in this window: the next one begins, with all five
    assert worker.uses_share() == 5


def test_capacity_that_is_free_when_the_window_ends_is_left_to_the_next_one() -> None:
    worker = sharing(3, YES)
    worker.uses_share()
    worker.accepted(119.35, 119.38, 119.5)
    worker.refused(119.6)
    worker.accepted(120)
    assert worker.refused(121) == 179.35
    assert worker.accepted(179.35) == 179.38
    assert worker.accepted(179.38) == 180


def found_by_a_probe(from_: int, until: int) -> Worker:
    """Return a worker that found capacity between these moments, two requests a second, and is refused at 121."""
    worker = sharing(2, YES)
    worker.uses_share()
    worker.accepted(*(half / 2 for half in range(2 * from_, 2 * until)))
    worker.refused(until)
    worker.accepted(120)
    assert worker.refused(121) == from_ + 60
    return worker


@pytest.mark.parametrize(("number", "factor"), [(0.0, 0.5), (0.5, 1.0), (1.0, 1.5)])
def test_refusals_in_a_row_lengthen_the_wait(number: float, factor: float) -> None:
    worker = found_by_a_probe(80, 95)
    worker.dice.always = number
    assert worker.refused(140) == 140 + 3 * factor
    assert worker.refused(142) == 142 + 6 * factor
    assert worker.refused(144) == 144 + 12 * factor
    # Accepted once, the wait is short again.
    worker.accepted(149)
    assert worker.refused(149.1) == 149.5
    assert worker.refused(149.6) == 149.6 + 3 * factor


def test_refusals_in_a_row_do_not_shorten_the_wait() -> None:
    worker = Worker(YES)
    worker.accepted(0, 20, 21)
    worker.refused(22)
    worker.refused(60.1)
    assert worker.refused(60.2) == 80


def test_when_refusals_would_last_until_the_window_ends_the_next_one_begins() -> None:
    worker = found_by_a_probe(80, 105)
    assert [worker.refused(moment) for moment in (140, 145, 150, 155)] == [141.5, 148, 156, 167]
    assert worker.refused(160) == 180
    # In that one, refusals are counted anew.
    assert worker.refused(180) == 195


# Nothing accepted


@pytest.mark.parametrize(("number", "wait"), [(0.0, 15.0), (0.5, 22.5), (1.0, 30.0)])
def test_a_worker_that_got_nothing_retries_at_a_random_time(number: float, wait: float) -> None:
    assert Worker(number).refused(0) == wait


def test_a_worker_that_got_nothing_does_not_wait_for_capacity_that_is_free_late() -> None:
    worker = Worker(YES)
    worker.accepted(0, 31, 32)
    worker.refused(33)
    assert worker.refused(60) == 75


def test_a_worker_that_is_refused_again_and_again_retries_more_often_until_that_does_not_help() -> None:
    worker = Worker(YES)
    moments = [0.0]
    for _ in range(14):
        moments.append(worker.refused(moments[-1]))
    waits = [after - before for before, after in pairwise(moments)]
    assert waits == [15] * 3 + [7.5] * 8 + [15] * 3


def test_after_a_refusal_just_now_the_window_opens_with_what_is_accepted() -> None:
    worker = Worker(YES)
    worker.refused(0)
    worker.dice.rolls = [NO, NO, 0.0]
    assert worker.accepted(2.9) == 62.9


def test_after_an_earlier_refusal_it_opened_somewhere_between() -> None:
    worker = Worker(YES)
    worker.refused(0)
    # The second window has no refusal: it opens with what is accepted.
    for moment, window_ends in ((16, 68), (70, 130)):
        worker.dice.rolls = [NO, NO, 0.0]
        assert worker.accepted(moment) == window_ends
