"""Tasks of your own, with the hook."""

from __future__ import annotations

from collections import Counter

from airflow.providers.common.compat.sdk import dag, task


@dag(schedule=None)
def hook() -> None:
    # [START pages]
    @task
    def bounces_by_reason() -> dict[str, int]:
        from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

        pages = MailerSendHook().read_pages("hard-bounces", since="2026-01-01")
        counts = Counter(entry.get("reason") or "unknown" for page in pages for entry in page)
        if pages.may_be_incomplete:
            raise RuntimeError("The list kept changing while it was read: try again later.")
        return dict(counts)

    # [END pages]

    # [START find]
    @task
    def is_blocked(address: str) -> bool:
        from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

        return MailerSendHook().find_suppression("blocklist", recipient=address) is not None

    # [END find]

    # [START errors]
    @task
    def domain_exists(name: str) -> bool:
        from airflow_provider_mailersend.exceptions import MailerSendNotFoundError
        from airflow_provider_mailersend.hooks.mailersend import MailerSendHook

        try:
            MailerSendHook().resolve_domain_id(name)
        except MailerSendNotFoundError:
            return False
        return True

    # [END errors]

    bounces_by_reason()
    is_blocked("jane@example.com")
    domain_exists("example.com")


hook()
