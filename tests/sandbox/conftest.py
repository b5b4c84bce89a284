from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_mailersend.sandbox import Sandbox
from tests.sandbox_client import Start, starting


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts sandboxes without a rate limit, but with what is given, and returns a client of each."""
    with starting(Sandbox) as start:
        yield start
