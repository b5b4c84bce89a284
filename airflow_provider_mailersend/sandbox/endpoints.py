"""The API's endpoints: which path takes which method, and what it answers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from airflow_provider_mailersend.api.requests import SMS_RECIPIENTS, SmsRecipientStatus, SuppressionList
from airflow_provider_mailersend.sandbox.account import (
    BLOCKLIST,
    DOMAINS,
    SMS_NUMBERS,
    Account,
    Row,
    Table,
    without_domain,
)
from airflow_provider_mailersend.sandbox.limits import Limits
from airflow_provider_mailersend.sandbox.server import Answer, Exchange, json_answer, not_found

GUESSES: Mapping[str, str] = MappingProxyType(
    {
        "on hold": "An entry of on-hold-list looks like a hard bounce.",
        "401": "A wrong or missing token gets a 401, {'message': 'Unauthenticated.'}.",
        "403": "No token lacks a scope and no account is suspended: only a fault responds with 403.",
        "delete all": "{'all': true} empties the list, or domain_id's part of it; all with ids, or neither, is a 422.",
        "invalid address": "An invalid address in an add is a 422 on recipients.N, code MS42208; nothing is added.",
        "invalid pattern": "A pattern that isn't a regular expression is a 422 on patterns.N; nothing is added.",
        "batch size": "One request takes any number of addresses or ids.",
        "domain of a blocklist change": "An unknown domain_id in a POST to the blocklist, or in any DELETE, is a "
        "422, 'The selected domain id is invalid.', as it is in a filter.",
        "blocked recipient": "The address of a deleted recipient goes to the blocklist of the recipient's domain.",
        "gone id": "An id that is no longer on the list refuses the whole DELETE, like one that never was.",
        "pages of recipients": "GET /recipients without limit has pages of 25, as documented.",
        "quota": "The message of a 429 for the daily quota, and that it has no code.",
    }
)
"""How the observed dialect answers where nobody recorded an answer: taken from the documents, or made up to fit."""

_ADDRESS = re.compile(r"(?=.{1,320}\Z)[^@\s<>,;\"]+@[^@\s<>,;\".]+(\.[^@\s<>,;\".]+)+")
_REQUIRED = "The {} field is required. #MS42209"
_REQUIRED_WITHOUT = "The {{}} field is required when {} is not present. #MS42209"
_INVALID = "The selected {} is invalid."


class RefusalError(Exception):
    """Ends a request with a 422 of this body."""

    def __init__(self, **body: object) -> None:
        super().__init__(body)
        self.body = body


@dataclass
class Call:
    """A request to an endpoint: reads its arguments, and collects what is wrong with them until ``check``."""

    account: Account
    limits: Limits
    url: str  # that was requested, without its query
    name: str  # of the list
    row_id: str  # that the path ends with, if any
    query: dict[str, str]
    body: dict[str, Any]
    errors: dict[str, list[str]] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        return self.account.tables[self.name]

    @property
    def row(self) -> Row:
        return self.table.rows[self.row_id]

    def refuse(self, name: str, message: str) -> None:
        """Note what is wrong with an argument, whose name stands for ``{}``."""
        self.errors.setdefault(name, []).append(message.format(name.replace("_", " ")))

    def check(self) -> None:
        """End the request if anything is wrong with it."""
        messages = [message for found in self.errors.values() for message in found]
        if messages:
            more = len(messages) - 1
            also = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
            raise RefusalError(message=messages[0] + also, errors=self.errors)

    def owner(self, name: str, given: object) -> Row | None:
        """The domain or SMS number with the id that was sent, if any."""
        if given in (None, ""):
            return None
        owners = self.account.tables[DOMAINS if name == "domain_id" else SMS_NUMBERS].rows
        owner = owners.get(given) if isinstance(given, str) else None
        if owner is None:
            self.refuse(name, _INVALID)
        return owner

    def number(self, name: str, default: int, least: int, most: float) -> int:
        """A number in the query."""
        text = self.query.get(name) or str(default)
        number = int(text) if re.fullmatch("-?[0-9]{1,9}", text) else None
        if number is None:
            self.refuse(name, "The {} must be an integer.")
        elif number < least:
            self.refuse(name, f"The {{}} must be at least {least}.")
        elif number > most:
            self.refuse(name, f"The {{}} must not be greater than {most}.")
        return number or default

    def batch(self, name: str, problem: Callable[[str], str | None]) -> list[str]:
        """The strings in a list of the body. *problem* says what is wrong with one."""
        items = self.body.get(name)
        if not isinstance(items, list | None):
            self.refuse(name, "The {} must be an array.")
            return []
        for index, item in enumerate(items or []):
            message = problem(item) if isinstance(item, str) else "The {} must be a string. #MS42221"
            if message:
                self.refuse(f"{name}.{index}", message)
        return items or []


def problem_of_address(address: str) -> str | None:
    return None if _ADDRESS.fullmatch(address) else "The {} must be a valid email address. #MS42208"


def problem_of_pattern(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError, Warning):  # a warning, where warnings are errors
        return "The {} format is invalid."
    return None if pattern else _REQUIRED


def show_quota(call: Call) -> Answer:
    quota = call.limits.quota
    most = -1 if quota.most is None else quota.most
    return json_answer({"quota": most, "remaining": quota.remaining, "reset": call.limits.quota_reset})


def list_domains(call: Call) -> Answer:
    return _page(call, call.table.select())


def list_rows(call: Call) -> Answer:
    return _page(call, call.table.select(call.owner("domain_id", call.query.get("domain_id"))))


def list_sms_recipients(call: Call) -> Answer:
    status = call.query.get("status") or None
    if status not in (None, *SmsRecipientStatus):
        call.refuse("status", _INVALID)
    sender = call.owner("sms_number_id", call.query.get("sms_number_id"))
    return _page(call, call.table.select(sender, status))


def add_entries(call: Call) -> Answer:
    account, domain_id = call.account, call.body.get("domain_id")
    if account.observed and call.name != BLOCKLIST and domain_id not in list(account.tables[DOMAINS].rows):
        call.refuse("domain_id", _REQUIRED)  # although one was sent that is unknown
        domain_id = None
    domain = call.owner("domain_id", domain_id)
    addresses = call.batch("recipients", problem_of_address)
    patterns = call.batch("patterns", problem_of_pattern) if call.name == BLOCKLIST else []
    if not (addresses or patterns or call.errors.keys() & {"recipients", "patterns"}):
        if call.name == BLOCKLIST:
            call.refuse("recipients", _REQUIRED_WITHOUT.format("patterns"))
            call.refuse("patterns", _REQUIRED_WITHOUT.format("recipients"))
        else:
            call.refuse("recipients", _REQUIRED)
    call.check()
    rows = [account.add(call.name, address, domain) for address in addresses]
    rows += [account.add(call.name, pattern, domain, type="pattern") for pattern in patterns]
    return json_answer({"data": [without_domain(row) for row in rows]}, 201 if account.observed else 200)


def delete_entries(call: Call) -> Answer:
    rows, observed = call.table.rows, call.account.observed
    domain = call.owner("domain_id", call.body.get("domain_id"))

    def problem_of_id(row_id: str) -> str | None:
        # Observed: the domain that is sent with ids doesn't matter.
        is_known = row_id in rows and (observed or domain in (None, rows[row_id].owner))
        return None if is_known else _INVALID

    everything, ids = call.body.get("all"), call.batch("ids", problem_of_id)
    if everything not in (None, True, False):
        call.refuse("all", "The {} field must be true or false.")
    elif everything and ids:
        call.refuse("all", "The {} field is prohibited when ids is present.")
    elif not everything and not ids and "ids" not in call.errors:
        call.refuse("ids", _REQUIRED_WITHOUT.format("all"))
        call.refuse("all", _REQUIRED_WITHOUT.format("ids"))
    call.check()
    if everything:
        call.table.clear(domain)
    else:
        call.table.drop(ids)
    return Answer(200, b"[]" if observed else b"")


def show_recipient(call: Call) -> Answer:
    shown = call.account.show(call.name, call.row)
    return json_answer({"data": shown | {"domain": call.row.shown["domain"], "emails": []}})


def delete_recipient(call: Call) -> Answer:
    call.account.delete_recipient(call.row)
    return Answer(204 if call.account.observed else 200)


def show_sms_recipient(call: Call) -> Answer:
    row = call.row
    number = {"sms_number": None} if call.account.observed else {}
    message = {"id": row.id, "from": row.owner and row.owner.value, "to": row.value, "status": "delivered"}
    return json_answer({"data": row.shown | number | {"sms": [message]}})


def update_sms_recipient(call: Call) -> Answer:
    row, status = call.row, call.body.get("status")
    if status is None and not call.account.observed:
        status = call.query.get("status")
    if status not in list(SmsRecipientStatus):
        call.refuse("status", _REQUIRED if status in (None, "") else _INVALID)
    call.check()
    call.table.update(row, status=str(status))
    return json_answer({"data": row.shown | {"status": status}})


def _page(call: Call, rows: Sequence[Row]) -> Answer:
    """The page of *rows* that the query asks for."""
    url, observed = call.url, call.account.observed
    limit = call.number("limit", 10 if observed and "/suppressions/" in url else 25, 10, 100)
    number = call.number("page", 1, 1, math.inf)
    call.check()
    start, stop, last = (number - 1) * limit, number * limit, max(math.ceil(len(rows) / limit), 1)
    shown = [call.account.show(call.name, row) for row in rows[start:stop]]
    # Observed: links hold the page alone, so that a client that follows one loses limit and filters.
    kept = {} if observed else {key: value for key, value in call.query.items() if key != "page"}

    def link(page: int) -> str:
        return f"{url}?{urlencode(kept | {'page': str(page)})}"

    prev = link(number - 1) if number > 1 else None
    next_ = link(number + 1) if stop < len(rows) else None
    links = {"first": link(1), "last": None, "prev": prev, "next": next_}
    meta: dict[str, Any] = {
        "current_page": number,
        "from": start + 1 if shown else None,
        "path": url,
        "per_page": limit,
        "to": start + len(shown) if shown else None,
    }
    if not observed or call.name == DOMAINS:
        links["last"] = link(last)
        meta |= {"last_page": last, "total": len(rows)}
    if observed and call.name == DOMAINS:
        pages = [(str(page), link(page)) for page in range(1, last + 1)]
        buttons = [("&laquo; Previous", prev), *pages, ("Next &raquo;", next_)]
        meta["links"] = [{"url": to, "label": label, "active": label == str(number)} for label, to in buttons]
    if observed and call.name == SMS_RECIPIENTS and call.query.get("limit"):
        meta["per_page"] = str(limit)
    return json_answer({"data": shown, "links": links, "meta": meta})


Handlers = dict[str, Callable[[Call], Answer]]
_SUPPRESSIONS: Handlers = {"GET": list_rows, "POST": add_entries, "DELETE": delete_entries}
_ROUTES: dict[str, Handlers] = {
    "/domains": {"GET": list_domains},
    "/api-quota": {"GET": show_quota},
    "/recipients": {"GET": list_rows},
    "/recipients/": {"GET": show_recipient, "DELETE": delete_recipient},
    "/sms-recipients": {"GET": list_sms_recipients},
    "/sms-recipients/": {"GET": show_sms_recipient, "PUT": update_sms_recipient},
    **{f"/suppressions/{name}": _SUPPRESSIONS for name in SuppressionList if name.takes_additions},
    f"/suppressions/{SuppressionList.ON_HOLD}": {"GET": list_rows, "DELETE": delete_entries},
}
"""What each path can be asked for; one that ends with a slash is followed by an id."""


def respond(exchange: Exchange, account: Account, limits: Limits) -> Answer:
    """Process a request. Hold the account's lock."""
    request = exchange.logged
    # After /recipients/ all the rest is the id, slashes too: so an encoded slash never leads to another endpoint.
    one = re.fullmatch("(/(?:sms-)?recipients/)(.*)", request.path, re.DOTALL)
    path, row_id = one.groups() if one else (request.path, "")
    if path not in _ROUTES:
        return not_found()
    method = "GET" if request.method == "HEAD" else request.method
    if method not in _ROUTES[path]:
        allowed = ", ".join(sorted({*_ROUTES[path], "HEAD"}))
        message = f"The {method} method is not supported for this route. Supported methods: {allowed}."
        answer = json_answer({"message": message}, 405)
        answer.headers["allow"] = allowed
        return answer
    name = path.strip("/").rpartition("/")[2]
    if one and row_id not in account.tables[name].rows:
        return not_found()
    try:
        body = {} if method == "GET" else _json_object(exchange.body)
        url = f"{exchange.server.url}/v1{request.path}"
        return _ROUTES[path][method](Call(account, limits, url, name, row_id, request.query, body))
    except RefusalError as refusal:
        return json_answer(refusal.body, 422)


def _json_object(raw: bytes) -> dict[str, Any]:
    try:
        # NaN and Infinity aren't JSON: int() refuses them.
        body = json.loads(raw, parse_constant=int) if raw.strip() else {}
    except (ValueError, RecursionError):
        raise RefusalError(message="The request body must be valid JSON. #MS42227") from None
    if not isinstance(body, dict):
        raise RefusalError(message="The request body must be a JSON object. #MS42228")
    return body
