"""The tests on every supported Airflow and Python, each in its own environment: ``make matrix``."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
# Where CI is set, a Python that is missing is an error. Elsewhere its sessions are skipped, with a message.
nox.options.stop_on_first_error = False

AIRFLOWS = {
    "3.11": ("2.11", "3.1", "3.2", "3.3", "lowest"),
    "3.12": ("2.11", "3.3"),
    "3.13": ("3.3",),
}


@nox.session(download_python="never")
@nox.parametrize(
    "python,airflow", [(python, airflow) for python, airflows in AIRFLOWS.items() for airflow in airflows]
)
def tests(session: nox.Session, airflow: str) -> None:
    """Run the tests, or those given after ``--``."""
    session.chdir("..")
    constraints = f".ci/constraints/{'lowest' if airflow == 'lowest' else f'airflow-{airflow}'}.txt"
    session.install(
        *("--constraints", constraints, "--build-constraints", constraints, "--editable", "."),
        *("apache-airflow", "--group", "dev"),
    )
    # Without bytecode, every process compiles all of Airflow again.
    environment = {"PYTHONDONTWRITEBYTECODE": None}
    arguments = session.posargs or ("-n", "6", "--dist", "worksteal")
    session.run("python", "-m", "pytest", *arguments, env=environment)
