"""Finding a domain's id by its name."""

from __future__ import annotations

from airflow_provider_mailersend.api.errors import MailerSendNotFoundError
from airflow_provider_mailersend.api.flow import Flow, Steps
from airflow_provider_mailersend.api.pages import Paging
from airflow_provider_mailersend.api.requests import list_domains


def find_domain(flow: Flow, name: str) -> Steps[str]:
    """
    Return the id of the domain called *name*.

    :raises MailerSendNotFoundError: the account has no such domain.
    """
    wanted = name.strip().lower()
    names = []
    paging = Paging(list_domains())
    while paging.request is not None:
        domains = yield from flow.read_page(paging)
        for domain in domains:
            names.append(str(domain.get("name")))
            if names[-1].lower() == wanted:
                return str(domain["id"])
    known = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    raise MailerSendNotFoundError(
        f"The account has no domain {name!r}; it has {known or 'none'}.", endpoint=list_domains().endpoint
    )
