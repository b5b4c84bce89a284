"""Making a suppression list equal to its source: read it once, then add and delete what differs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain, islice
from math import ceil
from typing import Any

from airflow_provider_mailersend.api.entries import Key, entry_key
from airflow_provider_mailersend.api.flow import Flow, Steps
from airflow_provider_mailersend.api.pages import WholeList
from airflow_provider_mailersend.api.requests import BATCH_SIZE, PAGE_SIZE, SuppressionList, list_suppressions
from airflow_provider_mailersend.exceptions import MailerSendGuardError, MailerSendValidationError
from airflow_provider_mailersend.jobs.additions import Additions
from airflow_provider_mailersend.jobs.batches import reporting
from airflow_provider_mailersend.jobs.deletions import Deletions
from airflow_provider_mailersend.jobs.domains import ACCOUNT_WIDE, Scope
from airflow_provider_mailersend.jobs.plan import FIRST, MAX_DELETES, Mode, Plan, Planner, check_max_deletes
from airflow_provider_mailersend.jobs.quota import check_quota
from airflow_provider_mailersend.jobs.wanted import (
    Item,
    OnInvalid,
    Wanted,
    check_batch_size,
    check_choice,
    check_flags,
    check_whole_number,
    describe_problems,
)

#: How many requests a sync may need without reading the quota first, if no response shows it.
_FEW_REQUESTS = 20


@dataclass(frozen=True, kw_only=True)
class SyncOptions:
    """How to synchronize: parameters of :meth:`.MailerSendHook.sync_suppressions`, which documents them."""

    mode: Mode = "add_only"
    max_deletes: int | float = MAX_DELETES
    allow_empty: bool = False
    remove_duplicates: bool = False
    dry_run: bool = False
    approved_plan: str | None = None
    batch_size: int = BATCH_SIZE
    on_invalid: OnInvalid = "fail"
    settle: bool = False
    resume_after_quota_reset: bool = False
    pages_read: int = 0

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, Mode)
        check_choice("on_invalid", self.on_invalid, OnInvalid)
        flags = ("allow_empty", "remove_duplicates", "dry_run", "settle", "resume_after_quota_reset")
        check_flags(**{flag: getattr(self, flag) for flag in flags})
        check_max_deletes(self.max_deletes)
        check_batch_size(self.batch_size)
        check_whole_number("pages_read", self.pages_read, least=0)

    @property
    def is_mirror(self) -> bool:
        return self.mode == "mirror"


_DEFAULTS = SyncOptions()


class Sync:
    """
    Makes a list contain what is wanted.

    :param scope: the domain whose entries are synchronized; without one the account's blocklist.
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
            raise ValueError("give recipients or patterns, or both: what the list should contain")
        suppression_list.check_takes(wanted.kinds_there)
        scope.check_adding(suppression_list, "synchronizing")
        self.suppression_list = suppression_list
        self.wanted = wanted
        self.scope = scope
        self.options = options
        self.plan = Plan()
        #: Why the plan of a dry run would be refused.
        self.refusal: str | None = None
        #: Whether entries may have been missed, as the list's order kept changing.
        self.may_be_incomplete = False
        self._domain_id = scope.domain_id
        self._pages = options.pages_read
        self._whole = WholeList(list_suppressions(suppression_list))
        size = options.batch_size
        self._additions = Additions(suppression_list, scope=scope, batch_size=size, on_invalid="skip")
        self._deletions = Deletions(suppression_list, scope=scope, batch_size=size)
        # Entries just added that are deleted again: the API stored them as an address that has another entry.
        self._undone = Deletions(suppression_list, scope=scope, batch_size=size)

    def run(self, flow: Flow) -> Steps[None]:
        """Plan, check the plan, and carry it out."""
        with reporting(self.report):
            self._check_wanted()
            if self.options.settle:
                yield from flow.settle()
            planner = yield from self._make_plan(flow)
            self._check_plan()
            if not self.options.dry_run:
                yield from self._carry_out(flow, planner)
                self._check_rejected()

    def result(self, requests: int) -> dict[str, Any]:
        """Return what was planned and done, as plain JSON."""
        rejected = self.rejected
        return {
            "wanted": len(self.wanted),
            "present": self.plan.present,
            "unchanged": self.plan.unchanged,
            "duplicates": self.plan.duplicates,
            "to_add": len(self.plan.to_add),
            "to_delete": len(self.plan.to_delete),
            "added": self._added,
            "deleted": self._deletions.gone,
            "rejected": len(rejected),
            "left_out": self.wanted.left_out,
            "stored_differently": len(self._additions.stored_differently),
            "first_to_add": [item.value for item in self.plan.to_add[:FIRST]],
            "first_to_delete": self.plan.first_to_delete,
            "first_rejected": [
                {"value": item.value, "where": item.where, "reason": why}
                for item, why in islice(rejected.items(), FIRST)
            ],
            "first_stored_differently": self._additions.stored_as_json(FIRST),
            "may_be_incomplete": self.may_be_incomplete or self._additions.may_be_incomplete,
            "dry_run": self.options.dry_run,
            "plan": self._fingerprint if self.options.dry_run else None,
            "refusal": self.refusal,
            "requests": requests,
        }

    def report(self) -> tuple[str, dict[str, int]]:
        """Return what was done and what wasn't, in one sentence, and what was done in numbers."""
        added, deleted = self._added, self._deletions.gone
        counts = {
            "added": added,
            "deleted": deleted,
            "duplicates": self.plan.duplicates,
            "pages": self._pages,
        }
        if not self._additions.total and not self._deletions.total:
            return "Nothing was changed.", counts
        to_add, to_delete = len(self.plan.to_add), len(self.plan.to_delete)
        return f"Added before that: {added} of {to_add}; deleted: {deleted} of {to_delete}.", counts

    def _check_wanted(self) -> None:
        kinds = self.wanted.kinds_without_any
        if self.options.is_mirror and kinds and not self.options.allow_empty:
            emptied = " and ".join(kinds)
            self._refuse(
                f"the source has no valid {' or '.join(kinds)}, and mode='mirror' would delete all {emptied} on the "
                "list. Check whether the source is complete. If it is, run this once with allow_empty=True and a "
                f"max_deletes that allows it, as params of the DAG. To leave {emptied} alone, omit them; for a file or "
                "a query, set their column to None"
            )

    @property
    def _fingerprint(self) -> str:
        return self.plan.fingerprint(self.suppression_list, self._domain_id, self.options.mode)

    def _check_plan(self) -> None:
        approved = self.options.approved_plan
        if approved is not None and approved != self._fingerprint:
            self._refuse(
                "the plan is no longer the approved one, as the list or the source has changed, or it was approved for "
                f"another list, domain or mode. The plan now: {self.plan}. Have it approved again"
            )
        excess = self.plan.excess_over(self.options.max_deletes) if self.options.is_mirror else None
        if excess is not None:
            self._refuse(
                f"{excess}. The plan: {self.plan}. Check whether the source is complete. If it is, let this run delete "
                "more: operators accept max_deletes='{{ params.max_deletes }}', a param of the DAG, which is then "
                f'triggered with {{"max_deletes": {len(self.plan.to_delete)}}}'
            )

    def _refuse(self, why: str) -> None:
        if not self.options.dry_run:
            raise MailerSendGuardError(f"{self._additions.name}: {why}.")
        self.refusal = f"{self.refusal} {why}." if self.refusal else f"{why}."

    def _make_plan(self, flow: Flow) -> Steps[Planner]:
        """Read the list and plan."""
        domain_id = self._domain_id = yield from self.scope.resolve(flow)
        planner = Planner(
            self.wanted,
            domain_id=domain_id,
            mode="add_only" if self._keeps_all else self.options.mode,
            remove_duplicates=self.options.remove_duplicates,
        )
        whole = self._whole = WholeList(list_suppressions(self.suppression_list, domain_id))
        pages = 0
        while whole.request is not None and (self.options.is_mirror or not planner.has_met_all):
            entries = yield from flow.read_page(whole)
            pages += 1
            self._pages = max(pages, self.options.pages_read)
            for entry in entries:
                planner.see(entry)
            if pages == 1 and not planner.has_met_all:
                yield from self._check_quota(flow)
        self.may_be_incomplete = whole.may_be_incomplete
        # Having read the list to its end, a day needs no more pages than these.
        self._pages = pages - 1
        self.plan = planner.plan()
        return planner

    def _check_quota(self, flow: Flow) -> Steps[None]:
        """Having read one page, stop if the quota can't be enough; read it only in doubt."""
        needed, throttle = self._least_requests(), flow.throttle
        left = throttle.quota_remaining
        if left is None:
            is_enough = flow.page_told_quota or needed - 1 <= _FEW_REQUESTS
        else:
            is_enough = left - throttle.quota_reserve >= needed - 1
        if not is_enough:
            # Reading can't be continued on another day, as the list changes.
            in_one_day = self._least_pages if self.options.resume_after_quota_reset else needed
            job = f"Synchronizing {self.suppression_list}"
            yield from check_quota(flow, job, needed, in_one_day, spent=1)

    @property
    def _least_pages(self) -> int:
        # An earlier run that used up the quota had not come to the list's end.
        return self.options.pages_read + 1

    def _least_requests(self) -> int:
        """Return how many requests the job needs at least, as the list's length is unknown."""
        if self.options.dry_run:
            return self._least_pages
        wanted, batch_size = len(self.wanted), self.options.batch_size
        # An entry that is there costs 1/100 of a page to read; one that isn't costs its part of a batch.
        pages = max(self._least_pages, ceil(wanted / PAGE_SIZE) if batch_size < PAGE_SIZE else 0)
        return pages + ceil(max(0, wanted - pages * PAGE_SIZE) / batch_size)

    def _carry_out(self, flow: Flow, planner: Planner) -> Steps[None]:
        """Add, then delete: opt-outs come first."""
        self._additions.put(self.plan.to_add)
        yield from self._additions.run(flow)
        stored = [(entry["id"], entry_key(entry)) for _, entry in self._additions.stored_differently]
        stored_keys = (key for _, key in stored if key is not None)
        # What the API refused may stand for another entry as well.
        refused_keys = chain.from_iterable(item.meant for item in self._additions.rejected)
        planner.keep(self._additions.added, chain(stored_keys, refused_keys))
        if self.suppression_list.takes_duplicates:
            self._undone.put(self._find_repeats(stored, planner))
            yield from self._undone.run(flow)
        self._deletions.put(self.plan.to_delete)
        yield from self._deletions.run(flow)

    def _find_repeats(self, stored: list[tuple[str, Key | None]], planner: Planner) -> list[str]:
        """Return which entries *stored* differently have a key that another entry has: one of them must stay."""
        times = Counter(self._additions.added if stored else ())
        not_stored = {item.key for item, _ in self._additions.stored_differently}
        not_stored.update(item.key for item in self._additions.rejected)
        kept: set[Key] = set()
        repeats = []
        for id_, key in stored:
            if key is None or self._whole.has_met(id_) or times[id_] > 1:
                continue
            is_wanted = self.wanted.place_of(key) is not None and key not in not_stored
            if is_wanted or key in kept or planner.was_there(key):
                repeats.append(id_)
            kept.add(key)
        return repeats

    @property
    def _added(self) -> int:
        """How many entries were made: the API may return one that was there, or that another addition made."""
        made = {id_ for id_ in self._additions.added if not self._whole.has_met(id_)}
        return len(made) - self._undone.gone

    @property
    def _keeps_all(self) -> bool:
        """Whether a mirror deletes nothing, as an item that fails the job may stand for any entry."""
        return self.options.is_mirror and self.options.on_invalid == "fail" and bool(self.wanted.invalid)

    @property
    def rejected(self) -> dict[Item, str]:
        """Items that were not added, each with the reason."""
        return {**self.wanted.invalid, **self._additions.rejected}

    def _check_rejected(self) -> None:
        if self.options.on_invalid == "skip":
            return
        rejected = self.rejected
        if rejected:
            kept = ", and nothing is deleted until they are corrected" if self._keeps_all else ""
            raise MailerSendValidationError(
                f"{self._additions.name}: {len(rejected)} can't be added: {describe_problems(rejected)}. Everything "
                f"else is on the list{kept}. Correct the source, or pass on_invalid='skip' to leave them out."
            )
        self._additions.check_stored()
