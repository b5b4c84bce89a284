"""Sensors that wait for MailerSend's suppression lists."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import PokeReturnValue

from airflow_provider_mailersend.api.entries import entry_key
from airflow_provider_mailersend.exceptions import MailerSendIncompleteListError
from airflow_provider_mailersend.hooks.moments import moment
from airflow_provider_mailersend.jobs.domains import Scope
from airflow_provider_mailersend.jobs.wanted import Item, check_flags, check_whole_number, make_item
from airflow_provider_mailersend.jobs.watermark import OVERLAP, Found, summary_of
from airflow_provider_mailersend.rendering import (
    check_literal,
    parse_moment,
    parse_suppression_list,
    parse_text,
)
from airflow_provider_mailersend.sensors.base import MailerSendSensor
from airflow_provider_mailersend.status_lines import (
    entries_counted,
    entries_wanted,
    entry_awaited,
    entry_wanted,
    list_name,
)
from airflow_provider_mailersend.task import MailerSendDomainTask

if TYPE_CHECKING:
    from airflow_provider_mailersend.triggers.base import MailerSendTrigger


class _ListSensor(MailerSendDomainTask, MailerSendSensor):
    """
    A sensor that waits for a suppression list.

    :param suppression_list: the list. (templated)
    """

    def __init__(self, *, suppression_list: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_literal(suppression_list, "suppression_list", parse_suppression_list)
        self.suppression_list = suppression_list

    @abstractmethod
    def aim(self) -> str:
        """Return what is waited for."""

    def _look_or_defer(self) -> PokeReturnValue:
        if self.deferrable:
            # The triggerer looks first: it shares what it reads with all tasks that wait for the same list.
            with self.fail_without_retry():
                self.log.info("%s; the triggerer looks now, then every %g s.", self.aim(), self.poke_interval)
                self._defer(self._time_left())
        return super()._look_or_defer()

    def _listed(self) -> dict[str, Any]:
        listed = {
            "suppression_list": str(parse_suppression_list(self.suppression_list)),
            **self.rendered_domain(),
        }
        Scope.of(listed["domain_id"], listed["domain"], None)
        return listed

    def _list_name(self) -> str:
        return list_name(**self._listed())


class MailerSendSuppressionSensor(_ListSensor):
    """
    Wait until an address or a pattern is on a suppression list, or is no longer: ``GET /suppressions/{list}``.

    The API has no search: the first look reads the list, a request for each 100 entries, until it meets the entry; and
    where it does not, again from its end, as an entry deleted meanwhile can hide another. Later looks read only what is
    new or, while it waits for one to go, where it stood last: mostly one request each. In reschedule mode each look
    reads like the first. With ``deferrable=True`` the first look, too, is the triggerer's, and all tasks that wait for
    the same list share their looks: where others wait for it already, the first look mostly costs nothing, and knows
    the list as of their last one.

    .. code-block:: python

        MailerSendSuppressionSensor(
            task_id="suppressed",
            suppression_list="blocklist",
            recipient="jane@example.com",
            deferrable=True,
        )

    :param suppression_list: ``blocklist``, ``hard-bounces``, ``spam-complaints``, ``unsubscribes`` or
        ``on-hold-list``. (templated)
    :param recipient: the address waited for; its case does not count. (templated)
    :param pattern: the regular expression waited for instead, on the blocklist, as it was added. (templated)
    :param present: whether to wait until it is there, or until it is not.
    :param domain_id: look at this domain's entries only; by default the connection's. Without either, or
        with ``account``: at those of the account and of all its domains. (templated)
    :param domain: the same by the domain's name, which costs one request. (templated)
    :param deferrable: whether to wait in the triggerer.
    :param mailersend_conn_id: the Airflow connection. (templated)
    :return: through XCom, the entry that was found; None when waiting for its absence.
    :raises AirflowFailException: the arguments are wrong, or MailerSend refuses them or the token.
    """

    template_fields: Sequence[str] = (
        "suppression_list",
        "recipient",
        "pattern",
        "domain_id",
        "domain",
        "mailersend_conn_id",
    )

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

    def look(self) -> PokeReturnValue:
        if self.present and self._looked_at is not None:
            return self._look_at_what_is_new(self._looked_at)
        begun = datetime.now(UTC)
        key = self._wanted().key
        try:
            # Another look at the whole list makes good what this one misses; others read only what is new.
            found = self.hook.locate_suppressions(
                last_pages={key: self._page},
                both_ways=not (self.present and self.reschedule),
                **self._listed(),
            )
        except MailerSendIncompleteListError as error:
            # What was not met may be there: neither its presence nor its absence is known.
            self.log.warning("%s", error)
            return PokeReturnValue(is_done=False)
        self._looked_at = begun + self.hook.clock_ahead - OVERLAP
        self._page, entry = found.get(key, (self._page, None))
        return PokeReturnValue(is_done=(entry is not None) == self.present, xcom_value=entry)

    def how_far(self, found: Any) -> str:
        return entry_awaited(self._list_name(), self._wanted().value, present=self.present)

    def aim(self) -> str:
        return entry_wanted(self._list_name(), self._wanted().value, present=self.present)

    def _look_at_what_is_new(self, since: datetime) -> PokeReturnValue:
        key = self._wanted().key
        begun = datetime.now(UTC)
        entries = self.hook.iter_suppressions(**self._listed(), since=since)
        entry = next((entry for entry in entries if entry_key(entry) == key), None)
        self._looked_at = begun + self.hook.clock_ahead - OVERLAP
        return PokeReturnValue(is_done=entry is not None, xcom_value=entry)

    def trigger(self, **params: Any) -> MailerSendTrigger:
        from airflow_provider_mailersend.triggers.mailersend import (
            MailerSendSuppressionAbsenceTrigger,
            MailerSendSuppressionTrigger,
        )

        wanted = self._wanted()
        parse_suppression_list(self.suppression_list).check_takes([wanted.kind])
        trigger = MailerSendSuppressionTrigger if self.present else MailerSendSuppressionAbsenceTrigger
        return trigger(kind=wanted.kind, value=wanted.value, **self._listed(), **params)

    def _wanted(self) -> Item:
        recipient, pattern = parse_text(self.recipient, "recipient"), parse_text(self.pattern, "pattern")
        return make_item(recipient, pattern)


class MailerSendNewSuppressionsSensor(_ListSensor):
    """
    Wait until so many entries made since a moment are on a suppression list: ``GET /suppressions/{list}``.

    Each look reads those entries, a request for each 100, newest first. An entry whose date cannot be read does not
    count towards *at_least*: it may be old. With ``deferrable=True`` the triggerer looks from the first time on, and
    all tasks that wait for the same list share their looks.

    .. code-block:: python

        MailerSendNewSuppressionsSensor(
            task_id="many_bounces",
            suppression_list="hard-bounces",
            since="{{ data_interval_start }}",
            at_least=50,
            deferrable=True,
        )

    :param suppression_list: ``blocklist``, ``hard-bounces``, ``spam-complaints``, ``unsubscribes`` or
        ``on-hold-list``. (templated)
    :param since: the moment, in ISO 8601; without a zone it is in UTC. (templated)
    :param at_least: how many entries.
    :param domain_id: look at this domain's entries only; by default the connection's. Without either, or
        with ``account``: at those of the account and of all its domains. (templated)
    :param domain: the same by the domain's name, which costs one request. (templated)
    :param deferrable: whether to wait in the triggerer.
    :param mailersend_conn_id: the Airflow connection. (templated)
    :return: through XCom, ``count``, ``ids``, and ``newest``: when the newest was made.
    :raises AirflowFailException: the arguments are wrong, or MailerSend refuses them or the token.
    """

    template_fields: Sequence[str] = (
        "suppression_list",
        "since",
        "domain_id",
        "domain",
        "mailersend_conn_id",
    )

    def __init__(self, *, since: datetime | str, at_least: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_whole_number("at_least", at_least, least=1)
        self.since = since
        self.at_least = at_least
        self._count = 0

    def look(self) -> PokeReturnValue:
        since = self._since()
        entries = self.hook.list_suppressions(**self._listed(), since=since)
        self._count = Found(entries).count_since(since)
        return PokeReturnValue(is_done=self._count >= self.at_least, xcom_value=summary_of(entries))

    def aim(self) -> str:
        return entries_wanted(self._list_name(), self.at_least, self._since())

    def how_far(self, found: Any) -> str:
        return entries_counted(self._list_name(), self._count, self.at_least, self._since())

    def trigger(self, **params: Any) -> MailerSendTrigger:
        from airflow_provider_mailersend.triggers.mailersend import MailerSendNewSuppressionsTrigger

        since = self._since().isoformat()
        return MailerSendNewSuppressionsTrigger(
            **self._listed(), since=since, at_least=self.at_least, **params
        )

    def _since(self) -> datetime:
        given = moment("since", parse_moment(self.since, "since"))
        if given is None:
            raise ValueError(f"since is empty: it is {self.since!r}")
        return given
