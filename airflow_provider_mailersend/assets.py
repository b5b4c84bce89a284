"""MailerSend's lists as Airflow assets: ``mailersend://<account or connection>/<list>?domain_id=…``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

from airflow_provider_mailersend.api.requests import SuppressionList

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Asset

#: The lists beside the suppression lists.
_OTHERS = ("recipients", "sms-recipients")


def create_asset(
    *, account: str, list_name: str, domain_id: str | None = None, extra: dict[str, Any] | None = None
) -> Asset:
    """
    Return the asset that a list of MailerSend's is.

    .. code-block:: python

        blocklist = create_asset(account="mailersend_default", list_name="blocklist")

    :param account: what tells the account: the connection's id, or any name that you give it.
    :param list_name: a suppression list, ``recipients`` or ``sms-recipients``.
    :param domain_id: the domain whose entries are meant, where it is one's alone.
    :param extra: what else to say of the asset.
    :raises ValueError: there is no such list, or nothing tells the account.
    """
    from airflow.providers.common.compat.sdk import Asset

    query = f"?{urlencode({'domain_id': domain_id})}" if domain_id else ""
    uri = sanitize_uri(urlsplit(f"mailersend://{account}/{list_name}{query}"))
    return Asset(uri=uri.geturl(), extra=extra)


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """
    Return *uri* as it is written for all spellings that mean the same list.

    :raises ValueError: it names no account, no list of MailerSend's, or more than a domain.
    """
    name = uri.path.strip("/").lower()
    if not uri.netloc or name not in (*SuppressionList, *_OTHERS):
        raise ValueError(
            "the URI of a MailerSend asset is mailersend://<account or connection>/<list>, the list being one of "
            f"{', '.join((*SuppressionList, *_OTHERS))}; got {uri.geturl()!r}"
        )
    query = parse_qs(uri.query, keep_blank_values=True)
    if set(query) - {"domain_id"} or any(len(values) > 1 for values in query.values()):
        raise ValueError(
            f"the URI of a MailerSend asset takes domain_id alone in its query; got {uri.query!r}"
        )
    domain_id = "".join(query.get("domain_id", ()))
    return uri._replace(path=f"/{name}", query=urlencode({"domain_id": domain_id}) if domain_id else "")
