"""Sensors that wait for MailerSend's SMS recipients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import PokeReturnValue

from airflow_provider_mailersend.rendering import check_literal, parse_required_text, parse_status
from airflow_provider_mailersend.sensors.base import MailerSendSensor
from airflow_provider_mailersend.status_lines import status_awaited

if TYPE_CHECKING:
    from airflow_provider_mailersend.triggers.base import MailerSendTrigger


class MailerSendSmsRecipientStatusSensor(MailerSendSensor):
    """
    Wait until an SMS recipient has a status: ``GET /sms-recipients/{id}``, one request for each look.

    .. code-block:: python

        MailerSendSmsRecipientStatusSensor(
            task_id="opted_in", sms_recipient_id="62347d2be979fd275c0afd34", status="active"
        )

    :param sms_recipient_id: the SMS recipient's id. (templated)
    :param status: ``active`` or ``opt_out``. (templated)
    :param deferrable: whether to wait in the triggerer.
    :param mailersend_conn_id: the Airflow connection. (templated)
    :return: through XCom, the SMS recipient as the API gives it.
    :raises AirflowFailException: there is no such SMS recipient, the status is none, or MailerSend refuses the token.
    """

    template_fields: Sequence[str] = ("sms_recipient_id", "status", "mailersend_conn_id")

    def __init__(self, *, sms_recipient_id: str, status: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_literal(status, "status", parse_status)
        self.sms_recipient_id = sms_recipient_id
        self.status = status

    def look(self) -> PokeReturnValue:
        wanted = parse_status(self.status)
        recipient = self.hook.get_sms_recipient(
            parse_required_text(self.sms_recipient_id, "sms_recipient_id")
        )
        return PokeReturnValue(is_done=recipient.get("status") == wanted, xcom_value=recipient)

    def how_far(self, found: Any) -> str:
        return status_awaited(found["id"], found.get("status"), parse_status(self.status))

    def trigger(self, **params: Any) -> MailerSendTrigger:
        from airflow_provider_mailersend.triggers.mailersend import MailerSendSmsRecipientStatusTrigger

        id_ = parse_required_text(self.sms_recipient_id, "sms_recipient_id")
        return MailerSendSmsRecipientStatusTrigger(
            sms_recipient_id=id_, status=str(parse_status(self.status)), **params
        )
