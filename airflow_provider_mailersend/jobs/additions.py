"""Adding to a suppression list: in batches, nothing twice, nothing lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from airflow_provider_mailersend.api.answers import Answer, parse_entries, unexpected_answer
from airflow_provider_mailersend.api.entries import (
    Entry,
    Key,
    belongs_to,
    created_at,
    entry_key,
    suppressed_value,
)
from airflow_provider_mailersend.api.flow import Flow, Progress, Steps, Wait, ambiguous_result
from airflow_provider_mailersend.api.masking import masked
from airflow_provider_mailersend.api.messages import join_first
from airflow_provider_mailersend.api.refusals import refused_items, smaller_batch
from airflow_provider_mailersend.api.requests import (
    BATCH_SIZE,
    Request,
    SuppressionList,
    add_suppressions,
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
from airflow_provider_mailersend.jobs.wanted import (
    Item,
    OnInvalid,
    check_batch_size,
    check_choice,
    make_items,
)

#: How far an entry's date may lie before the moment it was asked for: answers may tell of a gateway's clock.
_CLOCK_GRAIN = timedelta(minutes=1)

#: The same where the API's clock is not known, for want of a Date header.
_CLOCK_UNKNOWN = timedelta(minutes=5)

#: How far an entry's date may lie before that of one made earlier: both are the API's, maybe of two of its machines.
_API_CLOCKS_APART = timedelta(seconds=5)

#: How far the clocks of two of Airflow's machines may be apart, in seconds.
_CLOCKS_APART = 60.0


class Additions:
    """
    One call's additions to a list: what is left to do, and what was done.

    :param recipients: addresses. Case and surrounding spaces do not tell two apart; the first spelling is sent.
    :param patterns: regular expressions, for the blocklist. Surrounding spaces do not tell two apart.
    :param items: addresses and patterns that have been read already.
    :param scope: the domain to add to; without one it is the account's blocklist.
    :param batch_size: how many to put into one request; less where the API refuses so many.
    :param on_invalid: whether an address that the API refuses ends the work or is left out.
    :param added_since: entries made at this moment or later, in Unix seconds, count as added already.
    :param settle: whether to wait before these are looked up, for what a killed worker has sent may be under way.
    """

    def __init__(
        self,
        suppression_list: SuppressionList,
        *,
        recipients: Iterable[str] = (),
        patterns: Iterable[str] = (),
        items: Iterable[Item] = (),
        scope: Scope = ACCOUNT_WIDE,
        batch_size: int = BATCH_SIZE,
        on_invalid: OnInvalid = "fail",
        added_since: float | None = None,
        settle: bool = False,
    ) -> None:
        if not suppression_list.takes_additions:
            raise ValueError(
                f"nothing can be added to {suppression_list}: MailerSend puts addresses on hold, and takes them off "
                "after 72 hours, by itself. To suppress an address for good, add it to the blocklist."
            )
        check_choice("on_invalid", on_invalid, OnInvalid)
        check_batch_size(batch_size)
        items = [*make_items("recipients", recipients), *make_items("patterns", patterns), *items]
        suppression_list.check_takes(item.kind for item in items)
        if items:
            scope.check_adding(suppression_list, "adding to")
        self.suppression_list = suppression_list
        self.scope = scope
        self.batch_size = batch_size
        self.on_invalid = on_invalid
        #: The ids of the entries made.
        self.added: list[str] = []
        #: What the API refuses, and why.
        self.rejected: dict[Item, str] = {}
        #: What is left to be added.
        self.pending: dict[Key, Item] = {}
        for item in items:
            self.pending.setdefault(item.key, item)
        #: What the API stored as something else than was sent, and the entry that it made of it.
        self.stored_differently: list[tuple[Item, Entry]] = []
        #: When the newest entry of those added was made, by the API's clock.
        self.latest: datetime | None = None
        self._total = len(self.pending)
        self._added_since = added_since
        self._settle = settle
        # How many of the added an earlier run had added.
        self._found = 0
        self._domain_id: str | None = None
        self._unsure = 0
        self._unknowns = 0

    def run(self, flow: Flow) -> Steps[None]:
        """Add all that is left, by *flow*."""
        try:
            self._reject({item: why for item in self.pending.values() if (why := item.problem)})
            if self._added_since is not None and self.pending:
                if self._settle:
                    yield from flow.settle()
                yield from self.look_back(flow, self._added_since)
            while self.pending:
                yield from self.add_batch(flow)
        except MailerSendError as error:
            error.progress = self.progress
            error.counts = {"added": len(self.added) - self._found}
            raise
        if self.on_invalid == "fail":
            check_stored(
                self.suppression_list, map(stored, self.stored_differently), len(self.stored_differently)
            )

    @property
    def progress(self) -> str:
        """What was added and what was not, in a sentence."""
        unsure = f"; not known: {self._unsure}" if self._unsure else ""
        return (
            f"Added to {self.suppression_list} before that: {len(self.added)} of {self._total}; "
            f"not added: {len(self.pending) - self._unsure}{unsure}."
        )

    def look_back(self, flow: Flow, moment: float) -> Steps[None]:
        """Count as added what an earlier run has added since *moment*."""
        self._domain_id = yield from self.scope.resolve(flow)
        entries = yield from self._made_since(flow, moment - _CLOCKS_APART, set(self.pending))
        there = [item for item in self.pending.values() if item.key in entries]
        self._done(there, [entries[item.key]["id"] for item in there])
        self._found = len(there)

    def add_batch(self, flow: Flow) -> Steps[None]:
        """Add the next of what is left, by *flow*: one request, where all goes well."""
        self._domain_id = yield from self.scope.resolve(flow)
        batch = list(islice(self.pending.values(), self.batch_size))
        request = add_suppressions(
            self.suppression_list,
            recipients=[item.value for item in batch if item.kind == "recipients"],
            patterns=[item.value for item in batch if item.kind == "patterns"],
            domain_id=self._domain_id,
        )
        try:
            answer = yield from flow.send(request)
            self._take_in(batch, request, answer)
        except MailerSendAmbiguousResultError as error:
            self._unsure = len(batch)
            yield from self._look_up(flow, batch, error)
            self._unsure = 0
        except MailerSendRequestError as error:
            self._adapt(batch, error)
        yield Progress(request, self._total - len(self.pending), self._total)

    def _take_in(self, batch: Sequence[Item], request: Request, answer: Answer) -> None:
        try:
            entries = parse_entries(request, answer)
            if len(entries) < len(batch):
                raise unexpected_answer(request, answer, f"{len(entries)} entries for {len(batch)} sent")
        except MailerSendUnexpectedAnswerError as error:
            raise ambiguous_result(error) from None
        self._unknowns = 0
        dates = [date for entry in entries if (date := created_at(entry)) is not None]
        self.latest = max([*dates, *([self.latest] if self.latest else [])], default=None)
        self._note_stored(batch, entries)
        self._done(batch, [entry["id"] for entry in entries])

    def _note_stored(self, batch: Sequence[Item], entries: Sequence[Entry]) -> None:
        """Take note of those of *batch* that none of *entries* is equal to: the API shows what it stored."""
        keys = [entry_key(entry) for entry in entries]
        sent, shown = {item.key for item in batch}, set(keys)
        lost = [(place, item) for place, item in enumerate(batch) if item.key not in shown]
        others = [entry for entry, key in zip(entries, keys, strict=True) if key and key not in sent]
        if len(others) != len(lost) and len(entries) == len(batch):
            # Two that were sent may have become one: then each stands where its address stood.
            others = [entries[place] for place, _ in lost if keys[place]]
        self.stored_differently.extend((item, entry) for (_, item), entry in zip(lost, others, strict=False))

    def _done(self, items: Sequence[Item], ids: Iterable[str]) -> None:
        self.added.extend(ids)
        self._drop(items)

    def _drop(self, items: Iterable[Item]) -> None:
        for item in items:
            del self.pending[item.key]

    def _adapt(self, batch: Sequence[Item], error: MailerSendRequestError) -> None:
        """Send less at once, or without what is refused, where *error* allows that; else raise it."""
        size = smaller_batch(error, len(batch), "recipients", "patterns")
        if size is not None:
            self.batch_size = size
            return
        if not isinstance(error, MailerSendValidationError):
            raise error
        refused = refused_items(error, "recipients", "patterns")
        by_kind = {kind: [item for item in batch if item.kind == kind] for kind in ("recipients", "patterns")}
        if not refused or any(index >= len(by_kind[kind]) for kind, index in refused):
            raise error
        self._reject(
            {by_kind[kind][index]: reason for (kind, index), reason in refused.items()}, error.endpoint
        )

    def _reject(self, reasons: dict[Item, str], endpoint: str | None = None) -> None:
        if not reasons:
            return
        if self.on_invalid == "fail":
            raise self._refused(reasons, endpoint)
        self.rejected.update(reasons)
        self._drop(reasons)

    def _refused(self, reasons: Mapping[Item, str], endpoint: str | None) -> MailerSendValidationError:
        reported = (
            f"{item.where} {masked(item.value)!r}: {why.rstrip('.')}" for item, why in reasons.items()
        )
        return MailerSendValidationError(
            f"{self.suppression_list}: {len(reasons)} of what is to be added cannot be: "
            f"{join_first(reported, len(reasons), separator='; ')}. Correct it, or pass on_invalid='skip' to add the "
            "rest.",
            endpoint=endpoint,
            status=422 if endpoint else None,
            errors={f"{item.kind}.{item.position}": [why] for item, why in reasons.items()},
        )

    def _look_up(
        self, flow: Flow, batch: Sequence[Item], error: MailerSendAmbiguousResultError
    ) -> Steps[None]:
        """Find out what of *batch* was added by a request whose result is ambiguous; the rest stays to be added."""
        self._unknowns += 1
        asked_at = flow.sent_at
        now = yield Wait(0.0)
        settling = flow.settling(self._unknowns, now - asked_at)
        seen = -1
        entries: dict[Key, Entry] = {}
        # Some but not all of it there may mean that the API is still at work: look until that stands still.
        while seen < len(entries) < len(batch):
            seen = len(entries)
            now = yield Wait(now + settling, "what became of an addition that got no answer")
            entries = yield from self._made_since(flow, asked_at, {item.key for item in batch})
        there = [item for item in batch if item.key in entries]
        self._done(there, [entries[item.key]["id"] for item in there])
        if len(there) == len(batch):
            self._unknowns = 0
        elif self._unknowns > flow.max_retries:
            self._unsure = 0
            raise error

    def _made_since(self, flow: Flow, moment: float, wanted: set[Key]) -> Steps[dict[Key, Entry]]:
        """Return those entries for *wanted* that were made since *moment*, which are among the newest."""
        found: dict[Key, Entry] = {}
        whole = WholeList(list_suppressions(self.suppression_list, self._domain_id))
        while whole.request is not None and len(found) < len(wanted):
            answer = yield from flow.send(whole.request)
            # The API's clock is known by its answer.
            whole.leave_out_before(self._since(flow, moment))
            for entry in whole.read(answer):
                key = entry_key(entry)
                if key is not None and key in wanted and belongs_to(entry, self._domain_id) is not False:
                    found.setdefault(key, entry)
        return found

    def _since(self, flow: Flow, moment: float) -> datetime:
        """Return *moment* by the API's clock, no later than it can be; what was added before sets a bound too."""
        ahead = flow.throttle.clock_ahead
        since = datetime.fromtimestamp(moment + (ahead or 0.0), UTC)
        since -= _CLOCK_UNKNOWN if ahead is None else _CLOCK_GRAIN
        return since if self.latest is None else max(since, self.latest - _API_CLOCKS_APART)

    def result(self, requests: int) -> dict[str, Any]:
        """Return what was done, as plain JSON."""
        rejected = [{"value": item.value, "reason": why} for item, why in self.rejected.items()]
        return {
            "added": self.added,
            "rejected": rejected,
            "stored_differently": list(map(stored, self.stored_differently)),
            "requests": requests,
        }


def stored(one: tuple[Item, Entry]) -> dict[str, str]:
    """Return, as plain JSON, what was sent, where it stood, and what was stored of it."""
    item, entry = one
    return {"value": item.value, "where": item.where, "stored_as": (suppressed_value(entry) or ("", ""))[1]}


def check_stored(suppression_list: SuppressionList, first: Iterable[Mapping[str, str]], count: int) -> None:
    """
    Let an addition pass that stored all as it was sent.

    :param first: the first of what was stored as something else.
    :param count: how many of them there are.
    :raises MailerSendValidationError: there are any.
    """
    if not count:
        return
    reported = (f"{one['where']} {masked(one['value'])!r} as {masked(one['stored_as'])!r}" for one in first)
    raise MailerSendValidationError(
        f"{suppression_list}: MailerSend stored {count} of what was added as something else than was sent: "
        f"{join_first(reported, count, separator='; ')}. All else was done. Correct the source to the stored spelling, "
        "which the list shows, or pass on_invalid='skip'."
    )
