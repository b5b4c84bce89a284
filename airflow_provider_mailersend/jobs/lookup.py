"""Finding entries on a suppression list: one for each address, or all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from airflow_provider_mailersend.api.answers import parse_entries
from airflow_provider_mailersend.api.entries import Entry, Key, entry_key, make_key
from airflow_provider_mailersend.api.flow import Flow, Steps
from airflow_provider_mailersend.api.pages import WholeList
from airflow_provider_mailersend.api.requests import Request, SuppressionList, list_suppressions
from airflow_provider_mailersend.exceptions import MailerSendIncompleteListError
from airflow_provider_mailersend.jobs.domains import ACCOUNT_WIDE, Scope
from airflow_provider_mailersend.jobs.plan import Planner
from airflow_provider_mailersend.jobs.wanted import Wanted, check_flags, check_items, check_whole_number

#: How far the clocks of Airflow and MailerSend may differ.
_CLOCKS_APART = timedelta(minutes=1)


class Lookup:
    """
    Finds the first entry for each address or pattern, beginning near where it was last.

    An entry that is still there costs a request or two. For one that isn't, the list is read to its end; and back
    again, as an entry deleted meanwhile can hide another from a reader who comes from the top.

    :param last_pages: the page, from 1, where each was last, by its kind and value: ``("recipients", address)`` or
        ``("patterns", regular expression)``.
    :param scope: the domain; without one the account and all its domains.
    :param both_ways: whether to read back from the end too.
    :param on_page: called with the entries of each page that is read, and its number.
    """

    def __init__(
        self,
        suppression_list: SuppressionList,
        last_pages: Mapping[tuple[str, str], int],
        *,
        scope: Scope = ACCOUNT_WIDE,
        both_ways: bool = True,
        on_page: Callable[[Iterable[Entry], int], None] | None = None,
    ) -> None:
        suppression_list.check_takes(kind for kind, _ in last_pages)
        check_flags(both_ways=both_ways)
        for page in last_pages.values():
            check_whole_number("the page of an entry", page, least=1)
        self.suppression_list = suppression_list
        self.scope = scope
        self.both_ways = both_ways
        self._on_page = on_page
        self._keys = {what: make_key(*what) for what in last_pages}
        self._missing: dict[Key, int] = {self._keys[what]: page for what, page in last_pages.items()}
        self._found: dict[Key, tuple[int, Entry]] = {}

    def run(self, flow: Flow) -> Steps[dict[tuple[str, str], tuple[int, Entry]]]:
        """
        Return the page and the entry of each that is there.

        :raises MailerSendIncompleteListError: one was not found, but may be there.
        """
        domain_id = yield from self.scope.resolve(flow)
        request = list_suppressions(self.suppression_list, domain_id)
        # New entries push others onto the next page, and deletions pull them back.
        for moved in (0, 1, -1):
            pages = {page + moved for page in self._missing.values()} - {0}
            # Reading from the top costs no more than the last of these pages.
            if len(pages) >= max(pages, default=0):
                break
            yield from self._read_pages(flow, request, pages)
        whole, count = WholeList(request), 0
        while self._missing and whole.request is not None:
            page = int(whole.request.params["page"])
            count = max(count, page)
            entries = yield from flow.read_page(whole)
            self._see(entries, page)
        if self.both_ways and count > 1:
            yield from self._read_pages(flow, request, range(count, 0, -1))
        if self._missing and whole.may_be_incomplete:
            raise MailerSendIncompleteListError(
                f"The order of {self.suppression_list} changes from one request to the next, so entries may have been "
                f"missed: {len(self._missing)} of those looked for were not found, but may be there. Try again later.",
                endpoint=request.endpoint,
            )
        return {what: self._found[key] for what, key in self._keys.items() if key in self._found}

    def _read_pages(self, flow: Flow, request: Request, pages: Iterable[int]) -> Steps[None]:
        for page in pages:
            if not self._missing:
                return
            answer = yield from flow.send(request.at_page(page))
            self._see(parse_entries(request, answer), page)

    def _see(self, entries: list[Entry], page: int) -> None:
        if self._on_page is not None:
            self._on_page(entries, page)
        for entry in entries:
            key = entry_key(entry)
            if key is not None and key in self._missing:
                del self._missing[key]
                self._found[key] = page, entry


class Matches:
    """
    All entries for given addresses and patterns, duplicates too.

    :param scope: the domain. Without one the entries may be any domain's, but on the blocklist they are the account's.
    :param settle: whether to wait some seconds first: a deletion in progress can hide entries.
    :param made_before: leave out those made later than this time, by more than clocks may differ.
    """

    def __init__(
        self,
        suppression_list: SuppressionList,
        *,
        recipients: Iterable[str] = (),
        patterns: Iterable[str] = (),
        scope: Scope = ACCOUNT_WIDE,
        settle: bool = False,
        made_before: datetime | None = None,
    ) -> None:
        wanted = Wanted(recipients, patterns)
        check_items(wanted.invalid)
        suppression_list.check_takes(wanted.kinds_there)
        self.suppression_list = suppression_list
        self.scope = scope
        #: The ids of the entries found.
        self.ids: list[str] = []
        #: The addresses and patterns without an entry.
        self.missing = [item.value for item in wanted]
        #: Whether entries may have been missed, as the list's order kept changing.
        self.may_be_incomplete = False
        self._settle = settle
        self._until = None if made_before is None else made_before + _CLOCKS_APART
        self._wanted = wanted

    def run(self, flow: Flow) -> Steps[None]:
        """Read the whole list: duplicates may be anywhere."""
        if not self._wanted:
            return
        if self._settle:
            yield from flow.settle()
        domain_id = yield from self.scope.resolve(flow)
        planner = Planner(self._wanted, domain_id=domain_id, mode="delete")
        whole = WholeList(list_suppressions(self.suppression_list, domain_id), until=self._until)
        while whole.request is not None:
            for entry in (yield from flow.read_page(whole)):
                planner.see(entry)
        plan = planner.plan()
        self.ids, self.missing = plan.to_delete, [item.value for item in plan.to_add]
        self.may_be_incomplete = whole.may_be_incomplete
