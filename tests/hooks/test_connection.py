"""What a connection says, and what of it is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS, AIRFLOW_V_3_2_PLUS

from airflow_provider_mailersend.exceptions import MailerSendError
from airflow_provider_mailersend.hooks.asynchronous import MailerSendAsyncHook
from airflow_provider_mailersend.hooks.connection import base_url_of
from airflow_provider_mailersend.hooks.mailersend import MailerSendHook
from airflow_provider_mailersend.sandbox import Sandbox

Connect = Callable[..., str]


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        (None, None, "https://api.mailersend.com/v1"),
        ("  ", None, "https://api.mailersend.com/v1"),
        ("api.mailersend.com", None, "https://api.mailersend.com/v1"),
        ("https://proxy.example.com/mailersend/v1/", None, "https://proxy.example.com/mailersend/v1"),
        ("https://proxy.example.com", 8443, "https://proxy.example.com:8443/v1"),
        ("https://API.mailersend.com:443/v1", None, "https://api.mailersend.com/v1"),
        ("api.mailersend.com", 443, "https://api.mailersend.com/v1"),
        ("http://127.0.0.1:8025/v1", None, "http://127.0.0.1:8025/v1"),
        ("http://127.0.0.1", 8025, "http://127.0.0.1:8025/v1"),
        ("http://localhost:8025", None, "http://localhost:8025/v1"),
        ("http://[::1]:8025", None, "http://[::1]:8025/v1"),
    ],
)
def test_the_host_field_says_where_the_api_is(host: str | None, port: int | None, url: str) -> None:
    assert base_url_of(host, port) == url


@pytest.mark.parametrize(
    ("host", "complaint"),
    [
        ("http://api.mailersend.com/v1", "without TLS"),
        ("http://10.0.0.1", "without TLS"),
        ("http://127.0.0.1.example.com", "without TLS"),
        ("http://127.0.0.1@example.com", "without a user"),
        ("https://mlsn.secret@api.mailersend.com", "without a user"),
        ("https://api.mailersend.com/v1?token=mlsn.secret", "a query"),
        ("https://api.mailersend.com/v1#mlsn.secret", "a fragment"),
        ("ftp://api.mailersend.com", "https URL"),
        ("https://", "not a URL"),
        ("https://bücher.example", "not a URL in ASCII"),
        ("https://api.mailersend.com/a/../v1", "not a URL"),
        ("https://api.mailersend.com/a b", "not a URL"),
        ("https://api.mailersend.com:port", "not a URL"),
    ],
)
def test_a_host_that_would_give_the_token_away_is_refused_without_showing_secrets(
    host: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint) as error:
        base_url_of(host)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("token", ["", "   ", None])
def test_a_connection_without_a_token_says_where_to_put_one(connect: Connect, token: str | None) -> None:
    hook = MailerSendHook(connect(conn_id="empty", password=token))
    done, message = hook.test_connection()
    assert not done
    assert "'empty'" in message
    assert "API token field" in message


@pytest.mark.parametrize("token", ["mlsn.sec\nret", "mlsn.sec ret", "mlsn.secrét"])
def test_a_token_that_no_header_can_carry_is_refused_unseen(connect: Connect, token: str) -> None:
    done, message = MailerSendHook(connect(password=token)).test_connection()
    assert not done
    assert "API token" in message
    assert "ret" not in message


def test_spaces_around_the_token_do_no_harm(connect: Connect, sandbox: Any) -> None:
    hook = MailerSendHook(connect(sandbox, password=f" {sandbox.token}\n"))
    assert hook.test_connection()[0]


@pytest.mark.parametrize(
    ("extra", "complaint"),
    [
        ({"timeout": "soon"}, "Timeout (timeout in extra) must be a number; it is 'soon'"),
        ({"timeout": 0}, "Timeout (timeout in extra) must be from 0.001 to"),
        ({"timeout": [7]}, "Timeout (timeout in extra) must be a number; it is [7]"),
        ({"timeout": 1e9}, "Timeout (timeout in extra) must be from 0.001 to 999999999; it is 1000000000.0"),
        ({"max_retries": "nan"}, "Max retries (max_retries in extra) must be from 0 to"),
        ({"max_retries": -1}, "Max retries (max_retries in extra) must be from 0 to"),
        ({"max_retries": 1.5}, "Max retries (max_retries in extra) must be a whole number"),
        ({"quota_reserve": "many"}, "Quota reserve (quota_reserve in extra) must be a number"),
    ],
)
def test_a_setting_that_cannot_be_is_named(connect: Connect, extra: dict[str, Any], complaint: str) -> None:
    done, message = MailerSendHook(connect(extra=extra)).test_connection()
    assert not done
    assert complaint in message


def test_settings_come_from_extra_and_from_the_hook(connect: Connect) -> None:
    extra = {"domain_id": "abc", "timeout": "7", "max_retries": 2, "quota_reserve": "100"}
    conn_id = connect(extra=extra)
    settings = MailerSendHook(conn_id).settings
    assert (settings.domain_id, settings.timeout) == ("abc", 7.0)
    assert (settings.max_retries, settings.quota_reserve) == (2, 100)
    given = MailerSendHook(conn_id, timeout=1.5, max_retries=0, quota_reserve=0).settings
    assert (given.timeout, given.max_retries, given.quota_reserve) == (1.5, 0, 0)


@pytest.mark.parametrize(("given", "read"), [(" abc\n", "abc"), ("  ", None), (7, "7")])
def test_a_domain_is_read_as_a_text_without_spaces(connect: Connect, given: Any, read: str | None) -> None:
    assert MailerSendHook(connect(extra={"domain_id": given})).settings.domain_id == read


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"max_retries": -1}, "the argument max_retries must be from 0 to 999999999; it is -1"),
        ({"quota_reserve": "many"}, "the argument quota_reserve must be a number; it is 'many'"),
        ({"timeout": 0}, "the argument timeout must be from 0.001 to 999999999; it is 0"),
        ({"quota_reserve": 0.5}, "the argument quota_reserve must be a whole number; it is 0.5"),
    ],
)
def test_what_the_hook_is_given_is_checked_too_and_not_blamed_on_the_connection(
    connect: Connect, given: dict[str, Any], complaint: str
) -> None:
    done, message = MailerSendHook(connect(extra={"quota_reserve": 100}), **given).test_connection()
    assert not done
    assert complaint in message
    assert "Connection" not in message


def test_what_the_hook_is_given_goes_before_what_cannot_be(connect: Connect) -> None:
    assert MailerSendHook(connect(extra={"timeout": "soon"}), timeout=7).settings.timeout == 7


def test_what_nothing_reads_is_warned_of_once(connect: Connect, logged: Callable[[], str]) -> None:
    extra = {"sender": "abc", "jane@example.com": 1, "timeout": 7}
    conn_id = connect(conn_id="misspelt", extra=extra)
    for _ in range(2):
        assert MailerSendHook(conn_id).settings.domain_id is None
    shown = logged()
    assert shown.count("unknown names in its extra: j***@example.com, sender.") == 1
    assert "Connection 'misspelt'" in shown
    assert "Known names: domain_id, timeout, max_retries, quota_reserve, rate_limit_window" in shown


def test_names_with_the_old_prefix_are_read(connect: Connect, logged: Callable[[], str]) -> None:
    extra = {"extra__mailersend__domain_id": "abc", "extra__mailersend__timeout": 7, "timeout": 8}
    settings = MailerSendHook(connect(conn_id="old", extra=extra)).settings
    assert (settings.domain_id, settings.timeout) == ("abc", 8)
    assert "unknown names" not in logged()


@pytest.mark.parametrize("empty", ["", "  ", None])
def test_an_empty_field_does_not_hide_the_one_with_the_old_prefix(
    connect: Connect, empty: str | None
) -> None:
    extra = {"extra__mailersend__domain_id": "abc", "domain_id": empty}
    assert MailerSendHook(connect(extra=extra)).settings.domain_id == "abc"


def test_empty_fields_of_the_form_mean_the_defaults(connect: Connect) -> None:
    extra = {"domain_id": "", "timeout": "", "max_retries": None, "quota_reserve": ""}
    settings = MailerSendHook(connect(extra=extra)).settings
    assert (settings.domain_id, settings.timeout) == (None, 30.0)
    assert (settings.max_retries, settings.quota_reserve) == (5, 0)


def test_the_token_is_in_no_repr(connect: Connect) -> None:
    hook = MailerSendHook(connect(password="mlsn.secret"))
    session = hook.get_conn()
    shown = f"{hook!r} {hook.settings!r} {session!r} {session.headers!r} {session.auth!r} {vars(hook)!r}"
    assert "mlsn.secret" not in shown


TOKEN = "mlsn.0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"


def ask(conn_id: str, kind: str) -> None:
    """Ask for the quota with a hook of *kind*."""

    async def ask_async() -> None:
        async with MailerSendAsyncHook(conn_id) as hook:
            await hook.get_api_quota()

    if kind == "sync":
        MailerSendHook(conn_id).get_api_quota()
    else:
        asyncio.run(ask_async())


def refusal(conn_id: str, kind: str) -> MailerSendError:
    """Return what a hook of *kind* says of the connection."""
    with pytest.raises(MailerSendError) as error:
        ask(conn_id, kind)
    return error.value


BOTH = pytest.mark.parametrize("kind", ["sync", "async"])


def airflow_refuses(extra: Any) -> bool:
    """
    Whether Airflow itself takes a connection with this extra, in an environment variable, for none.

    Only 3.1 does: where it is text, but not a JSON object.
    """
    if AIRFLOW_V_3_2_PLUS or not AIRFLOW_V_3_0_PLUS or not isinstance(extra, str):
        return False
    try:
        return not isinstance(json.loads(extra), dict)
    except ValueError:
        return True


@BOTH
@pytest.mark.parametrize(
    ("extra", "complaint"),
    [
        (
            '{"domain_id": "abc",}',
            "the connection's extra isn't valid JSON (line 1, column 2",
        ),  # 20, from Python 3.13 on
        (f'{{"domain_id": "{TOKEN}"', "the connection's extra isn't valid JSON"),
        ("domain_id=abc", "the connection's extra isn't valid JSON"),
        ('["abc"]', "the connection's extra must be a JSON object, such as {}; it is a JSON array"),
        ('"abc"', "it is a JSON string"),
        ("null", "it is a JSON null"),
        ("7", "it is a JSON number"),
        ("true", "it is a JSON boolean"),
        ('{"domain_id": "abc", "domain_id": "def"}', "the connection's extra has 'domain_id' more than once"),
        ('{"Domain_ID": "abc"}', "the connection's extra has 'Domain_ID': write 'domain_id'"),
        ('{"domain_id ": "abc"}', "the connection's extra has 'domain_id ': write 'domain_id'"),
        ('{"domain-id": "abc"}', "write 'domain_id'"),
        ('{"Domain ID": "abc"}', "write 'domain_id'"),
        ('{"domainId": "abc"}', "write 'domain_id'"),
        ('{"domian_id": "abc"}', "write 'domain_id'"),
        ('{"extra__mailersend__Domain_id": "abc"}', "write 'domain_id'"),
        ('{"domain": "abc"}', "write 'domain_id'"),
        ('{"sending_domain": "abc"}', "the connection's extra has 'sending_domain': write 'domain_id'"),
        (
            '{"Timeout": 5, "max_retry": 1}',
            "the connection's extra has 'Timeout': write 'timeout'; and 'max_retry': write 'max_retries'",
        ),
        ('{"mailersend_domain_identifier": "abc"}', "write 'domain_id'"),
        ('{"extra__mailersend__DomainName": "abc"}', "write 'domain_id'"),
        ('{"max_retry": 1}', "write 'max_retries'"),
        ('{"TIMEOUT": 1}', "write 'timeout'"),
        ('{"quota-reserve": 1}', "write 'quota_reserve'"),
        ('{"domain_id": ["abc"]}', "Domain ID (domain_id in extra) must be a string; it is ['abc']"),
        ('{"domain_id": true}', "must be a string; it is True"),
        ('{"domain_id": "None"}', "is not a domain's ID. It is 'None'"),
        ('{"domain_id": "{{ var.value.d }}"}', "is not a domain's ID. It is a template"),
        ('{"domain_id": "account"}', "'account' is for tasks"),
        ('{"timeout": true}', "Timeout (timeout in extra) must be a number"),
    ],
    ids=lambda thing: str(thing)[:50],
)
def test_an_extra_that_cannot_be_read_whole_is_refused(
    connect: Connect, sandbox: Sandbox, kind: str, extra: str, complaint: str
) -> None:
    conn_id = connect(sandbox, conn_id="odd", extra=extra)
    if airflow_refuses(extra):
        with pytest.raises(AirflowNotFoundException):
            ask(conn_id, kind)
        assert sandbox.log == []
        return
    error = refusal(conn_id, kind)
    assert str(error).endswith(" Connection 'odd'.")
    assert complaint in str(error)
    assert error.permanent
    assert "0123456789abcdef" not in str(error)
    assert sandbox.log == []


@BOTH
@pytest.mark.parametrize("extra", [None, "", "  ", "{}", {}])
def test_an_extra_may_be_empty(connect: Connect, sandbox: Sandbox, kind: str, extra: Any) -> None:
    conn_id = connect(sandbox, extra=extra)
    if airflow_refuses(extra):
        pytest.skip("Airflow 3.1 itself finds no such connection")
    ask(conn_id, kind)
    assert len(sandbox.log) == 1


@BOTH
@pytest.mark.parametrize(
    ("conn_type", "complaint"),
    [("http", "its type is 'http'"), ("MailerSend", "its type is 'MailerSend'"), (None, "it has no type")],
)
def test_a_connection_of_another_type_is_refused(
    connect: Connect, sandbox: Sandbox, kind: str, conn_type: str | None, complaint: str
) -> None:
    error = refusal(connect(sandbox, conn_type=conn_type), kind)
    assert f"must be of the type 'mailersend' (conn_type); {complaint}" in str(error)
    assert sandbox.log == []


@BOTH
@pytest.mark.parametrize(
    ("uri", "complaint"),
    [("http://:{token}@{host}", "its type is 'http'"), ("//:{token}@{host}", "it has no type")],
)
def test_a_uri_of_another_type_is_refused(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox, kind: str, uri: str, complaint: str
) -> None:
    host = sandbox.url.removeprefix("http://").removesuffix("/v1")
    monkeypatch.setenv("AIRFLOW_CONN_BY_URI", uri.format(token=sandbox.token, host=host))
    assert complaint in str(refusal("by_uri", kind))
    assert sandbox.log == []


def test_a_uri_is_read_with_its_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BY_URI", "mailersend://:mlsn.x@/?domain_id=abc&timeout=7")
    settings = MailerSendHook("by_uri").settings
    assert (settings.domain_id, settings.timeout, settings.token) == ("abc", 7.0, "mlsn.x")


@BOTH
@pytest.mark.parametrize(
    "fields",
    [
        {"host": TOKEN},
        {"host": f"https://{TOKEN}"},
        {"host": f"https://{TOKEN.upper()}/v1"},
        {"host": f"https://example.com/{TOKEN}"},
        {"host": f"{TOKEN}://example.com"},
        {"extra": {"domain_id": TOKEN}},
        {"extra": {"timeout": TOKEN}},
        {"extra": {"timeout": TOKEN.removeprefix("mlsn.")}},
        {"extra": {"max_retries": {"token": TOKEN}}},
        {"extra": {f"domain_id {TOKEN}": 1, "timeout": "soon"}},
        {"extra": TOKEN},
        {"password": f"{TOKEN} {TOKEN}"},
    ],
    ids=lambda fields: str(fields)[:40],
)
def test_a_token_in_another_field_is_refused_unseen(
    connect: Connect, logged: Callable[[], str], kind: str, fields: dict[str, Any]
) -> None:
    conn_id = connect(**fields)
    with pytest.raises(
        AirflowNotFoundException if airflow_refuses(fields.get("extra")) else MailerSendError
    ) as error:
        ask(conn_id, kind)
    shown = str(error.value) + logged()
    assert "0123456789abcdef" not in shown.lower()


@BOTH
@pytest.mark.parametrize(
    "fields",
    [
        {"host": "https://a..b"},
        {"host": "https://.a"},
        {"host": f"https://{'a' * 64}.example"},
        {"host": f"https://{'a.' * 127}example"},
        {"host": "https://[::1"},
        {"host": "https://a:b:c"},
        {"host": "https://example.com:99999"},
        {"host": "https://example.com", "port": 99999},
        {"host": "https://example.com", "port": -1},
        {"host": "https://exa\u200bmple.com"},
        {"host": "https://[fe80::1%25eth0]"},
    ],
    ids=lambda fields: str(fields)[:40],
)
def test_a_host_that_cannot_be_asked_is_told_before_any_request(
    connect: Connect, kind: str, fields: dict[str, Any]
) -> None:
    assert str(refusal(connect(**fields), kind)).endswith("Connection 'mailersend_default'.")


def test_a_port_of_zero_is_none() -> None:
    assert base_url_of("https://example.com", 0) == "https://example.com/v1"
