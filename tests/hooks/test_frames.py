"""How many calls of ours lie between an operator's ``execute`` and the HTTP library."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_mailersend.operators.suppressions import (
    MailerSendListSuppressionsOperator,
    MailerSendSyncSuppressionsOperator,
)
from airflow_provider_mailersend.sandbox import Sandbox

Connect = Callable[..., str]


@pytest.fixture
def frames_of_ours(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Note the functions of the package on the stack whenever a request is sent, the innermost first."""
    stacks: list[list[str]] = []
    send = http.client.HTTPConnection.send

    def noting(self: http.client.HTTPConnection, data: Any) -> None:
        frame = sys._getframe(1)
        stack = []
        while frame.f_back is not None:
            if frame.f_globals.get("__name__", "").startswith("airflow_provider_mailersend."):
                stack.append(frame.f_code.co_name)
            frame = frame.f_back
        stacks.append(stack)
        send(self, data)

    monkeypatch.setattr(http.client.HTTPConnection, "send", noting)
    return stacks


def test_a_list_is_eight_calls_from_the_socket(connect: Connect, frames_of_ours: list[list[str]]) -> None:
    with Sandbox(unsubscribes=250, rate_limit=None) as sandbox:
        connect(sandbox)
        MailerSendListSuppressionsOperator(task_id="list", suppression_list="unsubscribes").execute({})
        assert len(sandbox.log) == 3
    assert len(frames_of_ours) >= 3
    for stack in frames_of_ours:
        assert stack[-1] == "execute"
        assert len(stack) <= 8, stack


def test_a_sync_is_ten_calls_from_the_socket(connect: Connect, frames_of_ours: list[list[str]]) -> None:
    with Sandbox(blocklist=5, rate_limit=None) as sandbox:
        connect(sandbox)
        wanted = [f"wanted{number}@example.net" for number in range(30)]
        sync = MailerSendSyncSuppressionsOperator(
            task_id="sync", suppression_list="blocklist", recipients=wanted, mode="mirror", max_deletes=1.0
        )
        sync.execute({})
        assert {request.method for request in sandbox.log} == {"GET", "POST", "DELETE"}
    assert len(frames_of_ours) >= 3
    for stack in frames_of_ours:
        assert stack[-1] == "execute"
        assert len(stack) <= 10, stack
