"""The tests on every supported Airflow and Python, each in its own environment: ``make matrix``."""

from __future__ import annotations

import tarfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
# Where CI is set, a Python that is missing is an error. Elsewhere its sessions are skipped, with a message.

AIRFLOWS = {
    "3.11": ("2.11", "3.1", "3.2", "3.3", "lowest"),
    "3.12": ("2.11", "3.3"),
    "3.13": ("3.3",),
}


# Without bytecode, every process compiles all of Airflow again.
BYTECODE = {"PYTHONDONTWRITEBYTECODE": None}


def constraints(airflow: str) -> tuple[str, ...]:
    path = f".ci/constraints/{'lowest' if airflow == 'lowest' else f'airflow-{airflow}'}.txt"
    return ("--constraints", path, "--build-constraints", path)


@nox.session(download_python="never")
@nox.parametrize(
    "python,airflow", [(python, airflow) for python, airflows in AIRFLOWS.items() for airflow in airflows]
)
def tests(session: nox.Session, airflow: str) -> None:
    """Run the tests, or those given after ``--``."""
    session.chdir("..")
    session.install(*constraints(airflow), "--editable", ".", "apache-airflow", "--group", "dev")
    arguments = session.posargs or ("-n", "6", "--dist", "worksteal")
    session.run("python", "-m", "pytest", *arguments, env=BYTECODE)


@nox.session(download_python="never", reuse_venv=False)
@nox.parametrize("python,airflow", [("3.11", "2.11"), ("3.11", "3.3")])
def wheel(session: nox.Session, airflow: str) -> None:
    """Install the wheel of ``make build`` into an empty environment, where Airflow must find it."""
    session.chdir("..")
    (built,) = Path("dist").glob("*.whl")
    session.install(*constraints(airflow), str(built))
    temporary = session.create_tmp()
    environment = {**BYTECODE, "AIRFLOW_HOME": temporary, "PYTHONPATH": None}
    session.chdir(temporary)
    session.run("airflow", "providers", "get", "airflow-provider-mailersend", env=environment)
    listed = session.run("airflow", "providers", "hooks", silent=True, env=environment)
    if "airflow_provider_mailersend.hooks.mailersend.MailerSendHook" not in str(listed).replace("\n", ""):
        session.error("Airflow doesn't list the hook.")


@nox.session(download_python="never", reuse_venv=False)
@nox.parametrize("python,airflow", [("3.11", "3.3")])
def sdist(session: nox.Session, airflow: str) -> None:
    """Unpack the sdist of ``make build``, and run the tests there, or those given after ``--``."""
    session.chdir("..")
    (built,) = Path("dist").glob("*.tar.gz")
    temporary = session.create_tmp()
    with tarfile.open(built) as packed:
        packed.extractall(temporary, filter="data")
    session.chdir(Path(temporary) / built.name.removesuffix(".tar.gz"))
    session.install(*constraints(airflow), "--editable", ".", "apache-airflow", "--group", "dev")
    arguments = session.posargs or ("-n", "6", "--dist", "worksteal")
    session.run("python", "-m", "pytest", *arguments, env=BYTECODE)
