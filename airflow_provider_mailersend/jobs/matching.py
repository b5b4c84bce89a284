"""Finding the entries of a suppression list that suppress given addresses or patterns."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_provider_mailersend.api.entries import Key, belongs_to, key_of
from airflow_provider_mailersend.api.flow import Flow, Steps
from airflow_provider_mailersend.api.requests import SuppressionList, list_suppressions
from airflow_provider_mailersend.api.whole_list import WholeList
from airflow_provider_mailersend.jobs.domains import ACCOUNT_WIDE, Scope
from airflow_provider_mailersend.jobs.wanted import Item, check_items, items_of


class Matching:
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
        items = [*items_of("recipients", recipients), *items_of("patterns", patterns)]
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
                key = key_of(entry)
                if key is not None and key in self._wanted and is_ours is not False:
                    found.append((entry["id"], key, is_ours))
        self.may_be_incomplete = whole.may_be_incomplete
        for id_, key, is_ours in found:
            # One that does not say its domain is taken for ours where asking for the domain kept out all others.
            if is_ours or not has_others:
                self.ids.append(id_)
                self._unmet.pop(key, None)
