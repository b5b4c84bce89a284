"""Sensors that wait for MailerSend's suppression lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import PokeReturnValue

from airflow_provider_mailersend.api.entries import comparable, value_of
from airflow_provider_mailersend.sensors.base import MailerSendSensor
from airflow_provider_mailersend.templating import required_text_of, text_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class MailerSendSuppressionSensor(MailerSendSensor):
    """
    Wait until an address or a pattern is on a suppression list, or is no longer: ``GET /suppressions/{list}``.

    The API has no search: each poke reads the list, a request for each 100 entries, until it meets the entry. To find
    that there is none it reads the whole list, so choose *poke_interval* with the account's limits in mind.

    .. code-block:: python

        MailerSendSuppressionSensor(
            task_id="suppressed",
            suppression_list="blocklist",
            recipient="jane@example.com",
            mode="reschedule",
            poke_interval=300,
        )

    :param suppression_list: ``blocklist``, ``hard-bounces``, ``spam-complaints``, ``unsubscribes`` or
        ``on-hold-list``. (templated)
    :param recipient: the address waited for; its case does not count. (templated)
    :param pattern: the regular expression waited for instead, on the blocklist, as it was added. (templated)
    :param present: whether to wait until it is there, or until it is not.
    :param domain_id: look at this domain's entries only; by default the connection's. Without either, or
        with ``account``: at those of the account and of all its domains. (templated)
    :param domain: the same by the domain's name, which costs one request. (templated)
    :param mailersend_conn_id: the Airflow connection. (templated)
    :return: through XCom, the entry that was found; None when waiting for its absence.
    :raises AirflowFailException: the arguments are wrong, or MailerSend refuses them or the token.
    """

    template_fields: Sequence[str] = (
        "suppression_list",
        "recipient",
        "pattern",
        "domain_id",
        "domain",
        "mailersend_conn_id",
    )

    def __init__(
        self,
        *,
        suppression_list: str,
        recipient: str | None = None,
        pattern: str | None = None,
        present: bool = True,
        domain_id: str | None = None,
        domain: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.suppression_list = suppression_list
        self.recipient = recipient
        self.pattern = pattern
        self.present = present
        self.domain_id = domain_id
        self.domain = domain

    def poke(self, context: Context) -> PokeReturnValue:
        with self.failing_at_once():
            if not isinstance(self.present, bool):
                raise TypeError(f"present must be True or False; got {self.present!r}")
            wanted = self._wanted()
            entries = self.hook.iter_suppressions(
                required_text_of(self.suppression_list, "suppression_list"),
                domain_id=text_of(self.domain_id, "domain_id"),
                domain=text_of(self.domain, "domain"),
            )
            found = next((entry for entry in entries if _is(entry, wanted)), None)
        return PokeReturnValue(is_done=(found is not None) == self.present, xcom_value=found)

    def _wanted(self) -> tuple[str, str]:
        recipient, pattern = text_of(self.recipient, "recipient"), text_of(self.pattern, "pattern")
        if (recipient is None) == (pattern is None):
            raise ValueError("give either recipient or pattern, and not both")
        return comparable("recipients", recipient) if recipient else comparable("patterns", pattern or "")


def _is(entry: dict[str, Any], wanted: tuple[str, str]) -> bool:
    value = value_of(entry)
    return value is not None and comparable(*value) == wanted
