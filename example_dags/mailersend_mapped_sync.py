"""
Put a long list on the blocklist in parts, on many workers that share one account's limits.

Trigger the DAG with the list's path: ``{"file": "s3://my_conn@bucket/opted_out.txt"}``, a ``.txt`` file with an address
a line, each once. Its parts are written beside it, so it must lie where all workers can read and write.

The tasks that send requests run in a pool of two to four slots. Create it once, under Admin, Pools, or with
``airflow pools set mailersend 4 "Requests to MailerSend"``, and let all DAGs on the same MailerSend account use it.
That many tasks already reach the account's rate limit: more slots don't make the list finish sooner.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from airflow.providers.common.compat.sdk import ObjectStoragePath, Param, dag, task

from airflow_provider_mailersend.operators.suppressions import MailerSendSyncSuppressionsOperator

#: One pool for each MailerSend account, over all DAGs.
POOL = "mailersend"


@dag(
    schedule=None,
    # Two runs at a time would each add what the other has not added yet.
    max_active_runs=1,
    params={
        "file": Param("opted_out.txt", type="string", description="The list's path or URL."),
        # Each part reads MailerSend's list, a request for each 100 entries: a few large parts cost the least.
        "part_size": Param(50_000, type="integer", minimum=1, description="How many addresses a task syncs."),
    },
    tags=["mailersend", "example"],
    doc_md=__doc__,
)
def mailersend_mapped_sync() -> None:
    @task
    def split(params: dict[str, str | int] | None = None) -> list[str]:
        """Write the list's parts, and return their paths: addresses themselves never go through XCom."""
        file, part_size = str((params or {})["file"]), int((params or {})["part_size"])
        source = ObjectStoragePath(file if "://" in file else str(Path(file).absolute()))
        parts: list[str] = []
        with source.open("rb") as opened:
            lines = iter(opened.readline, b"")
            while part := b"".join(islice(lines, part_size)):
                path = source.parent / f"{source.stem}-part-{len(parts):04}.txt"
                path.write_bytes(part)
                parts.append(str(path))
        return parts

    MailerSendSyncSuppressionsOperator.partial(
        task_id="sync",
        suppression_list="blocklist",
        # Sync, not Add: another run on the same file adds only what is missing, where Add would add duplicates.
        mode="add_only",
        on_invalid="skip",
        pool=POOL,
        retries=3,
        # If the daily quota is used up, the task continues after midnight UTC, and holds no slot until then.
        deferrable=True,
    ).expand(file=split())


mailersend_mapped_sync()
