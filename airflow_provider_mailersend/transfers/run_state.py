"""Where an export with ``since="auto"`` continues, in a state store of Airflow's."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from airflow_provider_mailersend.rendering import parse_moment

log = logging.getLogger(__name__)

#: How many runs are remembered: others may begin before a run is retried or cleared.
_RUNS = 20

Moments = dict[str, datetime | None]


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
        self._run_id = str(run_id)
        until, runs = self._load()
        #: Whether the run began before.
        self.is_known = self._run_id in runs
        #: The time to read from; None for the start.
        self.since = runs.get(self._run_id, until)

    def begin(self) -> None:
        """Store from when this run reads."""
        self.finish(None)

    def finish(self, until: datetime | None) -> None:
        """Store from when the next run reads; with None, as before."""
        # Loaded again, as another run may have stored something.
        known, runs = self._load()
        ends = [moment for moment in (known, until) if moment is not None]
        runs.pop(self._run_id, None)
        latest = [*list(runs.items())[1 - _RUNS :], (self._run_id, self.since)]
        texts = {run_id: since and since.isoformat() for run_id, since in latest}
        self._store.set(self._key, {"until": max(ends).isoformat() if ends else None, "runs": texts})

    def _load(self) -> tuple[datetime | None, Moments]:
        """Return the time from which the next run reads, and by their ids those from which the last runs read."""
        stored = self._store.get(self._key)
        if stored is None:
            return None, {}
        try:
            runs = {run_id: parse_moment(since, run_id) for run_id, since in stored["runs"].items()}
            return parse_moment(stored["until"], self._key), runs
        except (LookupError, TypeError, ValueError, AttributeError):
            log.warning("Can't read %r in the asset's state: the list is read from the start.", self._key)
            return None, {}
