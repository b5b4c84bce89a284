"""A client for sandboxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import requests

from airflow_provider_mailersend.sandbox import Sandbox


class Client:
    """Talks to a sandbox as any program would: over HTTP, with a kept connection."""

    def __init__(self, sandbox: Sandbox, token: str | None = None) -> None:
        self.sandbox = sandbox
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token or sandbox.token}"

    def __call__(self, method: str, path: str, json: Any = None, **options: Any) -> requests.Response:
        return self._session.request(method, self.sandbox.url + path, json=json, timeout=10, **options)

    def get(self, path: str, **query: Any) -> requests.Response:
        return self("GET", path, params=query)

    def control(self, method: str, path: str, json: Any = None, **options: Any) -> requests.Response:
        root = self.sandbox.url.removesuffix("/v1")
        return requests.request(method, f"{root}/_sandbox{path}", json=json, timeout=10, **options)

    def close(self) -> None:
        self._session.close()


Start = Callable[..., Client]


@contextmanager
def starting(sandbox_type: type[Sandbox]) -> Iterator[Start]:
    """Starts sandboxes without a rate limit, but with what is given, and returns a client of each."""
    with ExitStack() as stack:

        def start(**options: Any) -> Client:
            sandbox = stack.enter_context(sandbox_type(**{"rate_limit": None, **options}))
            client = Client(sandbox)
            stack.callback(client.close)
            return client

        yield start
