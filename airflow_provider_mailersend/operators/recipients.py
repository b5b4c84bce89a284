"""Operators on MailerSend's recipients: the addresses that were written to, one for each domain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_mailersend.api.masking import masked_within
from airflow_provider_mailersend.jobs.wanted import OnMissing, check_choice, check_whole_number
from airflow_provider_mailersend.operators.base import Before, MailerSendDomainOperator, MailerSendOperator
from airflow_provider_mailersend.rendering import UNSET, Unset, parse_required_text
from airflow_provider_mailersend.task import MAX_ENTRIES

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class MailerSendListRecipientsOperator(MailerSendDomainOperator):
    """
    Return the recipients: ``GET /recipients``, a request for each 100.

    They go through XCom, so the task fails where there are more than *max_entries*, before it writes any.

    .. code-block:: python

        MailerSendListRecipientsOperator(task_id="recipients", domain_id="65qngkdovk8lwr12")

    :param domain_id: only this domain's; by default the connection's. Without either: all domains'. (templated)
    :param domain: the same by the domain's name, which costs one request. (templated)
    :param max_entries: the most recipients to return.
    :param mailersend_conn_id: the Airflow connection. (templated)
    :return: the recipients as the API gives them, in no order: ``id``, ``email``, ``created_at`` and more.
    :raises AirflowFailException: the arguments are wrong, MailerSend refuses them or the token, or there are too many.
    """

    template_fields: Sequence[str] = ("domain_id", "domain", "mailersend_conn_id")

    def __init__(
        self,
        *,
        domain_id: str | Unset | None = UNSET,
        domain: str | Unset | None = UNSET,
        max_entries: int = MAX_ENTRIES,
        **kwargs: Any,
    ) -> None:
        super().__init__(domain_id=domain_id, domain=domain, **kwargs)
        check_whole_number("max_entries", max_entries, least=0)
        self.max_entries = max_entries

    def run_job(self, context: Context, before: Before) -> list[dict[str, Any]]:
        domain = self.rendered_domain()
        recipients = self.read_at_most(self.max_entries, self.hook.iter_recipients(**domain))
        self.log_summary(f"{self.describe_list('recipients', **domain)}: found {len(recipients):,}")
        return recipients


class MailerSendGetRecipientOperator(MailerSendOperator):
    """
    Return one recipient: ``GET /recipients/{id}``.

    .. code-block:: python

        MailerSendGetRecipientOperator(task_id="recipient", recipient_id="5ee0b174b251345e407c92dc")

    :param recipient_id: the recipient's id. (templated)
    :param mailersend_conn_id: the Airflow connection. (templated)
    :return: the recipient as the API gives it: ``id``, ``email``, ``created_at``, ``domain`` and more.
    :raises AirflowFailException: there is no such recipient, or MailerSend refuses the token.
    """

    template_fields: Sequence[str] = ("recipient_id", "mailersend_conn_id")

    def __init__(self, *, recipient_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.recipient_id = recipient_id

    def run_job(self, context: Context, before: Before) -> dict[str, Any]:
        return self.hook.get_recipient(parse_required_text(self.recipient_id, "recipient_id"))


class MailerSendDeleteRecipientOperator(MailerSendOperator):
    """
    Delete one recipient: ``DELETE /recipients/{id}``.

    The address is probably blocked from then on: in one account whose answers are known it stood on the blocklist,
    dated the same second. MailerSend's documents say nothing of it. To erase a person's data, delete the recipient of
    each domain, then look for the address on the blocklist, and knowingly delete that entry or keep it: an address
    that is kept to be suppressed is personal data too.

    .. code-block:: python

        MailerSendDeleteRecipientOperator(task_id="forget", recipient_id="{{ params.recipient_id }}")

    :param recipient_id: the recipient's id. (templated)
    :param on_missing: what to do where there is no such recipient, as after a retry: ``skip`` it, or ``fail``.
    :param mailersend_conn_id: the Airflow connection. (templated)
    :return: ``deleted``: whether there was one; ``requests``: how many requests it took.
    :raises AirflowFailException: there is no such recipient and *on_missing* is ``fail``, or MailerSend refuses the
        token.
    """

    template_fields: Sequence[str] = ("recipient_id", "mailersend_conn_id")

    def __init__(
        self, *, recipient_id: str, on_missing: Literal["fail", "skip"] = "skip", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_choice("on_missing", on_missing, OnMissing)
        self.recipient_id = recipient_id
        self.on_missing = on_missing

    def run_job(self, context: Context, before: Before) -> dict[str, Any]:
        recipient_id = parse_required_text(self.recipient_id, "recipient_id")
        deleted = self.hook.delete_recipient(recipient_id, on_missing=self.on_missing)
        self.log_summary(f"recipient {masked_within(recipient_id)}: {'deleted' if deleted else 'not there'}")
        return {"deleted": deleted, "requests": self.hook.requests_sent}
