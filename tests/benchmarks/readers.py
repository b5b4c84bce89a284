"""Four ways to read the unsubscribes page by page: with plain requests, the provider, and two other libraries."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import requests
from airflow.providers.http.hooks.http import HttpHook
from mailersend import MailerSendClient
from mailersend.models.recipients import SuppressionListQueryParams, SuppressionListRequest

from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from tests.benchmarks.airflow_environment import define_connection
from tests.benchmarks.page_server import PageServer
from tests.benchmarks.sandbox_process import SandboxProcess

#: Entries on a page: the API's maximum.
PAGE = 100

_PATH = "suppressions/unsubscribes"

Page = list[dict[str, Any]]


def bare_loop(sandbox: SandboxProcess | PageServer) -> Iterator[Page]:
    """A loop over ``requests.Session``: no check, no retry, no limit."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {sandbox.token}"
    number = 1
    while True:
        body = session.get(f"{sandbox.url}/{_PATH}", params={"limit": PAGE, "page": number}).json()
        yield body["data"]
        if body["links"]["next"] is None:
            return
        number += 1


def provider_hook(sandbox: SandboxProcess) -> Iterator[Page]:
    """``MailerSendHook.iter_suppressions``, which ``list_suppressions`` makes its list of."""
    entries = hook_of(sandbox).iter_suppressions("unsubscribes")
    while page := list(islice(entries, PAGE)):
        yield page


def official_sdk(sandbox: SandboxProcess) -> Iterator[Page]:
    """The ``mailersend`` package."""
    client = MailerSendClient(api_key=sandbox.token, base_url=sandbox.url)
    number = 1
    while True:
        asked = SuppressionListRequest(query_params=SuppressionListQueryParams(page=number, limit=PAGE))
        body = client.recipients.list_unsubscribes(asked).data
        yield body["data"]
        if body["links"]["next"] is None:
            return
        number += 1


def http_hook(sandbox: SandboxProcess) -> Iterator[Page]:
    """Airflow's ``HttpHook``, with one ``run`` for each page."""
    headers = {"Authorization": sandbox.authorization}
    conn_id = define_connection("http_default", conn_type="http", host=sandbox.url, extra=headers)
    hook = HttpHook("GET", conn_id)
    number = 1
    while True:
        body = hook.run(_PATH, data={"limit": PAGE, "page": number}).json()
        yield body["data"]
        if body["links"]["next"] is None:
            return
        number += 1


def hook_of(server: SandboxProcess | PageServer, **extra: Any) -> MailerSendHook:
    """Define ``mailersend_default`` as a connection to *server* with this *extra*, and return a hook on it."""
    fields = {"conn_type": "mailersend", "host": server.url, "password": server.token, "extra": extra}
    return MailerSendHook(define_connection("mailersend_default", **fields))
