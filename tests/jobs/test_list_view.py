"""What many know of one list, and how few requests it takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.api.entries import make_key
from airflow_provider_mailersend.api.requests import SuppressionList
from airflow_provider_mailersend.exceptions import MailerSendIncompleteListError
from airflow_provider_mailersend.jobs.list_view import ListView, Look, Requirement
from airflow_provider_mailersend.jobs.watermark import OVERLAP, Watermark
from tests.feeding.account import Account
from tests.feeding.script import NOON, Script, flow, properties
from tests.feeding.varying import VaryingAccount


class Viewer:
    """A view of an account's blocklist, looked at in virtual time."""

    def __init__(self, account: Account, latency: float = 0.1, domain_id: str | None = None) -> None:
        self.script = Script(server=account, latency=latency)
        self.account = account
        self.domain_id = domain_id
        self._flow = flow(window=0.1)
        self._view = ListView(SuppressionList.BLOCKLIST, clock=self._clock, now=self._clock)

    def _clock(self) -> float:
        return self.script.now

    @property
    def sent(self) -> int:
        return len(self.script.sent)

    def look(self, *requirements: Requirement) -> Look:
        look: Look = self.script.run(self._view.look(self._flow, self.domain_id, requirements))
        assert all(look.serves(requirement) for requirement in requirements)
        return look

    def put(self, value: str, made_at: float | None = None) -> dict[str, Any]:
        """Put an entry on the list, which appears later than it was made where that is given."""
        entry = self.account.put(value, at=self.script.now if made_at is None else made_at)
        self.account.entries.sort(key=lambda one: str(one["created_at"]), reverse=True)
        return entry

    def remove(self, value: str) -> None:
        self.account.entries = [one for one in self.account.entries if one["pattern"] != value]


class Waiter:
    """Waits for an address, as a trigger does."""

    def __init__(self, value: str) -> None:
        self.key = make_key("recipients", value)
        self._since: datetime | None = None

    @property
    def requirement(self) -> Requirement:
        return Requirement(since=self._since) if self._since else Requirement(key=self.key)

    def take(self, look: Look) -> dict[str, Any] | None:
        self._since = look.next_since
        return look.entry_of(self.key)


def viewer(entries: int, **options: Any) -> Viewer:
    account = Account()
    account.put_many(entries, newest=NOON - 3600)
    return Viewer(account, **options)


def since(viewer: Viewer) -> datetime:
    return datetime.fromtimestamp(viewer.script.now, UTC) - 2 * OVERLAP


def test_a_watcher_on_a_busy_list_reads_little_more_than_what_is_new() -> None:
    view = viewer(950)
    watermark = Watermark(datetime.fromtimestamp(NOON, UTC))
    requirement, told, added = Requirement(watermark.since), [], 0
    view.look(requirement)
    for look in range(1, 25):
        until = NOON + look * 5
        while added < 2000 * look // 24:
            view.put(f"{added}@example.com")
            added += 1
        view.script.now = max(until, view.script.now)
        found = view.look(requirement)
        requirement = Requirement(found.next_since)
        told += [entry["id"] for entry in watermark.take(found)]
    assert len(told) == len(set(told)) == 2000
    assert view.sent <= 60, view.sent


def test_a_look_reads_no_further_than_what_may_be_new() -> None:
    view = viewer(950)
    for n in range(350):
        view.put(f"{n}@x.example")
    requirement = Requirement(view.look(Requirement(since(view))).next_since)
    assert view.sent == 4, "a page for 100 entries"
    view.script.now += 5
    view.put("new@x.example")
    assert not view.look(requirement).is_deep
    assert view.sent == 4 + 2, "the page of the new entry, and one without any"


def test_on_a_busy_list_a_deep_look_finds_what_appears_late() -> None:
    view = viewer(120)
    watermark = Watermark(datetime.fromtimestamp(NOON, UTC))
    requirement, told = Requirement(watermark.since), list[str]()
    late = {"late@x.example": 10, "later@x.example": 290}
    for second in range(0, 905, 5):
        view.script.now = max(NOON + second, view.script.now)
        for n in range(20):
            view.put(f"{second}.{n}@x.example")
        for value in [value for value, made in late.items() if second - made >= 295]:
            view.put(value, made_at=NOON + late.pop(value))
        found = view.look(requirement)
        requirement = Requirement(found.next_since)
        told += [entry["pattern"] for entry in watermark.take(found)]
    assert sorted(told) == sorted(
        one["pattern"] for one in view.account.entries if not one["pattern"].startswith("old")
    )
    assert view.sent <= 2 * 181 + 4 * 30


@properties
@given(
    st.lists(
        st.tuples(st.sampled_from([5, 30, 70, 290, 310, 900]), st.integers(0, 130), st.integers(0, 290)),
        min_size=1,
        max_size=14,
    )
)
def test_what_appears_late_is_told_of_once_all_the_same(steps: list[tuple[int, int, int]]) -> None:
    view = viewer(120)
    watermark = Watermark(datetime.fromtimestamp(NOON, UTC))
    requirement, told, appears = Requirement(watermark.since), list[str](), list[tuple[float, str, float]]()

    def look() -> None:
        nonlocal requirement
        found = view.look(requirement)
        requirement = Requirement(found.next_since)
        told.extend(entry["pattern"] for entry in watermark.take(found))

    look()
    for step, (pause, count, late) in enumerate(steps):
        made = view.script.now + pause / 2
        appears += [(made + (late if n == 0 else 0), f"{step}.{n}@x.example", made) for n in range(count)]
        view.script.now += pause
        for one in [one for one in appears if one[0] <= view.script.now]:
            view.put(one[1], made_at=one[2])
            appears.remove(one)
        look()
    for _ in range(3):
        view.script.now += OVERLAP.total_seconds()
        for _, value, made in appears:
            view.put(value, made_at=made)
        appears.clear()
        look()
    expected = [one["pattern"] for one in view.account.entries if not one["pattern"].startswith("old")]
    assert sorted(told) == sorted(expected)


def test_the_whole_list_is_read_once_for_all_who_look_for_what_is_not_there() -> None:
    view = viewer(3000)
    first = [Waiter(f"nobody{n}@x.example") for n in range(10)]
    look = view.look(*[one.requirement for one in first])
    assert [one.take(look) for one in first] == [None] * 10
    assert view.sent == 30 + 30, "from the top and from the end"
    late = [Waiter(f"late{n}@x.example") for n in range(10)]
    for one in late:
        assert one.take(view.look(one.requirement)) is None
    assert view.sent == 60, "as of the last look"
    entries = {one.key[1]: view.put(one.key[1]) for one in [*first, *late]}
    view.script.now += 60
    look = view.look(first[0].requirement)
    assert all(look.serves(one.requirement) for one in [*first, *late])
    assert [one.take(look) for one in [*first, *late]] == list(entries.values())
    assert view.sent == 61


def test_who_looks_first_for_what_is_known_finds_it_where_it_stands() -> None:
    view = viewer(3000)
    Waiter("nobody@x.example").take(view.look(Requirement(key=("recipients", "nobody@x.example"))))
    here = Waiter("old100@example.org")
    entry = here.take(view.look(here.requirement))
    assert entry is not None
    assert entry["pattern"] == "old100@example.org"
    assert view.sent == 60 + 1
    requirement = Requirement(view.look(Requirement(since(view))).next_since)
    for n in range(450):
        view.put(f"new{n}@example.com")
    view.script.now += 60
    view.look(requirement)
    before = view.sent
    there = Waiter("old1500@example.org")
    assert there.take(view.look(there.requirement)) is not None
    assert view.sent <= before + 3, "pushed down by what is new"


def test_of_a_whole_reading_just_what_is_recent_is_kept() -> None:
    view = viewer(250)
    recent = view.put("recent@x.example")
    nobody = Waiter("nobody@x.example")
    nobody.take(view.look(nobody.requirement))
    before = view.sent
    look = view.look(Requirement(nobody.requirement.since, is_first=True))
    assert (look.entries, view.sent) == ([recent], before)


def test_what_was_seen_and_is_gone_is_not_there() -> None:
    view = viewer(250)
    Waiter("nobody@x.example").take(view.look(Requirement(key=("recipients", "nobody@x.example"))))
    requirement = Requirement(view.look(Requirement(since(view))).next_since)
    view.put("old3@example.org")
    view.put("gone@example.org")
    view.look(requirement)
    view.remove("gone@example.org")
    waiter = Waiter("gone@example.org")
    assert waiter.take(view.look(waiter.requirement)) is None
    before = view.sent
    late = Waiter("gone@example.org")
    assert late.take(view.look(late.requirement)) is None
    assert view.sent == before, "it is known to be gone"
    for _ in range(3):
        view.script.now += 5
        assert waiter.take(view.look(waiter.requirement)) is None
    view.put("gone@example.org")
    assert waiter.take(view.look(waiter.requirement)) is not None


def test_what_is_new_since_is_known_to_who_comes_later_and_counted_again_in_a_deep_look() -> None:
    view = viewer(120)
    moment = datetime.fromtimestamp(NOON - 60, UTC)
    for n in range(250):
        view.put(f"new{n}@example.com")
    assert view.look(Requirement(moment, is_first=True)).count_since(moment) == 250
    before = view.sent
    assert view.look(Requirement(moment, is_first=True)).count_since(moment) == 250
    assert view.sent == before
    view.remove("new200@example.com")
    assert view.look(Requirement(moment)).count_since(moment) == 250
    sure = view.look(Requirement(moment, is_deep=True))
    assert (sure.count_since(moment), sure.is_deep) == (249, True)


def test_an_entry_dated_in_the_future_hides_nothing_that_comes_after_it() -> None:
    view = viewer(5)
    watermark = Watermark(datetime.fromtimestamp(NOON, UTC))
    future = view.put("future@x.example", made_at=NOON + 86_400)
    look = view.look(Requirement(watermark.since))
    assert future in watermark.take(look)
    view.script.now += 60
    entry = view.put("a@x.example")
    assert watermark.take(view.look(Requirement(look.next_since))) == [entry]


def test_an_entry_dated_in_the_future_hides_nothing_from_deep_looks() -> None:
    view = viewer(5)
    watermark = Watermark(datetime.fromtimestamp(NOON, UTC))
    view.put("future@x.example", made_at=NOON + 86_400)
    look = view.look(Requirement(watermark.since))
    watermark.take(look)
    for n in range(3):
        view.script.now += OVERLAP.total_seconds()
        entry = view.put(f"{n}@x.example")
        look = view.look(Requirement(look.next_since))
        assert look.is_deep
        assert watermark.take(look) == [entry]


def test_what_is_new_is_looked_up_at_the_top() -> None:
    view = viewer(500)
    Waiter("nobody@x.example").take(view.look(Requirement(key=("recipients", "nobody@x.example"))))
    requirement = Requirement(view.look(Requirement(since(view))).next_since)
    for n in range(450):
        view.put(f"new{n}@example.com")
        if n in (224, 449):
            view.script.now += 60
            view.look(requirement)
    for value, page in (("new449@example.com", 1), ("old499@example.org", 5), ("old0@example.org", 9)):
        before = view.sent
        there = Waiter(value)
        assert there.take(view.look(there.requirement)) is not None
        assert view.script.pages_read[before] == page
        assert view.sent <= before + 2


def test_a_new_entry_above_many_recent_ones_is_told_of() -> None:
    view = viewer(5)
    watermark = Watermark(datetime.fromtimestamp(NOON, UTC))
    for n in range(150):
        view.put(f"{n}@x.example")
    look = view.look(Requirement(watermark.since))
    assert len(watermark.take(look)) == 150
    view.script.now += 5
    entry = view.put("new@x.example")
    look = view.look(Requirement(look.next_since))
    assert not look.is_deep
    assert watermark.take(look) == [entry]


def test_the_look_after_a_whole_reading_is_deep() -> None:
    # What was added while it was read may be anywhere on the first pages.
    view = viewer(250)
    waiter = Waiter("nobody@x.example")
    waiter.take(view.look(waiter.requirement))
    view.script.now += 5
    assert view.look(waiter.requirement).is_deep
    view.script.now += 5
    assert not view.look(waiter.requirement).is_deep


def test_a_domain_s_list_is_looked_at_alone() -> None:
    account = Account()
    for n in range(150):
        for domain_id in ("d1", "d2"):
            account.put(f"old{n}@{domain_id}.example", at=NOON - 3600 + n, domain_id=domain_id)
    view = Viewer(account, domain_id="d1")
    there, elsewhere = Waiter("old0@d1.example"), Waiter("old0@d2.example")
    assert there.take(view.look(there.requirement)) is not None
    assert elsewhere.take(view.look(elsewhere.requirement)) is None
    view.script.now += 60
    account.put("old0@d2.example", at=view.script.now, domain_id="d2")
    assert elsewhere.take(view.look(elsewhere.requirement)) is None
    assert {request.params.get("domain_id") for request in view.script.sent} == {"d1"}


@pytest.mark.parametrize(("ahead", "tells_date"), [(7200, True), (-7200, True), (0, False)])
def test_a_look_tells_the_time_of_the_api(ahead: float, tells_date: bool) -> None:
    view = Viewer(Account(ahead=ahead, tells_date=tells_date))
    now = view.look(Requirement(since(view))).now
    assert now is not None
    assert now.timestamp() - view.script.now == pytest.approx(ahead, abs=0.9)


def test_who_waits_is_not_served_by_what_was_known_before() -> None:
    view = viewer(50)
    waiter, late = Waiter("a@x.example"), Waiter("b@x.example")
    waiter.take(view.look(waiter.requirement))
    look = view.look(late.requirement)
    assert not look.serves(waiter.requirement)
    assert view.sent == 1


def test_a_list_that_is_not_newest_first_is_read_to_its_end() -> None:
    view = viewer(250)
    view.account.entries.reverse()
    waiter = Waiter("a@x.example")
    assert waiter.take(view.look(waiter.requirement)) is None
    for _ in range(3):
        view.script.now += 5
        assert waiter.take(view.look(waiter.requirement)) is None
    view.account.entries.append(view.account.put("a@x.example", at=view.script.now))
    del view.account.entries[0]
    assert waiter.take(view.look(waiter.requirement)) is not None


def test_a_list_that_cannot_be_read_whole_is_read_twice_and_then_waited_for() -> None:
    account = VaryingAccount()
    for n in range(1000):
        account.put(f"old{n}@example.org", at=NOON - 3600, domain_id="d1")
    top = account.put("top@x.example", at=NOON - 600, domain_id="d1")
    view = Viewer(account, domain_id="d1")
    waiter, there = Waiter("nobody@x.example"), Waiter("top@x.example")
    with pytest.raises(MailerSendIncompleteListError):
        view.look(waiter.requirement, there.requirement)
    look = view.look(waiter.requirement, there.requirement)
    assert (waiter.take(look), there.take(look)) == (None, top)
    view.script.now += 60
    account.put("nobody@x.example", at=view.script.now, domain_id="d1")
    assert waiter.take(view.look(waiter.requirement)) is not None
    assert {request.params.get("domain_id") for request in view.script.sent} == {"d1"}


@properties
@given(
    st.lists(
        st.tuples(
            st.integers(1, 400),
            st.lists(st.integers(0, 12), max_size=3),
            st.lists(st.integers(0, 12), max_size=3),
            st.lists(st.integers(0, 12), max_size=3),
            st.integers(0, 120),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_nobody_is_told_of_what_is_not_there_and_nobody_waits_for_what_is(steps: list[Any]) -> None:
    view = viewer(150)
    waiting: list[Waiter] = []
    fill = 0

    def look() -> None:
        found = view.look(*[one.requirement for one in waiting])
        there = {one["pattern"] for one in view.account.entries}
        for one in list(waiting):
            if (entry := one.take(found)) is not None:
                assert entry["pattern"] in there
                waiting.remove(one)

    for pause, added, removed, come, others in steps:
        for n in removed:
            view.remove(f"{n}@x.example")
        for n in added:
            view.put(f"{n}@x.example")
        for _ in range(others):
            view.put(f"fill{fill}@y.example")
            fill += 1
        waiting += [Waiter(f"{n}@x.example") for n in come]
        look()
        view.script.now += pause
    for _ in range(2):
        view.script.now += OVERLAP / timedelta(seconds=1)
        look()
    there = {one["pattern"] for one in view.account.entries}
    assert [one.key for one in waiting if one.key[1] in there] == []
