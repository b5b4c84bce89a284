"""Setting the status of SMS recipients, by id or by phone number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain
from typing import Any

from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.flow import Flow, Progress, Steps
from airflow_provider_mailersend.api.ids import unique_ids
from airflow_provider_mailersend.api.masking import join_first, masked, masked_within
from airflow_provider_mailersend.api.pages import WholeList
from airflow_provider_mailersend.api.requests import (
    SmsRecipientStatus,
    list_sms_recipients,
    update_sms_recipient,
)
from airflow_provider_mailersend.exceptions import (
    MailerSendNotFoundError,
    MailerSendRequestError,
    MailerSendUnexpectedAnswerError,
    MailerSendValidationError,
)
from airflow_provider_mailersend.jobs.batches import reporting
from airflow_provider_mailersend.jobs.wanted import Item, OnMissing, check_choice, check_flags, make_items


class SmsUpdates:
    """
    Sets the status of many SMS recipients.

    Takes the parameters of :meth:`.MailerSendHook.update_sms_recipients`.
    """

    def __init__(
        self,
        status: SmsRecipientStatus,
        *,
        ids: Iterable[str] | None = None,
        numbers: Iterable[str] | None = None,
        sms_number_id: str | None = None,
        on_missing: OnMissing = "fail",
        changed_only: bool = False,
    ) -> None:
        check_choice("on_missing", on_missing, OnMissing)
        check_flags(changed_only=changed_only)
        if (ids is None) == (numbers is None):
            raise ValueError("give either ids or numbers, not both")
        if ids is not None and sms_number_id is not None:
            raise ValueError("sms_number_id is for numbers: leave it out with ids")
        self.status = status
        self._list = list_sms_recipients(sms_number_id=sms_number_id)
        self.on_missing = on_missing
        #: The ids of the SMS recipients that were set.
        self.updated: list[str] = []
        #: How many had the status already.
        self.unchanged = 0
        #: The ids or numbers that MailerSend doesn't know.
        self.missing: list[str] = []
        #: Whether SMS recipients may have been missed, as the list's order kept changing.
        self.may_be_incomplete = False
        self._refused: dict[str, str] = {}
        self._numbers = parse_numbers(() if numbers is None else numbers)
        self._ids = unique_ids(() if ids is None else ids)
        for id_ in self._ids:
            # An impossible id fails here, before any request.
            update_sms_recipient(id_, status)
        self._reads_first = bool(self._numbers) or (changed_only and bool(self._ids))

    def run(self, flow: Flow) -> Steps[None]:
        """Set all that are to be set."""
        if self._reads_first:
            self._ids = yield from self._find(flow)
        with reporting(self._report):
            for done, id_ in enumerate(self._ids, 1):
                try:
                    yield from set_status(flow, id_, self.status)
                except MailerSendNotFoundError:
                    self.missing.append(id_)
                except MailerSendValidationError as error:
                    self._refused[id_] = "; ".join(chain(*error.errors.values())) or error.args[0]
                else:
                    self.updated.append(id_)
                yield Progress(update_sms_recipient(id_, self.status), done, len(self._ids))
        self._raise_failures()

    def result(self, requests: int) -> dict[str, Any]:
        """Return what was done, as plain JSON."""
        return {
            "updated": self.updated,
            "unchanged": self.unchanged,
            "missing": self.missing,
            "may_be_incomplete": self.may_be_incomplete,
            "requests": requests,
        }

    def _report(self) -> tuple[str, dict[str, int]]:
        count = len(self.updated)
        return f"Set to {self.status} before that: {count} of {len(self._ids)}.", {"updated": count}

    def _find(self, flow: Flow) -> Steps[list[str]]:
        """Read all SMS recipients, as the API can't search, and return the ids of those whose status differs."""
        field, given = ("number", self._numbers) if self._numbers else ("id", self._ids)
        wanted, known, differing = frozenset(given), set(), []
        whole = WholeList(self._list)
        while whole.request is not None:
            recipients = yield from flow.read_page(whole)
            for recipient in recipients:
                if recipient.get(field) not in wanted:
                    continue
                known.add(recipient[field])
                if recipient.get("status") == self.status:
                    self.unchanged += 1
                else:
                    differing.append(recipient["id"])
        self.missing = [value for value in given if value not in known]
        self.may_be_incomplete = whole.may_be_incomplete
        return differing

    def _raise_failures(self) -> None:
        failures = []
        if self._refused:
            refused = (f"{id_}: {why.rstrip('.')}" for id_, why in self._refused.items())
            failures.append(
                f"MailerSend refuses to set {len(self._refused)} SMS recipients to {self.status}: "
                f"{join_first(refused, len(self._refused), separator='; ')}. Leave them out, or set them in "
                "MailerSend."
            )
        if self.missing and self.on_missing == "fail":
            described = map(self._describe, self.missing)
            failures.append(
                missing_problem(described, len(self.missing), may_be_incomplete=self.may_be_incomplete)
            )
        if failures:
            raise MailerSendRequestError(describe_failures(failures, len(self.updated), self.status))

    def _describe(self, missing: str) -> str:
        item = self._numbers.get(missing)
        return masked_within(missing) if item is None else f"{item.where} {masked(missing)}"


def missing_problem(described: Iterable[str], count: int, *, may_be_incomplete: bool) -> str:
    """Return a sentence on ids and numbers that MailerSend doesn't know, already masked."""
    missing = join_first(described, count, most=20)
    doubt = " Some may exist: the list's order kept changing while it was read." if may_be_incomplete else ""
    return f"MailerSend has no SMS recipients for {missing}; on_missing='skip' skips them.{doubt}"


def describe_failures(failures: Iterable[str], updated: int, status: str) -> str:
    """Return the *failures*, which are sentences, and how many others were set to *status*."""
    others = f"All others ({updated}) were" if updated else "Nothing was"
    return f"{' '.join(failures)} {others} set to {status}."


def set_status(flow: Flow, sms_recipient_id: str, status: SmsRecipientStatus) -> Steps[Entry]:
    """
    Set one SMS recipient's status and return the recipient.

    :raises MailerSendUnexpectedAnswerError: the response shows another status.
    """
    request = update_sms_recipient(sms_recipient_id, status)
    recipient = yield from flow.get(request)
    if recipient.get("status") != status:
        raise MailerSendUnexpectedAnswerError(
            f"{request.endpoint} was to set the status {status}, but the response has the status "
            f"{recipient.get('status')!r}. Check in MailerSend whether it was set.",
            endpoint=request.endpoint,
        )
    return recipient


_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_TRUNK_ZERO = re.compile(r"[(\[]\D*0")
_IGNORED = re.compile(r"[\s()\[\]\u2010-\u2015-]")


def parse_numbers(values: Iterable[str]) -> dict[str, Item]:
    """
    Return phone numbers in E.164, such as ``+15551234567``, each with the first item that holds it.

    :raises TypeError: they aren't a list of strings.
    :raises ValueError: some aren't phone numbers in E.164.
    """
    numbers: dict[str, Item] = {}
    problems: list[str] = []
    for item in make_items("numbers", values):
        number, problem = parse_number(item.value)
        numbers.setdefault(number, item)
        if problem is not None:
            problems.append(f"{item.where} {masked(item.value)!r} {problem}")
    if problems:
        raise ValueError(join_first(problems, len(problems), separator="; "))
    return numbers


def parse_number(written: str) -> tuple[str, str | None]:
    """Return a phone number without spaces, dashes and brackets, and why it isn't one in E.164; None if it is."""
    number = _IGNORED.sub("", written)
    if _TRUNK_ZERO.search(written):
        return number, (
            "has a 0 after a bracket, which in most countries is not dialled after the country code: remove the 0, or "
            "the brackets where it is dialled"
        )
    if not _E164.fullmatch(number):
        return number, (
            "is not a phone number in E.164 format: a plus sign, the country code and the number, such as "
            "+15551234567"
        )
    return number, None
