"""The sandbox's own endpoints, under ``/_sandbox``: for whoever runs it as a process of its own.

They take no token, count for no limit and aren't logged. ``GET log`` and ``DELETE log``, ``GET state``,
``GET entries/{list}``, ``POST entries`` and ``DELETE entries`` to change a list as somebody else would,
``POST faults`` and ``DELETE faults``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from airflow_provider_mailersend.sandbox.account import Account
from airflow_provider_mailersend.sandbox.endpoints import json_response
from airflow_provider_mailersend.sandbox.faults import Fault, FaultQueue
from airflow_provider_mailersend.sandbox.limits import Limits
from airflow_provider_mailersend.sandbox.loopback import host_of, is_loopback
from airflow_provider_mailersend.sandbox.reading import parse_json
from airflow_provider_mailersend.sandbox.requestlog import RequestLog


@dataclass(frozen=True)
class Control:
    """What the control endpoints work with."""

    account: Account
    limits: Limits
    log: RequestLog
    faults: FaultQueue

    def application(self) -> Starlette:
        """The application that answers paths below ``/_sandbox``."""
        return Starlette(
            routes=[
                Route(path, partial(self._run, handlers), methods=list(handlers))
                for path, handlers in _TABLE.items()
            ]
        )

    def state(self) -> dict[str, Any]:
        """The sizes of all lists, how many requests were logged, and what the limits still allow."""
        with self.account.lock:
            lists = self.account.sizes()
        return {
            "lists": lists,
            "requests": len(self.log.matching()),
            "quota_remaining": self.limits.quota.remaining,
            "quota_reset": self.limits.quota_reset,
            "rate_remaining": self.limits.rate.remaining,
        }

    async def _run(self, handlers: Mapping[str, _Handler], request: Request) -> Response:
        # A web page that the user looks at must not steer the sandbox: neither under a name that it
        # made point to this machine, nor by a form that it sends here.
        if not is_loopback(host_of(request.headers.get("host", ""))) or "origin" in request.headers:
            return json_response({"message": "Only this machine may use /_sandbox."}, 403)
        raw = await request.body()
        try:
            given = parse_json(raw) if raw else {}
            if not isinstance(given, dict):
                raise ValueError("The body must be a JSON object.")
            handler = handlers["GET" if request.method == "HEAD" else request.method]
            with self.account.lock:
                return handler(self, given, request.path_params.get("list", ""))
        except (ValueError, TypeError) as error:
            return json_response({"message": str(error)}, 422)


_Handler = Callable[[Control, dict[str, Any], str], Response]


def _read_log(control: Control, given: dict[str, Any], name: str) -> Response:
    return json_response([request.as_json() for request in control.log.matching()])


def _clear_log(control: Control, given: dict[str, Any], name: str) -> Response:
    control.log.clear()
    return Response(status_code=204)


def _read_state(control: Control, given: dict[str, Any], name: str) -> Response:
    return json_response(control.state())


def _read_entries(control: Control, given: dict[str, Any], name: str) -> Response:
    return json_response(control.account.entries(name))


def _add_entries(control: Control, given: dict[str, Any], name: str) -> Response:
    _only(given, "list", "recipients", "patterns", "domain")
    recipients, patterns = _texts(given, "recipients"), _texts(given, "patterns")
    added = control.account.add(
        given.get("list", ""), recipients, patterns=patterns, domain=given.get("domain")
    )
    return json_response(added, 201)


def _remove_entries(control: Control, given: dict[str, Any], name: str) -> Response:
    _only(given, "list", "ids")
    control.account.remove(given.get("list", ""), _texts(given, "ids"))
    return Response(status_code=204)


def _add_fault(control: Control, given: dict[str, Any], name: str) -> Response:
    fault = Fault.from_json(given)
    control.faults.add(fault)
    return json_response(fault.as_json(), 201)


def _clear_faults(control: Control, given: dict[str, Any], name: str) -> Response:
    control.faults.clear()
    return Response(status_code=204)


def _only(given: dict[str, Any], *names: str) -> None:
    unknown = sorted(given.keys() - set(names))
    if unknown:
        raise ValueError(f"Unknown: {', '.join(unknown)}. It takes {', '.join(names)}.")


def _texts(given: dict[str, Any], name: str) -> list[str]:
    texts = given.get(name, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{name} must be a list of strings.")
    return texts


_TABLE: Mapping[str, Mapping[str, _Handler]] = {
    "/log": {"GET": _read_log, "DELETE": _clear_log},
    "/state": {"GET": _read_state},
    "/entries": {"POST": _add_entries, "DELETE": _remove_entries},
    "/entries/{list}": {"GET": _read_entries},
    "/faults": {"POST": _add_fault, "DELETE": _clear_faults},
}
