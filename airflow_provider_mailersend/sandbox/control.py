"""The sandbox's own endpoints, under ``/_sandbox``, for those who run it as a program.

They need no token, count against no limit and aren't logged: ``GET log`` and ``DELETE log``, ``GET state``,
``GET entries/{list}``, ``POST entries`` and ``DELETE entries`` to change a list as somebody else would,
``POST faults`` and ``DELETE faults``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_mailersend.sandbox.messages import Answer, json_answer
from airflow_provider_mailersend.sandbox.server import Exchange, is_loopback

if TYPE_CHECKING:
    from airflow_provider_mailersend.sandbox.sandbox import Sandbox


def control(sandbox: Sandbox, exchange: Exchange) -> Answer:
    """Do what a request to ``/_sandbox`` asks for."""
    host = exchange.headers.get("host", "")
    host = host.partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    # A web page that the user looks at must not control the sandbox, neither by a host name that it
    # made point to this machine, nor by a form that it sends here.
    if not is_loopback(host) or "origin" in exchange.headers:
        return json_answer({"message": "Only this machine may use /_sandbox."}, 403)
    try:
        given = json.loads(exchange.body or b"{}")
        return _do(sandbox, exchange.logged.method, exchange.logged.path.removeprefix("/_sandbox"), given)
    except (ValueError, TypeError, AttributeError) as error:
        return json_answer({"message": str(error)}, 422)


def _do(sandbox: Sandbox, method: str, path: str, given: dict[str, Any]) -> Answer:
    match method, path:
        case "GET", "/log":
            return json_answer([request.as_json() for request in sandbox.log])
        case "DELETE", "/log":
            sandbox.clear_log()
        case "GET", "/state":
            return json_answer(sandbox.state())
        case "GET", _ if path.startswith("/entries/"):
            return json_answer(sandbox.entries(path.removeprefix("/entries/")))
        case "POST", "/entries":
            name, recipients = given.pop("list"), given.pop("recipients", [])
            return json_answer(sandbox.add(name, *_texts(recipients), **given), 201)
        case "DELETE", "/entries":
            sandbox.remove(given["list"], _texts(given["ids"]))
        case "POST", "/faults":
            fault = sandbox.fault_type(**given)
            sandbox.fail(fault)
            return json_answer(fault.as_json(), 201)
        case "DELETE", "/faults":
            sandbox.clear_faults()
        case _:
            return json_answer({"message": f"There is no {method} /_sandbox{path}."}, 404)
    return Answer(204)


def _texts(given: Any) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise ValueError("recipients and ids must be lists of strings.")
    return given
