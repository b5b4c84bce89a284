"""The sandbox's own endpoints, under ``/_sandbox``, for those who run it as a program.

They need no token, count against no limit and aren't logged: ``GET log`` and ``DELETE log``, ``GET state``,
``GET entries/{list}``, ``POST entries`` and ``DELETE entries`` to change a list as somebody else would,
``POST faults`` and ``DELETE faults``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_mailersend.sandbox.server import Answer, Exchange, is_loopback, json_answer

if TYPE_CHECKING:
    from airflow_provider_mailersend.sandbox.sandbox import Sandbox


def control(sandbox: Sandbox, exchange: Exchange) -> Answer:
    """Do what a request to ``/_sandbox`` asks for."""
    request = exchange.logged
    try:
        host = urlsplit(f"//{exchange.headers.get('host', '')}").hostname or ""
        # A web page that the user looks at must not control the sandbox, neither by a host name that it
        # made point to this machine, nor by a form that it sends here.
        if not is_loopback(host) or "origin" in exchange.headers:
            return json_answer({"message": "Only this machine may use /_sandbox."}, 403)
        resource, _, name = request.path.removeprefix("/_sandbox/").partition("/")
        given = json.loads(exchange.body or b"{}")
        action = _actions(sandbox, name, given).get(f"{request.method} {resource}")
        if action is None:
            return json_answer({"message": f"There is no {request.method} {request.path}."}, 404)
        result = action()
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        return json_answer({"message": str(error)}, 422)
    return Answer(204) if result is None else json_answer(result, 201 if request.method == "POST" else 200)


def _actions(sandbox: Sandbox, name: str, given: dict[str, Any]) -> dict[str, Callable[[], object]]:
    return {
        "GET log": lambda: [request.as_json() for request in sandbox.log],
        "DELETE log": sandbox.clear_log,
        "GET state": sandbox.state,
        "GET entries": lambda: sandbox.entries(name),
        "POST entries": lambda: sandbox.add(given.pop("list"), *_texts(given.pop("recipients", [])), **given),
        "DELETE entries": lambda: sandbox.remove(given["list"], _texts(given["ids"])),
        "POST faults": lambda: sandbox.fail(sandbox.fault_type(**given)).as_json(),
        "DELETE faults": sandbox.clear_faults,
    }


def _texts(given: Any) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise ValueError("recipients and ids must be lists of strings.")
    return given
