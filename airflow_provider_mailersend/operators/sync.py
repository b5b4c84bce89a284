"""The base of operators that make a suppression list equal to a source of truth."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_mailersend.api.masking import masked
from airflow_provider_mailersend.api.requests import BATCH_SIZE
from airflow_provider_mailersend.exceptions import MailerSendGuardError, MailerSendValidationError
from airflow_provider_mailersend.jobs.plan import MAX_DELETES, Mode
from airflow_provider_mailersend.jobs.wanted import OnInvalid, check_choice, check_flags
from airflow_provider_mailersend.operators.base import Before, MailerSendOperator, is_run_again
from airflow_provider_mailersend.rendering import (
    check_literal,
    parse_flag,
    parse_max_deletes,
    parse_mode,
    parse_required_text,
    parse_text,
)
from airflow_provider_mailersend.status_lines import counted
from airflow_provider_mailersend.task import MailerSendDomainTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


#: The templated options of a sync, and how each is read.
SYNC_OPTIONS: dict[str, Callable[[Any, str], Any]] = {
    "mode": parse_mode,
    "max_deletes": parse_max_deletes,
    "allow_empty": parse_flag,
    "dry_run": parse_flag,
    "approved_plan": parse_text,
}

#: The arguments that name the columns of a file or a query, with their defaults.
COLUMNS = {"recipients_column": "email", "patterns_column": None}


class MailerSendSyncOperator(MailerSendDomainTask, MailerSendOperator):
    """
    An operator that reads a suppression list once, and adds and deletes what differs from its source.

    Takes the parameters of :class:`.MailerSendDomainTask` too.

    :param recipients_column: the column, or the object's key, of the addresses in the file or the query; None if it has
        only patterns. If given but rendered to nothing, the task fails. (templated)
    :param patterns_column: the same for the patterns; None if it has none. (templated)
    :param mode: ``add_only``, or ``mirror``, which deletes what is not wanted. (templated)
    :param max_deletes: with ``mirror``, the most entries to delete: a number, or as a float a fraction of the entries
        there (0.1 is a tenth). As text, ``5`` or ``0.1``. A plan that deletes more fails the task before anything is
        changed. ``"{{ params.max_deletes }}"`` lets a single run delete more. (templated)
    :param allow_empty: with ``mirror``, whether the recipients, or the patterns, may be empty; as text, ``true`` or
        ``false``. (templated)
    :param remove_duplicates: whether to delete all but the oldest of several entries for a wanted value.
    :param dry_run: whether to only plan, and change nothing; as text, ``true`` or ``false``. (templated)
    :param approved_plan: the ``plan`` of an earlier dry run that somebody approved. If the plan is another one by now,
        the task fails before anything is changed; so does a retry that finds a part of the plan done. (templated)
    :param on_invalid: what to do about a value that isn't clearly one address, that the API refuses, or that it stores
        as another address: ``fail`` once everything else is done, or ``skip`` it. With ``fail``, a mirror that can't
        read its whole input deletes nothing.
    """

    template_fields: Sequence[str] = (*MailerSendDomainTask.template_fields, *COLUMNS, *SYNC_OPTIONS)

    batch_size = BATCH_SIZE

    def __init__(
        self,
        *,
        recipients_column: str | None = "email",
        patterns_column: str | None = None,
        mode: Mode | str = "add_only",
        max_deletes: int | float | str = MAX_DELETES,
        allow_empty: bool | str = False,
        remove_duplicates: bool = False,
        dry_run: bool | str = False,
        approved_plan: str | None = None,
        on_invalid: Literal["fail", "skip"] = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_flags(remove_duplicates=remove_duplicates)
        check_choice("on_invalid", on_invalid, OnInvalid)
        self.recipients_column = self.unless_none("recipients_column", recipients_column)
        self.patterns_column = self.unless_none("patterns_column", patterns_column)
        self.mode = mode
        self.max_deletes = max_deletes
        self.allow_empty = allow_empty
        self.remove_duplicates = remove_duplicates
        # Replaces Airflow's method, which only prints the rendered fields: a template field is named as its argument.
        self.dry_run = dry_run  # type: ignore[assignment, method-assign]
        self.approved_plan = self.unless_none("approved_plan", approved_plan)
        self.on_invalid = on_invalid
        for name, parse in SYNC_OPTIONS.items():
            check_literal(getattr(self, name), name, parse)

    @abstractmethod
    def describe_target(self) -> str: ...

    @abstractmethod
    def describe_source(self) -> str | None:
        """Return the file or query that the values come from, for logs and errors; None for arguments."""

    def rendered_columns(self, source: str) -> dict[str, str]:
        """Return the columns of *source* by their kinds; one that was given must not be rendered to nothing."""
        columns = {
            name.removesuffix("_column"): parse_required_text(getattr(self, name), name)
            for name in COLUMNS
            if name in self.given
        }
        if not columns:
            raise ValueError(f"{source} needs {', '.join(COLUMNS)}, or both")
        return columns

    def sync(
        self, context: Context, before: Before, target: Mapping[str, Any], source: Mapping[str, Any]
    ) -> dict[str, Any]:
        """
        Synchronize, log what was done, and return the result.

        :param target: ``suppression_list``, ``domain_id`` and ``domain``.
        :param source: ``recipients`` and ``patterns``, each only if it was given, and what else the hook takes.
        """
        options = {name: parse(getattr(self, name), name) for name, parse in SYNC_OPTIONS.items()}
        if "approved_plan" in self.given and options["approved_plan"] is None:
            raise ValueError(f"approved_plan was given, but rendered to nothing: {self.approved_plan!r}")
        try:
            result = self.hook.sync_suppressions(
                **source,
                **target,
                **options,
                remove_duplicates=self.remove_duplicates,
                batch_size=self.batch_size,
                on_invalid=self.on_invalid,
                # A deferral leaves no request under way.
                settle=is_run_again(context) and not before,
                resume_after_quota_reset=self.deferrable,
                pages_read=before.get("pages", 0),
            )
        except (MailerSendGuardError, MailerSendValidationError) as error:
            error.source = self.describe_source()
            raise
        _include_earlier_days(result, before)
        self._log_result(result)
        return result

    def _log_result(self, result: dict[str, Any]) -> None:
        if result["dry_run"]:
            changes = f"would add {result['to_add']:,}, would delete {result['to_delete']:,} (dry run)"
        else:
            changes = f"added {result['added']:,}, deleted {result['deleted']:,}"
        counts = ", ".join(f"{result[count]:,} {count}" for count in ("wanted", "present", "unchanged"))
        source = self.describe_source()
        parts = [changes, f"mode {self.mode}", counts, *([f"source {source}"] if source else [])]
        self.log_summary(self.describe_target(), "; ".join(parts))
        if result["refusal"]:
            self.log.warning("Without dry_run this would be refused: %s", result["refusal"])
        if result["rejected"]:
            first = result["first_rejected"][0]
            self.log.warning(
                "Skipped %s; the first is %s%s: %s",
                counted(result["rejected"], "rejected value"),
                first["where"],
                f" {masked(first['value'])}" if first["value"] else "",
                first["reason"],
            )


def _include_earlier_days(result: dict[str, Any], before: Before) -> None:
    """Make the *result* of a sync that was deferred and started over the same as that of a single run."""
    added, deleted = before.get("added", 0), before.get("deleted", 0)
    for name, more in (("added", added), ("to_add", added), ("deleted", deleted), ("to_delete", deleted)):
        result[name] += more
    result["present"] += deleted - added
    result["unchanged"] -= added
    result["duplicates"] = max(result["duplicates"], before.get("duplicates", 0))
