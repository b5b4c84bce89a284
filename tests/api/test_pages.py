from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.api import requests
from airflow_provider_mailersend.api.answers import Answer, Outcome, parse_entries, parse_object, parse_quota
from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.flow import Flow
from airflow_provider_mailersend.api.pages import WholeList
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.exceptions import MailerSendUnexpectedAnswerError
from tests.feeding.account import FAULTS, Account, minutes
from tests.feeding.samples import BLOCKLIST
from tests.feeding.script import NOON, Script, Server, answer, flow, page, properties

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def entry(id_: str, created_at: object = None) -> Entry:
    return {"id": id_, "created_at": created_at}


def entries_at(*hours: float, prefix: str = "e") -> list[Entry]:
    return [
        entry(f"{prefix}{n}", (DAY + timedelta(hours=hour)).isoformat(sep=" ")[:19])
        for n, hour in enumerate(hours)
    ]


def pages_of(entries: list[Entry], *, data_alone: bool = False) -> Server:
    """Return a server that pages through a list that stands still."""

    def serve(request: Request, script: Script) -> Outcome:
        number, limit = int(request.params["page"]), int(request.params["limit"])
        held = entries[(number - 1) * limit : number * limit]
        if data_alone:
            return answer(200, {"data": held})
        return page(*held, more=len(entries) > number * limit)

    return serve


def read_all(script: Script, whole: WholeList, sender: Flow | None = None) -> list[Entry]:
    sender, found = sender or flow(), list[Entry]()
    while whole.request is not None:
        found += script.run(sender.read_page(whole))
    return found


def ids(entries: list[Entry]) -> list[str]:
    return [each["id"] for each in entries]


@pytest.mark.parametrize("number", [0, 1, 99, 100, 101, 200, 100_000])
def test_a_list_is_read_whole_and_in_order_with_no_request_too_many(number: int) -> None:
    entries = [entry(f"e{n}") for n in range(number)]
    script = Script(server=pages_of(entries))
    assert read_all(script, WholeList(BLOCKLIST)) == entries
    assert len(script.sent) == max(1, math.ceil(number / 100))


def test_every_page_is_asked_with_the_limit_and_the_own_filters() -> None:
    asked = requests.list_sms_recipients(requests.SmsRecipientStatus.ACTIVE, "n1")
    script = Script(server=pages_of([entry(f"e{n}") for n in range(250)]))
    read_all(script, WholeList(asked))
    assert [dict(request.params) for request in script.sent] == [
        {"status": "active", "sms_number_id": "n1", "page": number, "limit": 100} for number in (1, 2, 3)
    ]
    assert {request.path for request in script.sent} == {"/sms-recipients"}


def test_the_link_to_the_next_page_is_only_a_flag() -> None:
    elsewhere = answer(200, {"data": [entry("a")], "links": {"next": "https://evil.example/?page=7"}})
    script = Script(elsewhere, page(entry("b")))
    assert ids(read_all(script, WholeList(BLOCKLIST))) == ["a", "b"]
    assert script.sent[1] == BLOCKLIST.at_page(2)


@pytest.mark.parametrize(("number", "asked"), [(0, 1), (1, 2), (100, 2), (101, 3)])
def test_a_list_of_data_alone_ends_with_an_empty_page(number: int, asked: int) -> None:
    entries = [entry(f"e{n}") for n in range(number)]
    script = Script(server=pages_of(entries, data_alone=True))
    assert read_all(script, WholeList(BLOCKLIST)) == entries
    assert len(script.sent) == asked


def test_a_short_page_is_no_end_where_more_is_said_to_come() -> None:
    script = Script(page(entry("a"), more=True), page(entry("b")))
    assert ids(read_all(script, WholeList(BLOCKLIST))) == ["a", "b"]


def test_an_empty_page_ends_the_list_whatever_its_links_say() -> None:
    script = Script(page(entry("a"), more=True), page(more=True))
    assert ids(read_all(script, WholeList(BLOCKLIST))) == ["a"]


@pytest.mark.parametrize("links", [None, [], {}, "next", {"prev": None}])
def test_links_of_another_shape_are_as_good_as_none(links: object) -> None:
    script = Script(answer(200, {"data": [entry("a")], "links": links}), page(entry("b")))
    assert ids(read_all(script, WholeList(BLOCKLIST))) == ["a", "b"]


def test_a_list_that_is_not_paged_at_all_is_not_read_for_ever() -> None:
    script = Script(server=lambda request, script: answer(200, {"data": [entry("a")]}))
    with pytest.raises(MailerSendUnexpectedAnswerError, match="same page over and over"):
        read_all(script, WholeList(BLOCKLIST))
    assert len(script.sent) == 4


def test_a_list_that_has_been_read_cannot_be_read_on() -> None:
    whole = WholeList(BLOCKLIST)
    whole.read(page())
    assert whole.request is None
    with pytest.raises(RuntimeError, match="read to its end"):
        whole.read(page())
    assert Script().run(flow().read_page(whole)) == []


def test_a_page_that_cannot_be_read_is_asked_for_again_when_one_goes_on() -> None:
    whole = WholeList(BLOCKLIST)
    with pytest.raises(MailerSendUnexpectedAnswerError):
        whole.read(answer(200, b"<html>"))
    assert whole.request == BLOCKLIST
    assert ids(whole.read(page(entry("a")))) == ["a"]


@properties
@given(
    st.integers(0, 350),
    st.lists(st.integers(0, 250), max_size=5),
    st.lists(st.sampled_from(FAULTS), max_size=4),
    st.booleans(),
)
def test_entries_come_once_each_while_others_are_added(
    number: int, additions: list[int], faults: list[str], with_since: bool
) -> None:
    account = Account(faults=faults)
    account.put_many(number, newest=NOON - minutes(1))
    at_first = list(account.entries)
    to_add = list(additions)

    def serve(request: Request, script: Script) -> Outcome:
        outcome = account(request, script)
        for _ in range(to_add.pop(0) if to_add else 0):
            account.put("new@example.com", at=script.now)
        return outcome

    since = datetime.fromtimestamp(NOON - minutes(40), UTC) if with_since else None
    found = read_all(Script(server=serve), WholeList(BLOCKLIST, since=since), flow(max_retries=10))
    assert len(ids(found)) == len(set(ids(found)))
    expected = ids(at_first)[:40] if with_since else ids(at_first)
    assert [id_ for id_ in ids(found) if id_ in set(ids(at_first))] == expected


@pytest.mark.parametrize(
    ("since", "until", "kept"),
    [
        (None, None, [5, 4, 3, 2, 1]),
        (3, None, [5, 4, 3]),
        (None, 3, [2, 1]),
        (2, 4, [3, 2]),
        (3, 3, []),
        (9, None, []),
        (None, 0, []),
    ],
)
def test_what_is_kept_was_made_at_since_or_later_and_before_until(
    since: int | None, until: int | None, kept: list[int]
) -> None:
    hours = [5, 4, 3, 2, 1]
    whole = WholeList(
        BLOCKLIST,
        since=None if since is None else DAY + timedelta(hours=since),
        until=None if until is None else DAY + timedelta(hours=until),
    )
    found = whole.read(page(*entries_at(*hours)))
    assert [hours[int(id_[1:])] for id_ in ids(found)] == kept


def test_bounds_in_another_zone_mean_the_same_moment() -> None:
    in_the_east = (DAY + timedelta(hours=3)).astimezone().astimezone(tz=None)
    found = WholeList(BLOCKLIST, since=in_the_east).read(page(*entries_at(4, 3, 2)))
    assert ids(found) == ["e0", "e1"]


def test_a_date_with_a_zone_is_compared_by_its_moment() -> None:
    whole = WholeList(BLOCKLIST, since=DAY, until=DAY + timedelta(hours=1))
    found = whole.read(
        page(
            entry("in", "2026-03-01T02:30:00+02:00"),
            entry("out", "2026-03-01T00:30:00+02:00"),
            entry("utc", "2026-03-01 00:30:00"),
        )
    )
    assert ids(found) == ["in", "utc"]


def test_reading_stops_at_the_page_that_goes_past_since() -> None:
    script = Script(server=pages_of(entries_at(*range(1000, 0, -1))))
    found = read_all(script, WholeList(BLOCKLIST, since=DAY + timedelta(hours=850)))
    assert len(found) == 151
    assert len(script.sent) == 2


def test_an_entry_at_since_itself_may_have_others_behind_it() -> None:
    entries = entries_at(*[5.0] * 100, *[4.0] * 150, 3.0)
    script = Script(server=pages_of(entries))
    assert len(read_all(script, WholeList(BLOCKLIST, since=DAY + timedelta(hours=4)))) == 250
    assert len(script.sent) == 3


def test_until_alone_ends_nothing_early() -> None:
    script = Script(server=pages_of(entries_at(*range(300, 0, -1))))
    assert len(read_all(script, WholeList(BLOCKLIST, until=DAY + timedelta(hours=10)))) == 9
    assert len(script.sent) == 3


@pytest.mark.parametrize(
    "hours",
    [
        pytest.param([*range(400)], id="oldest first"),
        pytest.param(
            [*range(299, 200, -1), 220, *range(400, 300, -1), 50, 250], id="new ones behind old ones"
        ),
        pytest.param([3, 1, 2, *range(350)], id="one out of its place at the start"),
        pytest.param([n * 7919 % 400 for n in range(400)], id="shuffled"),
    ],
)
def test_no_entry_of_an_unsorted_list_is_lost(hours: list[int]) -> None:
    entries = entries_at(*hours)
    script = Script(server=pages_of(entries))
    found = read_all(script, WholeList(BLOCKLIST, since=DAY + timedelta(hours=210)))
    assert ids(found) == [f"e{n}" for n, hour in enumerate(hours) if hour >= 210]


@properties
@given(st.lists(st.integers(0, 60), max_size=350), st.integers(0, 60))
def test_reading_ends_early_only_where_all_that_was_read_is_newest_first(
    hours: list[int], since: int
) -> None:
    entries = entries_at(*hours)
    script = Script(server=pages_of(entries))
    found = read_all(script, WholeList(BLOCKLIST, since=DAY + timedelta(hours=since)))
    read = hours[: len(script.sent) * 100]
    assert ids(found) == [f"e{n}" for n, hour in enumerate(read) if hour >= since]
    if len(read) < len(hours):
        assert read == sorted(read, reverse=True)
        assert read[-1] < since


def test_the_order_is_watched_over_the_borders_of_pages() -> None:
    entries = entries_at(*range(300, 200, -1), *range(400, 300, -1), *range(150, 50, -1), 500)
    script = Script(server=pages_of(entries))
    found = read_all(script, WholeList(BLOCKLIST, since=DAY + timedelta(hours=160)))
    assert found[-1]["id"] == "e300"


def test_a_page_of_one_date_proves_no_order() -> None:
    # One addition of many gives all its entries one date, and a list may be oldest first.
    entries = entries_at(*[1.0] * 150, *[9.0] * 50)
    found = read_all(Script(server=pages_of(entries)), WholeList(BLOCKLIST, since=DAY + timedelta(hours=5)))
    assert len(found) == 50


def test_entries_pushed_onto_the_next_page_do_not_look_unsorted() -> None:
    entries = entries_at(*range(1000, 0, -1))

    def serve(request: Request, script: Script) -> Outcome:
        number = int(request.params["page"])
        added = entries_at(*[2000 + n for n in range(len(script.sent) * 30)], prefix="new")[::-1]
        held = [*added, *entries][(number - 1) * 100 : number * 100]
        return page(*held, more=True)

    script = Script(server=serve)
    found = read_all(script, WholeList(BLOCKLIST, since=DAY + timedelta(hours=850)))
    assert [id_ for id_ in ids(found) if id_.startswith("e")] == [f"e{n}" for n in range(151)]
    assert script.pages_read == [1, 2, 3, 1], "to the end, and once more for what was added"


@pytest.mark.parametrize("date", ["2022-01-01T12:00:0003.000000Z", "", None, 5, {}])
def test_an_entry_whose_date_cannot_be_read_is_kept_and_its_date_told(date: object) -> None:
    whole = WholeList(BLOCKLIST, since=DAY, until=DAY + timedelta(hours=2))
    found = whole.read(page(*entries_at(1), entry("odd", date), *entries_at(-1, prefix="old")))
    assert ids(found) == ["e0", "odd"]
    assert whole.unreadable_dates == [date]


def test_an_entry_without_a_date_is_kept() -> None:
    whole = WholeList(BLOCKLIST, since=DAY)
    assert ids(whole.read(page({"id": "odd"}))) == ["odd"]
    assert whole.unreadable_dates == [None]


def test_a_date_out_of_the_calendar_loses_no_entry() -> None:
    whole = WholeList(BLOCKLIST, since=DAY)
    assert ids(whole.read(page(entry("odd", "0001-01-01T00:00:00+05:00")))) == ["odd"]


def test_unreadable_dates_do_not_matter_where_no_dates_are_asked_for() -> None:
    whole = WholeList(BLOCKLIST)
    assert ids(whole.read(page(entry("odd", "never")))) == ["odd"]
    assert whole.unreadable_dates == []


def test_a_page_of_unreadable_dates_ends_nothing_early() -> None:
    entries = [entry(f"odd{n}", "never") for n in range(100)] + entries_at(9, 1)
    found = read_all(Script(server=pages_of(entries)), WholeList(BLOCKLIST, since=DAY + timedelta(hours=5)))
    assert len(found) == 101


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>", "a body that isn't valid JSON"),
        (b"", "a body that isn't valid JSON"),
        (b"\xff\xfe", "a body that isn't valid JSON"),
        (b"[" * 100_000, "a body that isn't valid JSON"),
        ([], "JSON that is a list, not an object"),
        (None, "a body that isn't valid JSON"),
        ("text", "JSON that is a str, not an object"),
        ({}, "without a list 'data'"),
        ({"data": None}, "without a list 'data'"),
        ({"data": {"id": "a"}}, "without a list 'data'"),
        ({"data": ["a"]}, "no string 'id'"),
        ({"data": [{}]}, "no string 'id'"),
        ({"data": [{"id": 7}]}, "no string 'id'"),
    ],
)
def test_an_answer_that_is_no_page_is_told_apart(body: object, why: str) -> None:
    with pytest.raises(MailerSendUnexpectedAnswerError, match=why) as caught:
        WholeList(BLOCKLIST).read(answer(200, body))
    assert "GET /suppressions/blocklist answered 200" in str(caught.value)
    assert not caught.value.permanent


def test_the_one_thing_of_an_answer_is_its_data() -> None:
    assert parse_object(BLOCKLIST, answer(200, {"data": {"id": "a"}})) == {"id": "a"}
    assert parse_entries(BLOCKLIST, page(entry("a"))) == [entry("a")]


@pytest.mark.parametrize("body", [{}, {"data": []}, {"data": None}, [], b"<html>"])
def test_an_answer_without_its_one_thing_is_told_apart(body: object) -> None:
    with pytest.raises(MailerSendUnexpectedAnswerError):
        parse_object(BLOCKLIST, answer(200, body))


def test_a_quota_is_read() -> None:
    said = {"quota": 1000, "remaining": 752, "reset": "2023-04-15T00:00:00Z"}
    assert parse_quota(requests.get_api_quota(), answer(200, {**said, "more": 1})) == said
    assert parse_quota(requests.get_api_quota(), answer(200, {"quota": -1, "remaining": -1})) == {
        "quota": -1,
        "remaining": -1,
        "reset": None,
    }


@pytest.mark.parametrize(
    "body", [{}, {"quota": 1, "remaining": "7"}, {"quota": True, "remaining": 1}, {"remaining": 1}, [], b""]
)
def test_a_quota_without_its_numbers_is_told_apart(body: object) -> None:
    with pytest.raises(MailerSendUnexpectedAnswerError):
        parse_quota(requests.get_api_quota(), answer(200, body))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["data", "links", "next", "id", "created_at", "quota", "remaining", "reset", "meta"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@properties
@given(st.one_of(anything, st.binary(), st.text().map(str.encode)))
@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda said: WholeList(BLOCKLIST, since=DAY, until=DAY).read(said), id="page"),
        pytest.param(lambda said: parse_quota(BLOCKLIST, said), id="quota"),
        pytest.param(lambda said: parse_object(BLOCKLIST, said), id="one thing"),
        pytest.param(lambda said: parse_entries(BLOCKLIST, said), id="entries"),
    ],
)
def test_no_body_is_too_odd_to_be_read_or_told_apart(read: Callable[[Answer], object], body: object) -> None:
    with suppress(MailerSendUnexpectedAnswerError):
        read(answer(200, body))


def test_how_many_were_met_is_counted_once_each_and_whatever_their_dates() -> None:
    entries = entries_at(*range(250, 0, -1))
    pages = page(*entries[:100], more=True), page(*entries[99:199], more=True), page(*entries[199:])
    script = Script(*pages, server=pages_of(entries))
    whole = WholeList(BLOCKLIST, since=DAY + timedelta(hours=1))
    read_all(script, whole)
    assert whole.count == 250


@pytest.mark.parametrize(
    ("meta", "total"),
    [
        ({"total": 250}, 250),
        ({"total": 0}, 0),
        ({"total": "250"}, None),
        ({"total": None}, None),
        ({}, None),
        ([250], None),
        (None, None),
    ],
)
def test_how_many_there_are_is_known_where_the_api_tells(meta: object, total: int | None) -> None:
    body = {"data": [entry("a"), entry("b")], "links": {"next": None}, "meta": meta}
    whole, script = WholeList(BLOCKLIST), Script(answer(200, body))
    assert (whole.count, whole.total) == (0, None)
    read_all(script, whole)
    assert (whole.count, whole.total) == (2, total)
    assert script.told == [(BLOCKLIST.endpoint, 2, total)]


def test_a_list_without_meta_tells_no_total() -> None:
    whole = WholeList(BLOCKLIST)
    read_all(Script(page(entry("a"))), whole)
    assert (whole.count, whole.total) == (1, None)


def test_each_page_tells_how_far_it_is() -> None:
    whole, script = WholeList(BLOCKLIST), Script(server=pages_of([entry(f"e{n}") for n in range(250)]))
    read_all(script, whole)
    assert script.told == [(BLOCKLIST.endpoint, done, None) for done in (100, 200, 250)]


def test_a_list_that_repeats_two_pages_in_turn_ends_with_an_error() -> None:
    two = [[entry(f"{which}{n}") for n in range(100)] for which in "ab"]
    script = Script(server=lambda request, script: page(*two[int(request.params["page"]) % 2], more=True))
    with pytest.raises(MailerSendUnexpectedAnswerError, match="nothing new on 12 pages in a row"):
        read_all(script, WholeList(BLOCKLIST))
    assert len(script.sent) == 14


@pytest.mark.parametrize("number", [500, 1000, 1100])
def test_a_large_addition_that_pushes_entries_by_many_pages_is_no_error(number: int) -> None:
    account = Account()
    account.put_many(600, newest=NOON - minutes(1))
    at_first = ids(account.entries)

    def serve(request: Request, script: Script) -> Outcome:
        if len(script.sent) == 4:
            for n in range(number):
                account.put(f"new{n}@example.com", at=script.now)
        return account(request, script)

    found = read_all(Script(server=serve), WholeList(BLOCKLIST))
    assert set(at_first) <= set(ids(found))


def test_many_entries_of_one_second_are_read_once_and_not_at_every_look() -> None:
    account, sender = Account(), flow()
    for n in range(5000):
        account.put(f"old{n}@example.org", at=NOON)
    requests_of_each = []
    for _ in range(3):
        script = Script(server=account)
        since = datetime.fromtimestamp(NOON + 60, UTC)
        assert read_all(script, WholeList(BLOCKLIST, since=since), sender) == []
        requests_of_each.append(len(script.sent))
    assert requests_of_each == [50, 1, 1]


def test_a_list_of_one_second_that_shows_not_to_be_newest_first_is_read_whole_again() -> None:
    entries, sender = entries_at(*[1.0] * 250), flow()
    since = DAY + timedelta(hours=2)
    assert read_all(Script(server=pages_of(entries)), WholeList(BLOCKLIST, since=since), sender) == []
    entries[50]["created_at"] = entries_at(3.0)[0]["created_at"]
    for _ in range(2):
        script = Script(server=pages_of(entries))
        assert len(read_all(script, WholeList(BLOCKLIST, since=since), sender)) == 1
        assert len(script.sent) == 3
