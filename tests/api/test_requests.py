from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mailersend.api import requests
from airflow_provider_mailersend.api.leftovers import leftover_problem
from airflow_provider_mailersend.api.requests import Request, SmsRecipientStatus, SuppressionList
from tests.feeding.script import properties

ById = Callable[[Any], Request]

BY_ID: dict[str, ById] = {
    "get_recipient": requests.get_recipient,
    "delete_recipient": requests.delete_recipient,
    "get_sms_recipient": requests.get_sms_recipient,
    "update_sms_recipient": lambda id_: requests.update_sms_recipient(id_, SmsRecipientStatus.ACTIVE),
}


@pytest.fixture(params=BY_ID)
def by_id(request: pytest.FixtureRequest) -> ById:
    return BY_ID[request.param]


@pytest.mark.parametrize(
    ("build", "method", "path", "scope", "params", "body"),
    [
        (
            lambda: requests.list_suppressions(SuppressionList.HARD_BOUNCES),
            *("GET", "/suppressions/hard-bounces", "suppressions_read", {"page": 1, "limit": 100}, None),
        ),
        (
            lambda: requests.list_suppressions(SuppressionList.ON_HOLD, "d1"),
            *("GET", "/suppressions/on-hold-list", "suppressions_read"),
            *({"domain_id": "d1", "page": 1, "limit": 100}, None),
        ),
        (
            lambda: requests.add_suppressions(
                SuppressionList.UNSUBSCRIBES, recipients=["a@b.c"], domain_id="d1"
            ),
            *("POST", "/suppressions/unsubscribes", "suppressions_full", {}),
            {"domain_id": "d1", "recipients": ["a@b.c"]},
        ),
        (
            lambda: requests.add_suppressions(SuppressionList.BLOCKLIST, patterns=[".*@b.c"]),
            *("POST", "/suppressions/blocklist", "suppressions_full", {}, {"patterns": [".*@b.c"]}),
        ),
        (
            lambda: requests.delete_suppressions(SuppressionList.BLOCKLIST, ["1", "2"]),
            *("DELETE", "/suppressions/blocklist", "suppressions_full", {}, {"ids": ["1", "2"]}),
        ),
        (
            lambda: requests.delete_suppressions(SuppressionList.SPAM_COMPLAINTS, ["1"], "d1"),
            *("DELETE", "/suppressions/spam-complaints", "suppressions_full", {}),
            {"domain_id": "d1", "ids": ["1"]},
        ),
        (
            lambda: requests.delete_all_suppressions(SuppressionList.BLOCKLIST, "d1"),
            *("DELETE", "/suppressions/blocklist", "suppressions_full", {}, {"domain_id": "d1", "all": True}),
        ),
        (
            lambda: requests.list_recipients("d1"),
            *("GET", "/recipients", "recipients_read", {"domain_id": "d1", "page": 1, "limit": 100}, None),
        ),
        (lambda: requests.get_recipient("r1"), "GET", "/recipients/r1", "recipients_read", {}, None),
        (lambda: requests.delete_recipient("r1"), "DELETE", "/recipients/r1", "recipients_full", {}, None),
        (
            lambda: requests.list_sms_recipients(SmsRecipientStatus.OPT_OUT, "n1"),
            *("GET", "/sms-recipients", "sms_read"),
            *({"status": "opt_out", "sms_number_id": "n1", "page": 1, "limit": 100}, None),
        ),
        (lambda: requests.get_sms_recipient("s1"), "GET", "/sms-recipients/s1", "sms_read", {}, None),
        (
            lambda: requests.update_sms_recipient("s1", SmsRecipientStatus.OPT_OUT),
            *("PUT", "/sms-recipients/s1", "sms_full", {}, {"status": "opt_out"}),
        ),
        (requests.list_domains, "GET", "/domains", "domains_read", {"page": 1, "limit": 100}, None),
        (requests.get_api_quota, "GET", "/api-quota", None, {}, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_endpoint_is_asked_as_the_api_wants_it(
    build: Callable[[], Request],
    method: str,
    path: str,
    scope: str | None,
    params: dict[str, object],
    body: dict[str, object] | None,
) -> None:
    built = build()
    assert (built.method, built.path, built.scope) == (method, path, scope)
    assert dict(built.params) == params
    assert built.body == body
    assert built.endpoint.startswith(f"{method} /")


def test_only_the_question_for_the_quota_is_free() -> None:
    assert not requests.get_api_quota().uses_quota
    assert requests.list_domains().uses_quota


def test_another_page_is_asked_with_the_same_filters() -> None:
    third = requests.list_suppressions(SuppressionList.BLOCKLIST, "d1").at_page(3)
    assert dict(third.params) == {"domain_id": "d1", "page": 3, "limit": 100}


def test_only_additions_are_not_repeatable() -> None:
    assert not requests.add_suppressions(SuppressionList.BLOCKLIST, recipients=["a@b.c"]).repeatable
    assert requests.list_domains().repeatable
    assert requests.delete_recipient("r1").repeatable
    assert requests.delete_suppressions(SuppressionList.BLOCKLIST, ["1"]).repeatable
    assert requests.update_sms_recipient("s1", SmsRecipientStatus.ACTIVE).repeatable


def test_a_deletion_by_no_ids_is_refused_and_never_means_all() -> None:
    with pytest.raises(ValueError, match="at least one id"):
        requests.delete_suppressions(SuppressionList.BLOCKLIST, [])


@pytest.mark.parametrize(
    ("id_", "quoted"),
    [
        ("../domains", "..%2Fdomains"),
        ("a/b?x=1", "a%2Fb%3Fx%3D1"),
        ("a#b", "a%23b"),
        ("%2e%2e", "%252e%252e"),
        ("..\\domains", "..%5Cdomains"),
        ("  62f1 ", "62f1"),
        ("...", "..."),
        ("a\x7fb", "a%7Fb"),
    ],
)
def test_an_id_stays_one_part_of_the_path(by_id: ById, id_: Any, quoted: str) -> None:
    request = by_id(id_)
    assert request.path.rpartition("/")[2] == quoted
    assert request.endpoint.endswith("/{id}")


@pytest.mark.parametrize("id_", ["", " ", ".", "..", " .. ", "\t", "None", "nan", "{{ x }}", None, 7, ["a"]])
def test_an_id_that_names_nobody_is_refused(by_id: ById, id_: Any) -> None:
    with pytest.raises(ValueError, match="must be an id, as a string"):
        by_id(id_)


@pytest.mark.parametrize("id_", ["a b", "a\nb", "jané"])
def test_an_id_is_ascii_without_spaces(by_id: ById, id_: str) -> None:
    with pytest.raises(ValueError, match="must be an id, of ASCII characters without spaces"):
        by_id(id_)


def test_an_address_is_no_id(by_id: ById) -> None:
    with pytest.raises(
        ValueError, match=r"^(sms_)?recipient_id must be an id, and not an address: 'j\*\*\*@x\.example'$"
    ):
        by_id("jane@x.example")


@pytest.mark.parametrize("number", ["+15551234567", " +1 (555) 123-4567", "15551234567", "0171 1234567"])
def test_a_phone_number_is_no_id(by_id: ById, number: str) -> None:
    with pytest.raises(ValueError, match=r"not a phone number: .*numbers=") as error:
        by_id(number)
    assert "123" not in str(error.value)


@properties
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_id_reaches_another_endpoint(id_: Any) -> None:
    try:
        request = requests.get_recipient(id_)
    except ValueError:
        is_odd = leftover_problem(id_) is not None or sum(map(str.isdigit, id_)) >= 6
        is_odd |= not id_.isascii() or len(id_.split()) > 1 or bool(set(id_) & set("[](){}<>\"'`,;"))
        assert is_odd or id_.strip() in (".", "..") or "@" in id_ or "+" in id_
        return
    last = request.path.removeprefix("/recipients/")
    assert not set(last) & set("/?#\\ \r\n")
    assert last not in ("", ".", "..")
    assert unquote(last) == id_.strip()


def test_lists_and_statuses_are_known_by_the_words_of_the_api() -> None:
    assert [str(name) for name in SuppressionList] == [
        *("blocklist", "hard-bounces", "spam-complaints", "unsubscribes", "on-hold-list")
    ]
    assert SuppressionList("blocklist") is SuppressionList.BLOCKLIST
    assert [str(status) for status in SmsRecipientStatus] == ["active", "opt_out"]


def test_a_wrong_list_is_refused_with_the_right_ones() -> None:
    with pytest.raises(
        ValueError, match=r"suppression_list must be one of blocklist, .*; got 'hard_bounces'"
    ):
        SuppressionList("hard_bounces")


def test_a_wrong_status_is_refused_with_the_right_ones() -> None:
    with pytest.raises(ValueError, match="status must be one of active, opt_out; got 'optout'"):
        SmsRecipientStatus("optout")


def test_what_a_list_takes() -> None:
    assert [name for name in SuppressionList if not name.takes_additions] == [SuppressionList.ON_HOLD]
    assert [name for name in SuppressionList if not name.adds_to_a_domain] == [SuppressionList.BLOCKLIST]


@pytest.mark.parametrize("suppression_list", SuppressionList)
def test_only_the_blocklist_takes_patterns(suppression_list: SuppressionList) -> None:
    suppression_list.check_takes(["recipients"])
    refused: AbstractContextManager[object] = nullcontext()
    if suppression_list is not SuppressionList.BLOCKLIST:
        refused = pytest.raises(ValueError, match=f"not on {suppression_list}$")
    with refused:
        suppression_list.check_takes(["recipients", "patterns"])


@pytest.mark.parametrize("wrong", ["", " ", "None", "{{ x }}", "+15551234567"])
def test_an_empty_sms_number_id_never_means_all(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"^sms_number_id must be a"):
        requests.list_sms_recipients(sms_number_id=wrong)
