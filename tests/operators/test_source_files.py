"""Reading addresses and patterns from files: by themselves, and through the operator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

from airflow_provider_mailersend.operators.source_files import read_items
from airflow_provider_mailersend.operators.suppressions import MailerSendSyncSuppressionsOperator
from airflow_provider_mailersend.sandbox import Sandbox

if AIRFLOW_V_3_0_PLUS:
    from airflow.sdk.io import attach
else:
    from airflow.io.store import attach  # type: ignore[import-not-found, no-redef]

Connect = Callable[..., str]
Write = Callable[..., str]

RECIPIENTS = {"recipients": "email"}
PATTERNS = {"patterns": "pattern"}
BOTH = RECIPIENTS | PATTERNS


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file and return its path."""

    def written(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return written


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    """A store that is no folder of this machine, at ``memory://``."""
    store = MemoryFileSystem()
    attach("memory", fs=store)
    yield store
    store.store.clear()


def values(file: str, columns: dict[str, str] = RECIPIENTS) -> list[str]:
    """Return what the file holds, kind after kind."""
    return [item.value for items in read_items(file, columns).values() for item in items]


def sync(file: str, **arguments: Any) -> dict[str, Any]:
    operator = MailerSendSyncSuppressionsOperator(
        task_id="sync", suppression_list="blocklist", file=file, **arguments
    )
    result: dict[str, Any] = operator.execute({})
    return result


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "BOM"])
@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("a.csv", ["id,email,name", "1,jane@example.net,Jane", '2," joe@example.net ","Doe, Joe"']),
        ("a.CSV", ["email", "jane@example.net", "", "joe@example.net"]),
        ("a.csv", ['"email"', '"jane@example.net"', '"joe@example.net"', ""]),
        (
            "a.csv",
            ["name, email ", '"Doe, Jane",jane@example.net', "", "x,joe@example.net"],
        ),
        ("a.csv", ["email,name", "jane@example.net,", ",Nobody", '"  ",', "joe@example.net,Joe"]),
        ("a.jsonl", ['{"email": "jane@example.net"}', "", '{"id": 2, "email": " joe@example.net"}']),
        (
            "a.jsonl",
            ['"jane@example.net"', "  ", '{"email": "joe@example.net", "pattern": 7}', '{"email": null}'],
        ),
        ("a.txt", ["jane@example.net", "", "   ", "  joe@example.net\t"]),
        ("a.Txt", ["jane@example.net", "joe@example.net"]),
    ],
    ids=str,
)
def test_addresses_are_read_from_each_type_of_file(
    write: Write, name: str, lines: list[str], mark: str, end: str
) -> None:
    assert values(write(name, mark + end.join(lines))) == ["jane@example.net", "joe@example.net"]
    assert values(write(name, mark + end.join([*lines, ""]))) == ["jane@example.net", "joe@example.net"]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_header_without_commas_tells_its_delimiter_which_is_logged(
    write: Write, caplog: pytest.LogCaptureFixture, delimiter: str
) -> None:
    caplog.set_level("INFO")
    file = write("a.csv", f'id{delimiter}"email"\n1{delimiter}jane@example.net\n')
    assert values(file) == ["jane@example.net"]
    assert f"split by {delimiter!r}" in caplog.text


@pytest.mark.parametrize(
    ("delimiter", "said"), [(";", ";"), ("|", "|"), ("\t", "\t"), ("\t", "\\t"), ("\t", "tab")]
)
def test_a_delimiter_can_be_said(
    connect: Connect, sandbox: Sandbox, write: Write, delimiter: str, said: str
) -> None:
    connect(sandbox)
    file = write("a.csv", f"a,b{delimiter}email\n1,2{delimiter}jane@example.net\n")
    with pytest.raises(ValueError, match="the header has no 'email'"):
        values(file)
    assert sync(file, file_delimiter=said)["added"] == 1


@pytest.mark.parametrize("delimiter", ["", "None", None])
def test_a_delimiter_rendered_from_nothing_is_the_comma(
    connect: Connect, sandbox: Sandbox, write: Write, delimiter: str | None
) -> None:
    connect(sandbox)
    assert sync(write("a.csv", "id,email\n1,a@example.net\n"), file_delimiter=delimiter)["added"] == 1


@pytest.mark.parametrize("delimiter", [";;", "a", '"', "\n", "@", "{{ x }}", 7])
def test_a_delimiter_is_one_character_that_can_be_one(
    connect: Connect, sandbox: Sandbox, write: Write, delimiter: Any
) -> None:
    connect(sandbox)
    with pytest.raises(AirflowFailException, match="file_delimiter must be one character"):
        sync(write("a.csv", "email\na@b.c\n"), file_delimiter=delimiter)


def test_a_delimiter_is_for_csv_only(connect: Connect, sandbox: Sandbox, write: Write) -> None:
    connect(sandbox)
    with pytest.raises(AirflowFailException, match=r"file_delimiter is for \.csv files"):
        sync(write("a.txt", "a@b.c\n"), file_delimiter=";")


def test_a_mirror_of_a_file_whose_rows_are_split_otherwise_deletes_nobody(
    connect: Connect, sandbox: Sandbox, write: Write
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", *(f"old{n}@example.net" for n in range(10)))
    rows = "".join(f"{n};old{n}@example.net\n" for n in range(10))
    with pytest.raises(AirflowFailException, match="line 3 has 1 fields"):
        sync(write("a.csv", f"id,email\n1,a@example.net\n{rows}"), mode="mirror", max_deletes=1.0)
    assert len(sandbox.entries("blocklist")) == 10
    assert sandbox.requests("DELETE") == []


def test_an_item_of_a_file_that_is_not_surely_one_address_is_named_by_its_line(
    connect: Connect, sandbox: Sandbox, write: Write
) -> None:
    connect(sandbox)
    file = write("a.csv", "email\na@example.net\nJane <jane@example.net>\nnan\n")
    with pytest.raises(
        AirflowFailException, match=r"line 3 .*: It holds more than an address.* line 4 .*no value"
    ) as error:
        sync(file)
    assert "jane@" not in str(error.value)
    result = sync(file, on_invalid="skip")
    assert [one["where"] for one in result["first_rejected"]] == ["line 3", "line 4"]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.txt"])
def test_what_is_not_ascii_is_read(write: Write, name: str) -> None:
    lines = {"a.csv": "email\njürgen@exämple.net", "a.jsonl": '"j\\u00fcrgen@exämple.net"'}
    assert values(write(name, lines.get(name, "jürgen@exämple.net"))) == ["jürgen@exämple.net"]


def test_quoted_fields_may_hold_commas_and_quotes(write: Write) -> None:
    file = write("a.csv", 'note,pattern\n"one, two","a{1,2}@x"\r\n\n"say ""hi""",".*""@x"\n"",.*@last\n')
    (found,) = read_items(file, PATTERNS).values()
    assert [item.value for item in found] == ["a{1,2}@x", '.*"@x', ".*@last"]
    assert [item.where for item in found] == ["line 2", "line 4", "line 5"]


@pytest.mark.parametrize(
    ("name", "content", "columns", "said"),
    [
        ("a.csv", "email,note\na@b.c,\n,x\n\n  ,y\n", RECIPIENTS, "Skipped 2 rows without email"),
        ("a.csv", "email,pattern\na@b.c,\n,.*@x\n, \n", BOTH, "Skipped 1 row without email or pattern"),
        (
            "a.jsonl",
            '{"email": null}\n{"email": " "}\n""\n"a@b.c"',
            RECIPIENTS,
            "Skipped 3 rows without email",
        ),
        ("a.csv", "email\na@b.c\n\n\n", RECIPIENTS, None),
        ("a.jsonl", '"a@b.c"\n\n', RECIPIENTS, None),
        ("a.txt", "a@b.c\n\n \n", RECIPIENTS, None),
    ],
)
def test_rows_without_a_value_are_counted_in_the_log(
    write: Write,
    caplog: pytest.LogCaptureFixture,
    name: str,
    content: str,
    columns: dict[str, str],
    said: str | None,
) -> None:
    caplog.set_level("INFO")
    file = write(name, content)
    assert values(file, columns)[0] == "a@b.c"
    skipped = [message for message in caplog.messages if message.startswith("Skipped")]
    assert skipped == ([f"{said} in {file}."] if said else [])


@pytest.mark.parametrize("argument", ["file", "recipients_column"])
def test_a_token_in_an_argument_is_not_shown(
    connect: Connect, sandbox: Sandbox, write: Write, argument: str
) -> None:
    connect(sandbox)
    arguments = {"file": write("a.csv", "email\na@b.c\n"), argument: "mlsn.0123456789abcdef"}
    with pytest.raises(AirflowFailException, match=f"^{argument} contains an API token") as error:
        sync(**arguments)
    assert "0123" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "email,pattern\na@example.net,\n,.*@x\n\nb@example.net,.*@y\n"),
        (
            "a.jsonl",
            '{"email": "a@example.net"}\n{"pattern": ".*@x"}\n\n'
            '{"email": "b@example.net", "pattern": ".*@y"}\n',
        ),
    ],
    ids=["csv", "jsonl"],
)
def test_addresses_and_patterns_stand_in_columns_of_one_file(write: Write, name: str, content: str) -> None:
    first = 2 if name == "a.csv" else 1
    found = read_items(write(name, content), BOTH)
    assert {kind: [(item.kind, item.value, item.position) for item in found[kind]] for kind in found} == {
        "recipients": [("recipients", "a@example.net", first), ("recipients", "b@example.net", first + 3)],
        "patterns": [("patterns", ".*@x", first + 1), ("patterns", ".*@y", first + 3)],
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "pattern\n.*@x\n\\D+@y"),
        ("a.jsonl", '".*@x"\n{"pattern": "\\\\D+@y"}'),
        ("a.txt", ".*@x\n\\D+@y"),
    ],
)
def test_a_file_may_hold_patterns_alone(write: Write, name: str, content: str) -> None:
    found = read_items(write(name, content), PATTERNS)
    assert list(found) == ["patterns"]
    assert [item.value for item in found["patterns"]] == [".*@x", r"\D+@y"]


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", "email\n"), ("a.csv", "email"), ("a.jsonl", ""), ("a.txt", "\n \n")]
)
def test_a_file_may_hold_nothing(write: Write, name: str, content: str) -> None:
    assert read_items(write(name, content), RECIPIENTS) == {"recipients": []}


@pytest.mark.parametrize(
    ("name", "content", "columns", "complaint"),
    [
        (
            "a.csv",
            "id,mail\n1,a@b.c\n",
            RECIPIENTS,
            "the header has no 'email', only id, mail: set recipients_column to one of these$",
        ),
        (
            "a.csv",
            "mail;name\na@b.c;A\n",
            RECIPIENTS,
            "only mail;name: set recipients_column to one of these, or set file_delimiter=';'$",
        ),
        (
            "a.csv",
            "email\na@b.c\n",
            BOTH,
            "the header has no 'pattern', only email: set patterns_column to one of these$",
        ),
        ("a.csv", "Email\na@b.c\n", RECIPIENTS, "the header has no 'email', only Email"),
        ("a.csv", "", RECIPIENTS, "the file is empty: its first line must name the columns$"),
        ("a.csv", "\nemail\n", RECIPIENTS, "the header has no 'email', only nothing"),
        ("a.csv", "jane@b.c\njoe@b.c\n", RECIPIENTS, r"the header has no \'email\', only j\*\*\*@b\.c: set"),
        (
            "a.csv",
            "email,id, email\na@b.c,1,b@b.c\n",
            RECIPIENTS,
            "the header has the column 'email' more than once$",
        ),
        (
            "a.csv",
            b"email\na@b.c\n\nj\xfcrgen@b.c\n",
            RECIPIENTS,
            "line 4 is not in UTF-8: save the file as UTF-8$",
        ),
        ("a.csv", b"\xff\xfee\0m\0a\0i\0l\0\n\0", RECIPIENTS, "the file is in UTF-16: save it as UTF-8$"),
        ("a.csv", b"\xfe\xff\0e\0m\0a\0i\0l\0\n", RECIPIENTS, "the file is in UTF-16: save it as UTF-8$"),
        ("a.txt", b"a@b.c\nb@b.c\0\n", RECIPIENTS, "line 2 has a NUL byte"),
        (
            "a.csv",
            "id,email\n1,a@b.c\n1;b@b.c\n",
            RECIPIENTS,
            "line 3 has 1 fields, but the header has 2",
        ),
        ("a.csv", "id,email\n1,a@b.c\n2\n", RECIPIENTS, "line 3 has 1 fields, but the header has 2"),
        (
            "a.csv",
            "id,email\n1,a@b.c\n\n2,Doe,b@b.c\n",
            RECIPIENTS,
            "line 4 has 3 fields, but the header has 2",
        ),
        (
            "a.csv",
            'id,email,note\n1,a@b.c,"tall\n2,b@b.c,ok\n3,c@b.c,"\n4,d@b.c,z\n',
            RECIPIENTS,
            "line 2 has a quote that is closed only on line 4: fields with line breaks are not supported",
        ),
        (
            "a.csv",
            'id,email\n\n"1\n",a@b.c\n',
            RECIPIENTS,
            "line 3 has a quote that is closed only on line 4",
        ),
        (
            "a.csv",
            '"id\n",email\n1,a@b.c\n',
            RECIPIENTS,
            "line 1 has a quote that is closed only on line 2",
        ),
        (
            "a.jsonl",
            '{"email": "a@b.c"}\n{"emial": "b@b.c", "pattern": null}\n',
            BOTH,
            "line 2 has no 'email', only emial, pattern: set recipients_column to one of these$",
        ),
        (
            "a.jsonl",
            '{"email": "", "patern": ".*@x"}\n',
            BOTH,
            "line 1 has no 'pattern', only email, patern: set patterns_column to one of these$",
        ),
        (
            "a.jsonl",
            '{"email": "a@b.c"}\n{"email": "b@b.c", "email": "c@b.c"}\n',
            RECIPIENTS,
            "line 2 has the key 'email' more than once$",
        ),
        ("a.csv", "email\na@b.c,b@b.c\n", RECIPIENTS, "line 2 has 2 fields, but the header has 1"),
        (
            "a.csv",
            "id;email\n1;a@b.c\n2,b@b.c\n",
            RECIPIENTS,
            "line 3 has 1 fields, but the header has 2",
        ),
        (
            "a.csv",
            'email\na@b.c\nb@b.c\n"c@b.c\n',
            RECIPIENTS,
            "line 4 isn't valid CSV: unexpected end of data",
        ),
        (
            "a.csv",
            'email\na@b.c\n\n"b"@b.c\nc@b.c\n',
            RECIPIENTS,
            r"line 4 isn't valid CSV: ',' expected after '\"'",
        ),
        ("a.csv", 'email\n"a"@b.c\n', RECIPIENTS, r"line 2 isn't valid CSV: ',' expected after '\"'"),
        ("a.csv", 'em"ail\n"x"y', RECIPIENTS, "the header has no 'email'"),
        ("a.jsonl", '"a@b.c"\n\n{"email": "b@b.c"\n', RECIPIENTS, "line 3 isn't valid JSON$"),
        pytest.param(
            "a.jsonl", '"a@b.c"\n' + "[" * 100_000, RECIPIENTS, "line 2 isn't valid JSON$", id="nested"
        ),
        ("a.jsonl", b'"a@b.c"\n"\xfc@b.c"\n', RECIPIENTS, "line 2 is not in UTF-8"),
        ("a.jsonl", '["a@b.c"]\n', RECIPIENTS, "line 1 must be a JSON object; got list"),
        ("a.jsonl", '"a@b.c"\n7\n', RECIPIENTS, "line 2 must be a JSON object; got int"),
        ("a.jsonl", '{"email": "a@b.c"}\n"b@b.c"\n', BOTH, "line 2 must be a JSON object; got str"),
        (
            "a.jsonl",
            '{"email": "a@b.c"}\n{"mail": "b@b.c"}',
            RECIPIENTS,
            "line 2 has no 'email', only mail: set recipients_column to one of these$",
        ),
        (
            "a.jsonl",
            '{"mail": "a@b.c"}',
            BOTH,
            "line 1 has no 'email' or 'pattern', only mail: set recipients_column or patterns_column to one of these$",
        ),
        ("a.jsonl", "{}", RECIPIENTS, "line 1 has no 'email', only nothing"),
        ("a.jsonl", '{"jane@b.c": 1}', RECIPIENTS, r"has no 'email', only j\*\*\*@b\.c: set"),
        ("a.jsonl", '"a@b.c"\n{"email": 7}', RECIPIENTS, "line 2: email must be a string; got int"),
        ("a.jsonl", '{"email": ["a@b.c"]}', RECIPIENTS, "line 1: email must be a string; got list"),
        (
            "a.jsonl",
            '{"email": null, "pattern": true}',
            BOTH,
            "line 1: pattern must be a string; got bool",
        ),
        ("a.txt", b"a@b.c\r\n\r\n\xfc@b.c", RECIPIENTS, "line 3 is not in UTF-8"),
        ("a.txt", "a@b.c\n", BOTH, "a .txt file holds either addresses or patterns"),
        ("a.xlsx", "a@b.c\n", RECIPIENTS, r"file must end with \.csv, \.jsonl or \.txt; got '/"),
        ("a", "a@b.c\n", RECIPIENTS, r"file must end with \.csv"),
        ("a.csv.gz", "a@b.c\n", RECIPIENTS, r"file must end with \.csv"),
        ("a.json", '["a@b.c"]\n', RECIPIENTS, r"file must end with \.csv"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_says_where_and_fails_the_task_at_once(
    connect: Connect,
    sandbox: Sandbox,
    write: Write,
    name: str,
    content: str | bytes,
    columns: dict[str, str],
    complaint: str,
) -> None:
    connect(sandbox)
    file = write(name, content)
    with pytest.raises(ValueError, match=complaint) as error:
        read_items(file, columns)
    assert file in str(error.value)
    assert "jane@" not in str(error.value)
    with pytest.raises(AirflowFailException, match=complaint):
        sync(
            file,
            recipients_column=columns.get("recipients"),
            patterns_column=columns.get("patterns"),
            mode="mirror",
            max_deletes=1.0,
        )
    assert sandbox.log == []


@pytest.mark.parametrize("url", ["{}/none.csv", "file://{}/none.jsonl", "{}/nowhere/none.txt"])
def test_a_file_that_is_not_there_yet_is_left_to_airflows_retries(
    connect: Connect, sandbox: Sandbox, tmp_path: Path, url: str
) -> None:
    connect(sandbox)
    said = rf"{tmp_path}/\S+ doesn't exist, as seen from this worker: check the path, .* all workers can read"
    with pytest.raises(FileNotFoundError, match=said):
        sync(url.format(tmp_path))
    assert sandbox.log == []


@pytest.mark.parametrize("columns", [{}, {"patterns_column": "pattern"}, {"patterns_column": None}], ids=str)
def test_a_list_is_made_equal_to_a_file(
    connect: Connect, sandbox: Sandbox, write: Write, columns: dict[str, str | None]
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "a@example.net", "old@example.net", patterns=[".*@old"])
    file = write("a.csv", "email,pattern\nA@example.net,\nb@example.net,.*@new\n")
    result = sync(file, mode="mirror", max_deletes=2, **columns)
    with_patterns = columns.get("patterns_column") == "pattern"
    assert (result["added"], result["deleted"]) == ((2, 2) if with_patterns else (1, 1))
    assert sorted(entry["pattern"] for entry in sandbox.entries("blocklist")) == [
        ".*@new" if with_patterns else ".*@old",
        "a@example.net",
        "b@example.net",
    ]


def test_a_column_that_is_not_asked_for_may_stand_there_twice(write: Write) -> None:
    assert values(write("a.csv", "note,email,note\nx,a@example.net,y\n")) == ["a@example.net"]


def test_columns_go_by_other_names_too(connect: Connect, sandbox: Sandbox, write: Write) -> None:
    connect(sandbox)
    file = write("a.csv", "E-Mail Address,Rule\na@example.net,.*@new\n")
    result = sync(file, recipients_column="E-Mail Address", patterns_column="Rule")
    assert result["first_to_add"] == ["a@example.net", ".*@new"]


@pytest.mark.parametrize(("name", "content"), [("a.csv", "email\n"), ("a.jsonl", ""), ("a.txt", "\n\n")])
def test_an_empty_file_deletes_nothing(
    connect: Connect, sandbox: Sandbox, write: Write, name: str, content: str
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "a@example.net")
    with pytest.raises(AirflowFailException, match="the source has no valid recipients"):
        sync(write(name, content), mode="mirror", max_deletes=1.0)
    assert sandbox.log == []


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        ("a.csv", 'note,email\n\n"a note",a@example.net\nx,jane roe\n\ny,joe doe\n', (4, 6)),
        ("a.jsonl", '{"email": "a@example.net"}\n\n"jane roe"\n{"email": "joe doe"}\n', (3, 4)),
        ("a.txt", "\na@example.net\njane roe\n\n\njoe doe", (3, 6)),
    ],
    ids=["csv", "jsonl", "txt"],
)
def test_an_address_that_mailersend_refuses_is_named_by_its_line(
    connect: Connect, sandbox: Sandbox, write: Write, name: str, content: str, lines: tuple[int, int]
) -> None:
    connect(sandbox)
    file = write(name, content)
    with pytest.raises(AirflowFailException) as error:
        sync(file)
    said = str(error.value)
    assert f"line {lines[0]} 'j***': " in said
    assert f"; line {lines[1]} 'j***': " in said
    assert "jane roe" not in said
    result = sync(file, on_invalid="skip")
    assert [one["where"] for one in result["first_rejected"]] == [f"line {line}" for line in lines]
    assert [entry["pattern"] for entry in sandbox.entries("blocklist")] == ["a@example.net"]


def test_an_address_that_stands_in_a_file_twice_counts_once(
    connect: Connect, sandbox: Sandbox, write: Write
) -> None:
    connect(sandbox)
    assert sync(write("a.txt", "Jane@example.net\njane@example.net\nJANE@EXAMPLE.net"))["wanted"] == 1
    assert [entry["pattern"] for entry in sandbox.entries("blocklist")] == ["Jane@example.net"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", "email\na@example.net\n"), ("a.jsonl", '"a@example.net"'), ("a.txt", "a@example.net")],
)
def test_a_file_is_named_by_its_url(write: Write, memory: MemoryFileSystem, name: str, content: str) -> None:
    assert values(f"file://{write(name, content)}") == ["a@example.net"]
    memory.pipe(f"/bucket/{name}", content.encode())
    assert values(f"memory://bucket/{name}") == ["a@example.net"]


def test_a_path_may_begin_where_airflow_runs(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a.txt", "a@example.net")
    monkeypatch.chdir(tmp_path)
    assert values("a.txt") == values("./a.txt") == ["a@example.net"]
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/none.txt"):
        values("none.txt")


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        ("email\n", "the source has no valid recipients"),
        ("email\nb@example.net\n", "2 to delete exceed max_deletes"),
        ("email\na@example.net\nnobody\n", "1 can't be added: line 3 'n\\*\\*\\*': It has no @"),
    ],
)
def test_a_refusal_names_the_file(
    connect: Connect, sandbox: Sandbox, write: Write, content: str, refusal: str
) -> None:
    connect(sandbox)
    sandbox.add("blocklist", "a@example.net", "c@example.net")
    file = write("a.csv", content)
    with pytest.raises(AirflowFailException, match=refusal) as error:
        sync(file, mode="mirror")
    assert str(error.value).endswith(f"Nothing was changed. Source: {file}. Connection 'mailersend_default'.")


def test_the_summary_names_the_file(
    connect: Connect, sandbox: Sandbox, write: Write, logged: Callable[[], str]
) -> None:
    connect(sandbox)
    file = write("a.csv", "email\na@example.net\n")
    sync(file)
    assert f"1 wanted, 0 present, 0 unchanged; source {file}; 2 requests" in logged()


def test_a_place_that_airflow_does_not_know_fails_the_task_at_once(
    connect: Connect, sandbox: Sandbox
) -> None:
    connect(sandbox)
    with pytest.raises(AirflowFailException, match="nosuchplace"):
        sync("nosuchplace://bucket/a.csv")
    assert sandbox.log == []


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.txt"])
def test_fifty_thousand_lines_are_read(write: Write, name: str) -> None:
    addresses = [f"somebody{number}@example.net" for number in range(50_000)]
    lines = {
        "a.csv": ["email,pattern", *(f"{address},x" for address in addresses)],
        "a.jsonl": [json.dumps({"email": address, "pattern": "x"}) for address in addresses],
        "a.txt": addresses,
    }[name]
    file = write(name, "\n".join(lines))
    found = read_items(file, RECIPIENTS if name == "a.txt" else BOTH)
    assert [item.value for item in found["recipients"]] == addresses
    assert found["recipients"][-1].where == f"line {len(lines)}"


@pytest.mark.parametrize(
    ("file", "module", "package"),
    [
        ("s3://crm@exports/blocked.csv", "s3fs", "apache-airflow-providers-amazon[s3fs]"),
        ("gs://exports/blocked.csv", "gcsfs", "apache-airflow-providers-google"),
        ("abfs://exports/blocked.csv", "adlfs", "apache-airflow-providers-microsoft-azure"),
    ],
)
def test_a_file_system_that_is_not_installed_is_named_with_what_to_install(
    file: str, module: str, package: str
) -> None:
    if find_spec(module):
        pytest.skip(f"{module} is installed")
    with pytest.raises(ValueError, match="Airflow has no file system for") as error:
        read_items(file, RECIPIENTS)
    assert str(error.value).endswith(f"install {package}")
    assert str(error.value).startswith(f"{file}: ")
