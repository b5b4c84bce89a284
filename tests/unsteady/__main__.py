"""``python -m tests.unsteady``: the sandbox's program, with the options of :class:`UnsteadySandbox` besides."""

from __future__ import annotations

import sys

from airflow_provider_mailersend.sandbox.__main__ import main
from tests.unsteady import UnsteadySandbox

if __name__ == "__main__":
    sys.exit(main(sandbox_type=UnsteadySandbox))
