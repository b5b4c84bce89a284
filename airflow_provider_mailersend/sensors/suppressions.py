"""Sensors that wait for MailerSend's suppression lists."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.providers.common.compat.sdk import PokeReturnValue

from airflow_provider_mailersend.api.entries import entry_key
from airflow_provider_mailersend.exceptions import MailerSendIncompleteListError
from airflow_provider_mailersend.jobs.wanted import Item, check_flags, check_whole_number, make_item
from airflow_provider_mailersend.jobs.watermark import OVERLAP, Found, summary_of
from airflow_provider_mailersend.rendering import parse_moment, parse_suppression_list, parse_text
from airflow_provider_mailersend.sensors.base import MailerSendSensor
from airflow_provider_mailersend.status_lines import (
    entries_counted,
    entries_wanted,
    entry_awaited,
    entry_wanted,
    list_name,
)
from airflow_provider_mailersend.task import MailerSendSuppressionListTask


class _ListSensor(MailerSendSuppressionListTask, MailerSendSensor):
    @abstractmethod
    def describe_condition(self) -> str:
        """Return what is waited for, for the log."""

    def _check_or_defer(self) -> PokeReturnValue:
        if self.deferrable:
            # The triggerer looks first: it shares what it reads with all tasks that wait for the same list.
            with self.fail_without_retry():
                condition = self.describe_condition()
                self.log.info("%s; the triggerer looks now, then every %g s.", condition, self.poke_interval)
                self._defer(self._time_left())
        return super()._check_or_defer()

    def _list_name(self) -> str:
        return list_name(**self.rendered_list())


class MailerSendSuppressionSensor(_ListSensor):
    """
    Wait until an address or a pattern is on a suppression list, or no longer is: ``GET /suppressions/{list}``.

    The API has no search. The first look reads the list, one request for each 100 entries, until it finds the entry; if
    it doesn't, it reads the list again from its end, because a deletion meanwhile can hide an entry. Later looks read
    only what is new or, with ``present=False``, the page where the entry was last: mostly one request each. In
    reschedule mode each look reads like the first.

    With ``deferrable=True`` the triggerer takes all looks, and shares them with all tasks that wait for the same list:
    if others wait for it already, the first look mostly sends no request, and knows the list as of their last look.
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

    def check(self) -> PokeReturnValue:
        looked_at = datetime.now(UTC)
        try:
            entry = self._find()
        except MailerSendIncompleteListError as error:
            # The entry may have been missed: neither its presence nor its absence is known.
            self.log.warning("%s", error)
            return PokeReturnValue(is_done=False)
        self._looked_at = looked_at + self.hook.clock_ahead - OVERLAP
        return PokeReturnValue(is_done=(entry is not None) == self.present, xcom_value=entry)

    def describe_progress(self, found: Any) -> str:
        return entry_awaited(self._list_name(), self._wanted().value, present=self.present)

    def describe_condition(self) -> str:
        return entry_wanted(self._list_name(), self._wanted().value, present=self.present)

    def trigger_spec(self) -> tuple[str, dict[str, Any]]:
        wanted = self._wanted()
        parse_suppression_list(self.suppression_list).check_takes([wanted.kind])
        name = "MailerSendSuppressionTrigger" if self.present else "MailerSendSuppressionAbsenceTrigger"
        return name, {"kind": wanted.kind, "value": wanted.value, **self.rendered_list()}

    def _find(self) -> dict[str, Any] | None:
        key = self._wanted().key
        if self.present and self._looked_at is not None:
            new = self.hook.iter_suppressions(**self.rendered_list(), since=self._looked_at)
            return next((entry for entry in new if entry_key(entry) == key), None)
        found = self.hook.locate_suppressions(
            last_pages={key: self._page},
            # In reschedule mode the next look reads the whole list again, and finds what this one misses.
            both_ways=not (self.present and self.reschedule),
            **self.rendered_list(),
        )
        self._page, entry = found.get(key, (self._page, None))
        return entry

    def _wanted(self) -> Item:
        return make_item(parse_text(self.recipient, "recipient"), parse_text(self.pattern, "pattern"))


class MailerSendNewSuppressionsSensor(_ListSensor):
    """
    Wait until a suppression list has a number of entries made since a time: ``GET /suppressions/{list}``.

    Each look reads those entries, one request for each 100, newest first. An entry whose date can't be parsed doesn't
    count: it may be old. With ``deferrable=True`` the triggerer takes all looks, and shares them with all tasks that
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
        self._count = 0

    def check(self) -> PokeReturnValue:
        since = self._since()
        entries = self.hook.list_suppressions(**self.rendered_list(), since=since)
        self._count = Found(entries).count_since(since)
        return PokeReturnValue(is_done=self._count >= self.at_least, xcom_value=summary_of(entries))

    def describe_progress(self, found: Any) -> str:
        return entries_counted(self._list_name(), self._count, self.at_least, self._since())

    def describe_condition(self) -> str:
        return entries_wanted(self._list_name(), self.at_least, self._since())

    def trigger_spec(self) -> tuple[str, dict[str, Any]]:
        arguments = {"since": self._since().isoformat(), "at_least": self.at_least, **self.rendered_list()}
        return "MailerSendNewSuppressionsTrigger", arguments

    def _since(self) -> datetime:
        since = parse_moment(self.since, "since")
        if since is None:
            raise ValueError(f"since is empty: it is {self.since!r}")
        return since
