"""The API's endpoints. What they answer where nothing was recorded is listed in ``dialect.GUESSES``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from airflow_provider_mailersend.api.requests import SmsRecipientStatus, SuppressionList
from airflow_provider_mailersend.sandbox.account import BLOCKLIST, Account
from airflow_provider_mailersend.sandbox.limits import Limits
from airflow_provider_mailersend.sandbox.maker import RECIPIENTS, SMS_RECIPIENTS
from airflow_provider_mailersend.sandbox.paging import page_of
from airflow_provider_mailersend.sandbox.reading import (
    NOT_A_STRING,
    REQUIRED,
    Complaints,
    RefusalError,
    check_addresses,
    check_patterns,
    read_body,
    read_list,
)
from airflow_provider_mailersend.sandbox.rows import Owner, Row
from airflow_provider_mailersend.sandbox.wire import HTML, Answer, json_answer, not_found

_TOO_LARGE = b"""<html>
<head><title>413 Request Entity Too Large</title></head>
<body><center><h1>413 Request Entity Too Large</h1></center></body>
</html>
"""
_DOMAIN_STATE = {"dkim": True, "spf": True, "tracking": False, "is_verified": True, "is_dns_active": True}


@dataclass(frozen=True)
class Api:
    """What every endpoint works with."""

    account: Account
    limits: Limits
    url: str
    """Where the API is, up to and including ``/v1``."""
    max_batch: int | None
    batch_refusal: Literal["422", "413"]

    def answer(self, method: str, path: str, query: Mapping[str, str], raw: bytes) -> Answer:
        """Process a request; ``path`` is without ``/v1``. Hold the account's lock."""
        resource, row_id = _split(path)
        handlers = _TABLE.get(resource, {})
        method = "GET" if method == "HEAD" else method
        if not handlers:
            return not_found()
        if method not in handlers:
            return _wrong_method(method, handlers)
        try:
            body = {} if method == "GET" else read_body(raw)
            return handlers[method](Call(self, path, query, body, row_id))
        except RefusalError as refusal:
            return refusal.answer


@dataclass(frozen=True)
class Call:
    """One request, read as far as is the same for all endpoints."""

    api: Api
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]
    id: str
    """The id in the path; empty where the path has none."""
    complaints: Complaints = field(default_factory=Complaints)

    @property
    def account(self) -> Account:
        return self.api.account

    def domain(self, given: object) -> Owner | None:
        """The domain of a ``domain_id``; None when none was given, or none that there is."""
        return self._owner("domain_id", given, self.account.domains)

    def sms_number(self) -> Owner | None:
        return self._owner("sms_number_id", self.query.get("sms_number_id"), self.account.sms_numbers)

    def batch(self, *fields: str) -> list[list[Any]]:
        """Lists from the body, none of them longer than the API takes at a time."""
        most = self.api.max_batch
        lists = [read_list(self.body, name, most, self.complaints) for name in fields]
        if most is not None and any(len(found) > most for found in lists):
            if self.api.batch_refusal == "413":
                raise RefusalError(Answer(413, _TOO_LARGE, {"content-type": HTML}))
            self.complaints.settle()
        return lists

    def require_status(self, status: object) -> None:
        if status not in list(SmsRecipientStatus):
            self.complaints.add("status", "The selected status is invalid.")

    def row(self, name: str) -> Row:
        """The row that the path names."""
        row = self.account.tables[name].with_id(self.id)
        if row is None:
            raise RefusalError(not_found())
        return row

    def page(self, name: str, rows: list[Row]) -> Answer:
        return self.page_of(rows, partial(self.account.show, name))

    def page_of(self, rows: list[Any], show: Callable[[Any], dict[str, Any]]) -> Answer:
        url, dialect = self.api.url + self.path, self.account.dialect
        return json_answer(page_of(rows, show, self.query, self.complaints, url=url, dialect=dialect))

    def added(self, shown: list[dict[str, Any]]) -> Answer:
        return json_answer({"data": shown}, self.account.dialect.added_status)

    def _owner(self, name: str, given: object, owners: list[Owner]) -> Owner | None:
        label = name.replace("_", " ")
        for owner in owners:
            if owner.id == given:
                return owner
        if given is not None and not isinstance(given, str):
            self.complaints.add(name, f"The {label} must be a string. {NOT_A_STRING}")
        elif given:
            self.complaints.add(name, f"The selected {label} is invalid.")
        return None


Handler = Callable[[Call], Answer]


def list_domains(call: Call) -> Answer:
    brief = call.account.maker.brief
    return call.page_of(call.account.domains, lambda domain: brief(domain) | _DOMAIN_STATE)


def show_quota(call: Call) -> Answer:
    quota = call.api.limits.quota
    most = -1 if quota.most is None else quota.most
    return json_answer({"quota": most, "remaining": quota.remaining, "reset": call.api.limits.quota_reset})


def list_of_a_domain(name: str, call: Call) -> Answer:
    return call.page(name, call.account.tables[name].listed(call.domain(call.query.get("domain_id"))))


def show_recipient(call: Call) -> Answer:
    return json_answer({"data": call.account.show_whole_recipient(call.row(RECIPIENTS))})


def delete_recipient(call: Call) -> Answer:
    call.account.delete_recipient(call.row(RECIPIENTS))
    return Answer(call.account.dialect.recipient_deleted_status)


def block(call: Call) -> Answer:
    complaints = call.complaints
    domain = call.domain(call.body.get("domain_id"))
    addresses, patterns = call.batch("recipients", "patterns")
    if not addresses and not patterns and "recipients" not in complaints and "patterns" not in complaints:
        for name, other in (("recipients", "patterns"), ("patterns", "recipients")):
            complaints.add(name, f"The {name} field is required when {other} is not present. {REQUIRED}")
    check_addresses(addresses, complaints)
    check_patterns(patterns, complaints)
    complaints.settle()
    rows = call.account.block(addresses, patterns, domain)
    return call.added([{key: row.shown[key] for key in row.shown if key != "domain"} for row in rows])


def suppress(name: str, call: Call) -> Answer:
    complaints = call.complaints
    given = call.body.get("domain_id")
    if call.account.dialect.needs_domain and given not in [domain.id for domain in call.account.domains]:
        # Observed: one that the account has not is answered like none.
        complaints.add("domain_id", f"The domain id field is required. {REQUIRED}")
        given = None
    domain = call.domain(given)
    [addresses] = call.batch("recipients")
    if not addresses and "recipients" not in complaints:
        complaints.add("recipients", f"The recipients field is required. {REQUIRED}")
    check_addresses(addresses, complaints)
    complaints.settle()
    # What the API does with an entry of no domain, as documented, nobody says: here the first domain gets it.
    rows = call.account.suppress(name, addresses, domain or call.account.domains[0])
    return call.added([row.shown for row in rows])


def delete_suppressions(name: str, call: Call) -> Answer:
    complaints, account = call.complaints, call.account
    domain = call.domain(call.body.get("domain_id"))
    [ids] = call.batch("ids")
    everything = call.body.get("all")
    if everything not in (None, True, False):
        complaints.add("all", "The all field must be true or false.")
    elif everything and ids:
        complaints.add("all", "The all field is prohibited when ids is present.")
    elif not everything and not ids and "ids" not in complaints:
        complaints.add("ids", f"The ids field is required when all is not present. {REQUIRED}")
        complaints.add("all", f"The all field is required when ids is not present. {REQUIRED}")
    confined = None if account.dialect.ids_of_any_domain else domain
    for index, row_id in enumerate(ids):
        row = account.tables[name].with_id(row_id)
        if not isinstance(row_id, str):
            complaints.add(f"ids.{index}", f"The ids.{index} must be a string. {NOT_A_STRING}")
        elif row is None or confined not in (None, row.owner):
            complaints.add(f"ids.{index}", f"The selected ids.{index} is invalid.")
    complaints.settle()
    if everything:
        account.delete_all(name, domain)
    else:
        account.delete(name, ids)
    return Answer(200, account.dialect.deleted_body)


def list_sms_recipients(call: Call) -> Answer:
    status = call.query.get("status") or None
    if status is not None:
        call.require_status(status)
    return call.page(SMS_RECIPIENTS, call.account.tables[SMS_RECIPIENTS].listed(call.sms_number(), status))


def show_sms_recipient(call: Call) -> Answer:
    return json_answer({"data": call.account.show_whole_sms(call.row(SMS_RECIPIENTS))})


def update_sms_recipient(call: Call) -> Answer:
    recipient = call.row(SMS_RECIPIENTS)
    status = call.body.get("status")
    if status is None and call.account.dialect.status_in_query:
        status = call.query.get("status")
    if status is None or status == "":
        call.complaints.add("status", f"The status field is required. {REQUIRED}")
    else:
        call.require_status(status)
    call.complaints.settle()
    return json_answer({"data": call.account.set_sms_status(recipient, str(status))})


def _suppression_handlers(name: str) -> dict[str, Handler]:
    handlers: dict[str, Handler] = {
        "GET": partial(list_of_a_domain, name),
        "DELETE": partial(delete_suppressions, name),
    }
    if SuppressionList(name).takes_additions:
        handlers["POST"] = block if name == BLOCKLIST else partial(suppress, name)
    return handlers


_TABLE: Mapping[str, Mapping[str, Handler]] = {
    "/domains": {"GET": list_domains},
    "/api-quota": {"GET": show_quota},
    "/recipients": {"GET": partial(list_of_a_domain, RECIPIENTS)},
    "/recipients/": {"GET": show_recipient, "DELETE": delete_recipient},
    **{f"/suppressions/{name}": _suppression_handlers(name.value) for name in SuppressionList},
    "/sms-recipients": {"GET": list_sms_recipients},
    "/sms-recipients/": {"GET": show_sms_recipient, "PUT": update_sms_recipient},
}
"""What may be done at each path; one that ends with a slash is followed by an id."""


def _split(path: str) -> tuple[str, str]:
    for prefix in ("/recipients/", "/sms-recipients/"):
        # An id takes in whatever is left, slashes too: so an encoded one never leads to another endpoint.
        if path.startswith(prefix):
            return prefix, path.removeprefix(prefix)
    return path, ""


def _wrong_method(method: str, handlers: Mapping[str, Handler]) -> Answer:
    allowed = ", ".join(sorted({*handlers, "HEAD"}))
    message = f"The {method} method is not supported for this route. Supported methods: {allowed}."
    answer = json_answer({"message": message}, 405)
    answer.headers["allow"] = allowed
    return answer
