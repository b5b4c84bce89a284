"""What can be asked of MailerSend: one :class:`Request` value, and one builder for each endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from urllib.parse import quote

from airflow_provider_mailersend.api.ids import checked_id
from airflow_provider_mailersend.api.masking import masked_within

#: Where the API lives, unless a connection names another place.
BASE_URL = "https://api.mailersend.com/v1"

#: The path under which the API answers on a host that is given without one.
BASE_PATH = "/v1"

#: The most entries that a page may hold. Left to itself the API sends 10, or 25: always ask.
PAGE_SIZE = 100

#: As a domain's id: none, whatever the connection says. On the blocklist that is the account.
ACCOUNT = "account"

#: How many addresses or ids to put into one request; the API's own limit is not known.
BATCH_SIZE = 500


class SuppressionList(StrEnum):
    """The five lists of those who must not be written to, by the words of the API's own paths."""

    BLOCKLIST = "blocklist"
    HARD_BOUNCES = "hard-bounces"
    SPAM_COMPLAINTS = "spam-complaints"
    UNSUBSCRIBES = "unsubscribes"
    ON_HOLD = "on-hold-list"

    @classmethod
    def _missing_(cls, value: object) -> SuppressionList:
        raise ValueError(
            f"suppression_list must be one of {', '.join(cls)}; got {masked_within(repr(value))}"
        )

    @property
    def takes_additions(self) -> bool:
        """Whether entries can be added: an address goes on hold, and leaves the list, by itself."""
        return self is not SuppressionList.ON_HOLD

    @property
    def takes_duplicates(self) -> bool:
        """Whether what is added again becomes another entry."""
        return self is SuppressionList.BLOCKLIST

    @property
    def takes_patterns(self) -> bool:
        """Whether regular expressions stand on the list beside addresses."""
        return self is SuppressionList.BLOCKLIST

    def check_takes(self, kinds: Iterable[str]) -> None:
        """Raise :class:`ValueError` where one of *kinds* is ``patterns`` and the list takes none."""
        if not self.takes_patterns and "patterns" in kinds:
            raise ValueError(f"patterns stand on the blocklist only, not on {self}")

    @property
    def adds_to_a_domain(self) -> bool:
        """Whether adding needs a domain: documented as optional, answered with 422 without one."""
        return self is not SuppressionList.BLOCKLIST


class SmsRecipientStatus(StrEnum):
    """Whether an SMS recipient may be written to."""

    ACTIVE = "active"
    OPT_OUT = "opt_out"

    @classmethod
    def _missing_(cls, value: object) -> SmsRecipientStatus:
        raise ValueError(f"status must be one of {', '.join(cls)}; got {masked_within(repr(value))}")


@dataclass(frozen=True, slots=True)
class Request:
    """
    One request, not yet sent.

    :param method: the HTTP method.
    :param path: the path below the base URL, quoted.
    :param endpoint: the endpoint as the API's documents write it, for messages: it holds no id.
    :param scope: the token scope that the endpoint asks for, for messages.
    :param params: the query.
    :param body: what is sent as JSON.
    :param uses_quota: whether it counts against the daily quota.
    :param grows_at_one_end: whether what is new stands at one end of the list asked for; recipients are by address.
    """

    method: str
    path: str
    endpoint: str
    scope: str | None = None
    params: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    uses_quota: bool = True
    grows_at_one_end: bool = True

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no more than sending it once: emptying a list again may take what is new."""
        empties_a_list = self.method == "DELETE" and "all" in (self.body or {})
        return self.method != "POST" and not empties_a_list

    def at_page(self, page: int) -> Request:
        """Return the same question for page *page*, counted from 1."""
        return replace(self, params={**self.params, "page": page, "limit": PAGE_SIZE})


def list_suppressions(suppression_list: SuppressionList, domain_id: str | None = None) -> Request:
    """Ask for the first page of a list: of one domain, or of the account and all its domains."""
    return _listing(f"/suppressions/{suppression_list}", "suppressions_read", domain_id=domain_id)


def add_suppressions(
    suppression_list: SuppressionList,
    *,
    recipients: Sequence[str] = (),
    patterns: Sequence[str] = (),
    domain_id: str | None = None,
) -> Request:
    """Ask to put addresses, and on the blocklist patterns, on a list."""
    body = {"domain_id": domain_id, "recipients": list(recipients), "patterns": list(patterns)}
    return _suppressions("POST", suppression_list, {key: value for key, value in body.items() if value})


def delete_suppressions(
    suppression_list: SuppressionList, ids: Sequence[str], domain_id: str | None = None
) -> Request:
    """Ask to take the entries of these ids off a list. No ids are an error, never "all"."""
    if not ids:
        raise ValueError("a request that deletes by id needs at least one id")
    return _suppressions("DELETE", suppression_list, _with_domain({"ids": list(ids)}, domain_id))


def delete_all_suppressions(suppression_list: SuppressionList, domain_id: str | None = None) -> Request:
    """Ask to empty a list: of one domain, or of the account and all its domains."""
    return _suppressions("DELETE", suppression_list, _with_domain({"all": True}, domain_id))


def list_recipients(domain_id: str | None = None) -> Request:
    """Ask for the first page of the recipients: of one domain, or of all."""
    return replace(_listing("/recipients", "recipients_read", domain_id=domain_id), grows_at_one_end=False)


def get_recipient(recipient_id: str) -> Request:
    """Ask for one recipient."""
    return _single("GET", "/recipients", recipient_id, "recipients_read")


def delete_recipient(recipient_id: str) -> Request:
    """Ask to delete one recipient."""
    return _single("DELETE", "/recipients", recipient_id, "recipients_full")


def list_sms_recipients(
    status: SmsRecipientStatus | None = None, sms_number_id: str | None = None
) -> Request:
    """Ask for the first page of the SMS recipients, of a status or an SMS number where given."""
    return _listing("/sms-recipients", "sms_read", status=status, sms_number_id=sms_number_id)


def get_sms_recipient(sms_recipient_id: str) -> Request:
    """Ask for one SMS recipient."""
    return _single("GET", "/sms-recipients", sms_recipient_id, "sms_read")


def update_sms_recipient(sms_recipient_id: str, status: SmsRecipientStatus) -> Request:
    """Ask to set one SMS recipient's status, in the body: as documented it would be a query parameter."""
    request = _single("PUT", "/sms-recipients", sms_recipient_id, "sms_full")
    return replace(request, body={"status": str(status)})


def list_domains() -> Request:
    """Ask for the first page of the account's domains."""
    return _listing("/domains", "domains_read")


def get_api_quota() -> Request:
    """Ask what is left of the day's requests. The question itself is free."""
    return Request("GET", "/api-quota", "GET /api-quota", uses_quota=False)


def _suppressions(method: str, suppression_list: SuppressionList, body: Mapping[str, Any]) -> Request:
    path = f"/suppressions/{suppression_list}"
    return Request(method, path, f"{method} {path}", scope="suppressions_full", body=body)


def _with_domain(body: dict[str, Any], domain_id: str | None) -> dict[str, Any]:
    return {"domain_id": domain_id, **body} if domain_id else body


def _listing(path: str, scope: str, **filters: str | None) -> Request:
    params = {name: str(value) for name, value in filters.items() if value}
    return Request("GET", path, f"GET {path}", scope=scope, params=params).at_page(1)


def _single(method: str, path: str, id_: str, scope: str) -> Request:
    quoted = quote(checked_id(id_, "the id"), safe="")
    return Request(method, f"{path}/{quoted}", f"{method} {path}/{{id}}", scope=scope)
