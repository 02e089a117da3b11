# The way into the project: make help says what there is, CONTRIBUTING.md how long it takes.

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= python3
UV_VERSION := 0.13.9
RUNS := $(VENV)/.runs
STAMP := $(VENV)/.installed
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
NODE_CLIENT := tests/integration/door/node
# $(call installed,PROGRAMS,PACKAGES): Debian's packages where a program is missing. Who cannot
# call apt-get is told what to install.
define installed
	@missing=; for name in $(1); do command -v $$name >/dev/null || missing="$$missing $$name"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null || [ "$$(id -u)" != 0 ]; then \
	  echo "error: not found:$$missing" >&2; \
	  echo "hint: put them on the PATH; on Debian, as root: apt-get install $(2)" >&2; exit 1; fi; \
	apt-get update --quiet && apt-get install --yes --quiet --no-install-recommends $(2)
endef

# Without compiled files every process would compile all it imports, dbt and scikit-learn too.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadgroup --no-loadscope-reorder

.PHONY: help setup setup-deep setup-ci setup-browser setup-feast demo check test test-all soak release-check lint format bench bench-windows bench-point-in-time \
        bench-incremental bench-scale docs explorer-pictures lock clean

help:  ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-19s %s\n", $$1, $$2}'

setup: $(STAMP)  ## make .venv and install the locked packages, those for working on it too

# What running needs; the second lock only adds to it.
$(RUNS): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "error: clickward needs Python 3.11 or later, found " + sys.version.split()[0] + "\nhint: make setup PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --no-deps --editable .
	touch $@

# Left out of the lock: a grammar that JupyterLab's jsonschema would take a second to read in every
# process that imports dbt. Without it jsonschema checks no international addresses.
$(STAMP): requirements-dev.lock $(RUNS)
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --no-deps --require-hashes -r requirements-dev.lock
	touch $@

setup-deep: $(VENV)/.deep  ## add PyTorch for torch_net and recurrent_net (extra deep), as pyproject.toml pins it

$(VENV)/.deep: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $$($(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["deep"])')
	touch $@

setup-ci: setup setup-deep setup-browser $(NODE_CLIENT)/node_modules/.package-lock.json  ## what CI needs besides: PyTorch, Chromium, Node and its ClickHouse client

setup-browser:  ## what the explorer's tests need: Debian's Chromium and its driver
	$(call installed,chromium chromedriver,chromium chromium-driver)

$(NODE_CLIENT)/node_modules/.package-lock.json: $(NODE_CLIENT)/package.json $(NODE_CLIENT)/package-lock.json
	$(call installed,node npm,nodejs npm)
	cd $(NODE_CLIENT) && npm ci --no-audit --no-fund --no-update-notifier --loglevel=error

setup-feast: .venv-feast/.installed  ## make .venv-feast for the benchmark beside Feast

.venv-feast/.installed: benchmarks/feast-requirements.txt | setup
	test -x .venv-feast/bin/python || $(PYTHON) -m venv .venv-feast
	VIRTUAL_ENV=$(abspath .venv-feast) $(BIN)/uv pip install --quiet -r benchmarks/feast-requirements.txt
	touch $@

demo: $(RUNS)  ## simulate a small world, score it, and compare with the truth
	$(BIN)/clickward demo

check: lint  ## for every save: style, types, unit tests, the command line without a build
	$(PYTEST) --quiet --tier check tests/unit tests/cli

test: setup  ## every promise, loader, feature, model, mart and command
	$(PYTEST) --tier test

test-all: setup-ci  ## everything: kills, planted faults, browser, notebook, Dask, Node, demo; GROUP=name for one group
	$(PYTEST) --tier all $(if $(GROUP),--group $(GROUP))

soak: setup-ci  ## long trials: kills of each phase, readers and writers at the server
	CLICKWARD_KILLS=30 $(BIN)/python -m pytest --group kills
	$(BIN)/python benchmarks/door_soak.py --minutes 60

release-check: setup  ## install the wheel outside the checkout and try it as a newcomer would
	$(BIN)/python -m pytest -x -s -v tests/release

lint: setup  ## check style, types, SQL format and which room imports which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfmt --quiet --check dbt_project
	$(BIN)/lint-imports --no-logo --no-cache > $(VENV)/.imports || { cat $(VENV)/.imports; exit 1; }
	$(BIN)/python tests/rooms.py --most 17

format: setup  ## rewrite Python and SQL in the project's format
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .
	$(BIN)/sqlfmt --quiet dbt_project

bench: setup bench-windows bench-point-in-time  ## measure loading's and training's memory, drift, the door under load, windows and joins beside other engines
	$(BIN)/python benchmarks/load_memory.py
	$(BIN)/python benchmarks/drift.py
	$(BIN)/python benchmarks/door_soak.py
	$(BIN)/python benchmarks/any_size.py
	$(BIN)/python benchmarks/two_validations.py

bench-windows: setup  ## windows beside DuckDB, Polars, Dask and pandas
	$(BIN)/python -m benchmarks.windows --rows 1000000
	$(BIN)/python -m benchmarks.windows --rows 10000000 --engines clickward duckdb polars

bench-point-in-time: setup setup-feast  ## joins as of a time beside Feast, DuckDB and Polars
	$(BIN)/python benchmarks/point_in_time.py

bench-incremental: setup  ## one new day and late rows, against a rebuild of everything
	$(BIN)/python -m benchmarks.incremental

bench-scale: setup  ## thirty features of 184.9 million clicks, killed once on the way
	$(BIN)/python -m benchmarks.scale

docs: setup  ## write the generated pages and plots, build the site, check its links; dbt's page of every table and column
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/simulator_plots.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --clean
	$(BIN)/dbt docs generate --project-dir dbt_project --profiles-dir profiles

explorer-pictures: setup setup-browser  ## take the pictures of docs/tutorials/explorer.md again, in a live JupyterLab
	CLICKWARD_SCREENSHOTS=1 $(BIN)/python -m pytest tests/integration/marts/explorer/test_live_jupyterlab.py

# One answer for both: the lock for running takes its versions from the larger one.
lock: setup  ## resolve the packages again into requirements.lock and requirements-dev.lock
	VIRTUAL_ENV=$(abspath $(VENV)) $(COMPILE) --no-emit-package rfc3987-syntax --extra dev --extra docs --extra notebook --extra bench --extra dask pyproject.toml -o requirements-dev.lock
	VIRTUAL_ENV=$(abspath $(VENV)) $(COMPILE) --constraint requirements-dev.lock pyproject.toml -o requirements.lock

clean:  ## remove what was built; the store stays
	rm -rf $(VENV) .venv-feast site $(NODE_CLIENT)/node_modules dbt_project/target dbt_project/logs .pytest_cache .ruff_cache .mypy_cache .hypothesis
