"""What callers may give as a date."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from airflow_provider_mailersend.moments import moment, required_moment
from airflow_provider_mailersend.rendering import parse_moment
from airflow_provider_mailersend.triggers.mailersend import MailerSendNewSuppressionsTrigger

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "given",
    [
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01 00:00:00Z",
        "2026-01-01T02:00:00+02:00",
        date(2026, 1, 1),
        datetime(2026, 1, 1),
        datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
    ],
    ids=repr,
)
def test_a_date_is_read_alike_wherever_it_is_given(given: datetime | date | str) -> None:
    for read in (moment("since", given), required_moment("since", given), parse_moment(given, "since")):
        assert read == NEW_YEAR


def test_no_date_is_none() -> None:
    assert moment("since", None) is None
    assert [parse_moment(nothing, "since") for nothing in (None, "", " ", "None")] == [None] * 4


@pytest.mark.parametrize(
    "given", ["yesterday", "12:00", "P1D", "2026-13-01", f"mlsn.{'0123456789abcdef' * 4}"]
)
def test_what_is_no_date_is_refused_by_its_name_without_showing_a_token(given: str) -> None:
    with pytest.raises(
        ValueError, match=r"since (must be a date, or a date and time, in ISO 8601|contains an API token)"
    ) as error:
        parse_moment(given, "since")
    assert "0123456789abcdef" not in str(error.value)


@pytest.mark.parametrize("given", [datetime(2026, 1, 1), "2026-01-01T00:00:00", "2026-01-01"], ids=repr)
def test_a_time_zone_can_be_demanded(given: datetime | str) -> None:
    with pytest.raises(ValueError, match="since must have a time zone"):
        required_moment("since", given, zone=None)
    assert required_moment("since", "2026-01-01T00:00:00Z", zone=None) == NEW_YEAR


def test_a_trigger_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="since must have a time zone"):
        MailerSendNewSuppressionsTrigger(suppression_list="unsubscribes", since="2026-01-01T00:00:00")
