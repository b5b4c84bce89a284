"""Making a suppression list equal to a source of truth: read it once, then add and delete what differs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from itertools import islice
from math import ceil
from typing import Any

from airflow_provider_mailersend.api.entries import Entry, key_of
from airflow_provider_mailersend.api.flow import Flow, Keep, Steps, Wait
from airflow_provider_mailersend.api.masking import masked
from airflow_provider_mailersend.api.requests import (
    BATCH_SIZE,
    PAGE_SIZE,
    SuppressionList,
    list_suppressions,
)
from airflow_provider_mailersend.api.whole_list import WholeList
from airflow_provider_mailersend.api.wording import first_of
from airflow_provider_mailersend.exceptions import (
    MailerSendError,
    MailerSendGuardError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.jobs.additions import check_stored
from airflow_provider_mailersend.jobs.arguments import OnInvalid, check_choice, check_flags
from airflow_provider_mailersend.jobs.changes import Changes
from airflow_provider_mailersend.jobs.domains import ACCOUNT_WIDE, Scope
from airflow_provider_mailersend.jobs.plan import FIRST, MAX_DELETES, Mode, Plan, Planner, check_max_deletes
from airflow_provider_mailersend.jobs.quota import check_quota
from airflow_provider_mailersend.jobs.wanted import Wanted

#: How many requests a job may take without asking whether the day's are enough, where no answer tells it.
_FEW_REQUESTS = 20

#: How long a plan may be carried out by later tries, in seconds: over a day whose requests are used up, no longer.
_PLAN_LASTS = 25 * 3600.0

#: Of what is kept for later tries: those of other versions make plans of their own.
_FORMAT = 1


class Sync:
    """
    A list to be made equal to what is wanted.

    :param wanted: what the list is to hold.
    :param scope: the domain whose entries are meant; without one it is the account's blocklist.
    :param mode: ``add_only``, or ``mirror``, which deletes what is not wanted.
    :param max_deletes: how many entries a mirror may delete: a number, or as a float a fraction of those there.
    :param allow_empty: whether a mirror may be of nothing.
    :param remove_duplicates: whether to delete all entries but the oldest of each that is wanted.
    :param dry_run: whether to plan only.
    :param batch_size: how many to put into one request; less where the API refuses so many.
    :param on_invalid: whether an address that the API refuses is left out, or fails the work once the rest is done.
    :param over_days: whether the work can go on on another day, by *so_far*.
    :param so_far: what an earlier try had done, by its error or by what it last wanted kept.
    """

    def __init__(
        self,
        suppression_list: SuppressionList,
        wanted: Wanted,
        *,
        scope: Scope = ACCOUNT_WIDE,
        mode: Mode = "add_only",
        max_deletes: int | float = MAX_DELETES,
        allow_empty: bool = False,
        remove_duplicates: bool = False,
        dry_run: bool = False,
        batch_size: int = BATCH_SIZE,
        on_invalid: OnInvalid = "fail",
        over_days: bool = False,
        so_far: Mapping[str, Any] | None = None,
    ) -> None:
        check_choice("mode", mode, Mode)
        check_choice("on_invalid", on_invalid, OnInvalid)
        check_flags(allow_empty=allow_empty, remove_duplicates=remove_duplicates, dry_run=dry_run)
        if not wanted.kinds:
            raise ValueError("give recipients or patterns, or both: what the list is to hold")
        suppression_list.check_takes(wanted.kinds_there)
        check_max_deletes(max_deletes)
        scope.check_adding(suppression_list, "synchronizing")
        self.suppression_list = suppression_list
        self.wanted = wanted
        self.scope = scope
        self.mode: Mode = mode
        self.max_deletes = max_deletes
        self.allow_empty = allow_empty
        self.remove_duplicates = remove_duplicates
        self.dry_run = dry_run
        self.batch_size = batch_size
        self.on_invalid = on_invalid
        self.over_days = over_days
        #: Why the plan of a dry run would not be carried out; None where it would.
        self.refusal: str | None = None
        #: Whether entries may have been missed when the list was read.
        self.may_be_incomplete = False
        self._so_far: Mapping[str, Any] = so_far or {}
        self._pages = int(self._so_far.get("pages", 0))
        self._has_plan = False
        # Made before there is a plan too, so that arguments that cannot be are told before any request.
        self._changes = self._changes_of(Plan.of_nothing())

    def run(self, flow: Flow) -> Steps[None]:
        """Do it, by *flow*, or what an earlier try left of it."""
        try:
            self._check_wanted()
            now = yield Wait(0.0)
            if self._take_up(now):
                yield from self._check_quota(flow, self._changes.least_requests, is_told=False)
            else:
                yield from self._make_plan(flow, now)
            self._check_plan()
            if not self.dry_run:
                yield from self._changes.run(flow)
                yield Keep({})
                self._check_rejected()
        except MailerSendError as error:
            error.progress = self._changes.progress if self._changes.is_begun else "Nothing was changed."
            error.so_far = self._changes.so_far() if self._has_plan else {"pages": self._pages}
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
            "added": 0 if self.dry_run else self._changes.added,
            "deleted": 0 if self.dry_run else self._changes.deleted,
            "rejected": self._rejected,
            "stored_differently": self._changes.stored_differently,
            "first_to_add": [item.value for item in plan.to_add[:FIRST]],
            "first_to_delete": plan.first_to_delete,
            "first_rejected": self._first_rejected,
            "first_stored_differently": self._changes.first_stored_differently,
            "may_be_incomplete": self.may_be_incomplete,
            "dry_run": self.dry_run,
            "refusal": self.refusal,
            "requests": requests,
        }

    def _check_wanted(self) -> None:
        emptied = " and ".join(self.wanted.kinds_without_any)
        if self.mode == "mirror" and emptied and not self.allow_empty:
            self._refuse(
                f"no {emptied} are wanted at all, and mode='mirror' would delete all {emptied} there are. See whether "
                "the source is whole; where it is, let this run pass by params of the DAG allow_empty=True, and a "
                "max_deletes that allows it, or leave "
                f"{emptied} out, which leaves them alone"
            )

    def _check_plan(self) -> None:
        plan = self._changes.plan
        excess = plan.excess_over(self.max_deletes) if self.mode == "mirror" else None
        if excess is not None:
            self._refuse(
                f"{excess}. The plan: {plan}. See whether the source is whole; where it is, let this run delete more: "
                "operators take max_deletes='{{ params.max_deletes }}', a param of the DAG"
            )

    def _refuse(self, why: str) -> None:
        if not self.dry_run:
            raise MailerSendGuardError(f"{self.suppression_list}: {why}.")
        self.refusal = f"{self.refusal} {why}." if self.refusal else f"{why}."

    def _check_quota(self, flow: Flow, needed: int, *, is_told: bool, spent: int = 0) -> Steps[None]:
        """
        Let it go on where the day's requests can be enough, asking for them only where that is in doubt.

        :param needed: how many requests it takes at the least.
        :param is_told: whether an answer has just told how many are left.
        :param spent: how many of those needed were sent.
        """
        throttle = flow.throttle
        left = throttle.quota_remaining
        if left is None:
            is_enough = is_told or needed - spent <= _FEW_REQUESTS
        else:
            is_enough = left - throttle.quota_reserve >= needed - spent
        if is_enough:
            return
        # Reading goes on on no other day: the list would have changed meanwhile.
        reading = 0 if self._has_plan else self._least_pages
        yield from check_quota(
            flow,
            f"Synchronizing {self.suppression_list}",
            needed,
            in_one_day=needed if not self.over_days else reading,
            spent=spent,
        )

    @property
    def _least_pages(self) -> int:
        # What ended an earlier try by using up a day's requests had not come to the list's end.
        return self._pages + 1

    def _least_requests(self) -> int:
        """Return how many requests it takes at the least, the list being of unknown length."""
        if self.dry_run:
            return self._least_pages
        wanted = len(self.wanted)
        # An entry that is there costs a hundredth of a request to read, one that is not a part of a batch to add.
        pages = max(self._least_pages, ceil(wanted / PAGE_SIZE) if self.batch_size < PAGE_SIZE else 0)
        return pages + ceil(max(0, wanted - pages * PAGE_SIZE) / self.batch_size)

    def _take_up(self, now: float) -> bool:
        """Take up the plan of an earlier try, where there is one for the same and not too long ago."""
        if self.dry_run or self._so_far.get("fingerprint") != self._fingerprint:
            return False
        plan = Plan.unpacked(self._so_far["plan"], self.wanted)
        if not plan.made_at <= now < plan.made_at + _PLAN_LASTS:
            return False
        self._begin(plan, self._so_far["done"])
        return True

    def _make_plan(self, flow: Flow, now: float) -> Steps[None]:
        domain_id = yield from self.scope.resolve(flow)
        planner = Planner(
            self.wanted,
            domain_id=domain_id,
            # What cannot be read may mean what is on the list: where that fails the work, nothing is lost before.
            mode="add_only" if self._is_unsure else self.mode,
            remove_duplicates=self.remove_duplicates,
        )
        least = self._least_requests()
        whole = WholeList(list_suppressions(self.suppression_list, domain_id))
        pages_before, self._pages = self._pages, 0
        stops_early = self.mode == "add_only"
        while whole.request is not None and not (stops_early and planner.has_met_all):
            entries = yield from flow.read_page(whole)
            self._pages += 1
            for entry in entries:
                planner.see(entry)
            if self._pages == 1 and not planner.has_met_all:
                self._pages = max(1, pages_before)
                yield from self._check_quota(flow, least, is_told=flow.page_told_quota, spent=1)
                self._pages = 1
        self.may_be_incomplete = whole.may_be_incomplete

        def was_there(made: Entry) -> bool:
            # Elsewhere than on the blocklist the answer to an addition holds the very entry that was there.
            key, is_new = key_of(made), not whole.has_met(made["id"])
            return (
                self.suppression_list.takes_duplicates
                and is_new
                and key is not None
                and planner.was_there(key)
            )

        self._begin(planner.plan(now), was_there=was_there)

    def _begin(self, plan: Plan, done: Mapping[str, Any] | None = None, **more: Any) -> None:
        label = {"fingerprint": self._fingerprint, "plan": plan.packed(self.wanted)}
        self._changes = self._changes_of(plan, so_far=done, label=label, **more)
        self._has_plan = True

    def _changes_of(self, plan: Plan, **more: Any) -> Changes:
        return Changes(self.suppression_list, plan, scope=self.scope, batch_size=self.batch_size, **more)

    @cached_property
    def _fingerprint(self) -> str:
        """Return what is equal for tries that would make the same plan of the same list, and tells no address."""
        what = [
            _FORMAT,
            str(self.suppression_list),
            self.scope.domain_id,
            self.scope.domain,
            self.mode,
            self.remove_duplicates,
            self._is_unsure,
            self.wanted.fingerprint(),
        ]
        return hashlib.sha256(json.dumps(what).encode()).hexdigest()

    @property
    def _is_unsure(self) -> bool:
        return self.mode == "mirror" and self.on_invalid == "fail" and bool(self.wanted.invalid)

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
        if self.on_invalid == "skip":
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
            f"{first_of(reported, self._rejected, separator='; ')}. "
            f"{'All else was added, and nothing deleted' if self._is_unsure else 'All else was done'}. Correct it, or "
            "pass on_invalid='skip' to leave it out."
        )
