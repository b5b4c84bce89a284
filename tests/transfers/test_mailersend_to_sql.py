"""Lists as tables of PostgreSQL, MariaDB and SQLite."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_mailersend.exceptions import MailerSendIncompleteListError
from airflow_provider_mailersend.sandbox import Fault, Sandbox
from airflow_provider_mailersend.transfers.mailersend_to_sql import MailerSendToSqlOperator
from airflow_provider_mailersend.transfers.sql_database import SqlDatabase, SqlTransferError, read_date
from tests.conftest import Connect
from tests.unsteady import UnsteadySandbox

Export = Callable[..., dict[str, Any]]


def ids_in(database: SqlDatabase, table: str) -> list[str]:
    return sorted(id_ for (id_,) in database.fetch(f"SELECT id FROM {table}"))


def ids_on(sandbox: Sandbox, list_name: str) -> list[str]:
    return sorted(entry["id"] for entry in sandbox.entries(list_name))


def bounced(sandbox: Sandbox, count: int, **where: Any) -> list[str]:
    addresses = [
        f"bounced{number}.{len(sandbox.entries('hard-bounces'))}@example.com" for number in range(count)
    ]
    return [entry["id"] for entry in sandbox.add("hard-bounces", *addresses, **where)]


def refuse(database: SqlDatabase, table: str, condition: str) -> None:
    """Let the database refuse rows from now on."""
    if database.hook.conn_type == "sqlite":
        head = f"CREATE TRIGGER refuse_{table} BEFORE INSERT ON {table} WHEN NEW.{condition}"
        database.execute(f"{head} BEGIN SELECT RAISE(ABORT, 'refused'); END")
    else:
        database.execute(f"ALTER TABLE {table} ADD CONSTRAINT refuse_{table} CHECK (NOT ({condition}))")
    database.commit()


@pytest.mark.parametrize(
    "list_name",
    ["blocklist", "hard-bounces", "spam-complaints", "unsubscribes", "recipients", "sms-recipients"],
)
def test_a_list_becomes_a_table(
    list_name: str, export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
) -> None:
    values = (
        ["+15551234567", "+15551234568"] if list_name == "sms-recipients" else ["jane@example.com", "joe@x"]
    )
    sandbox.add(list_name, *values)
    result = export(list_name)
    assert result["rows"] == 2
    assert (result["table"], result["inserted"], result["deleted"], result["requests"]) == (table, 2, 0, 1)
    assert ids_in(database, table) == ids_on(sandbox, list_name)
    column = "number" if list_name == "sms-recipients" else "email"
    assert sorted(value for (value,) in database.fetch(f"SELECT {column} FROM {table}")) == sorted(values)


def test_moments_are_moments(export: Export, sandbox: Sandbox, database: SqlDatabase, table: str) -> None:
    [entry] = sandbox.add("hard-bounces", "jane@example.com")
    export()
    [(made,)] = database.fetch(f"SELECT created_at FROM {table}")
    assert read_date(made) == datetime.fromisoformat(entry["created_at"])
    [(year,)] = database.fetch(f"SELECT COUNT(*) FROM {table} WHERE created_at > ?", ["2020-01-01 00:00:00"])
    assert year == 1


def test_done_again_it_updates_and_inserts(
    export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
) -> None:
    bounced(sandbox, 3)
    export()
    database.execute(f"UPDATE {table} SET reason = 'changed by hand'")
    database.commit()
    bounced(sandbox, 2)
    result = export()
    assert (result["rows"], result["inserted"]) == (5, 2)
    assert ids_in(database, table) == ids_on(sandbox, "hard-bounces")
    assert database.fetch(f"SELECT DISTINCT reason FROM {table}") == [("Unknown reason",)]


def test_columns_of_the_user_s_own_are_left_alone(
    export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
) -> None:
    bounced(sandbox, 1)
    export()
    database.execute(f"ALTER TABLE {table} ADD COLUMN seen_by VARCHAR(20) DEFAULT 'nobody'")
    database.execute(f"UPDATE {table} SET seen_by = 'me'")
    database.commit()
    export()
    assert database.fetch(f"SELECT seen_by FROM {table}") == [("me",)]


def test_without_replace_what_left_the_list_stays(
    export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
) -> None:
    ids = bounced(sandbox, 3)
    export()
    sandbox.remove("hard-bounces", ids[:1])
    export()
    assert ids_in(database, table) == sorted(ids)


def test_replace_deletes_what_left_the_list_and_nothing_else(
    export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
) -> None:
    ids = bounced(sandbox, 3)
    complaints = [entry["id"] for entry in sandbox.add("spam-complaints", "jane@example.com")]
    export()
    export("spam-complaints")
    sandbox.remove("hard-bounces", ids[:1])
    assert export(mode="replace")["deleted"] == 1
    assert ids_in(database, table) == sorted([*ids[1:], *complaints])


def test_replace_of_a_domain_leaves_other_domains_alone(
    export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
) -> None:
    first, second = sandbox.domains[:2]
    mine, theirs = bounced(sandbox, 2, domain=first), bounced(sandbox, 2, domain=second)
    export()
    sandbox.remove("hard-bounces", [mine[0], theirs[0]])
    assert export(mode="replace", domain=first, domain_id=None)["deleted"] == 1
    assert ids_in(database, table) == sorted([mine[1], *theirs])


def test_an_empty_list_replaces_nothing_unless_it_may(
    export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
) -> None:
    ids = bounced(sandbox, 2)
    export()
    sandbox.remove("hard-bounces", ids)
    with pytest.raises(AirflowFailException, match=r"would delete its 2 rows .* allow_empty=True"):
        export(mode="replace")
    assert ids_in(database, table) == sorted(ids)
    database.commit()
    assert export(mode="replace", allow_empty=True)["deleted"] == 2
    database.commit()
    assert ids_in(database, table) == []


MOMENTS = (
    {"since": "auto"},
    {"since": "2025-01-01"},
    {"since": datetime(2025, 1, 1, tzinfo=UTC)},
    {"until": "2025-01-01"},
)


@pytest.mark.parametrize("moments", MOMENTS)
def test_replace_takes_no_moments_which_parsing_the_dag_finds(moments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="leave out since and until"):
        MailerSendToSqlOperator(
            task_id="export",
            conn_id="warehouse",
            list_name="hard-bounces",
            table="a",
            mode="replace",
            **moments,
        )


@pytest.mark.parametrize("name", ["since", "until"])
def test_replace_takes_no_rendered_moment(name: str, export: Export) -> None:
    with pytest.raises(AirflowFailException, match=f"{name} was given: leave out since and until"):
        export(mode="replace", rendered={"moment": "2025-01-01"}, **{name: "{{ moment }}"})
    with pytest.raises(AirflowFailException, match=f"{name} was given: leave out since and until"):
        export(mode="{{ mode }}", rendered={"mode": "replace"}, **{name: "2025-01-01"})


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"mode": "mirror"}, "mode must be one of upsert, replace; got 'mirror'"),
        ({"mode": None}, "mode must be one of upsert, replace; got None"),
        ({"create_table": "no"}, "create_table must be True or False, literally; got 'no'"),
        ({"create_table": "{{ params.create }}"}, "create_table must be True or False"),
    ],
)
def test_a_literal_that_cannot_be_fails_when_the_dag_is_parsed(
    arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises((ValueError, TypeError), match=complaint):
        MailerSendToSqlOperator(
            task_id="export", conn_id="warehouse", list_name="hard-bounces", table="a", **arguments
        )


def test_a_run_chooses_the_mode(export: Export, sandbox: Sandbox, database: SqlDatabase, table: str) -> None:
    ids = bounced(sandbox, 3)
    export()
    sandbox.remove("hard-bounces", ids[:1])
    for rendered, deleted in ((" upsert ", 0), ("replace", 1)):
        result = export(mode="{{ mode }}", rendered={"mode": rendered})
        assert (result["rows"], result["deleted"]) == (2, deleted)
    assert ids_in(database, table) == sorted(ids[1:])


@pytest.mark.parametrize("rendered", ["mirror", "", "None", "Replace"])
def test_a_mode_rendered_to_something_else_reads_nothing(
    rendered: str, export: Export, sandbox: Sandbox
) -> None:
    with pytest.raises(AirflowFailException, match="mode must be one of upsert, replace; got "):
        export(mode="{{ mode }}", rendered={"mode": rendered})
    assert sandbox.log == []


def test_what_replace_deleted_is_there_again_if_a_row_cannot_be_written(
    export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
) -> None:
    ids = bounced(sandbox, 2)
    export()
    sandbox.remove("hard-bounces", ids[:1])
    sandbox.add("hard-bounces", "refused@example.com")
    refuse(database, table, "email = 'refused@example.com'")
    with pytest.raises(SqlTransferError):
        export(mode="replace")
    assert ids_in(database, table) == sorted(ids)


def test_nothing_is_changed_before_the_list_has_been_read(
    export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
) -> None:
    ids = bounced(sandbox, 250)
    export()
    bounced(sandbox, 1)
    sandbox.remove("hard-bounces", ids[:100])
    sandbox.fail(Fault(method="GET", skip=1, times=None, status=403))
    for mode in ("upsert", "replace"):
        with pytest.raises(AirflowFailException, match="does not allow"):
            export(mode=mode)
    assert ids_in(database, table) == sorted(ids)


class TestAuto:
    def test_it_reads_what_is_new(
        self, export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
    ) -> None:
        bounced(sandbox, 5)
        assert export(since="auto")["rows"] == 5
        new = bounced(sandbox, 3)
        # The last five minutes come again: entries may be listed late.
        assert export(since="auto")["rows"] == 8
        assert set(new) <= set(ids_in(database, table))

    def test_a_run_with_a_since_of_its_own_moves_no_watermark(
        self, export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
    ) -> None:
        bounced(sandbox, 5)
        export(since="2020-01-01")
        watermark = f"SELECT DISTINCT scope, read_until FROM {table}"
        assert database.fetch(watermark) == [("mailersend_default/account", None)]
        database.commit()
        assert export(since="auto")["rows"] == 5
        before = database.fetch(watermark)
        database.commit()
        # Nor does it take another scope's watermark for its own.
        export(since="2020-01-01", domain=sandbox.domains[0], domain_id=None)
        assert database.fetch(watermark) == before
        assert before[0][1] is not None

    def test_what_may_be_missing_is_read_again_and_deletes_nothing(
        self, export: Export, database: SqlDatabase, table: str, connect: Connect
    ) -> None:
        with UnsteadySandbox(rate_limit=None, quota=None, shuffle_ties=True) as shuffled:
            connect(shuffled)
            bounced(shuffled, 1000)
            result = export(since="auto")
            assert (result["may_be_incomplete"], result["watermark"]) == (True, None)
            assert database.fetch(f"SELECT MAX(read_until) FROM {table}") == [(None,)]
            database.commit()
            with pytest.raises(MailerSendIncompleteListError, match="Nothing was changed in"):
                export(mode="replace")
            assert len(ids_in(database, table)) == result["rows"]

    def test_a_retry_of_a_run_with_an_until_finds_all_there(
        self, export: Export, database: SqlDatabase, table: str, connect: Connect
    ) -> None:
        until = datetime.now(UTC) - timedelta(hours=1)
        with Sandbox(
            hard_bounces=20, newest=until - timedelta(hours=1), rate_limit=None, quota=None
        ) as seeded:
            connect(seeded)
            for rows, requests in ((20, 1), (0, 0)):
                result = export(since="auto", until=until.isoformat())
                assert (result["rows"], result["requests"]) == (rows, requests)
            assert len(ids_in(database, table)) == 20
            bounced(seeded, 1)
            assert export(since="auto")["rows"] == 1

    def test_a_domain_s_watermark_is_not_the_account_s(
        self, export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
    ) -> None:
        first, second = sandbox.domains[:2]
        bounced(sandbox, 2, domain=first)
        old = bounced(sandbox, 2, domain=second)
        export(since="auto", domain=first, domain_id=None)
        export(since="auto")
        assert set(old) <= set(ids_in(database, table))


class TestAccounts:
    """Two MailerSend accounts share a table."""

    # To LIKE the one is that of the first; the other begins as it does.
    @pytest.fixture(params=["mailersendxdefault", "mailersend_default/eu"])
    def second(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def other(self, connect: Connect, second: str) -> Iterator[Sandbox]:
        with Sandbox(hard_bounces=3, seed=8, rate_limit=None, quota=None) as other:
            connect(other, second)
            yield other

    def test_each_has_a_watermark_of_its_own(
        self, export: Export, sandbox: Sandbox, second: str, other: Sandbox, database: SqlDatabase, table: str
    ) -> None:
        bounced(sandbox, 2)
        export(since="auto")
        assert export(since="auto", mailersend_conn_id=second)["rows"] == 3
        scopes = database.fetch(f"SELECT DISTINCT scope FROM {table}")
        assert set(scopes) == {("mailersend_default/account",), (f"{second.replace('/', '%2f')}/account",)}

    def test_ids_that_differ_in_case_are_two(self, export: Export, connect: Connect) -> None:
        newest = datetime.now(UTC) - timedelta(hours=1)
        with Sandbox(hard_bounces=2, newest=newest, rate_limit=None, quota=None) as sandbox:
            connect(sandbox, "crm")
            for conn_id in ("crm", "CRM"):
                assert export(since="auto", mailersend_conn_id=conn_id)["rows"] == 2

    def test_replace_deletes_only_its_own_rows(
        self, export: Export, sandbox: Sandbox, second: str, other: Sandbox, database: SqlDatabase, table: str
    ) -> None:
        ids = bounced(sandbox, 2)
        export()
        export(mailersend_conn_id=second)
        sandbox.remove("hard-bounces", ids[:1])
        assert export(mode="replace")["deleted"] == 1
        assert ids_in(database, table) == sorted([ids[1], *ids_on(other, "hard-bounces")])
        sandbox.remove("hard-bounces", ids[1:])
        database.commit()
        assert export(mode="replace", allow_empty=True)["deleted"] == 1


@pytest.mark.parametrize("schema", ["", "public."])
def test_a_run_of_the_account_leaves_a_recipient_s_domain_known(
    schema: str, export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
) -> None:
    schema = schema and {"sqlite": "main.", "mysql": "tests."}.get(str(database.hook.conn_type), schema)
    domain: dict[str, Any] = {"domain": sandbox.domains[0], "domain_id": None, "table": schema + table}
    [gone, _] = sandbox.add("recipients", "jane@example.com", "joe@example.com", domain=sandbox.domains[0])
    export("recipients", **domain)
    export("recipients")
    assert database.fetch(f"SELECT COUNT(*) FROM {table} WHERE domain_id IS NULL") == [(0,)]
    database.commit()
    sandbox.remove("recipients", [gone["id"]])
    assert export("recipients", mode="replace", **domain)["deleted"] == 1


@pytest.mark.parametrize("new", [0, 1, 99, 100, 500])
def test_an_incremental_run_costs_a_page_for_each_hundred_new_entries(
    new: int, export: Export, connect: Connect
) -> None:
    # Seeded entries are dated a minute apart, and end an hour before the first run.
    newest = datetime.fromtimestamp(datetime.now(UTC).timestamp() - 3600, UTC)
    with Sandbox(hard_bounces=350, newest=newest, rate_limit=None, quota=None) as sandbox:
        connect(sandbox)

        assert export(since="auto")["requests"] == 4
        bounced(sandbox, new)
        result = export(since="auto")
        assert (result["rows"], result["requests"]) == (new, -(-(new + 1) // 100))


def test_a_table_that_lacks_columns_is_an_error_that_names_them(
    export: Export, database: SqlDatabase, table: str
) -> None:
    database.execute(f"CREATE TABLE {table} (id VARCHAR(64) PRIMARY KEY, email TEXT)")
    database.commit()
    with pytest.raises(AirflowFailException, match=f"table {table} lacks the columns list_name, type"):
        export()


def test_a_table_that_is_not_there_fails_the_task_without_a_retry(
    export: Export, sandbox: Sandbox, table: str
) -> None:
    said = rf"table {table} doesn't exist \(connection 'warehouse'\): create it, or pass create_table=True"
    with pytest.raises(AirflowFailException, match=said):
        export(create_table=False)
    assert sandbox.log == []


def test_a_table_may_have_the_name_of_any(export: Export, sandbox: Sandbox, database: SqlDatabase) -> None:
    bounced(sandbox, 2)
    database.execute("DROP TABLE IF EXISTS mailersend_staging")
    database.commit()
    export(table="mailersend_staging")
    assert ids_in(database, "mailersend_staging") == ids_on(sandbox, "hard-bounces")


class TestKeys:
    """The user's own table has other keys."""

    @pytest.fixture
    def keys(self, export: Export, database: SqlDatabase, table: str) -> Callable[..., None]:
        """Make the table anew, with these keys instead of its own."""

        def make(*keys: str) -> None:
            export(table=f"{table}_made")
            rows = f"AS SELECT * FROM {table}_made"
            database.execute(f"CREATE TABLE {table} {rows}")
            for number, columns in enumerate(keys):
                database.execute(f"CREATE UNIQUE INDEX {table}_{number} ON {table} ({columns})")
            database.commit()

        return make

    def test_a_unique_key_of_the_ids_is_enough(
        self, keys: Callable[..., None], export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
    ) -> None:
        keys("id")
        bounced(sandbox, 2)
        export()
        assert export()["inserted"] == 0
        assert ids_in(database, table) == ids_on(sandbox, "hard-bounces")

    @pytest.mark.parametrize("others", [(), ("list_name, id",)])
    def test_without_one_no_row_is_written(
        self,
        others: tuple[str, ...],
        keys: Callable[..., None],
        export: Export,
        sandbox: Sandbox,
        database: SqlDatabase,
        table: str,
    ) -> None:
        if others and database.hook.conn_type == "mysql":
            others = ("list_name(50), id",)
        keys(*others)
        bounced(sandbox, 2)
        with pytest.raises((AirflowFailException, SqlTransferError), match=no_key(database, table)):
            export()
        assert ids_in(database, table) == []

    def test_with_another_one_no_row_is_overwritten(
        self, keys: Callable[..., None], export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
    ) -> None:
        keys("id", "email(100)" if database.hook.conn_type == "mysql" else "email")
        sandbox.add("hard-bounces", "jane@example.com", domain=sandbox.domains[0])
        sandbox.add("hard-bounces", "jane@example.com", domain=sandbox.domains[1])
        with pytest.raises((AirflowFailException, SqlTransferError)) as refused:
            export()
        if database.hook.conn_type == "mysql":
            assert f"table {table} needs" in str(refused.value)
        assert "jane@" not in str(refused.value)
        assert ids_in(database, table) == []

    def test_a_key_of_the_ids_first_characters_is_none_of_the_ids(
        self, keys: Callable[..., None], export: Export, database: SqlDatabase, table: str
    ) -> None:
        if database.hook.conn_type != "mysql":
            pytest.skip("only MySQL and MariaDB have such keys")
        keys("id(4)")
        with pytest.raises(AirflowFailException, match=no_key(database, table)):
            export()


def no_key(database: SqlDatabase, table: str) -> str:
    """What the error says where the ids have no unique key."""
    own = f"table {table} needs a primary or unique key of exactly id, and no other one"
    return {"postgres": "ON CONFLICT", "sqlite": "ON CONFLICT"}.get(str(database.hook.conn_type), own)


def test_another_error_of_the_database_is_left_to_airflow_s_retries(export: Export) -> None:
    # No database takes this: PostgreSQL reaches no other database, and the others know no third part.
    for create_table in (False, True):
        with pytest.raises(SqlTransferError, match="connection 'warehouse'"):
            export(table="other.public.bounces", create_table=create_table)


def test_a_created_table_is_logged_once(
    export: Export, sandbox: Sandbox, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    bounced(sandbox, 1)
    export()
    export()
    assert caplog.messages.count(f"Created table {table}.") == 1


def test_an_existing_table_needs_no_privilege_to_create_it(
    postgres: str, connect: Connect, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    connect(sandbox)
    monkeypatch.setenv("AIRFLOW_CONN_OWNER", postgres)
    monkeypatch.setenv("AIRFLOW_CONN_WRITER", f"{postgres}?options=-c%20role%3Dwriter_of_{table}")

    def run(conn_id: str) -> dict[str, Any]:
        task = MailerSendToSqlOperator(
            task_id="export", conn_id=conn_id, list_name="hard-bounces", table=table, create_table=True
        )
        result: dict[str, Any] = task.execute({})
        return result

    run("owner")
    with SqlDatabase("owner") as owner:
        owner.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        owner.execute(f"CREATE ROLE writer_of_{table}")
        owner.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO writer_of_{table}")
        owner.commit()
    bounced(sandbox, 1)
    assert run("writer")["inserted"] == 1


def test_keys_of_another_collation_are_compared(
    export: Export, sandbox: Sandbox, database: SqlDatabase, table: str
) -> None:
    export()
    # SQLite compares any.
    if database.hook.conn_type == "postgres":
        database.execute(f'ALTER TABLE {table} ALTER id TYPE VARCHAR(64) COLLATE "C"')
    elif database.hook.conn_type == "mysql":
        text = "VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci"
        database.execute(f"ALTER TABLE {table} MODIFY id {text}")
    database.commit()
    ids = bounced(sandbox, 3)
    assert export()["inserted"] == 3
    sandbox.remove("hard-bounces", ids[:1])
    result = export(mode="replace")
    assert (result["rows"], result["inserted"], result["deleted"]) == (2, 0, 1)


class TestSummary:
    def test_it_says_how_many_rows_are_new(
        self, export: Export, sandbox: Sandbox, table: str, conn_id: str, logged: Callable[[], str]
    ) -> None:
        into = f"{table} on connection {conn_id!r}"
        bounced(sandbox, 1)
        export()
        said = f": 1 row to {into}, 1 new and 0 already there, read from the start; 1 request"
        assert f"hard-bounces (account-wide){said}" in logged()
        bounced(sandbox, 2)
        export(since="2025-01-31T12:00:00+02:00")
        said = f": 3 rows to {into}, 2 new and 1 already there, read from 2025-01-31 10:00:00 UTC; 1 request"
        assert said in logged()
        export(since="2025-01-01", until="2025-01-02")
        said = f": 0 rows to {into}, 0 new and 0 already there, read from 2025-01-01 00:00:00 UTC until 2025-01-02 "
        assert said in logged()

    def test_it_says_where_an_incremental_run_continued(
        self, export: Export, sandbox: Sandbox, logged: Callable[[], str]
    ) -> None:
        bounced(sandbox, 1)
        watermark = datetime.fromisoformat(export(since="auto")["watermark"])
        export(since="auto")
        assert f"read from {watermark:%Y-%m-%d %H:%M:%S} UTC; 1 request" in logged()


NO_TABLES = ["rows; DROP TABLE users", "a.b.c.d", "", "1st", "rows--", "r'"]


@pytest.mark.parametrize("name", NO_TABLES)
def test_what_is_no_table_s_name_is_refused_when_the_dag_is_parsed(name: str) -> None:
    with pytest.raises(ValueError, match=r"table must "):
        MailerSendToSqlOperator(task_id="export", conn_id="warehouse", list_name="hard-bounces", table=name)


@pytest.mark.parametrize("name", NO_TABLES)
def test_what_is_rendered_to_no_table_s_name_is_refused(name: str, export: Export) -> None:
    with pytest.raises(AirflowFailException, match=r"table must "):
        export(table="{{ name }}", rendered={"name": name})


def test_a_wrong_table_s_name_comes_with_the_rule(export: Export) -> None:
    rule = r"letters, digits, _ and \$, with a letter or _ first, at most with schema and database before it"
    with pytest.raises(ValueError, match=rf"table must be the name of a table: {rule}.*got 'hard-bounces'"):
        export(table="hard-bounces")


def test_no_person_is_in_the_log_of_a_failing_insert(
    export: Export,
    sandbox: Sandbox,
    database: SqlDatabase,
    table: str,
    logged: Callable[[], str],
) -> None:
    sandbox.add("hard-bounces", "jane.doe@example.com", "joe@example.com")
    export()
    database.execute(f"DELETE FROM {table}")
    database.commit()
    # PostgreSQL and MariaDB quote what they refuse; SQLite never does.
    if database.hook.conn_type == "mysql":
        database.execute(f"ALTER TABLE {table} MODIFY email INT")
    else:
        refuse(database, table, "email <> 'nobody'")
    with pytest.raises(SqlTransferError) as refused:
        export()
    said = logged() + "".join(traceback.format_exception(refused.value))
    assert "jane.doe" not in said
    assert "joe@" not in said
    assert ids_in(database, table) == []
