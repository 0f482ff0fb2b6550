# Two commands do all the set-up: `make demo` shows hvrepl at work, `make check` runs every test.

PYTHON ?= python3
VENV   := .venv
DEMO   := build/demo
BIN    := $(VENV)/bin
DUMPS  := tests/data/dumps
PYZ    := build/hvrepl.pyz

# What somebody's shell says to Python is not meant for this: other packages, no assertions, warnings as errors of pip.
unexport PYTHONHOME PYTHONPATH PYTHONSTARTUP PYTHONOPTIMIZE PYTHONWARNINGS
# All files here are UTF-8, and so may be their path, whatever the language of the machine.
export LC_ALL = C.UTF-8

.PHONY: help demo check format lint types specs test coverage bench update pictures dist pyz handout extras fuzz fresh site site-test site-pictures clean

help:
	@echo "make demo    install hvrepl as a wheel into $(DEMO) and decode a message page, a guest id, a register"
	@echo "make check   format, lint, types, specs and all tests: some 4 minutes on 2 cores"
	@echo "make coverage  count how many of the names and layouts in the sources the specs have"
	@echo "make bench   measure how fast hvrepl is, compared with what you would do otherwise"
	@echo "make update  rewrite the transcripts in README, man and tests from what the program prints"
	@echo "make pictures  draw screens on a white and a black terminal into build/pictures, and README's picture"
	@echo "make fuzz    run the tests with made-up values with many more of them (N=$(N) per test, SECONDS=$(SECONDS) per input): about an hour"
	@echo "make fresh   try the README on machines where nothing is installed: $(SUITE) (as root, with debootstrap)"
	@echo "make pyz     build $(PYZ), one file that Python runs on a machine without a network, and try it"
	@echo "make site    write the pages of the whole catalogue into $(SITE), for any web server"
	@echo "make site-test  try them in chromium; make site-pictures draws four screens of them into build/pictures/site"
	@echo "make dist    build sdist and wheel into dist/, and try each in an environment of its own"
	@echo "make extras  build them, and try the wheel with each of its extras on one Python (PYTHON=$(PYTHON))"
	@echo "make format  put the code into its format"
	@echo "make clean   remove what was made"

demo: $(DEMO)/.installed
	@set -e; show() { echo; echo "$$ hvrepl $$*"; "$(DEMO)/bin/hvrepl" "$$@"; }; \
	show decode page @$(DUMPS)/page.gdb.txt; \
	show decode guest-id 0x818000050fa7042f; \
	show decode sint2 0x200f3; \
	show --arch arm64 decode HV_REGISTER_SINT2 0x10013; \
	show encode guest-id kernel=6.6.87
	@echo
	@echo "The program is $(CURDIR)/$(DEMO)/bin/hvrepl"
	@echo "Next: run $(DEMO)/bin/hvrepl without arguments; it opens a shell: paste a number or a dump, or type help"

$(DEMO)/.installed: pyproject.toml hatch_build.py $(shell find hvrepl specs man -type f -not -name '*.pyc')
	@rm -rf $(DEMO)
	@tools/install "$(PYTHON)" $(DEMO) .
	@touch $@

$(VENV)/.installed: pyproject.toml hatch_build.py
	@tools/install "$(PYTHON)" $(VENV) 'pip>=25.1'
	@tools/install "$(PYTHON)" $(VENV) --editable . --group dev
	@touch $@

check: format-check lint types specs test

.PHONY: format-check
format-check: $(VENV)/.installed
	$(BIN)/python -m ruff format --check --quiet .

format: $(VENV)/.installed
	$(BIN)/python -m ruff format --quiet .
	$(BIN)/python -m ruff check --fix --quiet .

lint: $(VENV)/.installed
	$(BIN)/python -m ruff check --quiet .

types: $(VENV)/.installed
	$(BIN)/python -m mypy

specs: $(VENV)/.installed
	$(BIN)/python -m hvrepl.catalog.build.rules specs

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n auto --dist worksteal

coverage: $(VENV)/.installed
	$(BIN)/python -m tests.coverage -v

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks

update: $(VENV)/.installed
	$(BIN)/python -m tests.transcripts
	@-$(BIN)/python -m tests.debuggers.gdb_session
	@if $(BIN)/python -c 'import nbclient, ipykernel' 2>/dev/null; then $(BIN)/python -m tests.notebook; fi

# The tests that hypothesis gives values, others in each run, and those that try only some of their samples in `make check`.
N ?= 2000
# Then for so long each, inputs that have a shape or go to a shell: by coverage where atheris is installed.
SECONDS ?= 300
fuzz: $(VENV)/.installed
	@HYPOTHESIS_PROFILE=fuzz HVREPL_FUZZ=$(N) $(BIN)/python -m pytest -n auto --dist worksteal -m "hypothesis or sampled" -p no:cacheprovider || { \
	  echo; echo 'A property does not hold. "Falsifying example" above is the smallest value for which it does not.'; \
	  echo 'Again: HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest TEST, with the test that is named; .hypothesis/ keeps the value.'; \
	  echo 'Keep it: put @example(...) with that value above the test, see it fail, mend what it shows, and leave it there.'; exit 1; } >&2
	@for target in json spec completion images; do $(BIN)/python -m tests.fuzz_inputs $$target $(SECONDS) || exit; done

pictures: $(VENV)/.installed
	@$(BIN)/python -c 'import PIL' 2>/dev/null || tools/install "$(PYTHON)" $(VENV) --group pictures
	@$(BIN)/python tools/pictures.py build/pictures
	@cp build/pictures/shell.png docs/pictures/

# SUITE=testing is the newest Python.
SITE ?= build/site
# Where the site will be, such as /hvrepl/: only the page for what is missing, which is shown at any path, has to know.
BASE ?= /
site: $(VENV)/.installed
	@$(BIN)/python -c 'import jinja2' 2>/dev/null || tools/install "$(PYTHON)" $(VENV) --group dev
	@$(BIN)/python -m hvrepl.web.site $(SITE) $(BASE)
	@$(BIN)/python tools/site/build.py $(SITE)

# In Debian's chromium, which playwright only drives: it fetches no browser of its own.
site-test site-pictures: $(VENV)/.installed
	@$(BIN)/python -c 'import playwright' 2>/dev/null || tools/install "$(PYTHON)" $(VENV) --group site
	@test -f $(SITE)/static/runtime/runtime.json || $(MAKE) site
	@$(if $(filter site-test,$@),HVREPL_SITE=$(SITE) $(BIN)/python -m pytest tests/web,$(BIN)/python -m tests.web.pictures $(SITE) build/pictures/site && cp build/pictures/site/register_light.png docs/pictures/page.png)

SUITE ?= bookworm trixie
fresh:
	@for suite in $(SUITE); do tools/fresh $$suite || exit; done

handout:
	rm -rf dist build/handout
	@tools/install "$(PYTHON)" build/handout 'build>=1.2' 'twine>=6'
	build/handout/bin/python -m build --outdir dist .
	build/handout/bin/twine check --strict dist/*

extras: handout
	$(PYTHON) tools/check_extras.py dist/*.whl

dist: $(VENV)/.installed handout
	$(PYTHON) tools/check_dist.py dist/*
	tar -xzf dist/*.tar.gz -C build/handout
	cd build/handout/hvrepl-*/ && PYTHONPATH=$$PWD PATH="$(CURDIR)/$(BIN):$$PATH" "$(CURDIR)/$(BIN)/python" -m pytest \
	  tests/test_api.py tests/test_docs.py tests/test_layers.py tests/test_transcripts.py

pyz: $(VENV)/.installed
	$(PYTHON) tools/make_pyz.py $(PYZ)
	$(BIN)/python -m pytest tests/test_pyz.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
