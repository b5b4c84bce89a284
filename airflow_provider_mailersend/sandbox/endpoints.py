"""The API's endpoints. ``dialect.GUESSES`` lists what they answer although nobody recorded an answer."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from airflow_provider_mailersend.api.requests import (
    RECIPIENTS,
    SMS_RECIPIENTS,
    SmsRecipientStatus,
    SuppressionList,
)
from airflow_provider_mailersend.sandbox.account import BLOCKLIST, Account, Row
from airflow_provider_mailersend.sandbox.messages import Answer, json_answer, not_found
from airflow_provider_mailersend.sandbox.server import Exchange

_ADDRESS = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\".]+(\.[^@\s<>,;\".]+)+")
_REQUIRED = "#MS42209"
_NOT_A_STRING = "#MS42221"


def respond(exchange: Exchange, account: Account) -> Answer:
    """Process a request. Hold the account's lock."""
    request = exchange.logged
    resource, row_id = request.path, ""
    for prefix in ("/recipients/", "/sms-recipients/"):
        # All the rest is the id, slashes too: so an encoded slash never leads to another endpoint.
        if request.path.startswith(prefix):
            resource, row_id = prefix, request.path.removeprefix(prefix)
    handlers = _HANDLERS.get(resource)
    if handlers is None:
        return not_found()
    method = "GET" if request.method == "HEAD" else request.method
    if method not in handlers:
        allowed = ", ".join(sorted({*handlers, "HEAD"}))
        message = f"The {method} method is not supported for this route. Supported methods: {allowed}."
        answer = json_answer({"message": message}, 405)
        answer.headers["allow"] = allowed
        return answer
    url = f"{exchange.server.url}/v1{request.path}"
    call = Call(account, url, row_id, request.query)
    try:
        if method != "GET":
            call.read_body(exchange.body)
        return handlers[method](call)
    except RefusalError as refusal:
        return refusal.answer


class RefusalError(Exception):
    """Ends a request with this response."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass
class Call:
    """A request to an endpoint: reads its arguments, and collects what is wrong with them until ``check``.

    :param url: the URL that was requested, without its query.
    :param row_id: the id that the path ends with, if any.
    """

    account: Account
    url: str
    row_id: str
    query: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)

    @property
    def list_name(self) -> str:
        return self.url.rpartition("/")[2]

    def row(self, name: str) -> Row:
        """The row that the path names."""
        row = self.account.tables[name].rows.get(self.row_id)
        if row is None:
            raise RefusalError(not_found())
        return row

    def refuse(self, field: str, message: str) -> None:
        self.errors.setdefault(field, []).append(message)

    def check(self) -> None:
        """End the request if anything is wrong with it."""
        first, *more = [message for messages in self.errors.values() for message in messages] or [""]
        if more:
            first += f" (and {len(more)} more error{'s' if len(more) > 1 else ''})"
        if first:
            raise RefusalError(json_answer({"message": first, "errors": self.errors}, 422))

    def read_body(self, raw: bytes) -> None:
        try:
            # NaN and Infinity aren't JSON: int() refuses them.
            self.body = json.loads(raw, parse_constant=int) if raw.strip() else {}
        except (ValueError, RecursionError):
            message = "The request body must be valid JSON. #MS42227"
            raise RefusalError(json_answer({"message": message}, 422)) from None
        if not isinstance(self.body, dict):
            message = "The request body must be a JSON object. #MS42228"
            raise RefusalError(json_answer({"message": message}, 422))

    def owner(self, name: str, given: object, owners: Mapping[str, Row]) -> Row | None:
        """The domain or SMS number with the id that was sent, if any."""
        label = name.replace("_", " ")
        if isinstance(given, str) and given in owners:
            return owners[given]
        if given is not None and not isinstance(given, str):
            self.refuse(name, f"The {label} must be a string. {_NOT_A_STRING}")
        elif given:
            self.refuse(name, f"The selected {label} is invalid.")
        return None

    def number(self, name: str, default: int, least: int, most: float) -> int:
        """A number in the query."""
        text = self.query.get(name) or str(default)
        if not re.fullmatch(r"-?[0-9]{1,9}", text):
            self.refuse(name, f"The {name} must be an integer.")
            return default
        if int(text) < least:
            self.refuse(name, f"The {name} must be at least {least}.")
        elif int(text) > most:
            self.refuse(name, f"The {name} must not be greater than {most}.")
        return int(text)

    def require_status(self, status: object) -> None:
        if status not in list(SmsRecipientStatus):
            self.refuse("status", "The selected status is invalid.")

    def batch(self, name: str, problem: Callable[[str], str | None]) -> list[str]:
        """The strings in a list of the body. *problem* says what is wrong with one, with ``{}`` for its field."""
        items = [] if self.body.get(name) is None else self.body[name]
        if not isinstance(items, list):
            self.refuse(name, f"The {name} must be an array.")
            return []
        most = self.account.max_batch
        if most is not None and len(items) > most:
            self.refuse(name, f"The {name} must not have more than {most} items.")
            return []
        for index, item in enumerate(items):
            message = (
                problem(item) if isinstance(item, str) else f"The {{}} must be a string. {_NOT_A_STRING}"
            )
            if message:
                self.refuse(f"{name}.{index}", message.format(f"{name}.{index}"))
        return items


def problem_of_address(address: str) -> str | None:
    is_address = _ADDRESS.fullmatch(address) and len(address) <= 320
    return None if is_address else "The {} must be a valid email address. #MS42208"


def problem_of_pattern(pattern: str) -> str | None:
    if not pattern:
        return f"The {{}} field is required. {_REQUIRED}"
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError, Warning):  # a warning, where warnings are errors
        return "The {} format is invalid."
    return None


def list_domains(call: Call) -> Answer:
    return _page(call, list(call.account.domains.values()))


def show_quota(call: Call) -> Answer:
    limits = call.account.limits
    most = -1 if limits.quota.most is None else limits.quota.most
    return json_answer({"quota": most, "remaining": limits.quota.remaining, "reset": limits.quota_reset})


def list_rows(call: Call) -> Answer:
    account = call.account
    if call.list_name == SMS_RECIPIENTS:
        status = call.query.get("status") or None
        if status:
            call.require_status(status)
        owner = call.owner("sms_number_id", call.query.get("sms_number_id"), account.sms_numbers)
        return _page(call, account.tables[SMS_RECIPIENTS].select(owner, status))
    domain = call.owner("domain_id", call.query.get("domain_id"), account.domains)
    return _page(call, account.tables[call.list_name].select(domain))


def add_rows(call: Call) -> Answer:
    account, name, domain_id = call.account, call.list_name, call.body.get("domain_id")
    takes_patterns = name == BLOCKLIST
    if name != BLOCKLIST and account.dialect.needs_domain and domain_id not in list(account.domains):
        # Observed: an unknown one gets the same answer as none.
        call.refuse("domain_id", f"The domain id field is required. {_REQUIRED}")
        domain_id = None
    domain = call.owner("domain_id", domain_id, account.domains)
    addresses = call.batch("recipients", problem_of_address)
    patterns = call.batch("patterns", problem_of_pattern) if takes_patterns else []
    if not (addresses or patterns or call.errors.keys() & {"recipients", "patterns"}):
        fields = ("recipients", "patterns") if takes_patterns else ("recipients",)
        for name_, other in zip(fields, fields[::-1], strict=True):
            unless = "" if name_ == other else f" when {other} is not present"
            call.refuse(name_, f"The {name_} field is required{unless}. {_REQUIRED}")
    call.check()
    hidden = "domain" if name == BLOCKLIST else None
    rows = account.add(name, addresses, patterns, domain)
    added = [{key: value for key, value in row.shown.items() if key != hidden} for row in rows]
    return json_answer({"data": added}, account.dialect.added_status)


def delete_rows(call: Call) -> Answer:
    table, dialect = call.account.tables[call.list_name], call.account.dialect
    domain = call.owner("domain_id", call.body.get("domain_id"), call.account.domains)
    confined_to = domain if dialect.confines_ids else None

    def problem_of_id(row_id: str) -> str | None:
        is_known = row_id in table.rows and confined_to in (None, table.rows[row_id].owner)
        return None if is_known else "The selected {} is invalid."

    everything, ids = call.body.get("all"), call.batch("ids", problem_of_id)
    if everything not in (None, True, False):
        call.refuse("all", "The all field must be true or false.")
    elif everything and ids:
        call.refuse("all", "The all field is prohibited when ids is present.")
    elif not everything and not ids and "ids" not in call.errors:
        call.refuse("ids", f"The ids field is required when all is not present. {_REQUIRED}")
        call.refuse("all", f"The all field is required when ids is not present. {_REQUIRED}")
    call.check()
    if everything:
        table.clear(domain)
    else:
        table.drop(ids)
    return Answer(200, dialect.deleted_body)


def show_recipient(call: Call) -> Answer:
    row = call.row(RECIPIENTS)
    shown = call.account.show(RECIPIENTS, row) | {"domain": row.shown["domain"], "emails": []}
    return json_answer({"data": shown})


def delete_recipient(call: Call) -> Answer:
    call.account.delete_recipient(call.row(RECIPIENTS))
    return Answer(call.account.dialect.recipient_deleted_status)


def show_sms_recipient(call: Call) -> Answer:
    row = call.row(SMS_RECIPIENTS)
    number = {"sms_number": None} if call.account.dialect.has_opt_out_keys else {}
    message = {"id": row.id, "from": row.owner and row.owner.value, "to": row.value, "status": "delivered"}
    return json_answer({"data": row.shown | number | {"sms": [message]}})


def update_sms_recipient(call: Call) -> Answer:
    row, status = call.row(SMS_RECIPIENTS), call.body.get("status")
    if status is None and call.account.dialect.takes_status_in_query:
        status = call.query.get("status")
    if status in (None, ""):
        call.refuse("status", f"The status field is required. {_REQUIRED}")
    else:
        call.require_status(status)
    call.check()
    call.account.tables[SMS_RECIPIENTS].update(row, status=str(status))
    return json_answer({"data": row.shown | {"status": status}})


def _page(call: Call, rows: Sequence[Row]) -> Answer:
    """The page of *rows* that the query asks for."""
    url, dialect = call.url, call.account.dialect
    limit = call.number("limit", dialect.suppressions_limit if "/suppressions/" in url else 25, 10, 100)
    number = call.number("page", 1, 1, math.inf)
    call.check()
    start, stop, last = (number - 1) * limit, number * limit, max(-(-len(rows) // limit), 1)
    shown = [call.account.show(call.list_name, row) for row in rows[start:stop]]
    # Observed: links hold the page alone, so that a client that follows one loses limit and filters.
    kept = (
        {key: value for key, value in call.query.items() if key != "page"} if dialect.has_whole_pages else {}
    )

    def link(page: int) -> str:
        return f"{url}?{urlencode(kept | {'page': str(page)})}"

    links = {
        "first": link(1),
        "last": None,
        "prev": link(number - 1) if number > 1 else None,
        "next": link(number + 1) if stop < len(rows) else None,
    }
    meta: dict[str, Any] = {
        "current_page": number,
        "from": start + 1 if shown else None,
        "path": url,
        "per_page": limit,
        "to": start + len(shown) if shown else None,
    }
    if dialect.has_whole_pages or call.list_name == "domains":
        links["last"] = link(last)
        meta |= {"last_page": last, "total": len(rows)}
    if not dialect.has_whole_pages and call.list_name == "domains":
        buttons = [("&laquo; Previous", links["prev"])]
        buttons += [(str(page), link(page)) for page in range(1, last + 1)]
        buttons += [("Next &raquo;", links["next"])]
        meta["links"] = [{"url": to, "label": label, "active": label == str(number)} for label, to in buttons]
    if not dialect.has_whole_pages and call.list_name == SMS_RECIPIENTS and call.query.get("limit"):
        meta["per_page"] = str(limit)
    return json_answer({"data": shown, "links": links, "meta": meta})


_HANDLERS: Mapping[str, Mapping[str, Callable[[Call], Answer]]] = {
    "/domains": {"GET": list_domains},
    "/api-quota": {"GET": show_quota},
    "/recipients": {"GET": list_rows},
    "/recipients/": {"DELETE": delete_recipient, "GET": show_recipient},
    "/sms-recipients": {"GET": list_rows},
    "/sms-recipients/": {"GET": show_sms_recipient, "PUT": update_sms_recipient},
    **{
        f"/suppressions/{name}": {"DELETE": delete_rows, "GET": list_rows}
        | ({"POST": add_rows} if name.takes_additions else {})
        for name in SuppressionList
    },
}
"""What each path can be asked for; one that ends with a slash is followed by an id."""
