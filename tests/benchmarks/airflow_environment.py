"""An Airflow home for the benchmarks, and connections in it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def own_airflow_home() -> Iterator[None]:
    """
    Give Airflow a temporary home and no other settings, in this process and those it starts; remove proxies too.

    Only warnings are logged: the SDK would log two lines for each request, and be slower.
    """
    for name in list(os.environ):
        if name.startswith("AIRFLOW") or name.lower().endswith("_proxy"):
            del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="airflow-provider-mailersend-") as home:
        os.environ["AIRFLOW_HOME"] = home
        os.environ["AIRFLOW__LOGGING__LOGGING_LEVEL"] = "WARNING"
        yield


def define_connection(conn_id: str, **fields: Any) -> str:
    """Define a connection by its environment variable, and return its id."""
    os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(fields)
    return conn_id
