"""What transfers tell of what they read and wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.lineage import hook as compat
from airflow.providers.common.compat.sdk import Asset

from airflow_provider_mailersend.assets import convert_asset_to_openlineage
from airflow_provider_mailersend.provider_info import get_provider_info
from airflow_provider_mailersend.sandbox import Sandbox
from airflow_provider_mailersend.transfers.mailersend_to_object_storage import (
    MailerSendToObjectStorageOperator,
)
from airflow_provider_mailersend.transfers.mailersend_to_sql import MailerSendToSqlOperator
from airflow_provider_mailersend.transfers.sql_database import SqlDatabase
from airflow_provider_mailersend.transfers.sql_to_mailersend import SqlToMailerSendOperator
from tests.conftest import Connect

LIST = ("mailersend://mailersend_default", "hard-bounces")
URI = "mailersend://mailersend_default/hard-bounces"


class Collector:
    """Collects URIs as Airflow's collector of lineage does, which is off without a reader."""

    def __init__(self) -> None:
        self.inputs: list[str] = []
        self.outputs: list[str] = []

    def add_input_asset(self, context: Any, uri: str) -> None:
        self.inputs.append(Asset(uri=uri).uri)

    def add_output_asset(self, context: Any, uri: str) -> None:
        self.outputs.append(Asset(uri=uri).uri)


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Collector:
    collector = Collector()
    monkeypatch.setattr(compat, "get_hook_lineage_collector", lambda: collector)
    return collector


@pytest.fixture(autouse=True)
def account(connect: Connect, sandbox: Sandbox) -> Sandbox:
    connect(sandbox)
    sandbox.add("hard-bounces", "jane@example.net")
    return sandbox


def facets(task: Any) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return namespace and name of what OpenLineage is told."""
    pytest.importorskip(
        "airflow.providers.openlineage", reason="pip install apache-airflow-providers-openlineage"
    )
    lineage = task.get_openlineage_facets_on_complete(None)
    inputs, outputs = (
        [(one.namespace, one.name) for one in found] for found in (lineage.inputs, lineage.outputs)
    )
    return inputs, outputs


def table_in(database: SqlDatabase, table: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Return a table as OpenLineage and Airflow name it."""
    connection = database.hook.get_connection(database.conn_id)
    at = f"{connection.host}:{connection.port}"
    return {
        "sqlite": ([], []),
        "postgres": (
            [(f"postgres://{at}", f"postgres.public.{table}")],
            [f"postgres://{at}/postgres/public/{table}"],
        ),
        "mysql": ([(f"mysql://{at}", f"tests.{table}")], [f"mysql://{at}/tests/{table}"]),
    }[str(connection.conn_type)]


@pytest.mark.parametrize("query", ["", "?domain_id=abc"])
def test_a_list_is_a_dataset(query: str) -> None:
    pytest.importorskip("openlineage.client", reason="pip install openlineage-python")
    dataset = convert_asset_to_openlineage(Asset(uri=f"{URI}{query}"), None)
    assert (dataset.namespace, dataset.name) == (LIST[0], f"hard-bounces{query}")


def test_airflow_knows_the_converter() -> None:
    [scheme] = get_provider_info()["asset-uris"]
    name = f"{convert_asset_to_openlineage.__module__}.{convert_asset_to_openlineage.__name__}"
    assert scheme["to_openlineage_converter"] == name


def test_a_file(tmp_path: Path, collected: Collector) -> None:
    class TaskInstance:
        dag_id, run_id, task_id, map_index = "dag", "run", "export", -1

    path = tmp_path / "all.jsonl"
    task = MailerSendToObjectStorageOperator(task_id="export", list_name="hard-bounces", path=str(path))
    task.execute({"ti": TaskInstance()})  # type: ignore[typeddict-item]
    assert (collected.inputs, collected.outputs) == ([URI], [f"file://{path}"])
    assert facets(task) == ([LIST], [("file", str(path))])


def test_a_table(conn_id: str, table: str, database: SqlDatabase, collected: Collector) -> None:
    task = MailerSendToSqlOperator(
        task_id="export", list_name="hard-bounces", conn_id=conn_id, table=table, create_table=True
    )
    task.execute({})
    datasets, uris = table_in(database, table)
    assert (collected.inputs, collected.outputs) == ([URI], uris)
    assert facets(task) == ([LIST], datasets)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_query(
    dry_run: bool,
    conn_id: str,
    table: str,
    database: SqlDatabase,
    collected: Collector,
    account: Sandbox,
) -> None:
    database.execute(f"CREATE TABLE {table} (email VARCHAR(100))")
    database.commit()
    task = SqlToMailerSendOperator(
        task_id="suppress",
        conn_id=conn_id,
        sql=f"SELECT email FROM {table}",
        suppression_list="hard-bounces",
        domain=account.domains[0],
        dry_run=dry_run,
    )
    task.execute({})
    query = f"?domain_id={account.domain_id(account.domains[0])}"
    assert collected.outputs == ([] if dry_run else [f"{URI}{query}"])
    datasets, _ = table_in(database, table)
    assert facets(task) == (datasets, [] if dry_run else [(LIST[0], f"hard-bounces{query}")])
