"""Whether the day's requests are enough: asked before a job begins, and by those who wait until they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_mailersend.api.flow import Flow, Steps
from airflow_provider_mailersend.api.requests import get_api_quota
from airflow_provider_mailersend.exceptions import (
    MailerSendAuthenticationError,
    MailerSendQuotaExhaustedError,
    MailerSendRequestError,
    MailerSendUnexpectedAnswerError,
)


def is_enough(quota: Mapping[str, Any], at_least: int) -> bool:
    """Return whether *quota* leaves so many requests; -1 stands for any number."""
    remaining: int = quota["remaining"]
    return remaining < 0 or remaining >= at_least


def check_quota(flow: Flow, job: str, needed: int, in_one_day: int, *, spent: int = 0) -> Steps[None]:
    """
    Ask what is left of the day's requests, which is free, and let *job* begin where it can be enough.

    :param job: what is to be done, for messages.
    :param needed: how many requests it takes at the least.
    :param in_one_day: how many of them must be of one day; the others may follow on other days.
    :param spent: how many of them were sent, today.
    :raises MailerSendQuotaExhaustedError: it cannot be enough. It is permanent where no day's requests can.
    """
    try:
        quota = yield from flow.get_quota()
    except MailerSendAuthenticationError:
        raise
    except (MailerSendRequestError, MailerSendUnexpectedAnswerError):
        # Whoever may not ask for the quota may still do the job.
        return
    reserve, resets_at = flow.throttle.quota_reserve, flow.throttle.quota_resets_at
    if quota["remaining"] < 0 or resets_at is None:
        return
    left, whole_day = max(0, quota["remaining"] - reserve), max(0, quota["quota"] - reserve)
    is_begun_anyway = needed > whole_day and left + spent >= max(in_one_day, 1)
    if left + spent >= needed or is_begun_anyway:
        return
    reserved = f", besides the {reserve} reserved for sending" if reserve else ""
    error = MailerSendQuotaExhaustedError(
        f"{job} was not begun: it takes at least {needed - spent} requests, and {left} of the day's are left"
        f"{reserved}. The next day's begin at {resets_at:%Y-%m-%d %H:%M:%S} UTC.",
        endpoint=get_api_quota().endpoint,
        resets_at=resets_at,
        retry_at=flow.throttle.quota_retry_at,
    )
    if in_one_day > whole_day:
        error.permanent = True
        error.args = (f"{error.args[0]} No whole day's {whole_day} are enough for it.",)
    raise error
