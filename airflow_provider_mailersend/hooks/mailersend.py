"""Hooks to MailerSend: thin drivers of :mod:`airflow_provider_mailersend.api`, one blocking, one asynchronous."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

import httpx
import pendulum
import requests
from airflow.providers.common.compat.connection import get_async_connection, get_async_extra_dejson
from airflow.providers.common.compat.sdk import BaseHook
from urllib3.exceptions import NewConnectionError

from airflow_provider_mailersend.api.additions import Additions, OnInvalid
from airflow_provider_mailersend.api.answers import Answer, Failure, Outcome
from airflow_provider_mailersend.api.deletions import Deletions
from airflow_provider_mailersend.api.domains import Scope, find_domain
from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.errors import (
    MailerSendError,
    MailerSendNotFoundError,
    MailerSendUnexpectedAnswerError,
)
from airflow_provider_mailersend.api.flow import (
    RETRY_TIMEOUT,
    Flow,
    Send,
    Step,
    Steps,
    Wait,
    drive,
    drive_async,
)
from airflow_provider_mailersend.api.masking import masked_within
from airflow_provider_mailersend.api.matching import Matching
from airflow_provider_mailersend.api.pages import Paging
from airflow_provider_mailersend.api.requests import (
    BATCH_SIZE,
    Request,
    SmsRecipientStatus,
    SuppressionList,
    delete_all_suppressions,
    delete_recipient,
    get_recipient,
    get_sms_recipient,
    list_recipients,
    list_sms_recipients,
    list_suppressions,
    update_sms_recipient,
)
from airflow_provider_mailersend.api.throttle import Throttle
from airflow_provider_mailersend.hooks.connection import Settings, settings_of
from airflow_provider_mailersend.provider_info import CONNECTION_FIELDS, FIELD_BEHAVIOUR

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

#: Waits shorter than this, in seconds, are not worth a line in the log.
_WORTH_A_LINE = 1.0

_T = TypeVar("_T")
_HttpRequest = TypeVar("_HttpRequest", requests.PreparedRequest, httpx.Request)

Moment = datetime | date | str | None


class _Account(BaseHook):
    """
    What both hooks share: the connection's settings, and the flow of one account's requests.

    :param mailersend_conn_id: the Airflow connection, of type ``mailersend``.
    :param timeout: seconds to wait for one answer; the connection's when None.
    :param max_retries: how often a request is repeated after a fault; the connection's when None.
    :param quota_reserve: how many of the day's requests to leave to sending; the connection's when None.
    :param retry_timeout: how long one request may take in all, its waits and repeats included, in seconds. A job
        of many requests has no deadline here: give its task an ``execution_timeout``.
    """

    conn_name_attr = "mailersend_conn_id"
    default_conn_name = "mailersend_default"
    conn_type = "mailersend"
    hook_name = "MailerSend"

    def __init__(
        self,
        mailersend_conn_id: str = default_conn_name,
        *,
        timeout: float | None = None,
        max_retries: int | None = None,
        quota_reserve: int | None = None,
        retry_timeout: float = RETRY_TIMEOUT,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.mailersend_conn_id = mailersend_conn_id
        self.timeout = timeout
        self.max_retries = max_retries
        self.quota_reserve = quota_reserve
        self.retry_timeout = retry_timeout

    def _settings_from(self, connection: Connection, extra: dict[str, Any]) -> Settings:
        given = {
            name: value
            for name in ("timeout", "max_retries", "quota_reserve")
            if (value := getattr(self, name)) is not None
        }
        return settings_of(connection, {**extra, **given})

    def _flow_for(self, settings: Settings) -> Flow:
        throttle = Throttle(window=settings.rate_limit_window, quota_reserve=settings.quota_reserve)
        return Flow(throttle, max_retries=settings.max_retries, retry_timeout=self.retry_timeout)

    def _log_wait(self, wait: Wait, seconds: float) -> None:
        if seconds >= _WORTH_A_LINE:
            self.log.info("Waiting %.1f s for %s.", seconds, wait.reason)

    def _log_unreadable_dates(self, paging: Paging, endpoint: str) -> None:
        if paging.unreadable_dates:
            self.log.warning(
                "%s held %d entries whose created_at cannot be read, such as %r. They were kept, whatever their date.",
                endpoint,
                len(paging.unreadable_dates),
                paging.unreadable_dates[0],
            )

    def _fail(self, error: MailerSendError) -> NoReturn:
        error.conn_id = self.mailersend_conn_id
        raise error


class MailerSendHook(_Account):
    """
    MailerSend's suppression lists, recipients and SMS recipients.

    Requests go over one session, one after another. Rate limits and faults are waited out; what may not be done
    twice is looked up before it is asked for again. Entries and other things are returned as the API's own JSON.

    Every method raises :class:`~airflow_provider_mailersend.api.errors.MailerSendError`: its subclasses tell what
    went wrong, and its ``permanent`` whether trying again is useless. Bad arguments raise :class:`ValueError` or
    :class:`TypeError` before any request.

    .. code-block:: python

        hook = MailerSendHook()
        for entry in hook.iter_suppressions("unsubscribes", since="2026-01-01"):
            print(entry["recipient"]["email"])

    :param mailersend_conn_id: the Airflow connection, of type ``mailersend``: the API token in its password.
    :param timeout: seconds to wait for one answer; by default the connection's, else 30.
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
        """The connection's settings. Raises :class:`ValueError` where it says something that cannot be."""
        connection = self.get_connection(self.mailersend_conn_id)
        return self._settings_from(connection, connection.extra_dejson)

    def get_conn(self) -> requests.Session:
        """Return the session that requests go over. It sends the token to the API's own URLs only."""
        return self._session

    @property
    def requests_sent(self) -> int:
        """How many requests this hook has sent, repeats included."""
        return self._flow.requests

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

        The list is read as it changes: each entry comes once, but one that is deleted meanwhile can hide another.
        With *since* reading stops early where the list proves to be newest first. An entry whose date cannot be
        read is kept, with one warning.

        :param suppression_list: ``blocklist``, ``hard-bounces``, ``spam-complaints``, ``unsubscribes`` or
            ``on-hold-list``.
        :param domain_id: only this domain's entries; by default the connection's. Without either: the entries of
            the account and of all its domains.
        :param domain: the same by the domain's name, which costs one request, once for each hook.
        :param since: only entries made at this moment or later; a string or a datetime without a zone is in UTC.
        :param until: only entries made before this moment.
        :return: an iterator over the entries, in the API's order. On the blocklist an entry has ``id``, ``type``,
            ``pattern``, ``domain`` and ``created_at``; elsewhere ``id``, ``recipient``, ``created_at`` and more.
        """
        which, between = SuppressionList(suppression_list), _between(since, until)
        asked = list_suppressions(which, self._domain(domain_id, domain))
        return self._iterate(Paging(asked, **between))

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
        :param on_invalid: ``fail`` when the API refuses an address, or ``skip`` it and add the rest.
        :return: ``added``: the ids of the entries made; ``rejected``: what was refused, each a ``value`` and a
            ``reason``; ``requests``: how many requests it took.
        :raises MailerSendValidationError: an address was refused. Batches before its own were added: it says so.
        """
        work = Additions(
            SuppressionList(suppression_list),
            recipients=recipients,
            patterns=patterns,
            scope=Scope.of(domain_id, domain, self.settings.domain_id),
            batch_size=batch_size,
            on_invalid=on_invalid,
        )
        before = self.requests_sent
        self._run(work.run(self._flow))
        return work.result(self.requests_sent - before)

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
        ignore_missing: bool = True,
        batch_size: int = BATCH_SIZE,
    ) -> dict[str, Any]:
        """
        Take entries off a suppression list: ``DELETE /suppressions/{list}``, a request for each batch.

        Entries go by their ids, or by what they suppress: then the whole list is read first, a request for each 100
        entries. Nothing given deletes nothing. Emptying a list takes ``delete_all=True``, literally, and nothing
        else given.

        :param suppression_list: the list, as in :meth:`iter_suppressions`.
        :param ids: the ids of the entries.
        :param recipients: addresses: all their entries are deleted, duplicates too. Case does not count. Without a
            domain they may be of any domain, but on the blocklist they are the account's own.
        :param patterns: regular expressions on the blocklist, as they were added: likewise.
        :param delete_all: ``True`` deletes every entry of the domain, or without one of the account and all its
            domains. Where the answer is lost it is asked for again, so an entry made meanwhile goes too.
        :param domain_id: the domain whose entries they are; by default the connection's.
        :param domain: the same by the domain's name, which costs one request, once for each hook.
        :param ignore_missing: whether ids that the API does not know are left out, or fail the call.
        :param batch_size: how many to put into one request; less where the API refuses so many.
        :return: ``deleted``: the ids of the entries deleted; ``missing``: the ids that the API does not know, or
            the addresses and patterns that have no entry; ``all``: whether everything was deleted; ``requests``: how
            many requests it took.
        :raises MailerSendValidationError: ids are unknown, and *ignore_missing* is false. It names them.
        """
        if not isinstance(delete_all, bool):
            raise TypeError(f"delete_all must be True or False, literally; got {delete_all!r}")
        by_value = recipients is not None or patterns is not None
        if [ids is not None, by_value, delete_all].count(True) != 1:
            raise ValueError("give one of these: ids, or recipients and patterns, or delete_all=True")
        if delete_all and any(given is not None and not given.strip() for given in (domain_id, domain)):
            raise ValueError("with delete_all=True an empty domain would delete the entries of all domains")
        which, scope = SuppressionList(suppression_list), Scope.of(domain_id, domain, self.settings.domain_id)
        before = self.requests_sent
        if delete_all:
            request = delete_all_suppressions(which, self._run(scope.resolve(self._flow)))
            self._run(self._flow.carry_out(request))
            return {"deleted": [], "missing": [], "all": True, "requests": self.requests_sent - before}
        missing: list[str] = []
        if ids is None:
            matching = Matching(which, recipients=recipients or (), patterns=patterns or (), scope=scope)
            self._run(matching.run(self._flow))
            ids, missing = matching.ids, matching.missing
        work = Deletions(
            which, ids, scope=scope, ignore_missing=ignore_missing or by_value, batch_size=batch_size
        )
        self._run(work.run(self._flow))
        return {
            "deleted": work.deleted,
            "missing": missing if by_value else work.missing,
            "all": False,
            "requests": self.requests_sent - before,
        }

    def iter_recipients(self, *, domain_id: str | None = None, domain: str | None = None) -> Iterator[Entry]:
        """
        Read the recipients, page by page: ``GET /recipients``, a request for each 100.

        :param domain_id: only this domain's; by default the connection's. Without either: all domains'.
        :param domain: the same by the domain's name, which costs one request, once for each hook.
        :return: an iterator over the recipients, in no order: ``id``, ``email``, ``created_at`` and more. The same
            address is one recipient for each domain.
        """
        return self._iterate(Paging(list_recipients(self._domain(domain_id, domain))))

    def get_recipient(self, recipient_id: str) -> Entry:
        """
        Return one recipient: ``GET /recipients/{id}``.

        :raises MailerSendNotFoundError: there is none of this id.
        """
        return self._run(self._flow.get(get_recipient(recipient_id)))

    def delete_recipient(self, recipient_id: str, *, ignore_missing: bool = True) -> bool:
        """
        Delete one recipient: ``DELETE /recipients/{id}``.

        :param recipient_id: the recipient's id.
        :param ignore_missing: whether it is no error when there is none of this id.
        :return: whether there was one.
        :raises MailerSendNotFoundError: there is none of this id, and *ignore_missing* is false.
        """
        try:
            self._run(self._flow.carry_out(delete_recipient(recipient_id)))
        except MailerSendNotFoundError as error:
            # Where an earlier try got no answer, it was that try that deleted it.
            if not error.follows_unknown and not ignore_missing:
                raise
            return error.follows_unknown
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
        return self._iterate(Paging(list_sms_recipients(wanted, sms_number_id)))

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
        request = update_sms_recipient(sms_recipient_id, SmsRecipientStatus(status))
        recipient = self._run(self._flow.get(request))
        if recipient.get("status") != status:
            self._fail(
                MailerSendUnexpectedAnswerError(
                    f"{request.endpoint} was to set the status {status}, and answered with the status "
                    f"{recipient.get('status')!r}. Look in MailerSend whether it was set.",
                    endpoint=request.endpoint,
                )
            )
        return recipient

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
            return True, _connected(self.get_api_quota())
        except (MailerSendError, ValueError) as error:
            return False, str(error)

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.headers["Accept"] = "application/json"
        # As auth, not as a header: a .netrc entry for the host would replace a header.
        session.auth = _Bearer(self.settings)
        session.trust_env = not self.settings.on_this_machine
        return session

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

    def _domain(self, domain_id: str | None, domain: str | None) -> str | None:
        return self._run(Scope.of(domain_id, domain, self.settings.domain_id).resolve(self._flow))

    def _iterate(self, paging: Paging) -> Generator[Entry, None, None]:
        endpoint = paging.request.endpoint if paging.request else ""
        try:
            while paging.request is not None:
                yield from self._run(self._flow.read_page(paging))
        finally:
            self._log_unreadable_dates(paging, endpoint)

    def _run(self, steps: Steps[_T]) -> _T:
        try:
            return drive(steps, self._perform)
        except MailerSendError as error:
            self._fail(error)

    def _perform(self, step: Step) -> Outcome | float:
        if isinstance(step, Send):
            return self._exchange(step.request)
        seconds = step.until - time.time()
        if seconds > 0:
            self._log_wait(step, seconds)
            time.sleep(seconds)
        return time.time()

    def _exchange(self, request: Request) -> Outcome:
        asked = requests.Request(
            request.method,
            self.settings.base_url + request.path,
            params=request.params,
            json=request.body,
        )
        try:
            response = self._session.send(
                self._session.prepare_request(asked),
                timeout=self.settings.timeout,
                allow_redirects=False,
                **self._environment,
            )
        except OSError as error:  # what requests raises, and what certificates that are not there do
            return Failure(_said_by(error), never_sent=_never_sent(error), at=time.time())
        return Answer(response.status_code, response.headers, response.content, time.time())


class MailerSendAsyncHook(_Account):
    """
    The reading half of :class:`MailerSendHook`, and the quota, for triggers: nothing blocks the event loop.

    It is an asynchronous context manager, which closes its connections.

    .. code-block:: python

        async with MailerSendAsyncHook() as hook:
            async for entry in hook.iter_suppressions("hard-bounces"):
                print(entry["recipient"]["email"])

    Parameters, errors and what is returned are those of :class:`MailerSendHook`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._account: tuple[Settings, Flow] | None = None
        self._client: httpx.AsyncClient | None = None
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> MailerSendAsyncHook:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections to MailerSend. The hook can be used again afterwards."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    @property
    def requests_sent(self) -> int:
        """How many requests this hook has sent, repeats included."""
        return self._account[1].requests if self._account is not None else 0

    async def iter_suppressions(
        self,
        suppression_list: str,
        *,
        domain_id: str | None = None,
        domain: str | None = None,
        since: Moment = None,
        until: Moment = None,
    ) -> AsyncIterator[Entry]:
        """Read a suppression list, page by page: as :meth:`MailerSendHook.iter_suppressions`."""
        which, between = SuppressionList(suppression_list), _between(since, until)
        asked = list_suppressions(which, await self._domain(domain_id, domain))
        async for entry in self._iterate(Paging(asked, **between)):
            yield entry

    async def list_suppressions(
        self,
        suppression_list: str,
        *,
        domain_id: str | None = None,
        domain: str | None = None,
        since: Moment = None,
        until: Moment = None,
    ) -> list[Entry]:
        """Return all that :meth:`iter_suppressions` yields, as a list."""
        entries = self.iter_suppressions(
            suppression_list, domain_id=domain_id, domain=domain, since=since, until=until
        )
        return [entry async for entry in entries]

    async def iter_recipients(
        self, *, domain_id: str | None = None, domain: str | None = None
    ) -> AsyncIterator[Entry]:
        """Read the recipients, page by page: as :meth:`MailerSendHook.iter_recipients`."""
        async for entry in self._iterate(Paging(list_recipients(await self._domain(domain_id, domain)))):
            yield entry

    async def get_recipient(self, recipient_id: str) -> Entry:
        """Return one recipient: as :meth:`MailerSendHook.get_recipient`."""
        return await self._run(lambda flow: flow.get(get_recipient(recipient_id)))

    async def iter_sms_recipients(
        self, *, status: str | None = None, sms_number_id: str | None = None
    ) -> AsyncIterator[Entry]:
        """Read the SMS recipients, page by page: as :meth:`MailerSendHook.iter_sms_recipients`."""
        wanted = SmsRecipientStatus(status) if status else None
        async for entry in self._iterate(Paging(list_sms_recipients(wanted, sms_number_id))):
            yield entry

    async def get_sms_recipient(self, sms_recipient_id: str) -> Entry:
        """Return one SMS recipient: as :meth:`MailerSendHook.get_sms_recipient`."""
        return await self._run(lambda flow: flow.get(get_sms_recipient(sms_recipient_id)))

    async def resolve_domain_id(self, domain: str) -> str:
        """Return the id of the domain of this name: as :meth:`MailerSendHook.resolve_domain_id`."""
        return await self._run(lambda flow: find_domain(flow, domain))

    async def get_api_quota(self) -> dict[str, Any]:
        """Return what is left of the day's requests: as :meth:`MailerSendHook.get_api_quota`."""
        return await self._run(lambda flow: flow.get_quota())

    async def test_connection(self) -> tuple[bool, str]:
        """Ask for the quota, and return whether that worked and what is left, or why not."""
        try:
            return True, _connected(await self.get_api_quota())
        except (MailerSendError, ValueError) as error:
            return False, str(error)

    async def _domain(self, domain_id: str | None, domain: str | None) -> str | None:
        settings, _ = await self._connect()
        scope = Scope.of(domain_id, domain, settings.domain_id)
        return await self._run(scope.resolve)

    async def _connect(self) -> tuple[Settings, Flow]:
        async with self._connecting:
            if self._account is None:
                connection = await get_async_connection(self.mailersend_conn_id, hook=self)
                settings = self._settings_from(connection, await get_async_extra_dejson(connection))
                self._account = settings, self._flow_for(settings)
        return self._account

    async def _iterate(self, paging: Paging) -> AsyncIterator[Entry]:
        endpoint = paging.request.endpoint if paging.request else ""
        try:
            while paging.request is not None:
                for entry in await self._run(lambda flow: flow.read_page(paging)):
                    yield entry
        finally:
            self._log_unreadable_dates(paging, endpoint)

    async def _run(self, steps_of: Callable[[Flow], Steps[_T]]) -> _T:
        _, flow = await self._connect()
        try:
            return await drive_async(steps_of(flow), self._perform)
        except MailerSendError as error:
            self._fail(error)

    async def _perform(self, step: Step) -> Outcome | float:
        if isinstance(step, Send):
            return await self._exchange(step.request)
        seconds = step.until - time.time()
        if seconds > 0:
            self._log_wait(step, seconds)
            await asyncio.sleep(seconds)
        return time.time()

    async def _exchange(self, request: Request) -> Outcome:
        settings, _ = await self._connect()
        if self._client is None:
            # Reading the certificates takes tens of milliseconds, too long for an event loop.
            async with self._connecting:
                if self._client is None:
                    self._client = await asyncio.to_thread(
                        httpx.AsyncClient, trust_env=not settings.on_this_machine
                    )
        try:
            response = await self._client.request(
                request.method,
                settings.base_url + request.path,
                params=dict(request.params),
                json=request.body,
                headers={"Accept": "application/json"},
                auth=_Bearer(settings),
                timeout=settings.timeout,
                follow_redirects=False,
            )
        except httpx.RequestError as error:
            return Failure(
                _said_by(error),
                never_sent=isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)),
                at=time.time(),
            )
        return Answer(response.status_code, response.headers, response.content, time.time())


class _Bearer:
    """Puts the token on requests to the API itself, of either HTTP library, and on no others."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, request: _HttpRequest) -> _HttpRequest:
        if str(request.url).startswith(f"{self._settings.base_url}/"):
            request.headers["Authorization"] = f"Bearer {self._settings.token}"
        return request


def _between(since: Moment, until: Moment) -> dict[str, datetime | None]:
    start, end = _moment("since", since), _moment("until", until)
    if start is not None and end is not None and end <= start:
        raise ValueError(
            f"until ({end.isoformat()}) must be later than since ({start.isoformat()}): between them nothing can be. "
            "On Airflow 3 a DAG scheduled by a cron expression has a data interval without length; "
            "CronDataIntervalTimetable gives it one."
        )
    return {"since": start, "until": end}


def _moment(name: str, value: Moment) -> datetime | None:
    if value is None:
        return None
    try:
        moment = pendulum.parse(value, exact=True) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if isinstance(moment, date):
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    raise ValueError(f"{name} must be a moment in ISO 8601, such as 2026-01-31T12:00:00Z; got {value!r}")


def _connected(quota: dict[str, Any]) -> str:
    if quota["remaining"] < 0:
        return "Connected to MailerSend. The account's requests a day are not limited."
    return (
        f"Connected to MailerSend. {quota['remaining']} of the day's {quota['quota']} requests are left until "
        f"{quota['reset']}."
    )


def _never_sent(error: OSError) -> bool:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)


def _said_by(error: BaseException) -> str:
    root = error
    while (earlier := root.__cause__ or root.__context__) is not None:
        root = earlier
    return f"{type(error).__name__}, {masked_within(str(root)[:300])}" if str(root) else type(error).__name__
