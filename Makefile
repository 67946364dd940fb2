# Every target makes .venv when it is missing, and installs what it needs: users' targets the package
# with EXTRAS, those of developers its extra `dev` or `docs`. A stamp records each installation, which
# is repeated only when pyproject.toml changed.
PYTHON ?= python3
EXTRAS ?= data,demo,export,heif,video
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV := $(VENV)/.dev-installed
DOCS := $(VENV)/.docs-installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help quickstart test lint format bench docs install clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("ctal needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV); torch is large, this takes some minutes ..."
	$(PIP) -e '.[$(EXTRAS)]'
	touch $(STAMP)

$(DEV): pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV), with the tools of developers; this takes some minutes ..."
	$(PIP) -e '.[dev]'
	touch $(STAMP) $(DEV)

$(DOCS): pyproject.toml | $(STAMP)
	$(PIP) -e '.[docs]'
	touch $(DOCS)

install: $(STAMP)  ## make .venv with ctal and what its commands need

quickstart: $(STAMP)  ## train, score and use a small CTAL network (7 minutes on 2 CPU cores)
	$(BIN)/ctal quickstart

test: $(DEV)  ## run the tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(DEV)  ## ruff, mypy and the contracts on imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(DEV)  ## let ruff format the code and sort its imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## run the benchmarks, each of which prints a table (half an hour on 2 CPU cores)
	set -e; for name in affinity crossover training_step prediction normals; do $(BIN)/python -m benchmarks.$$name; done

docs: $(DOCS)  ## build the documentation's site in site/ and run its notebook (some minutes on 2 CPU cores)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

clean:  ## remove .venv, site/ and caches (runs/ stays)
	rm -rf $(VENV) site .pytest_cache .mypy_cache .ruff_cache .hypothesis
