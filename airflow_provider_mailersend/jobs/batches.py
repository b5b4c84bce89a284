"""Sending many items to a suppression list in batches, smaller ones once the API refuses the size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Generic, TypeVar

from airflow_provider_mailersend.api.flow import Flow, Progress, Steps
from airflow_provider_mailersend.api.refusals import refused_items, smaller_batch
from airflow_provider_mailersend.api.requests import Request, SuppressionList
from airflow_provider_mailersend.exceptions import (
    MailerSendError,
    MailerSendRequestError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.jobs.domains import Scope
from airflow_provider_mailersend.jobs.wanted import check_batch_size

_T = TypeVar("_T", bound=Hashable)


class Batches(ABC, Generic[_T]):
    """
    Items on their way to a suppression list.

    :param batch_size: how many to send in one request; fewer once the API refuses that many.
    """

    def __init__(self, suppression_list: SuppressionList, *, scope: Scope, batch_size: int) -> None:
        check_batch_size(batch_size)
        self.suppression_list = suppression_list
        self.scope = scope
        self.batch_size = batch_size
        #: What is left to send, by key.
        self.pending: dict[Hashable, _T] = {}
        self.total = 0
        # How many of the first pending items an earlier request may have processed.
        self._unsure = 0

    def put(self, items: Iterable[_T]) -> None:
        """Make *items* pending, each once, in place of all others."""
        self.pending = {}
        for item in items:
            self.pending.setdefault(self._key_of(item), item)
        self.total = len(self.pending)

    def _key_of(self, item: _T) -> Hashable:
        return item

    @abstractmethod
    def _by_field(self, batch: Sequence[_T]) -> dict[str, list[_T]]:
        """Return the items of *batch* by their field in the request body."""

    @abstractmethod
    def _request(self, batch: Sequence[_T], domain_id: str | None) -> Request: ...

    @abstractmethod
    def _send(self, flow: Flow, request: Request, batch: Sequence[_T]) -> Steps[None]:
        """Send one batch; remove what needs no further request from :attr:`pending`."""

    def _send_all(self, flow: Flow) -> Steps[None]:
        while self.pending:
            domain_id = yield from self.scope.resolve(flow)
            batch = list(islice(self.pending.values(), self._unsure or self.batch_size))
            request = self._request(batch, domain_id)
            yield from self._send(flow, request, batch)
            yield Progress(request, self.total - len(self.pending), self.total)

    def _refused(self, batch: Sequence[_T], error: MailerSendRequestError) -> dict[_T, str]:
        """
        Return the items of *batch* that *error* refuses, with reasons; none if it refuses the batch's size.

        :raises MailerSendRequestError: *error*, if it isn't about size or single items.
        """
        fields = self._by_field(batch)
        size = smaller_batch(error, len(batch), *fields)
        if size is not None:
            self.batch_size = size
            return {}
        refused = refused_items(error, *fields) if isinstance(error, MailerSendValidationError) else {}
        if not refused or any(index >= len(fields[field]) for field, index in refused):
            raise error
        return {fields[field][index]: reason for (field, index), reason in refused.items()}

    def _drop(self, keys: Iterable[Hashable]) -> None:
        for key in keys:
            del self.pending[key]


@contextmanager
def reporting(report: Callable[[], tuple[str, dict[str, int]]]) -> Iterator[None]:
    """Add to an error what the job had done before it, which *report* returns: in a sentence, and in numbers."""
    try:
        yield
    except MailerSendError as error:
        error.progress, error.counts = report()
        raise
