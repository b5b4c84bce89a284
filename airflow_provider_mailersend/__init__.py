"""MailerSend's suppression lists, recipients and SMS recipients in Apache Airflow."""

from __future__ import annotations

from airflow_provider_mailersend.provider_info import get_provider_info

__all__ = ["__version__", "get_provider_info"]

__version__ = "0.1.0"
