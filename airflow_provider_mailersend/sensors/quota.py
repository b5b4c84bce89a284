"""Sensors that wait for the account's requests of the day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import PokeReturnValue

from airflow_provider_mailersend.jobs.quota import is_enough
from airflow_provider_mailersend.jobs.wanted import check_whole_number
from airflow_provider_mailersend.sensors.base import MailerSendSensor
from airflow_provider_mailersend.status_lines import quota_left

if TYPE_CHECKING:
    from airflow_provider_mailersend.triggers.base import MailerSendTrigger


class MailerSendApiQuotaSensor(MailerSendSensor):
    """
    Wait until so many of the day's requests are left: ``GET /api-quota``, which is free.

    .. code-block:: python

        MailerSendApiQuotaSensor(task_id="enough_requests", at_least=500, deferrable=True)

    :param at_least: how many; an account without a limit has any number.
    :param deferrable: whether to wait in the triggerer.
    :param mailersend_conn_id: the Airflow connection. (templated)
    :return: through XCom, ``quota`` and ``remaining``, in requests, -1 meaning any number, and ``reset``, in ISO 8601.
    :raises AirflowFailException: *at_least* is no number of requests, or more than a whole day has, or MailerSend
        refuses the token.
    """

    template_fields: Sequence[str] = ("mailersend_conn_id",)

    def __init__(self, *, at_least: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_whole_number("at_least", at_least, least=0)
        self.at_least = at_least

    def look(self) -> PokeReturnValue:
        quota = self.hook.get_api_quota()
        if 0 <= quota["quota"] < self.at_least:
            raise ValueError(
                f"at_least={self.at_least} is more than the {quota['quota']} requests of a whole day"
            )
        return PokeReturnValue(is_done=is_enough(quota, self.at_least), xcom_value=quota)

    def how_far(self, found: Any) -> str:
        return quota_left(found["remaining"], self.at_least)

    def trigger(self, **params: Any) -> MailerSendTrigger:
        from airflow_provider_mailersend.triggers.mailersend import MailerSendApiQuotaTrigger

        return MailerSendApiQuotaTrigger(at_least=self.at_least, **params)
