"""Whenever the CRM's opt-outs have been synced to the blocklist: count its entries."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.providers.common.compat.sdk import Asset, dag, task


@dag(
    # What a task of mailersend_crm_opt_outs has among its outlets.
    schedule=[Asset(uri="mailersend://mailersend_default/blocklist")],
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    tags=["mailersend", "example"],
    doc_md=__doc__,
)
def mailersend_after_crm_sync() -> None:
    @task
    def count_blocked() -> dict[str, int]:
        from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

        hook = MailerSendHook()
        blocked = sum(1 for _ in hook.iter_suppressions("blocklist"))
        return {"blocked": blocked, "requests": hook.requests_sent}

    count_blocked()


mailersend_after_crm_sync()
