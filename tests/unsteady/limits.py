"""A rate limit whose window slides."""

from __future__ import annotations

from airflow_provider_mailersend.sandbox.limits import Window


class SlidingWindow(Window):
    """Counts the requests of the last seconds at any moment, instead of one window after another."""

    def counted(self) -> list[float]:
        self._counted = [at for at in self._counted if self.end_of(at) > self.clock()]
        return self._counted
