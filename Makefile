# Every target makes .venv when it is missing and installs again only when pyproject.toml changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DOCS := $(VENV)/.docs-installed

.PHONY: help quickstart test lint format bench docs install clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("ctal needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@echo "Installing into $(VENV); torch is large, this takes some minutes ..."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $(STAMP)

install: $(STAMP)  ## make .venv with everything the other targets need

quickstart: $(STAMP)  ## train, score and use a small CTAL network (about 10 minutes on 2 CPU cores)
	$(BIN)/ctal quickstart

test: $(STAMP)  ## run the tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(STAMP)  ## ruff, mypy and the contracts on imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMP)  ## let ruff format the code and sort its imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## run the benchmarks, each of which prints a table (half an hour on 2 CPU cores)
	set -e; for name in affinity crossover training_step; do $(BIN)/python -m benchmarks.$$name; done

$(DOCS): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	touch $(DOCS)

docs: $(DOCS)  ## build the documentation's site in site/ and run its notebook (some minutes on 2 CPU cores)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

clean:  ## remove .venv, site/ and caches (runs/ stays)
	rm -rf $(VENV) site .pytest_cache .mypy_cache .ruff_cache .hypothesis
