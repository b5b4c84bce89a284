"""A plan being carried out, in steps that another try can go on from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from math import ceil
from typing import Any

from airflow_provider_mailersend.api.entries import Entry, read_moment
from airflow_provider_mailersend.api.flow import Flow, Keep, Steps, Wait
from airflow_provider_mailersend.api.requests import BATCH_SIZE, SuppressionList
from airflow_provider_mailersend.jobs.additions import Additions, stored
from airflow_provider_mailersend.jobs.deletions import Deletions
from airflow_provider_mailersend.jobs.domains import ACCOUNT_WIDE, Scope
from airflow_provider_mailersend.jobs.plan import FIRST, Plan
from airflow_provider_mailersend.jobs.wanted import Item


class Changes:
    """
    What a plan adds, and then what it deletes: who opted out comes first.

    :param scope: the domain whose entries are meant; without one it is the account's blocklist.
    :param batch_size: how many to put into one request; less where the API refuses so many.
    :param was_there: whether an entry that the API made says what another one says that was read, and stays.
    :param so_far: what an earlier try had done of the same plan.
    :param label: what tells the plan, to be kept with what is done of it.
    """

    def __init__(
        self,
        suppression_list: SuppressionList,
        plan: Plan,
        *,
        scope: Scope = ACCOUNT_WIDE,
        batch_size: int = BATCH_SIZE,
        was_there: Callable[[Entry], bool] = lambda entry: False,
        so_far: Mapping[str, Any] | None = None,
        label: Mapping[str, Any] | None = None,
    ) -> None:
        before = so_far or {}
        self.plan = plan
        self._label = dict(label or {})
        #: Whether any of it may have been done, by this try or by an earlier one.
        self.is_begun = self._is_another_try = bool(before)
        self._kept_at: float = before.get("kept_at", plan.made_at)
        # Where the first that is left stands in the plan, and what was refused before it.
        self._next_to_add: int = before.get("next_to_add", 0)
        self._next_to_delete: int = before.get("next_to_delete", 0)
        self._rejected: int = before.get("rejected", 0)
        self._first_rejected: list[dict[str, str]] = before.get("first_rejected", [])
        self._additions = Additions(
            suppression_list,
            items=plan.to_add[self._next_to_add :],
            scope=scope,
            batch_size=batch_size,
            on_invalid="skip",
        )
        self._additions.latest = read_moment(before.get("latest"))
        self._deletions = Deletions(
            suppression_list, plan.to_delete[self._next_to_delete :], scope=scope, batch_size=batch_size
        )
        self._was_there = was_there
        # What is deleted again, as it was made of an address that the API stores as one that was there.
        self._taken_back = Deletions(suppression_list, scope=scope, batch_size=batch_size)

    def run(self, flow: Flow) -> Steps[None]:
        """Do all that is left, by *flow*."""
        self.is_begun = True
        if self._looks_back:
            yield from self._additions.look_back(flow, self._kept_at)
        if self._additions.pending or self._deletions.pending:
            yield from self._keep()
        while self._additions.pending:
            yield from self._additions.add_batch(flow)
            yield from self._keep()
        self._taken_back.pending = [
            entry["id"] for _, entry in self._additions.stored_differently if self._was_there(entry)
        ]
        while self._taken_back.pending:
            yield from self._taken_back.delete_batch(flow)
        while self._deletions.pending:
            yield from self._deletions.delete_batch(flow)
            yield from self._keep()

    @property
    def least_requests(self) -> int:
        """How many requests are needed for what is left, at the least."""
        to_add, to_delete = (
            ceil(len(work.pending) / work.batch_size) for work in (self._additions, self._deletions)
        )
        # Looking back may find a whole batch there.
        return max(to_add, int(self._looks_back)) + to_delete

    @property
    def rejected(self) -> int:
        """How many of what was to be added the API refuses."""
        return self._rejected + len(self._additions.rejected)

    @property
    def first_rejected(self) -> list[dict[str, str]]:
        """The first of them: ``value``, ``where`` it stood among those given, and the ``reason``."""
        of_now = [_rejection(item, why) for item, why in islice(self._additions.rejected.items(), FIRST)]
        return [*self._first_rejected, *of_now][:FIRST]

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
    def progress(self) -> str:
        """What was done and what was not, in a sentence."""
        return (
            f"Added before that: {self.added} of {len(self.plan.to_add)}; deleted: {self.deleted} of "
            f"{len(self.plan.to_delete)}."
        )

    def so_far(self) -> dict[str, Any]:
        """Return the plan's label and, as ``done``, what was done of it, as plain JSON."""
        latest = self._additions.latest
        self._pass_what_is_done()
        done = {
            "next_to_add": self._next_to_add,
            "next_to_delete": self._next_to_delete,
            "rejected": self._rejected,
            "first_rejected": self._first_rejected,
            "latest": latest.isoformat() if latest else None,
            "kept_at": self._kept_at,
        }
        return {**self._label, "done": done}

    @property
    def _looks_back(self) -> bool:
        # The try before may have ended between a request and its answer, or long ago.
        return self._is_another_try and bool(self._additions.pending)

    def _keep(self) -> Steps[None]:
        now = yield Wait(0.0)
        self._pass_what_is_done()
        # What is done beyond the first that is left is found by looking back alone: as far back as until now.
        if len(self._additions.pending) == len(self.plan.to_add) - self._next_to_add:
            self._kept_at = now
        yield Keep(self.so_far())

    def _pass_what_is_done(self) -> None:
        to_add, to_delete = self.plan.to_add, self.plan.to_delete
        pending, rejected = self._additions.pending, self._additions.rejected
        while self._next_to_add < len(to_add) and (item := to_add[self._next_to_add]).key not in pending:
            self._next_to_add += 1
            if item in rejected:
                self._rejected += 1
                self._first_rejected = [*self._first_rejected, _rejection(item, rejected.pop(item))][:FIRST]
        left = self._deletions.pending
        while self._next_to_delete < len(to_delete) and to_delete[self._next_to_delete] not in left[:1]:
            self._next_to_delete += 1


def _rejection(item: Item, reason: str) -> dict[str, str]:
    return {"value": item.value, "where": item.where, "reason": reason}
