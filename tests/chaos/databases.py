"""The databases that transfers are killed on: SQLite, and PostgreSQL and MariaDB where they are installed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from airflow_provider_mailersend.transfers.sql_database import SqlDatabase, SqlTransferError
from tests.benchmarks.airflow_environment import define_connection
from tests.services.servers import MariaDb, MissingError, Postgres

#: The connection of a run's database.
CONN_ID = "chaos_database"

#: Where each server is, by its name.
_SERVERS: dict[str, str] = {}

#: The environment variable with the name of a run's database.
_NAME = "CHAOS_DATABASE"

_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "postgres": "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
    "WHERE relkind = 'r' AND (nspname = 'public' OR nspname LIKE 'pg_temp%%')",
    "mariadb": "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
}


def is_possible() -> bool:
    """Whether there is any database: that of SQLite is always there, but for Airflow's provider."""
    return find_spec("airflow.providers.sqlite") is not None


@contextmanager
def servers() -> Iterator[None]:
    """Run the servers that are installed, for all runs."""
    with tempfile.TemporaryDirectory(prefix="mailersend-chaos-") as folder, ExitStack() as running:
        # Servers that run as users of their own come by.
        Path(folder).chmod(0o755)
        try:
            for name, kind, driver in (("postgres", Postgres, "psycopg2"), ("mariadb", MariaDb, "MySQLdb")):
                if find_spec(driver) is None or find_spec(f"airflow.providers.{_provider(name)}") is None:
                    continue
                try:
                    server = running.enter_context(kind(Path(folder, name)))
                except MissingError:
                    continue
                assert isinstance(server, (Postgres, MariaDb))
                _SERVERS[name] = server.url()
            yield
        finally:
            _SERVERS.clear()


def warm_up() -> None:
    """Import what the first connection to a database imports."""
    with tempfile.TemporaryDirectory() as folder:
        define_connection(CONN_ID, conn_type="sqlite", host=str(Path(folder, "chaos.db")))
        rows_of("SELECT 1")


def _provider(name: str) -> str:
    return "mysql" if name == "mariadb" else name


def connect(seed: int, turn: int, folder: Path) -> str:
    """Define :data:`CONN_ID` as the database whose *turn* it is, and return the database's name."""
    names = ["sqlite", *_SERVERS]
    os.environ[_NAME] = name = names[turn % len(names)]
    if name == "sqlite":
        define_connection(CONN_ID, conn_type="sqlite", host=str(folder / "chaos.db"))
    else:
        os.environ[f"AIRFLOW_CONN_{CONN_ID.upper()}"] = _SERVERS[name]
    if name == "postgres":
        # Of its own: temporary tables of other runs must not be taken for what this one left.
        own = f"chaos_{seed}"
        SqlDatabase(CONN_ID).hook.run(f"CREATE DATABASE {own}", autocommit=True)
        os.environ[f"AIRFLOW_CONN_{CONN_ID.upper()}"] = _SERVERS[name].replace("/postgres", f"/{own}")
    return name


def name() -> str:
    """Return the name of this run's database."""
    return os.environ[_NAME]


def rows_of(query: str) -> list[tuple[object, ...]] | None:
    """Return a query's rows; None if there is no such table."""
    with SqlDatabase(CONN_ID) as database:
        try:
            return database.fetch(query)
        except SqlTransferError:
            return None


def tables() -> set[str]:
    """Return the names of all tables in this run's database, temporary ones too where it shows them."""
    return {str(table) for (table,) in rows_of(_TABLES[name()]) or ()}


def fill(table: str, values: list[str]) -> None:
    """Make a table with a column ``email`` of these values."""
    with SqlDatabase(CONN_ID) as database:
        database.execute(f"CREATE TABLE {table} (place INT, email VARCHAR(200))")
        for start in range(0, len(values), 200):
            part = values[start : start + 200]
            places = ", ".join(["(?, ?)"] * len(part))
            cells = [cell for row in enumerate(part, start) for cell in row]
            database.execute(f"INSERT INTO {table} VALUES {places}", cells)
        database.commit()
