"""Deleting from a suppression list: in batches, and never more than was named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airflow_provider_mailersend.api.entries import Entry, belongs_to, created_at
from airflow_provider_mailersend.api.flow import Flow, Progress, Steps, Wait, ambiguous_result
from airflow_provider_mailersend.api.ids import unique_ids
from airflow_provider_mailersend.api.masking import masked_within
from airflow_provider_mailersend.api.messages import join_first
from airflow_provider_mailersend.api.pages import Pager
from airflow_provider_mailersend.api.refusals import refused_items, smaller_batch
from airflow_provider_mailersend.api.requests import (
    BATCH_SIZE,
    SuppressionList,
    delete_all_suppressions,
    delete_suppressions,
    list_suppressions,
)
from airflow_provider_mailersend.api.whole_list import WholeList
from airflow_provider_mailersend.exceptions import (
    MailerSendAmbiguousResultError,
    MailerSendError,
    MailerSendRequestError,
    MailerSendUnexpectedAnswerError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.jobs.domains import ACCOUNT_WIDE, Scope
from airflow_provider_mailersend.jobs.lookup import Matches
from airflow_provider_mailersend.jobs.wanted import OnMissing, check_batch_size, check_choice


class Deletions:
    """
    One call's deletions from a list: what is left to do, and what was done.

    :param ids: the entries' ids; each counts once.
    :param matching: finds the ids, where the entries are named by what they suppress.
    :param scope: the domain whose entries they are; without one they may be of any, and of the account.
    :param on_missing: what to do about ids that the API does not know: leave them out, or end the work.
    :param batch_size: how many to put into one request; less where the API refuses so many.
    """

    def __init__(
        self,
        suppression_list: SuppressionList,
        ids: Iterable[str] = (),
        *,
        matches: Matches | None = None,
        scope: Scope = ACCOUNT_WIDE,
        on_missing: OnMissing = "skip",
        batch_size: int = BATCH_SIZE,
    ) -> None:
        check_batch_size(batch_size)
        check_choice("on_missing", on_missing, OnMissing)
        self.suppression_list = suppression_list
        self.scope = scope
        self.on_missing = on_missing
        self.batch_size = batch_size
        #: The ids of the entries deleted.
        self.deleted: list[str] = []
        #: The ids that the API does not know.
        self.missing: list[str] = []
        #: The ids that are left to be deleted.
        self.pending = unique_ids(ids)
        #: What there is no entry for, where the entries are named by what they suppress.
        self.unmet: list[str] | None = None
        #: Whether entries may have been missed when the list was read for them.
        self.may_be_incomplete = False
        self._matching = matches
        # How many of the first that are left may be deleted already, a request for them having got no answer.
        self._unsure = 0
        self._total = len(self.pending)

    def run(self, flow: Flow) -> Steps[None]:
        """Delete all that is left, by *flow*."""
        if self._matching is not None:
            yield from self._matching.run(flow)
            self.pending, self.unmet = self._matching.ids, self._matching.missing
            self.may_be_incomplete = self._matching.may_be_incomplete
            self._total = len(self.pending)
        try:
            while self.pending:
                yield from self.delete_batch(flow)
        except MailerSendError as error:
            error.progress = self.progress
            error.counts = {"deleted": len(self.deleted), "unsure": self._unsure}
            raise

    @property
    def progress(self) -> str:
        """What was deleted and what was not, in a sentence."""
        return (
            f"Deleted from {self.suppression_list} before that: {len(self.deleted)} of {self._total}; "
            f"left: {len(self.pending)}."
        )

    def delete_batch(self, flow: Flow) -> Steps[None]:
        """Delete the next of what is left, by *flow*: one request, where all goes well."""
        domain_id = yield from self.scope.resolve(flow)
        batch = self.pending[: self._unsure or self.batch_size]
        request = delete_suppressions(self.suppression_list, batch, domain_id)
        unsure = 0
        try:
            yield from flow.send_change(request)
            self._done(batch)
        except MailerSendRequestError as error:
            left = len(self.pending)
            self._adapt(batch, error)
            if error.status is not None and error.status < 300 and len(self.pending) < left:
                # A success with errors for some ids may have deleted the others.
                unsure = len(batch) - (left - len(self.pending))
        except MailerSendError as error:
            self._unsure = len(batch) if error.may_be_processed else self._unsure
            raise
        self._unsure = unsure
        yield Progress(request, self._total - len(self.pending), self._total)

    def _done(self, batch: Sequence[str]) -> None:
        self.deleted.extend(batch)
        self.pending = self.pending[len(batch) :]

    def _adapt(self, batch: Sequence[str], error: MailerSendRequestError) -> None:
        """Send less at once, or without what is unknown, where *error* allows that; else raise it."""
        size = smaller_batch(error, len(batch), "ids")
        if size is not None:
            self.batch_size = size
            return
        if not isinstance(error, MailerSendValidationError):
            raise error
        unknown = {index for _, index in refused_items(error, "ids")}
        if not unknown or max(unknown) >= len(batch):
            raise error
        if len(unknown) == len(batch) and (error.may_be_processed or self._unsure):
            # An earlier try got no answer, and now nothing of it is known: it was that try that deleted it. One
            # id unknown to it, and it would have been refused as a whole.
            self._done(batch)
            return
        missing = [id_ for index, id_ in enumerate(batch) if index in unknown]
        if self.on_missing == "fail":
            named = join_first(map(masked_within, missing), len(missing), most=20)
            raise MailerSendValidationError(
                f"{self.suppression_list} has no entries of the ids {named}. Pass on_missing='skip' to delete the "
                "rest.",
                endpoint=error.endpoint,
                status=error.status,
                errors=error.errors,
            )
        self.missing.extend(missing)
        self.pending = [id_ for i, id_ in enumerate(batch) if i not in unknown] + self.pending[len(batch) :]

    def result(self, requests: int) -> dict[str, Any]:
        """Return what was done, as plain JSON."""
        return deletion_result(
            deleted=self.deleted,
            missing=self.missing if self.unmet is None else self.unmet,
            may_be_incomplete=self.may_be_incomplete,
            requests=requests,
        )


def deletion_result(
    *,
    requests: int,
    deleted: Sequence[str] = (),
    missing: Sequence[str] = (),
    is_all: bool = False,
    may_be_incomplete: bool = False,
) -> dict[str, Any]:
    """Return what a deletion did, as plain JSON."""
    return {
        "deleted": list(deleted),
        "missing": list(missing),
        "all": is_all,
        "may_be_incomplete": may_be_incomplete,
        "requests": requests,
    }


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
                yield from flow.send_change(request)
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
        pager = Pager(list_suppressions(self.suppression_list, domain_id))
        entries = yield from flow.read_page(pager)
        return _FirstPage(entries, is_all=pager.request is None)

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
