"""A query's rows as a suppression list, or as the status of SMS recipients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider_mailersend.api.entries import Key, make_key
from airflow_provider_mailersend.jobs.rows import format_date
from airflow_provider_mailersend.jobs.wanted import Item
from airflow_provider_mailersend.operators.base import Before, MailerSendSyncOperator
from airflow_provider_mailersend.rendering import parse_required_text, parse_text
from airflow_provider_mailersend.transfers.sql_database import SqlColumn, SqlDatabase, SqlTable, check_table_name

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class Row(Item):
    """An address, a pattern or a number of a query's row; its position is the row's number, from 1."""

    __slots__ = ()

    @property
    def where(self) -> str:
        return f"row {self.position}"


class SqlToMailerSendOperator(MailerSendSyncOperator):
    """
    Bring a query's rows to a suppression list: add what is missing, or make the list equal to them.

    The rows are read on a cursor of the server, and the list once, one request per 100 entries; then what differs is
    added and deleted in batches. See :class:`.MailerSendSyncSuppressionsOperator` for the modes and their guards, which
    are the same here.

    A column that the query doesn't have fails the task before anything is changed. A row whose address is null or isn't
    surely one address is named by its number and column, and ``on_invalid`` says what to do about it.

    .. code-block:: python

        SqlToMailerSendOperator(
            task_id="suppress_opt_outs",
            conn_id="crm",
            sql="SELECT email FROM contacts WHERE opted_out_at IS NOT NULL",
            suppression_list="unsubscribes",
            rejected_table="crm.mailersend_rejected",
        )

    Takes the parameters of :class:`.MailerSendSyncOperator` too.

    :param sql: the query, or the path of a ``.sql`` file. (templated)
    :param conn_id: the Airflow connection of the database. (templated)
    :param parameters: the query's parameters, in the style of the database's driver. (templated)
    :param recipients_column: the column of the addresses; None where the query has patterns alone. (templated)
    :param patterns_column: the column of the patterns; None where it has none. (templated)
    :param rejected_table: a table that each refused address is written to, with the reason and the time; it is made
        where it isn't there. Later runs leave those addresses out until the source spells them differently. (templated)
    :param hook_params: what the database's hook is made with.
    """
