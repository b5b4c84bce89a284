"""Reading a list page by page, and again where its order changed from one request to the next."""

from __future__ import annotations

from datetime import datetime

from airflow_provider_mailersend.api.answers import Answer, parse_page, unexpected_answer
from airflow_provider_mailersend.api.compact_set import CompactSet
from airflow_provider_mailersend.api.entries import Entry, created_at
from airflow_provider_mailersend.api.requests import Request

# How often the same page may be repeated, and how many pages in a row may hold nothing new: a large addition pushes
# what was read onto as many. Beyond that, the list isn't paged at all.
_MOST_REPEATS = 3
_MOST_WITHOUT_NEW = 12

#: How often a list is read to its end at most.
_MOST_READINGS = 3


class WholeList:
    """
    Reads a list: send :attr:`request`, pass the response to :meth:`read`, until :attr:`request` is None.

    Each entry is returned once. One that comes twice is a sign that another was missed, as entries created in the same
    second may change places between two requests: then the list is read again. Entries added meanwhile explain it too,
    as each pushes another onto the next page; they are on the first page then, which is read again to see that, above
    the same entries in the same order.

    :param request: the request for the first page.
    :param since: leave out entries created before this moment.
    :param until: leave out entries created at this moment or later.
    """

    def __init__(
        self, request: Request, *, since: datetime | None = None, until: datetime | None = None
    ) -> None:
        self.since = since
        self.until = until
        #: The list's length where the API says it: documented for all lists, observed for domains alone.
        self.total: int | None = None
        #: Whether what was read, or :meth:`expect_newest_first`, shows that the list is newest first.
        self.is_newest_first = False
        #: Whether entries may be missing: the order kept changing.
        self.may_be_incomplete = False
        #: The dates that could not be read; their entries were kept.
        self.unreadable_dates: list[object] = []
        self._first_request = request
        # The ids read: by any reading, and by this one.
        self._known = self._seen = CompactSet()
        # Whether entries came again that additions meanwhile cannot all have pushed there.
        self._order_varied = False
        self._readings = 0
        # How many repetitions of the last reading nothing explains yet.
        self._gap = 0
        # The ids on the first page of this reading.
        self._start: list[str] = []
        self._begin_reading()

    def _begin_reading(self) -> None:
        #: The next request to send, None once the list is read.
        self.request: Request | None = self._first_request
        self._readings += 1
        self._start_before = self._start
        self._known_before = len(self._known)
        self._page = 1
        self._rows = 0
        self._never_rose = True
        self._falls = False
        self._last_date: datetime | None = None
        self._last_ids: list[str] = []
        self._repeats = 0
        self._pages_without_new = 0

    @property
    def count(self) -> int:
        return len(self._known)

    def has_met(self, id_: str) -> bool:
        return id_ in self._known

    def expect_newest_first(self) -> None:
        """Assume that the list is newest first, as an earlier reading showed, until this one shows otherwise."""
        self._falls = True

    def leave_out_before(self, moment: datetime) -> None:
        """Leave out entries created before *moment*, from the next page on."""
        self.since = moment.replace(microsecond=0)

    def read(self, answer: Answer) -> list[Entry]:
        """
        Return the new entries of a page, and set :attr:`request` to the next request.

        :raises MailerSendUnexpectedAnswerError: the response isn't a page of a list.
        """
        if self.request is None:
            raise RuntimeError("the list has been read to its end")
        entries, is_last, self.total = parse_page(self.request, answer)
        ids = [entry["id"] for entry in entries]
        if self._page == 1:
            self._start = ids
        if self._gap and _in_another_order(self._start_before, ids):
            self._order_varied = True
        fresh = self._fresh(entries)
        self._stop_if_unpaged(self.request, answer, ids, has_new=bool(fresh))
        new = fresh if self._seen is self._known else [one for one in fresh if self._known.add(one["id"])]
        is_all_new = len(new) == len(entries)
        if self.since is not None or self.until is not None:
            new = [entry for entry in new if self._is_within(entry)]
            self._watch_order(fresh)
            # A list that is sorted by something else may begin with dates that fall.
            is_last = is_last or (self.request.grows_at_one_end and self._is_past_since())
        self._page += 1
        self.request = None if is_last else self.request.at_page(self._page)
        # Entries of one second show no order: a longer list of only those is read whole once, not each time.
        was_long = is_last and self._page > 2 and self._last_date is not None
        self.is_newest_first = self._never_rose and (self._falls or was_long)
        if self._gap and self._can_end(is_all_new):
            self.request = None
        elif is_last:
            self._end_reading()
        return new

    def _fresh(self, entries: list[Entry]) -> list[Entry]:
        """Return the entries that this reading has not had yet."""
        is_fresh = [self._seen.add(entry["id"]) for entry in entries]
        self._rows += len(entries)
        # Entries added meanwhile push others onto the next page in one block.
        blocks = sum(not now and before for before, now in zip([True, *is_fresh], is_fresh, strict=False))
        self._order_varied = self._order_varied or blocks > 1
        return [entry for entry, fresh in zip(entries, is_fresh, strict=True) if fresh]

    def _is_within(self, entry: Entry) -> bool:
        date = created_at(entry)
        if date is None:
            self.unreadable_dates.append(entry.get("created_at"))
            return True
        return (self.since is None or date >= self.since) and (self.until is None or date < self.until)

    def _watch_order(self, entries: list[Entry]) -> None:
        """Note how the dates are sorted: newest first was observed, but isn't documented."""
        for date in filter(None, map(created_at, entries)):
            if self._last_date is not None:
                self._never_rose = self._never_rose and date <= self._last_date
                self._falls = self._falls or date < self._last_date
            self._last_date = date

    def _is_past_since(self) -> bool:
        # Entries of one date, added together, may begin a list in either order.
        is_newest_first = self._never_rose and self._falls
        return bool(is_newest_first and self.since and self._last_date and self._last_date < self.since)

    def _stop_if_unpaged(self, request: Request, answer: Answer, ids: list[str], *, has_new: bool) -> None:
        self._repeats = self._repeats + 1 if ids == self._last_ids else 0
        self._last_ids = ids
        self._pages_without_new = 0 if has_new else self._pages_without_new + 1
        if self._repeats >= _MOST_REPEATS:
            raise unexpected_answer(
                request, answer, "the same page over and over, whatever page is requested"
            )
        if self._pages_without_new >= _MOST_WITHOUT_NEW:
            raise unexpected_answer(request, answer, f"nothing new on {_MOST_WITHOUT_NEW} pages in a row")

    def _can_end(self, is_all_new: bool) -> bool:
        """Whether reading the list again can end: what was added meanwhile explains the gap, or nothing will."""
        if not self._order_varied and len(self._known) - self._known_before >= self._gap:
            return True
        if is_all_new:
            return False
        self._gap = 0
        self.may_be_incomplete = self._readings > _MOST_READINGS
        return self.may_be_incomplete

    def _end_reading(self) -> None:
        self._gap = self._rows - len(self._known)
        # Where new entries may be anywhere on a list, they explain all repetitions.
        is_pushed_only = not self._order_varied and not self._first_request.grows_at_one_end
        if self._gap <= 0 or is_pushed_only:
            return
        if self._readings + self._order_varied > _MOST_READINGS:
            self.may_be_incomplete = True
            return
        self._seen = CompactSet()
        self._begin_reading()


def _in_another_order(before: list[str], now: list[str]) -> bool:
    """Whether the ids that both have are in another order."""
    common = set(before) & set(now)
    return [id_ for id_ in before if id_ in common] != [id_ for id_ in now if id_ in common]
