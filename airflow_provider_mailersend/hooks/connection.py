"""Reads and checks a MailerSend connection."""

from __future__ import annotations

import ipaddress
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_mailersend.api.flow import MAX_RETRIES
from airflow_provider_mailersend.api.leftovers import leftover_problem
from airflow_provider_mailersend.api.masking import holds_token, masked_within
from airflow_provider_mailersend.api.requests import ACCOUNT, BASE_PATH, BASE_URL
from airflow_provider_mailersend.api.throttle import RATE_WINDOW
from airflow_provider_mailersend.exceptions import MailerSendSettingsError
from airflow_provider_mailersend.provider_info import CONNECTION_FIELDS

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

CONNECTION_TYPE = "mailersend"

_LABELS = {name: form_field["label"] for name, form_field in CONNECTION_FIELDS.items()} | {
    "rate_limit_window": "Window"
}

#: The settings that are numbers, each with its default and its smallest value; an integer takes whole numbers only.
_NUMBERS: dict[str, tuple[float, float]] = {
    "timeout": (30.0, 0.001),
    "max_retries": (MAX_RETRIES, 0),
    "quota_reserve": (0, 0),
    "rate_limit_window": (RATE_WINDOW, 0.001),
}

# Older versions of Airflow put this before the names in a connection's extra.
_OLD_PREFIX = "extra__mailersend__"

_JSON_TYPES = {list: "array", str: "string", int: "number", float: "number", bool: "boolean"}

#: The most characters of an invalid setting that an error shows.
_SHOWN = 24

_TOKEN_FIELD = "the API token field (the connection's password)"  # noqa: S105 - not a token

DEFAULT_PORTS = {"https": 443, "http": 80}

# What HTTP clients don't rewrite: the token goes to URLs that begin with the base URL, compared as text.
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")
_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[\w.~-]*)*", re.ASCII)

# Any other character could end the header that carries the token, and HTTP clients would show the token in their error.
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Settings:
    """A connection's settings; :class:`MailerSendHook` documents the numbers."""

    token: str = field(repr=False)
    #: Without a trailing slash.
    base_url: str
    domain_id: str | None
    timeout: float
    max_retries: int
    quota_reserve: int
    #: The length of the rate limit's window in seconds, for a sandbox with a short minute.
    rate_limit_window: float

    @property
    def on_this_machine(self) -> bool:
        """Whether the API is a sandbox on this machine, which no proxy leads to."""
        return _is_loopback(urlsplit(self.base_url).hostname or "")


def read_settings(connection: Connection, arguments: Mapping[str, Any]) -> tuple[Settings, str | None]:
    """
    Return the settings of *connection*, and a warning where its extra holds names that nothing reads.

    :param arguments: numbers that replace the connection's, by name; None where there is none.
    :raises MailerSendSettingsError: a field or an argument is not valid. The message never shows the token.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    with _settings_errors(connection.conn_id):
        extra = _read_extra(connection)
        token = _read_token(connection.password)
        base_url = base_url_of(connection.host, connection.port)
        domain_id = _read_domain_id(extra.get("domain_id"))
        numbers: dict[str, Any] = {
            name: _read_number(name, extra.get(name), _field(name)) for name in _NUMBERS if name not in given
        }
    with _settings_errors(None):
        for name, value in given.items():
            numbers[name] = _read_number(name, value, f"the argument {name}")
    settings = Settings(token=token, base_url=base_url, domain_id=domain_id, **numbers)
    unknown = sorted(extra.keys() - _LABELS.keys())
    if not unknown:
        return settings, None
    return settings, (
        f"Connection {connection.conn_id!r}: unknown names in its extra: {masked_within(', '.join(unknown))}. Correct "
        f"or remove them. Known names: {', '.join(_LABELS)}."
    )


@contextmanager
def _settings_errors(conn_id: str | None) -> Iterator[None]:
    """Turn every :class:`ValueError` into a :class:`MailerSendSettingsError` that names the connection."""
    try:
        yield
    except ValueError as error:
        settings_error = MailerSendSettingsError(f"{error}.")
        settings_error.conn_id = conn_id
        raise settings_error from None


def _field(name: str) -> str:
    return f"{_LABELS[name]} ({name} in extra)"


def _read_extra(connection: Connection) -> dict[str, Any]:
    """
    Return the extra by the names of its fields, and refuse anything doubtful without showing its values.

    Airflow itself reads an extra that isn't valid as an empty one: its domain would be ignored.
    """
    if connection.conn_type != CONNECTION_TYPE:
        actual = (
            f"its type is {masked_within(repr(connection.conn_type))}"
            if connection.conn_type
            else "it has no type"
        )
        raise ValueError(f"the connection must be of the type {CONNECTION_TYPE!r} (conn_type); {actual}")
    if not connection.extra or not connection.extra.strip():
        return {}
    try:
        extra = json.loads(connection.extra, object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"the connection's extra isn't valid JSON (line {error.lineno}, column {error.colno}). Correct it: none of "
            f"its settings can be read, such as {_LABELS['domain_id']}"
        ) from None
    if not isinstance(extra, dict):
        actual = _JSON_TYPES.get(type(extra), "null")
        raise ValueError(f"the connection's extra must be a JSON object, such as {{}}; it is a JSON {actual}")
    _check_spelling(extra)
    prefixed = [name for name in extra if name.startswith(_OLD_PREFIX)]
    renamed = {name.removeprefix(_OLD_PREFIX): extra.pop(name) for name in prefixed}
    # An empty field of the form doesn't hide what an older version of Airflow stored.
    return extra | {name: value for name, value in renamed.items() if _is_empty(extra.get(name))}


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for name, times in Counter(name for name, _ in pairs).items():
        if times > 1:
            raise ValueError(
                f"the connection's extra has {masked_within(name)!r} more than once. Remove all but one"
            )
    return dict(pairs)


def _check_spelling(names: Iterable[str]) -> None:
    meant = {
        name: right for name in names if (right := _right_spelling(name)) != name.removeprefix(_OLD_PREFIX)
    }
    if meant:
        wrong = (f"{masked_within(name)!r}: write {right!r}" for name, right in meant.items())
        raise ValueError(f"the connection's extra has {'; and '.join(wrong)}")


def _right_spelling(name: str) -> str:
    """Return the setting that is meant by *name*, or the name itself if none is."""
    bare = name.removeprefix(_OLD_PREFIX)
    # Misspellings mostly differ in case, spaces, hyphens and underscores.
    known = {re.sub(r"[\s_-]+", "", field_name): field_name for field_name in _LABELS}
    near = get_close_matches(re.sub(r"[\s_-]+", "", bare).lower(), known, n=1, cutoff=0.77)
    return known[near[0]] if near else "domain_id" if "domain" in bare.lower() else bare


def base_url_of(host: str | None, port: int | None = None) -> str:
    """
    Return the base URL for a connection's *host* and *port*; MailerSend's own where there is no host.

    :raises ValueError: it isn't a URL to send a token to: not valid, or without TLS and not on this machine.
    """
    if not host or not host.strip():
        return BASE_URL
    text = host.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        port = parts.port or port
    except ValueError:
        raise ValueError(f"the host is not a URL, such as {BASE_URL}") from None
    if port is not None and not 0 <= port <= 65_535:
        raise ValueError(f"the port must be from 1 to 65535; it is {port}")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(
            f"the host must be a URL without a user, a query or a fragment; the token belongs in {_TOKEN_FIELD}"
        )
    if holds_token(text):
        raise ValueError(f"the host contains an API token, which belongs in {_TOKEN_FIELD}")
    if parts.scheme not in ("https", "http"):
        raise ValueError(f"the host must be an https URL; its scheme is {parts.scheme!r}")
    hostname = parts.hostname or ""
    if not _is_name(hostname) or not _PATH.fullmatch(parts.path):
        raise ValueError(f"the host is not a URL in ASCII, such as {BASE_URL}")
    if parts.scheme == "http" and not _is_loopback(hostname):
        raise ValueError(
            f"the host {hostname!r} would be requested without TLS, which shows the token to others. Write https://; "
            "plain http is for this machine only (127.0.0.1, ::1, localhost)"
        )
    name = f"[{hostname}]" if ":" in hostname else hostname
    # Airflow's own form sends port 0 for an empty field.
    shown_port = "" if port in (None, 0, DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{name}{shown_port}{parts.path.rstrip('/') or BASE_PATH}"


def _is_name(hostname: str) -> bool:
    if ":" in hostname:
        return _ip_address(hostname) is not None and "%" not in hostname
    return _NAME.fullmatch(hostname) is not None


def _is_loopback(hostname: str) -> bool:
    address = _ip_address(hostname)
    return address.is_loopback if address is not None else hostname == "localhost"


def _ip_address(hostname: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(hostname)
    except ValueError:
        return None


def _read_token(password: str | None) -> str:
    token = (password or "").strip()
    if not token:
        raise ValueError(
            f"there is no API token. Enter it in {_TOKEN_FIELD}, also to test a connection on Airflow 2's edit page, "
            "which does not send the stored one"
        )
    if not _TOKEN.fullmatch(token):
        raise ValueError(
            "the API token contains a space or a character that no token has. Copy it again into "
            f"{_TOKEN_FIELD}"
        )
    return token


def _read_domain_id(value: object) -> str | None:
    where = _field("domain_id")
    if isinstance(value, bool) or not isinstance(value, (str, int, type(None))):
        raise ValueError(f"{where} must be a string; it is {_shown(value)}")
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    if holds_token(text):
        raise ValueError(f"{where} contains an API token, which belongs in {_TOKEN_FIELD}")
    problem = leftover_problem(text)
    if problem is not None:
        raise ValueError(f"{where} is not a domain's ID. {problem.rstrip('.')}")
    if text == ACCOUNT:
        raise ValueError(f"{where} must be a domain's ID; {ACCOUNT!r} is for tasks. Leave it empty")
    return text


def _read_number(name: str, value: Any, where: str) -> float:
    default, least = _NUMBERS[name]
    is_whole = isinstance(default, int)
    if value is None or value == "":
        return default
    try:
        # True and False are numbers to Python only.
        number = float("no number" if isinstance(value, bool) else value)
    except (TypeError, ValueError, OverflowError):
        expected = "a number"
    else:
        if not least <= number < 1e9:
            expected = f"from {least:g} to 999999999"
        elif is_whole and not number.is_integer():
            expected = "a whole number"
        else:
            return int(number) if is_whole else number
    raise ValueError(f"{where} must be {expected}; it is {_shown(value)}")


def _shown(value: object) -> str:
    """Return *value* for an error. Anything longer than a setting may hold a secret."""
    shown = repr(value)
    return (
        masked_within(shown) if len(shown) <= _SHOWN else f"a {type(value).__name__} that is not shown here"
    )
