# The commands of the book. Every one of them first makes .venv what requirements.txt says (a moment when
# nothing has changed). Works with GNU Make 3.81, which macOS ships.

# The Python that makes .venv; `make tour PYTHON=python3.12` takes another one.
PYTHON ?= python3
# strict compares every stored output of the notebooks; lax (macOS in CI) only sees that all cells run.
NBVAL ?= strict
export NBVAL

# Threads that wait spin only for a moment: on a busy laptop the difference of seconds and minutes.
export GOMP_SPINCOUNT := 10000
export MPLCONFIGDIR := $(CURDIR)/.venv/matplotlib
# macOS ends a process that forks after it has used Objective-C; only what is set before Python starts helps.
export OBJC_DISABLE_INITIALIZE_FORK_SAFETY := YES

# What would change every Python: another's packages, warnings as errors … (companion.bootstrap has the same list).
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONUSERBASE PYTHONSAFEPATH PYTHONOPTIMIZE PYTHONWARNINGS PYTHONINSPECT PYTHONDONTWRITEBYTECODE

RUN := .venv/bin/python
SCRIPTS := .ci/run $(wildcard cluster-setup/*.sh)

define HELP
Pipelines for Humans: one model, four ways to run it.

Learn
  make tour        the whole book in some minutes: a year of flights, each orchestrator, one table
  make lab         open the notebooks, as copies of your own in work/ (LAB=--port=9000: a port)
  make progress    exercises solved, bets won, minutes (FORMAT=csv FOLDER=class: of a class)
  make doctor      what this machine can run and what it lacks, with the fix
  make image       build the image of a step, with Docker or Podman (BASE_IMAGE=name: another base)
  make zenml-dashboard  the runs of chapter 03 in ZenML's dashboard, in your browser
  make scale       what chapters 14 to 16 add to .venv (their first cell does it too)
  make spark       Spark and a Java, for the third notebook of chapter 14 (as its first cell)
  make airflow          Airflow with the DAGs of dags/, in your browser

A cluster, for chapters 08 to 12 (cluster-setup/README.md; DRY_RUN=1 only prints the commands)
  make cluster-preflight  what this machine lacks, with the fix (KUBEFLOW=1: for Kubeflow)
  make cluster-up         a Kubernetes cluster on this machine (WORKERS=2: two nodes more)
  make cluster-kfp        Kubeflow Pipelines on it (TIMEOUT=1800: wait longer, in seconds)
  make cluster-verify     prove that it works: a Job runs, a pipeline runs
  make cluster-down       remove it
  make cluster-load       give the image IMAGE=name:tag of this machine to it
  make cluster-preload    fetch all images now (FILE=archive: from an archive of cluster-export)
  make cluster-export     put all images into one archive, for a classroom (FILE=archive: where)

When something is odd
  make reset       forget all runs (work/state and build); your notebooks and the cluster stay
  make clean       the same, and remove .venv and caches; your notebooks and the cluster stay

Write
  make test        everything that has to hold: style, types, tests, notebooks (CHAPTER=04: of one)
  make test-again      each cell twice, each notebook restarted in the middle
  make test-cluster    what needs a cluster, on yours: its notebooks, every lab broken and mended
  make chapter     make the folder of a new chapter (NAME=20-our-own), which passes the tests
  make record      record those notebooks on your cluster (CHAPTER=10-debugging: only that one)
  make lint        only style and types
  make deck        slides of each chapter, for a class: build/deck/index.html
  make notebooks   build notebooks/ and solutions/ from the lessons (CHAPTER=04-airflow: one)
  make data        remake the data from its source and compare
  make bench       measure; the result is in build/bench.json
  make bench-scale  measure one process against rows, and a search; the results are in build/
  make image-push  publish the image of a release (the workflow image.yml does)
  make published   compare kubectl with what the Kubernetes project publishes (needs a network)
  make site        build the site to read, in build/site: the pages, the notebooks as they ran
  make test-site   the same, and try it in a real browser (needs Chromium)
  make links       ask all links to the outside whether they are alive (needs a network)
  make lock        resolve pyproject.toml afresh into requirements.txt (KEEP=1: only what is new)

The first command sets up .venv: 310 MB to download, 1.1 GB on disk.
endef
export HELP

.PHONY: help tour lab progress doctor image image-push zenml-dashboard scale spark airflow reset clean test lint deck notebooks data bench bench-scale published site test-site links lock venv test-again test-cluster chapter record check-tests check-notebooks cluster-preflight cluster-up cluster-kfp cluster-verify cluster-down cluster-load cluster-preload cluster-export

help:
	@echo "$$HELP"

tour: venv
	@$(RUN) -m companion.tour

lab: venv
	@$(RUN) -m companion.lab $(LAB)

progress: venv
	@test -z "$(FORMAT)" || test "$(FORMAT) $(if $(FOLDER),of)" = "csv of" || { \
	  echo "A table of a class: make progress FORMAT=csv FOLDER=class" >&2; exit 2; }
	@$(RUN) -m companion.progress_report $(if $(FORMAT),--csv "$(FOLDER)")

doctor: venv
	@PATH="$$PWD/.venv/bin:$$PATH" $(RUN) -m companion.doctor

image: venv
	@$(RUN) -m companion.image

image-push: venv
	@$(RUN) -m authoring.push_image

zenml-dashboard: venv
	@$(RUN) -m companion.zenml_dashboard

scale: venv
	@$(RUN) -m companion.scale

spark: venv
	@$(RUN) -m companion.spark

airflow: venv
	@$(RUN) -m companion.airflow_ui

# What is given on the command line (make cluster-up WORKERS=2), as the commands want it.
# The book's own kubectl comes before another one.
CLUSTER := PATH="$$PWD/.venv/bin:$$PATH" $(RUN) -m companion.cluster
OPTIONS = $(if $(DRY_RUN),--dry-run)
NODE = $(if $(NODE_IMAGE),--node-image $(NODE_IMAGE))

cluster-preflight: venv
	@PATH="$$PWD/.venv/bin:$$PATH" $(RUN) -m companion.doctor --cluster $(if $(KUBEFLOW),--kubeflow) $(NODE)

cluster-up: venv
	@$(CLUSTER) create $(if $(WORKERS),--workers $(WORKERS)) $(NODE) $(OPTIONS)

cluster-kfp: venv
	@$(CLUSTER) install-kfp $(if $(TIMEOUT),--timeout $(TIMEOUT)) $(OPTIONS)

cluster-verify: venv
	@$(CLUSTER) verify $(OPTIONS)

cluster-down: venv
	@$(CLUSTER) destroy $(OPTIONS)

cluster-load: venv
	@$(CLUSTER) load-image "$(IMAGE)" $(OPTIONS)

cluster-preload: venv
	@$(CLUSTER) preload $(if $(FILE),--file "$(FILE)") $(OPTIONS)

cluster-export: venv
	@$(CLUSTER) export $(if $(FILE),--file "$(FILE)") $(OPTIONS)

notebooks: venv
	@$(RUN) -m authoring.build $(CHAPTER)

deck: venv
	@$(RUN) -m authoring.deck

data: venv
	@$(RUN) data/remake.py

bench: venv
	@$(RUN) -m authoring.bench

# What one process can do, by rows, and a search in four ways: an hour. Both tables of chapter 14 are made from it.
bench-scale: venv
	@$(RUN) -m chapter_14.measure

published: venv
	@$(RUN) -m authoring.published

links: venv
	@$(RUN) -m authoring.links

site: venv
	@$(RUN) -m authoring.site

test-site: venv
	@$(RUN) -m authoring.site --test

lock: venv
	@$(RUN) -m authoring.lock $(if $(KEEP),--keep)

# What belongs to a chapter has its number in the test's name.
ONLY = $(if $(CHAPTER),-k "$(shell printf %.2s $(CHAPTER))-")

test: venv
	@if $(MAKE) -k --no-print-directory lint check-tests check-notebooks; then \
	  echo; echo "All is well: style, types, tests and notebooks."; \
	else \
	  echo; echo "Something fails: the first failure above says what. Is it the machine? make doctor"; exit 1; \
	fi

# Each cell twice, and each notebook restarted in the middle.
test-again: venv
	@TEST_AGAIN=1 $(RUN) -m pytest tests/test_run_again.py -n 2 -q

# Without a cluster, verify says so in a sentence.
test-cluster: venv
	@$(CLUSTER) verify
	@TEST_CLUSTER=1 NBVAL=lax $(RUN) -m pytest tests/nbval_strict -q -rfE
	@TEST_CLUSTER=1 $(RUN) -m pytest tests/live -q

chapter: venv
	@test -n "$(NAME)" || { echo "Which chapter? make chapter NAME=20-our-own" >&2; exit 2; }
	@$(RUN) -m authoring.new_chapter "$(NAME)"

record: venv
	@$(RUN) -m authoring.build --record $(CHAPTER)

lint: venv
	@$(RUN) -m authoring.limits
	@$(RUN) -m ruff check --quiet .
	@$(RUN) -m ruff format --quiet --check .
	@$(RUN) -m mypy --no-error-summary
	@if [ -x .venv/bin/shellcheck ]; then .venv/bin/shellcheck $(SCRIPTS); \
	else echo "shellcheck is not made for this machine: the shell scripts were not checked."; fi
	@echo "Style and types: in order."

check-tests: venv
	@$(RUN) -m pytest tests -n 3 --no-loadscope-reorder -q $(ONLY)

# The one place that says how the notebooks are run; the run reads NBVAL.
check-notebooks: venv
	@$(RUN) -m pytest tests/nbval_strict -n 3 --no-loadscope-reorder -q -rfE $(ONLY)
	@echo "(x: the broken cell 1/0 that is added to each notebook failed, as it has to.)"

# Cheap when nothing has changed; and only Python can tell whether .venv still works.
venv:
	@$(PYTHON) src/companion/bootstrap.py || { \
	  test $$? -ne 127 || echo "No working Python: '$(PYTHON)' does not start. Install Python 3.13 (Debian," \
	  "Ubuntu, WSL2: sudo apt install python3 python3-venv; macOS: brew install python@3.13)." >&2; exit 1; }

reset:
	@if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name cluster -exec rm -rf {} +; fi
	@rm -rf work/state
	@echo "Forgotten: all runs (build, work/state). Your notebooks in work/ are untouched."
	@if [ -e build/cluster/cluster.json ]; then echo "The cluster stays: make cluster-down removes it."; fi

clean: reset
	@rm -rf .venv .venv-dashboard .venv-site .venv-spark .mypy_cache .pytest_cache .ruff_cache .hypothesis src/*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo "Removed: .venv and caches. To remove your notebooks too, delete the folder work/ yourself."
