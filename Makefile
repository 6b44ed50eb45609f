# Everything here works on a machine that has python3 and make; each target installs what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q
IMAGE ?= codeserver-example

.DEFAULT_GOAL := help
.PHONY: help run test test-fast test-portable test-portable-short test-tools lint image image-tools image-beside-stock image-where-possible test-image test-dbt test-python test-versions test-oldest release-proto soak bench bench-tools bench-reload bench-faults bench-attacks client sbom docs format clean fuzz

help:  ## Show the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

run: $(VENV)/.run  ## Serve the example on 127.0.0.1:4000 and show that it works.
	@$(BIN)/python scripts/run_example.py

test: $(VENV)/.dev test-tools  ## Run every test.
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-fast: $(VENV)/.dev  ## Run the tests of the logic alone, which start no process.
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder tests/unit

# Tests that are run without the ways of Linux, and those that prove most in a minute.
PORTABLE ?= tests/process
PORTABLE_SHORT := $(addprefix tests/process/,$(addprefix parts/,test_forker.py test_forkserver.py test_inherited_files.py \
  test_wear.py) test_isolation.py test_kills.py test_lifecycle.py test_taken_over.py)

test-portable: $(VENV)/.dev  ## Run the tests of processes without what only Linux has, as on macOS.
	@$(BIN)/python tests/support/without_linux.py
	CODESERVER_TEST_PORTABLE=$(CURDIR)/tests/support/without_linux.py \
	  $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(PORTABLE)

test-portable-short:
	@$(MAKE) --no-print-directory test-portable PORTABLE="$(PORTABLE_SHORT)"

# Programs that some tests are about; without them, those are skipped.
test-tools:
	@missing=; for each in dot=graphviz chromium=chromium haproxy=haproxy stunnel=stunnel4; do \
	    command -v "$${each%=*}" >/dev/null || missing="$$missing $${each#*=}"; done; \
	  test -z "$$missing" || { test "$$(id -u)" = 0 && apt-get update -qq && for package in $$missing; do \
	    apt-get install -qq -y --no-install-recommends "$$package"; done; } >/dev/null 2>&1 || true

lint: $(VENV)/.dev  ## Check style, types, import directions, protos and generated code.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin codeserver
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/buf breaking --against proto/released.binpb
	$(MAKE) --no-print-directory proto-check
	$(BIN)/python scripts/document_settings.py --check
	$(BIN)/python scripts/document_states.py --check
	$(BIN)/python scripts/document_versions.py --check
	$(BIN)/python scripts/write_blocking_client.py --check
	$(BIN)/python -m scripts.write_sbom --check

image: image-tools  ## Build the image of the example with podman or docker.
	@$(PYTHON) -m scripts.build_image --tag $(IMAGE)

# What builds images on a machine that has nothing for it; without it, `make image` says what is missing.
image-tools:
	@command -v podman >/dev/null || docker version >/dev/null 2>&1 || { test "$$(id -u)" = 0 \
	  && apt-get update -qq && apt-get install -qq -y --no-install-recommends podman runc mmdebstrap; } >/dev/null 2>&1 || true

image-beside-stock: image-tools
	@$(PYTHON) -m scripts.build_image --tag $(IMAGE) --stock

# For CI, which says why there is none and goes on.
image-where-possible: image-tools
	@if $(PYTHON) -m scripts.build_image --check; then $(PYTHON) -m scripts.build_image --tag $(IMAGE) --stock; fi

test-image: $(VENV)/.dev image-beside-stock  ## Build the image beside one with stock Dagster, and check the real container.
	CODESERVER_TEST_IMAGE=$(IMAGE) $(BIN)/python -m pytest tests/image

# dbt pins protobuf and more, and newer versions of it fetch a program when they are installed.
test-dbt: $(VENV)/.dev  ## Edit a real dbt project that is watched; dbt is installed for it.
	@$(PYTHON) -m venv $(VENV)-dbt
	@$(VENV)-dbt/bin/python -m pip --disable-pip-version-check -q install -e . dagster-dbt dbt-duckdb 'dbt-core<1.12'
	CODESERVER_TEST_DBT=$(CURDIR)/$(VENV)-dbt/bin/python $(BIN)/python -m pytest tests/process/test_dbt.py

# Real environments of other versions of Python, with other releases of a package in each.
OLDER_PYTHON ?= python3.10
NEWER_PYTHON ?= python3.12

test-python: $(VENV)/.dev  ## Serve the code of real environments of two other Pythons (OLDER_PYTHON, NEWER_PYTHON).
	@$(OLDER_PYTHON) -m venv $(VENV)-older && $(NEWER_PYTHON) -m venv $(VENV)-newer
	@$(VENV)-older/bin/python -m pip --disable-pip-version-check -q install dagster 'pandas<2' 'numpy<2'
	@$(VENV)-newer/bin/python -m pip --disable-pip-version-check -q install dagster 'pandas>=2'
	CODESERVER_TEST_PYTHONS=$(CURDIR)/$(VENV)-older/bin/python:$(CURDIR)/$(VENV)-newer/bin/python \
	  $(BIN)/python -m pytest tests/process/test_other_python.py

# VERSIONS are releases of Dagster, `newest` or `floor` (the oldest of all libraries).
test-versions: $(VENV)/.dev  ## Test with other releases of Dagster (VERSIONS="1.12.22 newest floor", else all).
	@$(BIN)/python -m tests.versions $(VERSIONS)

# For CI: what differs most, with the release that differs most. All other tests are about the newest: it is in $(VENV).
test-oldest: $(VENV)/.dev
	@$(BIN)/python -m tests.versions --short 1.10.0

# So many times as many inputs as the tests have.
FUZZ ?= 40

fuzz: $(VENV)/.dev  ## Fuzz parsers, requests and connections with millions of inputs (FUZZ=40 times as many as tests do).
	CODESERVER_FUZZ=$(FUZZ) $(BIN)/python -m pytest -n auto --dist loadfile --timeout 0 tests/fuzz

soak: $(VENV)/.dev  ## Load the server for five minutes, with every fault there is.
	$(BIN)/python -m bench.soak --minutes 5

bench: $(VENV)/.dev bench-tools  ## Measure everything beside stock Dagster's two servers; write docs/benchmarks.md and more.
	$(BIN)/python -m bench --docs

# The load generator; without it there is no throughput, but all the rest.
bench-tools:
	@command -v h2load >/dev/null || { test "$$(id -u)" = 0 && apt-get install -qq -y nghttp2-client; } >/dev/null 2>&1 \
	  || echo "h2load is not there (Debian: nghttp2-client): throughput cannot be measured" >&2

bench-reload: $(VENV)/.dev  ## Measure how long an edit takes until it is served.
	$(BIN)/python -m bench --only edits --only reloads

bench-faults: $(VENV)/.dev  ## Show faults beside stock Dagster's two servers.
	$(BIN)/python -m bench --only faults

bench-attacks: $(VENV)/.dev  ## Show attacks beside stock Dagster's two servers.
	$(BIN)/python -m bench --only attacks

release-proto: $(VENV)/.dev  ## Make today's protos the ones that later versions must not break.
	$(BIN)/buf build -o proto/released.binpb

client: $(VENV)/.dev  ## Write the blocking client from the asynchronous one.
	$(BIN)/python scripts/write_blocking_client.py

sbom: $(VENV)/.dev  ## Write the wheel's bill of materials from pyproject.toml.
	$(BIN)/python -m scripts.write_sbom

docs: $(VENV)/.dev  ## Write the parts of docs/ that are made from the code.
	$(BIN)/python scripts/document_settings.py
	$(BIN)/python scripts/document_states.py
	$(BIN)/python scripts/document_versions.py

format: $(VENV)/.dev  ## Format the code.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## Remove what the targets made.
	rm -rf .venv* .cache build dist .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: pyproject.toml example_user_code/requirements.txt | $(BIN)/python
	$(PIP) install -e . -r example_user_code/requirements.txt
	@touch $@

$(VENV)/.dev: pyproject.toml example_user_code/requirements.txt | $(BIN)/python
	$(PIP) install -e '.[test,lint,bench,versions]' -r example_user_code/requirements.txt
	@touch $@

include proto/proto.mk
