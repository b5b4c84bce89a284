"""The databases and the object storage that transfers are tested with."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from airflow_provider_mailersend.sandbox import Sandbox
from airflow_provider_mailersend.transfers.mailersend_to_sql import MailerSendToSqlOperator
from airflow_provider_mailersend.transfers.sql_database import SqlDatabase
from tests.services.servers import S3, MariaDb, MissingError, Postgres, Server
from tests.services.sharing import shared


@pytest.fixture(scope="session")
def services(testrun_uid: str) -> Path:
    """The folder that all processes of this test run share. Not below pytest's own, which other users can't enter."""
    return Path(tempfile.gettempdir()) / f"mailersend-tests-{testrun_uid}"


def need(module: str, package: str) -> None:
    """Skip the test where a module isn't installed; fail it where none may be skipped."""
    if find_spec(module) is None:
        leave_out(f"{module} isn't installed: pip install {package}")


def leave_out(reason: str) -> None:
    if os.environ.get("TESTS_NEED_SERVICES"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running(kind: type[Server], folder: Path) -> Iterator[Server]:
    try:
        with shared(kind, folder) as server:
            yield server
    except MissingError as missing:
        leave_out(str(missing))


@pytest.fixture(scope="session")
def postgres(services: Path) -> Iterator[str]:
    need("airflow.providers.postgres", "apache-airflow-providers-postgres")
    with running(Postgres, services) as server:
        yield f"postgres://tests@127.0.0.1:{server.port}/postgres"


@pytest.fixture(scope="session")
def mariadb(services: Path) -> Iterator[str]:
    need("MySQLdb", "apache-airflow-providers-mysql")
    with running(MariaDb, services) as server:
        yield f"mysql://tests:tests@127.0.0.1:{server.port}/tests?charset=utf8mb4"


@pytest.fixture(scope="session")
def s3(services: Path) -> Iterator[S3]:
    need("s3fs", "apache-airflow-providers-amazon[s3fs]")
    with running(S3, services) as server:
        assert isinstance(server, S3)
        yield server


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def conn_id(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of an Airflow connection of each database."""
    if request.param == "sqlite":
        need("airflow.providers.sqlite", "apache-airflow-providers-sqlite")
        url = json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "tests.db")})
    else:
        url = request.getfixturevalue(request.param)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", url)
    return "warehouse"


@pytest.fixture
def table() -> str:
    """A name that no table has yet."""
    return f"rows_{uuid4().hex[:12]}"


@pytest.fixture
def database(conn_id: str) -> Iterator[SqlDatabase]:
    """A connection to the database, besides those of the operators."""
    with SqlDatabase(conn_id) as database:
        yield database


@pytest.fixture
def export(
    connect: Callable[..., str], sandbox: Sandbox, conn_id: str, table: str
) -> Callable[..., dict[str, Any]]:
    """Export a list to the table, and return the task's result."""
    connect(sandbox)

    def run(list_name: str = "hard-bounces", **arguments: Any) -> dict[str, Any]:
        arguments = {"table": table, "create_table": True, "domain_id": "account", **arguments}
        rendered = arguments.pop("rendered", {})
        task = MailerSendToSqlOperator(task_id="export", conn_id=conn_id, list_name=list_name, **arguments)
        task.render_template_fields(rendered)
        result: dict[str, Any] = task.execute({})
        return result

    return run
