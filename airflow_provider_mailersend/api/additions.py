"""Adding to a suppression list: in batches, nothing twice, nothing lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Literal, get_args

from airflow_provider_mailersend.api.answers import Answer
from airflow_provider_mailersend.api.domains import ACCOUNT_WIDE, Scope
from airflow_provider_mailersend.api.entries import (
    Entry,
    belongs_to,
    comparable,
    created_at,
    value_of,
)
from airflow_provider_mailersend.api.errors import (
    MailerSendError,
    MailerSendRequestError,
    MailerSendUnexpectedAnswerError,
    MailerSendUnknownFateError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.api.flow import Flow, Steps, Wait, unknown_fate
from airflow_provider_mailersend.api.items import Item, items_of
from airflow_provider_mailersend.api.masking import masked
from airflow_provider_mailersend.api.pages import Paging, entries_of
from airflow_provider_mailersend.api.refusals import refused_items, smaller_batch, unexpected
from airflow_provider_mailersend.api.requests import (
    BATCH_SIZE,
    Request,
    SuppressionList,
    add_suppressions,
    list_suppressions,
)

OnInvalid = Literal["fail", "skip"]

#: How far an entry's date may lie before the moment it was asked for: both clocks are read in whole seconds.
_CLOCK_GRAIN = timedelta(seconds=2)

#: The same where the API's clock is not known, for want of a Date header.
_CLOCK_UNKNOWN = timedelta(minutes=5)

#: How long a request that got no answer is given at the least, and at the most, before looking what it did.
_SHORTEST_SETTLING = 1.0
_LONGEST_SETTLING = 60.0


class Additions:
    """
    One call's additions to a list: what is left to do, and what was done.

    :param recipients: addresses. Case and surrounding spaces do not tell two apart; the first spelling is sent.
    :param patterns: regular expressions, for the blocklist. Surrounding spaces do not tell two apart.
    :param scope: the domain to add to; without one it is the account's blocklist.
    :param batch_size: how many to put into one request; less where the API refuses so many.
    :param on_invalid: whether an address that the API refuses ends the work or is left out.
    """

    def __init__(
        self,
        suppression_list: SuppressionList,
        *,
        recipients: Iterable[str] = (),
        patterns: Iterable[str] = (),
        scope: Scope = ACCOUNT_WIDE,
        batch_size: int = BATCH_SIZE,
        on_invalid: OnInvalid = "fail",
    ) -> None:
        if not suppression_list.takes_additions:
            raise ValueError(
                f"nothing can be added to {suppression_list}: MailerSend puts addresses on hold, and takes them off "
                "after 72 hours, by itself. To suppress an address for good, add it to the blocklist."
            )
        if on_invalid not in get_args(OnInvalid):
            raise ValueError(
                f"on_invalid must be one of {', '.join(get_args(OnInvalid))}; got {on_invalid!r}"
            )
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"batch_size must be a whole number, at least 1; got {batch_size!r}")
        items = [*items_of("recipients", recipients), *items_of("patterns", patterns)]
        suppression_list.check_takes(item.kind for item in items)
        if items and suppression_list.adds_to_a_domain and not scope.is_a_domain:
            raise ValueError(
                f"adding to {suppression_list} needs a domain: give domain or domain_id, or set Domain ID in the "
                "connection"
            )
        self.suppression_list = suppression_list
        self.scope = scope
        self.batch_size = batch_size
        self.on_invalid = on_invalid
        #: The ids of the entries made.
        self.added: list[str] = []
        #: What the API refuses, each a ``value`` and a ``reason``.
        self.rejected: list[dict[str, str]] = []
        self._pending: dict[tuple[str, str], Item] = {}
        for item in items:
            self._pending.setdefault(item.key, item)
        self._total = len(self._pending)
        self._domain_id: str | None = None
        self._unsure = 0
        self._unknowns = 0
        self._latest: datetime | None = None

    def run(self, flow: Flow) -> Steps[None]:
        """Add all that is left, by *flow*."""
        try:
            self._reject({item: "It is empty." for item in self._pending.values() if not item.value})
            if self._pending:
                self._domain_id = yield from self.scope.resolve(flow)
            while self._pending:
                yield from self._add_batch(flow)
        except MailerSendError as error:
            error.progress = self._progress()
            raise

    def _progress(self) -> str:
        unsure = f"; not known: {self._unsure}" if self._unsure else ""
        return (
            f"Added to {self.suppression_list} before that: {len(self.added)} of {self._total}; "
            f"not added: {len(self._pending) - self._unsure}{unsure}."
        )

    def _add_batch(self, flow: Flow) -> Steps[None]:
        batch = list(islice(self._pending.values(), self.batch_size))
        request = add_suppressions(
            self.suppression_list,
            recipients=[item.value for item in batch if item.kind == "recipients"],
            patterns=[item.value for item in batch if item.kind == "patterns"],
            domain_id=self._domain_id,
        )
        try:
            answer = yield from flow.send(request)
            self._take_in(batch, request, answer)
        except MailerSendUnknownFateError as error:
            self._unsure = len(batch)
            yield from self._look_up(flow, batch, error)
            self._unsure = 0
        except MailerSendRequestError as error:
            self._adapt(batch, error)

    def _take_in(self, batch: Sequence[Item], request: Request, answer: Answer) -> None:
        try:
            entries = entries_of(request, answer)
            if len(entries) < len(batch):
                raise unexpected(request, answer, f"{len(entries)} entries for {len(batch)} sent")
        except MailerSendUnexpectedAnswerError as error:
            raise unknown_fate(error) from None
        self._unknowns = 0
        dates = [date for entry in entries if (date := created_at(entry)) is not None]
        self._latest = max([*dates, *([self._latest] if self._latest else [])], default=None)
        self._done(batch, [entry["id"] for entry in entries])

    def _done(self, items: Sequence[Item], ids: Iterable[str]) -> None:
        self.added.extend(ids)
        self._drop(items)

    def _drop(self, items: Iterable[Item]) -> None:
        for item in items:
            del self._pending[item.key]

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
            named = [
                f"{item.kind}[{item.position}] {masked(item.value)!r}: {why}" for item, why in reasons.items()
            ]
            more = f" and {len(named) - 10} more" if len(named) > 10 else ""
            raise MailerSendValidationError(
                f"{self.suppression_list}: {len(named)} of what is to be added cannot be: "
                f"{'; '.join(named[:10])}{more}. Correct it, or pass on_invalid='skip' to add the rest.",
                endpoint=endpoint,
                status=422 if endpoint else None,
                errors={f"{item.kind}.{item.position}": [why] for item, why in reasons.items()},
            )
        self.rejected.extend({"value": item.value, "reason": why} for item, why in reasons.items())
        self._drop(reasons)

    def _look_up(self, flow: Flow, batch: Sequence[Item], error: MailerSendUnknownFateError) -> Steps[None]:
        """Find out what of *batch* was added by a request whose fate is unknown; the rest stays to be added."""
        self._unknowns += 1
        asked_at = flow.sent_at
        now = yield Wait(0.0)
        # The API may still be at work on it, behind a gateway that gave up: it is given as long again.
        at_work = min(now - asked_at, _LONGEST_SETTLING)
        settling = max(_SHORTEST_SETTLING, flow.backoff(self._unknowns), at_work)
        seen = -1
        entries: dict[tuple[str, str], Entry] = {}
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

    def _made_since(
        self, flow: Flow, moment: float, wanted: set[tuple[str, str]]
    ) -> Steps[dict[tuple[str, str], Entry]]:
        """Return those entries for *wanted* that were made since *moment*, which are among the newest."""
        found: dict[tuple[str, str], Entry] = {}
        paging = Paging(list_suppressions(self.suppression_list, self._domain_id))
        while paging.request is not None and len(found) < len(wanted):
            answer = yield from flow.send(paging.request)
            paging.since = self._since(flow, moment)
            for entry in paging.read(answer):
                value = value_of(entry)
                if (
                    value is not None
                    and (key := comparable(*value)) in wanted
                    and belongs_to(entry, self._domain_id)
                ):
                    found.setdefault(key, entry)
        return found

    def _since(self, flow: Flow, moment: float) -> datetime:
        """Return *moment* by the API's clock, no later than it can be; what was added before sets a bound too."""
        ahead = flow.throttle.clock_ahead
        since = datetime.fromtimestamp(moment + (ahead or 0.0), UTC)
        since -= _CLOCK_UNKNOWN if ahead is None else _CLOCK_GRAIN
        return since if self._latest is None else max(since, self._latest)

    def result(self, requests: int) -> dict[str, Any]:
        """Return what was done, as plain JSON."""
        return {"added": self.added, "rejected": self.rejected, "requests": requests}
