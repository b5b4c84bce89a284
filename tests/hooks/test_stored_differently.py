"""Several nights of a sync with an API that stores some addresses differently than they were sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from tests.unsteady import UnsteadySandbox

Connect = Callable[..., str]


@pytest.mark.parametrize("suppression_list", ["unsubscribes", "blocklist"])
@pytest.mark.parametrize("mode", ["mirror", "add_only"])
def test_an_opt_out_that_is_stored_differently_stays_every_night(
    connect: Connect, suppression_list: str, mode: Any
) -> None:
    with UnsteadySandbox(
        rate_limit=None, quota=None, stored_as=lambda address: address.replace("+tag", "")
    ) as sandbox:
        hook = MailerSendHook(connect(sandbox))
        others = [f"person{number}@example.net" for number in range(20)]
        wanted = ["jane+tag@example.net", *others]
        domain_id = sandbox.domain_id(sandbox.domains[0])
        ids: list[set[str]] = []
        for night in range(4):
            result = hook.sync_suppressions(
                suppression_list, recipients=wanted, mode=mode, domain_id=domain_id, on_invalid="skip"
            )
            listed = hook.list_suppressions(suppression_list, domain_id=domain_id)
            ids.append({entry["id"] for entry in listed})
            stored = sorted(entry.get("pattern") or entry["recipient"]["email"] for entry in listed)
            assert stored == sorted(["jane@example.net", *others])
            assert (result["added"], result["deleted"]) == (0 if night else 21, 0)
            assert result["first_stored_differently"][0]["stored_as"] == "jane@example.net"
        assert ids == [ids[0]] * 4
