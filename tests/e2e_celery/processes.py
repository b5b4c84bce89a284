"""Airflow on CeleryExecutor: two workers and two triggerers, on PostgreSQL and Redis."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import psutil

from airflow_provider_mailersend.sandbox import Sandbox
from tests.e2e.processes import Airflow
from tests.services.servers import Postgres, Redis

_ROOT = Path(__file__).parents[2]
_DAGS = {"examples": _ROOT / "example_dags", "tests": Path(__file__).parent / "dags"}


class CeleryAirflow(Airflow):
    """
    Airflow whose tasks run on Celery workers, as a context manager.

    :param sandboxes: the sandboxes, by the id of the connection to each.
    :param postgres: holds Airflow's metadata, and a database ``warehouse`` for transfers.
    :param redis: the broker.
    :param slots: how many tasks each worker runs at a time.
    """

    def __init__(
        self, sandboxes: Mapping[str, Sandbox], postgres: Postgres, redis: Redis, *, slots: int
    ) -> None:
        super().__init__(sandboxes, _settings(postgres, redis))
        self._environment["AIRFLOW_CONN_WAREHOUSE"] = postgres.url(database="warehouse")
        self._slots = slots

    def start_worker(self, name: str) -> None:
        self._start(
            name,
            *("celery", "worker", "--celery-hostname", name, "--concurrency", str(self._slots)),
            *("--skip-serve-logs", "--without-mingle", "--without-gossip"),
        )

    def start_triggerer_named(self, name: str) -> None:
        self._start(name, "triggerer", "--skip-serve-logs")

    def kill(self, name: str) -> None:
        """Kill a worker or a triggerer by SIGKILL, with the tasks that it runs."""
        self._kill(name)

    def left_behind(self) -> list[str]:
        """Return the command lines of processes that outlived this Airflow."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("AIRFLOW_HOME") == str(self.home):
                    found.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        return found


def _settings(postgres: Postgres, redis: Redis) -> dict[str, str]:
    bundles = [
        {
            "name": name,
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(folder)},
        }
        for name, folder in _DAGS.items()
    ]
    return {
        "DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "DATABASE__SQL_ALCHEMY_CONN": postgres.url("postgresql+psycopg2"),
        "CORE__EXECUTOR": "CeleryExecutor",
        # The pool decides how many tasks run, and never this.
        "CORE__PARALLELISM": "32",
        "CELERY__BROKER_URL": redis.url(),
        "CELERY__RESULT_BACKEND": f"db+{postgres.url('postgresql+psycopg2')}",
        # A second is not enough for a busy machine to put a task into Redis.
        "CELERY__OPERATION_TIMEOUT": "15",
        "WORKERS__EXECUTION_API_TIMEOUT": "30",
        # A task whose worker was killed sends no more heartbeats: after so many seconds, in place of five minutes, the
        # scheduler retries it. Healthy tasks send one every two seconds, so a busy machine may delay some.
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
        "CORE__DEFAULT_TASK_RETRY_DELAY": "1",
        # What a killed worker had taken from Redis and not begun stays queued: the scheduler sends it again.
        "SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
        "SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
        # Celery itself gives a message that was not acknowledged to another worker after this many seconds: it must be
        # longer than any task, or tasks that still run would be started twice. So Airflow's retry comes first.
        "CELERY__TASK_ACKS_LATE": "True",
        "CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "3600",
        # So soon a killed triggerer's triggers go to the other one.
        "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
    }
