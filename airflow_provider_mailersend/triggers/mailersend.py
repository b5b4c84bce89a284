"""What deferred tasks wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

#: How long after the moment to begin, in seconds: clocks are not quite equal.
_LATE = timedelta(seconds=1)

#: A long sleep is cut into pieces of so many seconds: the clock may be set meanwhile.
_LONGEST_SLEEP = 60.0


class MailerSendQuotaResetTrigger(BaseTrigger):
    """
    Waits until the next day's requests begin. It sends none itself.

    :param resets_at: when they begin, aware, or in ISO 8601 with a zone.
    """

    def __init__(self, resets_at: datetime | str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.resets_at = datetime.fromisoformat(resets_at) if isinstance(resets_at, str) else resets_at
        if self.resets_at.tzinfo is None:
            raise ValueError(f"resets_at must have a time zone; got {resets_at!r}")

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {"resets_at": self.resets_at.isoformat()}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        moment = self.resets_at + _LATE
        while (left := (moment - datetime.now(UTC)).total_seconds()) > 0:
            await asyncio.sleep(min(left, _LONGEST_SLEEP))
        yield TriggerEvent({"resets_at": self.resets_at.isoformat()})
