"""The hook's methods on recipients and SMS recipients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from airflow_provider_mailersend.api import requests as endpoints
from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.requests import SmsRecipientStatus
from airflow_provider_mailersend.exceptions import MailerSendNotFoundError
from airflow_provider_mailersend.hooks.driver import ListPages, RequestsDriver
from airflow_provider_mailersend.jobs.sms_updates import SmsUpdates, set_status
from airflow_provider_mailersend.jobs.wanted import OnMissing, check_choice
from airflow_provider_mailersend.moments import Moment


class RecipientMethods(RequestsDriver):
    """The methods of :class:`.MailerSendHook` on recipients and SMS recipients."""

    def iter_recipients(
        self,
        *,
        domain_id: str | None = None,
        domain: str | None = None,
        since: Moment = None,
        until: Moment = None,
    ) -> Iterator[Entry]:
        """
        Read the recipients page by page: ``GET /recipients``, one request per 100.

        .. code-block:: python

            addresses = {recipient["email"] for recipient in hook.iter_recipients(domain="example.com")}

        :param since: only those created at this time or later, and before *until*: as in :meth:`iter_suppressions`.
        :return: an iterator over the recipients, in no order, each with ``id``, ``email``, ``created_at`` and more. An
            address is a separate recipient of each domain.
        """
        pages = self.read_pages("recipients", domain_id=domain_id, domain=domain, since=since, until=until)
        return chain.from_iterable(pages)

    def get_recipient(self, recipient_id: str) -> Entry:
        """
        Return one recipient: ``GET /recipients/{id}``. Raises :class:`.MailerSendNotFoundError`.

        .. code-block:: python

            print(hook.get_recipient("5ee0b174b251345e407c92dc")["email"])
        """
        return self._run(self._flow.get(endpoints.get_recipient(recipient_id)))

    def delete_recipient(self, recipient_id: str, *, on_missing: OnMissing = "skip") -> bool:
        """
        Delete one recipient: ``DELETE /recipients/{id}``.

        This probably adds the address to the blocklist, which MailerSend doesn't document. To erase a person's data,
        delete the recipient of each domain, then look on the blocklist: its entries are personal data too.

        .. code-block:: python

            existed = hook.delete_recipient("5ee0b174b251345e407c92dc")

        :param on_missing: ``skip`` a recipient that doesn't exist, or ``fail`` (:class:`.MailerSendNotFoundError`).
        :return: whether the recipient existed.
        """
        check_choice("on_missing", on_missing, OnMissing)
        try:
            self._run(self._flow.send_change(endpoints.delete_recipient(recipient_id)))
        except MailerSendNotFoundError as error:
            # After a try without a response, it was that try that deleted the recipient.
            if not error.may_be_processed and on_missing == "fail":
                raise
            return error.may_be_processed
        return True

    def iter_sms_recipients(
        self,
        *,
        status: str | None = None,
        sms_number_id: str | None = None,
        since: Moment = None,
        until: Moment = None,
    ) -> Iterator[Entry]:
        """
        Read the SMS recipients page by page: ``GET /sms-recipients``, one request per 100.

        .. code-block:: python

            numbers = [one["number"] for one in hook.iter_sms_recipients(status="opt_out")]

        :param status: only those with the status ``active``, or with ``opt_out``.
        :param sms_number_id: only those of this SMS number.
        :param since: only those created at this time or later, and before *until*: as in :meth:`iter_suppressions`.
        :return: an iterator over the SMS recipients in the API's order, each with ``id``, ``number`` in E.164,
            ``status``, ``created_at`` and more. A phone number is a separate SMS recipient of each SMS number.
        """
        wanted = None if status is None else SmsRecipientStatus(status)
        request = endpoints.list_sms_recipients(wanted, sms_number_id)
        return chain.from_iterable(ListPages(self, lambda domain_id: request, since=since, until=until))

    def get_sms_recipient(self, sms_recipient_id: str) -> Entry:
        """
        Return one SMS recipient: ``GET /sms-recipients/{id}``. Raises :class:`.MailerSendNotFoundError`.

        .. code-block:: python

            print(hook.get_sms_recipient("62347d2be979fd275c0afd34")["status"])
        """
        return self._run(self._flow.get(endpoints.get_sms_recipient(sms_recipient_id)))

    def update_sms_recipient(self, sms_recipient_id: str, status: str) -> Entry:
        """
        Set the status of one SMS recipient, ``active`` or ``opt_out``, and return it: ``PUT /sms-recipients/{id}``.

        .. code-block:: python

            hook.update_sms_recipient("62347d2be979fd275c0afd34", "opt_out")

        :raises MailerSendNotFoundError: the SMS recipient doesn't exist.
        :raises MailerSendUnexpectedAnswerError: the response has another status than requested.
        """
        return self._run(set_status(self._flow, sms_recipient_id, SmsRecipientStatus(status)))

    def update_sms_recipients(
        self,
        status: str,
        *,
        ids: Iterable[str] | None = None,
        numbers: Iterable[str] | None = None,
        sms_number_id: str | None = None,
        on_missing: OnMissing = "fail",
        changed_only: bool = False,
    ) -> dict[str, Any]:
        """
        Set the status of SMS recipients, ``active`` or ``opt_out``: ``PUT /sms-recipients/{id}``, one request each.

        Give either *ids* or *numbers*; an empty list of them sets nothing.

        .. code-block:: python

            result = hook.update_sms_recipients("opt_out", numbers=["+1 555 123-4567"], on_missing="skip")
            print(result["updated"], result["missing"])

        :param numbers: phone numbers in E.164, such as ``+15551234567``; spaces, dashes and brackets are removed. All
            SMS recipients are read first, one request per 100; those with these numbers and another status are set.
        :param sms_number_id: with *numbers*, only the SMS recipients of this SMS number.
        :param on_missing: ``fail`` once the others are set if an ID or number is unknown, or ``skip`` it.
        :param changed_only: whether to read all SMS recipients first for *ids* too.
        :return: ``updated``, the IDs set; ``unchanged``, how many of those read had the status already; ``missing``,
            the unknown IDs or numbers.
        :raises MailerSendRequestError: some are unknown, and *on_missing* is ``fail``; or the API refuses some.
        """
        which: dict[str, Any] = {"ids": ids, "numbers": numbers, "sms_number_id": sms_number_id}
        options: dict[str, Any] = {"on_missing": on_missing, "changed_only": changed_only}
        return self._run_job(SmsUpdates(SmsRecipientStatus(status), **which, **options))
