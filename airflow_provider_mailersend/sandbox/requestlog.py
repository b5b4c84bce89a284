"""What was asked of the sandbox. Headers aren't kept, so the token never is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from airflow_provider_mailersend.sandbox.faults import Fault


@dataclass
class LoggedRequest:
    """One request to the API, logged when it arrives and completed just before it is answered."""

    method: str
    path: str
    """Without ``/v1``, and decoded."""
    raw_path: str
    """As it came, ``/v1`` and percent-encoding included."""
    query: dict[str, str]
    json: Any
    """The body; None when there was none, or none that is JSON."""
    at: float
    """When it came, in Unix seconds."""
    status: int | None = None
    """What was answered; None while nothing is, and when the connection was cut."""
    fault: Fault | None = None
    """The fault that hit it."""
    is_over: bool = False
    """Whether it was answered or dropped, and what it changes is changed."""

    def as_json(self) -> dict[str, Any]:
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return told | {"fault": None if self.fault is None else self.fault.as_json()}
