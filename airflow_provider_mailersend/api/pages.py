"""Reading a list page by page: what a page holds, and what the next request is."""

from __future__ import annotations

from datetime import datetime

from airflow_provider_mailersend.api.answers import Answer, parse_page, unexpected_answer
from airflow_provider_mailersend.api.compact_set import CompactSet
from airflow_provider_mailersend.api.entries import Entry, created_at
from airflow_provider_mailersend.api.requests import Request

#: How often the same full page may come in a row before the list is taken for one that is not paged at all.
_MOST_REPEATS = 3

#: How many pages in a row may hold nothing new: a large addition pushes what was read onto as many.
_MOST_WITHOUT_NEW = 12


class Pager:
    """
    A list being read: send :attr:`request`, hand the answer to :meth:`read`, until :attr:`request` is None.

    Entries come once each: one added meanwhile pushes others onto the next page, where they are met again.

    :param request: asks for the first page.
    :param since: leave out entries made before this moment.
    :param until: leave out entries made at this moment or later.
    :param known: leave out entries of these ids, which another reading has met, and add to them.
    """

    def __init__(
        self,
        request: Request,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        known: CompactSet | None = None,
    ) -> None:
        self.request: Request | None = request
        self.since = since
        self.until = until
        #: The ids of the entries met.
        self.seen = CompactSet()
        #: Of how many, where the API tells: it is documented to, and was not seen to.
        self.total: int | None = None
        #: How many entries were met again.
        self.repeated = 0
        #: Whether entries were met again that those added meanwhile cannot all have pushed there.
        self.order_varied = False
        #: How many entries the page read last holds.
        self.page_size = 0
        #: The dates that could not be read; their entries were kept.
        self.unreadable_dates: list[object] = []
        self._known = known
        self._page = 1
        self._newest_first = True
        self._falls = False
        self._last_date: datetime | None = None
        self._last_ids: list[str] = []
        self._repeats = 0
        self._pages_without_new = 0

    @property
    def count(self) -> int:
        """How many entries were met."""
        return len(self.seen)

    def read(self, answer: Answer) -> list[Entry]:
        """
        Return what is new on the page that *answer* holds, and set :attr:`request` to what is to be asked next.

        :raises MailerSendUnexpectedAnswerError: the answer is no page of a list.
        """
        asked = self._asked()
        entries, is_last, self.total = parse_page(asked, answer)
        self.page_size = len(entries)
        fresh = self._fresh(entries)
        self._stop_if_unpaged(asked, answer, [entry["id"] for entry in entries], has_new=bool(fresh))
        kept = fresh if self._known is None else [one for one in fresh if self._known.add(one["id"])]
        if self.since is not None or self.until is not None:
            kept = [entry for entry in kept if self._within(entry, created_at(entry))]
            dates = [date for entry in fresh if (date := created_at(entry)) is not None]
            is_last = self._past_since(dates) or is_last
        self._page += 1
        self.request = None if is_last else asked.at_page(self._page)
        return kept

    @property
    def is_newest_first(self) -> bool:
        """Whether what was read, or another reading of the list, shows that it is."""
        return self._newest_first and (self._falls or self._was_long_and_never_rose)

    def expect_newest_first(self) -> None:
        """Take it that the list is newest first until it shows otherwise: another reading has shown it."""
        self._falls = True

    @property
    def _was_long_and_never_rose(self) -> bool:
        # Entries of one second alone tell no order: the whole of them is read once, and not at every look.
        return self.request is None and self._page > 2 and self._last_date is not None

    def _asked(self) -> Request:
        if self.request is None:
            raise RuntimeError("the list has been read to its end")
        return self.request

    def _fresh(self, entries: list[Entry]) -> list[Entry]:
        """Return those of a page's entries that are met for the first time."""
        fresh: list[Entry] = []
        blocks, was_fresh = 0, True
        for entry in entries:
            is_fresh = self.seen.add(entry["id"])
            if is_fresh:
                fresh.append(entry)
            else:
                self.repeated += 1
                blocks += was_fresh
            was_fresh = is_fresh
        # Entries added meanwhile push others onto the next page in one block.
        self.order_varied = self.order_varied or blocks > 1
        return fresh

    def _within(self, entry: Entry, date: datetime | None) -> bool:
        if date is None:
            self.unreadable_dates.append(entry.get("created_at"))
            return True
        return (self.since is None or date >= self.since) and (self.until is None or date < self.until)

    def _past_since(self, dates: list[datetime]) -> bool:
        """Whether nothing that is wanted can follow: the order is observed, not promised, so it is watched."""
        for date in dates:
            if self._last_date is not None:
                self._newest_first = self._newest_first and date <= self._last_date
                self._falls = self._falls or date < self._last_date
            self._last_date = date
        # Entries of one date, added together, may begin a list in either order.
        return (
            self.is_newest_first
            and self.since is not None
            and self._last_date is not None
            and self._last_date < self.since
        )

    def _stop_if_unpaged(self, asked: Request, answer: Answer, ids: list[str], *, has_new: bool) -> None:
        self._repeats = self._repeats + 1 if ids == self._last_ids else 0
        self._last_ids = ids
        self._pages_without_new = 0 if has_new else self._pages_without_new + 1
        if self._repeats >= _MOST_REPEATS:
            raise unexpected_answer(asked, answer, "the same page over and over, whatever page is asked for")
        if self._pages_without_new >= _MOST_WITHOUT_NEW:
            raise unexpected_answer(asked, answer, f"nothing new on {_MOST_WITHOUT_NEW} pages in a row")
