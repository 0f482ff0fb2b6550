# Two commands do all the set-up: `make demo` shows hvrepl at work, `make check` runs every test.

PYTHON ?= python3
VENV   := .venv
DEMO   := build/demo
BIN    := $(VENV)/bin
DUMPS  := tests/data/dumps

.PHONY: help demo check format lint types specs test coverage update clean

help:
	@echo "make demo    install hvrepl as a wheel into $(DEMO) and decode a message page, a guest id, a register"
	@echo "make check   format, lint, types, specs and all tests"
	@echo "make coverage  count how much of what the sources name and lay out the specs have"
	@echo "make update  rewrite the transcripts in README, man and tests from what the program prints"
	@echo "make format  put the code into its format"
	@echo "make clean   remove what was made"

define need_venv
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "the venv module of $(PYTHON) is missing; on Debian: apt install python3-venv" >&2; exit 1; }
endef

demo: $(DEMO)/.installed
	@set -e; show() { echo; echo "$$ hvrepl $$*"; $(DEMO)/bin/hvrepl "$$@"; }; \
	show decode page @$(DUMPS)/page.gdb.txt; \
	show decode guest-id 0x818000050fa7042f; \
	show decode sint2 0x200f3; \
	show --arch arm64 decode HV_REGISTER_SINT2 0x10013; \
	show encode guest-id kernel=6.6.87

$(DEMO)/.installed: pyproject.toml hatch_build.py $(shell find hvrepl specs man -type f -not -name '*.pyc')
	$(need_venv)
	$(PYTHON) -m venv --clear $(DEMO)
	$(DEMO)/bin/python -m pip install --quiet --disable-pip-version-check .
	@touch $@

$(VENV)/.installed: pyproject.toml hatch_build.py
	$(need_venv)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

check: format-check lint types specs test

.PHONY: format-check
format-check: $(VENV)/.installed
	$(BIN)/ruff format --check --quiet .

format: $(VENV)/.installed
	$(BIN)/ruff format --quiet .
	$(BIN)/ruff check --fix --quiet .

lint: $(VENV)/.installed
	$(BIN)/ruff check --quiet .

types: $(VENV)/.installed
	$(BIN)/mypy

specs: $(VENV)/.installed
	$(BIN)/python -m hvrepl.catalog.rules specs

test: $(VENV)/.installed
	$(BIN)/pytest -n auto

coverage: $(VENV)/.installed
	$(BIN)/python -m tests.coverage -v

update: $(VENV)/.installed
	$(BIN)/python -m tests.transcripts

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
