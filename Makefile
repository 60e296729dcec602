# Copyright (c) 2026 m365.licensing contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `make setup` puts everything into .venv, as the files of requirements/locked/ pin it. Outside the checkout only caches grow.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
LOCKED := requirements/locked
UV := build/uv/bin/uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate
.DEFAULT_GOAL := help
.PHONY: help setup demo check test test-long test-clients test-matrix test-mutants gate bench bench-docs lock release-check clean

help: ## List the targets
	@sed -nE 's/^([a-z-]+):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | awk -F '\t' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(VENV)/.setup-stamp ## Make .venv: ansible-core, libraries of the modules, tools of the tests (PYTHON=python3.12 chooses one)

# The stamp is written last: a set-up that was interrupted starts over, one that is complete costs nothing.
# The pip that comes with Python takes three times as long as the newest, which compiles on one core. Wheels are made of the
# packages that have none with what is pinned, too: without isolation, in which pip would fetch the newest. Where the environment
# forbids to write bytecode (PYTHONDONTWRITEBYTECODE), each run would compile all that it imports.
$(VENV)/.setup-stamp: $(LOCKED)/installer.txt $(LOCKED)/development.txt tests/gates/link_checkout.py
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "$(PYTHON) must be Python 3.10 or newer with venv (on Debian: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) --no-compile --requirement $(LOCKED)/installer.txt
	$(PIP) --no-compile --no-build-isolation --requirement $(LOCKED)/development.txt
	-@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib
	$(BIN)/python tests/gates/link_checkout.py
	@touch $@

demo: setup ## Watch it work: audit, plan, remediate, audit again, on a simulated tenant
	@playbooks/demo/run

check: setup ## Run the fast lane, in under a minute on two cores: what needs no server, ruff, mypy, other static checks
	@$(BIN)/python -m tests.gates.run --fast

test: setup ## Run every check; ends with how many passed and failed
	@$(BIN)/python -m tests.gates.run

test-long: setup ## Run the random tests that take long: kills at many moments, many random tenants
	@$(BIN)/python -m tests.gates.run long

test-clients: setup ## Run clients of other projects on the simulated tenant (needs Node.js with npm, and namespaces)
	@$(BIN)/python -m tests.gates.run clients

test-matrix: setup ## Test every supported ansible-core on each of its Pythons (ONLY="2.16-py3.10" chooses some)
	@$(BIN)/python -m tests.matrix.run $(ONLY)

test-mutants: setup build/mutants/.stamp ## Measure which changes of the code the tests notice (ONLY="_licensing/coverage", SIZE=50, SEED=2, ALL=1)
	@$(BIN)/python -m tests.mutants.run $(if $(ONLY),--only "$(ONLY)") $(if $(SIZE),--size $(SIZE)) $(if $(SEED),--seed $(SEED)) $(if $(ALL),--all)

build/mutants/.stamp: $(LOCKED)/mutants.txt
	$(PYTHON) -m venv --clear build/mutants/venv
	build/mutants/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(LOCKED)/mutants.txt
	@touch $@

gate: setup ## Run some of the checks: make gate NAME="unit ruff" (without NAME: list them)
	@$(BIN)/python -m tests.gates.run $(or $(NAME),--list)

bench: setup ## Measure what the modules cost beside references (SIZE=small tries it; ONLY="plan import" chooses)
	@$(BIN)/python -m tests.bench.run $(if $(SIZE),--size $(SIZE)) $(if $(ONLY),--only $(ONLY))

bench-docs: setup ## Put the table and the chart of the last make bench into docs/performance.md (NOTE="…" adds a remark)
	@$(BIN)/python -m tests.bench.publish --note "$(NOTE)"

lock: ## Update the pins of requirements/locked/, with hashes
	$(PYTHON) -m venv --clear build/uv
	build/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $(LOCKED)/uv.txt
	$(UV) --upgrade requirements/clients.txt requirements/development.txt requirements/mutants.txt requirements/uv.txt --output-file build/pins.txt
	@for name in clients development installer mutants runtime uv; do \
	  { sed -n 1,3p requirements.txt; echo "# Made by 'make lock' of requirements/$$name.txt, for every Python from 3.10 on."; \
	    $(UV) --generate-hashes --constraint build/pins.txt requirements/$$name.txt; } > build/locked.txt && \
	  mv build/locked.txt $(LOCKED)/$$name.txt || exit 1; done

release-check: setup ## Check that this commit can be tagged and published (docs/releasing.md)
	@$(BIN)/python -m tests.gates.run release

clean: ## Remove .venv and everything that was built
	rm -rf $(VENV) build
