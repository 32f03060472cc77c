# sas_service: `make demo` runs it, `make test` checks it; everything they need is set up by them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
UV := $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
# Most of the time tests wait for servers. The slow files come first in the order of names: the short ones fill the end.
PARALLEL := -n 3 --dist loadfile --no-loadscope-reorder
QUICK := "not full and not bench"

# Bytecode is kept: without it every process that a demo, test or bench starts would compile the whole package again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-deps test-full bench lint format docs lock clean

help: ## show the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=...)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements-demo.lock pyproject.toml | $(BIN)/python
	@echo "installing the locked packages ..."
	@$(PIP) --require-hashes -r requirements-demo.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "installing the locked packages for development ..."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo ## run everything on this machine until Ctrl-C (PORT, EMULATOR_PORT override)
	@exec $(BIN)/sas-service demo

test: $(VENV)/.dev ## every check: style, types, import contracts, documents, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/python -m pytest $(PARALLEL) -m $(QUICK) tests; code=$$?; \
	if [ $$code != 1 ]; then exit $$code; fi; \
	echo "Once more, alone, what failed. Who passes now depends on the machine: look at it, it is named above."; \
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none --maxfail 3 -m $(QUICK) tests

test-deps: ## what the browser and Node tests and the benches need and this machine lacks (apt, root); without it they skip
	@missing=""; \
	for pair in chromium:chromium node:nodejs npm:npm wrk:wrk; do \
		command -v "$${pair%%:*}" >/dev/null || missing="$$missing $${pair##*:}"; \
	done; \
	if [ -z "$$missing" ]; then echo "chromium, node, npm and wrk are here"; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends $$missing >/dev/null; \
	else echo "not root, or no apt: the tests that need$$missing will skip"; fi

test-full: $(VENV)/.dev ## also the long suites
	$(BIN)/python -m pytest $(PARALLEL) -m "not bench" tests

bench: $(VENV)/.dev ## measure; prints tables and writes docs/benchmarks.md
	$(BIN)/python -m pytest -q -s -rs tests/bench

lint: $(VENV)/.dev ## the quick checks
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

format: $(VENV)/.dev ## format the code
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

docs: $(VENV)/.dev ## regenerate openapi.yaml and the generated pages of docs/
	$(BIN)/sas-service openapi
	$(BIN)/python -m tests.regenerate_docs

lock: $(VENV)/.dev ## resolve the lock files anew
	$(UV) --upgrade --output-file requirements.lock
	$(UV) --upgrade --extra demo --constraints requirements.lock --output-file requirements-demo.lock
	$(UV) --upgrade --extra demo --extra dev --constraints requirements.lock --output-file requirements-dev.lock

clean: ## remove the environment and the demo's state
	rm -rf $(VENV) var
