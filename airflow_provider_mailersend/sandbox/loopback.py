"""Which hosts are this machine itself."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a host name or address (without a port) is in 127.0.0.0/8, is ::1, or is ``localhost``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def require_loopback(host: str) -> str:
    """Return the address to bind for ``host``, or raise ``ValueError`` when others could reach it.

    ``localhost`` is bound as 127.0.0.1, whatever the machine's own tables make of that name.
    """
    if not is_loopback(host):
        raise ValueError(
            f"The sandbox listens on this machine only: host must be 127.0.0.0/8, ::1 or localhost, not {host!r}."
        )
    return "127.0.0.1" if host.lower() == "localhost" else host.removeprefix("[").removesuffix("]")


def host_of(header: str) -> str:
    """The host in a ``Host`` header, without its port."""
    if header.startswith("["):
        return header.partition("]")[0][1:]
    return header.partition(":")[0]
