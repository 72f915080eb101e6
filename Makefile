# The commands of the book. Every one of them first makes .venv what requirements.txt says (a moment when
# nothing has changed). Works with GNU Make 3.81, which macOS ships.

# The Python that makes .venv; `make tour PYTHON=python3.12` takes another one.
PYTHON ?= python3
# strict compares every stored output of the notebooks; lax (macOS in CI) only sees that all cells run.
NBVAL ?= strict
export NBVAL

# Threads that wait spin only for a moment: on a busy laptop the difference of seconds and minutes.
export GOMP_SPINCOUNT := 10000

RUN := .venv/bin/python
SCRIPTS := .ci/run $(wildcard cluster-setup/*.sh)

define HELP
Pipelines for Humans: one model, four ways to run it.

Learn
  make tour        the whole book in some minutes: a year of flights, each orchestrator, one table
  make lab         open the notebooks, as copies of your own in work/
  make doctor      what this machine can run and what it lacks, with the fix

When something is odd
  make reset       forget all runs (work/state and build); your notebooks stay
  make clean       the same, and remove .venv and caches; your notebooks stay

Write
  make test        everything that has to hold: style, types, tests, every notebook
  make lint        only style and types
  make notebooks   build notebooks/ and solutions/ from chapters/*/lesson.py
  make data        remake the data from its source and compare
  make bench       measure; the result is in build/bench.json
  make lock        resolve pyproject.toml afresh into requirements.txt

The first command sets up .venv: 310 MB to download, 1.1 GB on disk.
endef
export HELP

.PHONY: help tour lab doctor reset clean test lint notebooks data bench lock venv check-tests check-notebooks

help:
	@echo "$$HELP"

tour: venv
	@$(RUN) -m companion.tour

lab: venv
	@$(RUN) -m companion.lab

doctor: venv
	@$(RUN) -m companion.doctor

notebooks: venv
	@$(RUN) -m companion.build

data: venv
	@$(RUN) data/remake.py

bench: venv
	@$(RUN) -m companion.bench

lock: venv
	@$(RUN) -m companion.lock

test: venv
	@if $(MAKE) --no-print-directory lint check-tests check-notebooks; then \
	  echo; echo "All is well: style, types, tests and notebooks."; \
	else \
	  echo; echo "Something fails: the first failure above says what. Is it the machine? make doctor"; exit 1; \
	fi

lint: venv
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m ruff format --quiet --check .
	@$(RUN) -m mypy --no-error-summary
	@if [ -x .venv/bin/shellcheck ]; then .venv/bin/shellcheck $(SCRIPTS); \
	else echo "shellcheck is not made for this machine: the shell scripts were not checked."; fi
	@echo "Style and types: in order."

check-tests: venv
	@$(RUN) -m pytest tests -n 2 -q

# The one place that says how the notebooks are run; the run reads NBVAL.
check-notebooks: venv
	@$(RUN) -m pytest tests/nbval_strict -n 2 --dist loadscope -q -rfE
	@echo "(x: the broken cell 1/0 that is added to each notebook failed, as it has to.)"

# Cheap when nothing has changed; and only Python can tell whether .venv still works.
venv:
	@$(PYTHON) src/companion/bootstrap.py || { \
	  test $$? -ne 127 || echo "No working Python: '$(PYTHON)' does not start. Install Python 3.13 (Debian," \
	  "Ubuntu, WSL2: sudo apt install python3 python3-venv; macOS: brew install python@3.13)." >&2; exit 1; }

reset:
	@rm -rf build work/state
	@echo "Forgotten: all runs (build, work/state). Your notebooks in work/ are untouched."

clean: reset
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis src/*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Removed: .venv and caches. To remove your notebooks too, delete the folder work/ yourself."
