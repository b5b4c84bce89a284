"""A MailerSend API on your own machine, to try things out without an account, and to test against.

In a test: ``with Sandbox(blocklist=1000) as sandbox: ...``. In a shell:
``python -m airflow_provider_mailersend.sandbox --blocklist 1000``.
"""

from __future__ import annotations

from airflow_provider_mailersend.sandbox.endpoints import GUESSES
from airflow_provider_mailersend.sandbox.faults import Fault
from airflow_provider_mailersend.sandbox.limits import ALL_HEADERS, QUOTA_HEADERS, RATE_HEADERS
from airflow_provider_mailersend.sandbox.sandbox import Sandbox
from airflow_provider_mailersend.sandbox.server import LoggedRequest

__all__ = ["ALL_HEADERS", "GUESSES", "QUOTA_HEADERS", "RATE_HEADERS", "Fault", "LoggedRequest", "Sandbox"]
