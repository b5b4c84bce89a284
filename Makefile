# make demo: the CRM example on a real Airflow, against a sandbox.  make ui: Airflow's UI on it, at PORT.
# make e2e-celery: DAGs on CeleryExecutor, with PostgreSQL and Redis; SLOTS=2 or 8 measures with other pools.
# make looks: what Airflow's pages show, in Chromium; PICTURES=docs/images takes the documentation's pictures anew.
# make test: lint, types and the tests.  make services first: what the tests of transfers need besides, by pip.
PYTHON ?= python3
AIRFLOW ?= 3.3.2
VENV ?= .venv
PORT = 8080
SLOTS = 4
BIN := $(VENV)/bin

.PHONY: demo ui services test lint pytest pytest-2.11 e2e e2e-celery looks looks-2.11 chaos bench clean

demo: $(VENV)/installed
	$(BIN)/python example_dags/demo.py

ui: $(VENV)/installed
	$(BIN)/python example_dags/demo.py ui $(PORT)

services: $(VENV)/installed-services

test: lint pytest

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

pytest: $(VENV)/installed
	$(BIN)/python -m pytest -n 6 --dist worksteal

pytest-2.11:
	$(MAKE) pytest VENV=.venv-2.11 AIRFLOW=2.11.2

e2e: $(VENV)/installed
	$(BIN)/python -m tests.e2e

e2e-celery: $(VENV)/installed-celery
	$(BIN)/python -m tests.e2e_celery --slots $(SLOTS)

looks: $(VENV)/installed-looks
	$(BIN)/python -m tests.looks $(if $(PICTURES),--pictures $(PICTURES))

looks-2.11:
	$(MAKE) looks VENV=.venv-2.11 AIRFLOW=2.11.2

bench: $(VENV)/installed
	$(BIN)/python -m tests.benchmarks

chaos: $(VENV)/installed
	$(BIN)/python -m tests.chaos

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" \
		|| { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.12 …" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@echo "Installing Airflow $(AIRFLOW) into $(VENV), which takes a minute or two"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "apache-airflow==$(AIRFLOW)" --editable ".[dev]" \
		& pip=$$!; while sleep 5; kill -0 $$pip 2>/dev/null; do printf .; done; echo; wait $$pip
	@touch $@

# By uv: pip takes minutes to find versions of Amazon's packages that go together.
$(VENV)/installed-services: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python "apache-airflow==$(AIRFLOW)" --editable ".[dev,services]"
	@touch $@

# Airflow's Celery provider allows celery 5.7, and its workers break with it.
$(VENV)/installed-celery: $(VENV)/installed
	@$(BIN)/python -m tests.e2e_celery --check
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "apache-airflow==$(AIRFLOW)" \
		apache-airflow-providers-celery "celery<5.7" redis apache-airflow-providers-postgres psycopg2-binary
	@touch $@

$(VENV)/installed-looks: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check playwright
	@touch $@

clean:
	rm -rf .venv .venv-2.11 .airflow dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
