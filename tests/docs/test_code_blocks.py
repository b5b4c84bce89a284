"""The code and the commands that the README and the documentation show."""

from __future__ import annotations

import ast
import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_mailersend.sandbox import Sandbox
from airflow_provider_mailersend.sandbox.__main__ import main

Connect = Callable[..., str]

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def blocks(language: str) -> dict[str, str]:
    """Return the blocks of all pages, by the page and a number."""
    found: dict[str, str] = {}
    for page in PAGES:
        in_page = re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
        found |= {f"{page.relative_to(ROOT)}-{n}": block for n, block in enumerate(in_page, start=1)}
    return found


@pytest.mark.parametrize("name", blocks("python"))
def test_a_block_of_python_runs(name: str, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    block = blocks("python")[name]
    made: dict[str, Any] = {}
    with Sandbox() as sandbox:
        connect(sandbox)
        exec(block, made)
        tests = [
            one.name
            for one in ast.parse(block).body
            if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")
        ]
        for test in tests:
            made[test](monkeypatch)


def test_the_readmes_dag_is_one() -> None:
    made: dict[str, Any] = {}
    (block,) = [block for block in blocks("python").values() if "def suppress_opt_outs(" in block]
    call = "\nsuppress_opt_outs()\n"
    assert call in block
    exec(block.replace(call, "\nmade = suppress_opt_outs()\n"), made)
    assert set(made["made"].task_ids) == {"opted_out", "suppress"}


def test_there_are_blocks_of_python_to_run() -> None:
    assert {"README.md-1", "docs/sandbox.md-1"} <= set(blocks("python"))


def test_the_makefile_has_every_target_that_is_named() -> None:
    targets = set(re.findall(r"^([\w.-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named: set[str] = set()
    for page in PAGES:
        named |= set(re.findall(r"(?:`|^\$ |^)make ([\w.-]+)", page.read_text(), re.MULTILINE))
    assert {"demo", "ui", "test", "docs"} <= named
    assert named - targets == set()


def test_the_sandbox_takes_the_options_that_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    command = "$ python -m airflow_provider_mailersend.sandbox "
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    lines = {line for block in blocks("console").values() for line in block.splitlines()}
    shown = [line.removeprefix(command).split() for line in lines if line.startswith(command)]
    assert shown
    try:
        for options in shown:
            # It ends before it serves: this is the only thing that it complains about.
            assert main([*options, "--port", "70000"]) == 2
            assert capsys.readouterr().err.startswith("port must be")
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def test_the_sandbox_takes_the_entries_that_are_shown() -> None:
    shown = re.findall(
        r"^\$ curl http://127\.0\.0\.1:8025(\S+) -d '(.*)'", "".join(blocks("console").values()), re.MULTILINE
    )
    assert shown
    for path, body in shown:
        with Sandbox() as sandbox:
            # As curl sends it.
            answer = requests.post(sandbox.url.removesuffix("/v1") + path, data=body, timeout=10)
            assert answer.status_code == 201
            given = json.loads(body)
            assert len(sandbox.entries(given["list"])) == len(given["recipients"])


def test_the_connection_that_is_shown_is_the_sandboxs() -> None:
    (shown,) = re.findall(
        r"AIRFLOW_CONN_MAILERSEND_DEFAULT='(.*?)'", blocks("sh")["docs/sandbox.md-1"], re.DOTALL
    )
    with Sandbox() as sandbox:
        own = json.loads(sandbox.connection)
        assert json.loads(shown) == {**own, "host": "http://127.0.0.1:8025/v1"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[\w-]+)?\)", page.read_text())
    files = [link for link in links if "://" not in link]
    assert [link for link in files if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_section_links_the_files_it_includes(page: Path) -> None:
    """Where Markdown is shown as it is, an included file is only a name."""
    sections = re.split(r"^(?=#+ )", page.read_text(), flags=re.MULTILINE)
    included = [(file, text) for text in sections for file in re.findall(r"\{literalinclude\} (\S+)", text)]
    assert [file for file, text in included if f"]({file})" not in text] == []
