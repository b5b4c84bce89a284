"""MailerSend's lists as assets."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from airflow.providers.common.compat.sdk import Asset

from airflow_provider_mailersend.assets import create_asset, sanitize_uri
from airflow_provider_mailersend.operators.suppressions import MailerSendAddSuppressionsOperator


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [
        ("mailersend://main/blocklist", "mailersend://main/blocklist"),
        ("mailersend://main/Hard-Bounces/", "mailersend://main/hard-bounces"),
        ("mailersend://main/unsubscribes?domain_id=abc", "mailersend://main/unsubscribes?domain_id=abc"),
        ("mailersend://main/on-hold-list?domain_id=", "mailersend://main/on-hold-list"),
        ("mailersend://main/sms-recipients", "mailersend://main/sms-recipients"),
    ],
)
def test_spellings_that_mean_the_same_are_one_asset(spelled: str, meant: str) -> None:
    assert sanitize_uri(urlsplit(spelled)).geturl() == meant
    assert Asset(uri=spelled).uri == meant, "Airflow knows the scheme"


@pytest.mark.parametrize(
    "uri",
    [
        "mailersend:///blocklist",
        "mailersend://main",
        "mailersend://main/greylist",
        "mailersend://main/blocklist/2",
        "mailersend://main/blocklist?page=2",
        "mailersend://main/blocklist?domain_id=a&domain_id=b",
    ],
)
def test_what_is_no_list_of_mailersends_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="the URI of a MailerSend asset"):
        sanitize_uri(urlsplit(uri))


def test_an_asset_is_made_of_its_parts() -> None:
    asset = create_asset(account="main", list_name="unsubscribes", domain_id="a b", extra={"of": "us"})
    assert asset.uri == "mailersend://main/unsubscribes?domain_id=a+b"
    assert asset.extra["of"] == "us"
    assert create_asset(account="eu/west", list_name="recipients").uri == "mailersend://eu%2Fwest/recipients"


@pytest.mark.parametrize("parts", [{"account": ""}, {"list_name": "greylist"}])
def test_an_asset_of_no_list_is_not_made(parts: dict[str, str]) -> None:
    given: dict[str, Any] = {"account": "main", "list_name": "blocklist", **parts}
    with pytest.raises(ValueError, match="the URI of a MailerSend asset"):
        create_asset(**given)


def test_operators_link_to_the_app() -> None:
    operator = MailerSendAddSuppressionsOperator(task_id="add", suppression_list="blocklist", recipients=[])
    (link,) = operator.operator_extra_links
    ti_key: Any = None
    assert link.get_link(operator, ti_key=ti_key).startswith("https://app.mailersend.com/")
