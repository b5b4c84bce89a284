"""Finding entries on a suppression list, for those who ask again and again whether they are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from airflow_provider_mailersend.api.answers import parse_entries
from airflow_provider_mailersend.api.entries import Entry, Key, belongs_to, entry_key, make_key
from airflow_provider_mailersend.api.flow import Flow, Steps
from airflow_provider_mailersend.api.requests import Request, SuppressionList, list_suppressions
from airflow_provider_mailersend.api.whole_list import WholeList
from airflow_provider_mailersend.exceptions import MailerSendIncompleteListError
from airflow_provider_mailersend.jobs.domains import ACCOUNT_WIDE, Scope
from airflow_provider_mailersend.jobs.wanted import Item, check_flags, check_items, make_items


class Lookup:
    """
    A look for entries, first near where they stood last: what is still there costs a request or two for each page of
    them. That one is not there takes reading the list.

    An entry deleted while a list is read can hide another from whoever reads it from the top. So where the list is of
    more than one page, what is not found so is looked for from its end too.

    :param last_pages: what is looked for, pairs of ``recipients`` and an address or ``patterns`` and a regular
        expression, each with the page, from 1, on which it stood last.
    :param scope: the domain whose entries are meant; without one those of the account and of all its domains.
    :param both_ways: whether to look from the end too.
    :param on_page: is told the entries of each page that is read, and its number.
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
        check_items(Item(kind, value.strip(), position) for position, (kind, value) in enumerate(last_pages))
        check_flags(both_ways=both_ways)
        for page in last_pages.values():
            if not isinstance(page, int) or page < 1:
                raise ValueError(
                    f"the page on which an entry stood must be a whole number, at least 1; got {page!r}"
                )
        self.suppression_list = suppression_list
        self.scope = scope
        self.both_ways = both_ways
        self._on_page = on_page
        self._keys = {what: make_key(*what) for what in last_pages}
        self._missing: dict[Key, int] = {self._keys[what]: page for what, page in last_pages.items()}
        self._found: dict[Key, tuple[int, Entry]] = {}

    def run(self, flow: Flow) -> Steps[dict[tuple[str, str], tuple[int, Entry]]]:
        """
        Return those that are there, each as its page and its entry, by *flow*.

        :raises MailerSendIncompleteListError: one was not met, and may be there.
        """
        domain_id = yield from self.scope.resolve(flow)
        request = list_suppressions(self.suppression_list, domain_id)
        # What is added to a list pushes others onto the next page, and what is deleted pulls them back.
        for moved in (0, 1, -1):
            pages = {page + moved for page in self._missing.values()} - {0}
            # Reading from the top costs no more than the page farthest down.
            if len(pages) >= max(pages, default=0):
                break
            yield from self._look_at(flow, request, pages)
        whole, count = WholeList(request), 0
        while self._missing and whole.request is not None:
            page = int(whole.request.params["page"])
            count = max(count, page)
            entries = yield from flow.read_page(whole)
            self._see(entries, page)
        if self.both_ways and count > 1:
            yield from self._look_at(flow, request, range(count, 0, -1))
        if self._missing and whole.may_be_incomplete:
            raise MailerSendIncompleteListError(
                f"The order of {self.suppression_list} varies from one request to the next, so entries may have been "
                f"missed: {len(self._missing)} of those looked for were not met, and may be there. Look again later.",
                endpoint=request.endpoint,
            )
        return {what: self._found[key] for what, key in self._keys.items() if key in self._found}

    def _look_at(self, flow: Flow, request: Request, pages: Iterable[int]) -> Steps[None]:
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
    The entries on a list for given addresses and patterns, duplicates too.

    :param recipients: addresses. Neither case nor surrounding spaces count.
    :param patterns: regular expressions, as they were added, for the blocklist. Surrounding spaces do not count.
    :param scope: the domain whose entries they are. Without one they may be of any domain, but on the blocklist they
        are the account's own.
    """

    def __init__(
        self,
        suppression_list: SuppressionList,
        *,
        recipients: Iterable[str] = (),
        patterns: Iterable[str] = (),
        scope: Scope = ACCOUNT_WIDE,
    ) -> None:
        items = [*make_items("recipients", recipients), *make_items("patterns", patterns)]
        suppression_list.check_takes(item.kind for item in items)
        check_items(items)
        self.suppression_list = suppression_list
        self.scope = scope
        #: The ids of the entries found, in the list's order.
        self.ids: list[str] = []
        #: Whether entries may have been missed.
        self.may_be_incomplete = False
        self._unmet: dict[Key, Item] = {}
        for item in items:
            self._unmet.setdefault(item.key, item)
        self._wanted = frozenset(self._unmet)

    @property
    def missing(self) -> list[str]:
        """What has no entry, as it was given."""
        return [item.value for item in self._unmet.values()]

    def run(self, flow: Flow) -> Steps[None]:
        """Read the whole list, by *flow*: duplicates may stand anywhere. Nothing wanted asks nothing."""
        if not self._wanted:
            return
        domain_id = yield from self.scope.resolve(flow)
        whole = WholeList(list_suppressions(self.suppression_list, domain_id))
        found: list[tuple[str, Key, bool | None]] = []
        has_others = False
        while whole.request is not None:
            entries = yield from flow.read_page(whole)
            for entry in entries:
                is_ours = belongs_to(entry, domain_id)
                has_others = has_others or is_ours is False
                key = entry_key(entry)
                if key is not None and key in self._wanted and is_ours is not False:
                    found.append((entry["id"], key, is_ours))
        self.may_be_incomplete = whole.may_be_incomplete
        for id_, key, is_ours in found:
            # One that does not say its domain is taken for ours where asking for the domain kept out all others.
            if is_ours or not has_others:
                self.ids.append(id_)
                self._unmet.pop(key, None)
