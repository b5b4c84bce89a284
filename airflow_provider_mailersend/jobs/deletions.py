"""Deleting from a suppression list: never more than was named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from airflow_provider_mailersend.api.entries import Entry, belongs_to, created_at
from airflow_provider_mailersend.api.flow import Flow, Steps, Wait, ambiguous_result
from airflow_provider_mailersend.api.ids import unique_ids
from airflow_provider_mailersend.api.masking import join_first, masked_within
from airflow_provider_mailersend.api.pages import WholeList
from airflow_provider_mailersend.api.refusals import says_unknown
from airflow_provider_mailersend.api.requests import (
    BATCH_SIZE,
    Request,
    SuppressionList,
    delete_all_suppressions,
    delete_suppressions,
    list_suppressions,
)
from airflow_provider_mailersend.exceptions import (
    MailerSendAmbiguousResultError,
    MailerSendError,
    MailerSendRequestError,
    MailerSendUnexpectedAnswerError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.jobs.batches import Batches, reporting
from airflow_provider_mailersend.jobs.domains import ACCOUNT_WIDE, Scope
from airflow_provider_mailersend.jobs.lookup import Matches
from airflow_provider_mailersend.jobs.wanted import OnMissing, check_choice


class Deletions(Batches[str]):
    """
    Deletes entries by id.

    Takes the parameters of :meth:`.MailerSendHook.delete_suppressions` too.

    :param matches: finds the ids of the entries for given addresses and patterns, instead of *ids*.
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
        super().__init__(suppression_list, scope=scope, batch_size=batch_size)
        check_choice("on_missing", on_missing, OnMissing)
        self.on_missing = on_missing
        #: The ids of the entries deleted.
        self.deleted: list[str] = []
        #: The ids that the API doesn't know.
        self.missing: list[str] = []
        #: What the API refuses to delete, with reasons.
        self.refused: dict[str, str] = {}
        self._matches = matches
        self.put(unique_ids(ids))

    def run(self, flow: Flow) -> Steps[None]:
        """Delete all that is pending."""
        if self._matches is not None:
            yield from self._matches.run(flow)
            self.put(self._matches.ids)
        with reporting(self._report):
            yield from self._send_all(flow)
            self._check_refused()

    def result(self, requests: int) -> dict[str, Any]:
        """Return what was done, as plain JSON."""
        matches = self._matches
        return {
            "deleted": self.deleted,
            "missing": self.missing if matches is None else matches.missing,
            "all": False,
            "may_be_incomplete": matches is not None and matches.may_be_incomplete,
            "requests": requests,
        }

    def _report(self) -> tuple[str, dict[str, int]]:
        count = len(self.deleted)
        progress = f"{count} of {self.total}; left: {len(self.pending)}."
        counts = {"deleted": count, "unsure": self._unsure}
        return f"Deleted from {self.suppression_list} before that: {progress}", counts

    @property
    def gone(self) -> int:
        """How many were deleted, by this job or another."""
        return len(self.deleted) + len(self.missing)

    def _by_field(self, batch: Sequence[str]) -> dict[str, list[str]]:
        return {"ids": list(batch)}

    def _request(self, batch: Sequence[str], domain_id: str | None) -> Request:
        return delete_suppressions(self.suppression_list, batch, domain_id)

    def _send(self, flow: Flow, request: Request, batch: Sequence[str]) -> Steps[None]:
        unsure = 0
        try:
            yield from flow.send_change(request)
            self._done(batch)
        except MailerSendRequestError as error:
            left = len(self.pending)
            self._leave_out_refused(batch, error)
            if error.status is not None and error.status < 300 and len(self.pending) < left:
                # A success with errors for some ids may have deleted the others.
                unsure = len(batch) - (left - len(self.pending))
        except MailerSendError as error:
            self._unsure = len(batch) if error.may_be_processed else self._unsure
            raise
        self._unsure = unsure

    def _done(self, batch: Sequence[str]) -> None:
        self.deleted.extend(batch)
        self._drop(batch)

    def _leave_out_refused(self, batch: Sequence[str], error: MailerSendRequestError) -> None:
        refused = self._refused(batch, error)
        unknown = [id_ for id_ in batch if says_unknown(refused.get(id_, ""))]
        if unknown and len(unknown) == len(batch) and (error.may_be_processed or self._unsure):
            # An earlier try got no response. It must have deleted all: one unknown id gets the whole batch refused.
            self._done(batch)
            return
        if unknown and self.on_missing == "fail":
            named = join_first(map(masked_within, unknown), len(unknown), most=20)
            error.args = (
                f"{self.suppression_list} has no entries with these ids: {named}. Pass on_missing='skip' to delete "
                "the rest.",
            )
            raise error
        self.missing.extend(unknown)
        self.refused.update((id_, reason) for id_, reason in refused.items() if not says_unknown(reason))
        self._drop(refused)

    def _check_refused(self) -> None:
        if self.refused:
            count = len(self.refused)
            described = (f"{masked_within(id_)}: {why.rstrip('.')}" for id_, why in self.refused.items())
            raise MailerSendValidationError(
                f"{self.suppression_list}: {count} can't be deleted: {join_first(described, count, separator='; ')}. "
                "Everything else was deleted. Leave them out, or delete them in MailerSend.",
                errors={id_: [why] for id_, why in self.refused.items()},
            )


class DeleteAll:
    """
    Deletes every entry of a domain, or of the account and all its domains.

    The first page is read before. If the response is lost, it tells old entries from those that others added since,
    which must stay: the request is repeated only if nothing is new, else the rest of the old ones is deleted by id.
    """

    def __init__(
        self, suppression_list: SuppressionList, *, scope: Scope = ACCOUNT_WIDE, batch_size: int = BATCH_SIZE
    ) -> None:
        self.suppression_list = suppression_list
        self.scope = scope
        self.batch_size = batch_size

    def run(self, flow: Flow) -> Steps[None]:
        """Delete all."""
        domain_id = yield from self.scope.resolve(flow)
        whole = WholeList(list_suppressions(self.suppression_list, domain_id))
        entries = yield from flow.read_page(whole)
        before = _FirstPage(entries, is_all=whole.request is None)
        request = delete_all_suppressions(self.suppression_list, domain_id)
        lost = 0
        while True:
            try:
                yield from flow.send_change(request)
                return
            except MailerSendAmbiguousResultError as error:
                ambiguous = error
            except MailerSendUnexpectedAnswerError as error:
                if error.status is None or not 200 <= error.status < 300:
                    raise
                ambiguous = ambiguous_result(error)
            lost += 1
            now = yield Wait(0.0)
            outcome = "the outcome of a deletion that got no answer"
            yield from flow.settle(outcome, times=lost, took=now - flow.sent_at)
            try:
                left, has_new = yield from self._read_left(flow, domain_id, before, ambiguous)
                if left and has_new:
                    old = Deletions(self.suppression_list, left, scope=self.scope, batch_size=self.batch_size)
                    yield from old.run(flow)
            except MailerSendError as error:
                raise self._unfinished(ambiguous, error) from error
            if not left or has_new:
                return
            if lost > flow.max_retries:
                raise ambiguous

    def result(self, requests: int) -> dict[str, Any]:
        """Return what was done, as plain JSON."""
        return {"deleted": [], "missing": [], "all": True, "may_be_incomplete": False, "requests": requests}

    def _unfinished(
        self, ambiguous: MailerSendAmbiguousResultError, error: MailerSendError
    ) -> MailerSendAmbiguousResultError:
        """Return the error for a deletion of unknown outcome: *error* ended the look-up or the deletion of the rest."""
        why = "" if error is ambiguous else f" Finding out, or deleting the rest by id, failed: {error}"
        unfinished = MailerSendAmbiguousResultError(
            f"{ambiguous.args[0]} {self.suppression_list} may or may not have been emptied.{why} Check it in "
            "MailerSend. Run this again only if what was added to it since may be deleted too.",
            endpoint=ambiguous.endpoint,
        )
        # Starting over, after a retry or a night, would delete what others have added since.
        unfinished.permanent = True
        return unfinished

    def _read_left(
        self, flow: Flow, domain_id: str | None, before: _FirstPage, ambiguous: MailerSendAmbiguousResultError
    ) -> Steps[tuple[list[str], bool]]:
        """Return the ids of the old entries that are left, and whether there are new ones."""
        whole = WholeList(list_suppressions(self.suppression_list, domain_id))
        left: list[str] = []
        has_new = False
        while whole.request is not None:
            entries = yield from flow.read_page(whole)
            for entry in entries:
                if domain_id is not None and belongs_to(entry, domain_id) is False:
                    continue
                was_there = before.shows(entry)
                if was_there is None:
                    raise ambiguous
                if was_there:
                    left.append(entry["id"])
                else:
                    has_new = True
            if left and not has_new and before.is_past_new(entries):
                break
        return left, has_new


class _FirstPage:
    """
    The first page of a list, to tell later which entries were on the list then.

    :param is_all: whether it was the only page.
    """

    def __init__(self, entries: list[Entry], *, is_all: bool) -> None:
        self._ids = {entry["id"] for entry in entries}
        self._is_all = is_all
        dates = _dates_of(entries)
        # Where the list isn't newest first, its dates tell nothing.
        is_newest_first = bool(dates) and dates == sorted(dates, reverse=True)
        self._newest = dates[0] if is_newest_first else None
        self._oldest = dates[-1] if is_newest_first else None

    def shows(self, entry: Entry) -> bool | None:
        """Return whether *entry* was on the list; None if unknown."""
        if entry["id"] in self._ids:
            return True
        if self._is_all:
            return False
        date = created_at(entry)
        # Entries of one second are in any order: a new one may be anywhere among them.
        if date is None or self._oldest is None or date == self._oldest:
            return None
        # An old entry newer than this page's last would have been on it.
        return date < self._oldest

    def is_past_new(self, entries: list[Entry]) -> bool:
        """Return whether the list, read as far as *entries*, is past the place of new ones."""
        return self._newest is not None and any(date < self._newest for date in _dates_of(entries))


def _dates_of(entries: list[Entry]) -> list[datetime]:
    return [date for entry in entries if (date := created_at(entry)) is not None]
