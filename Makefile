# make demo: the CRM example on a real Airflow, against a sandbox.  make ui: Airflow's UI on it, at PORT.
# make e2e-celery: DAGs on CeleryExecutor, with PostgreSQL and Redis; SLOTS=2 or 8 measures with other pools, MINUTE=60 at
# MailerSend's own rate.
# make looks: what Airflow's pages show, in Chromium; PICTURES=docs/images takes the documentation's pictures anew.
# make docs: the documentation, into docs/_build.
# make test: lint, types and the tests, except the slowest, which make slow runs.  make services first: what the tests
# of transfers need besides.
# make matrix: the tests on every supported Airflow and Python, each in its own environment, and the distributions
# installed; SESSION="tests(python='3.12', airflow='3.3')" is one of them.
# make mutants: mutation testing of api/ and jobs/; ONLY="*.api.pacer.*" is a part of it.
# make build: sdist and wheel, checked.  make constraints: the tested versions of all dependencies, compiled again.
PYTHON ?= python3
AIRFLOW ?= 3.3
VENV ?= .venv
PORT = 8080
SLOTS = 4
MINUTE = 20
BIN := $(VENV)/bin

# Many tests wait, as tasks do after a lost answer: so there are more processes than processors.
PYTEST = $(BIN)/python -m pytest -n 6 --dist worksteal
# What make test runs; empty, all tests.
SELECT = -m "not slow"

# The versions that were tested with this Airflow: what is released later can't break an install.
CONSTRAINTS := .ci/constraints/airflow-$(AIRFLOW).txt
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --constraints $(CONSTRAINTS) \
	--build-constraints $(CONSTRAINTS) apache-airflow --editable .

# As pip does: behind a proxy, PyPI's certificate may be the proxy's.
export UV_SYSTEM_CERTS = 1
# Without bytecode, every process compiles all of Airflow again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo ui services test lint slow pytest pytest-2.11 matrix build constraints e2e e2e-celery looks looks-2.11 \
	chaos bench mutants docs clean

demo: $(VENV)/installed
	$(BIN)/python example_dags/demo.py

ui: $(VENV)/installed
	$(BIN)/python example_dags/demo.py ui $(PORT)

services: $(VENV)/installed-services

test: lint
	$(PYTEST) $(SELECT)

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

slow: $(VENV)/installed
	$(PYTEST) -m slow

pytest: $(VENV)/installed
	$(PYTEST)

# Beside e2e, which CI runs at the same time, it gives way.
pytest-2.11:
	nice $(MAKE) pytest VENV=.venv-2.11 AIRFLOW=2.11

matrix: build
	$(BIN)/nox --noxfile .ci/noxfile.py --envdir "$(CURDIR)/.nox" $(if $(SESSION),--session "$(SESSION)")

build: $(VENV)/installed
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist
	$(BIN)/twine check --strict dist/*
	$(BIN)/python .ci/check_distributions.py dist

constraints: $(VENV)/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python .ci/compile_constraints.py $(if $(filter command line,$(origin AIRFLOW)),$(AIRFLOW))

e2e: $(VENV)/installed
	$(BIN)/python -m tests.e2e

e2e-celery: $(VENV)/installed-celery
	$(BIN)/python -m tests.e2e_celery --slots $(SLOTS) --minute $(MINUTE)

looks: $(VENV)/installed-looks
	$(BIN)/python -m tests.looks $(if $(PICTURES),--pictures $(PICTURES))

looks-2.11:
	$(MAKE) looks VENV=.venv-2.11 AIRFLOW=2.11

bench: $(VENV)/installed
	$(BIN)/python -m tests.benchmarks

chaos: $(VENV)/installed
	$(BIN)/python -m tests.chaos

mutants: $(VENV)/installed-mutants
	rm -rf mutants
	$(BIN)/mutmut run $(if $(ONLY),"$(ONLY)")
	$(BIN)/python .ci/count_mutants.py

docs: $(VENV)/installed-docs
	$(BIN)/python -m sphinx --builder html --fail-on-warning --nitpicky --quiet docs docs/_build

$(VENV)/installed: pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@echo "Installing Airflow $(AIRFLOW) into $(VENV), which takes a minute or two"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) uv
	$(INSTALL) --group dev
	@touch $@

$(VENV)/installed-services: $(VENV)/installed
	$(INSTALL) --group dev --group services
	@touch $@

$(VENV)/installed-docs: $(VENV)/installed
	$(INSTALL) --group dev --group docs
	@touch $@

$(VENV)/installed-celery: $(VENV)/installed
	@$(BIN)/python -m tests.e2e_celery --check
	$(INSTALL) --group dev --group celery
	@touch $@

$(VENV)/installed-looks: $(VENV)/installed
	$(BIN)/uv pip install --quiet --python $(BIN)/python playwright
	@touch $@

$(VENV)/installed-mutants: $(VENV)/installed
	$(INSTALL) --group dev --group mutants
	@touch $@

clean:
	rm -rf .venv .venv-2.11 .nox .airflow dist docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis mutants
	find . -name __pycache__ -prune -exec rm -rf {} +
