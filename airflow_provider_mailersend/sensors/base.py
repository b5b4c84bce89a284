"""The base of the provider's sensors."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import BaseSensorOperator

from airflow_provider_mailersend.task import MailerSendTask


class MailerSendSensor(MailerSendTask, BaseSensorOperator):
    """
    A sensor on one MailerSend connection.

    :param mailersend_conn_id: the Airflow connection, of type ``mailersend``. (templated)
    :param quota_reserve: how many of the day's requests to leave to sending; by default the connection's, else 0.
    """

    ui_color = "#e9e2ff"

    def __init__(
        self,
        *,
        mailersend_conn_id: str = "mailersend_default",
        quota_reserve: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.mailersend_conn_id = mailersend_conn_id
        self.quota_reserve = quota_reserve
