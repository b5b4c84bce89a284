"""What to request from MailerSend: one :class:`Request` value, and one builder for each endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from airflow_provider_mailersend.api.ids import checked_id
from airflow_provider_mailersend.api.masking import masked_within

#: The API's URL, unless a connection names another; and its path on a host that is given without one.
BASE_URL = "https://api.mailersend.com/v1"
BASE_PATH = "/v1"

#: The most entries of a page. The API's default is 10 or 25, so this is always sent.
PAGE_SIZE = 100

#: As a domain id: no domain, whatever the connection says. On the blocklist that is the account itself.
ACCOUNT = "account"

#: How many addresses or ids to send in one request; the API's own limit is unknown.
BATCH_SIZE = 500


class SuppressionList(StrEnum):
    """The five suppression lists, contacts that you must not email, by the names in the API's paths."""

    BLOCKLIST = "blocklist"
    HARD_BOUNCES = "hard-bounces"
    SPAM_COMPLAINTS = "spam-complaints"
    UNSUBSCRIBES = "unsubscribes"
    ON_HOLD = "on-hold-list"

    @classmethod
    def _missing_(cls, value: object) -> SuppressionList:
        raise _unknown(cls, "suppression_list", value)

    @property
    def takes_additions(self) -> bool:
        """Whether entries can be added: MailerSend itself puts addresses on hold."""
        return self is not SuppressionList.ON_HOLD

    @property
    def takes_duplicates(self) -> bool:
        """Whether a value that is added again becomes another entry."""
        return self is SuppressionList.BLOCKLIST

    @property
    def adds_to_a_domain(self) -> bool:
        """Whether additions need a domain: documented as optional, but refused with 422 without one."""
        return self is not SuppressionList.BLOCKLIST

    def check_takes(self, kinds: Iterable[str]) -> None:
        """Raise :class:`ValueError` where *kinds* include ``patterns``, and the list takes only addresses."""
        if self is not SuppressionList.BLOCKLIST and "patterns" in kinds:
            raise ValueError(f"patterns stand on the blocklist only, not on {self}")


#: The lists besides the suppression lists, by the words of their paths.
RECIPIENTS = "recipients"
SMS_RECIPIENTS = "sms-recipients"

LIST_NAMES = (*map(str, SuppressionList), RECIPIENTS, SMS_RECIPIENTS)


def check_list_name(list_name: str) -> str:
    """Return *list_name*; raise :class:`ValueError` where MailerSend has no such list."""
    if list_name not in LIST_NAMES:
        raise _unknown(LIST_NAMES, "list_name", list_name)
    return list_name


class SmsRecipientStatus(StrEnum):
    """Whether you may text an SMS recipient."""

    ACTIVE = "active"
    OPT_OUT = "opt_out"

    @classmethod
    def _missing_(cls, value: object) -> SmsRecipientStatus:
        raise _unknown(cls, "status", value)


def _unknown(choices: Iterable[str], name: str, value: object) -> ValueError:
    return ValueError(f"{name} must be one of {', '.join(choices)}; got {masked_within(repr(value))}")


@dataclass(frozen=True, slots=True)
class Request:
    """One request, not sent yet."""

    method: str
    path: str  # below the base URL, percent-encoded
    endpoint: str  # as the API's documentation writes it, without ids, for messages
    scope: str | None = None  # the token scope that the endpoint needs, for messages
    params: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None  # sent as JSON
    uses_quota: bool = True  # whether it counts against the daily quota
    grows_at_one_end: bool = True  # where a list's new entries are; recipients are sorted by address

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice is as good as once: emptying a list again may delete new entries."""
        empties_a_list = self.method == "DELETE" and "all" in (self.body or {})
        return self.method != "POST" and not empties_a_list

    def at_page(self, page: int) -> Request:
        """Return the same request for page *page*, counted from 1."""
        return replace(self, params={**self.params, "page": page, "limit": PAGE_SIZE})


# The lists' builders return the request for the first page; without a domain id, it is for the account and all domains.


def list_suppressions(suppression_list: SuppressionList, domain_id: str | None = None) -> Request:
    return _list(f"/suppressions/{suppression_list}", "suppressions_read", domain_id=domain_id)


def add_suppressions(
    suppression_list: SuppressionList,
    *,
    recipients: Sequence[str] = (),
    patterns: Sequence[str] = (),
    domain_id: str | None = None,
) -> Request:
    return _change("POST", suppression_list, domain_id, recipients=list(recipients), patterns=list(patterns))


def delete_suppressions(
    suppression_list: SuppressionList, ids: Sequence[str], domain_id: str | None = None
) -> Request:
    """Raises :class:`ValueError` without ids, which must never mean "all"."""
    if not ids:
        raise ValueError("a request that deletes by id needs at least one id")
    return _change("DELETE", suppression_list, domain_id, ids=list(ids))


def delete_all_suppressions(suppression_list: SuppressionList, domain_id: str | None = None) -> Request:
    return _change("DELETE", suppression_list, domain_id, all=True)


def list_recipients(domain_id: str | None = None) -> Request:
    return replace(_list("/recipients", "recipients_read", domain_id=domain_id), grows_at_one_end=False)


def get_recipient(recipient_id: str) -> Request:
    return _single("GET", "/recipients", "recipient_id", recipient_id, "recipients_read")


def delete_recipient(recipient_id: str) -> Request:
    return _single("DELETE", "/recipients", "recipient_id", recipient_id, "recipients_full")


def list_sms_recipients(
    status: SmsRecipientStatus | None = None, sms_number_id: str | None = None
) -> Request:
    if sms_number_id is not None:
        sms_number_id = checked_id(sms_number_id, "sms_number_id")
    return _list("/sms-recipients", "sms_read", status=status, sms_number_id=sms_number_id)


def get_sms_recipient(sms_recipient_id: str) -> Request:
    return _single("GET", "/sms-recipients", "sms_recipient_id", sms_recipient_id, "sms_read")


def update_sms_recipient(sms_recipient_id: str, status: SmsRecipientStatus) -> Request:
    # In the body, as vendor clients send it; documented is a query parameter.
    request = _single("PUT", "/sms-recipients", "sms_recipient_id", sms_recipient_id, "sms_full")
    return replace(request, body={"status": str(status)})


def list_domains() -> Request:
    return _list("/domains", "domains_read")


def get_api_quota() -> Request:
    return Request("GET", "/api-quota", "GET /api-quota", uses_quota=False)


def _list(path: str, scope: str, **filters: str | None) -> Request:
    params = {name: str(value) for name, value in filters.items() if value}
    return Request("GET", path, f"GET {path}", scope=scope, params=params).at_page(1)


def _change(
    method: str, suppression_list: SuppressionList, domain_id: str | None, **items: Sequence[str] | bool
) -> Request:
    path = f"/suppressions/{suppression_list}"
    body = {name: value for name, value in {"domain_id": domain_id, **items}.items() if value}
    return Request(method, path, f"{method} {path}", scope="suppressions_full", body=body)


def _single(method: str, path: str, name: str, id_: str, scope: str) -> Request:
    quoted = quote(checked_id(id_, name), safe="")
    return Request(method, f"{path}/{quoted}", f"{method} {path}/{{id}}", scope=scope)
