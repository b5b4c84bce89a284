"""The sandbox's own endpoints, under ``/_sandbox``: for whoever runs it as a process of its own.

They take no token, count for no limit and aren't logged. ``GET log`` and ``DELETE log``, ``GET state``,
``GET entries/{list}``, ``POST entries`` and ``DELETE entries`` to change a list as somebody else would,
``POST faults`` and ``DELETE faults``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airflow_provider_mailersend.sandbox.account import Account
from airflow_provider_mailersend.sandbox.faults import Fault, FaultQueue
from airflow_provider_mailersend.sandbox.limits import Limits
from airflow_provider_mailersend.sandbox.reading import parse_json
from airflow_provider_mailersend.sandbox.requestlog import RequestLog
from airflow_provider_mailersend.sandbox.server import is_loopback
from airflow_provider_mailersend.sandbox.wire import Answer, Request, json_answer


@dataclass(frozen=True)
class Control:
    """What the control endpoints work with."""

    account: Account
    limits: Limits
    log: RequestLog
    faults: FaultQueue

    def state(self) -> dict[str, Any]:
        """The sizes of all lists, how many requests were logged and are under way, and what the limits allow."""
        logged = self.log.matching()
        with self.account.lock:
            lists = {name: len(table) for name, table in self.account.tables.items()}
        return {
            "lists": lists,
            "requests": len(logged),
            "under_way": sum(not request.is_over for request in logged),
            "quota_remaining": self.limits.quota.remaining,
            "quota_reset": self.limits.quota_reset,
            "rate_remaining": self.limits.rate.remaining,
        }

    def answer(self, request: Request) -> Answer:
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
            with self.account.lock:
                return self._do(request.method, request.path.removeprefix("/_sandbox"), given)
        except (ValueError, TypeError) as error:
            return json_answer({"message": str(error)}, 422)

    def _do(self, method: str, path: str, given: dict[str, Any]) -> Answer:
        match method, path:
            case "GET", "/log":
                return json_answer([request.as_json() for request in self.log.matching()])
            case "DELETE", "/log":
                self.log.clear()
            case "GET", "/state":
                return json_answer(self.state())
            case "GET", _ if path.startswith("/entries/"):
                return json_answer(self.account.entries(path.removeprefix("/entries/")))
            case "POST", "/entries":
                _only(given, "list", "recipients", "patterns", "domain")
                added = self.account.add(
                    given.get("list", ""),
                    _texts(given, "recipients"),
                    patterns=_texts(given, "patterns"),
                    domain=given.get("domain"),
                )
                return json_answer(added, 201)
            case "DELETE", "/entries":
                _only(given, "list", "ids")
                self.account.remove(given.get("list", ""), _texts(given, "ids"))
            case "POST", "/faults":
                fault = Fault.from_json(given)
                self.faults.add(fault)
                return json_answer(fault.as_json(), 201)
            case "DELETE", "/faults":
                self.faults.clear()
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
