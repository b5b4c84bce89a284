"""Operators that list, add to, delete from and synchronize MailerSend's suppression lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider_mailersend.api.masking import masked
from airflow_provider_mailersend.jobs.wanted import OnInvalid, OnMissing, check_choice
from airflow_provider_mailersend.operators.base import (
    Before,
    MailerSendListChangeOperator,
    MailerSendListingOperator,
    MailerSendSuppressionListOperator,
    is_run_again,
    start_of_run,
)
from airflow_provider_mailersend.operators.source_files import parse_delimiter, read_items
from airflow_provider_mailersend.operators.sync import COLUMNS, SYNC_OPTIONS, MailerSendSyncOperator
from airflow_provider_mailersend.rendering import (
    UNSET,
    Unset,
    check_literal,
    parse_flag,
    parse_list,
    parse_moment,
    parse_required_text,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class MailerSendListSuppressionsOperator(MailerSendSuppressionListOperator, MailerSendListingOperator):
    """
    Return the entries of a suppression list: ``GET /suppressions/{list}``, one request for each 100 entries.

    An entry whose date can't be parsed is included, with a warning. Takes the parameters of
    :class:`.MailerSendListingOperator` and :class:`.MailerSendSuppressionListTask` too.

    .. code-block:: python

        MailerSendListSuppressionsOperator(
            task_id="unsubscribed_today", suppression_list="unsubscribes", since="{{ data_interval_start }}"
        )

    :param since: only entries made at this time or later, in ISO 8601; UTC unless it has a time zone. (templated)
    :param until: only entries made before this time. (templated)
    :return: the entries as the API returns them, newest first. On the blocklist an entry has ``id``, ``type``,
        ``pattern``, ``domain`` and ``created_at``; on the other lists ``id``, ``recipient``, ``created_at`` and more.
    """

    template_fields: Sequence[str] = (*MailerSendSuppressionListOperator.template_fields, "since", "until")

    def __init__(
        self, *, since: datetime | str | None = None, until: datetime | str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.since = since
        self.until = until

    def iter_entries(self) -> Iterator[dict[str, Any]]:
        since, until = parse_moment(self.since, "since"), parse_moment(self.until, "until")
        return self.hook.iter_suppressions(**self.rendered_list(), since=since, until=until)


class MailerSendAddSuppressionsOperator(MailerSendListChangeOperator):
    """
    Add addresses, and on the blocklist patterns, to a suppression list: ``POST /suppressions/{list}``.

    If *recipients* and *patterns* are empty it succeeds and sends nothing; one of them must be passed. After a lost
    response it looks up what was added before it sends anything again. When the task runs again, after a killed worker
    or a deferral, it first reads what was added since its DAG run began, one request for each 100 entries, and sends
    only the rest. Another DAG run adds its input again: the blocklist accepts duplicates, which pile up; the other
    lists keep the entry that is there. Takes the parameters of :class:`.MailerSendListChangeOperator` too.

    .. code-block:: python

        MailerSendAddSuppressionsOperator(
            task_id="suppress", suppression_list="blocklist", recipients="{{ ti.xcom_pull('opted_out') }}"
        )

    :param on_invalid: what to do when the API refuses an address: ``fail``, or ``skip`` it and add the rest.
    :return: ``added``: the ids of the new entries; ``rejected``: what was refused, each with ``value`` and ``reason``;
        ``stored_differently``: what the API stored in another spelling, each with ``value``, ``where`` it was in the
        input, and ``stored_as``; ``may_be_incomplete``: whether some may have been added twice, because the list's
        order kept changing while earlier additions were looked up; ``requests``: the number of requests sent.
    :raises AirflowFailException: MailerSend refuses an address. The error says what was added before.
    """

    def __init__(self, *, on_invalid: Literal["fail", "skip"] = "fail", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_choice("on_invalid", on_invalid, OnInvalid)
        self.on_invalid = on_invalid
        if not self.given & {"recipients", "patterns"}:
            raise ValueError("give recipients or patterns, or both")

    def run_job(self, context: Context, before: Before) -> dict[str, Any]:
        result = self.hook.add_suppressions(
            **self.rendered_list(),
            **self.rendered_values(),
            batch_size=self.batch_size,
            on_invalid=self.on_invalid,
            added_since=start_of_run(context) if before or is_run_again(context) else None,
            # A deferral leaves no request under way.
            settle=not before,
        )
        rejected = result["rejected"]
        left_out = f", left out {len(rejected):,} that MailerSend refuses" if rejected else ""
        self.log_summary(self.describe_target(), f"added {len(result['added']):,}{left_out}")
        for item in rejected:
            self.log.warning("Left out %s: %s", masked(item["value"]), item["reason"])
        return result


class MailerSendDeleteSuppressionsOperator(MailerSendListChangeOperator):
    """
    Delete entries from a suppression list: ``DELETE /suppressions/{list}``.

    Entries are identified by *ids*, or by their *recipients* and *patterns*. The latter first reads the whole list, one
    request for each 100 entries, and deletes all matching entries, duplicates too. Without a domain these may be of any
    domain, but on the blocklist they are the account's own.

    Pass one of them. Empty input deletes nothing, whatever it was rendered from. To empty a list, pass
    ``delete_all=True``, a domain or ``domain_id="account"``, and none of the others. Takes the parameters of
    :class:`.MailerSendListChangeOperator` too.

    .. code-block:: python

        MailerSendDeleteSuppressionsOperator(
            task_id="release", suppression_list="hard-bounces", recipients="{{ ti.xcom_pull('repaired') }}"
        )

    :param ids: the ids of the entries: a list, or a list written as text. They are deleted whatever domain they belong
        to. (templated)
    :param delete_all: ``True`` deletes all entries of the domain; only with ``domain_id="account"`` those of the
        account and all its domains. As text, ``true`` or ``false``. (templated)
    :param on_missing: what to do about unknown *ids*: ``skip`` them, or ``fail``.
    :return: ``deleted``: the ids of the deleted entries; ``missing``: the unknown ids, or the addresses and patterns
        without an entry; ``all``: whether the list was emptied; ``may_be_incomplete``: whether entries may have been
        missed because the list's order kept changing; ``requests``: the number of requests sent. After a deferral
        ``deleted_before`` is how many were deleted before it: their ids are not in ``deleted``, and what was given for
        them counts as ``missing``; by address, entries made since the task began are kept, as somebody may have opted
        out again.
    :raises AirflowFailException: ids are unknown, and *on_missing* is ``fail``. The error says what was deleted before.
        In a retry, ids that an earlier try deleted are unknown too; it deletes the rest before it fails.
    """

    template_fields: Sequence[str] = (*MailerSendListChangeOperator.template_fields, "ids", "delete_all")
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **MailerSendListChangeOperator.template_fields_renderers,
        "ids": "json",
    }

    def __init__(
        self,
        *,
        ids: Sequence[str] | str | Unset | None = UNSET,
        delete_all: bool | str = False,
        on_missing: Literal["fail", "skip"] = "skip",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_literal(delete_all, "delete_all", parse_flag)
        check_choice("on_missing", on_missing, OnMissing)
        self.ids = self.optional("ids", ids)
        self.delete_all = delete_all
        self.on_missing = on_missing
        by_value = self.given & {"recipients", "patterns"}
        ways = ["ids" in self.given, bool(by_value), delete_all is True].count(True)
        if ways > 1 or (not ways and delete_all is False):
            raise ValueError("give one of these: ids, or recipients and patterns, or delete_all=True")
        if on_missing == "fail" and "ids" not in self.given:
            raise ValueError("on_missing='fail' is for ids: leave it out with anything else")

    def run_job(self, context: Context, before: Before) -> dict[str, Any]:
        delete_all = parse_flag(self.delete_all, "delete_all")
        values = self.rendered_values()
        # A delete_all that was rendered to false counts as no ids, which delete nothing.
        by_id = "ids" in self.given or not (values or delete_all)
        began = before.get("began") if values else None
        deleted_before, unsure_before = before.get("deleted", 0), before.get("unsure", 0)
        is_retry = is_run_again(context)
        # The ids that were deleted before a deferral, or by an earlier try, are unknown by now.
        expects_missing = by_id and bool(deleted_before or unsure_before or is_retry)
        result = self.hook.delete_suppressions(
            **self.rendered_list(),
            ids=parse_list(self.ids, "ids") if by_id else None,
            **values,
            delete_all=delete_all,
            on_missing="skip" if expects_missing else self.on_missing,
            batch_size=self.batch_size,
            # A deferral leaves no request under way.
            settle=is_retry and not before,
            # Who was released before a deferral, and has opted out again since, stays on the list.
            made_before=datetime.fromtimestamp(began, UTC) if began else None,
        )
        if before:
            result["deleted_before"] = deleted_before
        if expects_missing and self.on_missing == "fail":
            unknown = len(result["missing"]) - deleted_before - unsure_before
            if unknown > 0:
                why = " An earlier try of this task may have deleted them." if is_retry else ""
                raise ValueError(
                    f"{self.suppression_list} has no entries for {unknown} of the ids given; the others were deleted."
                    f"{why} Pass on_missing='skip' to ignore unknown ids"
                )
        deleted = "all entries" if result["all"] else f"{len(result['deleted']) + deleted_before:,}"
        missing = f", {len(result['missing']):,} not found" if result["missing"] else ""
        self.log_summary(self.describe_target(), f"deleted {deleted}{missing}")
        return result


class MailerSendSyncSuppressionsOperator(MailerSendListChangeOperator, MailerSendSyncOperator):
    """
    Make a suppression list equal to a source of truth: read it once, then add and delete what differs.

    It sends one ``GET /suppressions/{list}`` for each 100 entries, one ``POST`` for each batch to add, and one
    ``DELETE`` for each batch to delete. With ``add_only`` it stops reading once everything wanted has been found. It
    sends ``GET /api-quota``, which doesn't count against the quota, only if the daily quota might not be enough.
    Running it again changes nothing, and after a killed worker the next try ends where this one would have.

    It counts and changes only the domain's entries, and only the kinds that are given: without *patterns* it leaves
    patterns alone. Mirror only what the source alone decides. MailerSend itself adds unsubscribes, spam complaints and
    hard bounces: a mirror deletes those the source doesn't know yet. Takes the parameters of
    :class:`.MailerSendListChangeOperator` and :class:`.MailerSendSyncOperator` too.

    .. code-block:: python

        MailerSendSyncSuppressionsOperator(
            task_id="sync", suppression_list="blocklist", file="s3://crm@exports/blocked.csv", mode="mirror"
        )

    :param file: a file to read instead of *recipients* and *patterns*, as Airflow's ``ObjectStoragePath`` takes it, in
        UTF-8: ``.csv`` with a header, ``.jsonl`` with an object or a value per line, or ``.txt`` with a value per line.
        A field must not contain a line break: a stray quote looks the same. (templated)
    :param file_delimiter: the delimiter of a ``.csv`` file, such as ``;``. By default a comma; if the header has no
        comma, the semicolon, tab or pipe that splits it into the wanted columns, which is logged. (templated)
    :return: the numbers ``wanted``, ``present``, ``unchanged``, ``duplicates``, ``to_add``, ``to_delete``, ``added``,
        ``deleted``, ``rejected``, ``left_out`` (by :class:`.SqlToMailerSendOperator` only) and ``stored_differently``;
        the first ten items of some: ``first_to_add``, ``first_to_delete`` (each with ``id`` and ``value``),
        ``first_rejected`` (``value``, ``reason`` and ``where`` it was in the input) and ``first_stored_differently``
        (``value``, ``where`` and ``stored_as``); ``may_be_incomplete``: whether entries may have been missed because
        the list's order kept changing; ``dry_run``; ``plan``: of a dry run, a fingerprint of what it would add and
        delete, for *approved_plan*, else None; ``refusal``: why a dry run's plan would be refused, or None;
        ``requests``: the number of requests sent.
    :raises AirflowFailException: the plan deletes more than it may, or addresses are refused. The error says what was
        done before.
    """

    template_fields: Sequence[str] = (
        *MailerSendListChangeOperator.template_fields,
        "file",
        "file_delimiter",
        *COLUMNS,
        *SYNC_OPTIONS,
    )

    def __init__(
        self,
        *,
        file: str | None = None,
        file_delimiter: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.file = self.unless_none("file", file)
        self.file_delimiter = file_delimiter
        values = [kind for kind in ("recipients", "patterns") if kind in self.given]
        if "file" not in self.given and not values:
            raise ValueError("give file, recipients or patterns: what the list should contain")
        if "file" in self.given and values:
            raise ValueError(f"give either file or {' and '.join(values)}, not both")
        if values and file_delimiter is not None:
            raise ValueError(f"file_delimiter is for a file: leave it out with {' and '.join(values)}")

    def run_job(self, context: Context, before: Before) -> dict[str, Any]:
        return self.sync(context, before, self.rendered_list(), self._rendered_source())

    def describe_source(self) -> str | None:
        return str(self.file) if "file" in self.given else None

    def _rendered_source(self) -> dict[str, Any]:
        if "file" not in self.given:
            return self.rendered_values()
        columns = self.rendered_columns("file")
        file = parse_required_text(self.file, "file")
        return dict(read_items(file, columns, delimiter=parse_delimiter(self.file_delimiter)))
