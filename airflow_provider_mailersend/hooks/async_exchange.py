"""One request over httpx, and what comes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx

from airflow_provider_mailersend.api.answers import Answer, Failure, Outcome
from airflow_provider_mailersend.api.bodies import ACCEPT_ENCODING, Body, BodyError
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.hooks.account import Bearer
from airflow_provider_mailersend.hooks.connection import Settings
from airflow_provider_mailersend.hooks.failures import no_answer, unreadable

#: What is raised for a URL, of the API or of a proxy, that is none, or that a module is missing for.
_CONFIGURATION = (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError, OverflowError, ImportError)

_NEVER_SENT = (*_CONFIGURATION, httpx.ConnectError, httpx.PoolTimeout)


async def client_for(settings: Settings) -> httpx.AsyncClient:
    """Return a client that sends the token to the API's own URLs only."""

    def make() -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers={"Accept": "application/json", "Accept-Encoding": ACCEPT_ENCODING},
            auth=Bearer(settings),
            timeout=None,  # noqa: S113 - an exchange has a limit for all of it
            trust_env=not settings.on_this_machine,
            event_hooks={"response": [_lead_nowhere]},
        )

    # Reading the certificates takes tens of milliseconds, too long for an event loop.
    return await asyncio.to_thread(make)


async def exchange(
    client: Callable[[], Awaitable[httpx.AsyncClient]], settings: Settings, request: Request, seconds: float
) -> Outcome:
    """
    Send *request* and return what comes of it, whatever it is: nothing is raised.

    :param client: returns what sends it.
    :param seconds: how long all of it may take, from connecting to the body's last byte.
    """
    try:
        connected = await client()
    except Exception as error:  # whatever reading the environment's proxies and certificates raises
        permanent = isinstance(error, (*_CONFIGURATION, ValueError))
        return no_answer(error, settings, never_sent=True, permanent=permanent)
    limit = asyncio.timeout(seconds)
    try:
        async with (
            limit,
            connected.stream(
                request.method,
                settings.base_url + request.path,
                params=dict(request.params),
                json=request.body,
            ) as response,
        ):
            return await _answer(response)
    except Exception as error:  # libraries raise many kinds, and not all of them say so
        first = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
        return no_answer(
            first,
            settings,
            timed_out_after=seconds if limit.expired() else None,
            never_sent=isinstance(first, _NEVER_SENT),
            permanent=isinstance(first, _CONFIGURATION),
        )


async def _answer(response: httpx.Response) -> Answer | Failure:
    try:
        body = Body(response.headers.get("Content-Encoding"))
        async for piece in response.aiter_raw():
            body.feed(piece)
        return Answer(response.status_code, response.headers, body.whole(), time.time())
    except BodyError as error:
        return unreadable(response.status_code, response.headers, error)


async def _lead_nowhere(response: httpx.Response) -> None:
    # httpx parses where a redirect leads although it is not followed, and it may lead to what is no URL.
    response.headers.pop("Location", None)
