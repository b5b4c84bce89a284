"""Where an export with ``since="auto"`` continues, in a state store of Airflow's."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from airflow_provider_mailersend.rendering import parse_moment

log = logging.getLogger(__name__)


class RunState:
    """
    From when a run reads, and from when the next one will.

    A retry and a cleared task are the same run. They read from the same time again, whatever was stored meanwhile, so
    that what they overwrite is in what they write.

    :param store: has ``get`` and ``set``, for JSON values.
    :param run_id: the DAG run's id.
    """

    def __init__(self, store: Any, key: str, run_id: str | None) -> None:
        self._store = store
        self._key = key
        self._run_id = run_id
        #: Whether the run was the last to begin.
        self.is_latest = False
        #: The time to read from; None for the start.
        self.since: datetime | None = None
        stored = store.get(key)
        if stored is None:
            return
        try:
            self.is_latest = stored["run_id"] == run_id
            # A run without an end has not finished: its entries are read again.
            ended = None if self.is_latest else stored["until"]
            self.since = parse_moment(ended or stored["since"], key)
        except (LookupError, TypeError, ValueError):
            log.warning("Can't read %r in the asset's state: the list is read from the start.", key)

    def begin(self) -> None:
        """Store that this run has begun."""
        self.finish(None)

    def finish(self, until: datetime | None) -> None:
        """Store the time from which the next run reads; None for the same as this one."""
        moments = {"since": self.since, "until": until}
        texts = {name: moment and moment.isoformat() for name, moment in moments.items()}
        self._store.set(self._key, {"run_id": self._run_id, **texts})
