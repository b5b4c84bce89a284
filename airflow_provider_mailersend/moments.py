"""Points in time as callers give them, and the time between two."""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo

import pendulum

from airflow_provider_mailersend.api.masking import masked_within

Moment = datetime | date | str | None


def moment(name: str, value: Moment) -> datetime | None:
    """Return *value* as :func:`required_moment` does; None where it is None."""
    return None if value is None else required_moment(name, value)


def required_moment(name: str, value: datetime | date | str, *, zone: tzinfo | None = UTC) -> datetime:
    """
    Return *value* as an aware datetime, in *zone* without a time zone; with None it must have one.

    :raises ValueError: it is neither a date nor a date and time. The message has *name*.
    """
    shown = masked_within(repr(value))
    try:
        parsed = pendulum.parse(value, exact=True, tz=zone) if isinstance(value, str) else value
    except ValueError:
        parsed = None
    if isinstance(parsed, date) and not isinstance(parsed, datetime):
        parsed = datetime(parsed.year, parsed.month, parsed.day)
    if not isinstance(parsed, datetime):
        raise ValueError(
            f"{name} must be a date, or a date and time, in ISO 8601, such as 2026-01-31 or 2026-01-31T12:00:00Z; "
            f"got {shown}"
        )
    aware = parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=zone)
    if aware.tzinfo is None:
        raise ValueError(f"{name} must have a time zone, such as 2026-01-31T12:00:00Z; got {shown}")
    return aware


def between(since: Moment, until: Moment) -> dict[str, datetime | None]:
    """Return both as :func:`moment` does. Raises :class:`ValueError` where there is no time between them."""
    start, end = moment("since", since), moment("until", until)
    if start is not None and end is not None and end <= start:
        raise ValueError(
            f"until ({end.isoformat()}) must be later than since ({start.isoformat()}). On Airflow 3, the data "
            "interval of a DAG scheduled by a cron expression has no length; CronDataIntervalTimetable gives it one."
        )
    return {"since": start, "until": end}
