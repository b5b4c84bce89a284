"""Values that MailerSend refuses, met by a run that starts over: on the next day, or in a retry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_mailersend.exceptions import MailerSendAmbiguousResultError
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from airflow_provider_mailersend.transfers.sql_database import SqlDatabase
from airflow_provider_mailersend.transfers.sql_to_mailersend import SqlToMailerSendOperator
from tests.conftest import Connect
from tests.operators.deferrals import DAY, Make, a_run, deferred_by, resumed_to_the_end, sent
from tests.operators.syncing import numbered

pytestmark = pytest.mark.parametrize("conn_id", ["sqlite"], indirect=True)


@pytest.fixture
def transfer(conn_id: str, database: SqlDatabase, table: str) -> Callable[..., Make]:
    """Return what makes a task that brings these values to MailerSend."""

    def fill(values: Sequence[str], **arguments: Any) -> Make:
        database.execute(f"CREATE TABLE {table} (place INT, value VARCHAR(200))")
        for place, value in enumerate(values):
            database.execute(f"INSERT INTO {table} VALUES (?, ?)", [place, value])
        database.commit()
        is_sms = "sms_status" in arguments
        options: dict[str, Any] = (
            {"numbers_column": "value"} if is_sms else {"recipients_column": "value", "batch_size": 20}
        )

        def make() -> SqlToMailerSendOperator:
            return SqlToMailerSendOperator(
                task_id="transfer",
                conn_id=conn_id,
                sql=f"SELECT value FROM {table} ORDER BY place",
                **options,
                **arguments,
            )

        return make

    return fill


@pytest.fixture(params=[True, False], ids=["recorded", "not recorded"])
def rejected(request: pytest.FixtureRequest, table: str) -> str | None:
    return f"{table}_rejected" if request.param else None


def recorded(database: SqlDatabase, rejected: str | None) -> list[str]:
    if rejected is None:
        return []
    values = [value for (value,) in database.fetch(f"SELECT value FROM {rejected}")]
    database.commit()
    return values


def test_an_address_that_the_first_day_saw_refused_fails_the_last_one(
    connect: Connect, transfer: Callable[..., Make], database: SqlDatabase, rejected: str | None
) -> None:
    with Sandbox(quota=4, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        make = transfer(
            ["refused@nodot", *numbered(80)],
            suppression_list="blocklist",
            rejected_table=rejected,
            deferrable=True,
        )
        deferred = deferred_by(lambda: make().execute(a_run()))
        assert 422 in [request.status for request in sandbox.requests("POST")]
        with pytest.raises(AirflowFailException, match="1 can't be added: row 1, column value"):
            resumed_to_the_end(make, deferred, a_run())
        assert sorted(sent(sandbox, "POST", "recipients")) == sorted(numbered(80))
        assert recorded(database, rejected) == (["refused@nodot"] if rejected else [])


def test_a_number_that_the_first_day_could_not_read_fails_the_last_one(
    connect: Connect, transfer: Callable[..., Make], database: SqlDatabase, rejected: str | None
) -> None:
    with Sandbox(quota=4, quota_window=DAY, rate_limit=None) as sandbox:
        connect(sandbox)
        numbers = [f"+1555000{number}" for number in range(1000, 1006)]
        sandbox.add("sms-recipients", *numbers)
        make = transfer(
            ["555 000 9999", *numbers], sms_status="opt_out", rejected_table=rejected, deferrable=True
        )
        deferred = deferred_by(lambda: make().execute(a_run()))
        assert sandbox.requests("PUT")
        with pytest.raises(AirflowFailException, match="1 row without a valid phone number"):
            resumed_to_the_end(make, deferred, a_run())
        assert {one["status"] for one in sandbox.entries("sms-recipients")} == {"opt_out"}
        assert recorded(database, rejected) == (["555 000 9999"] if rejected else [])


@pytest.mark.parametrize("on_invalid", ["fail", "skip"])
def test_a_retry_meets_what_the_failed_try_saw_refused(
    connect: Connect, transfer: Callable[..., Make], database: SqlDatabase, table: str, on_invalid: str
) -> None:
    with Sandbox(rate_limit=None, quota=None) as sandbox:
        connect(sandbox, extra={"max_retries": 0})
        make = transfer(
            ["refused@nodot", *numbered(50)],
            suppression_list="blocklist",
            rejected_table=f"{table}_rejected",
            on_invalid=on_invalid,
        )
        # The first batch is refused for its first address, and sent again without it.
        sandbox.fail(Fault(method="POST", skip=2, status=503))
        context = a_run()
        with pytest.raises(MailerSendAmbiguousResultError):
            make().execute(context)
        assert recorded(database, f"{table}_rejected") == []
        context["ti"].try_number = 2
        if on_invalid == "fail":
            with pytest.raises(AirflowFailException, match="1 can't be added: row 1, column value"):
                make().execute(context)
        else:
            result = make().execute(context)
            assert (result["rejected"], result["left_out"]) == (1, 0)
        assert sorted(entry["pattern"] for entry in sandbox.entries("blocklist")) == sorted(numbered(50))
        assert recorded(database, f"{table}_rejected") == ["refused@nodot"]


def test_a_try_that_is_killed_after_it_recorded_is_retried_as_if_it_had_not(
    connect: Connect, transfer: Callable[..., Make], sandbox: Sandbox, table: str
) -> None:
    connect(sandbox)
    make = transfer(
        ["refused@nodot", "nobody"], suppression_list="blocklist", rejected_table=f"{table}_rejected"
    )
    context = a_run()
    with pytest.raises(AirflowFailException, match="2 can't be added"):
        make().execute(context)
    # Airflow did not learn of the failure, as the worker was killed with it.
    context["ti"].try_number = 2
    with pytest.raises(AirflowFailException, match="2 can't be added"):
        make().execute(context)
    # Another DAG run leaves them out, in its retries too.
    later = a_run()
    for later["ti"].try_number in (1, 2):
        assert make().execute(later)["left_out"] == 2
