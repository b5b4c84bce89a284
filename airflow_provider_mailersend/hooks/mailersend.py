"""The hook of tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from itertools import chain
from typing import TYPE_CHECKING, Any

from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.requests import ACCOUNT, BATCH_SIZE, SuppressionList
from airflow_provider_mailersend.hooks.recipients import RecipientMethods
from airflow_provider_mailersend.jobs.additions import Additions
from airflow_provider_mailersend.jobs.deletions import DeleteAll, Deletions
from airflow_provider_mailersend.jobs.lookup import Matches
from airflow_provider_mailersend.jobs.sync import Sync, SyncOptions
from airflow_provider_mailersend.jobs.wanted import (
    Item,
    OnInvalid,
    OnMissing,
    Wanted,
    check_flags,
    make_item,
)
from airflow_provider_mailersend.moments import Moment, moment
from airflow_provider_mailersend.provider_info import connection_form_widgets, ui_field_behaviour

if TYPE_CHECKING:
    from airflow_provider_mailersend.hooks.asynchronous import MailerSendAsyncHook

__all__ = ["MailerSendAsyncHook", "MailerSendHook"]


class MailerSendHook(RecipientMethods):
    """
    MailerSend's suppression lists, recipients and SMS recipients.

    The hook waits for rate limits and retries faults; a change that must not be made twice is looked up before it is
    sent again. Entries and other objects are the API's own JSON. Methods raise :class:`.MailerSendError`, whose
    ``permanent`` tells whether a retry is useless; invalid arguments raise :class:`ValueError` or :class:`TypeError`
    before any request.

    .. code-block:: python

        hook = MailerSendHook()
        for entry in hook.iter_suppressions("unsubscribes", since="2026-01-01"):
            print(entry["recipient"]["email"])

    These arguments mean the same in all methods:

    - *suppression_list*: ``blocklist``, ``hard-bounces``, ``spam-complaints``, ``unsubscribes`` or ``on-hold-list``,
      to which only MailerSend itself adds.
    - *domain_id*: a domain's ID; by default the connection's. ``account``, or no domain in either place, is the account
      and all its domains. Only the blocklist takes new entries without a domain.
    - *domain*: a domain's name instead, resolved with one extra request, once per hook.
    - *recipients*: addresses, compared case-insensitively, whitespace stripped, duplicates removed; *patterns*: regular
      expressions, on the blocklist only.
    - *batch_size*: the most items to send in one request; fewer where the API refuses so many.
    - in results, ``requests``: how many were sent; and ``may_be_incomplete``: whether entries may have been missed
      because the list's order kept changing between requests.

    :param mailersend_conn_id: the Airflow connection, of type ``mailersend``, with the API token as its password.
    :param timeout: the time limit of one request up to its last byte, in seconds; by default the connection's, else 30.
    :param max_retries: how often a request is retried after a fault; by default the connection's, else 5.
    :param quota_reserve: requests of the daily quota to leave for sending; by default the connection's, else 0.
    :param retry_timeout: the time limit of one request with its waits and retries, in seconds; a whole job has none.
    """

    # Airflow 2.11 looks for these two on the class itself.
    get_connection_form_widgets = staticmethod(connection_form_widgets)
    get_ui_field_behaviour = staticmethod(ui_field_behaviour)

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
        Read a suppression list page by page: ``GET /suppressions/{list}``, one request per 100 entries.

        Each entry comes once; one that is deleted meanwhile can hide another. A list whose order changes between
        requests is read up to three times, with a warning if entries may still be missing. With *since*, reading stops
        early if the list proves to be newest first. Entries with an unreadable date are included, with a warning.

        .. code-block:: python

            for entry in hook.iter_suppressions("hard-bounces", domain="example.com", since="2026-01-01"):
                print(entry["recipient"]["email"], entry["reason"])

        :param since: only entries created at this time or later: ISO 8601 or a datetime, in UTC without a time zone.
        :param until: only entries created before this time.
        :return: an iterator over the entries in the API's order, which sends nothing until it is iterated. On the
            blocklist an entry has ``id``, ``type``, ``pattern``, ``domain`` and ``created_at``; on other lists ``id``,
            ``recipient``, ``created_at`` and more.
        """
        which = SuppressionList(suppression_list)
        pages = self.read_pages(which, domain_id=domain_id, domain=domain, since=since, until=until)
        return chain.from_iterable(pages)

    def list_suppressions(
        self,
        suppression_list: str,
        *,
        domain_id: str | None = None,
        domain: str | None = None,
        since: Moment = None,
        until: Moment = None,
    ) -> list[Entry]:
        """
        Return all entries of :meth:`iter_suppressions` as a list. Iterate large lists instead to save memory.

        .. code-block:: python

            blocked = hook.list_suppressions("blocklist", domain_id="account")
        """
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
        Find the entry of an address or a pattern: ``GET /suppressions/{list}``.

        It takes one request per 100 entries down to the match. Without a match, a list of more than one page is also
        read from its end, as an entry deleted meanwhile can hide another.

        .. code-block:: python

            entry = hook.find_suppression("blocklist", recipient="jane@example.com")
            is_blocked = entry is not None

        :param recipient: the address; or give *pattern*, a regular expression on the blocklist, as it was added.
        :return: the first entry on the list; None if there is none.
        :raises MailerSendIncompleteListError: not found, but the list's order kept changing, so it may be there.
        """
        wanted = make_item(recipient, pattern)
        found = self.locate_suppressions(
            suppression_list, {(wanted.kind, wanted.value): 1}, domain_id=domain_id, domain=domain
        )
        return next((entry for _, entry in found.values()), None)

    def add_suppressions(
        self,
        suppression_list: str,
        *,
        recipients: Iterable[str] | None = None,
        patterns: Iterable[str] | None = None,
        domain_id: str | None = None,
        domain: str | None = None,
        batch_size: int = BATCH_SIZE,
        on_invalid: OnInvalid = "fail",
        added_since: Moment = None,
        settle: bool = False,
    ) -> dict[str, Any]:
        """
        Add addresses to a suppression list: ``POST /suppressions/{list}``, one request per batch.

        Give *recipients*, *patterns* or both; empty lists add nothing. After a request without a response, the list is
        read before any of that batch is sent again.

        .. code-block:: python

            hook.add_suppressions("blocklist", recipients=["jane@example.com"], patterns=[r".*@example.org"])
            # {"added": ["60f198790542d97fb66dfe52", …], "rejected": [], "requests": 1, …}

        :param on_invalid: ``fail`` if the API refuses an address or stores a different one, or ``skip`` it.
        :param added_since: entries created at this time or later, in UTC without a time zone, count as added already by
            an earlier run. They are read first, one request per 100.
        :param settle: with *added_since*, whether to wait some seconds first, as the last request of a killed run may
            still be in progress.
        :return: ``added``, the IDs of the new entries; ``rejected``, each a ``value`` and a ``reason``;
            ``stored_differently``, what the API stored as something else: ``value``, ``where``, ``stored_as``.
        :raises MailerSendValidationError: *on_invalid* is ``fail``, and an address was refused after the batches
            before it were added, or all were added and some are stored differently.
        """
        if recipients is None and patterns is None:
            raise ValueError("give recipients or patterns, or both")
        since = moment("added_since", added_since)
        additions = Additions(
            SuppressionList(suppression_list),
            recipients=() if recipients is None else recipients,
            patterns=() if patterns is None else patterns,
            scope=self._scope(domain_id, domain),
            batch_size=batch_size,
            on_invalid=on_invalid,
            added_since=since.timestamp() if since else None,
            settle=settle,
        )
        return self._run_job(additions)

    def sync_suppressions(
        self,
        suppression_list: str,
        *,
        recipients: Iterable[str | Item] | None = None,
        patterns: Iterable[str | Item] | None = None,
        domain_id: str | None = None,
        domain: str | None = None,
        on_rejected: Callable[[Mapping[Item, str]], None] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """
        Make a suppression list match a source of truth: read it once, then add and delete the difference.

        It sends ``GET /suppressions/{list}`` per 100 entries, until it has met everything wanted if it only adds; then
        ``POST`` and ``DELETE`` per batch; and the free ``GET /api-quota`` if the daily quota may not be enough.

        Only the domain's entries are counted and changed, without a domain only the account's own; and of these only
        the kinds given: without *patterns*, patterns are left alone.

        .. code-block:: python

            wanted = ["jane@example.com", "joe@example.com"]
            result = hook.sync_suppressions("unsubscribes", recipients=wanted, mode="mirror", max_deletes=5)
            print(result["added"], result["deleted"])

        :param mode: ``add_only`` (the default), or ``mirror``, which also deletes entries that are not wanted.
        :param max_deletes: how many entries a ``mirror`` may delete: an integer, or as a float a fraction of those
            present, by default 0.1. If it would delete more, it fails before any change.
        :param allow_empty: whether a ``mirror`` may be given no recipients, or no patterns, at all.
        :param remove_duplicates: whether to keep only the oldest entry of each wanted address or pattern.
        :param dry_run: whether to plan only.
        :param approved_plan: the ``plan`` of a dry run: no other may be carried out.
        :param on_rejected: called at the end, also on an error, with all rejected items and the reasons.
        :param on_invalid: as in :meth:`add_suppressions`, once all else is done.
        :param settle: whether to wait some seconds first, as in :meth:`add_suppressions`.
        :param resume_after_quota_reset: whether to begin even if one day's quota isn't enough, as a later call resumes.
        :param pages_read: with that, the ``counts["pages"]`` of the last call's error.
        :return: as :class:`.MailerSendSyncSuppressionsOperator` returns it.
        :raises MailerSendGuardError: it would delete more than allowed; nothing was changed.
        :raises MailerSendValidationError: *on_invalid* is ``fail`` and applies; all else was done.
        """
        known = [field.name for field in fields(SyncOptions)]
        for name in options.keys() - known:
            raise TypeError(f"sync_suppressions() takes no {name!r}; its options are {', '.join(known)}")
        which, scope = SuppressionList(suppression_list), self._scope(domain_id, domain)
        job = Sync(which, Wanted(recipients, patterns), scope=scope, options=SyncOptions(**options))
        try:
            return self._run_job(job)
        finally:
            if on_rejected is not None:
                on_rejected(job.rejected)

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
        settle: bool = False,
        made_before: Moment = None,
    ) -> dict[str, Any]:
        """
        Delete entries of a suppression list: ``DELETE /suppressions/{list}``, one request per batch.

        Give *ids*, of whatever domain; or *recipients* and *patterns*, for which the whole list is read first, one
        request per 100 entries; or ``delete_all=True``. An empty list of them deletes nothing.

        .. code-block:: python

            result = hook.delete_suppressions("hard-bounces", recipients=["joe@example.com"])
            print(result["deleted"], result["missing"])

        :param recipients: all their entries are deleted, those of *patterns* too: the domain's; without a domain those
            of any domain, but on the blocklist the account's own.
        :param delete_all: ``True`` deletes every entry of the domain, or with ``domain_id="account"`` of the account
            and all its domains. The first page is read before: if the response is lost, only older entries are deleted.
        :param on_missing: ``skip`` *ids* that don't exist, or ``fail``.
        :param settle: whether to wait some seconds before reading the list, as in :meth:`add_suppressions`.
        :param made_before: with *recipients* and *patterns*, keep entries created a minute after this time or later:
            clocks may differ by that much.
        :return: ``deleted``, the IDs of the deleted entries; ``missing``, the IDs that don't exist, or the addresses
            and patterns without an entry; ``all``, whether everything was deleted.
        :raises MailerSendValidationError: IDs don't exist, and *on_missing* is ``fail``. It names them.
        """
        check_flags(delete_all=delete_all)
        by_value = recipients is not None or patterns is not None
        if [ids is not None, by_value, delete_all].count(True) != 1:
            raise ValueError("give one of these: ids, or recipients and patterns, or delete_all=True")
        if made_before is not None and not by_value:
            raise ValueError("made_before is for recipients and patterns: leave it out with anything else")
        if on_missing == "fail" and ids is None:
            raise ValueError("on_missing='fail' is for ids: leave it out with anything else")
        which, scope = SuppressionList(suppression_list), self._scope(domain_id, domain)
        if delete_all:
            if not scope.is_a_domain and domain_id != ACCOUNT:
                raise ValueError(
                    "delete_all=True needs its scope: give domain or domain_id, or set Domain ID in the connection; "
                    f"domain_id={ACCOUNT!r} deletes the entries of the account and of all its domains"
                )
            return self._run_job(DeleteAll(which, scope=scope, batch_size=batch_size))
        matches = None
        if by_value:
            values = {"recipients": recipients or (), "patterns": patterns or ()}
            before = moment("made_before", made_before)
            matches = Matches(which, **values, scope=scope, settle=settle, made_before=before)
        deletions = Deletions(
            which, ids or (), matches=matches, scope=scope, on_missing=on_missing, batch_size=batch_size
        )
        return self._run_job(deletions)


def __getattr__(name: str) -> Any:
    # Tasks don't import what triggers need.
    if name == "MailerSendAsyncHook":
        from airflow_provider_mailersend.hooks.asynchronous import MailerSendAsyncHook

        return MailerSendAsyncHook
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
