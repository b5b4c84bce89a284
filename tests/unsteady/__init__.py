"""A sandbox with what only tests of this provider need: an API that is late or inconsistent, a hostile network."""

from __future__ import annotations

from tests.unsteady.faults import RareFault
from tests.unsteady.limits import SlidingWindow
from tests.unsteady.sandbox import UnsteadySandbox

__all__ = ["RareFault", "SlidingWindow", "UnsteadySandbox"]
