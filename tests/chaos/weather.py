"""What goes wrong in a run: faults and limits, drawn at random, and the names under which the report counts them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from airflow_provider_mailersend.sandbox import ALL_HEADERS, QUOTA_HEADERS, LoggedRequest
from tests.unsteady import RareFault

STATUSES = (408, 421, 429, 500, 502, 503, 504, 520)

#: The status codes after which the request may have been processed all the same.
_AMBIGUOUS = (408, 500, 502, 503, 504, 520)

#: The client's timeout in seconds, and the one in runs where a delay is to exceed it.
_PATIENCE, _IMPATIENCE = 20.0, 1.0

#: The rate limit's window in seconds, set in the connection too: short, so that no run waits long for it.
_WINDOW = 0.7

#: How long after the response a change may be committed, and how long after that a list may show it, in seconds.
_LATEST_COMMIT, _LATEST_SIGHT = 4.5, 2.0

#: The difference between the gateway's clock and the API's, in seconds.
_CLOCKS_APART = 3.0

_ODD_HEADERS = (
    {"date": "Fri, 31 Dec 9999 23:59:59 GMT"},
    {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999"},
    {"retry-after": "1e300"},
    {"x-ratelimit-remaining": "many", "x-ratelimit-reset": "soon"},
    {"x-ratelimit-remaining": "0"},
    {"x-ratelimit-remaining": "nan", "retry-after": "-3"},
    {"x-apiquota-remaining": "none", "x-apiquota-reset": "midnight"},
    {"x-apiquota-remaining": "-1"},
    {"x-apiquota-remaining": "1e400", "date": "yesterday"},
    {"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT", "content-language": "tlh"},
    {"etag": 'W/"0"', "server": "cloudflare", "content-type": "text/plain"},
)

#: A delay of every request in seconds, so that some requests are in flight when a process is killed.
_SLOW_LINE = 0.015

#: Roughly how many bytes a dripping part has: the smallest head, and a page or the response to a batch.
_BYTES = {"headers": 100, "body": 1_000}

#: Every kind of trouble that a whole campaign must meet: with single requests, and all through a run.
EVERYTHING = frozenset(
    {
        *map(str, STATUSES),
        "200 with a web page",
        "web page",
        "processed, answered with an error",
        "cut before",
        "cut after",
        "truncated",
        "delayed before",
        "delayed after",
        "delayed before, beyond the timeout",
        "delayed after, beyond the timeout",
        "odd headers",
        "committed late",
        "dripping headers",
        "dripping headers, beyond the timeout",
        "dripping body",
        "dripping body, beyond the timeout",
        "gzip bomb",
        "rate limit with headers",
        "rate limit without headers",
        "quota used up",
        "too many in one request: 422",
        "too many in one request: 413",
    }
)
CONDITIONS = frozenset(
    {
        "listed late",
        "gateway clock ahead",
        "gateway clock behind",
        "sliding window",
        "ties shuffled",
    }
)


@dataclass(frozen=True)
class Limits:
    """The account's limits and habits: *sandbox* are arguments of the sandbox."""

    sandbox: dict[str, Any]
    is_quota: bool = False

    @property
    def max_batch(self) -> int | None:
        return self.sandbox.get("max_batch")

    @property
    def pause(self) -> float:
        """How long to wait before a retry, in seconds."""
        return float(self.sandbox.get("quota_window", 0.2))

    @property
    def conditions(self) -> Iterator[str]:
        """What is out of the ordinary all through the run."""
        if self.sandbox.get("visible_after"):
            yield "listed late"
        if ahead := self.sandbox.get("gateway_clock_ahead"):
            yield f"gateway clock {'ahead' if ahead > 0 else 'behind'}"
        if self.sandbox.get("sliding_window"):
            yield "sliding window"
        if self.sandbox.get("shuffle_ties"):
            yield "ties shuffled"


def limits_for(random: Random, *, batch_size: int, least_quota: int) -> Limits:
    """Draw the account's limits; a daily quota is at least *least_quota*."""
    dialect = random.choice(("observed", "observed", "documented", "documented-2021"))
    sandbox: dict[str, Any] = {"dialect": dialect, "rate_limit": None, "quota": None}
    chosen = random.choices(("none", "rate", "quota"), (55, 25, 20))[0]
    if chosen == "rate":
        headers = random.choice((ALL_HEADERS, {"retry-after"}, {"x-ratelimit-reset"}, (), ()))
        sandbox |= {"rate_limit": random.randint(5, 12), "rate_window": _WINDOW, "headers": headers}
    if chosen == "quota":
        quota = least_quota + random.randint(0, 4)
        # Without headers, the code for a used-up quota means "until midnight".
        headers = random.choice((ALL_HEADERS, QUOTA_HEADERS, ())) if dialect == "observed" else ALL_HEADERS
        sandbox |= {"quota": quota, "quota_window": random.choice((1.3, 2.0, 2.4)), "headers": headers}
    if random.random() < 0.2:
        sandbox["visible_after"] = round(random.uniform(0.2, _LATEST_SIGHT), 1)
    if random.random() < 0.2:
        sandbox["gateway_clock_ahead"] = random.choice((-_CLOCKS_APART, _CLOCKS_APART))
    if chosen == "rate" and random.random() < 0.3:
        sandbox["sliding_window"] = True
    # Such a list is read several times: more than the smallest quota allows.
    if random.random() < 0.1 and chosen != "quota":
        sandbox["shuffle_ties"] = True
    if random.random() < 0.25:
        sandbox |= {
            "max_batch": random.randint(2, batch_size - 1),
            "batch_refusal": random.choice(("413", "422")),
        }
    return Limits(sandbox, chosen == "quota")


def faults_for(random: Random, requests: dict[str, int], *, is_slow: bool) -> list[RareFault]:
    """
    Draw up to four faults.

    :param requests: about how many requests of each method there will be.
    :param is_slow: whether to delay all other requests a little.
    """
    writes = [method for method in requests if method != "GET" and requests[method]]
    faults = []
    for _ in range(random.choice((0, 1, 2, 2, 3, 4))):
        method = random.choice(writes) if writes and random.random() < 0.7 else random.choice(("GET", "*"))
        hit = sum(requests.values()) if method == "*" else requests[method]
        faults.append(
            RareFault(
                method=method,
                skip=random.randrange(max(1, hit)),
                times=random.choice((1, 1, 2)),
                **_harm(random),
            )
        )
    return [*faults, slow_line(random)] if is_slow else faults


def slow_line(random: Random) -> RareFault:
    """Return a fault that delays every request a little."""
    return RareFault(times=None, delay=_SLOW_LINE, delay_when=random.choice(("before", "after")))


def timeout_under(faults: list[RareFault]) -> float:
    """Return the client's timeout in seconds: short where a delay is to exceed it."""
    is_exceeded = any(fault.delay > _IMPATIENCE or _drips_long(fault) for fault in faults)
    return _IMPATIENCE if is_exceeded else _PATIENCE


def _drips_long(fault: RareFault) -> bool:
    return fault.drip * _BYTES[fault.drip_part] > _IMPATIENCE


def connection_extra(random: Random, timeout: float) -> dict[str, Any]:
    return {"timeout": timeout, "max_retries": random.choice((0, 1, 2, 3, 5)), "rate_limit_window": _WINDOW}


def names_of(request: LoggedRequest, limits: Limits) -> Iterator[str]:
    """Yield what went wrong with a request."""
    fault = request.fault
    if isinstance(fault, RareFault) and fault.delay != _SLOW_LINE:
        yield from _names_of_fault(fault, request.method)
    elif request.status == 429:
        if limits.is_quota:
            yield "quota used up"
        else:
            yield f"rate limit {'with' if limits.sandbox['headers'] else 'without'} headers"
    elif request.status in (413, 422) and limits.max_batch and _longest(request.json) > limits.max_batch:
        yield f"too many in one request: {request.status}"


def _names_of_fault(fault: RareFault, method: str) -> Iterator[str]:
    if fault.bomb:
        yield "gzip bomb"
    elif fault.status == 200:
        yield "200 with a web page"
    elif fault.status is not None:
        yield str(fault.status)
        if fault.html:
            yield "web page"
        if fault.processed:
            yield "processed, answered with an error"
    if fault.cut:
        yield f"cut {fault.cut}"
    if fault.truncate:
        yield "truncated"
    if fault.delay:
        yield f"delayed {fault.delay_when}{', beyond the timeout' if fault.delay > _IMPATIENCE else ''}"
    if fault.headers:
        yield "odd headers"
    if fault.commit_after:
        yield "committed late"
    if fault.drip:
        # The response to a DELETE is two bytes.
        is_long = _drips_long(fault) and not (fault.drip_part == "body" and method == "DELETE")
        yield f"dripping {fault.drip_part}{', beyond the timeout' if is_long else ''}"


def _harm(random: Random) -> dict[str, Any]:
    kind = random.choices(
        ("status", "page", "cut", "truncate", "short delay", "long delay", "headers", "late", "drip", "bomb"),
        (34, 4, 20, 8, 8, 14, 12, 14, 9, 3),
    )[0]
    when = random.choice(("before", "after"))
    match kind:
        case "status":
            status = random.choice(STATUSES)
            is_processed = status in _AMBIGUOUS and random.random() < 0.5
            return {"status": status, "html": random.random() < 0.4, "processed": is_processed}
        case "page":
            return {"status": 200, "html": True, "processed": random.random() < 0.5}
        case "cut":
            return {"cut": when}
        case "truncate":
            return {"truncate": True}
        case "short delay":
            return {"delay": round(random.uniform(0.05, 0.3), 3), "delay_when": when}
        case "long delay":
            # Shorter than the pause before an addition with an unknown result is looked up.
            return {"delay": round(_IMPATIENCE + random.uniform(0.05, 0.4), 3), "delay_when": when}
        case "late":
            late = {"commit_after": round(random.uniform(0.5, _LATEST_COMMIT), 1)}
            return late | random.choice(({"status": 504, "processed": True}, {"cut": "after"}, {}))
        case "drip":
            part = random.choice(("headers", "body"))
            return {"drip": random.choice((0.1, 5.0)) / _BYTES[part], "drip_part": part}
        case "bomb":
            return {"status": 200, "bomb": 40 * 2**20, "processed": True}
        case _:
            return {"headers": random.choice(_ODD_HEADERS)}


def _longest(body: Any) -> int:
    return max((len(items) for items in (body or {}).values() if isinstance(items, list)), default=0)
