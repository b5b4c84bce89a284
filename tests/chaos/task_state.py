"""A task state store as Airflow 3.3 gives one to a task, in a file: it outlives the tries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class FileStore:
    """What one task keeps between its tries."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, key: str) -> Any:
        return self.everything().get(key)

    def set(self, key: str, value: Any) -> None:
        self._write({**self.everything(), key: value})

    def delete(self, key: str) -> None:
        self._write({name: value for name, value in self.everything().items() if name != key})

    def everything(self) -> dict[str, Any]:
        return json.loads(self._path.read_text()) if self._path.exists() else {}

    def _write(self, everything: dict[str, Any]) -> None:
        # At once or not at all: whoever writes may be killed.
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(everything))
        new.replace(self._path)
