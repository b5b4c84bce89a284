"""MailerSend's suppression lists, recipients and SMS recipients in Apache Airflow."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from airflow_provider_mailersend.provider_info import get_provider_info

__all__ = ["__version__", "get_provider_info"]

__version__ = "0.1.0"


def _check_airflow() -> None:
    """Raise ImportError on an Airflow that would only fail later, and elsewhere."""
    try:
        installed = version("apache-airflow-core")  # from 3.0 on
    except PackageNotFoundError:
        try:
            installed = version("apache-airflow")
        except PackageNotFoundError:  # the sandbox needs none
            return
    major, minor = (int(number) for number in installed.split(".")[:2])
    if (major, minor) < (2, 11) or (major, minor) == (3, 0):
        raise ImportError(
            f"airflow-provider-mailersend {__version__} needs Apache Airflow 2.11, or 3.1 and newer; "
            f"{installed} is installed. Upgrade Airflow."
        )


_check_airflow()
