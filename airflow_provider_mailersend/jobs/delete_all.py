"""Emptying a suppression list, and nothing that is added to it afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_mailersend.api.entries import Entry, belongs_to, created_at
from airflow_provider_mailersend.api.flow import Flow, Steps, Wait, ambiguous_result
from airflow_provider_mailersend.api.pages import Paging
from airflow_provider_mailersend.api.requests import (
    BATCH_SIZE,
    SuppressionList,
    delete_all_suppressions,
    list_suppressions,
)
from airflow_provider_mailersend.api.whole_list import WholeList
from airflow_provider_mailersend.exceptions import (
    MailerSendAmbiguousResultError,
    MailerSendError,
    MailerSendUnexpectedAnswerError,
)
from airflow_provider_mailersend.jobs.deletions import Deletions, deletion_result
from airflow_provider_mailersend.jobs.domains import ACCOUNT_WIDE, Scope


class DeleteAll:
    """
    Deletes every entry of a domain, or of the account and all its domains.

    The first page is read before. Where the answer is lost, that tells what was there before from what others have
    added since, which is never deleted: the request is repeated only where nothing is new, else what is left of the
    old is deleted by its ids.

    :param scope: the domain; without one the account and all its domains.
    :param batch_size: how many ids to put into one request; less where the API refuses so many.
    """

    def __init__(
        self,
        suppression_list: SuppressionList,
        *,
        scope: Scope = ACCOUNT_WIDE,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self.suppression_list = suppression_list
        self.scope = scope
        self.batch_size = batch_size

    def run(self, flow: Flow) -> Steps[None]:
        """Do it, by *flow*."""
        domain_id = yield from self.scope.resolve(flow)
        before = yield from self._read_before(flow, domain_id)
        request = delete_all_suppressions(self.suppression_list, domain_id)
        lost = 0
        while True:
            try:
                yield from flow.carry_out(request)
                return
            except (MailerSendAmbiguousResultError, MailerSendUnexpectedAnswerError) as error:
                ambiguous = _ambiguous(error)
            lost += 1
            now = yield Wait(0.0)
            until = now + flow.settling(lost, now - flow.sent_at)
            yield Wait(until, "what became of a deletion that got no answer")
            left, has_new = yield from self._read_left(flow, domain_id, before, ambiguous)
            if left and has_new:
                old = Deletions(self.suppression_list, left, scope=self.scope, batch_size=self.batch_size)
                yield from old.run(flow)
            if not left or has_new:
                return
            if lost > flow.max_retries:
                raise ambiguous

    def result(self, requests: int) -> dict[str, Any]:
        """Return what was done, as plain JSON."""
        return deletion_result(is_all=True, requests=requests)

    def _read_before(self, flow: Flow, domain_id: str | None) -> Steps[_FirstPage]:
        paging = Paging(list_suppressions(self.suppression_list, domain_id))
        entries = yield from flow.read_page(paging)
        return _FirstPage(entries, is_all=paging.request is None)

    def _read_left(
        self, flow: Flow, domain_id: str | None, before: _FirstPage, ambiguous: MailerSendAmbiguousResultError
    ) -> Steps[tuple[list[str], bool]]:
        """Return the ids of what is left of what was there, and whether anything is new."""
        whole = WholeList(list_suppressions(self.suppression_list, domain_id))
        left: list[str] = []
        has_new = False
        while whole.request is not None:
            entries = yield from flow.read_page(whole)
            for entry in entries:
                if domain_id is not None and belongs_to(entry, domain_id) is False:
                    continue
                was_there = before.tells_of(entry)
                if was_there is None:
                    raise ambiguous
                if was_there:
                    left.append(entry["id"])
                else:
                    has_new = True
            if left and not has_new and before.is_newest_first:
                break
        return left, has_new


class _FirstPage:
    """
    What the first page of a list showed, to tell later what was on the list then.

    :param entries: the entries on it.
    :param is_all: whether there were no more.
    """

    def __init__(self, entries: list[Entry], *, is_all: bool) -> None:
        self._ids = {entry["id"] for entry in entries}
        self._is_all = is_all
        dates = [date for entry in entries if (date := created_at(entry)) is not None]
        self.is_newest_first = dates == sorted(dates, reverse=True)
        self._oldest = dates[-1] if dates else None

    def tells_of(self, entry: Mapping[str, Any]) -> bool | None:
        """Return whether *entry* was on the list; None where that cannot be told."""
        if entry["id"] in self._ids:
            return True
        if self._is_all:
            return False
        date = created_at(entry)
        if date is None or self._oldest is None or not self.is_newest_first:
            return None
        # Had it been there and not been older than this page, it would have stood on it.
        return date <= self._oldest


def _ambiguous(error: MailerSendError) -> MailerSendAmbiguousResultError:
    """Return *error* as one of a request that may have been carried out; raise it where it was not."""
    if isinstance(error, MailerSendAmbiguousResultError):
        return error
    if error.status is None or not 200 <= error.status < 300:
        raise error
    return ambiguous_result(error)
