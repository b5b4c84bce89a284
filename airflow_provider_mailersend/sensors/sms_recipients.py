"""A sensor that waits for an SMS recipient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_mailersend.rendering import check_literal, parse_required_text, parse_status
from airflow_provider_mailersend.sensors.base import MailerSendSensor

if TYPE_CHECKING:
    from airflow_provider_mailersend.triggers.mailersend import MailerSendSmsRecipientStatusTrigger


class MailerSendSmsRecipientStatusSensor(MailerSendSensor):
    """
    Wait until an SMS recipient has a status: ``GET /sms-recipients/{id}``, one request per check.

    Takes the parameters of :class:`.MailerSendTask` too.

    .. code-block:: python

        MailerSendSmsRecipientStatusSensor(
            task_id="opted_in", sms_recipient_id="62347d2be979fd275c0afd34", status="active"
        )

    :param sms_recipient_id: the SMS recipient's id. (templated)
    :param status: ``active`` or ``opt_out``. (templated)
    :return: through XCom, the SMS recipient as the API returns it.
    :raises AirflowFailException: there is no such SMS recipient.
    """

    template_fields: Sequence[str] = ("sms_recipient_id", "status", *MailerSendSensor.template_fields)

    def __init__(self, *, sms_recipient_id: str, status: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_literal(status, "status", parse_status)
        self.sms_recipient_id = sms_recipient_id
        self.status = status

    def trigger_spec(self) -> tuple[str, dict[str, Any]]:
        return "MailerSendSmsRecipientStatusTrigger", {
            "sms_recipient_id": parse_required_text(self.sms_recipient_id, "sms_recipient_id"),
            "status": parse_status(self.status).value,
        }

    def ask(self, trigger: MailerSendSmsRecipientStatusTrigger) -> dict[str, Any]:
        return self.hook.get_sms_recipient(trigger.sms_recipient_id)
