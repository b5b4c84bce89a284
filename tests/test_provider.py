"""What Airflow sees of the provider."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
from importlib.metadata import entry_points, metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest
from airflow.providers.common.compat.sdk import BaseOperator
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS
from airflow.providers_manager import ProvidersManager

from airflow_provider_mailersend import __version__, get_provider_info
from airflow_provider_mailersend.provider_info import CONNECTION_FIELDS
from tests.public_classes import modules, public_classes

AIRFLOW = Path(sys.executable).parent / "airflow"


def test_the_info_passes_airflows_schema() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_the_entry_point_leads_to_the_info() -> None:
    found = [
        point.load()().get("package-name")
        for point in entry_points(group="apache_airflow_provider")
        if point.module == "airflow_provider_mailersend"
    ]
    assert found == ["airflow-provider-mailersend"]


def test_it_is_typed_and_needs_what_it_says() -> None:
    assert (files("airflow_provider_mailersend") / "py.typed").is_file()
    about = metadata("airflow-provider-mailersend")
    assert about["Requires-Python"] == ">=3.11"
    needed = {
        re.split("[<>=!]", one)[0] for one in about.get_all("Requires-Dist", []) if "extra ==" not in one
    }
    assert needed == {
        "apache-airflow",
        "apache-airflow-providers-common-compat",
        "asgiref",
        "httpx",
        "pendulum",
        "requests",
        "urllib3",
    }
    assert "apache-airflow!=3.0.*,>=2.11" in about.get_all("Requires-Dist", [])


@pytest.mark.parametrize(
    ("distribution", "installed", "is_supported"),
    [
        ("apache-airflow", "2.10.5", False),
        ("apache-airflow", "2.11.0", True),
        ("apache-airflow-core", "3.0.6", False),
        ("apache-airflow-core", "3.1.0", True),
        ("apache-airflow-core", "3.4.0b2", True),
        ("some-package", "3.0.6", True),
    ],
)
def test_an_airflow_it_does_not_work_with_is_an_import_error(
    tmp_path: Path, distribution: str, installed: str, is_supported: bool
) -> None:
    about = tmp_path / f"{distribution.replace('-', '_')}-{installed}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {installed}\n")
    # Without the packages of this environment, among them its Airflow.
    shown = subprocess.run(
        [sys.executable, "-S", "-c", "import airflow_provider_mailersend"],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": f"{tmp_path}:{Path(__file__).parent.parent}"},
    )
    assert (shown.returncode == 0) == is_supported
    if not is_supported:
        assert "needs Apache Airflow 2.11, or 3.1 and newer" in shown.stderr.splitlines()[-1]
        assert f"{installed} is installed" in shown.stderr.splitlines()[-1]


def test_every_operator_is_there() -> None:
    assert {cls.__name__ for cls in public_classes()} == {
        "MailerSendListSuppressionsOperator",
        "MailerSendAddSuppressionsOperator",
        "MailerSendDeleteSuppressionsOperator",
        "MailerSendSyncSuppressionsOperator",
        "MailerSendListRecipientsOperator",
        "MailerSendGetRecipientOperator",
        "MailerSendDeleteRecipientOperator",
        "MailerSendListSmsRecipientsOperator",
        "MailerSendGetSmsRecipientOperator",
        "MailerSendUpdateSmsRecipientsOperator",
        "MailerSendSuppressionSensor",
        "MailerSendNewSuppressionsSensor",
        "MailerSendSmsRecipientStatusSensor",
        "MailerSendApiQuotaSensor",
    }


def test_the_info_leads_to_the_hook_and_says_of_it_what_it_says() -> None:
    (hooks,) = modules("hooks")
    (connection_type,) = get_provider_info()["connection-types"]
    module, _, name = connection_type["hook-class-name"].rpartition(".")
    assert module == hooks
    hook = getattr(importlib.import_module(module), name)
    assert connection_type["connection-type"] == hook.conn_type == "mailersend"
    assert connection_type["hook-name"] == hook.hook_name == "MailerSend"


def documented(cls: type[BaseOperator]) -> dict[str, str]:
    """Return the docstrings of a class and of those it inherits from, by the classes' names, its own first."""
    ours = [one for one in cls.mro() if one.__module__.startswith("airflow_provider_mailersend.")]
    return {one.__name__: inspect.cleandoc(vars(one).get("__doc__") or "") for one in ours}


def own_parameters(cls: type) -> set[str]:
    init = vars(cls).get("__init__")
    return set(inspect.signature(init).parameters) - {"self", "kwargs"} if init else set()


@pytest.mark.parametrize("cls", public_classes(), ids=lambda cls: cls.__name__)
def test_docstrings_say_what_a_caller_must_know(cls: type[BaseOperator]) -> None:
    docs = documented(cls)
    own = docs[cls.__name__]
    for part in (":return:", ".. code-block:: python"):
        assert part in own
    assert any(f"``{method} /" in own for method in ("GET", "POST", "PUT", "DELETE"))
    assert ":raises AirflowFailException:" in "".join(docs.values())
    parameters: set[str] = set()
    for base in cls.mro():
        if base.__name__ in docs:
            for name in own_parameters(base):
                assert f":param {name}:" in docs[base.__name__], (base, name)
                parameters.add(name)
                described = docs[base.__name__].partition(f":param {name}:")[2].partition("\n:")[0]
                assert ("(templated)" in described) == (name in cls.template_fields), name
    assert parameters >= {"mailersend_conn_id", "quota_reserve", "deferrable", *cls.template_fields}


@pytest.mark.parametrize("cls", public_classes(), ids=lambda cls: cls.__name__)
def test_each_docstring_leads_to_those_with_its_other_parameters(cls: type[BaseOperator]) -> None:
    bases = {base.__name__: base for base in cls.mro() if base.__name__ in documented(cls)}
    reached, waiting = set(), [cls.__name__]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        linked = set(re.findall(r":class:`\.?(\w+)`", documented(cls)[name])) & bases.keys()
        waiting += linked - reached
    assert [name for name, base in bases.items() if own_parameters(base) and name not in reached] == []


@pytest.mark.slow
@pytest.mark.parametrize("command", [["get", "airflow-provider-mailersend"], ["hooks"]], ids=str)
def test_airflow_shows_it_without_a_warning(command: list[str]) -> None:
    shown = subprocess.run([AIRFLOW, "providers", *command], capture_output=True, text=True, check=True)
    lines = [line for line in (shown.stdout + shown.stderr).splitlines() if "mailersend" in line.lower()]
    assert len(lines) == 1
    assert (__version__ if command[0] == "get" else "MailerSendHook") in lines[0]
    assert "warning" not in lines[0].lower()


@pytest.fixture(scope="module")
def form() -> dict[str, Any]:
    """The connection form as Airflow 3's API server describes it to the UI."""
    code = (
        "from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService as Forms; "
        "print(*[form.model_dump_json() for form in Forms.hook_meta_data() if form.connection_type == 'mailersend'])"
    )
    # In a process of its own: before Airflow 3.2 it replaces modules by mocks.
    described = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    form: dict[str, Any] = json.loads(described.stdout.splitlines()[-1])
    return form


on_airflow_2 = pytest.mark.skipif(AIRFLOW_V_3_0_PLUS, reason="Airflow 3 has another form")
on_airflow_3 = pytest.mark.skipif(not AIRFLOW_V_3_0_PLUS, reason="Airflow 2 has another form")


@on_airflow_3
def test_the_form_has_the_connections_own_fields(form: dict[str, Any]) -> None:
    fields = form["extra_fields"]
    assert list(fields) == list(CONNECTION_FIELDS) == ["domain_id", "timeout", "max_retries", "quota_reserve"]
    for name, definition in CONNECTION_FIELDS.items():
        assert fields[name]["schema"]["title"] == definition["label"]
        assert fields[name]["schema"]["type"] == definition["schema"]["type"]
        assert fields[name]["description"] == definition["description"]


@on_airflow_3
def test_the_form_asks_for_the_token_and_lets_the_connection_be_tested(form: dict[str, Any]) -> None:
    fields = {name: field for name, field in form["standard_fields"].items() if field}
    assert fields["password"]["title"] == "API token"
    # Without a port, the Test button fails on 3.3.
    assert {name for name, field in fields.items() if field["hidden"]} == {"login", "url_schema"}


@on_airflow_2
def test_the_form_of_airflow_2_has_the_connections_own_fields() -> None:
    widgets = {
        name.removeprefix("extra__mailersend__"): widget.field
        for name, widget in ProvidersManager().connection_form_widgets.items()
        if name.startswith("extra__mailersend__")
    }
    assert (
        list(widgets) == list(CONNECTION_FIELDS) == ["domain_id", "timeout", "max_retries", "quota_reserve"]
    )
    for name, definition in CONNECTION_FIELDS.items():
        assert widgets[name].args[0] == definition["label"]
        assert widgets[name].kwargs["description"] == definition["description"]
        assert widgets[name].field_class.__name__ == (
            "StringField" if name == "domain_id" else "IntegerField"
        )


@on_airflow_2
def test_the_form_of_airflow_2_asks_for_the_token_and_lets_the_connection_be_tested() -> None:
    behaviour = ProvidersManager().field_behaviours["mailersend"]
    assert behaviour["relabeling"]["password"] == "API token"
    # Without extra, the Test button fails on 2.11.
    assert set(behaviour["hidden_fields"]) == {"login", "schema"}
    assert behaviour["placeholders"]["extra__mailersend__timeout"] == "30"


def test_what_dag_files_import_imports_no_http_library() -> None:
    names = [*modules("operators"), *modules("sensors"), "airflow_provider_mailersend.assets"]
    if AIRFLOW_V_3_0_PLUS:  # in watchers of assets
        names += modules("triggers")
    code = (
        "import sys, airflow.triggers.base; "
        "from airflow.providers.common.compat.sdk import BaseOperator, BaseSensorOperator; "
        f"before = set(sys.modules); import {', '.join(names)}; "
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"requests", "httpx", "urllib3"} & set(eval(imported.stdout.splitlines()[-1]))
