"""What tests of both hooks share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_mailersend.hooks.mailersend import MailerSendAsyncHook, MailerSendHook

Ask = Callable[..., Any]


@pytest.fixture(params=["requests", "httpx"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Ask for the quota by one of the hooks, *times* times, and return the last answer."""

    def by_requests(times: int = 1, **options: Any) -> Any:
        hook = MailerSendHook(**options)
        return [hook.get_api_quota() for _ in range(times)][-1]

    async def by_httpx(times: int = 1, **options: Any) -> Any:
        async with MailerSendAsyncHook(**options) as hook:
            return [await hook.get_api_quota() for _ in range(times)][-1]

    if request.param == "requests":
        return by_requests
    return lambda *args, **options: asyncio.run(by_httpx(*args, **options))
