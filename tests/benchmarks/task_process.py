"""
``python -m tests.benchmarks.task_process [FILE DOMAIN_ID]``: what a task takes that mirrors FILE's addresses.

The operator reads a ``.csv`` file by itself; what a ``.json`` file holds it is given as a list of strings. Without a
file the task does nothing. Prints, as its last line, JSON: the ``peak`` of memory in MB, and the task's ``result``.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_mailersend.operators.suppressions import MailerSendSyncSuppressionsOperator


class IdleOperator(BaseOperator):
    """A task that does nothing."""

    def execute(self, context: Any) -> None:
        pass


def main() -> None:
    task = _mirror(*sys.argv[1:]) if sys.argv[1:] else IdleOperator(task_id="idle")
    result = task.execute({})
    sys.stdout.write(json.dumps({"peak": _peak(), "result": result}))


def _mirror(file: str, domain_id: str) -> MailerSendSyncSuppressionsOperator:
    is_list = file.endswith(".json")
    wanted = {"recipients": json.loads(Path(file).read_bytes())} if is_list else {"file": file}
    return MailerSendSyncSuppressionsOperator(
        task_id="mirror", suppression_list="unsubscribes", domain_id=domain_id, mode="mirror", **wanted
    )


def _peak() -> float:
    """Return the most memory that this process has held so far, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # On Linux ru_maxrss begins with the peak of the process that started this one.
        sizes = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(sizes["VmHWM"].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


if __name__ == "__main__":
    main()
