"""Adding to a suppression list: nothing twice, nothing lost."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
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
from airflow_provider_mailersend.api.flow import Flow, Steps, Wait, ambiguous_result
from airflow_provider_mailersend.api.masking import join_first, masked
from airflow_provider_mailersend.api.pages import WholeList
from airflow_provider_mailersend.api.requests import (
    BATCH_SIZE,
    Request,
    SuppressionList,
    add_suppressions,
    list_suppressions,
)
from airflow_provider_mailersend.exceptions import (
    MailerSendAmbiguousResultError,
    MailerSendRequestError,
    MailerSendUnexpectedAnswerError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.jobs.batches import Batches, reporting
from airflow_provider_mailersend.jobs.domains import ACCOUNT_WIDE, Scope
from airflow_provider_mailersend.jobs.wanted import (
    Item,
    OnInvalid,
    check_choice,
    describe_problems,
    make_items,
)

#: How far an entry's date may precede the request that created it: the Date header may be from a gateway's clock.
_CLOCK_GRAIN = timedelta(minutes=1)

#: The same if no Date header has told the API's time.
_CLOCK_UNKNOWN = timedelta(minutes=5)

#: How far an entry's date may precede that of an earlier one: two of the API's machines may have made them.
_API_CLOCKS_APART = timedelta(seconds=5)

#: How far the clocks of two Airflow machines may differ, in seconds.
_CLOCKS_APART = 60.0


class Additions(Batches[Item]):
    """
    Adds addresses and patterns, each once.

    Takes the parameters of :meth:`.MailerSendHook.add_suppressions` too.

    :param items: more addresses and patterns, parsed already.
    :param added_since: in Unix seconds.
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
                f"nothing can be added to {suppression_list}: MailerSend adds addresses itself and removes them after "
                "72 hours. To suppress an address permanently, add it to the blocklist."
            )
        check_choice("on_invalid", on_invalid, OnInvalid)
        super().__init__(suppression_list, scope=scope, batch_size=batch_size)
        items = [*make_items("recipients", recipients), *make_items("patterns", patterns), *items]
        suppression_list.check_takes(item.kind for item in items)
        if items:
            scope.check_adding(suppression_list, "adding to")
        self.on_invalid = on_invalid
        #: The list's name with its domain, for errors.
        self.name = scope.name_of(suppression_list)
        #: The ids of the entries created.
        self.added: list[str] = []
        #: What the API refused, with reasons.
        self.rejected: dict[Item, str] = {}
        #: What the API stored differently than it was sent, with the entry created.
        self.stored_differently: list[tuple[Item, Entry]] = []
        #: The newest date of the entries created, by the API's clock.
        self.latest: datetime | None = None
        #: Whether a look for what was added may have missed entries, as the list's order kept changing.
        self.may_be_incomplete = False
        self._added_since = added_since
        self._settle = settle
        # How many of the added an earlier run had added.
        self._found = 0
        # How many requests in a row got no usable response.
        self._unknowns = 0
        self.put(items)

    def _key_of(self, item: Item) -> Key:
        return item.key

    def run(self, flow: Flow) -> Steps[None]:
        """Add all that is pending."""
        with reporting(self._report):
            self._reject({item: why for item in self.pending.values() if (why := item.problem)})
            if self._added_since is not None and self.pending:
                if self._settle:
                    yield from flow.settle()
                entries = yield from self._made_since(flow, self._added_since - _CLOCKS_APART, self.pending)
                self._found = self._take_found(self.pending.values(), entries)
            yield from self._send_all(flow)
        if self.on_invalid == "fail":
            self.check_stored()

    def result(self, requests: int) -> dict[str, Any]:
        """Return what was done, as plain JSON."""
        return {
            "added": self.added,
            "rejected": [{"value": item.value, "reason": why} for item, why in self.rejected.items()],
            "stored_differently": self.stored_as_json(),
            "may_be_incomplete": self.may_be_incomplete,
            "requests": requests,
        }

    def _report(self) -> tuple[str, dict[str, int]]:
        unsure = f"; unknown: {self._unsure}" if self._unsure else ""
        progress = (
            f"{len(self.added)} of {self.total}; not added: {len(self.pending) - self._unsure}{unsure}."
        )
        counts = {"added": len(self.added) - self._found}
        return f"Added to {self.suppression_list} before that: {progress}", counts

    def stored_as_json(self, most: int | None = None) -> list[dict[str, str]]:
        """Return what the API stored differently, as plain JSON."""
        return [
            {"value": item.value, "where": item.where, "stored_as": (suppressed_value(entry) or ("", ""))[1]}
            for item, entry in self.stored_differently[:most]
        ]

    def check_stored(self) -> None:
        """Raise :class:`.MailerSendValidationError` if anything was stored differently than it was sent."""
        count = len(self.stored_differently)
        if count:
            stored = (
                f"{one['where']} {masked(one['value'])!r} as {masked(one['stored_as'])!r}"
                for one in self.stored_as_json()
            )
            raise MailerSendValidationError(
                f"{self.name}: MailerSend stored {count} differently than sent: "
                f"{join_first(stored, count, separator='; ')}. Everything else was done. Correct the source to the "
                "stored spelling, which the list shows, or pass on_invalid='skip'."
            )

    def _by_field(self, batch: Sequence[Item]) -> dict[str, list[Item]]:
        return {kind: [item for item in batch if item.kind == kind] for kind in ("recipients", "patterns")}

    def _request(self, batch: Sequence[Item], domain_id: str | None) -> Request:
        values = {kind: [item.value for item in items] for kind, items in self._by_field(batch).items()}
        return add_suppressions(self.suppression_list, **values, domain_id=domain_id)

    def _send(self, flow: Flow, request: Request, batch: Sequence[Item]) -> Steps[None]:
        try:
            answer = yield from flow.send(request)
            self._take_answer(batch, request, answer)
        except MailerSendAmbiguousResultError as error:
            self._unsure = len(batch)
            yield from self._look_up(flow, batch, error)
            self._unsure = 0
        except MailerSendRequestError as error:
            self._reject(self._refused(batch, error), error.endpoint)

    def _take_answer(self, batch: Sequence[Item], request: Request, answer: Answer) -> None:
        try:
            entries = parse_entries(request, answer)
            if len(entries) < len(batch):
                raise unexpected_answer(request, answer, f"{len(entries)} entries for {len(batch)} sent")
        except MailerSendUnexpectedAnswerError as error:
            raise ambiguous_result(error) from None
        self._unknowns = 0
        dates = [self.latest, *map(created_at, entries)]
        self.latest = max((date for date in dates if date is not None), default=None)
        self._note_stored(batch, entries)
        self._done(batch, [entry["id"] for entry in entries])

    def _note_stored(self, batch: Sequence[Item], entries: Sequence[Entry]) -> None:
        """Note the items of *batch* that are equal to none of *entries*, which show what the API stored."""
        keys = [entry_key(entry) for entry in entries]
        sent, shown = {item.key for item in batch}, set(keys)
        lost = [(place, item) for place, item in enumerate(batch) if item.key not in shown]
        others = [entry for entry, key in zip(entries, keys, strict=True) if key and key not in sent]
        if len(others) != len(lost) and len(entries) == len(batch):
            # Two items may have been stored as one address: then entries are in the order sent.
            others = [entries[place] for place, _ in lost if keys[place]]
        self.stored_differently.extend((item, entry) for (_, item), entry in zip(lost, others, strict=False))

    def _done(self, items: Iterable[Item], ids: Iterable[str]) -> None:
        self.added.extend(ids)
        self._drop(item.key for item in items)

    def _take_found(self, items: Iterable[Item], entries: dict[Key, Entry]) -> int:
        """Count those of *items* that are among *entries* as added, and return how many they are."""
        found = [item for item in items if item.key in entries]
        self._done(found, [entries[item.key]["id"] for item in found])
        return len(found)

    def _reject(self, reasons: dict[Item, str], endpoint: str | None = None) -> None:
        """Leave out refused items, or fail, as *on_invalid* says."""
        if reasons and self.on_invalid == "fail":
            raise MailerSendValidationError(
                f"{self.name}: {len(reasons)} can't be added: {describe_problems(reasons)}. Correct the "
                "source, or pass on_invalid='skip' to add the rest.",
                endpoint=endpoint,
                status=422 if endpoint else None,
                errors={f"{item.kind}.{item.position}": [why] for item, why in reasons.items()},
            )
        self.rejected.update(reasons)
        self._drop(item.key for item in reasons)

    def _look_up(
        self, flow: Flow, batch: Sequence[Item], error: MailerSendAmbiguousResultError
    ) -> Steps[None]:
        """Find what a request with an ambiguous result added of *batch*; the rest stays pending."""
        self._unknowns += 1
        asked_at = flow.sent_at
        now = yield Wait(0.0)
        seen = -1
        entries: dict[Key, Entry] = {}
        # If only a part is there, the API may still be processing: look again until nothing more comes.
        while seen < len(entries) < len(batch):
            seen = len(entries)
            outcome = "the outcome of an addition that got no answer"
            yield from flow.settle(outcome, times=self._unknowns, took=now - asked_at)
            # A list whose order changes may not show again what it has shown.
            entries |= yield from self._made_since(flow, asked_at, {item.key for item in batch})
        if self._take_found(batch, entries) == len(batch):
            self._unknowns = 0
        elif self._unknowns > flow.max_retries:
            self._unsure = 0
            raise error

    def _made_since(self, flow: Flow, moment: float, keys: Iterable[Hashable]) -> Steps[dict[Key, Entry]]:
        """Return the entries with *keys* created since *moment*, which are among the newest."""
        sought = frozenset(keys)
        domain_id = yield from self.scope.resolve(flow)
        found: dict[Key, Entry] = {}
        seen, may_be_incomplete = -1, True
        # Where the order keeps changing, each reading may show more.
        while may_be_incomplete and seen < len(found) < len(sought):
            seen = len(found)
            whole = WholeList(list_suppressions(self.suppression_list, domain_id))
            while whole.request is not None and len(found) < len(sought):
                answer = yield from flow.send(whole.request)
                # Only now, by the answer's Date header, is the API's clock known.
                whole.leave_out_before(self._api_time(flow, moment))
                for entry in whole.read(answer):
                    key = entry_key(entry)
                    if key is not None and key in sought and belongs_to(entry, domain_id) is not False:
                        found.setdefault(key, entry)
            may_be_incomplete = whole.may_be_incomplete
        if len(found) < len(sought):
            self.may_be_incomplete = self.may_be_incomplete or may_be_incomplete
        return found

    def _api_time(self, flow: Flow, moment: float) -> datetime:
        """Return the earliest that the API's clock can have shown at *moment*."""
        ahead = flow.throttle.clock_ahead
        since = datetime.fromtimestamp(moment + (ahead or 0.0), UTC)
        since -= _CLOCK_UNKNOWN if ahead is None else _CLOCK_GRAIN
        # Entries of earlier batches were created before.
        return since if self.latest is None else max(since, self.latest - _API_CLOCKS_APART)
