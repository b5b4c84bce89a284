"""Sends one request over httpx, and returns its outcome."""

from __future__ import annotations

import asyncio
import time

import httpx

from airflow_provider_mailersend.api.answers import Answer, Outcome
from airflow_provider_mailersend.api.bodies import Body, BodyError
from airflow_provider_mailersend.api.requests import Request
from airflow_provider_mailersend.hooks.connection import Settings
from airflow_provider_mailersend.hooks.exchange import HEADERS, Bearer, no_answer, unreadable

#: Raised for a wrong URL, of the API or of a proxy, or for a missing module that it needs.
_CONFIGURATION = (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError, OverflowError, ImportError)

_NEVER_SENT = (*_CONFIGURATION, httpx.ConnectError, httpx.PoolTimeout)


class HttpxClient:
    """One client, made when it is first needed and again once it was closed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: httpx.AsyncClient | None = None
        self._making = asyncio.Lock()

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def send(self, request: Request, seconds: float) -> Outcome:
        """
        Send *request* and return its outcome, whatever it is: no error is raised.

        :param seconds: the time for the whole exchange, from connecting to the last byte of the body.
        """
        try:
            async with self._making:
                if self._client is None:
                    # Reading the certificates takes tens of milliseconds, too long for an event loop.
                    self._client = await asyncio.to_thread(self._make_client)
                client = self._client
        except Exception as error:  # whatever reading the environment's proxies and certificates raises
            permanent = isinstance(error, (*_CONFIGURATION, ValueError))
            return no_answer(error, self._settings, never_sent=True, permanent=permanent)
        limit = asyncio.timeout(seconds)
        url = self._settings.base_url + request.path
        try:
            async with (
                limit,
                client.stream(
                    request.method, url, params=dict(request.params), json=request.body
                ) as response,
            ):
                return await _read(response)
        except Exception as error:  # the libraries raise many kinds, not all of them documented
            first = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            return no_answer(
                first,
                self._settings,
                timed_out_after=seconds if limit.expired() else None,
                never_sent=isinstance(first, _NEVER_SENT),
                permanent=isinstance(first, _CONFIGURATION),
            )

    def _make_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            headers=HEADERS,
            auth=Bearer(self._settings),
            timeout=None,  # noqa: S113 - the whole exchange has a time limit
            trust_env=not self._settings.on_this_machine,
            event_hooks={"response": [_drop_location]},
        )


async def _read(response: httpx.Response) -> Outcome:
    try:
        body = Body(response.headers.get("Content-Encoding"))
        async for piece in response.aiter_raw():
            body.feed(piece)
        return Answer(response.status_code, response.headers, body.whole(), time.time())
    except BodyError as error:
        return unreadable(response.status_code, response.headers, error)


async def _drop_location(response: httpx.Response) -> None:
    # httpx parses a redirect's target even where it doesn't follow it, and the target may not be a URL.
    response.headers.pop("Location", None)
