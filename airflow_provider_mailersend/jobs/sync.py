"""Making a suppression list equal to a source of truth: read it once, then add and delete what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import Any

from airflow_provider_mailersend.api.entries import Entry, entry_key
from airflow_provider_mailersend.api.flow import Flow, Steps
from airflow_provider_mailersend.api.masking import masked
from airflow_provider_mailersend.api.messages import join_first
from airflow_provider_mailersend.api.requests import (
    BATCH_SIZE,
    PAGE_SIZE,
    SuppressionList,
    list_suppressions,
)
from airflow_provider_mailersend.api.whole_list import WholeList
from airflow_provider_mailersend.exceptions import (
    MailerSendError,
    MailerSendGuardError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.jobs.additions import Additions, check_stored, stored
from airflow_provider_mailersend.jobs.deletions import Deletions
from airflow_provider_mailersend.jobs.domains import ACCOUNT_WIDE, Scope
from airflow_provider_mailersend.jobs.plan import FIRST, MAX_DELETES, Mode, Plan, Planner, check_max_deletes
from airflow_provider_mailersend.jobs.quota import check_quota
from airflow_provider_mailersend.jobs.wanted import (
    OnInvalid,
    Wanted,
    check_batch_size,
    check_choice,
    check_flags,
    check_whole_number,
)

#: How many requests a job may take without asking whether the day's are enough, where no answer tells it.
_FEW_REQUESTS = 20


@dataclass(frozen=True, kw_only=True)
class SyncOptions:
    """
    How a list is made equal to what is wanted.

    :param mode: ``add_only``, or ``mirror``, which deletes what is not wanted.
    :param max_deletes: how many entries a mirror may delete: a number, or as a float a fraction of those there.
    :param allow_empty: whether a mirror may be of nothing.
    :param remove_duplicates: whether to delete all entries but the oldest of each that is wanted.
    :param dry_run: whether to plan only.
    :param batch_size: how many to put into one request; less where the API refuses so many.
    :param on_invalid: whether an address that the API refuses is left out, or fails the work once the rest is done.
    :param settle: whether to wait before reading, for what a killed worker has sent may still be under way.
    :param resume_after_quota_reset: whether the work is started over on another day, where one day's quota is too
        small for all of it.
    :param pages_read: how many pages an earlier run read without coming to the list's end.
    """

    mode: Mode = "add_only"
    max_deletes: int | float = MAX_DELETES
    allow_empty: bool = False
    remove_duplicates: bool = False
    dry_run: bool = False
    batch_size: int = BATCH_SIZE
    on_invalid: OnInvalid = "fail"
    settle: bool = False
    resume_after_quota_reset: bool = False
    pages_read: int = 0

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, Mode)
        check_choice("on_invalid", self.on_invalid, OnInvalid)
        check_flags(
            allow_empty=self.allow_empty,
            remove_duplicates=self.remove_duplicates,
            dry_run=self.dry_run,
            settle=self.settle,
            resume_after_quota_reset=self.resume_after_quota_reset,
        )
        check_max_deletes(self.max_deletes)
        check_batch_size(self.batch_size)
        check_whole_number("pages_read", self.pages_read, least=0)

    @property
    def is_mirror(self) -> bool:
        """Whether what is not wanted is deleted."""
        return self.mode == "mirror"


_DEFAULTS = SyncOptions()


class Sync:
    """
    A list to be made equal to what is wanted.

    :param wanted: what the list is to hold.
    :param scope: the domain whose entries are meant; without one it is the account's blocklist.
    :param options: how.
    """

    def __init__(
        self,
        suppression_list: SuppressionList,
        wanted: Wanted,
        *,
        scope: Scope = ACCOUNT_WIDE,
        options: SyncOptions = _DEFAULTS,
    ) -> None:
        if not wanted.kinds:
            raise ValueError("give recipients or patterns, or both: what the list is to hold")
        suppression_list.check_takes(wanted.kinds_there)
        scope.check_adding(suppression_list, "synchronizing")
        self.suppression_list = suppression_list
        self.wanted = wanted
        self.scope = scope
        self.options = options
        #: Why the plan of a dry run would not be carried out; None where it would.
        self.refusal: str | None = None
        #: Whether entries may have been missed when the list was read.
        self.may_be_incomplete = False
        self._pages = options.pages_read
        # Made before there is a plan too, so that arguments that cannot be are told before any request.
        self._changes = self._changes_of(Plan.of_nothing())

    def run(self, flow: Flow) -> Steps[None]:
        """Do it, by *flow*."""
        try:
            self._check_wanted()
            if self.options.settle:
                yield from flow.settle()
            yield from self._make_plan(flow)
            self._check_plan()
            if not self.options.dry_run:
                yield from self._changes.run(flow)
                self._check_rejected()
        except MailerSendError as error:
            error.progress = self._changes.progress if self._changes.is_begun else "Nothing was changed."
            error.counts = {**self._changes.counts, "pages": self._pages}
            raise

    def result(self, requests: int) -> dict[str, Any]:
        """Return what was planned and done, as plain JSON."""
        plan = self._changes.plan
        return {
            "wanted": len(self.wanted),
            "present": plan.present,
            "unchanged": plan.unchanged,
            "duplicates": plan.duplicates,
            "to_add": len(plan.to_add),
            "to_delete": len(plan.to_delete),
            "added": 0 if self.options.dry_run else self._changes.added,
            "deleted": 0 if self.options.dry_run else self._changes.deleted,
            "rejected": self._rejected,
            "stored_differently": self._changes.stored_differently,
            "first_to_add": [item.value for item in plan.to_add[:FIRST]],
            "first_to_delete": plan.first_to_delete,
            "first_rejected": self._first_rejected,
            "first_stored_differently": self._changes.first_stored_differently,
            "may_be_incomplete": self.may_be_incomplete,
            "dry_run": self.options.dry_run,
            "refusal": self.refusal,
            "requests": requests,
        }

    def _check_wanted(self) -> None:
        emptied = " and ".join(self.wanted.kinds_without_any)
        if self.options.is_mirror and emptied and not self.options.allow_empty:
            self._refuse(
                f"no {emptied} are wanted at all, and mode='mirror' would delete all {emptied} there are. See whether "
                "the source is whole; where it is, let this run pass by params of the DAG allow_empty=True, and a "
                "max_deletes that allows it, or leave "
                f"{emptied} out, which leaves them alone"
            )

    def _check_plan(self) -> None:
        plan = self._changes.plan
        excess = plan.excess_over(self.options.max_deletes) if self.options.is_mirror else None
        if excess is not None:
            self._refuse(
                f"{excess}. The plan: {plan}. See whether the source is whole; where it is, let this run delete more: "
                "operators take max_deletes='{{ params.max_deletes }}', a param of the DAG"
            )

    def _refuse(self, why: str) -> None:
        if not self.options.dry_run:
            raise MailerSendGuardError(f"{self.suppression_list}: {why}.")
        self.refusal = f"{self.refusal} {why}." if self.refusal else f"{why}."

    def _check_quota(self, flow: Flow) -> Steps[None]:
        """Having read a page, go on where the daily quota can be enough; ask for it only where that is in doubt."""
        needed, throttle = self._least_requests(), flow.throttle
        left = throttle.quota_remaining
        if left is None:
            is_enough = flow.page_told_quota or needed - 1 <= _FEW_REQUESTS
        else:
            is_enough = left - throttle.quota_reserve >= needed - 1
        if not is_enough:
            yield from check_quota(
                flow,
                f"Synchronizing {self.suppression_list}",
                needed,
                # Reading goes on on no other day: the list would have changed meanwhile.
                in_one_day=self._least_pages if self.options.resume_after_quota_reset else needed,
                spent=1,
            )

    @property
    def _least_pages(self) -> int:
        # What ended an earlier run by using up a day's quota had not come to the list's end.
        return self.options.pages_read + 1

    def _least_requests(self) -> int:
        """Return how many requests it takes at the least, the list being of unknown length."""
        if self.options.dry_run:
            return self._least_pages
        wanted, batch_size = len(self.wanted), self.options.batch_size
        # An entry that is there costs a hundredth of a request to read, one that is not a part of a batch to add.
        pages = max(self._least_pages, ceil(wanted / PAGE_SIZE) if batch_size < PAGE_SIZE else 0)
        return pages + ceil(max(0, wanted - pages * PAGE_SIZE) / batch_size)

    def _make_plan(self, flow: Flow) -> Steps[None]:
        domain_id = yield from self.scope.resolve(flow)
        planner = Planner(
            self.wanted,
            domain_id=domain_id,
            # What cannot be read may mean what is on the list: where that fails the work, nothing is lost before.
            mode="add_only" if self._is_unsure else self.options.mode,
            remove_duplicates=self.options.remove_duplicates,
        )
        whole = WholeList(list_suppressions(self.suppression_list, domain_id))
        pages = 0
        while whole.request is not None and not (not self.options.is_mirror and planner.has_met_all):
            entries = yield from flow.read_page(whole)
            pages += 1
            self._pages = max(pages, self.options.pages_read)
            for entry in entries:
                planner.see(entry)
            if pages == 1 and not planner.has_met_all:
                yield from self._check_quota(flow)
        self.may_be_incomplete = whole.may_be_incomplete
        # The last page was the list's end, which takes no day more than these.
        self._pages = pages - 1

        def was_there(made: Entry) -> bool:
            # Elsewhere than on the blocklist the answer to an addition holds the very entry that was there.
            key, is_new = entry_key(made), not whole.has_met(made["id"])
            return (
                self.suppression_list.takes_duplicates
                and is_new
                and key is not None
                and planner.was_there(key)
            )

        self._changes = self._changes_of(planner.plan(), was_there)

    def _changes_of(self, plan: Plan, was_there: Callable[[Entry], bool] = lambda entry: False) -> Changes:
        return Changes(
            self.suppression_list,
            plan,
            scope=self.scope,
            batch_size=self.options.batch_size,
            was_there=was_there,
        )

    @property
    def _is_unsure(self) -> bool:
        return self.options.is_mirror and self.options.on_invalid == "fail" and bool(self.wanted.invalid)

    @property
    def _rejected(self) -> int:
        return len(self.wanted.invalid) + self._changes.rejected

    @property
    def _first_rejected(self) -> list[dict[str, str]]:
        invalid = [
            {"value": item.value, "where": item.where, "reason": why}
            for item, why in islice(self.wanted.invalid.items(), FIRST)
        ]
        return [*invalid, *self._changes.first_rejected][:FIRST]

    def _check_rejected(self) -> None:
        if self.options.on_invalid == "skip":
            return
        changes = self._changes
        if not self._rejected:
            check_stored(self.suppression_list, changes.first_stored_differently, changes.stored_differently)
            return
        reported = (
            f"{one['where']} {masked(one['value'])!r}: {one['reason'].rstrip('.')}"
            for one in self._first_rejected
        )
        raise MailerSendValidationError(
            f"{self.suppression_list}: {self._rejected} of what is wanted cannot be added: "
            f"{join_first(reported, self._rejected, separator='; ')}. "
            f"{'All else was added, and nothing deleted' if self._is_unsure else 'All else was done'}. Correct it, or "
            "pass on_invalid='skip' to leave it out."
        )


class Changes:
    """
    What a plan adds, and then what it deletes: who opted out comes first.

    :param scope: the domain whose entries are meant; without one it is the account's blocklist.
    :param batch_size: how many to put into one request; less where the API refuses so many.
    :param was_there: whether an entry that the API made says what another one says that was read, and stays.
    """

    def __init__(
        self,
        suppression_list: SuppressionList,
        plan: Plan,
        *,
        scope: Scope = ACCOUNT_WIDE,
        batch_size: int = BATCH_SIZE,
        was_there: Callable[[Entry], bool] = lambda entry: False,
    ) -> None:
        self.plan = plan
        #: Whether any of it may have been done.
        self.is_begun = False
        self._additions = Additions(
            suppression_list, items=plan.to_add, scope=scope, batch_size=batch_size, on_invalid="skip"
        )
        self._deletions = Deletions(suppression_list, plan.to_delete, scope=scope, batch_size=batch_size)
        self._was_there = was_there
        # What is deleted again, as it was made of an address that the API stores as one that was there.
        self._taken_back = Deletions(suppression_list, scope=scope, batch_size=batch_size)

    def run(self, flow: Flow) -> Steps[None]:
        """Do it all, by *flow*."""
        self.is_begun = True
        while self._additions.pending:
            yield from self._additions.add_batch(flow)
        self._taken_back.pending = [
            entry["id"] for _, entry in self._additions.stored_differently if self._was_there(entry)
        ]
        while self._taken_back.pending:
            yield from self._taken_back.delete_batch(flow)
        while self._deletions.pending:
            yield from self._deletions.delete_batch(flow)

    @property
    def rejected(self) -> int:
        """How many of what was to be added the API refuses."""
        return len(self._additions.rejected)

    @property
    def first_rejected(self) -> list[dict[str, str]]:
        """The first of them: ``value``, ``where`` it stood among those given, and the ``reason``."""
        rejected = islice(self._additions.rejected.items(), FIRST)
        return [{"value": item.value, "where": item.where, "reason": why} for item, why in rejected]

    @property
    def added(self) -> int:
        """How many were added."""
        taken_back = len(self._taken_back.deleted) + len(self._taken_back.missing)
        return len(self.plan.to_add) - len(self._additions.pending) - self.rejected - taken_back

    @property
    def stored_differently(self) -> int:
        """How many of what was added the API stored as something else than was sent."""
        return len(self._additions.stored_differently)

    @property
    def first_stored_differently(self) -> list[dict[str, str]]:
        """The first of them: ``value``, ``where`` it stood among those given, and what it is ``stored_as``."""
        return [stored(one) for one in self._additions.stored_differently[:FIRST]]

    @property
    def deleted(self) -> int:
        """How many were deleted, or were gone when they were to be."""
        return len(self.plan.to_delete) - len(self._deletions.pending)

    @property
    def counts(self) -> dict[str, int]:
        """What was done, in numbers."""
        return {"added": self.added, "deleted": self.deleted, "duplicates": self.plan.duplicates}

    @property
    def progress(self) -> str:
        """What was done and what was not, in a sentence."""
        return (
            f"Added before that: {self.added} of {len(self.plan.to_add)}; deleted: {self.deleted} of "
            f"{len(self.plan.to_delete)}."
        )
