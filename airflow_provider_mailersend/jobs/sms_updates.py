"""Setting whether SMS recipients may be written to, by their ids or by their phone numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain
from typing import Any

from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.flow import Flow, Progress, Steps
from airflow_provider_mailersend.api.ids import unique_ids
from airflow_provider_mailersend.api.masking import masked, masked_within
from airflow_provider_mailersend.api.messages import join_first
from airflow_provider_mailersend.api.requests import (
    SmsRecipientStatus,
    list_sms_recipients,
    update_sms_recipient,
)
from airflow_provider_mailersend.api.whole_list import WholeList
from airflow_provider_mailersend.exceptions import (
    MailerSendError,
    MailerSendNotFoundError,
    MailerSendRequestError,
    MailerSendUnexpectedAnswerError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.jobs.wanted import OnMissing, check_choice, check_flags


class SmsUpdates:
    """
    One call's updates: what is left to do, and what was done.

    :param ids: the SMS recipients' ids; each counts once.
    :param numbers: phone numbers instead: all SMS recipients that have one of them, and another status.
    :param sms_number_id: with *numbers*, only the SMS recipients of this SMS number.
    :param on_missing: whether an id or a number that is unknown fails the work, once the rest is done, or is left out.
    :param changed_only: with *ids* too, whether to read all SMS recipients first, to set only those of another status.
    """

    def __init__(
        self,
        status: SmsRecipientStatus,
        *,
        ids: Iterable[str] = (),
        numbers: Iterable[str] = (),
        sms_number_id: str | None = None,
        on_missing: OnMissing = "fail",
        changed_only: bool = False,
    ) -> None:
        check_choice("on_missing", on_missing, OnMissing)
        check_flags(changed_only=changed_only)
        self.status = status
        self.sms_number_id = sms_number_id
        self.on_missing = on_missing
        #: The ids of the SMS recipients set.
        self.updated: list[str] = []
        #: How many had the status already.
        self.unchanged = 0
        #: The ids or numbers that are unknown.
        self.missing: list[str] = []
        #: Whether SMS recipients may have been missed when all were read.
        self.may_be_incomplete = False
        self._refused: dict[str, str] = {}
        self._numbers = parse_numbers(numbers)
        self._pending = unique_ids(ids)
        if self._pending and self._numbers:
            raise ValueError("give either ids or numbers, and not both")
        for id_ in self._pending:
            # One that cannot be is told before any request.
            update_sms_recipient(id_, status)
        self._reads_first = bool(self._numbers) or (changed_only and bool(self._pending))
        self._total = len(self._pending)

    def run(self, flow: Flow) -> Steps[None]:
        """Set all that is left, by *flow*."""
        if self._reads_first:
            yield from self._find(flow)
            self._total = len(self._pending)
        try:
            while self._pending:
                yield from self._update_next(flow)
        except MailerSendError as error:
            error.progress = f"Set to {self.status} before that: {len(self.updated)} of {self._total}."
            error.counts = {"updated": len(self.updated)}
            raise
        self._check()

    def _find(self, flow: Flow) -> Steps[None]:
        """Read all SMS recipients, and leave those to be set whose status differs: the API finds none by number."""
        field, given = ("number", self._numbers) if self._numbers else ("id", self._pending)
        wanted, known = frozenset(given), set()
        self._pending = []
        whole = WholeList(list_sms_recipients(sms_number_id=self.sms_number_id))
        while whole.request is not None:
            everyone = yield from flow.read_page(whole)
            for one in everyone:
                if one.get(field) not in wanted:
                    continue
                known.add(one[field])
                if one.get("status") == self.status:
                    self.unchanged += 1
                else:
                    self._pending.append(one["id"])
        self.missing = [value for value in given if value not in known]
        self.may_be_incomplete = whole.may_be_incomplete

    def _update_next(self, flow: Flow) -> Steps[None]:
        id_ = self._pending[0]
        request = update_sms_recipient(id_, self.status)
        try:
            yield from set_status(flow, id_, self.status)
        except MailerSendNotFoundError:
            self.missing.append(id_)
        except MailerSendValidationError as error:
            self._refused[id_] = "; ".join(chain(*error.errors.values())) or error.args[0]
        else:
            self.updated.append(id_)
        self._pending = self._pending[1:]
        done = self._total - len(self._pending)
        yield Progress(request, done, self._total)

    def _check(self) -> None:
        failures = []
        if self._refused:
            reported = (f"{id_}: {why.rstrip('.')}" for id_, why in self._refused.items())
            failures.append(
                f"MailerSend refuses to set {len(self._refused)} SMS recipients to {self.status}: "
                f"{join_first(reported, len(self._refused), separator='; ')}. Leave them out, or set them in "
                "MailerSend."
            )
        if self.missing and self.on_missing == "fail":
            unknown = join_first(map(masked_within, self.missing), len(self.missing), most=20)
            failures.append(
                f"MailerSend has no SMS recipients for {unknown}; on_missing='skip' leaves them out."
            )
            if self.may_be_incomplete:
                failures.append("Some may be there: the list's order kept varying while it was read.")
        if failures:
            raise MailerSendRequestError(
                f"{' '.join(failures)} The other {len(self.updated)} were set to {self.status}."
            )

    def result(self, requests: int) -> dict[str, Any]:
        """Return what was done, as plain JSON."""
        return {
            "updated": self.updated,
            "unchanged": self.unchanged,
            "missing": self.missing,
            "may_be_incomplete": self.may_be_incomplete,
            "requests": requests,
        }


def set_status(flow: Flow, sms_recipient_id: str, status: SmsRecipientStatus) -> Steps[Entry]:
    """
    Set one SMS recipient's status and return it.

    :raises MailerSendUnexpectedAnswerError: the answer has another status than was asked for.
    """
    request = update_sms_recipient(sms_recipient_id, status)
    recipient = yield from flow.get(request)
    if recipient.get("status") != status:
        raise MailerSendUnexpectedAnswerError(
            f"{request.endpoint} was to set the status {status}, and answered with the status "
            f"{recipient.get('status')!r}. Look in MailerSend whether it was set.",
            endpoint=request.endpoint,
        )
    return recipient


_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_TRUNK_ZERO = re.compile(r"[(\[]\s*0\s*[)\]]")
_FORGIVEN = re.compile(r"[\s()\[\]\u2010-\u2015-]")


def parse_numbers(values: Iterable[str], name: str = "numbers") -> list[str]:
    """
    Return phone numbers in E.164, such as ``+15551234567``, each once.

    Spaces, dashes and brackets are forgiven.

    :raises TypeError: they are no list of strings.
    :raises ValueError: one is no number in E.164; it is named by its position, masked.
    """
    if isinstance(values, str):
        raise TypeError(f"{name} must be a list of strings; got one string")
    numbers: dict[str, None] = {}
    for position, value in enumerate(values):
        if not isinstance(value, str):
            raise TypeError(f"{name}[{position}] must be a string; got {type(value).__name__}")
        if _TRUNK_ZERO.search(value):
            raise ValueError(
                f"{name}[{position}] {masked(value)!r} holds a (0), which is not dialled after a country's code: leave "
                "it out"
            )
        number = _FORGIVEN.sub("", value)
        if not _E164.fullmatch(number):
            raise ValueError(
                f"{name}[{position}] {masked(value)!r} is no phone number in E.164: a plus sign, the country's code "
                "and the number, such as +15551234567"
            )
        numbers[number] = None
    return list(numbers)
