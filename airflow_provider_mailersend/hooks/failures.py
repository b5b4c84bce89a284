"""What it means that no answer came, or none that can be read; for either HTTP library."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from airflow_provider_mailersend.api.answers import Answer, Failure, Outcome
from airflow_provider_mailersend.api.bodies import BodyError
from airflow_provider_mailersend.api.messages import describe_error
from airflow_provider_mailersend.hooks.connection import Settings


def no_answer(
    error: Exception,
    settings: Settings,
    *,
    timed_out_after: float | None = None,
    never_sent: bool = False,
    permanent: bool = False,
) -> Failure:
    """
    Return what *error*, of whatever library, means. The host is named in it; the token is not.

    :param timed_out_after: how long the exchange was given, in seconds, where it took longer.
    :param never_sent: whether the request cannot have left this machine.
    :param permanent: whether the library could make nothing of a URL, or lacks a module for it.
    """
    host = urlsplit(settings.base_url).netloc
    said = describe_error(error).replace(settings.token, "***")
    if timed_out_after is not None:
        within = f"within {round(timed_out_after, 2):g} s"
        reason = (
            f"{host} cannot be reached {within}" if never_sent else f"no whole answer from {host} {within}"
        )
    elif permanent:
        reason = (
            f"{host} cannot be asked ({said}). Correct the connection's host, or the proxy that the environment "
            "names (HTTPS_PROXY, ALL_PROXY)"
        )
    elif never_sent:
        reason = f"{host} cannot be reached ({said})"
    else:
        reason = f"the exchange with {host} broke off ({said})"
    return Failure(reason, never_sent=never_sent, at=time.time(), permanent=permanent)


def unreadable(status: int, headers: Mapping[str, str], error: BodyError) -> Outcome:
    """Return what comes of an answer whose body cannot be read: of what is no success the status says enough."""
    if not 200 <= status < 300:
        return Answer(status, headers, b"", time.time())
    return Failure(f"{error}", at=time.time(), status=None if error.may_pass else status)
