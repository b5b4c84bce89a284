"""Whether the daily quota is enough, for jobs before they start and for sensors that wait for it."""

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
    """Return whether *quota* leaves *at_least* requests; -1 means unlimited."""
    remaining: int = quota["remaining"]
    return remaining < 0 or remaining >= at_least


def check_quota(flow: Flow, job: str, needed: int, in_one_day: int, *, spent: int = 0) -> Steps[None]:
    """
    Read the quota, which doesn't count against it, and raise if it can't be enough for *job*.

    :param needed: how many requests the job needs at least.
    :param in_one_day: how many of these must be sent on one day; the others may follow on other days.
    :param spent: how many of them were sent today.
    :raises MailerSendQuotaExhaustedError: it can't be enough; permanent if not even a full day's quota can.
    """
    try:
        quota = yield from flow.get_quota()
    except MailerSendAuthenticationError:
        raise
    except (MailerSendRequestError, MailerSendUnexpectedAnswerError):
        # A token that may not read the quota may still do the job.
        return
    reserve, resets_at = flow.throttle.quota_reserve, flow.throttle.quota_resets_at
    if quota["remaining"] < 0 or resets_at is None:
        return
    left, whole_day = max(0, quota["remaining"] - reserve), max(0, quota["quota"] - reserve)
    # If no day is long enough for all of it, waiting for the next one gains nothing.
    starts_anyway = needed > whole_day and left + spent >= max(in_one_day, 1)
    if left + spent >= needed or starts_anyway:
        return
    reserved = f", besides the {reserve} reserved for sending" if reserve else ""
    error = MailerSendQuotaExhaustedError(
        f"{job} was not started: it needs at least {needed - spent} requests, and {left} are left of the daily "
        f"quota{reserved}. The quota resets at {resets_at:%Y-%m-%d %H:%M:%S} UTC.",
        endpoint=get_api_quota().endpoint,
        resets_at=resets_at,
        retry_at=flow.throttle.quota_retry_at,
    )
    if in_one_day > whole_day:
        error.permanent = True
        error.args = (f"{error.args[0]} A full day's quota of {whole_day} is not enough for it either.",)
    raise error
