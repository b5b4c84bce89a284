"""Moments as callers give them, and the stretch of time between two."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pendulum

Moment = datetime | date | str | None


def moment(name: str, value: Moment) -> datetime | None:
    """
    Return *value* as an aware datetime: without a zone it is in UTC, and a date is its first moment.

    :raises ValueError: it is no moment; it is called *name*.
    """
    if value is None:
        return None
    try:
        moment = pendulum.parse(value, exact=True) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if isinstance(moment, date):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    raise ValueError(f"{name} must be a moment in ISO 8601, such as 2026-01-31T12:00:00Z; got {value!r}")


def between(since: Moment, until: Moment) -> dict[str, datetime | None]:
    """
    Return both as ``since`` and ``until``, aware.

    :raises ValueError: one is no moment, or there is no time between them.
    """
    start, end = moment("since", since), moment("until", until)
    if start is not None and end is not None and end <= start:
        raise ValueError(
            f"until ({end.isoformat()}) must be later than since ({start.isoformat()}): between them nothing can be. "
            "On Airflow 3 a DAG scheduled by a cron expression has a data interval without length; "
            "CronDataIntervalTimetable gives it one."
        )
    return {"since": start, "until": end}
