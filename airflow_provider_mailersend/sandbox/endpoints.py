"""The API's endpoints, as a Starlette application."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from airflow_provider_mailersend.sandbox.account import Account
from airflow_provider_mailersend.sandbox.dialect import Dialect
from airflow_provider_mailersend.sandbox.domains import Domain
from airflow_provider_mailersend.sandbox.limits import Limits
from airflow_provider_mailersend.sandbox.paging import Page
from airflow_provider_mailersend.sandbox.reading import (
    NOT_A_STRING,
    REQUIRED,
    Complaints,
    NotFoundError,
    RefusalError,
    TooLargeError,
    check_addresses,
    check_patterns,
    read_body,
    read_list,
)
from airflow_provider_mailersend.sandbox.sms import STATUSES
from airflow_provider_mailersend.sandbox.suppressions import BLOCKLIST, ON_HOLD, RECIPIENT_LISTS

_encode = json.JSONEncoder(separators=(",", ":")).encode

_TOO_LARGE = """<html>
<head><title>413 Request Entity Too Large</title></head>
<body><center><h1>413 Request Entity Too Large</h1></center></body>
</html>
"""


def json_response(body: object, status: int = 200) -> Response:
    """An answer in JSON."""
    return Response(_encode(body), status, media_type="application/json")


def not_found() -> Response:
    """The 404 of the API, which prints its JSON over several lines."""
    body = json.dumps({"message": "Resource not found."}, indent=4)
    return Response(body, 404, media_type="application/json")


@dataclass(frozen=True)
class Api:
    """What every endpoint works with."""

    account: Account
    limits: Limits
    dialect: Dialect
    url: str
    """Where the API is, up to and including ``/v1``."""
    max_batch: int | None
    batch_refusal: Literal["422", "413"]

    def application(self) -> Starlette:
        """The application that answers paths below ``/v1``."""
        app = Starlette(
            routes=[
                Route(path, partial(self._run, handlers), methods=list(handlers))
                for path, handlers in _TABLE.items()
            ],
            exception_handlers={404: _unknown_path, 405: _wrong_method},
        )
        app.router.redirect_slashes = False
        return app

    async def _run(self, handlers: Mapping[str, Handler], request: Request) -> Response:
        handler = handlers["GET" if request.method == "HEAD" else request.method]
        raw = await request.body()
        try:
            body = {} if request.method in ("GET", "HEAD") else read_body(raw)
            call = Call(self, dict(request.query_params), body, request.path_params.get("id", ""))
            with self.account.lock:
                return handler(call)
        except RefusalError as refusal:
            return json_response(refusal.body, refusal.status)
        except NotFoundError:
            return not_found()
        except TooLargeError:
            return Response(_TOO_LARGE, 413, media_type="text/html")


@dataclass(frozen=True)
class Call:
    """One request, read as far as is the same for all endpoints."""

    api: Api
    query: Mapping[str, str]
    body: Mapping[str, Any]
    id: str
    """The id in the path; empty where the path has none."""

    @property
    def account(self) -> Account:
        return self.api.account

    def domain(self, given: object, complaints: Complaints) -> Domain | None:
        """The domain of a ``domain_id``; None when none was given, or none that there is."""
        if given is None or given == "":
            return None
        if not isinstance(given, str):
            complaints.add("domain_id", f"The domain id must be a string. {NOT_A_STRING}")
            return None
        domain = self.account.domains.with_id(given)
        if domain is None:
            complaints.add("domain_id", "The selected domain id is invalid.")
        return domain

    def batch(self, *fields: str, complaints: Complaints) -> list[list[Any]]:
        """Lists from the body, none of them longer than the API takes at a time."""
        most = self.api.max_batch
        lists = [read_list(self.body, field, most, complaints) for field in fields]
        if most is not None and any(len(found) > most for found in lists):
            if self.api.batch_refusal == "413":
                raise TooLargeError
            complaints.settle()
        return lists

    def page(self, page: Page, path: str, entries: list[dict[str, Any]], total: int) -> Response:
        return json_response(page.answer(entries, total, self.api.url + path, self.api.dialect))


Handler = Callable[[Call], Response]


def list_domains(call: Call) -> Response:
    complaints = Complaints()
    page = Page.read(call.query, call.api.dialect, complaints)
    complaints.settle()
    domains = call.account.domains
    return call.page(page, "/domains", domains.page(page.start, page.stop), len(domains))


def show_quota(call: Call) -> Response:
    limits = call.api.limits
    quota = limits.quota
    most = -1 if quota.most is None else quota.most
    return json_response({"quota": most, "remaining": quota.remaining, "reset": limits.quota_reset})


def list_recipients(call: Call) -> Response:
    complaints = Complaints()
    page = Page.read(call.query, call.api.dialect, complaints)
    domain = call.domain(call.query.get("domain_id"), complaints)
    complaints.settle()
    recipients = call.account.recipients
    old_dates = call.api.dialect.old_recipient_dates
    entries = [
        recipients.render(serial, old_dates=old_dates)
        for serial in recipients.page(domain, page.start, page.stop)
    ]
    return call.page(page, "/recipients", entries, recipients.count(domain))


def show_recipient(call: Call) -> Response:
    recipients = call.account.recipients
    rendered = recipients.render(
        _found(recipients.with_id(call.id)), old_dates=call.api.dialect.old_recipient_dates
    )
    return json_response({"data": rendered | {"emails": []}})


def delete_recipient(call: Call) -> Response:
    call.account.delete_recipient(_found(call.account.recipients.with_id(call.id)))
    return Response(status_code=call.api.dialect.recipient_deleted_status)


def list_suppressions(name: str, call: Call) -> Response:
    complaints = Complaints()
    page = Page.read(call.query, call.api.dialect, complaints)
    domain = call.domain(call.query.get("domain_id"), complaints)
    complaints.settle()
    entries = call.account.suppressions[name]
    rendered = [entries.render(serial) for serial in entries.page(domain, page.start, page.stop)]
    return call.page(page, f"/suppressions/{name}", rendered, entries.count(domain))


def block(call: Call) -> Response:
    complaints = Complaints()
    domain = call.domain(call.body.get("domain_id"), complaints)
    addresses, patterns = call.batch("recipients", "patterns", complaints=complaints)
    if not addresses and not patterns and "recipients" not in complaints and "patterns" not in complaints:
        complaints.add(
            "recipients", f"The recipients field is required when patterns is not present. {REQUIRED}"
        )
        complaints.add(
            "patterns", f"The patterns field is required when recipients is not present. {REQUIRED}"
        )
    check_addresses(addresses, complaints)
    check_patterns(patterns, complaints)
    complaints.settle()
    return json_response(
        {"data": call.account.block(addresses, patterns, domain)}, call.api.dialect.added_status
    )


def suppress(name: str, call: Call) -> Response:
    complaints = Complaints()
    domain = call.domain(call.body.get("domain_id"), complaints)
    if domain is None and "domain_id" not in complaints and call.api.dialect.needs_domain:
        complaints.add("domain_id", f"The domain id field is required. {REQUIRED}")
    [addresses] = call.batch("recipients", complaints=complaints)
    if not addresses and "recipients" not in complaints:
        complaints.add("recipients", f"The recipients field is required. {REQUIRED}")
    check_addresses(addresses, complaints)
    complaints.settle()
    # What the API does with an entry of no domain, as documented, nobody says: here the first domain gets it.
    added = call.account.suppress(name, addresses, domain or call.account.domains[0])
    return json_response({"data": added}, call.api.dialect.added_status)


def delete_suppressions(name: str, call: Call) -> Response:
    complaints = Complaints()
    entries = call.account.suppressions[name]
    domain = call.domain(call.body.get("domain_id"), complaints)
    [ids] = call.batch("ids", complaints=complaints)
    everything = call.body.get("all")
    if everything not in (None, True, False):
        complaints.add("all", "The all field must be true or false.")
    elif everything and ids:
        # Nobody has told what comes of both: refusing shows the mistake and deletes nothing by accident.
        complaints.add("all", "The all field is prohibited when ids is present.")
    elif not everything and not ids and "ids" not in complaints:
        complaints.add("ids", f"The ids field is required when all is not present. {REQUIRED}")
        complaints.add("all", f"The all field is required when ids is not present. {REQUIRED}")
    found = []
    for index, entry_id in enumerate(ids):
        serial = entries.with_id(entry_id, domain)
        if serial is not None:
            found.append(serial)
        elif isinstance(entry_id, str):
            complaints.add(f"ids.{index}", f"The selected ids.{index} is invalid.")
        else:
            complaints.add(f"ids.{index}", f"The ids.{index} must be a string. {NOT_A_STRING}")
    complaints.settle()
    entries.remove(entries.page(domain, 0, entries.count(domain)) if everything else found)
    return Response(call.api.dialect.deleted_body, media_type="application/json")


def list_sms_recipients(call: Call) -> Response:
    complaints = Complaints()
    page = Page.read(call.query, call.api.dialect, complaints)
    status = call.query.get("status") or None
    if status is not None and status not in STATUSES:
        complaints.add("status", "The selected status is invalid.")
    sms = call.account.sms
    sender_id = call.query.get("sms_number_id") or None
    sender = None if sender_id is None else sms.sender_with_id(sender_id)
    if sender_id is not None and sender is None:
        complaints.add("sms_number_id", "The selected sms number id is invalid.")
    complaints.settle()
    entries = [sms.render(serial) for serial in sms.page(sender, status, page.start, page.stop)]
    return call.page(page, "/sms-recipients", entries, sms.count(sender, status))


def show_sms_recipient(call: Call) -> Response:
    sms = call.account.sms
    return json_response({"data": sms.render_whole(_found(sms.with_id(call.id)))})


def update_sms_recipient(call: Call) -> Response:
    sms = call.account.sms
    serial = _found(sms.with_id(call.id))
    status = call.body.get("status")
    if status is None and call.api.dialect.status_in_query:
        status = call.query.get("status")
    complaints = Complaints()
    if status is None or status == "":
        complaints.add("status", f"The status field is required. {REQUIRED}")
    elif status not in STATUSES:
        complaints.add("status", "The selected status is invalid.")
    complaints.settle()
    sms.set_status(serial, str(status))
    return json_response({"data": sms.render(serial)})


def _found(serial: int | None) -> int:
    if serial is None:
        raise NotFoundError
    return serial


def _suppression_handlers(name: str) -> dict[str, Handler]:
    handlers: dict[str, Handler] = {
        "GET": partial(list_suppressions, name),
        "DELETE": partial(delete_suppressions, name),
    }
    if name == BLOCKLIST:
        handlers["POST"] = block
    elif name != ON_HOLD:
        handlers["POST"] = partial(suppress, name)
    return handlers


# An id takes in whatever is left of the path, slashes too: so an encoded one never leads to another endpoint.
_TABLE: Mapping[str, Mapping[str, Handler]] = {
    "/domains": {"GET": list_domains},
    "/api-quota": {"GET": show_quota},
    "/recipients": {"GET": list_recipients},
    "/recipients/{id:path}": {"GET": show_recipient, "DELETE": delete_recipient},
    **{f"/suppressions/{name}": _suppression_handlers(name) for name in (BLOCKLIST, *RECIPIENT_LISTS)},
    "/sms-recipients": {"GET": list_sms_recipients},
    "/sms-recipients/{id:path}": {"GET": show_sms_recipient, "PUT": update_sms_recipient},
}


async def _unknown_path(request: Request, error: Exception) -> Response:
    return not_found()


async def _wrong_method(request: Request, error: Exception) -> Response:
    allowed = (error.headers or {}) if isinstance(error, HTTPException) else {}
    methods = ", ".join(sorted(allowed.get("Allow", "").split(", ")))
    message = f"The {request.method} method is not supported for this route. Supported methods: {methods}."
    response = json_response({"message": message}, 405)
    response.headers["allow"] = methods
    return response
