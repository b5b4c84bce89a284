"""What goes wrong in a run: faults and limits, drawn at random, and what each is called where they are counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from airflow_provider_mailersend.sandbox import ALL_HEADERS, QUOTA_HEADERS, LoggedRequest
from tests.unsteady import RareFault

STATUSES = (408, 421, 429, 500, 502, 503, 504, 520)

#: Those after which the request may have been processed all the same.
_AMBIGUOUS = (408, 500, 502, 503, 504, 520)

#: How long a client waits for an answer, in seconds, and one whose answers may be longer delayed than that.
_PATIENCE, _IMPATIENCE = 20.0, 1.0

#: The rate limit's window, in seconds, by the connection: waits for it are to be short in every run.
_WINDOW = 0.7

#: How late the API may do what it was asked for after its answer, or a gateway's, and a list may show it, in seconds.
_LATEST_COMMIT, _LATEST_SIGHT = 4.5, 2.0

#: How far a gateway's clock may be from the API's, in seconds.
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

#: A line on which each request takes a little, so that a kill hits some that are under way.
_SLOW_LINE = 0.015

#: All that is to happen in many runs.
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
        "dripping",
        "dripping, beyond the timeout",
        "gzip bomb",
        "rate limit with headers",
        "rate limit without headers",
        "quota used up",
        "too many in one request: 422",
        "too many in one request: 413",
    }
)


@dataclass(frozen=True)
class Limits:
    """The account's limits: what a sandbox is made with, and what the connection says of them."""

    sandbox: dict[str, Any]
    is_quota: bool = False

    @property
    def max_batch(self) -> int | None:
        return self.sandbox.get("max_batch")

    @property
    def pause(self) -> float:
        """How long to wait before a failed try is followed by another, in seconds."""
        return float(self.sandbox.get("quota_window", 0.2))


def limits_for(random: Random, *, batch_size: int, least_quota: int) -> Limits:
    """Draw the limits of an account of at least *least_quota* requests a day, where any are limited."""
    dialect = random.choice(("observed", "observed", "documented", "documented-2021"))
    sandbox: dict[str, Any] = {"dialect": dialect, "rate_limit": None, "quota": None}
    chosen = random.choices(("none", "rate", "quota"), (55, 25, 20))[0]
    if chosen == "rate":
        headers = random.choice((ALL_HEADERS, {"retry-after"}, {"x-ratelimit-reset"}, (), ()))
        sandbox |= {"rate_limit": random.randint(5, 12), "rate_window": _WINDOW, "headers": headers}
    if chosen == "quota":
        quota = least_quota + random.randint(0, 4)
        # Where the code says that it is the quota and no header says until when, that is midnight.
        headers = random.choice((ALL_HEADERS, QUOTA_HEADERS, ())) if dialect == "observed" else ALL_HEADERS
        sandbox |= {"quota": quota, "quota_window": random.choice((1.3, 2.0, 2.4)), "headers": headers}
    if random.random() < 0.2:
        sandbox["visible_after"] = round(random.uniform(0.2, _LATEST_SIGHT), 1)
    if random.random() < 0.2:
        sandbox["gateway_clock_ahead"] = random.choice((-_CLOCKS_APART, _CLOCKS_APART))
    if chosen == "rate" and random.random() < 0.3:
        sandbox["sliding_window"] = True
    # Reading such a list again costs more than the least quota has.
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
    Draw none to four faults that hit some of *requests*, of which there are about so many of each method.

    :param is_slow: whether all other requests take a little longer.
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
    if is_slow:
        faults.append(RareFault(times=None, delay=_SLOW_LINE, delay_when=random.choice(("before", "after"))))
    return faults


def timeout_under(faults: list[RareFault]) -> float:
    """How long the client waits for an answer: where there are delays to be cut short, not long."""
    return (
        _IMPATIENCE
        if any(max(fault.delay, fault.drip * 100) > _IMPATIENCE for fault in faults)
        else _PATIENCE
    )


def connection_extra(random: Random, timeout: float) -> dict[str, Any]:
    return {"timeout": timeout, "max_retries": random.choice((0, 1, 2, 3, 5)), "rate_limit_window": _WINDOW}


def names_of(request: LoggedRequest, limits: Limits) -> Iterator[str]:
    """What went wrong with a request."""
    fault = request.fault
    if isinstance(fault, RareFault) and fault.delay != _SLOW_LINE:
        yield from _names_of_fault(fault)
    elif request.status == 429:
        if limits.is_quota:
            yield "quota used up"
        else:
            yield f"rate limit {'with' if limits.sandbox['headers'] else 'without'} headers"
    elif request.status in (413, 422) and limits.max_batch and _longest(request.json) > limits.max_batch:
        yield f"too many in one request: {request.status}"


def _names_of_fault(fault: RareFault) -> Iterator[str]:
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
        yield f"dripping{', beyond the timeout' if fault.drip * 100 > _IMPATIENCE else ''}"


def _harm(random: Random) -> dict[str, Any]:
    kind = random.choices(
        ("status", "page", "cut", "truncate", "short delay", "long delay", "headers", "late", "drip", "bomb"),
        (34, 4, 20, 8, 8, 14, 12, 14, 6, 3),
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
            # Not longer than an addition without an answer is given before it is looked up.
            return {"delay": round(_IMPATIENCE + random.uniform(0.05, 0.4), 3), "delay_when": when}
        case "late":
            late = {"commit_after": round(random.uniform(0.5, _LATEST_COMMIT), 1)}
            return late | random.choice(({"status": 504, "processed": True}, {"cut": "after"}, {}))
        case "drip":
            return {"drip": random.choice((0.001, 0.05)), "drip_part": "headers"}
        case "bomb":
            return {"status": 200, "bomb": 40 * 2**20, "processed": True}
        case _:
            return {"headers": random.choice(_ODD_HEADERS)}


def _longest(body: Any) -> int:
    return max((len(items) for items in (body or {}).values() if isinstance(items, list)), default=0)
