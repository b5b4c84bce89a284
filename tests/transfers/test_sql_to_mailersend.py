"""A query's rows as the contents of a list, or as SMS recipients to opt in or out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_mailersend.sandbox import Sandbox
from airflow_provider_mailersend.transfers.sql_database import SqlDatabase, SqlTransferError, read_date
from airflow_provider_mailersend.transfers.sql_to_mailersend import SqlToMailerSendOperator
from tests.conftest import Connect

Transfer = Callable[..., dict[str, Any]]


@pytest.fixture
def contacts(database: SqlDatabase, table: str) -> Callable[..., None]:
    """Fill the table with these addresses."""
    database.execute(f"CREATE TABLE {table} (id INTEGER, email VARCHAR(200), pattern VARCHAR(200))")
    database.commit()

    def fill(emails: Sequence[object], patterns: Sequence[str] = ()) -> None:
        database.execute(f"DELETE FROM {table}")
        for number, email in enumerate(emails):
            database.execute(f"INSERT INTO {table} VALUES (?, ?, NULL)", [number, email])
        for number, pattern in enumerate(patterns, start=len(emails)):
            database.execute(f"INSERT INTO {table} VALUES (?, NULL, ?)", [number, pattern])
        database.commit()

    return fill


@pytest.fixture
def transfer(connect: Connect, sandbox: Sandbox, conn_id: str, table: str) -> Transfer:
    connect(sandbox)

    def run(**arguments: Any) -> dict[str, Any]:
        given = {
            "conn_id": conn_id,
            "sql": f"SELECT email FROM {table} ORDER BY id",
            "suppression_list": "blocklist",
            "domain_id": "account",
            **arguments,
        }
        result: dict[str, Any] = SqlToMailerSendOperator(task_id="transfer", **given).execute({})
        return result

    return run


def blocked(sandbox: Sandbox) -> list[str]:
    return sorted(entry["pattern"] for entry in sandbox.entries("blocklist"))


def test_what_is_missing_is_added(transfer: Transfer, contacts: Any, sandbox: Sandbox) -> None:
    sandbox.add("blocklist", "there@x.com", "other@x.com")
    contacts(["there@x.com", "new@x.com", "NEW@x.com"])
    result = transfer()
    assert (result["wanted"], result["added"], result["deleted"]) == (2, 1, 0)
    assert blocked(sandbox) == ["new@x.com", "other@x.com", "there@x.com"]
    assert transfer()["added"] == 0


def test_a_mirror_deletes_within_its_guards(transfer: Transfer, contacts: Any, sandbox: Sandbox) -> None:
    sandbox.add("blocklist", *(f"old{number}@x.com" for number in range(10)))
    contacts(["new@x.com"])
    with pytest.raises(AirflowFailException, match="10 to delete exceed max_deletes"):
        transfer(mode="mirror")
    contacts([])
    with pytest.raises(AirflowFailException, match="the source has no valid recipients"):
        transfer(mode="mirror", max_deletes=1.0)
    assert len(blocked(sandbox)) == 10
    contacts(["new@x.com"])
    assert transfer(mode="mirror", max_deletes=1.0)["deleted"] == 10
    assert blocked(sandbox) == ["new@x.com"]


def test_a_dry_run_changes_nothing(
    transfer: Transfer, contacts: Any, sandbox: Sandbox, database: SqlDatabase, table: str
) -> None:
    contacts(["new@x.com", "no address"])
    result = transfer(dry_run=True, on_invalid="skip", rejected_table=f"rejected_{table}")
    assert (result["to_add"], result["added"], result["rejected"]) == (1, 0, 1)
    with pytest.raises(SqlTransferError):
        database.fetch(f"SELECT COUNT(*) FROM rejected_{table}")
    assert blocked(sandbox) == []


def test_addresses_and_patterns(transfer: Transfer, contacts: Any, sandbox: Sandbox, table: str) -> None:
    contacts(["jane@x.com"], [".*@bulk.test"])
    transfer(sql=f"SELECT email, pattern FROM {table}", patterns_column="pattern")
    assert blocked(sandbox) == [".*@bulk.test", "jane@x.com"]


def test_parameters_and_a_file_with_the_query(
    transfer: Transfer, contacts: Any, sandbox: Sandbox, database: SqlDatabase, table: str
) -> None:
    contacts(["a@x.com", "b@x.com", "c@x.com"])
    sql = f"SELECT email FROM {table} WHERE id >= ?".replace("?", database.hook.placeholder)
    transfer(sql=sql, parameters=[1])
    assert blocked(sandbox) == ["b@x.com", "c@x.com"]
    assert SqlToMailerSendOperator.template_ext == (".sql",)
    assert SqlToMailerSendOperator.template_fields_renderers["sql"] == "sql"
    assert {"sql", "parameters", "conn_id"} <= set(SqlToMailerSendOperator.template_fields)


def test_a_column_that_is_missing_fails_before_any_request(
    transfer: Transfer, contacts: Any, sandbox: Sandbox
) -> None:
    contacts(["a@x.com"])
    with pytest.raises(AirflowFailException, match="no column 'address'; its columns are email"):
        transfer(recipients_column="address")
    assert sandbox.log == []


@pytest.mark.parametrize("value", [None, "no address", "a@x.com, b@x.com"])
def test_what_is_no_address_is_named_by_its_row(
    value: object, transfer: Transfer, contacts: Any, sandbox: Sandbox
) -> None:
    contacts(["good@x.com", value])
    with pytest.raises(AirflowFailException, match="row 2, column email"):
        transfer()
    assert blocked(sandbox) == ["good@x.com"]
    result = transfer(on_invalid="skip")
    assert (result["rejected"], result["unchanged"]) == (1, 1)


def test_a_mirror_that_cannot_read_a_row_deletes_nothing(
    transfer: Transfer, contacts: Any, sandbox: Sandbox
) -> None:
    sandbox.add("blocklist", "old@x.com")
    contacts(["good@x.com", None])
    with pytest.raises(AirflowFailException, match="nothing is deleted until they are corrected"):
        transfer(mode="mirror", max_deletes=1.0)
    assert blocked(sandbox) == ["good@x.com", "old@x.com"]


class TestRejected:
    def test_they_are_recorded_and_left_out_until_they_change(
        self, transfer: Transfer, contacts: Any, sandbox: Sandbox, database: SqlDatabase, table: str
    ) -> None:
        rejected = f"rejected_{table}"
        contacts(["good@x.com", "refused@nodot", "no address"])
        with pytest.raises(AirflowFailException, match="2 can't be added"):
            transfer(rejected_table=rejected)
        rows = database.fetch(
            f"SELECT list_name, kind, value, reason, rejected_at FROM {rejected} ORDER BY value"
        )
        database.commit()
        assert [row[:3] for row in rows] == [
            ("blocklist", "recipients", "no address"),
            ("blocklist", "recipients", "refused@nodot"),
        ]
        assert all(reason and read_date(moment) for *_, reason, moment in rows)
        result = transfer(rejected_table=rejected)
        assert (result["rejected"], result["left_out"], result["wanted"]) == (0, 2, 1)
        contacts(["good@x.com", "mended@x.com", "no address"])
        result = transfer(rejected_table=rejected)
        assert (result["left_out"], result["added"]) == (1, 1)

    def test_a_mirror_spares_them(
        self, transfer: Transfer, contacts: Any, sandbox: Sandbox, database: SqlDatabase, table: str
    ) -> None:
        rejected = f"rejected_{table}"
        contacts(["good@x.com", "refused@nodot"])
        transfer(rejected_table=rejected, on_invalid="skip")
        # MailerSend takes it after all, by another way.
        sandbox.add("blocklist", "refused@nodot")
        assert transfer(rejected_table=rejected, mode="mirror", max_deletes=1.0)["deleted"] == 0

    def test_another_list_is_another_matter(
        self, transfer: Transfer, contacts: Any, sandbox: Sandbox, table: str
    ) -> None:
        rejected = f"rejected_{table}"
        contacts(["refused@nodot"])
        transfer(rejected_table=rejected, on_invalid="skip")
        where = {"suppression_list": "unsubscribes", "domain_id": None, "domain": sandbox.domains[0]}
        assert transfer(rejected_table=rejected, on_invalid="skip", **where)["left_out"] == 0


class TestSms:
    def test_numbers_are_opted_out(self, transfer: Transfer, contacts: Any, sandbox: Sandbox) -> None:
        sandbox.add("sms-recipients", "+15551234567", "+15551234568")
        contacts(["+1 555 123 4567", "+15559999999"])
        arguments = {"suppression_list": None, "sms_status": "opt_out", "numbers_column": "email"}
        with pytest.raises(
            AirflowFailException, match=r"no SMS recipients for .*All others \(1\) were set to opt_out"
        ):
            transfer(**arguments)
        assert transfer(**arguments, on_missing="skip")["missing"] == ["+15559999999"]
        assert [one["status"] for one in sandbox.entries("sms-recipients")].count("opt_out") == 1

    def test_what_is_no_number_is_named_by_its_row(
        self, transfer: Transfer, contacts: Any, sandbox: Sandbox
    ) -> None:
        sandbox.add("sms-recipients", "+15551234567")
        contacts(["+15551234567", "555"])
        arguments = {"suppression_list": None, "sms_status": "opt_out", "numbers_column": "email"}
        with pytest.raises(AirflowFailException, match="row 2, column email: "):
            transfer(**arguments)
        assert transfer(**arguments, on_invalid="skip")["rejected"] == 1
        assert sandbox.entries("sms-recipients")[0]["status"] == "opt_out"


def test_many_rows_are_streamed(transfer: Transfer, database: SqlDatabase) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i FROM n"
    pairs = f"SELECT a.i AS one, b.i AS two FROM ({numbers}) a, ({numbers}) b WHERE b.i <= 12"
    concat = "CONCAT('p', one, '.', two, '@x.com')"
    if database.hook.conn_type == "sqlite":
        concat = "'p' || one || '.' || two || '@x.com'"
    result = transfer(sql=f"SELECT {concat} AS email FROM ({pairs}) c")
    assert result["added"] == 10_800


def test_a_failing_query_says_so_without_a_person(
    transfer: Transfer, logged: Callable[[], str], sandbox: Sandbox
) -> None:
    with pytest.raises(SqlTransferError, match=r"in the query.*connection 'warehouse'") as failed:
        transfer(sql="SELECT email FROM no_such_table WHERE email = 'jane.doe@example.com'")
    assert "jane.doe" not in logged() + str(failed.value)
    assert sandbox.log == []


def test_a_connection_of_no_database_is_refused(transfer: Transfer) -> None:
    with pytest.raises(AirflowFailException, match="'mailersend_default' isn't a database connection"):
        transfer(conn_id="mailersend_default")


def test_a_connection_whose_provider_is_not_installed_is_refused(
    transfer: Transfer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_NO_PROVIDER", '{"conn_type": "no_such_database"}')
    with pytest.raises(
        AirflowFailException, match="'no_provider' has the type 'no_such_database', which no provider"
    ):
        transfer(conn_id="no_provider")


def test_a_statement_that_returns_nothing_is_refused(
    transfer: Transfer, contacts: Any, database: SqlDatabase, table: str
) -> None:
    contacts(["jane@x.com"])
    # PostgreSQL's server-side cursor takes no such statement.
    refused = "the query returns no columns: it must be a SELECT|syntax error"
    with pytest.raises((AirflowFailException, SqlTransferError), match=refused):
        transfer(sql=f"UPDATE {table} SET email = 'changed@x.com'")
    assert database.fetch(f"SELECT email FROM {table}") == [("jane@x.com",)]


@pytest.mark.parametrize("arguments", [{}, {"suppression_list": "blocklist", "sms_status": "active"}])
def test_it_is_either_a_list_or_sms_recipients(arguments: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="either suppression_list or sms_status"):
        SqlToMailerSendOperator(task_id="transfer", conn_id="crm", sql="SELECT 1", **arguments)  # type: ignore[arg-type]


def test_an_approved_plan_is_the_only_one_carried_out(
    transfer: Transfer, contacts: Any, sandbox: Sandbox, tmp_path: Path
) -> None:
    contacts(["a@x.com", "b@x.com"])
    plan = transfer(dry_run=True)["plan"]
    sandbox.add("blocklist", "a@x.com")
    with pytest.raises(AirflowFailException, match="no longer the approved one"):
        transfer(approved_plan=plan)
    assert blocked(sandbox) == ["a@x.com"]
    plan = transfer(dry_run=True)["plan"]
    assert transfer(approved_plan=plan)["added"] == 1
