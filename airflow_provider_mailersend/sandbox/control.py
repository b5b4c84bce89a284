"""The sandbox's own endpoints, under ``/_sandbox``: for whoever runs it as a process of its own.

They take no token, count for no limit and aren't logged. ``GET log`` and ``DELETE log``, ``GET state``,
``GET entries/{list}``, ``POST entries`` and ``DELETE entries`` to change a list as somebody else would,
``POST faults`` and ``DELETE faults``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_mailersend.sandbox.faults import Fault
from airflow_provider_mailersend.sandbox.reading import parse_json
from airflow_provider_mailersend.sandbox.server import is_loopback
from airflow_provider_mailersend.sandbox.wire import Answer, Request, json_answer

if TYPE_CHECKING:
    from airflow_provider_mailersend.sandbox.sandbox import Sandbox


def control(sandbox: Sandbox, request: Request) -> Answer:
    """Do what a request to ``/_sandbox`` asks for."""
    host = request.headers.get("host", "")
    host = host.partition("]")[0][1:] if host.startswith("[") else host.partition(":")[0]
    # A web page that the user looks at must not steer the sandbox: neither under a name that it
    # made point to this machine, nor by a form that it sends here.
    if not is_loopback(host) or "origin" in request.headers:
        return json_answer({"message": "Only this machine may use /_sandbox."}, 403)
    try:
        given = parse_json(request.body) if request.body else {}
        if not isinstance(given, dict):
            raise ValueError("The body must be a JSON object.")
        return _do(sandbox, request.method, request.path.removeprefix("/_sandbox"), given)
    except (ValueError, TypeError) as error:
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
            _only(given, "list", "recipients", "patterns", "domain")
            recipients, patterns = _texts(given, "recipients"), _texts(given, "patterns")
            name, domain = given.get("list", ""), given.get("domain")
            return json_answer(sandbox.add(name, *recipients, patterns=patterns, domain=domain), 201)
        case "DELETE", "/entries":
            _only(given, "list", "ids")
            sandbox.remove(given.get("list", ""), _texts(given, "ids"))
        case "POST", "/faults":
            fault = Fault.from_json(given)
            sandbox.fail(fault)
            return json_answer(fault.as_json(), 201)
        case "DELETE", "/faults":
            sandbox.clear_faults()
        case _:
            return json_answer({"message": f"There is no {method} /_sandbox{path}."}, 404)
    return Answer(204)


def _only(given: dict[str, Any], *names: str) -> None:
    unknown = sorted(given.keys() - set(names))
    if unknown:
        raise ValueError(f"Unknown: {', '.join(unknown)}. It takes {', '.join(names)}.")


def _texts(given: dict[str, Any], name: str) -> list[str]:
    texts = given.get(name, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{name} must be a list of strings.")
    return texts
