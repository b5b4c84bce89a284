"""A query's rows as the contents of a suppression list, or as SMS recipients to opt in or out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider_mailersend.api.entries import Key, make_key
from airflow_provider_mailersend.api.masking import masked
from airflow_provider_mailersend.api.requests import BATCH_SIZE, SMS_RECIPIENTS
from airflow_provider_mailersend.exceptions import is_permanent
from airflow_provider_mailersend.jobs.domains import check_no_domain
from airflow_provider_mailersend.jobs.plan import MAX_DELETES
from airflow_provider_mailersend.jobs.sms_updates import describe_failures, missing_problem, parse_number
from airflow_provider_mailersend.jobs.wanted import Item, OnMissing, check_batch_size, check_choice
from airflow_provider_mailersend.operators.base import Before, is_run_again, start_of_run
from airflow_provider_mailersend.operators.sms_recipients import describe_outcome, include_earlier_days
from airflow_provider_mailersend.operators.sync import SYNC_OPTIONS, MailerSendSyncOperator
from airflow_provider_mailersend.rendering import (
    check_literal,
    parse_flag,
    parse_required_text,
    parse_status,
    parse_suppression_list,
    parse_text,
)
from airflow_provider_mailersend.status_lines import counted
from airflow_provider_mailersend.transfers.lineage import (
    asset_of,
    datasets_read,
    list_dataset,
    operator_lineage,
    report,
)
from airflow_provider_mailersend.transfers.rejected_table import RejectedTable
from airflow_provider_mailersend.transfers.sql_database import SqlDatabase, parse_table_name

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from airflow.providers.openlineage.extractors import OperatorLineage


#: The options of suppression lists, which must have their defaults for SMS recipients.
_LIST_OPTIONS = {
    "mode": "add_only",
    "max_deletes": MAX_DELETES,
    "allow_empty": False,
    "dry_run": False,
    "approved_plan": None,
    "remove_duplicates": False,
}


class SqlToMailerSendOperator(MailerSendSyncOperator):
    """
    Bring a query's rows to a suppression list, or set the status of SMS recipients by their phone numbers.

    With *suppression_list* it does what :class:`.MailerSendSyncSuppressionsOperator` does, with the same modes and
    guards; with *sms_status* what :class:`.MailerSendUpdateSmsRecipientsOperator` does by ``numbers``. The rows are
    read on a server-side cursor. A missing column fails the task before anything is changed. A null, or a value that
    isn't clearly one address or number, is an error that names its row and column; with ``on_invalid="skip"`` it is
    counted as ``rejected``.

    .. code-block:: python

        SqlToMailerSendOperator(
            task_id="suppress_opt_outs",
            conn_id="crm",
            sql="SELECT email FROM contacts WHERE opted_out_at IS NOT NULL",
            suppression_list="unsubscribes",
            rejected_table="mailersend_rejected",
            on_invalid="skip",
        )

    Takes the parameters of :class:`.MailerSendSyncOperator` too.

    :param sql: the query, or the path of a ``.sql`` file. (templated)
    :param conn_id: the Airflow connection of the database, of any type that ``common.sql`` has a hook for. (templated)
    :param suppression_list: the list, any but ``on-hold-list``. (templated)
    :param sms_status: ``active`` or ``opt_out``, to set SMS recipients instead. (templated)
    :param parameters: the query's parameters, in the style of the database's driver. (templated)
    :param numbers_column: with *sms_status*, the column of the phone numbers. (templated)
    :param rejected_table: a table in the same database that records every refused value with its reason and the time;
        a failed try that Airflow will retry records nothing. It is created if needed, on PostgreSQL, MySQL, MariaDB or
        SQLite. Later DAG runs leave recorded values out, and count them as ``left_out``, until they change in the
        source or leave the table. (templated)
    :param on_missing: with *sms_status*, what to do about numbers that are no SMS recipients: ``fail`` once all others
        are set, or ``skip`` them.
    :param batch_size: the most addresses or ids per request; lowered if the API refuses so many.
    :param hook_params: extra arguments for the database's hook.
    :return: as the operators named above, and in both cases how many values were ``rejected`` and ``left_out``.
    """

    template_fields: Sequence[str] = (
        "sql",
        "conn_id",
        "suppression_list",
        "sms_status",
        "parameters",
        "numbers_column",
        "rejected_table",
        *MailerSendSyncOperator.template_fields,
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "parameters": "json"}

    def __init__(
        self,
        *,
        sql: str,
        conn_id: str,
        suppression_list: str | None = None,
        sms_status: str | None = None,
        parameters: Mapping[str, Any] | Sequence[Any] | None = None,
        numbers_column: str = "number",
        rejected_table: str | None = None,
        on_missing: Literal["fail", "skip"] = "fail",
        batch_size: int = BATCH_SIZE,
        hook_params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (suppression_list is None) == (sms_status is None):
            raise ValueError("give either suppression_list or sms_status, not both")
        self._is_sms = sms_status is not None
        if self._is_sms:
            check_literal(sms_status, "sms_status", parse_status)
        else:
            check_literal(suppression_list, "suppression_list", parse_suppression_list)
        if rejected_table:
            check_literal(rejected_table, "rejected_table", parse_table_name)
        check_choice("on_missing", on_missing, OnMissing)
        check_batch_size(batch_size)
        self.sql = sql
        self.conn_id = conn_id
        self.suppression_list = suppression_list
        self.sms_status = sms_status
        self.parameters = parameters
        self.numbers_column = numbers_column
        self.rejected_table = rejected_table
        self.on_missing = on_missing
        self.batch_size = batch_size
        self.hook_params = hook_params
        if self._is_sms:
            for name in _LIST_OPTIONS:
                check_literal(getattr(self, name), name, _refuse_for_sms)

    def run_job(self, context: Context, before: Before) -> dict[str, Any]:
        dry_run = parse_flag(self.dry_run, "dry_run")
        if self._is_sms:
            check_no_domain(SMS_RECIPIENTS, **self.rendered_domain())
            for name in _LIST_OPTIONS:
                _refuse_for_sms(getattr(self, name), name)
        rejected = RejectedTable(
            self._database,
            self._list_name,
            parse_text(self.rejected_table, "rejected_table"),
            read_only=dry_run,
            # What an earlier try of this DAG run recorded was not there for a run without that try.
            before=start_of_run(context) if is_run_again(context) else None,
        )
        refused: dict[Item, str] = {}
        run = self._set_statuses if self._is_sms else self._synchronize
        try:
            result = run(context, before, rejected, refused)
        except Exception as error:
            # A retry, or the task that is resumed, starts over and must meet them again, not leave them out.
            if is_permanent(error):
                rejected.record(refused)
            raise
        rejected.record(refused)
        if not dry_run:
            report(self.hook, [], [asset_of(self, self._list_name).uri])
        return result

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Return the query's tables and the list as OpenLineage's datasets; a dry run writes none."""
        read = datasets_read(self._database().hook, self.sql)
        written = [] if parse_flag(self.dry_run, "dry_run") else [asset_of(self, self._list_name)]
        return operator_lineage(read, list(map(list_dataset, written)))

    def describe_target(self) -> str:
        return "SMS recipients" if self._is_sms else self.describe_list(self._list_name)

    def describe_source(self) -> str:
        return f"the query on connection {self.conn_id!r}"

    @property
    def _list_name(self) -> str:
        return SMS_RECIPIENTS if self._is_sms else parse_suppression_list(self.suppression_list).value

    def _database(self) -> SqlDatabase:
        return SqlDatabase(parse_required_text(self.conn_id, "conn_id"), self.hook_params)

    def _synchronize(
        self, context: Context, before: Before, rejected: RejectedTable, refused: dict[Item, str]
    ) -> dict[str, Any]:
        target = {"suppression_list": self._list_name, **self.rendered_domain()}
        items = self._items(self.rendered_columns("the query"), rejected)
        source = {**items, "on_rejected": refused.update}
        return self.sync(context, before, target, source)

    def _set_statuses(
        self, context: Context, before: Before, rejected: RejectedTable, refused: dict[Item, str]
    ) -> dict[str, Any]:
        column = parse_required_text(self.numbers_column, "numbers_column")
        status = parse_status(self.sms_status, "sms_status")
        numbers: dict[str, Item] = {}
        left_out = 0
        for item in self._items({"numbers": column}, rejected)["numbers"]:
            if item.is_left_out:
                left_out += 1
                continue
            number, problem = parse_number(item.value)
            if problem is None:
                numbers.setdefault(number, item)
            else:
                refused[item] = f"{masked(item.value)!r} {problem}"
        # Only here are the rows known of those that are missing.
        result = self.hook.update_sms_recipients(status, numbers=numbers, on_missing="skip")
        result |= {"rejected": len(refused), "left_out": left_out}
        include_earlier_days(result, before)
        outcome = f"{describe_outcome(result, status)}; source {self.describe_source()}"
        self.log_summary(self.describe_target(), outcome)
        missing = [f"{numbers[number].where} {masked(number)}" for number in result["missing"]]
        failures = []
        if missing and self.on_missing == "fail":
            doubt = result["may_be_incomplete"]
            failures.append(missing_problem(missing, len(missing), may_be_incomplete=doubt))
        if refused and self.on_invalid == "fail":
            first, why = next(iter(refused.items()))
            rows = counted(len(refused), "row")
            failures.append(
                f"{rows} without a valid phone number; the first is {first.where}: {why}. Correct the source, or pass "
                "on_invalid='skip' to leave them out."
            )
        if failures:
            updated = len(result["updated"]) + before.get("updated", 0)
            said = describe_failures(failures, updated, status)
            raise ValueError(f"{said} Source: {self.describe_source()}.")
        return result

    def _items(self, columns: Mapping[str, str], rejected: RejectedTable) -> dict[str, Iterable[Item]]:
        """Return the values of the query's rows by their kinds, the first kind's as they are read."""
        first, *others = columns
        later: dict[str, list[Item]] = {kind: [] for kind in others}

        def read() -> Iterator[Item]:
            for item in self._read(columns, rejected.known()):
                if item.kind == first:
                    yield item
                else:
                    later[item.kind].append(item)

        return {first: read(), **later}

    def _read(self, columns: Mapping[str, str], known: frozenset[Key]) -> Iterator[Item]:
        row_items = {kind: _row_item(column) for kind, column in columns.items()}
        left_out = {kind: _row_item(column, is_left_out=True) for kind, column in columns.items()}
        with self._database() as database:
            names, rows = database.stream(str(self.sql), self.parameters)
            places = {kind: _place_of(column, names) for kind, column in columns.items()}
            for number, row in enumerate(rows, start=1):
                values = {kind: row[place] for kind, place in places.items() if row[place] is not None}
                # A row of a query for both kinds has at least one of them.
                for kind, value in (values or dict.fromkeys(islice(places, 1), "")).items():
                    text = _read_text(value)
                    row_type = (left_out if known and make_key(kind, text) in known else row_items)[kind]
                    yield row_type(kind, text, number)


def _refuse_for_sms(value: object, name: str) -> None:
    read = SYNC_OPTIONS[name](value, name) if name in SYNC_OPTIONS else value
    if read != _LIST_OPTIONS[name]:
        raise ValueError(f"{name} is for suppression lists: leave it out with sms_status")


def _row_item(column: str, *, is_left_out: bool = False) -> type[Item]:
    """Return the type of the values of a column; an item's position is its row's number, from 1."""
    leaves_out = is_left_out

    class RowItem(Item):
        __slots__ = ()

        @property
        def where(self) -> str:
            return f"row {self.position}, column {column}"

        @property
        def is_left_out(self) -> bool:
            return leaves_out

    return RowItem


def _read_text(value: object) -> str:
    """Return a driver's value as text. Text in a binary column comes as bytes."""
    if not isinstance(value, (bytes, bytearray, memoryview)):
        return str(value).strip()
    try:
        return bytes(value).decode().strip()
    except UnicodeDecodeError:
        return repr(bytes(value))


def _place_of(column: str, names: Sequence[str]) -> int:
    """Return the place of a column, by its exact name, or if none has that case-insensitively."""
    places = [place for place, name in enumerate(names) if name == column] or [
        place for place, name in enumerate(names) if name.lower() == column.lower()
    ]
    if not names:
        raise ValueError("the query returns no columns: it must be a SELECT")
    if not places:
        raise ValueError(f"the query has no column {column!r}; its columns are {', '.join(names)}")
    if len(places) > 1:
        raise ValueError(
            f"the query has {len(places)} columns {column!r}, and which one is meant is unclear: give the right one an "
            "alias of its own in the query (SELECT contacts.email AS contact_email), and pass that name"
        )
    return places[0]
