"""MailerSend's lists as Airflow assets: ``mailersend://<account or connection>/<list>?domain_id=…``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qs, quote, urlencode, urlsplit

from airflow_provider_mailersend.api.requests import LIST_NAMES

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.common.compat.sdk import Asset


def create_asset(
    *, account: str, list_name: str, domain_id: str | None = None, extra: dict[str, Any] | None = None
) -> Asset:
    """
    Return the asset for one of MailerSend's lists.

    .. code-block:: python

        blocklist = create_asset(account="mailersend_default", list_name="blocklist")

    :param account: the connection's ID, or any other name for the account.
    :param list_name: a suppression list, ``recipients`` or ``sms-recipients``.
    :param domain_id: the ID of the domain, if the asset is only its part of the list.
    :param extra: the asset's extra.
    :raises ValueError: there is no such list, or *account* is empty.
    """
    from airflow.providers.common.compat.sdk import Asset

    query = f"?{urlencode({'domain_id': domain_id})}" if domain_id else ""
    # A connection's id may have a slash.
    uri = sanitize_uri(urlsplit(f"mailersend://{quote(account, safe='')}/{list_name}{query}"))
    return Asset(uri=uri.geturl(), extra=extra)


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """
    Return *uri* in the one spelling that stands for all spellings of the same list.

    :raises ValueError: it has no account, no list of MailerSend's, or a query other than one ``domain_id``.
    """
    name = uri.path.strip("/").lower()
    if not uri.netloc or name not in LIST_NAMES:
        raise ValueError(
            "the URI of a MailerSend asset is mailersend://<account or connection>/<list>, the list being one of "
            f"{', '.join(LIST_NAMES)}; got {uri.geturl()!r}"
        )
    query = parse_qs(uri.query, keep_blank_values=True)
    if set(query) - {"domain_id"} or any(len(values) > 1 for values in query.values()):
        raise ValueError(
            f"the URI of a MailerSend asset takes only domain_id in its query; got {uri.query!r}"
        )
    domain_id = "".join(query.get("domain_id", ()))
    return uri._replace(path=f"/{name}", query=urlencode({"domain_id": domain_id}) if domain_id else "")


def convert_asset_to_openlineage(asset: Asset, lineage_context: Any) -> Dataset:
    """Return the asset as OpenLineage's dataset: the account is its namespace, the list its name."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    uri = sanitize_uri(urlsplit(asset.uri))
    query = f"?{uri.query}" if uri.query else ""
    return Dataset(namespace=f"{uri.scheme}://{uri.netloc}", name=f"{uri.path.strip('/')}{query}")
