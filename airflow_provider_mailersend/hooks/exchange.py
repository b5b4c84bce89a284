"""What both hooks share of one exchange: the headers, the token, and what a failed exchange means."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_mailersend.api.answers import Answer, Failure, Outcome
from airflow_provider_mailersend.api.bodies import ACCEPT_ENCODING, BodyError
from airflow_provider_mailersend.api.masking import describe_error
from airflow_provider_mailersend.api.requests import BASE_URL
from airflow_provider_mailersend.hooks.connection import DEFAULT_PORTS, Settings

HEADERS = {"Accept": "application/json", "Accept-Encoding": ACCEPT_ENCODING}


class Bearer:
    """Adds the token to requests, of either library, to the API's own URLs and to no others."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, request: Any) -> Any:
        if str(request.url).startswith(f"{self._settings.base_url}/"):
            request.headers["Authorization"] = f"Bearer {self._settings.token}"
        return request


def no_answer(
    error: Exception,
    settings: Settings,
    *,
    timed_out_after: float | None = None,
    never_sent: bool = False,
    permanent: bool = False,
) -> Failure:
    """
    Return what *error*, of either library, means. It names the host and masks the token.

    :param timed_out_after: the seconds that the exchange was given, where it took longer.
    :param never_sent: whether the request cannot have left this machine.
    :param permanent: whether a URL is wrong, the API's or a proxy's, or a module that it needs is missing.
    """
    host = urlsplit(settings.base_url).netloc
    cause = describe_error(error).replace(settings.token, "***")
    if timed_out_after is not None:
        what = f"{host} cannot be reached" if never_sent else f"no complete response from {host}"
        reason = f"{what} within {round(timed_out_after, 2):g} s{_advice(settings) if never_sent else ''}"
    elif permanent:
        reason = (
            f"{host} cannot be requested ({cause}). Correct the connection's host, or the proxy in the environment "
            "(HTTPS_PROXY, ALL_PROXY)"
        )
    elif never_sent:
        reason = f"{host} cannot be reached ({cause}){_advice(settings)}"
    else:
        reason = f"the exchange with {host} broke off ({cause})"
    return Failure(reason, never_sent=never_sent, at=time.time(), permanent=permanent)


def _advice(settings: Settings) -> str:
    parts = urlsplit(settings.base_url)
    if settings.base_url == BASE_URL:
        return "; the connection has no host of its own, so check this machine's network and proxy"
    if settings.on_this_machine and parts.scheme == "https":
        return "; a sandbox on this machine speaks plain http: begin the connection's host with http://"
    return (
        f"; check the connection's host, and its port, which is {parts.port or DEFAULT_PORTS[parts.scheme]}"
    )


def unreadable(status: int, headers: Mapping[str, str], error: BodyError) -> Outcome:
    """Return the outcome of a response whose body cannot be read: of an error, the status code says enough."""
    if not 200 <= status < 300:
        return Answer(status, headers, b"", time.time())
    return Failure(str(error), at=time.time(), status=None if error.may_pass else status)
