"""Sensors that wait for MailerSend's suppression lists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import PokeReturnValue

from airflow_provider_mailersend.api.entries import entry_key
from airflow_provider_mailersend.exceptions import MailerSendIncompleteListError
from airflow_provider_mailersend.jobs.list_view import Look
from airflow_provider_mailersend.jobs.wanted import check_flags, check_whole_number, make_item
from airflow_provider_mailersend.jobs.watermark import OVERLAP
from airflow_provider_mailersend.rendering import parse_required_moment, parse_suppression_list, parse_text
from airflow_provider_mailersend.sensors.base import MailerSendSensor
from airflow_provider_mailersend.task import MailerSendSuppressionListTask

if TYPE_CHECKING:
    from airflow_provider_mailersend.triggers.mailersend import MailerSendNewSuppressionsTrigger


class _ListSensor(MailerSendSuppressionListTask, MailerSendSensor):
    def _check_or_defer(self) -> PokeReturnValue:
        if self.deferrable:
            # The triggerer checks first: it shares what it reads with all tasks that wait for the same list.
            with self.fail_without_retry():
                trigger = self._make_trigger()
            # The triggerer reads the connection, and logs its domain.
            self.log.info(
                "%s: waiting for %s; the triggerer checks now, then every %g s; connection %r.",
                trigger.given_name,
                trigger.condition,
                self.poke_interval,
                self.mailersend_conn_id,
            )
            self._defer(trigger, self._time_left())
        return super()._check_or_defer()


def _look_at(entries: list[dict[str, Any]]) -> Look:
    """Return the look of a trigger that has just read *entries*."""
    return Look(entries, met={}, sought=set(), known_since=None, next_since=None, is_new=True, is_deep=True)


class MailerSendSuppressionSensor(_ListSensor):
    """
    Wait until an address or a pattern is on a suppression list, or no longer is: ``GET /suppressions/{list}``.

    The API has no search. The first check reads the list, one request for each 100 entries, until it finds the entry.
    If it doesn't, it reads the list again from its end, because a deletion meanwhile can hide an entry. Later checks
    read only what is new or, with ``present=False``, the page where the entry was last: mostly one request each. In
    reschedule mode each check reads the list from the start.

    With ``deferrable=True`` the triggerer makes all checks, and shares them with all tasks that wait for the same list:
    if others wait for it already, the first check mostly sends no request, and knows the list as of their last check.
    Takes the parameters of :class:`.MailerSendSuppressionListTask` too.

    .. code-block:: python

        MailerSendSuppressionSensor(
            task_id="wait", suppression_list="blocklist", recipient="jane@example.com", deferrable=True
        )

    :param recipient: the email address, compared case-insensitively. (templated)
    :param pattern: on the blocklist, the regular expression to wait for instead, as it was added. (templated)
    :param present: whether to wait until it is on the list, or until it is not.
    :return: through XCom, the entry; None with ``present=False``.
    """

    template_fields: Sequence[str] = (*_ListSensor.template_fields, "recipient", "pattern")

    def __init__(
        self, *, recipient: str | None = None, pattern: str | None = None, present: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_flags(present=present)
        self.recipient = recipient
        self.pattern = pattern
        self.present = present
        self._looked_at: datetime | None = None
        self._page = 1

    def trigger_spec(self) -> tuple[str, dict[str, Any]]:
        wanted = make_item(parse_text(self.recipient, "recipient"), parse_text(self.pattern, "pattern"))
        parse_suppression_list(self.suppression_list).check_takes([wanted.kind])
        name = "MailerSendSuppressionTrigger" if self.present else "MailerSendSuppressionAbsenceTrigger"
        return name, {"kind": wanted.kind, "value": wanted.value, **self.rendered_list()}

    def ask(self, trigger: Any) -> Look | dict[tuple[str, str], int]:
        looked_at = datetime.now(UTC)
        try:
            entry = self._find(trigger.key)
        except MailerSendIncompleteListError as error:
            # The entry may have been missed: neither its presence nor its absence is known.
            self.log.warning("%s", error)
            return _look_at([]) if self.present else {trigger.key: self._page}
        self._looked_at = looked_at + self.hook.clock_ahead - OVERLAP
        if self.present:
            return _look_at([entry] if entry is not None else [])
        return {trigger.key: self._page} if entry is not None else {}

    def _find(self, key: tuple[str, str]) -> dict[str, Any] | None:
        if self.present and self._looked_at is not None:
            new = self.hook.iter_suppressions(**self.rendered_list(), since=self._looked_at)
            return next((entry for entry in new if entry_key(entry) == key), None)
        found = self.hook.locate_suppressions(
            last_pages={key: self._page},
            # In reschedule mode the next check reads the whole list again, and finds what this one misses.
            both_ways=not (self.present and self.reschedule),
            **self.rendered_list(),
        )
        self._page, entry = found.get(key, (self._page, None))
        return entry


class MailerSendNewSuppressionsSensor(_ListSensor):
    """
    Wait until a suppression list has a number of entries made since a time: ``GET /suppressions/{list}``.

    Each check reads those entries, one request for each 100, newest first. An entry whose date can't be parsed doesn't
    count: it may be old. With ``deferrable=True`` the triggerer makes all checks, and shares them with all tasks that
    wait for the same list. Takes the parameters of :class:`.MailerSendSuppressionListTask` too.

    .. code-block:: python

        MailerSendNewSuppressionsSensor(
            task_id="wait", suppression_list="hard-bounces", since="{{ data_interval_start }}", at_least=50
        )

    :param since: the time, in ISO 8601; UTC unless it has a time zone. (templated)
    :param at_least: the number of entries, 1 or more.
    :return: through XCom, ``count``, ``ids``, and ``newest``: when the newest entry was made.
    """

    template_fields: Sequence[str] = (*_ListSensor.template_fields, "since")

    def __init__(self, *, since: datetime | str, at_least: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_whole_number("at_least", at_least, least=1)
        self.since = since
        self.at_least = at_least

    def trigger_spec(self) -> tuple[str, dict[str, Any]]:
        since = parse_required_moment(self.since, "since")
        arguments = {"since": since.isoformat(), "at_least": self.at_least, **self.rendered_list()}
        return "MailerSendNewSuppressionsTrigger", arguments

    def ask(self, trigger: MailerSendNewSuppressionsTrigger) -> Look:
        return _look_at(self.hook.list_suppressions(**self.rendered_list(), since=trigger.moment))
