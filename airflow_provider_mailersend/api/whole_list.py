"""Reading a whole list, although its order may vary from one request to the next."""

from __future__ import annotations

from datetime import datetime

from airflow_provider_mailersend.api.answers import Answer
from airflow_provider_mailersend.api.compact_set import CompactSet
from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.pages import Pager
from airflow_provider_mailersend.api.requests import Request

#: How often a list is read to its end at most.
_MOST_READINGS = 3


class WholeList(Pager):
    """
    Reads a list like :class:`Pager`, and again where entries may have been missed. Each entry is returned once.

    An entry that comes twice is a sign that another was missed: entries created in the same second may change places
    between two requests. Entries added meanwhile explain it too; they are on the first page then, which is read again
    to see that. Takes the parameters of :class:`Pager`.
    """

    def __init__(
        self, request: Request, *, since: datetime | None = None, until: datetime | None = None
    ) -> None:
        super().__init__(request, since=since, until=until)
        #: Whether entries may be missing: the order kept varying.
        self.may_be_incomplete = False
        self._first_request = request
        self._readings = 1
        # How many repetitions of the last reading nothing explains yet, and how many entries were known at its end.
        self._gap = 0
        self._known_before = 0

    def leave_out_before(self, moment: datetime) -> None:
        """Leave out entries created before *moment*, from the next page on."""
        self.since = moment.replace(microsecond=0)

    def read(self, answer: Answer) -> list[Entry]:
        known, rows = len(self._known), self._rows
        entries = super().read(answer)
        if self._gap:
            was_all_new = len(self._known) - known == self._rows - rows
            if self._is_explained(was_all_new):
                self.request = None
                return entries
        if self.request is None:
            self._end_reading()
        return entries

    def _is_explained(self, was_all_new: bool) -> bool:
        """Whether reading the list again can end: what was added meanwhile explains the gap, or nothing will."""
        if not self._order_varied and len(self._known) - self._known_before >= self._gap:
            return True
        if was_all_new:
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
        self._readings += 1
        self._known_before = len(self._known)
        self._seen = CompactSet()
        self._begin(self._first_request)
