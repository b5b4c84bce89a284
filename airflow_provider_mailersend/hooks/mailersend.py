"""The hook of tasks: a thin driver of :mod:`airflow_provider_mailersend.api`."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from airflow_provider_mailersend.api.answers import Outcome
from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.flow import (
    Flow,
    Progress,
    Send,
    Step,
    Steps,
    drive,
)
from airflow_provider_mailersend.api.requests import (
    ACCOUNT,
    BATCH_SIZE,
    SmsRecipientStatus,
    SuppressionList,
    delete_recipient,
    get_recipient,
    get_sms_recipient,
    list_recipients,
    list_sms_recipients,
    list_suppressions,
)
from airflow_provider_mailersend.api.whole_list import WholeList
from airflow_provider_mailersend.exceptions import (
    MailerSendError,
    MailerSendNotFoundError,
)
from airflow_provider_mailersend.hooks.account import MailerSendAccount, connected
from airflow_provider_mailersend.hooks.connection import Settings
from airflow_provider_mailersend.hooks.exchange import exchange, session_for
from airflow_provider_mailersend.hooks.moments import Moment, between, moment
from airflow_provider_mailersend.hooks.progress import JobReport, Reporter
from airflow_provider_mailersend.jobs.additions import Additions
from airflow_provider_mailersend.jobs.deletions import DeleteAll, Deletions
from airflow_provider_mailersend.jobs.domains import ACCOUNT_WIDE, Scope, find_domain
from airflow_provider_mailersend.jobs.lookup import Lookup, Matches
from airflow_provider_mailersend.jobs.plan import MAX_DELETES, Mode
from airflow_provider_mailersend.jobs.sms_updates import SmsUpdates, set_status
from airflow_provider_mailersend.jobs.sync import Sync, SyncOptions
from airflow_provider_mailersend.jobs.wanted import (
    Item,
    OnInvalid,
    OnMissing,
    Wanted,
    check_choice,
    check_flags,
    make_item,
)
from airflow_provider_mailersend.provider_info import CONNECTION_FIELDS, FIELD_BEHAVIOUR

if TYPE_CHECKING:
    import requests

    from airflow_provider_mailersend.hooks.asynchronous import MailerSendAsyncHook

__all__ = ["MailerSendAsyncHook", "MailerSendHook"]

_T = TypeVar("_T")


class Job(Protocol):
    """Work of many requests."""

    def run(self, flow: Flow) -> Steps[None]: ...

    def result(self, requests: int) -> dict[str, Any]: ...


class MailerSendHook(MailerSendAccount):
    """
    MailerSend's suppression lists, recipients and SMS recipients.

    Requests go over one session, one after another. Rate limits and faults are waited out; what may not be done
    twice is looked up before it is asked for again. Entries and other things are returned as the API's own JSON.

    Every method raises :class:`~airflow_provider_mailersend.exceptions.MailerSendError`: its subclasses tell what
    went wrong, and its ``permanent`` whether trying again is useless. Bad arguments raise :class:`ValueError` or
    :class:`TypeError` before any request.

    .. code-block:: python

        hook = MailerSendHook()
        for entry in hook.iter_suppressions("unsubscribes", since="2026-01-01"):
            print(entry["recipient"]["email"])

    :param mailersend_conn_id: the Airflow connection, of type ``mailersend``: the API token in its password.
    :param timeout: how long one request may take, from connecting to the last byte of its answer, in seconds; by
        default the connection's, else 30.
    :param max_retries: how often a request is repeated after a fault; by default the connection's, else 5.
    :param quota_reserve: how many of the day's requests to leave to sending; by default the connection's, else 0.
    :param retry_timeout: how long one request may take in all, its waits and repeats included, in seconds.
    """

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the form's own fields, for Airflow versions that do not read them from the provider's info."""
        from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
        from wtforms import IntegerField, StringField
        from wtforms.validators import NumberRange, Optional

        widgets: dict[str, Any] = {}
        for name, field in CONNECTION_FIELDS.items():
            options = {"description": field["description"], "widget": BS3TextFieldWidget()}
            if "integer" in field["schema"]["type"]:
                validators = [Optional(), NumberRange(min=field["schema"]["minimum"])]
                widgets[name] = IntegerField(field["label"], validators=validators, **options)
            else:
                widgets[name] = StringField(field["label"], **options)
        return widgets

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return how the form's standard fields appear, for those versions too."""
        return {name.replace("-", "_"): behaviour for name, behaviour in FIELD_BEHAVIOUR.items()}

    @cached_property
    def settings(self) -> Settings:
        """The connection's settings. Raises :class:`MailerSendSettingsError` where it says something that cannot be."""
        return self._settings_from(self.get_connection(self.mailersend_conn_id))

    def get_conn(self) -> requests.Session:
        """Return the session that requests go over. It sends the token to the API's own URLs only."""
        return self._session

    @property
    def requests_sent(self) -> int:
        """How many requests this hook has sent, repeats included."""
        return self._flow.requests

    @property
    def seconds_waited(self) -> dict[str, float]:
        """How long this hook has waited, in seconds, for each reason: ``the rate limit``, ``a retry after …``."""
        return dict(self._reporter.waited)

    @property
    def clock_ahead(self) -> timedelta:
        """How far the API's clock is ahead of this machine's, as its answers tell; nothing where none does."""
        return timedelta(seconds=self._flow.throttle.clock_ahead or 0.0)

    def iter_suppressions(
        self,
        suppression_list: str,
        *,
        domain_id: str | None = None,
        domain: str | None = None,
        since: Moment = None,
        until: Moment = None,
    ) -> Iterator[Entry]:
        """
        Read a suppression list, page by page: ``GET /suppressions/{list}``, a request for each 100 entries.

        The list is read as it changes: each entry comes once, but one that is deleted meanwhile can hide another. Where
        its order varies between requests it is read again, three times at the most, for what was missed; where some
        may be missing still, a warning says so.
        With *since* reading stops early where the list proves to be newest first. An entry whose date cannot be
        read is kept, with one warning.

        :param suppression_list: ``blocklist``, ``hard-bounces``, ``spam-complaints``, ``unsubscribes`` or
            ``on-hold-list``.
        :param domain_id: only this domain's entries; by default the connection's. Without either: the entries of
            the account and of all its domains.
        :param domain: the same by the domain's name, which costs one request, once for each hook.
        :param since: only entries made at this moment or later; a string or a datetime without a zone is in UTC.
        :param until: only entries made before this moment.
        :return: an iterator over the entries, in the API's order; it sends nothing until it is iterated. On the
            blocklist an entry has ``id``, ``type``, ``pattern``, ``domain`` and ``created_at``; elsewhere ``id``,
            ``recipient``, ``created_at`` and more.
        """
        which, moments = SuppressionList(suppression_list), between(since, until)
        scope = Scope.of(domain_id, domain, self.settings.domain_id)
        return self._iterate(lambda id_: WholeList(list_suppressions(which, id_), **moments), scope)

    def list_suppressions(
        self,
        suppression_list: str,
        *,
        domain_id: str | None = None,
        domain: str | None = None,
        since: Moment = None,
        until: Moment = None,
    ) -> list[Entry]:
        """Return all that :meth:`iter_suppressions` yields, as a list. Large lists take memory: iterate them."""
        entries = self.iter_suppressions(
            suppression_list, domain_id=domain_id, domain=domain, since=since, until=until
        )
        return list(entries)

    def find_suppression(
        self,
        suppression_list: str,
        *,
        recipient: str | None = None,
        pattern: str | None = None,
        domain_id: str | None = None,
        domain: str | None = None,
    ) -> Entry | None:
        """
        Find what suppresses an address, or is a pattern: ``GET /suppressions/{list}``.

        The API has no search, so it costs a request for each 100 entries down to the one that is found. Where there is
        none, a list of more than one page is read from its end too, as an entry deleted meanwhile can hide another.

        .. code-block:: python

            hook.find_suppression("blocklist", recipient="jane@example.com")
            # {"id": "60f198790542d97fb66dfe52", "type": "exact", "pattern": "jane@example.com", …}

        :param suppression_list: the list, as in :meth:`iter_suppressions`.
        :param recipient: the address; compared case-insensitively, whitespace stripped.
        :param pattern: the regular expression instead, on the blocklist, as it was added.
        :param domain_id: only this domain's entries; by default the connection's. Without either: the entries of
            the account and of all its domains.
        :param domain: the domain's name, resolved with one extra request, once for each hook.
        :return: the entry, the first on the list where there are several; None where there is none.
        :raises MailerSendIncompleteListError: it was not met and may be there, as the list's order kept varying.
        """
        wanted = make_item(recipient, pattern)
        found = self.locate_suppressions(
            suppression_list, {(wanted.kind, wanted.value): 1}, domain_id=domain_id, domain=domain
        )
        return next((entry for _, entry in found.values()), None)

    def locate_suppressions(
        self,
        suppression_list: str,
        last_pages: Mapping[tuple[str, str], int],
        *,
        domain_id: str | None = None,
        domain: str | None = None,
        both_ways: bool = True,
    ) -> dict[tuple[str, str], tuple[int, Entry]]:
        """Find several, near where they stood last, for sensors: see :class:`.Lookup`."""
        scope = Scope.of(domain_id, domain, self.settings.domain_id)
        lookup = Lookup(SuppressionList(suppression_list), last_pages, scope=scope, both_ways=both_ways)
        return self._run(lookup.run(self._flow))

    def add_suppressions(
        self,
        suppression_list: str,
        *,
        recipients: Iterable[str] = (),
        patterns: Iterable[str] = (),
        domain_id: str | None = None,
        domain: str | None = None,
        batch_size: int = BATCH_SIZE,
        on_invalid: OnInvalid = "fail",
        added_since: Moment = None,
        settle: bool = False,
    ) -> dict[str, Any]:
        """
        Put addresses on a suppression list: ``POST /suppressions/{list}``, a request for each batch.

        What is given twice is added once. A request that got no answer is looked up on the list before any of it
        is sent again. Nothing given means nothing sent.

        .. code-block:: python

            hook.add_suppressions("blocklist", recipients=["jane@example.com"], patterns=[r".*@example.org"])
            # {"added": ["60f198790542d97fb66dfe52", …], "rejected": [], "requests": 1}

        :param suppression_list: any list but ``on-hold-list``, which MailerSend keeps by itself.
        :param recipients: addresses. Case and surrounding spaces do not tell two apart; the first spelling is sent.
        :param patterns: regular expressions, for the blocklist.
        :param domain_id: the domain to add to; by default the connection's. The blocklist needs none: its entry
            is then the account's.
        :param domain: the same by the domain's name, which costs one request, once for each hook.
        :param batch_size: how many to put into one request; less where the API refuses so many.
        :param on_invalid: ``fail`` when the API refuses an address, or stores another one in its place; or ``skip`` it
            and add the rest.
        :param added_since: entries made at this moment or later count as added already: an earlier run may have made
            them. They are looked up first, newest first, a request for each 100. In UTC where it has no zone.
        :param settle: with *added_since*, whether to wait some seconds before that, as a request that the earlier run
            sent just before it was killed may still be under way.
        :return: ``added``: the ids of the entries made; ``rejected``: what was refused, each a ``value`` and a
            ``reason``; ``stored_differently``: what the API stored as something else than was sent, each a ``value``,
            ``where`` it stood, and what it is ``stored_as``; ``requests``: how many requests it took.
        :raises MailerSendValidationError: an address was refused, and batches before its own were added: it says so.
            Or all were added and some are stored differently. Both only where *on_invalid* is ``fail``.
        """
        since = moment("added_since", added_since)
        work = Additions(
            SuppressionList(suppression_list),
            recipients=recipients,
            patterns=patterns,
            scope=Scope.of(domain_id, domain, self.settings.domain_id),
            batch_size=batch_size,
            on_invalid=on_invalid,
            added_since=since.timestamp() if since else None,
            settle=settle,
        )
        return self._do(work)

    def sync_suppressions(
        self,
        suppression_list: str,
        *,
        recipients: Iterable[str | Item] | None = None,
        patterns: Iterable[str | Item] | None = None,
        domain_id: str | None = None,
        domain: str | None = None,
        mode: Mode = "add_only",
        max_deletes: int | float = MAX_DELETES,
        allow_empty: bool = False,
        remove_duplicates: bool = False,
        dry_run: bool = False,
        batch_size: int = BATCH_SIZE,
        on_invalid: OnInvalid = "fail",
        settle: bool = False,
        resume_after_quota_reset: bool = False,
        pages_read: int = 0,
    ) -> dict[str, Any]:
        """
        Make a suppression list equal to a source of truth: read it once, then add and delete what differs.

        It takes ``GET /suppressions/{list}`` for each 100 entries, ``POST`` for each batch to add, and ``DELETE`` for
        each batch to delete. With ``add_only`` reading stops where all that is wanted was met. ``GET /api-quota``,
        which is free, is asked only where the day's requests may not be enough. Done again it changes nothing.

        Only the domain's entries are counted and touched, on the blocklist without a domain only the account's own;
        and of these only the kinds that are given: without *patterns* patterns are left alone.

        .. code-block:: python

            hook.sync_suppressions("blocklist", recipients=crm.opted_out(), mode="mirror")

        :param suppression_list: any list but ``on-hold-list``, which MailerSend keeps by itself.
        :param recipients: the addresses that are to be there. Case and surrounding spaces do not tell two apart.
        :param patterns: the regular expressions that are to be there, on the blocklist.
        :param domain_id: the domain whose entries they are; by default the connection's. The blocklist needs none.
        :param domain: the same by the domain's name, which costs one request, once for each hook.
        :param mode: ``add_only``, or ``mirror``, which deletes what is not wanted.
        :param max_deletes: with ``mirror``, how many entries may be deleted: a number, or as a float a fraction of
            those there, 0.1 being a tenth. A plan that deletes more is refused before anything is changed.
        :param allow_empty: with ``mirror``, whether no recipients, or no patterns, may be wanted at all.
        :param remove_duplicates: whether to delete all entries but the oldest of each that is wanted.
        :param dry_run: whether to plan only, and to change nothing.
        :param batch_size: how many to put into one request; less where the API refuses so many.
        :param on_invalid: what to do about addresses that the API refuses once all else is done: ``fail``, or ``skip``.
        :param settle: whether to wait some seconds before reading, as a request that an earlier run sent just before it
            was killed may still be under way.
        :param resume_after_quota_reset: whether this call is made again after the daily quota's reset, so that it may
            begin although no whole day's quota is enough for all of it.
        :param pages_read: with that, how many pages the call before read (``counts["pages"]`` of its error), so that
            a list too long for any day's quota is not begun again.
        :return: numbers: ``wanted``, ``present``, ``unchanged``, ``duplicates``, ``to_add``, ``to_delete``, ``added``,
            ``deleted``, ``rejected``, ``stored_differently``; the first ten of some: ``first_to_add``,
            ``first_to_delete`` (each an ``id`` and a ``value``), ``first_rejected`` (each a ``value``, a ``reason`` and
            ``where`` it stood) and ``first_stored_differently`` (each a ``value``, ``where`` it stood and what it is
            ``stored_as``); ``may_be_incomplete``: whether entries may have been missed, as the list's order kept
            varying; ``dry_run``; ``refusal``: why the plan of a dry run would be refused, else None; ``requests``: how
            many it took. ``present`` and ``duplicates`` count what was read.
        :raises MailerSendGuardError: it would delete more than its guards allow; nothing was changed.
        :raises MailerSendQuotaExhaustedError: the day's requests cannot be enough, or were not.
        :raises MailerSendValidationError: addresses were refused or are stored differently than sent, and *on_invalid*
            is ``fail``. All else was done.
        """
        options = SyncOptions(
            mode=mode,
            max_deletes=max_deletes,
            allow_empty=allow_empty,
            remove_duplicates=remove_duplicates,
            dry_run=dry_run,
            batch_size=batch_size,
            on_invalid=on_invalid,
            settle=settle,
            resume_after_quota_reset=resume_after_quota_reset,
            pages_read=pages_read,
        )
        work = Sync(
            SuppressionList(suppression_list),
            Wanted(recipients, patterns),
            scope=Scope.of(domain_id, domain, self.settings.domain_id),
            options=options,
        )
        return self._do(work)

    def delete_suppressions(
        self,
        suppression_list: str,
        *,
        ids: Iterable[str] | None = None,
        recipients: Iterable[str] | None = None,
        patterns: Iterable[str] | None = None,
        delete_all: bool = False,
        domain_id: str | None = None,
        domain: str | None = None,
        on_missing: OnMissing = "skip",
        batch_size: int = BATCH_SIZE,
    ) -> dict[str, Any]:
        """
        Take entries off a suppression list: ``DELETE /suppressions/{list}``, a request for each batch.

        Entries go by their ids, or by what they suppress: then the whole list is read first, a request for each 100
        entries. Nothing given deletes nothing. Emptying a list takes ``delete_all=True``, literally, and nothing
        else given.

        :param suppression_list: the list, as in :meth:`iter_suppressions`.
        :param ids: the ids of the entries. They are deleted wherever they belong: *domain* confines no ids.
        :param recipients: addresses: all their entries are deleted, duplicates too. Case does not count. Without a
            domain they may be of any domain, but on the blocklist they are the account's own.
        :param patterns: regular expressions on the blocklist, as they were added: likewise.
        :param delete_all: ``True`` deletes every entry of the domain; with ``domain_id="account"``, and only then, of
            the account and all its domains. The first page is read before: where the answer is lost, only what was
            there before is deleted.
        :param domain_id: the domain whose entries they are; by default the connection's.
        :param domain: the same by the domain's name, which costs one request, once for each hook.
        :param on_missing: what to do about *ids* that the API does not know: ``skip`` them, or ``fail``.
        :param batch_size: how many to put into one request; less where the API refuses so many.
        :return: ``deleted``: the ids of the entries deleted; ``missing``: the ids that the API does not know, or
            the addresses and patterns that have no entry; ``all``: whether everything was deleted;
            ``may_be_incomplete``: whether entries may have been missed, as the list's order kept varying;
            ``requests``: how many requests it took.
        :raises MailerSendValidationError: ids are unknown, and *on_missing* is ``fail``. It names them.
        """
        check_flags(delete_all=delete_all)
        by_value = recipients is not None or patterns is not None
        if [ids is not None, by_value, delete_all].count(True) != 1:
            raise ValueError("give one of these: ids, or recipients and patterns, or delete_all=True")
        which, scope = SuppressionList(suppression_list), Scope.of(domain_id, domain, self.settings.domain_id)
        if delete_all:
            if not scope.is_a_domain and domain_id != ACCOUNT:
                raise ValueError(
                    "delete_all=True needs its scope: give domain or domain_id, or set Domain ID in the connection; "
                    f"domain_id={ACCOUNT!r} deletes the entries of the account and of all its domains"
                )
            return self._do(DeleteAll(which, scope=scope, batch_size=batch_size))
        matches = None
        if by_value:
            matches = Matches(which, recipients=recipients or (), patterns=patterns or (), scope=scope)
        work = Deletions(
            which,
            ids or (),
            matches=matches,
            scope=scope,
            on_missing="skip" if by_value else on_missing,
            batch_size=batch_size,
        )
        return self._do(work)

    def iter_recipients(self, *, domain_id: str | None = None, domain: str | None = None) -> Iterator[Entry]:
        """
        Read the recipients, page by page: ``GET /recipients``, a request for each 100.

        :param domain_id: only this domain's; by default the connection's. Without either: all domains'.
        :param domain: the same by the domain's name, which costs one request, once for each hook.
        :return: an iterator over the recipients, in no order: ``id``, ``email``, ``created_at`` and more. The same
            address is one recipient for each domain.
        """
        scope = Scope.of(domain_id, domain, self.settings.domain_id)
        return self._iterate(lambda id_: WholeList(list_recipients(id_)), scope)

    def get_recipient(self, recipient_id: str) -> Entry:
        """
        Return one recipient: ``GET /recipients/{id}``.

        :raises MailerSendNotFoundError: there is none of this id.
        """
        return self._run(self._flow.get(get_recipient(recipient_id)))

    def delete_recipient(self, recipient_id: str, *, on_missing: OnMissing = "skip") -> bool:
        """
        Delete one recipient: ``DELETE /recipients/{id}``.

        The address is probably blocked from then on: in one account whose answers are known it stood on the blocklist,
        dated the same second. MailerSend's documents say nothing of it. To erase a person's data, delete the recipient
        of each domain, then look for the address on the blocklist, and knowingly delete that entry or keep it: an
        address that is kept to be suppressed is personal data too.

        :param recipient_id: the recipient's id.
        :param on_missing: what to do where there is none of this id: ``skip`` it, or ``fail``.
        :return: whether there was one.
        :raises MailerSendNotFoundError: there is none of this id, and *on_missing* is ``fail``.
        """
        check_choice("on_missing", on_missing, OnMissing)
        try:
            self._run(self._flow.send_change(delete_recipient(recipient_id)))
        except MailerSendNotFoundError as error:
            # Where an earlier try got no answer, it was that try that deleted it.
            if not error.may_be_processed and on_missing == "fail":
                raise
            return error.may_be_processed
        return True

    def iter_sms_recipients(
        self, *, status: str | None = None, sms_number_id: str | None = None
    ) -> Iterator[Entry]:
        """
        Read the SMS recipients, page by page: ``GET /sms-recipients``, a request for each 100.

        :param status: only those ``active``, or only those who ``opt_out``.
        :param sms_number_id: only those of this SMS number.
        :return: an iterator over the SMS recipients, in the API's order: ``id``, ``number`` in E.164, ``status``,
            ``created_at`` and more. The same phone number is one SMS recipient for each SMS number.
        """
        wanted = SmsRecipientStatus(status) if status else None
        return self._iterate(lambda _: WholeList(list_sms_recipients(wanted, sms_number_id)))

    def get_sms_recipient(self, sms_recipient_id: str) -> Entry:
        """
        Return one SMS recipient: ``GET /sms-recipients/{id}``.

        :raises MailerSendNotFoundError: there is none of this id.
        """
        return self._run(self._flow.get(get_sms_recipient(sms_recipient_id)))

    def update_sms_recipient(
        self, sms_recipient_id: str, status: Literal["active", "opt_out"] | str
    ) -> Entry:
        """
        Set whether an SMS recipient may be written to: ``PUT /sms-recipients/{id}``.

        :param sms_recipient_id: the SMS recipient's id.
        :param status: ``active`` or ``opt_out``.
        :return: the SMS recipient as it is then.
        :raises MailerSendNotFoundError: there is none of this id.
        :raises MailerSendUnexpectedAnswerError: the API's answer has another status than was asked for.
        """
        return self._run(set_status(self._flow, sms_recipient_id, SmsRecipientStatus(status)))

    def update_sms_recipients(
        self,
        status: Literal["active", "opt_out"] | str,
        *,
        ids: Iterable[str] = (),
        numbers: Iterable[str] = (),
        sms_number_id: str | None = None,
        on_missing: OnMissing = "fail",
        changed_only: bool = False,
    ) -> dict[str, Any]:
        """
        Set whether SMS recipients may be written to: ``PUT /sms-recipients/{id}``, a request for each.

        They go by their ids, or by their phone numbers: then all SMS recipients are read first, a request for each
        100, and only those are set whose status differs. What is unknown holds up none of the others.

        :param status: ``active`` or ``opt_out``.
        :param ids: the SMS recipients' ids.
        :param numbers: phone numbers in E.164, such as ``+15551234567``; spaces, dashes and brackets are forgiven. The
            same number is one SMS recipient for each SMS number: all of them are set.
        :param sms_number_id: with *numbers*, only the SMS recipients of this SMS number.
        :param on_missing: what to do about unknown ids and numbers once the others are set: ``fail``, or ``skip``.
        :param changed_only: with *ids*, whether to read all SMS recipients first, as with *numbers*, and to set only
            those whose status differs.
        :return: ``updated``: the ids set; ``unchanged``: how many had the status already, which only *numbers* tells;
            ``missing``: the ids or numbers that are unknown; ``may_be_incomplete``: whether some may have been missed,
            as the list's order kept varying; ``requests``: how many requests it took.
        :raises MailerSendRequestError: ids or numbers are unknown, and *on_missing* is ``fail``; or the API refuses
            some.
        """
        work = SmsUpdates(
            SmsRecipientStatus(status),
            ids=ids,
            numbers=numbers,
            sms_number_id=sms_number_id,
            on_missing=on_missing,
            changed_only=changed_only,
        )
        return self._do(work)

    def resolve_domain_id(self, domain: str) -> str:
        """
        Return the id of the domain of this name: ``GET /domains``, a request for each 100, once for each name.

        :param domain: the domain's name, such as ``example.com``.
        :raises MailerSendNotFoundError: the account has no such domain. It names those there are.
        """
        return self._run(find_domain(self._flow, domain))

    def get_api_quota(self) -> dict[str, Any]:
        """
        Return what is left of the day's requests: ``GET /api-quota``, which itself is free.

        :return: ``quota`` and ``remaining``, in requests, -1 meaning any number; ``reset``, in ISO 8601.
        """
        return self._run(self._flow.get_quota())

    def test_connection(self) -> tuple[bool, str]:
        """Ask for the quota, and return whether that worked and what is left, or why not."""
        try:
            return True, connected(self.get_api_quota())
        except (MailerSendError, ValueError) as error:
            return False, str(error)

    @cached_property
    def _session(self) -> requests.Session:
        return session_for(self.settings)

    @cached_property
    def _environment(self) -> Mapping[str, Any]:
        # The proxies and certificates that the environment names; a session would look them up for each request.
        settings: Mapping[str, Any] = self._session.merge_environment_settings(
            self.settings.base_url, {}, None, None, None
        )
        return settings

    @cached_property
    def _flow(self) -> Flow:
        return self._flow_for(self.settings)

    def _iterate(
        self, listing: Callable[[str | None], WholeList], scope: Scope = ACCOUNT_WIDE
    ) -> Generator[Entry, None, None]:
        whole = listing(self._run(scope.resolve(self._flow)))
        endpoint = whole.request.endpoint if whole.request else ""
        report = self._reporter.job(whole.request)
        try:
            while whole.request is not None:
                yield from self._run(self._flow.read_page(whole), report=report)
        finally:
            self._warn_of(whole, endpoint)

    def _do(self, work: Job) -> dict[str, Any]:
        """Do *work* and return its result."""
        before = self.requests_sent
        self._run(work.run(self._flow))
        result = work.result(self.requests_sent - before)
        self._warn_of_result(result)
        return result

    @cached_property
    def _reporter(self) -> Reporter:
        return self._reporter_of(self._flow)

    def _run(self, steps: Steps[_T], *, report: JobReport | None = None) -> _T:
        report = report or self._reporter.job()
        try:
            return drive(steps, partial(self._perform, report=report))
        except MailerSendError as error:
            self._fail(error)
        finally:
            self._reporter.gauge()

    def _perform(self, step: Step, report: JobReport) -> Outcome | float | None:
        if isinstance(step, Send):
            outcome = self._exchange(step)
            report.answered(step.request, outcome)
            return outcome
        if isinstance(step, Progress):
            report.reached(step)
            return None
        for seconds in report.naps(step):
            time.sleep(seconds)
        return time.time()

    def _exchange(self, step: Send) -> Outcome:
        seconds = step.limited(self.settings.timeout)
        return exchange(self._session, self._environment, self.settings, step.request, seconds)


def __getattr__(name: str) -> Any:
    # Tasks need not import what triggers need.
    if name == "MailerSendAsyncHook":
        from airflow_provider_mailersend.hooks.asynchronous import MailerSendAsyncHook

        return MailerSendAsyncHook
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
