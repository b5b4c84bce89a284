"""The base of the provider's sensors."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import BaseSensorOperator

from airflow_provider_mailersend.task import MailerSendTask


class MailerSendSensor(MailerSendTask, BaseSensorOperator):
    """
    A sensor on one MailerSend connection.

    :param mailersend_conn_id: the Airflow connection, of type ``mailersend``. (templated)
    """

    ui_color = "#e9e2ff"

    def __init__(self, *, mailersend_conn_id: str = "mailersend_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mailersend_conn_id = mailersend_conn_id
