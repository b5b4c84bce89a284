"""The made-up entries that an account begins with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count

from airflow_provider_mailersend.api.requests import (
    RECIPIENTS,
    SMS_RECIPIENTS,
    SmsRecipientStatus,
    SuppressionList,
)
from airflow_provider_mailersend.sandbox.account import BLOCKLIST, Account

_REASONS: Mapping[str, str | None] = {
    RECIPIENTS: None,
    SuppressionList.HARD_BOUNCES.value: "Unknown reason",
    SuppressionList.SPAM_COMPLAINTS.value: None,
    SuppressionList.UNSUBSCRIBES.value: "NEVER_SIGNED",
    SuppressionList.ON_HOLD.value: "Unknown reason",
}
_NAMES = ("ada", "ben", "cleo", "dora", "emil", "fay", "gus", "hana", "ivo", "june", "karl", "lena")
_RECIPIENTS_AT = ("example.com", "example.net", "example.org")
_BLOCKED_AT = ("offers.example", "bulk.example", "leads.test", "promo.example", "lottery.test")


def seed_account(
    account: Account, counts: Mapping[str, int], newest: datetime, spacing: timedelta, seed: int
) -> None:
    """Put so many entries on each list: the newest made at *newest*, *spacing* from one to the next."""
    domains, senders = list(account.domains.values()), list(account.sms_numbers.values())

    def name_of(serial: int) -> str:
        return f"{_NAMES[(serial + seed) % len(_NAMES)]}{serial}"

    def oldest_first(name: str) -> Iterator[tuple[int, datetime]]:
        for index in range(counts[name]):
            yield index, newest - (counts[name] - 1 - index) * spacing

    serials = count()
    for name, reason in _REASONS.items():
        for index, made in oldest_first(name):
            serial = next(serials)
            address = f"{name_of(serial)}@{_RECIPIENTS_AT[serial % len(_RECIPIENTS_AT)]}"
            domain = domains[index % len(domains)]
            recipient = account.add_recipient(address, domain, made - timedelta(seconds=1))
            if name != RECIPIENTS:
                account.suppress(name, recipient, made, None if index % 2 else reason)

    scopes = [*domains, None]
    texts: list[str] = []
    for index, made in oldest_first(BLOCKLIST):
        kind, text = "exact", f"{name_of(index)}@{_BLOCKED_AT[index % len(_BLOCKED_AT)]}"
        if index % 50 == 49:
            kind, text = "pattern", f".*@{_BLOCKED_AT[index // 50 % len(_BLOCKED_AT)]}"
        elif index % 50 == 24 and index >= len(scopes):
            text = texts[-len(scopes)]
        texts.append(text)
        account.block(text, scopes[index % len(scopes)], made, kind)

    for index, made in oldest_first(SMS_RECIPIENTS):
        # Of every ten the last has the phone number of the one before it, under the next SMS number.
        phone = index - 1 if index % 10 == 9 and len(senders) > 1 else index
        status = SmsRecipientStatus.OPT_OUT if index % 4 == 3 else SmsRecipientStatus.ACTIVE
        account.add_sms_recipient(f"+1555{phone:07d}", senders[index % len(senders)], made, status.value)
