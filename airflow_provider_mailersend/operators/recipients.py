"""Operators on recipients: the addresses you have sent email to, one for each domain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_mailersend.api.masking import masked, masked_within
from airflow_provider_mailersend.jobs.wanted import OnMissing, check_choice
from airflow_provider_mailersend.operators.base import Before, MailerSendListingOperator, MailerSendOperator
from airflow_provider_mailersend.rendering import parse_required_text
from airflow_provider_mailersend.task import MailerSendDomainTask, MailerSendTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class MailerSendListRecipientsOperator(MailerSendDomainTask, MailerSendListingOperator):
    """
    Return the recipients: ``GET /recipients``, one request for each 100.

    Takes the parameters of :class:`.MailerSendListingOperator` and :class:`.MailerSendDomainTask` too.

    .. code-block:: python

        MailerSendListRecipientsOperator(task_id="recipients", domain_id="65qngkdovk8lwr12")

    :return: the recipients as the API returns them, in no particular order: ``id``, ``email``, ``created_at`` and more.
    """

    def iter_entries(self) -> Iterator[dict[str, Any]]:
        return self.hook.iter_recipients(**self.rendered_domain())

    def describe_target(self) -> str:
        return self.describe_list("recipients")


class MailerSendGetRecipientOperator(MailerSendOperator):
    """
    Return one recipient: ``GET /recipients/{id}``. Takes the parameters of :class:`.MailerSendTask` too.

    .. code-block:: python

        MailerSendGetRecipientOperator(task_id="recipient", recipient_id="5ee0b174b251345e407c92dc")

    :param recipient_id: the recipient's id. (templated)
    :return: the recipient as the API returns it: ``id``, ``email``, ``created_at``, ``domain`` and more.
    :raises AirflowFailException: there is no such recipient.
    """

    template_fields: Sequence[str] = ("recipient_id", *MailerSendTask.template_fields)

    def __init__(self, *, recipient_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.recipient_id = recipient_id

    def run_job(self, context: Context, before: Before) -> dict[str, Any]:
        recipient_id = parse_required_text(self.recipient_id, "recipient_id")
        recipient = self.hook.get_recipient(recipient_id)
        email = masked(str(recipient.get("email")))
        self.log_summary(f"recipient {masked_within(recipient_id)}", f"read {email}")
        return recipient


class MailerSendDeleteRecipientOperator(MailerSendOperator):
    """
    Delete one recipient: ``DELETE /recipients/{id}``. Takes the parameters of :class:`.MailerSendTask` too.

    Afterwards the address is probably blocked: in the one account whose responses are known it was on the blocklist,
    dated the same second. MailerSend's documentation doesn't mention it. To erase a person's data, delete the recipient
    of each domain, then look for the address on the blocklist, and decide whether to delete that entry or keep it: a
    suppressed address is personal data too.

    .. code-block:: python

        MailerSendDeleteRecipientOperator(task_id="forget", recipient_id="{{ params.recipient_id }}")

    :param recipient_id: the recipient's id. (templated)
    :param on_missing: ``skip``: succeed if there is no such recipient, as after a retry; ``fail``: fail.
    :return: ``deleted``: whether there was one; ``requests``: the number of requests sent.
    :raises AirflowFailException: there is no such recipient, and *on_missing* is ``fail``.
    """

    template_fields: Sequence[str] = ("recipient_id", *MailerSendTask.template_fields)

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
        self.log_summary(f"recipient {masked_within(recipient_id)}", "deleted" if deleted else "not there")
        return {"deleted": deleted, "requests": self.hook.requests_sent}
