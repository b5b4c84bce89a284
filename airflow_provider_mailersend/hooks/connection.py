"""What a MailerSend connection says, read and checked."""

from __future__ import annotations

import ipaddress
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
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

#: Seconds to wait for one answer, unless the connection says otherwise.
TIMEOUT = 30.0

#: The type of the connections that are read.
CONNECTION_TYPE = "mailersend"

_FIELDS = {name: field["label"] for name, field in CONNECTION_FIELDS.items()} | {
    "rate_limit_window": "Window"
}

# What connections that were made for an older Airflow put before the names in their extra.
_OLD_PREFIX = "extra__mailersend__"

_JSON_TYPES = {
    list: "array",
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
}

#: The most characters of a wrong setting that an error shows.
_SHOWN = 24

#: What an error calls a setting, what it was set to, and the connection that says so.
_Said = tuple[str, Any, str | None]

_DEFAULT_PORTS = {"https": 443, "http": 80}

# What HTTP clients leave as it is: the token goes to URLs that begin with this one, compared as text.
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?|[0-9a-f:.]*:[0-9a-f:.]*")
_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[\w.~-]*)*", re.ASCII)

# Whatever else could end the header that carries the token, and HTTP clients would show the token in their error.
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Settings:
    """
    A connection's settings, each with its default where the connection says nothing.

    :param token: the API token. It is left out of the repr.
    :param base_url: the API's URL without a slash at its end.
    :param domain_id: the domain that calls work on when they name none.
    :param timeout: how long to wait for one answer, in seconds.
    :param max_retries: how often a request is repeated after a fault.
    :param quota_reserve: how many of the day's requests to leave to sending.
    :param rate_limit_window: how long the rate limit's window is, in seconds; for a sandbox with a short minute.
    """

    token: str = field(repr=False)
    base_url: str = BASE_URL
    domain_id: str | None = None
    timeout: float = TIMEOUT
    max_retries: int = MAX_RETRIES
    quota_reserve: int = 0
    rate_limit_window: float = RATE_WINDOW

    @property
    def on_this_machine(self) -> bool:
        """Whether the API is a sandbox on this machine, which no proxy leads to."""
        return _is_loopback(urlsplit(self.base_url).hostname or "")


def settings_of(
    connection: Connection, extra: Mapping[str, Any], arguments: Mapping[str, Any] | None = None
) -> Settings:
    """
    Read *connection*, whose extra holds *extra* (see :func:`extra_of`).

    :param arguments: the numbers that a task or a hook was given, by their names; they go before the extra's.
    :raises MailerSendSettingsError: it says something that cannot be; the message tells which field, and never the
        token. Or an argument is such.
    """
    said: dict[str, _Said] = {
        name: (f"{label} ({name} in extra)", extra.get(name), connection.conn_id)
        for name, label in _FIELDS.items()
    }
    for name, value in (arguments or {}).items():
        said[name] = (f"{name}, given as an argument,", value, None)
    with _naming(connection.conn_id):
        return Settings(
            token=_token(connection.password),
            base_url=base_url_of(connection.host, connection.port),
            domain_id=_domain_id(extra.get("domain_id")),
            timeout=_number(said["timeout"], TIMEOUT, least=0.001),
            max_retries=int(_number(said["max_retries"], MAX_RETRIES, least=0)),
            quota_reserve=int(_number(said["quota_reserve"], 0, least=0)),
            rate_limit_window=_number(said["rate_limit_window"], RATE_WINDOW, least=0.001),
        )


def extra_of(connection: Connection) -> dict[str, Any]:
    """
    Return the extra of *connection*, by the names of its fields.

    It is read strictly, and not by Airflow, which takes what it cannot read for nothing: a domain would be lost.

    :raises MailerSendSettingsError: the connection is of another type, or its extra is not a JSON object, or holds a
        name twice or misspelt. The message shows nothing of the extra's values.
    """
    with _naming(connection.conn_id):
        if connection.conn_type != CONNECTION_TYPE:
            given = (
                f"its type is {masked_within(repr(connection.conn_type))}"
                if connection.conn_type
                else "it has no type"
            )
            raise ValueError(f"the connection must be of the type {CONNECTION_TYPE!r} (conn_type); {given}")
        if not connection.extra or not connection.extra.strip():
            return {}
        try:
            extra = json.loads(connection.extra, object_pairs_hook=_unique)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"its extra is not valid JSON (line {error.lineno}, column {error.colno}). Correct it: nothing that it "
                f"says can be read, such as {_FIELDS['domain_id']}"
            ) from None
        if not isinstance(extra, dict):
            raise ValueError(
                f"its extra must be a JSON object, such as {{}}; it is a JSON {_JSON_TYPES[type(extra)]}"
            )
        for name in extra:
            _check_spelling(name)
        return _by_names_of_today(extra)


def warning_of(conn_id: str, extra: Mapping[str, Any]) -> str | None:
    """Return a warning where *extra* holds what is not read; None where it does not."""
    unknown = sorted(extra.keys() - _FIELDS.keys())
    if not unknown:
        return None
    return (
        f"Connection {conn_id!r}: nothing reads {masked_within(', '.join(unknown))} in its extra. Correct the name, or "
        f"take it out. What is read: {', '.join(_FIELDS)}."
    )


@contextmanager
def _naming(conn_id: str) -> Iterator[None]:
    """Let what cannot be read end as one kind of error, which names the connection."""
    try:
        yield
    except MailerSendSettingsError:
        raise
    except ValueError as error:
        raise _settings_error(str(error), conn_id) from None


def _settings_error(message: str, conn_id: str | None) -> MailerSendSettingsError:
    error = MailerSendSettingsError(f"{message}.")
    error.conn_id = conn_id
    return error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f"its extra holds {masked_within(twice)!r} more than once. Take out all but one")
    return unique


def _check_spelling(name: str) -> None:
    bare = name.removeprefix(_OLD_PREFIX)
    if bare in _FIELDS:
        return
    # Case, spaces, hyphens and underscores are what spellings differ in mostly.
    plain = {_plain(field): field for field in _FIELDS}
    near = get_close_matches(_plain(bare), plain, n=1, cutoff=0.85)
    if near:
        raise ValueError(f"its extra holds {masked_within(name)!r}: write {plain[near[0]]!r}")


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).lower()


def _by_names_of_today(extra: Mapping[str, Any]) -> dict[str, Any]:
    old = {
        name.removeprefix(_OLD_PREFIX): value for name, value in extra.items() if name.startswith(_OLD_PREFIX)
    }
    return old | {name: value for name, value in extra.items() if not name.startswith(_OLD_PREFIX)}


def base_url_of(host: str | None, port: int | None = None) -> str:
    """
    Return the URL that *host* and *port* of a connection mean: MailerSend's own where there is no host.

    :raises ValueError: it is no URL to send a token to: without TLS, and not on this machine.
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
            "the host must be a URL without a user, a query or a fragment; the token has its own field"
        )
    if holds_token(text):
        raise ValueError(
            "the host holds an API token: the token has its own field (the connection's password)"
        )
    if parts.scheme not in ("https", "http"):
        raise ValueError(f"the host must be an https URL; its scheme is {parts.scheme!r}")
    hostname = parts.hostname or ""
    if not _is_name(hostname) or not _PATH.fullmatch(parts.path):
        raise ValueError(f"the host is not a URL in ASCII, such as {BASE_URL}")
    if parts.scheme == "http" and not _is_loopback(hostname):
        raise ValueError(
            f"the host {hostname!r} is asked for without TLS, which would show the token to others. Write "
            "https://; plain http is for this machine alone (127.0.0.1, ::1, localhost)"
        )
    name = f"[{hostname}]" if ":" in hostname else hostname
    # Airflow's own form sends port 0 for none.
    shown_port = "" if port in (None, 0, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{name}{shown_port}{parts.path.rstrip('/') or BASE_PATH}"


def _is_name(hostname: str) -> bool:
    if ":" not in hostname:
        return _NAME.fullmatch(hostname) is not None
    try:
        return bool(ipaddress.IPv6Address(hostname)) and "%" not in hostname
    except ValueError:
        return False


def _is_loopback(hostname: str) -> bool:
    if hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return False


def _token(password: str | None) -> str:
    token = (password or "").strip()
    if not token:
        raise ValueError(
            "there is no API token. Type it into the API token field (the connection's password), also to test a "
            "connection on Airflow 2's edit page, which does not send the stored one"
        )
    if not _TOKEN.fullmatch(token):
        raise ValueError(
            "the API token holds a space or a character that no token has. Copy it again into the API token field "
            "(the connection's password)"
        )
    return token


def _domain_id(value: object) -> str | None:
    where = f"{_FIELDS['domain_id']} (domain_id in extra)"
    if isinstance(value, bool) or not isinstance(value, (str, int, type(None))):
        raise ValueError(f"{where} must be a string; it is {_shown(value)}")
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    if holds_token(text):
        raise ValueError(
            f"{where} holds an API token: the token has its own field (the connection's password)"
        )
    problem = leftover_problem(text)
    if problem is not None:
        raise ValueError(f"{where} is no domain's id. {problem.rstrip('.')}")
    if text == ACCOUNT:
        raise ValueError(f"{where} must be a domain's id; {ACCOUNT!r} is for tasks. Leave it empty")
    return text


def _number(said: _Said, default: float, *, least: float) -> float:
    name, value, conn_id = said
    if value is None or value == "":
        return default
    try:
        return _checked_number(value, least=least, whole=isinstance(default, int))
    except ValueError as error:
        raise _settings_error(f"{name} must be {error}; it is {_shown(value)}", conn_id) from None


def _checked_number(value: Any, *, least: float, whole: bool) -> float:
    if isinstance(value, bool):
        raise ValueError("a number")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("a number") from None
    if not least <= number < 1e9:
        raise ValueError(f"from {least:g} to 999999999")
    if whole and not number.is_integer():
        raise ValueError("a whole number")
    return number


def _shown(value: object) -> str:
    """Return *value* for an error: what is longer than any setting may hold a secret."""
    shown = repr(value)
    return (
        masked_within(shown) if len(shown) <= _SHOWN else f"a {type(value).__name__} that is not shown here"
    )
