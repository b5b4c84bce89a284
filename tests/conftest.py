"""A sandbox, an Airflow of its own, and connections between them."""

from __future__ import annotations

import atexit
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Airflow reads its configuration when it is first imported: this comes before.
_HOME = tempfile.mkdtemp(prefix="airflow-home-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
for _name in [name for name in os.environ if name.startswith("AIRFLOW")]:
    del os.environ[_name]
_ROOT = Path(__file__).parent.parent
_BUNDLES = [
    {
        "name": name,
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(folder)},
    }
    for name, folder in (
        ("examples", _ROOT / "example_dags"),
        ("docs", _ROOT / "docs" / "examples"),
        ("tests", _ROOT / "tests" / "dags"),
    )
]
os.environ.update(
    AIRFLOW_HOME=_HOME,
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST=json.dumps(_BUNDLES),
    NO_PROXY="127.0.0.1,localhost",
)

import pytest  # noqa: E402
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS  # noqa: E402
from filelock import FileLock  # noqa: E402

from airflow_provider_mailersend.sandbox import Sandbox  # noqa: E402

Connect = Callable[..., str]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that run whole DAGs, and begin with those that may take minutes: none runs alone at the end."""
    for item in items:
        if "airflow_db" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.fixture(scope="session")
def airflow_db(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Airflow's database, for tests that run DAGs: one of pytest-xdist's workers creates it, the others copy it."""
    own = Path(_HOME, "airflow.db")
    folder = tmp_path_factory.getbasetemp()
    shared = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / own.name
    with FileLock(f"{shared}.lock"):
        if shared.exists():
            shutil.copyfile(shared, own)
            return
        airflow = Path(sys.executable).parent / "airflow"
        subprocess.run([airflow, "db", "migrate"], check=True, stdout=subprocess.DEVNULL)
        shutil.copyfile(own, shared)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Define a connection to a sandbox, or to whatever *fields* say, and return its id."""

    def define(sandbox: Sandbox | None = None, conn_id: str = "mailersend_default", **fields: Any) -> str:
        connection = {"conn_type": "mailersend", "password": "mlsn.sandbox", **fields}
        if sandbox is not None:
            connection = {"host": sandbox.url, **connection}
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))
        return conn_id

    return define


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """
    Return all that was logged since it was read last.

    Airflow 3 writes it to the standard streams, Airflow 2 by way of ``logging``.
    """
    caplog.set_level(logging.INFO)
    read_so_far = 0

    def read() -> str:
        nonlocal read_so_far
        streams = capsys.readouterr()
        begin, read_so_far = read_so_far, len(caplog.text)
        return streams.out + streams.err if AIRFLOW_V_3_0_PLUS else caplog.text[begin:]

    return read


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """An empty sandbox without a rate limit."""
    with Sandbox(rate_limit=None, quota=None) as running:
        yield running
