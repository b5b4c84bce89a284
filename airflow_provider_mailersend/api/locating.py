"""Where on a suppression list entries stand, for those who ask again and again whether they still do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from airflow_provider_mailersend.api.domains import ACCOUNT_WIDE, Scope
from airflow_provider_mailersend.api.entries import Entry, Key, comparable, key_of
from airflow_provider_mailersend.api.flow import Flow, Steps
from airflow_provider_mailersend.api.pages import Paging, entries_of
from airflow_provider_mailersend.api.requests import SuppressionList, list_suppressions


class Locating:
    """
    A look for entries, first near where they stood last: what is still there costs a request a page of them or two.

    That one is gone takes reading the list: it may stand anywhere.

    :param last_pages: what is looked for, pairs of ``recipients`` and an address or ``patterns`` and a regular
        expression, each with the page, from 1, on which it stood last.
    :param scope: the domain whose entries are meant; without one those of the account and of all its domains.
    """

    def __init__(
        self,
        suppression_list: SuppressionList,
        last_pages: Mapping[tuple[str, str], int],
        *,
        scope: Scope = ACCOUNT_WIDE,
    ) -> None:
        suppression_list.check_takes(kind for kind, _ in last_pages)
        for page in last_pages.values():
            if not isinstance(page, int) or page < 1:
                raise ValueError(
                    f"the page on which an entry stood must be a whole number, at least 1; got {page!r}"
                )
        self.suppression_list = suppression_list
        self.scope = scope
        self._missing: dict[Key, int] = {comparable(*what): page for what, page in last_pages.items()}
        self._found: dict[Key, int] = {}
        self._wanted = list(last_pages)

    def run(self, flow: Flow) -> Steps[dict[tuple[str, str], int]]:
        """Return the pages of those that are there, by *flow*."""
        domain_id = yield from self.scope.resolve(flow)
        request = list_suppressions(self.suppression_list, domain_id)
        # What is added to a list pushes others onto the next page, and what is deleted pulls them back.
        for moved in (0, 1, -1):
            pages = {page + moved for page in self._missing.values()} - {0}
            # Reading from the top costs no more than the page farthest down.
            if len(pages) >= max(pages, default=0):
                break
            for page in pages:
                answer = yield from flow.send(request.at_page(page))
                self._see(entries_of(request, answer), page)
        paging, page = Paging(request), 0
        while self._missing and paging.request is not None:
            page += 1
            entries = yield from flow.read_page(paging)
            self._see(entries, page)
        return {what: self._found[key] for what in self._wanted if (key := comparable(*what)) in self._found}

    def _see(self, entries: Iterable[Entry], page: int) -> None:
        for entry in entries:
            key = key_of(entry)
            if key is not None and key in self._missing:
                del self._missing[key]
                self._found[key] = page
