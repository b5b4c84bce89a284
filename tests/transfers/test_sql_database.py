"""Connections with settings of their own, databases that can't be written to, and connections that fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook

from airflow_provider_mailersend.sandbox import Sandbox
from airflow_provider_mailersend.transfers.mailersend_to_sql import MailerSendToSqlOperator
from airflow_provider_mailersend.transfers.sql_database import SqlDatabase, SqlTransferError, read_date
from airflow_provider_mailersend.transfers.sql_errors import masked_message
from airflow_provider_mailersend.transfers.sql_to_mailersend import SqlToMailerSendOperator
from tests.conftest import Connect


@pytest.fixture(autouse=True)
def account(connect: Connect, sandbox: Sandbox) -> Sandbox:
    connect(sandbox)
    return sandbox


@pytest.fixture
def transfer(conn_id: str) -> Callable[..., dict[str, Any]]:
    """Bring a query to the blocklist, and return the task's result."""

    def run(sql: str, **arguments: Any) -> dict[str, Any]:
        task = SqlToMailerSendOperator(
            task_id="transfer", conn_id=conn_id, sql=sql, suppression_list="blocklist", **arguments
        )
        result: dict[str, Any] = task.execute({})
        return result

    return run


Run = Callable[..., dict[str, Any]]


def only(database: SqlDatabase, *kinds: str) -> None:
    if database.hook.conn_type not in kinds:
        pytest.skip(f"only on {' and '.join(kinds)}")


@pytest.mark.parametrize("cursor", ["dictcursor", "sscursor"])
def test_the_connection_may_ask_for_other_cursors(
    cursor: str,
    monkeypatch: pytest.MonkeyPatch,
    connect: Connect,
    export: Run,
    transfer: Run,
    account: Sandbox,
    database: SqlDatabase,
    table: str,
) -> None:
    only(database, "mysql", *(["postgres"] if cursor == "dictcursor" else []))
    url = os.environ["AIRFLOW_CONN_WAREHOUSE"]
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", f"{url}{'&' if '?' in url else '?'}cursor={cursor}")
    # Long before any watermark.
    with Sandbox(hard_bounces=2, rate_limit=None, quota=None) as old:
        connect(old)
        runs = [export(since="auto"), export(since="auto"), export()]
    assert [(run["rows"], run["inserted"]) for run in runs] == [(2, 2), (0, 0), (2, 0)]
    connect(account)
    database.execute(f"UPDATE {table} SET email = 'nobody' WHERE id = (SELECT MIN(id) FROM {table})")
    database.commit()
    counts = [
        transfer(f"SELECT email FROM {table}", rejected_table=f"{table}_no", on_invalid="skip")
        for _ in range(2)
    ]
    assert [(one["added"], one["rejected"], one["left_out"]) for one in counts] == [(1, 1, 0), (0, 0, 1)]


def test_mysql_s_own_connector(
    mariadb: str, connect: Connect, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, table: str
) -> None:
    pytest.importorskip("mysql.connector")
    url = mariadb.replace("charset=utf8mb4", "client=mysql-connector-python")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", url)
    sandbox.add("hard-bounces", "jane@example.com")
    for inserted in (1, 0):
        task = MailerSendToSqlOperator(
            task_id="export",
            conn_id="warehouse",
            list_name="hard-bounces",
            table=table,
            create_table=True,
            since="auto",
        )
        assert task.execute({})["inserted"] == inserted
    said = r"IntegrityError in INSERT INTO \w+: 1062 Duplicate entry … \(connection 'warehouse'\)"
    with SqlDatabase("warehouse") as database, pytest.raises(SqlTransferError, match=said):
        database.execute(f"INSERT INTO {table} SELECT * FROM {table}")


class TestTimeZone:
    """The session has a time zone of its own, and the table's dates have none."""

    @pytest.fixture
    def settings(self, database: SqlDatabase, export: Run, table: str) -> dict[str, Any]:
        """Make the table, and return the hook's arguments for such a session."""
        only(database, "postgres", "mysql")
        is_postgres = database.hook.conn_type == "postgres"
        change = "ALTER {} TYPE TIMESTAMP" if is_postgres else "MODIFY {} TIMESTAMP(6) NULL"
        export()
        for column in ("created_at", "updated_at", "read_until"):
            database.execute(f"ALTER TABLE {table} {change.format(column)}")
        if not is_postgres:
            database.execute("SET time_zone = '+00:00'")
            return {"init_command": "SET time_zone = '-05:00'"}
        database.commit()
        return {"options": "-c timezone=America/New_York"}

    def test_dates_are_in_utc(
        self, settings: dict[str, Any], export: Run, account: Sandbox, database: SqlDatabase, table: str
    ) -> None:
        [entry] = account.add("hard-bounces", "jane@example.com")
        watermark = export(since="auto", hook_params=settings)["watermark"]
        [(made, read_until)] = database.fetch(f"SELECT created_at, read_until FROM {table}")
        assert read_date(made) == datetime.fromisoformat(entry["created_at"])
        assert read_date(read_until) == datetime.fromisoformat(watermark)
        assert export(since="auto", hook_params=settings)["rows"] == 1

    def test_they_are_after_a_rollback(self, settings: dict[str, Any], conn_id: str) -> None:
        with SqlDatabase(conn_id, settings) as database:
            database.use_utc()
            database.rollback()
            zone = "current_setting('timezone')" if "options" in settings else "@@session.time_zone"
            assert database.fetch(f"SELECT {zone}") in ([("UTC",)], [("+00:00",)])

    def test_a_query_keeps_the_session_s(
        self, settings: dict[str, Any], transfer: Run, database: SqlDatabase
    ) -> None:
        is_postgres = "options" in settings
        zone = "current_setting('timezone')" if is_postgres else "@@session.time_zone"
        name = "America/New_York" if is_postgres else "-05:00"
        result = transfer(f"SELECT 'jane@example.com' AS email WHERE {zone} = '{name}'", hook_params=settings)
        assert result["added"] == 1


class TestOthers:
    """Databases that queries can read, and nothing can be written to."""

    @pytest.fixture(autouse=True)
    def other(self, conn_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
        # Redshift's hook too calls its dialect postgresql.
        monkeypatch.setattr(type(BaseHook.get_connection(conn_id).get_hook()), "conn_type", "redshift")

    def test_a_query_is_read(self, transfer: Run, account: Sandbox) -> None:
        assert transfer("SELECT 'jane@example.com' AS email")["added"] == 1

    def test_writing_is_refused(self, export: Run, transfer: Run, account: Sandbox) -> None:
        said = (
            "rows can be written to PostgreSQL, MySQL, MariaDB and SQLite; connection 'warehouse' is of type "
            "'redshift'. Write a file with MailerSendToObjectStorageOperator"
        )
        with pytest.raises(AirflowFailException, match=said):
            export()
        with pytest.raises(AirflowFailException, match="'redshift'"):
            transfer("SELECT 'jane@example.com' AS email", rejected_table="rejected")
        assert account.log == []


def test_postgresql_streams_from_a_cursor_of_the_server(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", postgres)
    with SqlDatabase("warehouse") as database:
        _, rows = database.stream("SELECT * FROM generate_series(1, 20000)")
        next(rows)
        assert database.fetch("SELECT name FROM pg_cursors WHERE name = 'mailersend'") == [("mailersend",)]


def test_a_connection_that_is_lost_among_a_query_s_rows_is_a_masked_error(
    conn_id: str, database: SqlDatabase
) -> None:
    only(database, "postgres", "mysql")
    own, end, rows_of = {
        "postgres": ("pg_backend_pid()", "SELECT pg_terminate_backend({})", "generate_series(1, 200000)"),
        "mysql": ("CONNECTION_ID()", "KILL {}", "seq_1_to_200000"),
    }[str(database.hook.conn_type)]
    with SqlDatabase(conn_id) as read:
        [(session,)] = read.fetch(f"SELECT {own}")
        _, rows = read.stream(f"SELECT REPEAT('x', 200) AS email FROM {rows_of} AS numbers")
        next(rows)
        database.execute(end.format(session))
        with pytest.raises(SqlTransferError, match="fetching the query's rows"):
            sum(1 for _ in rows)


def test_an_error_of_connecting_names_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("airflow.providers.sqlite")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", '{"conn_type": "sqlite", "host": "/no/such/folder/a.db"}')
    said = r"connecting to /no/such/folder/a\.db: unable to open database file \(connection 'warehouse'\)"
    with pytest.raises(SqlTransferError, match=said), SqlDatabase("warehouse"):
        pass


def test_a_driver_that_calls_all_errors_programming_errors_quotes_no_row() -> None:
    error = type("ProgrammingError", (Exception,), {"__module__": "snowflake.connector.errors"})
    said = masked_message(error('Duplicate row: ["Jane Doe", "5 High Street"]'), is_connected=True)
    assert said.startswith("Duplicate row: [")
    assert "Jane" not in said
