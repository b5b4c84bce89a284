"""Runs the generators of ``api`` and ``jobs`` over requests: sends, sleeps, logs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import cached_property, partial
from typing import Any, Protocol, TypeVar, cast

import requests

from airflow_provider_mailersend.api import requests as endpoints
from airflow_provider_mailersend.api.answers import Answer, Outcome
from airflow_provider_mailersend.api.bodies import Body, BodyError
from airflow_provider_mailersend.api.entries import Entry
from airflow_provider_mailersend.api.flow import Flow, Progress, Send, Steps
from airflow_provider_mailersend.api.pages import WholeList
from airflow_provider_mailersend.api.requests import (
    RECIPIENTS,
    SMS_RECIPIENTS,
    Request,
    SuppressionList,
    check_list_name,
)
from airflow_provider_mailersend.exceptions import MailerSendError
from airflow_provider_mailersend.hooks.account import MailerSendAccount
from airflow_provider_mailersend.hooks.deadline import DeadlineAdapter, within
from airflow_provider_mailersend.hooks.exchange import HEADERS, Bearer, no_answer, unreadable
from airflow_provider_mailersend.hooks.progress import JobReport
from airflow_provider_mailersend.jobs.domains import ACCOUNT_WIDE, Scope, check_no_domain, find_domain
from airflow_provider_mailersend.jobs.lookup import Lookup
from airflow_provider_mailersend.moments import Moment, between

_T = TypeVar("_T")

#: How much of a body is read at once, in bytes.
_CHUNK = 65536

#: What makes the request for a list of a domain, by the list's name.
_LISTS: dict[str, Callable[[str | None], Request]] = {
    **{each: partial(endpoints.list_suppressions, each) for each in SuppressionList},
    RECIPIENTS: endpoints.list_recipients,
    SMS_RECIPIENTS: lambda domain_id: endpoints.list_sms_recipients(),
}


class Job(Protocol):
    """Work of many requests."""

    def run(self, flow: Flow) -> Steps[None]: ...

    def result(self, requests: int) -> dict[str, Any]: ...


class RequestsDriver(MailerSendAccount):
    """Sends one account's requests over one session, one after another."""

    @cached_property
    def _session(self) -> requests.Session:
        session = requests.Session()
        session.headers.update(HEADERS)
        # As auth, not as a header: a .netrc entry for the host would replace a header.
        session.auth = Bearer(self.settings)
        session.trust_env = not self.settings.on_this_machine
        for scheme in ("https://", "http://"):
            session.mount(scheme, DeadlineAdapter())
        return session

    def is_outdated(self) -> bool:
        """Return whether the Airflow connection was changed since this hook read it."""
        return self._read_settings(self.get_connection(self.mailersend_conn_id)) != self.settings

    def get_conn(self) -> requests.Session:
        """
        Return the session that requests go over. It sends the token to the API's own URLs only.

        .. code-block:: python

            limits = hook.get_conn().get(f"{hook.settings.base_url}/api-quota", timeout=30).headers
        """
        return self._session

    def test_connection(self) -> tuple[bool, str]:
        """
        Request the quota; return whether that worked, and what is left or why not.

        .. code-block:: python

            works, message = hook.test_connection()
        """
        try:
            quota = self.get_api_quota()
        except (MailerSendError, ValueError) as error:
            return False, str(error)
        if quota["remaining"] < 0:
            return True, "Connected to MailerSend. The account has no daily quota."
        return True, (
            f"Connected to MailerSend. {quota['remaining']} of {quota['quota']} requests of the daily quota are left "
            f"until {quota['reset']}."
        )

    def resolve_domain_id(self, domain: str) -> str:
        """
        Return the ID of the domain with this name: ``GET /domains``, one request per 100, once per name.

        .. code-block:: python

            domain_id = hook.resolve_domain_id("example.com")

        :raises MailerSendNotFoundError: the account has no such domain. It names the existing ones.
        """
        return self._run(find_domain(self._flow, domain))

    def get_api_quota(self) -> dict[str, Any]:
        """
        Return what is left of the daily quota: ``GET /api-quota``, which doesn't count against it.

        The result has ``quota`` and ``remaining``, in requests, -1 meaning unlimited; and ``reset``, in ISO 8601.

        .. code-block:: python

            left = hook.get_api_quota()["remaining"]
        """
        return self._run(self._flow.get_quota())

    def read_pages(
        self,
        list_name: str,
        *,
        domain_id: str | None = None,
        domain: str | None = None,
        since: Moment = None,
        until: Moment = None,
    ) -> ListPages:
        """
        Read any list page by page, one request per 100 entries.

        .. code-block:: python

            pages = hook.read_pages("hard-bounces", since="2026-01-01")
            for entries in pages:
                store(entries)
            print(pages.domain_id, pages.may_be_incomplete)

        :param list_name: a suppression list, ``recipients`` or ``sms-recipients``, which belong to no domain.
        :param since: only entries created at this time or later: ISO 8601 or a datetime, in UTC without a time zone.
        :param until: only entries created before this time.
        :return: the pages, each a list of entries: see :class:`.ListPages`. Nothing is sent until they are iterated.
        """
        make_request = _LISTS[check_list_name(list_name)]
        if list_name == SMS_RECIPIENTS:
            check_no_domain(list_name, domain_id, domain)
            return ListPages(self, make_request, since=since, until=until)
        return ListPages(self, make_request, self._scope(domain_id, domain), since=since, until=until)

    def locate_suppressions(
        self,
        suppression_list: str,
        last_pages: Mapping[tuple[str, str], int],
        *,
        domain_id: str | None = None,
        domain: str | None = None,
        both_ways: bool = True,
    ) -> dict[tuple[str, str], tuple[int, Entry]]:
        """Find several entries near the pages where they stood last, for sensors: see :class:`.Lookup`."""
        scope = self._scope(domain_id, domain)
        lookup = Lookup(SuppressionList(suppression_list), last_pages, scope=scope, both_ways=both_ways)
        return self._run(lookup.run(self._flow))

    def _run_job(self, job: Job) -> dict[str, Any]:
        sent_before = self.requests_sent
        self._run(job.run(self._flow))
        result = job.result(self.requests_sent - sent_before)
        self._warn_about_result(result)
        return result

    def _run(self, steps: Steps[_T], report: JobReport | None = None) -> _T:
        """Do all *steps* and return their result."""
        report = report or JobReport(self._reporter)
        result: Any = None
        try:
            while True:
                step = steps.send(result)
                result = None
                if isinstance(step, Send):
                    result = self._exchange(step)
                    report.answered(step.request, result)
                elif isinstance(step, Progress):
                    report.reached(step)
                else:
                    for seconds in report.naps(step):
                        time.sleep(seconds)
                    result = time.time()
        except StopIteration as end:
            return cast(_T, end.value)
        except MailerSendError as error:
            error.conn_id = self.mailersend_conn_id
            raise
        finally:
            self._reporter.gauge()

    def _exchange(self, step: Send) -> Outcome:
        """Send a request within its time limit and return the outcome, whatever it is: no error is raised."""
        request, settings = step.request, self.settings
        seconds = step.limited(settings.timeout)
        with within(seconds) as deadline:
            try:
                url = settings.base_url + request.path
                prepared = self._session.prepare_request(
                    requests.Request(request.method, url, params=request.params, json=request.body)
                )
                adapter = self._session.get_adapter(url)
                # An adapter that somebody else mounted doesn't report it.
                deadline.sent = not isinstance(adapter, DeadlineAdapter)
                # Not by the session, which would read a redirect's whole body and parse its target.
                environment: Any = self._session.merge_environment_settings(url, {}, True, None, None)
                with closing(adapter.send(prepared, timeout=seconds, **environment)) as response:
                    return _read(response)
            except Exception as error:  # the libraries raise many kinds, not all of them documented
                return no_answer(
                    error,
                    settings,
                    timed_out_after=seconds if deadline.is_over else None,
                    never_sent=not deadline.sent,
                    # A wrong URL, of the API or of a proxy, or a missing module for it.
                    permanent=not deadline.sent and isinstance(error, (ValueError, ImportError)),
                )


class ListPages:
    """
    The pages of one list, each a list of at least one entry. Each iteration reads the list anew.

    :param make_request: returns the request for the list of a domain.
    """

    def __init__(
        self,
        hook: RequestsDriver,
        make_request: Callable[[str | None], Request],
        scope: Scope = ACCOUNT_WIDE,
        *,
        since: Moment = None,
        until: Moment = None,
    ) -> None:
        #: The domain's ID, resolved from its name once they are iterated; None for the account and all its domains.
        self.domain_id = scope.domain_id
        #: Whether entries may have been missed, once they are read: the list's order kept changing between requests.
        self.may_be_incomplete = False
        self._hook = hook
        self._make_request = make_request
        self._scope = scope
        self._moments = between(since, until)

    def __iter__(self) -> Iterator[list[Entry]]:
        hook = self._hook
        self.domain_id = hook._run(self._scope.resolve(hook._flow))
        request = self._make_request(self.domain_id)
        whole = WholeList(request, **self._moments)
        report = JobReport(hook._reporter, request)
        try:
            while whole.request is not None:
                if entries := hook._run(hook._flow.read_page(whole), report):
                    yield entries
        finally:
            self.may_be_incomplete = whole.may_be_incomplete
            hook._warn_about_list(whole, request.endpoint)


def _read(response: requests.Response) -> Outcome:
    try:
        body = Body(response.headers.get("Content-Encoding"))
        for piece in response.raw.stream(_CHUNK, decode_content=False):
            body.feed(piece)
        return Answer(response.status_code, response.headers, body.whole(), time.time())
    except BodyError as error:
        return unreadable(response.status_code, response.headers, error)
