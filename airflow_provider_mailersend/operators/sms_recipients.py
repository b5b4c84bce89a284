"""Operators on SMS recipients: phone numbers, and whether you may text them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider_mailersend.api.masking import masked, masked_within
from airflow_provider_mailersend.jobs.wanted import OnMissing, check_choice
from airflow_provider_mailersend.operators.base import Before, MailerSendListingOperator, MailerSendOperator
from airflow_provider_mailersend.rendering import (
    UNSET,
    Unset,
    check_literal,
    parse_list,
    parse_required_text,
    parse_status,
)
from airflow_provider_mailersend.task import MailerSendTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


#: How to get the SMS recipients of all SMS numbers on purpose, for errors.
_ALL_NUMBERS = "Leave it out for all SMS numbers"


def include_earlier_days(result: dict[str, Any], before: Before) -> None:
    """Make the *result* of an update count what was done before a deferral too."""
    if before:
        result["updated_before"] = before.get("updated", 0)
        result["unchanged"] = max(0, result["unchanged"] - result["updated_before"])


def describe_outcome(result: Mapping[str, Any], status: str) -> str:
    """Return the *result* of an update in words, for the log."""
    updated = len(result["updated"]) + result.get("updated_before", 0)
    others = {
        "already had that status": result["unchanged"],
        "not found": len(result["missing"]),
        "rejected": result.get("rejected"),
        "left out": result.get("left_out"),
    }
    counts = [f"{count:,} {what}" for what, count in others.items() if count]
    return ", ".join([f"set {updated:,} to {status}", *counts])


class MailerSendListSmsRecipientsOperator(MailerSendListingOperator):
    """
    Return the SMS recipients: ``GET /sms-recipients``, one request for each 100.

    Takes the parameters of :class:`.MailerSendListingOperator` too.

    .. code-block:: python

        MailerSendListSmsRecipientsOperator(task_id="opted_out", status="opt_out")

    :param status: only those with the status ``active`` or ``opt_out``. If rendered to nothing, the task fails.
        (templated)
    :param sms_number_id: only those of this SMS number. (templated)
    :return: the SMS recipients as the API returns them: ``id``, ``number`` in E.164, ``status``, ``created_at`` and
        more. A phone number is a separate SMS recipient for each SMS number.
    """

    template_fields: Sequence[str] = ("status", "sms_number_id", *MailerSendTask.template_fields)

    def __init__(
        self,
        *,
        status: str | Unset | None = UNSET,
        sms_number_id: str | Unset | None = UNSET,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_literal(status, "status", parse_status)
        self.status = self.optional("status", status)
        self.sms_number_id = self.optional("sms_number_id", sms_number_id)

    def iter_entries(self) -> Iterator[dict[str, Any]]:
        number = self.rendered_scope("sms_number_id", hint=_ALL_NUMBERS)
        status = self.rendered_scope("status", hint="Leave it out for both")
        return self.hook.iter_sms_recipients(**number, **status)

    def describe_target(self) -> str:
        return "SMS recipients"


class MailerSendGetSmsRecipientOperator(MailerSendOperator):
    """
    Return one SMS recipient: ``GET /sms-recipients/{id}``. Takes the parameters of :class:`.MailerSendTask` too.

    .. code-block:: python

        MailerSendGetSmsRecipientOperator(task_id="sms_recipient", sms_recipient_id="62347d2be979fd275c0afd34")

    :param sms_recipient_id: the SMS recipient's id. (templated)
    :return: the SMS recipient as the API returns it: ``id``, ``number``, ``status``, ``created_at``, ``sms`` and more.
    :raises AirflowFailException: there is no such SMS recipient.
    """

    template_fields: Sequence[str] = ("sms_recipient_id", *MailerSendTask.template_fields)

    def __init__(self, *, sms_recipient_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sms_recipient_id = sms_recipient_id

    def run_job(self, context: Context, before: Before) -> dict[str, Any]:
        recipient_id = parse_required_text(self.sms_recipient_id, "sms_recipient_id")
        recipient = self.hook.get_sms_recipient(recipient_id)
        outcome = f"read {masked(str(recipient.get('number')))}, {recipient.get('status')}"
        self.log_summary(f"SMS recipient {masked_within(recipient_id)}", outcome)
        return recipient


class MailerSendUpdateSmsRecipientsOperator(MailerSendOperator):
    """
    Set the status of SMS recipients: ``PUT /sms-recipients/{id}``, one request for each.

    Pass *ids* or *numbers*; if they are empty it succeeds and sends nothing. With *numbers* the task first reads all
    SMS recipients, ``GET /sms-recipients``, one request for each 100, and sets only those whose status differs. An
    unknown id or number doesn't stop the others: the task sets them, and then fails. Takes the parameters of
    :class:`.MailerSendTask` too.

    .. code-block:: python

        MailerSendUpdateSmsRecipientsOperator(
            task_id="opt_out", numbers="{{ ti.xcom_pull('sms_opt_outs') }}", status="opt_out"
        )

    :param status: ``active`` or ``opt_out``. (templated)
    :param ids: the SMS recipients' ids: a list, or a list written as text. Duplicates are removed. (templated)
    :param numbers: phone numbers in E.164, such as ``+15551234567``: a list, or a list written as text. Spaces, dashes
        and brackets are ignored. A number is a separate SMS recipient for each SMS number: all are set. (templated)
    :param sms_number_id: with *numbers*, only the SMS recipients of this SMS number. (templated)
    :param on_missing: what to do about unknown ids and numbers: ``fail``, or ``skip`` them.
    :return: ``updated``: the ids set; ``unchanged``: how many had the status already, known with *numbers* only;
        ``missing``: the unknown ids or numbers; ``may_be_incomplete``: whether some may have been missed because the
        list's order kept changing; ``requests``: the number of requests sent. After a deferral ``updated_before`` is
        how many were set before it; their ids are not in ``updated``.
    :raises AirflowFailException: ids or numbers are unknown. The error says how many were set.
    """

    template_fields: Sequence[str] = (
        "ids",
        "numbers",
        "sms_number_id",
        "status",
        *MailerSendTask.template_fields,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"ids": "json", "numbers": "json"}

    def __init__(
        self,
        *,
        status: str,
        ids: Sequence[str] | str | Unset | None = UNSET,
        numbers: Sequence[str] | str | Unset | None = UNSET,
        sms_number_id: str | Unset | None = UNSET,
        on_missing: Literal["fail", "skip"] = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("on_missing", on_missing, OnMissing)
        check_literal(status, "status", parse_status)
        self.ids = self.optional("ids", ids)
        self.numbers = self.optional("numbers", numbers)
        self.sms_number_id = self.optional("sms_number_id", sms_number_id)
        if len(self.given & {"ids", "numbers"}) != 1:
            raise ValueError("give either ids or numbers, not both")
        if {"ids", "sms_number_id"} <= self.given:
            raise ValueError("sms_number_id is for numbers: leave it out with ids")
        self.status = status
        self.on_missing = on_missing

    def run_job(self, context: Context, before: Before) -> dict[str, Any]:
        result = self.hook.update_sms_recipients(
            parse_status(self.status),
            ids=parse_list(self.ids, "ids") if "ids" in self.given else None,
            numbers=parse_list(self.numbers, "numbers") if "numbers" in self.given else None,
            **self.rendered_scope("sms_number_id", hint=_ALL_NUMBERS),
            on_missing=self.on_missing,
            # Setting all of them again could use up this day's quota as well; if none was set, so could reading.
            changed_only=bool(before.get("updated")),
        )
        include_earlier_days(result, before)
        self.log_summary("SMS recipients", describe_outcome(result, self.status))
        return result
