"""The API's endpoints, and how one is found and asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal
from urllib.parse import urlencode

from airflow_provider_mailersend.api.requests import SmsRecipientStatus, SuppressionList
from airflow_provider_mailersend.sandbox.account import BLOCKLIST, RECIPIENTS, SMS_RECIPIENTS, Account
from airflow_provider_mailersend.sandbox.answers import HTML, Answer, json_answer, not_found
from airflow_provider_mailersend.sandbox.limits import Limits
from airflow_provider_mailersend.sandbox.reading import (
    NOT_A_STRING,
    REQUIRED,
    Complaints,
    RefusalError,
    check_addresses,
    check_patterns,
    read_body,
    read_list,
    read_number,
)
from airflow_provider_mailersend.sandbox.rows import Domain

DOMAINS = "domains"
_STATUSES = tuple(map(str, SmsRecipientStatus))

_TOO_LARGE = b"""<html>
<head><title>413 Request Entity Too Large</title></head>
<body><center><h1>413 Request Entity Too Large</h1></center></body>
</html>
"""


class _NotFoundError(Exception):
    """The path names nothing."""


class _TooLargeError(Exception):
    """More in one request than whatever stands in front of the API lets through."""


@dataclass(frozen=True)
class Api:
    """What every endpoint works with. What it answers where nothing was recorded: see ``dialect.GUESSES``."""

    account: Account
    limits: Limits
    url: str
    """Where the API is, up to and including ``/v1``."""
    max_batch: int | None
    batch_refusal: Literal["422", "413"]

    def answer(self, method: str, path: str, query: Mapping[str, str], raw: bytes) -> Answer:
        """Process a request; ``path`` is without ``/v1``. Hold the account's lock."""
        handlers, row_id = _find(path)
        handler = handlers.get("GET" if method == "HEAD" else method)
        if not handlers:
            return not_found()
        if handler is None:
            return _wrong_method(method, handlers)
        try:
            body = {} if method in ("GET", "HEAD") else read_body(raw)
            return handler(Call(self, query, body, row_id, Complaints()))
        except RefusalError as refusal:
            return json_answer(refusal.body, refusal.status)
        except _NotFoundError:
            return not_found()
        except _TooLargeError:
            return Answer(413, _TOO_LARGE, {"content-type": HTML})


@dataclass(frozen=True)
class Call:
    """One request, read as far as is the same for all endpoints."""

    api: Api
    query: Mapping[str, str]
    body: Mapping[str, Any]
    id: str
    """The id in the path; empty where the path has none."""
    complaints: Complaints

    @property
    def account(self) -> Account:
        return self.api.account

    def domain(self, given: object) -> Domain | None:
        """The domain of a ``domain_id``; None when none was given, or none that there is."""
        if given is None or given == "":
            return None
        if not isinstance(given, str):
            self.complaints.add("domain_id", f"The domain id must be a string. {NOT_A_STRING}")
            return None
        for domain in self.account.domains:
            if domain.id == given:
                return domain
        self.complaints.add("domain_id", "The selected domain id is invalid.")
        return None

    def batch(self, *fields: str) -> list[list[Any]]:
        """Lists from the body, none of them longer than the API takes at a time."""
        most = self.api.max_batch
        lists = [read_list(self.body, field, most, self.complaints) for field in fields]
        if most is not None and any(len(found) > most for found in lists):
            if self.api.batch_refusal == "413":
                raise _TooLargeError
            self.complaints.settle()
        return lists

    def row(self, name: str) -> Any:
        """The row that the path names."""
        row = self.account.tables[name].with_id(self.id)
        if row is None:
            raise _NotFoundError
        return row

    def added(self, shown: list[dict[str, Any]]) -> Answer:
        return json_answer({"data": shown}, self.account.dialect.added_status)


Handler = Callable[[Call], Answer]


def list_domains(call: Call) -> Answer:
    return _page(
        call, DOMAINS, lambda: call.account.domains, lambda domain: domain.brief | _DOMAIN_SETTINGS, 25
    )


def list_suppressions(name: str, call: Call) -> Answer:
    domain = call.domain(call.query.get("domain_id"))
    return _list(call, name, call.account.dialect.suppressions_limit, domain=domain)


def list_recipients(call: Call) -> Answer:
    return _list(call, RECIPIENTS, 25, domain=call.domain(call.query.get("domain_id")))


def list_sms_recipients(call: Call) -> Answer:
    status, number_id = (call.query.get(name) or None for name in ("status", "sms_number_id"))
    if status is not None and status not in _STATUSES:
        call.complaints.add("status", "The selected status is invalid.")
    senders = [number for number in call.account.sms_numbers if number.id == number_id]
    if number_id is not None and not senders:
        call.complaints.add("sms_number_id", "The selected sms number id is invalid.")
    return _list(call, SMS_RECIPIENTS, 25, status=status, sender=senders[0] if senders else None)


def show_quota(call: Call) -> Answer:
    quota = call.api.limits.quota
    most = -1 if quota.most is None else quota.most
    return json_answer({"quota": most, "remaining": quota.remaining, "reset": call.api.limits.quota_reset})


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
        for field, other in (("recipients", "patterns"), ("patterns", "recipients")):
            complaints.add(field, f"The {field} field is required when {other} is not present. {REQUIRED}")
    check_addresses(addresses, complaints)
    check_patterns(patterns, complaints)
    complaints.settle()
    shown = [call.account.show(BLOCKLIST, row) for row in call.account.block(addresses, patterns, domain)]
    return call.added([{key: value for key, value in entry.items() if key != "domain"} for entry in shown])


def suppress(name: str, call: Call) -> Answer:
    complaints = call.complaints
    given = call.body.get("domain_id")
    if call.account.dialect.needs_domain and given not in [one.id for one in call.account.domains]:
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
    added = call.account.suppress(name, addresses, domain or call.account.domains[0])
    return call.added([call.account.show(name, row) for row in added])


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
        elif row is None or (confined is not None and row.domain is not confined):
            complaints.add(f"ids.{index}", f"The selected ids.{index} is invalid.")
    complaints.settle()
    if everything:
        account.delete_all(name, domain)
    else:
        account.delete(name, ids)
    return Answer(200, account.dialect.deleted_body)


def show_sms_recipient(call: Call) -> Answer:
    return json_answer({"data": call.account.show_whole_sms(call.row(SMS_RECIPIENTS))})


def update_sms_recipient(call: Call) -> Answer:
    recipient = call.row(SMS_RECIPIENTS)
    status = call.body.get("status")
    if status is None and call.account.dialect.status_in_query:
        status = call.query.get("status")
    if status is None or status == "":
        call.complaints.add("status", f"The status field is required. {REQUIRED}")
    elif status not in _STATUSES:
        call.complaints.add("status", "The selected status is invalid.")
    call.complaints.settle()
    changed = call.account.set_sms_status(recipient, str(status))
    return json_answer({"data": call.account.show(SMS_RECIPIENTS, changed)})


def _list(call: Call, name: str, limit: int, **wanted: object) -> Answer:
    table = call.account.tables[name]
    return _page(call, name, lambda: table.listed(**wanted), lambda row: call.account.show(name, row), limit)


def _page(
    call: Call,
    name: str,
    rows: Callable[[], list[Any]],
    show: Callable[[Any], dict[str, Any]],
    default_limit: int,
) -> Answer:
    """One page of a list, in the way of the dialect."""
    dialect, query = call.account.dialect, call.query
    limit = read_number(query, "limit", default_limit, 100, call.complaints)
    number = read_number(query, "page", 1, None, call.complaints)
    call.complaints.settle()
    found = rows()
    start, stop = (number - 1) * limit, number * limit
    shown = [show(row) for row in found[start:stop]]
    if dialect.bare_lists:
        return json_answer({"data": shown})

    url = call.api.url + (f"/suppressions/{name}" if name in list(SuppressionList) else f"/{name}")
    kept = {key: value for key, value in query.items() if key != "page"} if dialect.links_keep_query else {}

    def link(page: int) -> str:
        return f"{url}?{urlencode(kept | {'page': str(page)})}"

    last = max(-(-len(found) // limit), 1)
    totals = dialect.totals or name == DOMAINS
    per_page_as_sent = dialect.sms_per_page_as_sent and name == SMS_RECIPIENTS and query.get("limit")
    links = {
        "first": link(1),
        "last": link(last) if totals else None,
        "prev": link(number - 1) if number > 1 else None,
        "next": link(number + 1) if stop < len(found) else None,
    }
    meta: dict[str, Any] = {
        "current_page": number,
        "from": start + 1 if shown else None,
        "path": url,
        "per_page": str(limit) if per_page_as_sent else limit,
        "to": start + len(shown) if shown else None,
    }
    if totals:
        meta |= {"last_page": last, "total": len(found)}
    if totals and not dialect.totals:
        buttons = [("&laquo; Previous", links["prev"])]
        buttons += [(str(page), link(page)) for page in range(1, last + 1)]
        buttons += [("Next &raquo;", links["next"])]
        meta["links"] = [{"url": to, "label": label, "active": label == str(number)} for label, to in buttons]
    return json_answer({"data": shown, "links": links, "meta": meta})


def _suppression_handlers(name: str) -> dict[str, Handler]:
    handlers: dict[str, Handler] = {
        "GET": partial(list_suppressions, name),
        "DELETE": partial(delete_suppressions, name),
    }
    if name == BLOCKLIST:
        handlers["POST"] = block
    elif SuppressionList(name).takes_additions:
        handlers["POST"] = partial(suppress, name)
    return handlers


_DOMAIN_SETTINGS = {
    "dkim": True,
    "spf": True,
    "tracking": False,
    "is_verified": True,
    "is_cname_verified": False,
    "is_dns_active": True,
    "is_cname_active": False,
    "is_tracking_allowed": False,
    "has_not_queued_messages": False,
    "not_queued_messages_count": 0,
    "domain_settings": {
        "send_paused": False,
        "track_clicks": False,
        "track_opens": False,
        "track_unsubscribe": True,
        "track_content": False,
        "custom_tracking_enabled": False,
        "custom_tracking_subdomain": "email",
    },
}

_TABLE: Mapping[str, Mapping[str, Handler]] = {
    "/domains": {"GET": list_domains},
    "/api-quota": {"GET": show_quota},
    "/recipients": {"GET": list_recipients},
    "/recipients/": {"GET": show_recipient, "DELETE": delete_recipient},
    **{f"/suppressions/{name}": _suppression_handlers(name.value) for name in SuppressionList},
    "/sms-recipients": {"GET": list_sms_recipients},
    "/sms-recipients/": {"GET": show_sms_recipient, "PUT": update_sms_recipient},
}
"""What may be done at each path; one that ends with a slash is followed by an id."""


def _find(path: str) -> tuple[Mapping[str, Handler], str]:
    for prefix in ("/recipients/", "/sms-recipients/"):
        # An id takes in whatever is left, slashes too: so an encoded one never leads to another endpoint.
        if path.startswith(prefix):
            return _TABLE[prefix], path.removeprefix(prefix)
    return _TABLE.get(path, {}), ""


def _wrong_method(method: str, handlers: Mapping[str, Handler]) -> Answer:
    allowed = ", ".join(sorted({*handlers, "HEAD"}))
    message = f"The {method} method is not supported for this route. Supported methods: {allowed}."
    answer = json_answer({"message": message}, 405)
    answer.headers["allow"] = allowed
    return answer
