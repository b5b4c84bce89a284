"""What a MailerSend connection says, read and checked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_mailersend.api.flow import MAX_RETRIES
from airflow_provider_mailersend.api.masking import masked_within
from airflow_provider_mailersend.api.requests import BASE_PATH, BASE_URL
from airflow_provider_mailersend.api.throttle import RATE_WINDOW
from airflow_provider_mailersend.provider_info import CONNECTION_FIELDS

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

#: Seconds to wait for one answer, unless the connection says otherwise.
TIMEOUT = 30.0

_FIELDS = {name: field["label"] for name, field in CONNECTION_FIELDS.items()} | {
    "rate_limit_window": "Window"
}

# What connections that were made for an older Airflow put before the names in their extra.
_OLD_PREFIX = "extra__mailersend__"

#: What an error calls a setting, and what it was set to.
_Said = tuple[str, Any]

_DEFAULT_PORTS = {"https": 443, "http": 80}

# What HTTP clients leave as it is: the token goes to URLs that begin with this one, compared as text.
_NAME = re.compile(r"([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?|[0-9a-f:.]*:[0-9a-f:.]*")
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
    Read *connection*, whose extra holds *extra*.

    :param arguments: the numbers that a task or a hook was given, by their names; they go before the extra's.
    :raises ValueError: it says something that cannot be; the message tells which field, and never the token. Or an
        argument is such.
    """
    whose = f"Connection {connection.conn_id!r}:"
    try:
        token = _token(connection.password)
        base_url = base_url_of(connection.host, connection.port)
    except ValueError as error:
        raise ValueError(f"{whose} {error}") from None
    values = _by_names_of_today(extra)
    said: dict[str, _Said] = {
        name: (f"{whose} {label} ({name} in extra)", values.get(name)) for name, label in _FIELDS.items()
    }
    for name, value in (arguments or {}).items():
        said[name] = (f"{name}, given as an argument,", value)
    return Settings(
        token=token,
        base_url=base_url,
        domain_id=str(values.get("domain_id") or "").strip() or None,
        timeout=_number(said["timeout"], TIMEOUT, least=0.001),
        max_retries=int(_number(said["max_retries"], MAX_RETRIES, least=0)),
        quota_reserve=int(_number(said["quota_reserve"], 0, least=0)),
        rate_limit_window=_number(said["rate_limit_window"], RATE_WINDOW, least=0.001),
    )


def warning_of(conn_id: str, extra: Mapping[str, Any]) -> str | None:
    """Return a warning where *extra* holds what is not read: a misspelt domain leaves tasks to work on all domains."""
    unknown = sorted(_by_names_of_today(extra).keys() - _FIELDS.keys())
    if not unknown:
        return None
    return (
        f"Connection {conn_id!r}: nothing reads {masked_within(', '.join(unknown))} in its extra. Correct the name, or "
        f"take it out. What is read: {', '.join(_FIELDS)}."
    )


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
        raise ValueError("the host is no URL, such as https://api.mailersend.com/v1") from None
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(
            "the host must be a URL without a user, a query or a fragment; the token has its own field"
        )
    if parts.scheme not in ("https", "http"):
        raise ValueError(f"the host must be an https URL; its scheme is {parts.scheme!r}")
    hostname = parts.hostname or ""
    if not _NAME.fullmatch(hostname) or not _PATH.fullmatch(parts.path):
        raise ValueError("the host is no URL in ASCII, such as https://api.mailersend.com/v1")
    if parts.scheme == "http" and not _is_loopback(hostname):
        raise ValueError(
            f"the host {hostname!r} is asked for without TLS, which would show the token to others. Write "
            "https://; plain http is for this machine alone (127.0.0.1, ::1, localhost)"
        )
    name = f"[{hostname}]" if ":" in hostname else hostname
    shown_port = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{name}{shown_port}{parts.path.rstrip('/') or BASE_PATH}"


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


def _number(said: _Said, default: float, *, least: float) -> float:
    name, value = said
    if value is None or value == "":
        return default
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a number; it is {value!r}") from None
    if not least <= number < 1e9:
        raise ValueError(f"{name} must be from {least:g} to 999999999; it is {value!r}")
    if isinstance(default, int) and not number.is_integer():
        raise ValueError(f"{name} must be a whole number; it is {value!r}")
    return number
