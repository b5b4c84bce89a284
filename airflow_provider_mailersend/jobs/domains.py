"""Whose entries are meant: a domain's, by id or name, or the account's."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_mailersend.api.flow import Flow, Steps
from airflow_provider_mailersend.api.leftovers import leftover_problem
from airflow_provider_mailersend.api.masking import join_first, masked_within
from airflow_provider_mailersend.api.pages import WholeList
from airflow_provider_mailersend.api.requests import ACCOUNT, SuppressionList, list_domains
from airflow_provider_mailersend.exceptions import MailerSendNotFoundError


@dataclass(frozen=True, slots=True)
class Scope:
    """
    One domain; or, with neither id nor name, the account and all its domains.

    :param domain: the domain's name, resolved with one extra request, once per flow.
    """

    domain_id: str | None = None
    domain: str | None = None

    @classmethod
    def of(cls, domain_id: str | None, domain: str | None, default_id: str | None) -> Scope:
        """
        Return the scope that a caller means, who passed *domain_id*, *domain*, or neither for *default_id*.

        :raises ValueError: both were passed, or one that isn't a domain: an empty template must not mean "all".
        :raises TypeError: one isn't a string.
        """
        for name, value in (("domain_id", domain_id), ("domain", domain)):
            if value is not None and not isinstance(value, str):
                raise TypeError(f"{name} must be a string; got {type(value).__name__}")
            problem = leftover_problem(value) if value is not None else None
            if problem is not None:
                raise ValueError(f"{name} is not a domain. {problem}")
        if domain_id and domain:
            raise ValueError("give either domain_id or domain, not both")
        if domain:
            return cls(domain=domain)
        return cls(domain_id=None if domain_id == ACCOUNT else domain_id or default_id)

    def name_of(self, suppression_list: str) -> str:
        """
        Return a list's name with its domain, for logs and errors.

        >>> Scope(domain="example.com").name_of("blocklist")
        'blocklist (domain example.com)'
        >>> ACCOUNT_WIDE.name_of("blocklist")
        'blocklist (account-wide)'
        """
        scope = f"domain {self.domain or self.domain_id}" if self.is_a_domain else "account-wide"
        return f"{suppression_list} ({scope})"

    @property
    def is_a_domain(self) -> bool:
        return bool(self.domain_id or self.domain)

    def check_adding(self, suppression_list: SuppressionList, doing: str) -> None:
        """Raise :class:`ValueError`, saying what needs it, if the list takes additions only to a domain."""
        if suppression_list.adds_to_a_domain and not self.is_a_domain:
            raise ValueError(
                f"{doing} {suppression_list} needs a domain: give domain or domain_id, or set Domain ID in the "
                "connection"
            )

    def resolve(self, flow: Flow) -> Steps[str | None]:
        """Return the domain's id, or None for the account."""
        if self.domain is None:
            return self.domain_id
        return (yield from find_domain(flow, self.domain))


#: The account and all its domains.
ACCOUNT_WIDE = Scope()


def check_no_domain(list_name: str, domain_id: str | None, domain: str | None) -> None:
    """Raise :class:`ValueError` if a domain was passed for a list of the account: it would narrow nothing down."""
    if domain is not None or domain_id not in (None, ACCOUNT):
        raise ValueError(f"{list_name} belong to no domain: give neither domain nor domain_id")


def find_domain(flow: Flow, name: str) -> Steps[str]:
    """
    Return the id of the domain *name*, case-insensitively; *flow* remembers it.

    :raises MailerSendNotFoundError: the account has no such domain.
    """
    whole = WholeList(list_domains())
    while (found := known_domain_id(flow, name)) is None and whole.request is not None:
        domains = yield from flow.read_page(whole)
        flow.domain_ids.update((str(domain.get("name")), domain["id"]) for domain in domains)
    if found is not None:
        return found
    known = join_first(flow.domain_ids, len(flow.domain_ids), most=20)
    raise MailerSendNotFoundError(
        f"The account has no domain {masked_within(name)!r}; it has {known or 'none'}.",
        endpoint=list_domains().endpoint,
    )


def known_domain_id(flow: Flow, name: str) -> str | None:
    """Return the id of the domain *name* if *flow* remembers it."""
    wanted = name.strip().lower()
    return next((id_ for name, id_ in flow.domain_ids.items() if name.lower() == wanted), None)
