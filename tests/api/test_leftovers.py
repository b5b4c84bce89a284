from __future__ import annotations

import pytest

from airflow_provider_mailersend.api.leftovers import leftover_problem


@pytest.mark.parametrize(
    "pattern",
    [
        r".*@example\.com",
        r"\{{2}",
        r"^<?jane@",
        "(?:a|b)@.*",
        "none-.*",
        "nano@.*",
        "<a>.*",
        "[a-z]{1,3}@x",
        "set(tings)?@.*",
        "index(es)",
        "b'.*",
        r".*@example\.com$",
        "undefined.*",
    ],
)
def test_a_pattern_is_no_leftover(pattern: str) -> None:
    assert leftover_problem(pattern) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("undefined", "no value"),
        ("#N/A", "no value"),
        ("n/a", "no value"),
        ("{# x #}", "a template"),
        ("{{ x", "a template"),
        ("{% if x", "a template"),
        ("${x}", "a template"),
        ("jane.${x}.example", "a template"),
        ("<% x %>", "a template"),
        ("LazyXComSequence[2 items]", "a Python object"),
        ("LazyXComSequence(xcom_arg=PlainXComArg(<Task(X): a>), ti=<T>)", "a Python object"),
        ("XComArg(<Task>)", "a Python object"),
        ("PlainXComArg(<Task(X): a>)", "a Python object"),
        ("<Task(PythonOperator): a>", "a Python object"),
        ("<class 'str'>", "a Python object"),
        ("<jinja2.runtime.Undefined>", "a Python object"),
        ("<bound method X.y of <Y at 0x7f>>", "a Python object"),
        ("<map object at 0x7f>", "a Python object"),
        ("set()", "a Python object"),
        ("deque(['a@example.com'])", "a Python object"),
        ("odict_keys(['a@example.com'])", "a Python object"),
        ("dict_values([])", "a Python object"),
        ("Index(['a@example.com'], dtype='object')", "a Python object"),
        ("RangeIndex(start=0, stop=2, step=1)", "a Python object"),
        ("0    a@example.com\n1    b@example.com\ndtype: object", "a Python object"),
        ("0    .*@a\n1    .*@b\nName: pattern, dtype: object", "a Python object"),
        ("b'jane@example.com'", "bytes, not text: decode them"),
        ('b".*@x"', "bytes, not text: decode them"),
    ],
)
def test_a_leftover_is_told_why(text: str, why: str) -> None:
    assert why in (leftover_problem(text) or "")
