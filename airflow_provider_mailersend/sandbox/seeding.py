"""The made-up entries that an account begins with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count

from airflow_provider_mailersend.api.requests import RECIPIENTS, SMS_RECIPIENTS, SmsRecipientStatus
from airflow_provider_mailersend.sandbox.account import BLOCKLIST, DOMAINS, REASONS, SMS_NUMBERS, Account

_NAMES = ("ada", "ben", "cleo", "dora", "emil", "fay", "gus", "hana", "ivo", "june", "karl", "lena")
_RECIPIENTS_AT = ("example.com", "example.net", "example.org")
_BLOCKED_AT = ("offers.example", "bulk.example", "leads.test", "promo.example", "lottery.test")


def seed_account(
    account: Account,
    domain_names: Sequence[str],
    sms_numbers: Sequence[str],
    counts: Mapping[str, int],
    newest: datetime,
    spacing: timedelta,
    seed: int,
) -> None:
    """Put so many entries on each list: the newest made at *newest*, *spacing* from one to the next."""
    midnight = newest.replace(hour=0, minute=0, second=0, microsecond=0)
    domains = [account.add(DOMAINS, name, made=midnight) for name in domain_names]
    senders = [account.add(SMS_NUMBERS, number, made=midnight) for number in sms_numbers]

    def name_of(serial: int) -> str:
        return f"{_NAMES[(serial + seed) % len(_NAMES)]}{serial}"

    def oldest_first(name: str) -> Iterator[tuple[int, datetime]]:
        for index in range(counts[name]):
            yield index, newest - (counts[name] - 1 - index) * spacing

    serials = count()
    for name in (RECIPIENTS, *REASONS):
        reasons = REASONS.get(name, {})
        for index, made in oldest_first(name):
            serial = next(serials)
            address = f"{name_of(serial)}@{_RECIPIENTS_AT[serial % len(_RECIPIENTS_AT)]}"
            why = dict.fromkeys(reasons) if index % 2 else reasons
            account.add(name, address, domains[index % len(domains)], made, **why)

    scopes = [*domains, None]
    texts: list[str] = []
    for index, made in oldest_first(BLOCKLIST):
        kind, text = "exact", f"{name_of(index)}@{_BLOCKED_AT[index % len(_BLOCKED_AT)]}"
        if index % 50 == 49:
            kind, text = "pattern", f".*@{_BLOCKED_AT[index // 50 % len(_BLOCKED_AT)]}"
        elif index % 50 == 24 and index >= len(scopes):
            text = texts[-len(scopes)]
        texts.append(text)
        account.add(BLOCKLIST, text, scopes[index % len(scopes)], made, type=kind)

    for index, made in oldest_first(SMS_RECIPIENTS):
        # Of every ten the last has the phone number of the one before it, under the next SMS number.
        phone = index - 1 if index % 10 == 9 and len(senders) > 1 else index
        status = SmsRecipientStatus.OPT_OUT if index % 4 == 3 else SmsRecipientStatus.ACTIVE
        sender = senders[index % len(senders)]
        account.add(SMS_RECIPIENTS, f"+1555{phone:07d}", sender, made, status=status.value)
