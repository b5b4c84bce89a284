"""One request over requests, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import requests

from airflow_provider_mailersend.api.answers import Answer, Failure, Outcome
from airflow_provider_mailersend.api.bodies import ACCEPT_ENCODING, Body, BodyError
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.hooks.account import Bearer
from airflow_provider_mailersend.hooks.connection import Settings
from airflow_provider_mailersend.hooks.deadline import DeadlineAdapter, within
from airflow_provider_mailersend.hooks.failures import no_answer, unreadable

#: How much of a body is read at once, in bytes.
_PIECE = 65536


def session_for(settings: Settings) -> requests.Session:
    """Return a session that sends the token to the API's own URLs only."""
    session = requests.Session()
    session.headers.update({"Accept": "application/json", "Accept-Encoding": ACCEPT_ENCODING})
    # As auth, not as a header: a .netrc entry for the host would replace a header.
    session.auth = Bearer(settings)
    session.trust_env = not settings.on_this_machine
    for scheme in ("https://", "http://"):
        session.mount(scheme, DeadlineAdapter())
    return session


def exchange(
    session: requests.Session,
    environment: Mapping[str, Any],
    settings: Settings,
    request: Request,
    seconds: float,
) -> Outcome:
    """
    Send *request* and return what comes of it, whatever it is: nothing is raised.

    :param environment: the proxies and certificates that the environment names.
    :param seconds: how long all of it may take, from connecting to the body's last byte.
    """
    with within(seconds) as deadline:
        try:
            prepared = session.prepare_request(
                requests.Request(
                    request.method,
                    settings.base_url + request.path,
                    params=request.params,
                    json=request.body,
                )
            )
            adapter = session.get_adapter(settings.base_url)
            # One that somebody else put there does not tell.
            deadline.sent = not isinstance(adapter, DeadlineAdapter)
            # Not by the session, which would read the body of a redirect whole, and parse where it leads.
            response = adapter.send(prepared, timeout=seconds, **{**environment, "stream": True})
            with closing(response):
                return _answer(response)
        except Exception as error:  # libraries raise many kinds, and not all of them say so
            return no_answer(
                error,
                settings,
                timed_out_after=seconds if deadline.is_over else None,
                never_sent=not deadline.sent,
                # A URL, of the API or of a proxy, that is none, or that a module is missing for.
                permanent=not deadline.sent and isinstance(error, (ValueError, ImportError)),
            )


def _answer(response: requests.Response) -> Answer | Failure:
    try:
        body = Body(response.headers.get("Content-Encoding"))
        for piece in response.raw.stream(_PIECE, decode_content=False):
            body.feed(piece)
        return Answer(response.status_code, response.headers, body.whole(), time.time())
    except BodyError as error:
        return unreadable(response.status_code, response.headers, error)
