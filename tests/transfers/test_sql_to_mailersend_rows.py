"""Rare rows and options of queries that become lists: nulls, dry runs, numbers, refused values."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_mailersend.sandbox import Fault, Sandbox
from airflow_provider_mailersend.transfers.sql_database import SqlDatabase, SqlTransferError, read_date
from airflow_provider_mailersend.transfers.sql_to_mailersend import SqlToMailerSendOperator
from tests.conftest import Connect
from tests.operators.syncing import changes, texts

Transfer = Callable[..., dict[str, Any]]
Fill = Callable[..., None]


@pytest.fixture
def fill(database: SqlDatabase, table: str) -> Fill:
    """Make the table contain rows of these values alone: of one column, or tuples of several."""

    def make(*rows: Any, columns: str = "email") -> None:
        names = columns.split()
        database.execute(f"DROP TABLE IF EXISTS {table}")
        made = ", ".join(f"{name} VARCHAR(200)" for name in names)
        database.execute(f"CREATE TABLE {table} (place INT, {made})")
        for start in range(0, len(rows), 500):
            part = rows[start : start + 500]
            places = ", ".join([f"({', '.join('?' * (len(names) + 1))})"] * len(part))
            values: list[Any] = []
            for number, row in enumerate(part, start):
                values += [number, *(row if isinstance(row, tuple) else (row,))]
            database.execute(f"INSERT INTO {table} VALUES {places}", values)
        database.commit()

    return make


@pytest.fixture
def transfer(connect: Connect, sandbox: Sandbox, conn_id: str, table: str) -> Transfer:
    """Bring the table to a list, by default the blocklist, and return the task's result."""
    connect(sandbox)

    def run(**arguments: Any) -> dict[str, Any]:
        if "sms_status" not in arguments:
            arguments = {"suppression_list": "blocklist", **arguments}
        arguments = {
            "conn_id": conn_id,
            "sql": f"SELECT * FROM {table} ORDER BY place",
            **arguments,
        }
        rendered = arguments.pop("rendered", {})
        task = SqlToMailerSendOperator(task_id="transfer", **arguments)
        task.render_template_fields(rendered)
        result: dict[str, Any] = task.execute({})
        return result

    return run


@pytest.fixture
def rejected(table: str) -> str:
    return f"{table}_rejected"


def has_table(database: SqlDatabase, name: str) -> bool:
    try:
        database.fetch(f"SELECT COUNT(*) FROM {name}")
    except SqlTransferError:
        return False
    finally:
        database._connection.rollback()
    return True


def recorded(database: SqlDatabase, rejected: str) -> list[tuple[Any, ...]]:
    rows = database.fetch(f"SELECT list_name, kind, value FROM {rejected} ORDER BY value")
    database.commit()
    return rows


def test_a_mirror_of_no_rows_is_refused_unless_it_may_be_empty(
    transfer: Transfer, sandbox: Sandbox, fill: Fill
) -> None:
    sandbox.add("blocklist", "old@example.net")
    fill()
    with pytest.raises(AirflowFailException, match="the source has no valid recipients"):
        transfer(mode="mirror", max_deletes=1)
    assert changes(sandbox) == []
    assert transfer(mode="mirror", max_deletes=1, allow_empty=True)["deleted"] == 1


def test_a_dry_run_changes_nothing(
    transfer: Transfer, sandbox: Sandbox, fill: Fill, database: SqlDatabase, rejected: str
) -> None:
    sandbox.add("blocklist", "old@example.net")
    fill("new@example.net", "nobody")
    plan = transfer(mode="mirror", max_deletes=1, dry_run="true", on_invalid="skip", rejected_table=rejected)
    assert (plan["to_add"], plan["to_delete"], plan["rejected"]) == (1, 1, 1)
    assert (plan["added"], plan["deleted"]) == (0, 0)
    assert changes(sandbox) == []
    assert not has_table(database, rejected)
    result = transfer(mode="mirror", max_deletes=1, on_invalid="skip", approved_plan=plan["plan"])
    assert (result["added"], result["deleted"]) == (1, 1)


def test_a_dry_run_takes_a_rejected_table_it_cannot_read_for_no_missing_one(
    transfer: Transfer, fill: Fill, database: SqlDatabase, rejected: str
) -> None:
    fill("nobody")
    database.execute(f"CREATE TABLE {rejected} (email VARCHAR(20))")
    database.commit()
    with pytest.raises(SqlTransferError, match="connection 'warehouse'"):
        transfer(on_invalid="skip", rejected_table=rejected, dry_run=True)


def test_a_dry_run_leaves_out_what_was_rejected_before(
    transfer: Transfer, fill: Fill, database: SqlDatabase, rejected: str
) -> None:
    fill("nobody", "new@example.net")
    transfer(on_invalid="skip", rejected_table=rejected)
    fill("nobody", "nobody2")
    plan = transfer(on_invalid="skip", rejected_table=rejected, dry_run=True)
    assert (plan["left_out"], plan["rejected"]) == (1, 1)
    assert recorded(database, rejected) == [("blocklist", "recipients", "nobody")]


def as_bytes(database: SqlDatabase, hexadecimal: str) -> str:
    """Return an SQL expression of these bytes."""
    if database.hook.conn_type == "postgres":
        return f"decode('{hexadecimal}', 'hex')"
    return f"X'{hexadecimal}'"


def test_bytes_are_read_as_text(transfer: Transfer, sandbox: Sandbox, database: SqlDatabase) -> None:
    sandbox.add("blocklist", "jané@example.net", "old@example.net", patterns=[r".*@bulk\.test"])
    address, pattern = as_bytes(database, " JANÉ@example.net".encode().hex()), rb".*@bulk\.test".hex()
    result = transfer(
        sql=f"SELECT {address} AS email, {as_bytes(database, pattern)} AS pattern",
        patterns_column="pattern",
        mode="mirror",
        max_deletes=3,
    )
    assert (result["unchanged"], result["rejected"], result["deleted"]) == (2, 0, 1)
    assert texts(sandbox) == ["jané@example.net", r".*@bulk\.test"]


def test_bytes_that_are_no_utf_8_are_refused_and_a_mirror_spares_what_they_mean(
    transfer: Transfer, sandbox: Sandbox, database: SqlDatabase
) -> None:
    sandbox.add("blocklist", "jané@example.net", "old@example.net")
    latin = as_bytes(database, "jané@example.net".encode("latin-1").hex())
    query = f"SELECT {latin} AS email UNION ALL SELECT {as_bytes(database, b'a@example.net'.hex())}"
    with pytest.raises(AirflowFailException, match=r"row 1, column email .*: It is bytes, not text: decode"):
        transfer(sql=query, mode="mirror", max_deletes=3)
    result = transfer(sql=query, mode="mirror", max_deletes=3, on_invalid="skip")
    assert (result["rejected"], result["deleted"]) == (1, 1)
    assert texts(sandbox) == ["jané@example.net", "a@example.net"]


@pytest.mark.parametrize("number", ["15550001111", "15550001111.0", "15550001111.50"])
def test_a_number_without_a_plus_sign_is_refused_and_said_to_be(
    number: str, transfer: Transfer, sandbox: Sandbox
) -> None:
    sandbox.add("sms-recipients", "+15550001111")
    with pytest.raises(AirflowFailException) as refused:
        transfer(sql=f"SELECT {number} AS number", sms_status="opt_out")
    assert "row 1, column number: '1***' is not a phone number in E.164 format: a plus sign" in str(
        refused.value
    )


@pytest.mark.parametrize("wanted", ["email", "EMAIL"])
def test_a_column_that_is_there_twice_must_be_told_apart(
    wanted: str, transfer: Transfer, sandbox: Sandbox
) -> None:
    for query in (
        "SELECT 'a@example.net' AS email, 'b@example.net' AS email",
        "SELECT 'a@example.net' AS \"Email\", 'b@example.net' AS \"eMail\"",
    ):
        with pytest.raises(AirflowFailException, match=f"has 2 columns '{wanted}'.*alias"):
            transfer(sql=query, recipients_column=wanted)
    assert sandbox.log == []


def test_the_exact_name_of_a_column_comes_first(
    transfer: Transfer, sandbox: Sandbox, database: SqlDatabase
) -> None:
    quote = "`" if database.hook.conn_type == "mysql" else '"'
    query = f"SELECT 'wrong@example.net' AS email, 'right@example.net' AS {quote}EMAIL{quote}"
    transfer(sql=query, recipients_column="EMAIL")
    transfer(sql="SELECT 'other@example.net' AS email", recipients_column="Email")
    assert texts(sandbox) == ["right@example.net", "other@example.net"]


@pytest.mark.parametrize("nothing", ["", " ", "None", "null", None])
@pytest.mark.parametrize("column", ["recipients_column", "patterns_column"])
def test_a_column_that_rendered_to_nothing_is_refused(
    column: str, nothing: Any, transfer: Transfer, sandbox: Sandbox
) -> None:
    columns = {"recipients_column": "email", "patterns_column": "pattern", column: "{{ params.column }}"}
    with pytest.raises(AirflowFailException, match=f"{column} must not be empty"):
        transfer(
            sql="SELECT 'a@example.net' AS email, '.*@bulk.test' AS pattern",
            rendered={"params": {"column": nothing}},
            **columns,
        )
    assert sandbox.log == []


def test_no_column_is_none_literally(transfer: Transfer, sandbox: Sandbox) -> None:
    query = "SELECT 'a@example.net' AS email, '.*@bulk.test' AS pattern"
    transfer(sql=query, recipients_column=None, patterns_column="pattern")
    assert texts(sandbox) == [".*@bulk.test"]
    transfer(sql=query, patterns_column=None)
    assert texts(sandbox) == [".*@bulk.test", "a@example.net"]
    with pytest.raises(AirflowFailException, match="needs recipients_column, patterns_column, or both"):
        transfer(sql=query, recipients_column=None)


def test_patterns_and_addresses_of_one_query(transfer: Transfer, sandbox: Sandbox, fill: Fill) -> None:
    rows = [("a@example.net", None), (None, ".*@example.org"), ("b@example.net", ".*@example.com")]
    fill(*rows, columns="email pattern")
    assert transfer(patterns_column="pattern")["added"] == 4
    assert sorted(texts(sandbox)) == sorted(
        ["a@example.net", "b@example.net", ".*@example.org", ".*@example.com"]
    )
    fill((None, None), columns="email pattern")
    with pytest.raises(AirflowFailException, match=r"row 1, column email '.*': It is empty"):
        transfer(patterns_column="pattern")


def test_patterns_alone(transfer: Transfer, sandbox: Sandbox, fill: Fill) -> None:
    fill(".*@example.org", columns="pattern")
    assert transfer(recipients_column=None, patterns_column="pattern")["added"] == 1
    assert texts(sandbox) == [".*@example.org"]
    with pytest.raises(AirflowFailException, match="needs recipients_column, patterns_column, or both"):
        transfer(recipients_column=None)


def test_a_missing_column_names_those_there_are(transfer: Transfer, sandbox: Sandbox, fill: Fill) -> None:
    fill("a@example.net", columns="mail")
    for rows in (("a@example.net",), ()):
        fill(*rows, columns="mail")
        with pytest.raises(AirflowFailException, match="no column 'email'; its columns are place, mail"):
            transfer()
    assert sandbox.log == []
    assert transfer(recipients_column="MAIL")["wanted"] == 0


@pytest.mark.parametrize("wrong", [None, "", "Jane Roe <jane@example.net>", "nan", "jane"])
def test_what_is_no_address_is_named_by_row_and_column(
    wrong: str | None, transfer: Transfer, sandbox: Sandbox, fill: Fill
) -> None:
    sandbox.add("blocklist", "old@example.net")
    fill("a@example.net", wrong, "b@example.net")
    with pytest.raises(AirflowFailException, match="1 can't be added: row 2, column email '") as error:
        transfer(mode="mirror", max_deletes=1)
    assert "jane@" not in str(error.value)
    assert sorted(texts(sandbox)) == ["a@example.net", "b@example.net", "old@example.net"]


def test_a_number_is_no_address(transfer: Transfer, fill: Fill, table: str) -> None:
    fill("a@example.net")
    with pytest.raises(AirflowFailException, match=r"row 1, column place '0.*': It has no @"):
        transfer(recipients_column="place")


@pytest.mark.parametrize("named", [True, False])
def test_the_query_takes_parameters(
    named: bool, transfer: Transfer, sandbox: Sandbox, fill: Fill, database: SqlDatabase, table: str
) -> None:
    fill("a@example.net", "b@example.net")
    is_sqlite = database.hook.placeholder == "?"
    place = (":email" if is_sqlite else "%(email)s") if named else database.hook.placeholder
    parameters: Any = {"email": "b@example.net"} if named else ["b@example.net"]
    assert transfer(sql=f"SELECT email FROM {table} WHERE email = {place}", parameters=parameters)["added"]
    assert texts(sandbox) == ["b@example.net"]


class TestRejected:
    def test_each_refused_value_is_recorded_with_reason_and_time(
        self, transfer: Transfer, sandbox: Sandbox, fill: Fill, database: SqlDatabase, rejected: str
    ) -> None:
        # MailerSend itself refuses the second.
        fill("a@example.net", "jane@roe", "nobody", "nobody", None)
        result = transfer(on_invalid="skip", rejected_table=rejected)
        assert (result["added"], result["rejected"]) == (1, 4)
        assert recorded(database, rejected) == [
            ("blocklist", "recipients", "jane@roe"),
            ("blocklist", "recipients", "nobody"),
        ]
        rows = database.fetch(f"SELECT reason, rejected_at FROM {rejected} ORDER BY value")
        assert rows[1][0] == "It has no @."
        assert rows[0][0]
        for _, when in rows:
            date = read_date(when)
            assert date is not None
            assert abs(datetime.now(UTC) - date) < timedelta(minutes=1)

    def test_later_runs_leave_them_out(
        self, transfer: Transfer, sandbox: Sandbox, fill: Fill, database: SqlDatabase, rejected: str
    ) -> None:
        fill("a@example.net", "jane@roe", "nobody")
        with pytest.raises(AirflowFailException, match="2 can't be added"):
            transfer(rejected_table=rejected)
        result = transfer(rejected_table=rejected)
        assert (result["wanted"], result["rejected"], result["left_out"]) == (1, 0, 2)
        assert changes(sandbox).count("POST") == len(changes(sandbox))
        # Another list may take them.
        with pytest.raises(AirflowFailException, match="2 can't be added"):
            transfer(rejected_table=rejected, suppression_list="unsubscribes", domain=sandbox.domains[0])
        assert len(recorded(database, rejected)) == 4

    def test_what_changes_in_the_source_is_tried_again(
        self, transfer: Transfer, sandbox: Sandbox, fill: Fill, rejected: str
    ) -> None:
        fill("jane@roe")
        transfer(on_invalid="skip", rejected_table=rejected)
        fill("jane@roe.example")
        result = transfer(rejected_table=rejected)
        assert (result["added"], result["left_out"]) == (1, 0)
        assert texts(sandbox) == ["jane@roe.example"]

    def test_what_leaves_the_table_is_tried_again(
        self, transfer: Transfer, fill: Fill, database: SqlDatabase, rejected: str
    ) -> None:
        fill("nobody")
        transfer(on_invalid="skip", rejected_table=rejected)
        database.execute(f"DELETE FROM {rejected}")
        database.commit()
        assert transfer(on_invalid="skip", rejected_table=rejected)["rejected"] == 1

    def test_a_mirror_spares_them(
        self, transfer: Transfer, sandbox: Sandbox, fill: Fill, database: SqlDatabase, rejected: str
    ) -> None:
        fill("a@example.net", "jane@roe")
        transfer(on_invalid="skip", rejected_table=rejected)
        # As an earlier API accepted it.
        sandbox.add("blocklist", "jane@roe", "old@example.net")
        result = transfer(mode="mirror", max_deletes=5, rejected_table=rejected)
        assert (result["deleted"], result["left_out"]) == (1, 1)
        assert sorted(texts(sandbox)) == ["a@example.net", "jane@roe"]

    def test_a_null_is_counted_each_time(
        self, transfer: Transfer, fill: Fill, database: SqlDatabase, rejected: str
    ) -> None:
        fill("a@example.net", None)
        for _ in range(2):
            result = transfer(on_invalid="skip", rejected_table=rejected)
            assert (result["rejected"], result["left_out"]) == (1, 0)
        assert recorded(database, rejected) == []

    def test_a_failing_run_records_what_it_knows(
        self, transfer: Transfer, sandbox: Sandbox, fill: Fill, database: SqlDatabase, rejected: str
    ) -> None:
        fill("a@example.net", "nobody")
        sandbox.fail(Fault(method="POST", status=403))
        with pytest.raises(AirflowFailException, match="scope"):
            transfer(rejected_table=rejected)
        assert recorded(database, rejected) == [("blocklist", "recipients", "nobody")]

    def test_values_alike_in_what_is_recorded_of_them_are_recorded_once(
        self, transfer: Transfer, fill: Fill, database: SqlDatabase, table: str, rejected: str
    ) -> None:
        fill("1", "2")
        long = f"SELECT CONCAT('{'x' * 500}', email) AS email FROM {table}"
        if database.hook.conn_type == "sqlite":
            long = f"SELECT '{'x' * 500}' || email AS email FROM {table}"
        assert transfer(sql=long, on_invalid="skip", rejected_table=rejected)["rejected"] == 2
        assert recorded(database, rejected) == [("blocklist", "recipients", "x" * 500)]

    def test_a_table_without_its_key_is_refused_before_anything_is_changed(
        self, transfer: Transfer, sandbox: Sandbox, fill: Fill, database: SqlDatabase, rejected: str
    ) -> None:
        if database.hook.conn_type != "mysql":
            pytest.skip("PostgreSQL and SQLite refuse the rows themselves")
        fill("a@example.net", "nobody")
        transfer(on_invalid="skip", rejected_table=rejected, dry_run=False)
        database.execute(f"ALTER TABLE {rejected} DROP PRIMARY KEY")
        database.commit()
        sandbox.clear_log()
        said = f"table {rejected} needs a primary or unique key of exactly list_name, kind, value, and no other one"
        for dry_run in (True, False):
            with pytest.raises(AirflowFailException, match=said):
                transfer(on_invalid="skip", rejected_table=rejected, dry_run=dry_run)
        assert changes(sandbox) == []

    def test_no_person_is_in_the_log_of_what_cannot_be_recorded(
        self,
        transfer: Transfer,
        fill: Fill,
        database: SqlDatabase,
        rejected: str,
        logged: Callable[[], str],
    ) -> None:
        fill()
        transfer(rejected_table=rejected)
        match database.hook.conn_type:
            case "postgres":
                database.execute(f"ALTER TABLE {rejected} ADD CHECK (value <> 'Jane Roe')")
            case "mysql":
                database.execute(f"ALTER TABLE {rejected} MODIFY value INT")
            case _:
                refused_here = "BEGIN SELECT RAISE(ABORT, 'refused'); END"
                database.execute(f"CREATE TRIGGER no_{rejected} BEFORE INSERT ON {rejected} {refused_here}")
        fill("Jane Roe")
        with pytest.raises(SqlTransferError, match="INSERT INTO") as refused:
            transfer(on_invalid="skip", rejected_table=rejected)
        assert "Jane" not in logged() + "".join(traceback.format_exception(refused.value))

    def test_a_name_that_is_no_table_s_is_refused(self, transfer: Transfer, fill: Fill) -> None:
        fill("a@example.net")
        wrong = "rejected; DROP TABLE contacts"
        with pytest.raises(ValueError, match="rejected_table must be the name of a table"):
            SqlToMailerSendOperator(
                task_id="transfer",
                conn_id="crm",
                sql="SELECT 1",
                suppression_list="blocklist",
                rejected_table=wrong,
            )
        with pytest.raises(AirflowFailException, match="rejected_table must be the name of a table"):
            transfer(rejected_table="{{ name }}", rendered={"name": wrong})


class TestSms:
    def statuses(self, sandbox: Sandbox) -> dict[str, str]:
        return {one["number"]: one["status"] for one in sandbox.entries("sms-recipients")}

    def test_numbers_are_opted_out(self, transfer: Transfer, sandbox: Sandbox, fill: Fill) -> None:
        sandbox.add("sms-recipients", "+15550001111", "+15550002222")
        fill("+1 555 000-1111", "+15550009999", columns="number")
        result = transfer(sms_status="opt_out", on_missing="skip")
        assert len(result["updated"]) == 1
        assert (result["missing"], result["rejected"], result["left_out"]) == (["+15550009999"], 0, 0)
        assert self.statuses(sandbox) == {"+15550001111": "opt_out", "+15550002222": "active"}
        assert transfer(sms_status="opt_out", on_missing="skip")["unchanged"] == 1

    def test_what_is_no_number_is_named_once_all_others_are_set(
        self, transfer: Transfer, sandbox: Sandbox, fill: Fill
    ) -> None:
        sandbox.add("sms-recipients", "+15550001111")
        fill("555 000 2222", None, "+15550001111", columns="phone")
        with pytest.raises(AirflowFailException, match=r"row 1, column phone: '.*' is not a phone") as error:
            transfer(sms_status="opt_out", numbers_column="phone")
        assert "2 rows without a valid phone number" in str(error.value)
        assert "2222" not in str(error.value)
        assert self.statuses(sandbox) == {"+15550001111": "opt_out"}

    def test_what_is_no_number_is_left_out_later(
        self, transfer: Transfer, sandbox: Sandbox, fill: Fill, database: SqlDatabase, rejected: str
    ) -> None:
        sandbox.add("sms-recipients", "+15550001111")
        fill("555 000 2222", "+15550001111", columns="number")
        first = transfer(sms_status="opt_out", on_invalid="skip", rejected_table=rejected)
        later = transfer(sms_status="opt_out", rejected_table=rejected)
        assert [(one["rejected"], one["left_out"]) for one in (first, later)] == [(1, 0), (0, 1)]
        assert recorded(database, rejected) == [("sms-recipients", "numbers", "555 000 2222")]

    def test_all_that_fails_the_task_is_named_by_its_row(
        self, transfer: Transfer, sandbox: Sandbox, fill: Fill
    ) -> None:
        sandbox.add("sms-recipients", "+15550001111")
        fill("555 000 2222", "+15550001111", "+15559999999", columns="number")
        with pytest.raises(
            AirflowFailException, match=r"row 3, column number \+1\*\*\*99; on_missing"
        ) as error:
            transfer(sms_status="opt_out")
        assert "1 row without a valid phone number; the first is row 1, column number: '5***'" in str(
            error.value
        )
        assert str(error.value).endswith(
            "All others (1) were set to opt_out. Source: the query on connection 'warehouse'."
        )
        assert self.statuses(sandbox) == {"+15550001111": "opt_out"}

    @pytest.mark.parametrize("scope", [{"domain": "example.com"}, {"domain_id": "d1"}])
    def test_it_takes_no_domain(
        self, scope: dict[str, str], transfer: Transfer, sandbox: Sandbox, fill: Fill
    ) -> None:
        sandbox.add("sms-recipients", "+15550001111")
        fill("+15550001111", columns="number")
        with pytest.raises(AirflowFailException, match="sms-recipients belong to no domain"):
            transfer(sms_status="opt_out", **scope)
        assert self.statuses(sandbox) == {"+15550001111": "active"}
        transfer(sms_status="opt_out", domain_id="account")
        assert self.statuses(sandbox) == {"+15550001111": "opt_out"}

    @pytest.mark.parametrize(
        "options",
        [
            {"dry_run": True},
            {"mode": "mirror"},
            {"max_deletes": 5},
            {"allow_empty": True},
            {"approved_plan": "a plan"},
        ],
    )
    def test_it_takes_no_options_of_suppression_lists(
        self, options: dict[str, Any], transfer: Transfer, sandbox: Sandbox, fill: Fill
    ) -> None:
        sandbox.add("sms-recipients", "+15550001111")
        fill("+15550001111", columns="number")
        [(name, value)] = options.items()
        with pytest.raises(ValueError, match=f"{name} is for suppression lists"):
            SqlToMailerSendOperator(
                task_id="transfer", conn_id="crm", sql="SELECT 1", sms_status="opt_out", **options
            )
        with pytest.raises(AirflowFailException, match=f"{name} is for suppression lists"):
            transfer(sms_status="opt_out", rendered={"value": value}, **{name: "{{ value }}"})
        assert self.statuses(sandbox) == {"+15550001111": "active"}

    def test_it_removes_no_duplicates(self) -> None:
        option: dict[str, Any] = {"remove_duplicates": True}
        with pytest.raises(ValueError, match="remove_duplicates is for suppression lists: leave it out"):
            SqlToMailerSendOperator(
                task_id="transfer", conn_id="crm", sql="SELECT 1", sms_status="opt_out", **option
            )

    def test_the_log_says_all_that_the_result_counts(
        self, transfer: Transfer, sandbox: Sandbox, fill: Fill, rejected: str, logged: Callable[[], str]
    ) -> None:
        sandbox.add("sms-recipients", "+15550001111", "+15550002222")
        fill("555 000 2222", columns="number")
        skip = {"on_invalid": "skip", "on_missing": "skip", "rejected_table": rejected}
        transfer(sms_status="opt_out", **skip)
        assert "SMS recipients: set 0 to opt_out, 1 rejected; source the query on" in logged()
        fill("555 000 2222", "nobody", "+15550001111", "+15559999999", columns="number")
        transfer(sms_status="opt_out", **skip)
        source = "source the query on connection 'warehouse'; 2 requests; connection 'mailersend_default'."
        assert f": set 1 to opt_out, 1 not found, 1 rejected, 1 left out; {source}" in logged()
        fill("+15550001111", columns="number")
        transfer(sms_status="opt_out")
        assert ": set 0 to opt_out, 1 already had that status; source the query on" in logged()

    def test_an_error_with_nothing_set_says_so(
        self, transfer: Transfer, sandbox: Sandbox, fill: Fill
    ) -> None:
        fill("+15559999999", columns="number")
        with pytest.raises(AirflowFailException, match=r"Nothing was set to opt_out\. Source: the query on"):
            transfer(sms_status="opt_out")


def test_ten_thousand_rows_come_by_a_cursor_of_the_server(
    transfer: Transfer,
    sandbox: Sandbox,
    fill: Fill,
    database: SqlDatabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(*(f"contact{number}@example.net" for number in range(10_000)))
    kinds: list[tuple[str, Any]] = []
    server_cursor = SqlDatabase._server_cursor

    def seen(database: SqlDatabase) -> Any:
        cursor = server_cursor(database)
        kinds.append((type(cursor).__name__, getattr(cursor, "name", None)))
        return cursor

    monkeypatch.setattr(SqlDatabase, "_server_cursor", seen)
    result = transfer()
    assert (result["wanted"], result["added"]) == (10_000, 10_000)
    [(kind, name)] = kinds
    # A named cursor of PostgreSQL is one of the server.
    assert name == "mailersend" or kind == {"mysql": "SSCursor", "sqlite": "Cursor"}.get(
        str(database.hook.conn_type)
    )
    assert len(sandbox.entries("blocklist")) == 10_000


def test_the_hook_takes_parameters_of_its_own(
    transfer: Transfer, fill: Fill, database: SqlDatabase, conn_id: str
) -> None:
    fill("a@example.net")
    if database.hook.conn_type != "postgres":
        assert transfer(hook_params={})["added"] == 1
        return
    options = {"options": "-c application_name=opt_outs"}
    result = transfer(
        hook_params=options,
        sql="SELECT current_setting('application_name') || '@example.net' AS email",
    )
    assert result["first_to_add"] == ["opt_outs@example.net"]


def test_a_failing_query_names_no_person(
    transfer: Transfer,
    sandbox: Sandbox,
    fill: Fill,
    database: SqlDatabase,
    table: str,
    logged: Callable[[], str],
) -> None:
    fill("Jane O'Roe", "jane.doe@example.com")
    wrong = {
        # In Latin-1, of which SQLite's driver quotes what it could read.
        "sqlite": "SELECT CAST(x'4a616e65e92c204f27526f65' AS TEXT) AS email",
        "postgres": f"SELECT CAST(email AS INT) AS email FROM {table} ORDER BY place",
        "mysql": "SELECT EXTRACTVALUE(1, CONCAT('~', %s)) AS email",
    }
    sql = wrong[str(database.hook.conn_type)]
    parameters = ["Jane O'Roe"] if "%s" in sql else None
    with pytest.raises(SqlTransferError, match=r"the query: .+ …") as refused:
        transfer(sql=sql, parameters=parameters)
    said = logged() + "".join(traceback.format_exception(refused.value))
    for part in ("Jane", "Roe", "jane.doe"):
        assert part not in said
    assert sandbox.log == []


def test_an_error_about_the_statement_names_what_is_wrong(transfer: Transfer, fill: Fill, table: str) -> None:
    fill("a@example.net")
    with pytest.raises(SqlTransferError, match=r"the query: .*nothing_there"):
        transfer(sql=f"SELECT nothing_there FROM {table}")
    with pytest.raises(SqlTransferError, match=r"the query: .*SELEKT"):
        transfer(sql=f"SELEKT email FROM {table}")


def test_what_is_templated_and_how_it_is_shown() -> None:
    assert set(SqlToMailerSendOperator.template_fields) == {
        *("sql", "conn_id", "suppression_list", "sms_status", "parameters", "rejected_table"),
        *("recipients_column", "patterns_column", "numbers_column", "domain_id", "domain"),
        *("mailersend_conn_id", "mode", "max_deletes", "allow_empty", "dry_run", "approved_plan"),
    }
    assert SqlToMailerSendOperator.template_ext == (".sql",)
    assert SqlToMailerSendOperator.template_fields_renderers == {"sql": "sql", "parameters": "json"}


def test_a_query_comes_from_a_file(tmp_path: Any) -> None:
    from airflow.providers.common.compat.sdk import DAG

    (tmp_path / "opt_outs.sql").write_text("SELECT email FROM contacts WHERE day = '{{ ds }}'")
    with DAG("dag", schedule=None, template_searchpath=str(tmp_path)) as dag:
        task = SqlToMailerSendOperator(
            task_id="transfer", conn_id="crm", sql="opt_outs.sql", suppression_list="blocklist"
        )
    task.resolve_template_files()
    task.render_template_fields({"ds": "2026-03-01", "dag": dag})
    assert task.sql == "SELECT email FROM contacts WHERE day = '2026-03-01'"
