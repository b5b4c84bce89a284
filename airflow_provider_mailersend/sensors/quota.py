"""A sensor that waits for the daily quota."""

from __future__ import annotations

from typing import Any

from airflow_provider_mailersend.jobs.wanted import check_whole_number
from airflow_provider_mailersend.sensors.base import MailerSendSensor


class MailerSendApiQuotaSensor(MailerSendSensor):
    """
    Wait until enough requests of the daily quota are left: ``GET /api-quota``, which doesn't count against it.

    Takes the parameters of :class:`.MailerSendTask` too.

    .. code-block:: python

        MailerSendApiQuotaSensor(task_id="enough_requests", at_least=500, deferrable=True)

    :param at_least: how many requests. An account without a limit always has enough.
    :return: through XCom, ``quota`` and ``remaining``, in requests, -1 meaning no limit, and ``reset``, in ISO 8601.
    :raises AirflowFailException: *at_least* is more than the quota of a whole day.
    """

    def __init__(self, *, at_least: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_whole_number("at_least", at_least, least=0)
        self.at_least = at_least

    def trigger_spec(self) -> tuple[str, dict[str, Any]]:
        return "MailerSendApiQuotaTrigger", {"at_least": self.at_least}

    def ask(self, trigger: Any) -> dict[str, Any]:
        quota = self.hook.get_api_quota()
        if 0 <= quota["quota"] < self.at_least:
            raise ValueError(f"at_least={self.at_least} is more than a whole day's {quota['quota']} requests")
        return quota
