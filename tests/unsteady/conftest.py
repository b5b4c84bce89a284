from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox_client import Start, starting
from tests.unsteady import UnsteadySandbox


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts sandboxes without a rate limit, but with what is given, and returns a client of each."""
    with starting(UnsteadySandbox) as start:
        yield start
