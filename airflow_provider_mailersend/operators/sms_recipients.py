"""Operators on MailerSend's SMS recipients: phone numbers, and whether they may be written to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider_mailersend.jobs.wanted import OnMissing, check_choice, check_whole_number
from airflow_provider_mailersend.operators.base import Before, MailerSendOperator
from airflow_provider_mailersend.rendering import (
    UNSET,
    Unset,
    check_literal,
    none_if_unset,
    parse_given_text,
    parse_list,
    parse_optional_status,
    parse_required_text,
    parse_status,
)
from airflow_provider_mailersend.task import MAX_ENTRIES

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class MailerSendListSmsRecipientsOperator(MailerSendOperator):
    """
    Return the SMS recipients: ``GET /sms-recipients``, a request for each 100.

    They go through XCom, so the task fails where there are more than *max_entries*, before it writes any.

    .. code-block:: python

        MailerSendListSmsRecipientsOperator(task_id="opted_out", status="opt_out")

    :param status: only those ``active``, or only those who ``opt_out``. (templated)
    :param sms_number_id: only those of this SMS number. (templated)
    :param max_entries: the most SMS recipients to return.
    :param mailersend_conn_id: the Airflow connection. (templated)
    :return: the SMS recipients as the API gives them: ``id``, ``number`` in E.164, ``status``, ``created_at`` and more.
        The same phone number is one SMS recipient for each SMS number.
    :raises AirflowFailException: the arguments are wrong, MailerSend refuses them or the token, or there are too many.
    """

    template_fields: Sequence[str] = ("status", "sms_number_id", "mailersend_conn_id")

    def __init__(
        self,
        *,
        status: str | None = None,
        sms_number_id: str | Unset | None = UNSET,
        max_entries: int = MAX_ENTRIES,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_whole_number("max_entries", max_entries, least=0)
        check_literal(status, "status", parse_optional_status)
        self.status = status
        self.sms_number_id = none_if_unset(sms_number_id)
        self._sms_number_given = sms_number_id is not UNSET
        self.max_entries = max_entries

    def run_job(self, context: Context, before: Before) -> list[dict[str, Any]]:
        recipients = self.hook.iter_sms_recipients(
            status=parse_optional_status(self.status),
            sms_number_id=parse_given_text(self.sms_number_id, "sms_number_id", given=self._sms_number_given),
        )
        found = self.read_at_most(self.max_entries, recipients)
        self.log_summary(f"SMS recipients: found {len(found):,}")
        return found


class MailerSendGetSmsRecipientOperator(MailerSendOperator):
    """
    Return one SMS recipient: ``GET /sms-recipients/{id}``.

    .. code-block:: python

        MailerSendGetSmsRecipientOperator(task_id="sms_recipient", sms_recipient_id="62347d2be979fd275c0afd34")

    :param sms_recipient_id: the SMS recipient's id. (templated)
    :param mailersend_conn_id: the Airflow connection. (templated)
    :return: the SMS recipient as the API gives it: ``id``, ``number``, ``status``, ``created_at``, ``sms`` and more.
    :raises AirflowFailException: there is no such SMS recipient, or MailerSend refuses the token.
    """

    template_fields: Sequence[str] = ("sms_recipient_id", "mailersend_conn_id")

    def __init__(self, *, sms_recipient_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sms_recipient_id = sms_recipient_id

    def run_job(self, context: Context, before: Before) -> dict[str, Any]:
        return self.hook.get_sms_recipient(parse_required_text(self.sms_recipient_id, "sms_recipient_id"))


class MailerSendUpdateSmsRecipientsOperator(MailerSendOperator):
    """
    Set whether SMS recipients may be written to: ``PUT /sms-recipients/{id}``, a request for each.

    They go by their ids, or by their phone numbers: then all SMS recipients are read first, ``GET /sms-recipients``, a
    request for each 100, and only those are set whose status differs. Nothing given is a success that sends nothing.
    What MailerSend does not know holds up none of the others: the task fails once they are done.

    .. code-block:: python

        MailerSendUpdateSmsRecipientsOperator(
            task_id="opt_out", numbers="{{ ti.xcom_pull('sms_opt_outs') }}", status="opt_out"
        )

    :param ids: the SMS recipients' ids: a list, or the text of one; each counts once. (templated)
    :param numbers: phone numbers in E.164, such as ``+15551234567``: a list, or the text of one. Spaces, dashes and
        brackets are forgiven. The same number is one SMS recipient for each SMS number: all of them are set.
        (templated)
    :param sms_number_id: with *numbers*, only the SMS recipients of this SMS number. (templated)
    :param status: ``active`` or ``opt_out``. (templated)
    :param on_missing: ``fail`` when MailerSend does not know an id or a number, or ``skip`` it.
    :param mailersend_conn_id: the Airflow connection. (templated)
    :return: ``updated``: the ids set; ``unchanged``: how many had the status already, which only *numbers* tells;
        ``missing``: the ids or numbers that MailerSend does not know; ``requests``: how many requests it took. After a
        sleep over a used-up quota ``updated_before`` is how many were set before it; ``updated`` lacks their ids.
    :raises AirflowFailException: the arguments are wrong, ids or numbers are unknown, or MailerSend refuses the token.
        It says what was set before that.
    """

    template_fields: Sequence[str] = ("ids", "numbers", "sms_number_id", "status", "mailersend_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"ids": "json", "numbers": "json"}

    def __init__(
        self,
        *,
        status: str,
        ids: Sequence[str] | str | None = None,
        numbers: Sequence[str] | str | None = None,
        sms_number_id: str | Unset | None = UNSET,
        on_missing: Literal["fail", "skip"] = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("on_missing", on_missing, OnMissing)
        check_literal(status, "status", parse_status)
        self.ids = ids
        self.numbers = numbers
        self.sms_number_id = none_if_unset(sms_number_id)
        self._sms_number_given = sms_number_id is not UNSET
        self.status = status
        self.on_missing = on_missing

    def run_job(self, context: Context, before: Before) -> dict[str, Any]:
        result = self.hook.update_sms_recipients(
            parse_status(self.status),
            ids=parse_list(self.ids, "ids"),
            numbers=parse_list(self.numbers, "numbers"),
            sms_number_id=parse_given_text(self.sms_number_id, "sms_number_id", given=self._sms_number_given),
            on_missing=self.on_missing,
            # Setting all of them again could take as long as the day before.
            changed_only=bool(before),
        )
        updated = len(result["updated"]) + before.get("updated", 0)
        if before:
            result["updated_before"] = before.get("updated", 0)
            result["unchanged"] = max(0, result["unchanged"] - result["updated_before"])
        already = f", {result['unchanged']:,} were already" if result["unchanged"] else ""
        missing = f", {len(result['missing']):,} of what was given not there" if result["missing"] else ""
        self.log_summary(f"SMS recipients: set {updated:,} to {self.status}{already}{missing}")
        return result
