"""Points in time as callers give them, and the time between two."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pendulum

Moment = datetime | date | str | None


def moment(name: str, value: Moment) -> datetime | None:
    """Return *value* as an aware datetime, in UTC without a time zone. Raises :class:`ValueError` that has *name*."""
    if value is None:
        return None
    try:
        parsed = pendulum.parse(value, exact=True) if isinstance(value, str) else value
    except ValueError:
        parsed = None
    if isinstance(parsed, datetime):
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed
    if isinstance(parsed, date):
        return datetime(parsed.year, parsed.month, parsed.day, tzinfo=UTC)
    raise ValueError(
        f"{name} must be a date and time in ISO 8601, such as 2026-01-31T12:00:00Z; got {value!r}"
    )


def between(since: Moment, until: Moment) -> dict[str, datetime | None]:
    """Return both as :func:`moment` does. Raises :class:`ValueError` where there is no time between them."""
    start, end = moment("since", since), moment("until", until)
    if start is not None and end is not None and end <= start:
        raise ValueError(
            f"until ({end.isoformat()}) must be later than since ({start.isoformat()}). On Airflow 3, the data "
            "interval of a DAG scheduled by a cron expression has no length; CronDataIntervalTimetable gives it one."
        )
    return {"since": start, "until": end}
