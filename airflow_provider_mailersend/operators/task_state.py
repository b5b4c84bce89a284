"""What a task keeps for its next try, where Airflow has a place for it: the task state store of 3.3."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)

_KEY = "mailersend"


class TaskState:
    """
    One task's state.

    It only saves requests: a next try that finds none begins anew and comes to the same end. So a store that is not
    there, is too small or does not answer fails no task.
    """

    def __init__(self, context: Context) -> None:
        self._store: Any = context.get("task_state_store")
        self._holds_something = False
        self._told = False

    def read(self) -> Mapping[str, Any] | None:
        """Return what an earlier try kept; None where there is nothing."""
        if self._store is None:
            return None
        try:
            kept = self._store.get(_KEY)
        except Exception as error:
            log.warning("The task state store does not answer (%s): beginning anew.", type(error).__name__)
            return None
        self._holds_something = kept is not None
        return kept if isinstance(kept, dict) else None

    def keep(self, so_far: Mapping[str, Any]) -> None:
        """Keep *so_far* in place of what was kept; nothing, where it is empty or too large."""
        if self._store is None:
            return
        is_kept = bool(so_far) and self._fits(so_far)
        try:
            if is_kept:
                self._store.set(_KEY, dict(so_far))
            elif self._holds_something:
                self._store.delete(_KEY)
            self._holds_something = is_kept
        except Exception as error:
            log.warning("The task state store takes nothing (%s): going on without.", type(error).__name__)

    def _fits(self, so_far: Mapping[str, Any]) -> bool:
        most: int = conf.getint("state_store", "max_value_storage_bytes", fallback=65_535)
        size = len(json.dumps(so_far))
        if 0 < most < size and not self._told:
            self._told = True
            log.info(
                "The plan takes %d bytes, and [state_store] max_value_storage_bytes allows %d: it is not kept, and a "
                "next try reads the list anew.",
                size,
                most,
            )
        return most <= 0 or size <= most
