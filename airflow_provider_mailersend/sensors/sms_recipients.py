"""A sensor that waits for an SMS recipient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.common.compat.sdk import PokeReturnValue

from airflow_provider_mailersend.rendering import check_literal, parse_required_text, parse_status
from airflow_provider_mailersend.sensors.base import MailerSendSensor
from airflow_provider_mailersend.status_lines import status_awaited


class MailerSendSmsRecipientStatusSensor(MailerSendSensor):
    """
    Wait until an SMS recipient has a status: ``GET /sms-recipients/{id}``, one request per look.

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

    def check(self) -> PokeReturnValue:
        arguments = self._rendered()
        recipient = self.hook.get_sms_recipient(arguments["sms_recipient_id"])
        return PokeReturnValue(is_done=recipient.get("status") == arguments["status"], xcom_value=recipient)

    def describe_progress(self, found: Any) -> str:
        return status_awaited(found["id"], found.get("status"), self._rendered()["status"])

    def trigger_spec(self) -> tuple[str, dict[str, Any]]:
        return "MailerSendSmsRecipientStatusTrigger", self._rendered()

    def _rendered(self) -> dict[str, str]:
        status = parse_status(self.status).value
        return {
            "sms_recipient_id": parse_required_text(self.sms_recipient_id, "sms_recipient_id"),
            "status": status,
        }
