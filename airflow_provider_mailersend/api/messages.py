"""Parts of messages: a list cut short, and an exception of another library."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

from airflow_provider_mailersend.api.masking import masked_within

_USER = re.compile(r"//\S*@")


def join_first(names: Iterable[str], count: int, *, most: int = 10, separator: str = ", ") -> str:
    """
    Return the first *most* of *names*, already masked, and how many more of *count* there are.

    >>> join_first(["a", "b", "c"], 5, most=2)
    'a, b and 3 more'
    """
    shown = list(islice(names, most))
    more = f" and {count - len(shown)} more" if count > len(shown) else ""
    return separator.join(shown) + more


def describe_error(error: BaseException) -> str:
    """Return the class name of an exception, and the masked message of its root cause."""
    root = error
    while (earlier := root.__cause__ or root.__context__) is not None:
        root = earlier
    # Errors quote the proxy URL, which may contain a password.
    message = masked_within(_USER.sub("//", str(root)[:300]))
    return f"{type(error).__name__}, {message}" if message else type(error).__name__
