"""Operators that list, add to, delete from and synchronize MailerSend's suppression lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow_provider_mailersend.api.masking import masked
from airflow_provider_mailersend.api.requests import BATCH_SIZE
from airflow_provider_mailersend.jobs.plan import MAX_DELETES, Mode
from airflow_provider_mailersend.jobs.wanted import (
    OnInvalid,
    OnMissing,
    check_batch_size,
    check_choice,
    check_flags,
    check_whole_number,
)
from airflow_provider_mailersend.links import MailerSendSuppressionsLink
from airflow_provider_mailersend.operators.base import Before, MailerSendDomainOperator, is_run_again
from airflow_provider_mailersend.operators.source_files import parse_delimiter, read_items
from airflow_provider_mailersend.rendering import (
    UNSET,
    Unset,
    check_literal,
    none_if_unset,
    parse_flag,
    parse_list,
    parse_max_deletes,
    parse_mode,
    parse_moment,
    parse_required_text,
    parse_suppression_list,
    parse_text,
)
from airflow_provider_mailersend.task import MAX_ENTRIES

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class MailerSendListSuppressionsOperator(MailerSendDomainOperator):
    """
    Return the entries of a suppression list: ``GET /suppressions/{list}``, a request for each 100 entries.

    The entries go through XCom, so the task fails where there are more than *max_entries*, before it writes any. An
    entry whose date cannot be read is kept, with a warning.

    .. code-block:: python

        MailerSendListSuppressionsOperator(
            task_id="new_unsubscribes",
            suppression_list="unsubscribes",
            since="{{ data_interval_start }}",
            until="{{ data_interval_end }}",
        )

    :param suppression_list: ``blocklist``, ``hard-bounces``, ``spam-complaints``, ``unsubscribes`` or
        ``on-hold-list``. (templated)
    :param domain_id: only this domain's entries; by default the connection's. Without either: the entries of the
        account and of all its domains. ``account`` means neither. (templated)
    :param domain: the same by the domain's name, which costs one request. (templated)
    :param since: only entries made at this moment or later, in ISO 8601; without a zone it is in UTC. (templated)
    :param until: only entries made before this moment. (templated)
    :param max_entries: the most entries to return.
    :param mailersend_conn_id: the Airflow connection. (templated)
    :return: the entries as the API gives them, newest first. On the blocklist an entry has ``id``, ``type``,
        ``pattern``, ``domain`` and ``created_at``; elsewhere ``id``, ``recipient``, ``created_at`` and more.
    :raises AirflowFailException: the arguments are wrong, MailerSend refuses them or the token, or there are too many
        entries.
    """

    operator_extra_links = (MailerSendSuppressionsLink(),)

    template_fields: Sequence[str] = (
        "suppression_list",
        "domain_id",
        "domain",
        "since",
        "until",
        "mailersend_conn_id",
    )

    def __init__(
        self,
        *,
        suppression_list: str,
        domain_id: str | Unset | None = UNSET,
        domain: str | Unset | None = UNSET,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        max_entries: int = MAX_ENTRIES,
        **kwargs: Any,
    ) -> None:
        super().__init__(domain_id=domain_id, domain=domain, **kwargs)
        check_whole_number("max_entries", max_entries, least=0)
        check_literal(suppression_list, "suppression_list", parse_suppression_list)
        self.suppression_list = suppression_list
        self.since = since
        self.until = until
        self.max_entries = max_entries

    def run_job(self, context: Context, before: Before) -> list[dict[str, Any]]:
        suppression_list = parse_required_text(self.suppression_list, "suppression_list")
        domain = self.rendered_domain()
        entries = self.hook.iter_suppressions(
            suppression_list,
            **domain,
            since=parse_moment(self.since, "since"),
            until=parse_moment(self.until, "until"),
        )
        found = self.read_at_most(self.max_entries, entries)
        self.log_summary(f"{self.describe_list(suppression_list, **domain)}: found {len(found):,}")
        return found


class MailerSendAddSuppressionsOperator(MailerSendDomainOperator):
    """
    Put addresses, and on the blocklist patterns, on a suppression list: ``POST /suppressions/{list}``.

    What is given twice is added once, and nothing given is a success that sends nothing. A request that got no answer
    is looked up on the list before any of it is sent again. Where the task runs again, as after a killed worker or a
    night's sleep over a used-up quota, it first looks at what was added since its DAG run began, a request for each
    100 entries, and sends only the rest. Another DAG run adds again what it is given, and the blocklist takes the same
    address more than once.

    .. code-block:: python

        MailerSendAddSuppressionsOperator(
            task_id="suppress",
            suppression_list="unsubscribes",
            recipients="{{ ti.xcom_pull('opted_out') }}",
            domain_id="65qngkdovk8lwr12",
        )

    :param suppression_list: any list but ``on-hold-list``, which MailerSend keeps by itself. (templated)
    :param recipients: addresses: a list, or the text of one. Case and surrounding spaces do not tell two apart; the
        first spelling is sent. (templated)
    :param patterns: regular expressions, for the blocklist: a list, or the text of one. (templated)
    :param domain_id: the domain to add to; by default the connection's. The blocklist needs none: its entry is then
        the account's, as with ``account``. (templated)
    :param domain: the same by the domain's name, which costs one request. (templated)
    :param batch_size: how many to put into one request; less where the API refuses so many.
    :param on_invalid: ``fail`` when the API refuses an address, or ``skip`` it and add the rest.
    :param mailersend_conn_id: the Airflow connection. (templated)
    :return: ``added``: the ids of the entries made; ``rejected``: what was refused, each a ``value`` and a ``reason``;
        ``stored_differently``: what the API stored as something else than was sent, each a ``value``, ``where`` it
        stood, and what it is ``stored_as``; ``requests``: how many requests it took.
    :raises AirflowFailException: the arguments are wrong, or MailerSend refuses them or the token. It says what was
        added before that.
    """

    operator_extra_links = (MailerSendSuppressionsLink(),)

    template_fields: Sequence[str] = (
        "suppression_list",
        "recipients",
        "patterns",
        "domain_id",
        "domain",
        "mailersend_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"recipients": "json", "patterns": "json"}

    def __init__(
        self,
        *,
        suppression_list: str,
        recipients: Sequence[str] | str | None = None,
        patterns: Sequence[str] | str | None = None,
        domain_id: str | Unset | None = UNSET,
        domain: str | Unset | None = UNSET,
        batch_size: int = BATCH_SIZE,
        on_invalid: Literal["fail", "skip"] = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(domain_id=domain_id, domain=domain, **kwargs)
        check_batch_size(batch_size)
        check_choice("on_invalid", on_invalid, OnInvalid)
        check_literal(suppression_list, "suppression_list", parse_suppression_list)
        self.suppression_list = suppression_list
        self.recipients = recipients
        self.patterns = patterns
        self.batch_size = batch_size
        self.on_invalid = on_invalid

    def run_job(self, context: Context, before: Before) -> dict[str, Any]:
        suppression_list = parse_required_text(self.suppression_list, "suppression_list")
        domain = self.rendered_domain()
        result = self.hook.add_suppressions(
            suppression_list,
            recipients=parse_list(self.recipients, "recipients"),
            patterns=parse_list(self.patterns, "patterns"),
            **domain,
            batch_size=self.batch_size,
            on_invalid=self.on_invalid,
            added_since=_began(context) if before or is_run_again(context) else None,
            # Who was deferred had no request under way.
            settle=not before,
        )
        refused = (
            f", left out {len(result['rejected']):,} that MailerSend refuses" if result["rejected"] else ""
        )
        self.log_summary(
            f"{self.describe_list(suppression_list, **domain)}: added {len(result['added']):,}{refused}"
        )
        for rejected in result["rejected"]:
            self.log.warning("Left out %s: %s", masked(rejected["value"]), rejected["reason"])
        return result


class MailerSendDeleteSuppressionsOperator(MailerSendDomainOperator):
    """
    Take entries off a suppression list: ``DELETE /suppressions/{list}``.

    Entries go by their *ids*, or by what they suppress, *recipients* and *patterns*: then the whole list is read first,
    a request for each 100 entries. Nothing given deletes nothing, whatever it was rendered from. Emptying a list takes
    ``delete_all=True``, none of them, and a domain, or ``domain_id="account"``.

    .. code-block:: python

        MailerSendDeleteSuppressionsOperator(
            task_id="release",
            suppression_list="hard-bounces",
            recipients="{{ ti.xcom_pull('repaired_mailboxes') }}",
        )

    :param suppression_list: ``blocklist``, ``hard-bounces``, ``spam-complaints``, ``unsubscribes`` or
        ``on-hold-list``. (templated)
    :param ids: the ids of the entries: a list, or the text of one. They are deleted wherever they belong: *domain*
        confines no ids. (templated)
    :param recipients: addresses, a list or the text of one: all their entries are deleted, duplicates too. Case does
        not count. Without a domain they may be of any domain, but on the blocklist they are the account's own.
        (templated)
    :param patterns: regular expressions on the blocklist, as they were added: likewise. (templated)
    :param delete_all: ``True`` deletes every entry of the domain; with ``domain_id="account"``, and only then, of the
        account and all its domains. Rendered it must be ``true`` or ``false``. (templated)
    :param domain_id: the domain whose entries they are; by default the connection's. ``account`` means none.
        (templated)
    :param domain: the same by the domain's name, which costs one request. (templated)
    :param on_missing: what to do about ids that the API does not know: ``skip`` them, or ``fail``.
    :param batch_size: how many to put into one request; less where the API refuses so many.
    :param mailersend_conn_id: the Airflow connection. (templated)
    :return: ``deleted``: the ids of the entries deleted; ``missing``: the ids that the API does not know, or the
        addresses and patterns that have no entry; ``all``: whether everything was deleted; ``may_be_incomplete``:
        whether entries may have been missed, as the list's order kept varying; ``requests``: how many requests it took.
        Where the task slept over a used-up quota, ``deleted_before`` is how many were deleted before: ``deleted`` lacks
        their ids, and what was given for them counts as ``missing``.
    :raises AirflowFailException: the arguments are wrong, or MailerSend refuses them or the token. It says what was
        deleted before that.
    """

    operator_extra_links = (MailerSendSuppressionsLink(),)

    template_fields: Sequence[str] = (
        "suppression_list",
        "ids",
        "recipients",
        "patterns",
        "delete_all",
        "domain_id",
        "domain",
        "mailersend_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "ids": "json",
        "recipients": "json",
        "patterns": "json",
    }

    def __init__(
        self,
        *,
        suppression_list: str,
        ids: Sequence[str] | str | Unset | None = UNSET,
        recipients: Sequence[str] | str | Unset | None = UNSET,
        patterns: Sequence[str] | str | Unset | None = UNSET,
        delete_all: bool | str = False,
        domain_id: str | Unset | None = UNSET,
        domain: str | Unset | None = UNSET,
        on_missing: Literal["fail", "skip"] = "skip",
        batch_size: int = BATCH_SIZE,
        **kwargs: Any,
    ) -> None:
        super().__init__(domain_id=domain_id, domain=domain, **kwargs)
        check_literal(delete_all, "delete_all", parse_flag)
        check_choice("on_missing", on_missing, OnMissing)
        check_batch_size(batch_size)
        check_literal(suppression_list, "suppression_list", parse_suppression_list)
        self.suppression_list = suppression_list
        self.ids = none_if_unset(ids)
        self.recipients = none_if_unset(recipients)
        self.patterns = none_if_unset(patterns)
        self.delete_all = delete_all
        self.on_missing = on_missing
        self.batch_size = batch_size
        # Rendering and mapping may turn either into None: what was given must never turn into "all".
        self._ids_given = ids is not UNSET
        self._values_given = recipients is not UNSET or patterns is not UNSET

    def run_job(self, context: Context, before: Before) -> dict[str, Any]:
        # With nothing given at all it is no ids, which delete nothing.
        delete_all = parse_flag(self.delete_all, "delete_all")
        by_id = self._ids_given or not (self._values_given or delete_all)
        # What was deleted before the task slept is unknown by now.
        expects_missing = by_id and bool(before.get("deleted", 0) or before.get("unsure", 0))
        domain = self.rendered_domain()
        suppression_list = parse_required_text(self.suppression_list, "suppression_list")
        result = self.hook.delete_suppressions(
            suppression_list,
            ids=parse_list(self.ids, "ids") if by_id else None,
            recipients=parse_list(self.recipients, "recipients") if self._values_given else None,
            patterns=parse_list(self.patterns, "patterns") if self._values_given else None,
            delete_all=delete_all,
            **domain,
            on_missing="skip" if expects_missing else self.on_missing,
            batch_size=self.batch_size,
        )
        deleted_before = before.get("deleted", 0)
        if before:
            result["deleted_before"] = deleted_before
        if expects_missing and self.on_missing == "fail":
            unknown = len(result["missing"]) - deleted_before - before.get("unsure", 0)
            if unknown > 0:
                raise ValueError(
                    f"{suppression_list} had no entries of {unknown} of the ids given; the others were deleted. Pass "
                    "on_missing='skip' where that is no error"
                )
        deleted = "all entries" if result["all"] else f"{len(result['deleted']) + deleted_before:,}"
        missing = f", {len(result['missing']):,} of what was given not there" if result["missing"] else ""
        self.log_summary(f"{self.describe_list(suppression_list, **domain)}: deleted {deleted}{missing}")
        return result


class MailerSendSyncSuppressionsOperator(MailerSendDomainOperator):
    """
    Make a suppression list equal to a source of truth: read it once, then add and delete what differs.

    It takes ``GET /suppressions/{list}`` for each 100 entries, ``POST`` for each batch to add, and ``DELETE`` for each
    batch to delete. With ``add_only`` reading stops where all that is wanted was met. ``GET /api-quota``, which is
    free, is asked only where the day's requests may not be enough. Done again it changes nothing; where a worker dies,
    the next try ends where this one would have.

    Only the domain's entries are counted and touched, on the blocklist without a domain only the account's own; and of
    these only the kinds that are given: without *patterns* patterns are left alone.

    Mirror only what the source alone decides: to unsubscribes, spam complaints and hard bounces MailerSend adds by
    itself, and a mirror deletes whom the source has not heard of yet.

    .. code-block:: python

        MailerSendSyncSuppressionsOperator(
            task_id="blocklist",
            suppression_list="blocklist",
            file="s3://crm@exports/{{ ds }}/opted_out.csv",
            mode="mirror",
        )

    :param suppression_list: any list but ``on-hold-list``, which MailerSend keeps by itself. (templated)
    :param recipients: the addresses that are to be there: a list, or the text of one. Case and surrounding spaces do
        not tell two apart. (templated)
    :param patterns: the regular expressions that are to be there, on the blocklist: a list, or the text of one.
        (templated)
    :param file: a file that holds them instead, as Airflow's ``ObjectStoragePath`` takes it: ``.csv`` with a header,
        ``.jsonl`` with an object or an address a line, or ``.txt`` with an address a line, in UTF-8. (templated)
    :param recipients_column: the column, or the name in each object, that holds the addresses; None where the file
        holds patterns only. (templated)
    :param patterns_column: the same of the patterns; None where the file holds none. (templated)
    :param file_delimiter: what separates the columns of a ``.csv`` file, such as ``;``. By default a comma; where its
        first line has none, the semicolon, tab or pipe that it names the columns by, which is logged. (templated)
    :param domain_id: the domain whose entries they are; by default the connection's. The blocklist needs none: they
        are then the account's, as with ``account``. (templated)
    :param domain: the same by the domain's name, which costs one request. (templated)
    :param mode: ``add_only``, or ``mirror``, which deletes what is not wanted. (templated)
    :param max_deletes: with ``mirror``, how many entries may be deleted: a number, or as a float a fraction of those
        there, 0.1 being a tenth; rendered, ``5`` and ``0.1``. A plan that deletes more fails the task before anything
        is changed. ``"{{ params.max_deletes }}"`` lets one run delete more. (templated)
    :param allow_empty: with ``mirror``, whether there may be no recipients, or no patterns, at all; rendered, ``true``
        or ``false``. (templated)
    :param remove_duplicates: whether to delete all entries but the oldest of each that is wanted.
    :param dry_run: whether to plan only, and to change nothing; rendered, ``true`` or ``false``. (templated)
    :param batch_size: how many to put into one request; less where the API refuses so many.
    :param on_invalid: what to do about what is not surely one address, is refused by the API, or stored as another
        address, once all else is done: ``fail``, or ``skip`` it. With ``fail`` a mirror deletes nothing where it cannot
        read all that is wanted.
    :param deferrable: whether to sleep in the triggerer where the daily quota is used up, and to start over when the
        next day's begins: the list is read again, and what is left is done.
    :param mailersend_conn_id: the Airflow connection. (templated)
    :return: numbers: ``wanted``, ``present``, ``unchanged``, ``duplicates``, ``to_add``, ``to_delete``, ``added``,
        ``deleted``, ``rejected``, ``stored_differently``; the first ten of some: ``first_to_add``, ``first_to_delete``
        (each an ``id`` and a ``value``), ``first_rejected`` (each a ``value``, a ``reason`` and ``where`` it stood) and
        ``first_stored_differently`` (each a ``value``, ``where`` it stood and what it is ``stored_as``);
        ``may_be_incomplete``: whether entries may have been missed, as the list's order kept varying; ``dry_run``;
        ``refusal``: why the plan of a dry run would be refused, else None; ``requests``: how many it took.
    :raises AirflowFailException: the arguments are wrong, the plan deletes more than it may, addresses are refused, or
        MailerSend refuses the token. It says what was done before that.
    """

    operator_extra_links = (MailerSendSuppressionsLink(),)

    template_fields: Sequence[str] = (
        "suppression_list",
        "recipients",
        "patterns",
        "file",
        "recipients_column",
        "patterns_column",
        "file_delimiter",
        "domain_id",
        "domain",
        "mode",
        "max_deletes",
        "allow_empty",
        "dry_run",
        "mailersend_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"recipients": "json", "patterns": "json"}

    def __init__(
        self,
        *,
        suppression_list: str,
        recipients: Sequence[str] | str | Unset | None = UNSET,
        patterns: Sequence[str] | str | Unset | None = UNSET,
        file: str | None = None,
        recipients_column: str | None = "email",
        patterns_column: str | None = None,
        file_delimiter: str | None = None,
        domain_id: str | Unset | None = UNSET,
        domain: str | Unset | None = UNSET,
        mode: Mode | str = "add_only",
        max_deletes: int | float | str = MAX_DELETES,
        allow_empty: bool | str = False,
        remove_duplicates: bool = False,
        dry_run: bool | str = False,
        batch_size: int = BATCH_SIZE,
        on_invalid: Literal["fail", "skip"] = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(domain_id=domain_id, domain=domain, **kwargs)
        check_literal(mode, "mode", parse_mode)
        check_literal(max_deletes, "max_deletes", parse_max_deletes)
        check_literal(allow_empty, "allow_empty", parse_flag)
        check_literal(dry_run, "dry_run", parse_flag)
        check_flags(remove_duplicates=remove_duplicates)
        check_batch_size(batch_size)
        check_choice("on_invalid", on_invalid, OnInvalid)
        check_literal(suppression_list, "suppression_list", parse_suppression_list)
        self.suppression_list = suppression_list
        self.recipients = none_if_unset(recipients)
        self.patterns = none_if_unset(patterns)
        self.file = file
        self.recipients_column = recipients_column
        self.patterns_column = patterns_column
        self.file_delimiter = file_delimiter
        self.mode = mode
        self.max_deletes = max_deletes
        self.allow_empty = allow_empty
        self.remove_duplicates = remove_duplicates
        # In place of Airflow's method, which only prints what is rendered: a template field is called as its argument.
        self.dry_run = dry_run  # type: ignore[assignment, method-assign]
        self.batch_size = batch_size
        self.on_invalid = on_invalid
        # Rendering may turn either into None: what was given is then given as nothing, and not left out.
        self._kinds_given = [
            kind for kind, given in (("recipients", recipients), ("patterns", patterns)) if given is not UNSET
        ]
        self._file_given = file is not None

    def run_job(self, context: Context, before: Before) -> dict[str, Any]:
        wanted = self._wanted()
        suppression_list = parse_required_text(self.suppression_list, "suppression_list")
        domain = self.rendered_domain()
        result = self.hook.sync_suppressions(
            suppression_list,
            **wanted,
            **domain,
            mode=parse_mode(self.mode, "mode"),
            max_deletes=parse_max_deletes(self.max_deletes),
            allow_empty=parse_flag(self.allow_empty, "allow_empty"),
            remove_duplicates=self.remove_duplicates,
            dry_run=parse_flag(self.dry_run, "dry_run"),
            batch_size=self.batch_size,
            on_invalid=self.on_invalid,
            # Who was deferred had no request under way.
            settle=is_run_again(context) and not before,
            resume_after_quota_reset=self.deferrable,
            pages_read=before.get("pages", 0),
        )
        if before:
            _count_in(result, before)
        self._tell(self.describe_list(suppression_list, **domain), result)
        return result

    def _wanted(self) -> dict[str, Any]:
        """Return the kinds that are given, and what of each."""
        if self._file_given:
            if self._kinds_given:
                raise ValueError(f"give either file or {' and '.join(self._kinds_given)}, and not both")
            named = {"recipients": self.recipients_column, "patterns": self.patterns_column}
            columns = {
                kind: column for kind in named if (column := parse_text(named[kind], f"{kind}_column"))
            }
            if not columns:
                raise ValueError("file needs recipients_column, patterns_column, or both")
            file = parse_required_text(self.file, "file")
            return dict(read_items(file, columns, delimiter=parse_delimiter(self.file_delimiter)))
        given = {"recipients": self.recipients, "patterns": self.patterns}
        return {kind: parse_list(given[kind], kind) for kind in self._kinds_given}

    def _tell(self, name: str, result: dict[str, Any]) -> None:
        if result["dry_run"]:
            did = f"would add {result['to_add']:,}, would delete {result['to_delete']:,} (dry run)"
        else:
            did = f"added {result['added']:,}, deleted {result['deleted']:,}"
        counts = ", ".join(f"{result[count]:,} {count}" for count in ("wanted", "present", "unchanged"))
        self.log_summary(f"{name}: {did}; mode {self.mode}; {counts}")
        if result["refusal"]:
            self.log.warning("Without dry_run this would be refused: %s", result["refusal"])
        if result["rejected"]:
            first = result["first_rejected"][0]
            self.log.warning(
                "Left out %d that MailerSend refuses, the first being %s %s: %s",
                result["rejected"],
                first["where"],
                masked(first["value"]),
                first["reason"],
            )


def _began(context: Context) -> datetime | None:
    """Return when the task's DAG run began; else when this try did; None where neither is known."""
    for name in ("dag_run", "ti"):
        began = getattr(context.get(name), "start_date", None)
        if isinstance(began, datetime):
            return began
    return None


def _count_in(result: dict[str, Any], before: Before) -> None:
    """Let *result*, of a sync that was started over, tell of the earlier days too, as if it had been one run."""
    added, deleted = before.get("added", 0), before.get("deleted", 0)
    for name, more in (("added", added), ("to_add", added), ("deleted", deleted), ("to_delete", deleted)):
        result[name] += more
    result["present"] += deleted - added
    result["unchanged"] -= added
    result["duplicates"] = max(result["duplicates"], before.get("duplicates", 0))
