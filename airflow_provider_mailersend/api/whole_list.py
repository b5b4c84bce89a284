"""Reading a whole list, although its order may vary from one request to the next."""

from __future__ import annotations

from datetime import datetime

from airflow_provider_mailersend.api.answers import Answer
from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.pages import Pager
from airflow_provider_mailersend.api.requests import Request

#: How often a list is read at the most, until nothing on it can have been missed.
_MOST_READINGS = 3


class WholeList:
    """
    A list being read to its end, used like :class:`Pager`: each entry comes once.

    Where an entry is met twice, another may have been missed: entries of one second may change places between two
    requests. Unless entries added meanwhile explain it, which stand on the first page then, the list is read again.

    :param request: asks for the first page.
    :param since: leave out entries made before this moment.
    :param until: leave out entries made at this moment or later.
    """

    def __init__(
        self, request: Request, *, since: datetime | None = None, until: datetime | None = None
    ) -> None:
        self.total: int | None = None
        #: Whether what was read shows that the list is newest first.
        self.is_newest_first = False
        #: Whether entries may be missing: the order kept varying.
        self.may_be_incomplete = False
        self._first_request = request
        self._since = since
        self._until = until
        self._paging = Pager(request, since=since, until=until)
        self._is_done = False
        self._readings = 1
        # The ids of all entries met, by whichever reading.
        self._known = self._paging.seen
        self._order_varied = False
        # How many entries the reading before met twice and nothing explains, and how many were known at its end.
        self._gap = 0
        self._known_before = 0

    @property
    def request(self) -> Request | None:
        """What is to be asked next; None where the list is read."""
        return None if self._is_done else self._paging.request

    @property
    def count(self) -> int:
        """How many entries were met."""
        return len(self._known)

    @property
    def unreadable_dates(self) -> list[object]:
        """The dates that could not be read; their entries were kept."""
        return self._paging.unreadable_dates

    def has_met(self, id_: str) -> bool:
        """Return whether the entry of this id was read."""
        return id_ in self._known

    def leave_out_before(self, moment: datetime) -> None:
        """Leave out entries made before *moment*, from the next page on."""
        self._since = self._paging.since = moment.replace(microsecond=0)

    def expect_newest_first(self) -> None:
        """Take it that the list is newest first until it shows otherwise: another reading has shown it."""
        self._paging.expect_newest_first()

    def read(self, answer: Answer) -> list[Entry]:
        """
        Return what is new on the page that *answer* holds, and set :attr:`request` to what is to be asked next.

        :raises MailerSendUnexpectedAnswerError: the answer is no page of a list.
        """
        pager = self._paging
        known = len(self._known)
        entries = pager.read(answer)
        self.total, self.is_newest_first = pager.total, pager.is_newest_first
        self._order_varied = self._order_varied or pager.order_varied
        if self._gap:
            self._explain(len(self._known) - known == pager.page_size)
        if not self._is_done and pager.request is None:
            self._end_reading()
        return entries

    def _end_reading(self) -> None:
        self._gap = self._paging.count + self._paging.repeated - len(self._known)
        # Where what is new may stand anywhere on a list, it explains all that was pushed onto the next page.
        is_pushed_only = not self._order_varied and not self._first_request.grows_at_one_end
        if self._gap <= 0 or is_pushed_only:
            self._is_done = True
        elif self._readings + self._order_varied > _MOST_READINGS:
            self._is_done = self.may_be_incomplete = True
        else:
            self._readings += 1
            self._known_before = len(self._known)
            again = Pager(self._first_request, since=self._since, until=self._until, known=self._known)
            again.unreadable_dates = self._paging.unreadable_dates
            self._paging = again

    def _explain(self, was_all_new: bool) -> None:
        """See whether what was added meanwhile, on the first page, explains what the reading before met twice."""
        if not self._order_varied and len(self._known) - self._known_before >= self._gap:
            self._is_done = True
        elif not was_all_new:
            self._gap = 0
            if self._readings > _MOST_READINGS:
                self._is_done = self.may_be_incomplete = True
