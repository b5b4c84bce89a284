"""Erase a person: recipients of every domain, then the entries on every suppression list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import Param, dag, task

from airflow_provider_mailersend.operators.recipients import MailerSendDeleteRecipientOperator
from airflow_provider_mailersend.operators.suppressions import MailerSendDeleteSuppressionsOperator

# [START address]
LISTS = ["hard-bounces", "spam-complaints", "unsubscribes", "on-hold-list"]


def address_of(params: dict[str, Any]) -> str:
    """Return the person's address. It comes from the request's file, so that Airflow stores only the file's name."""
    return Path(params["request"]).read_text().strip().lower()


# [END address]


# [START dag]
@dag(
    schedule=None,
    params={
        "request": Param("erasure.txt", type="string", description="The file that has the person's address."),
        "keep_blocked": Param(True, type="boolean", description="Block the address for good."),
    },
)
def erasure() -> None:
    @task
    def block(params: dict[str, Any] | None = None) -> None:
        """Add the address to the account's blocklist, before the other entries that stop emails to it are deleted."""
        from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

        if (params or {})["keep_blocked"]:
            addresses = [address_of(params or {})]
            MailerSendHook().sync_suppressions("blocklist", recipients=addresses, domain_id="account")

    @task
    def recipient_ids(params: dict[str, Any] | None = None) -> list[str]:
        from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

        address = address_of(params or {})
        everybody = MailerSendHook().iter_recipients(domain_id="account")
        return [one["id"] for one in everybody if one["email"].strip().lower() == address]

    @task
    def entry_ids(params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the entries to delete, by list: addresses stay in this process, only ids go through XCom."""
        from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

        hook, address = MailerSendHook(), address_of(params or {})
        found: list[dict[str, Any]] = []
        for name in LISTS if (params or {})["keep_blocked"] else [*LISTS, "blocklist"]:
            entries = hook.iter_suppressions(name, domain_id="account")
            stored = ((one["id"], one.get("pattern") or one["recipient"]["email"]) for one in entries)
            ids = [id_ for id_, text in stored if text.strip().lower() == address]
            found.append({"suppression_list": name, "ids": ids})
        return found

    recipients = recipient_ids()
    forget = MailerSendDeleteRecipientOperator.partial(task_id="forget").expand(recipient_id=recipients)
    entries = entry_ids.override(trigger_rule="none_failed")()
    delete = MailerSendDeleteSuppressionsOperator.partial(task_id="delete").expand_kwargs(entries)
    # Deleting a recipient probably puts its address on the blocklist: look there afterwards.
    block() >> recipients
    forget >> entries >> delete


# [END dag]

erasure()
