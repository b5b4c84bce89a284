"""What comes back for a request: an :class:`Answer`, or a :class:`Failure` to get one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """
    An HTTP answer, whole.

    :param status: the status code.
    :param headers: the headers; looked up by lower-case names.
    :param body: the body's bytes.
    :param at: when it came, in Unix seconds of the asking machine's clock.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    at: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the request was done."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the body read as JSON. Raises :class:`ValueError` when it is none."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("the JSON is nested too deeply") from None


@dataclass(frozen=True, slots=True)
class Failure:
    """
    No answer, or not the whole of one.

    :param reason: what happened, in a few words; with a status, what is wrong with the body.
    :param never_sent: whether the API cannot have seen the request; where it may have, the result is ambiguous.
    :param at: when it was noticed, in Unix seconds of the asking machine's clock.
    :param permanent: whether sending it again cannot help before somebody corrects a setting.
    :param status: the status of an answer whose body cannot be read, and would not be the next time.
    """

    reason: str
    never_sent: bool = False
    at: float = 0.0
    permanent: bool = False
    status: int | None = None


Outcome = Answer | Failure
