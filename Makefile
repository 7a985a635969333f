# Each target wraps a plain call that the README shows too. TARGETS and ARGS go to Snakemake:
# make small TARGETS=fig2a ARGS=-n

PYTHON ?= python3.11
VENV ?= .venv
# Package index with a CPU build of torch; leave it empty where the default index already gives one.
TORCH_INDEX ?=
ARGS ?=
TARGETS ?=
SUITE ?= small
REASON ?=
KILLS ?= 10

BIN := $(VENV)/bin
SNAKEMAKE := $(BIN)/snakemake
EXTRAS := workflow,methods,oracle,bench,test
OPTIONAL := slurm
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo small paper fetch fetch-check bench test test-kill test-determinism test-slurm fuzz lint types unit regression accept spread repeat reference bench-reference constraints schemas clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## the virtual environment, with the package editable

$(STAMP): package/pyproject.toml envs/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint envs/constraints.txt \
	  $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) --editable 'package[$(EXTRAS)]'
	@touch $@

demo: $(STAMP)  ## everything in small, offline, in minutes
	@SCHASH_SUITE=demo BIN=$(BIN) TARGETS="$(TARGETS)" scripts/run_suite.sh $(ARGS)

small: $(STAMP)  ## eight public data sets, the reference suite
	@SCHASH_SUITE=small BIN=$(BIN) TARGETS="$(TARGETS)" scripts/run_suite.sh $(ARGS)

paper: $(STAMP)  ## the papers' own data sets (gigabytes, hours)
	@SCHASH_SUITE=paper BIN=$(BIN) TARGETS="$(TARGETS)" scripts/run_suite.sh $(ARGS)

fetch: $(STAMP)  ## the raw files of a suite and nothing else: make fetch SUITE=paper
	@SCHASH_SUITE=$(SUITE) BIN=$(BIN) TARGETS=fetch_all scripts/run_suite.sh $(ARGS)

fetch-check: $(STAMP)  ## which of them are at hand and right, and what their addresses answer; downloads nothing
	@SCHASH_SUITE=$(SUITE) BIN=$(BIN) TARGETS=fetch_check scripts/run_suite.sh $(ARGS)

bench: $(STAMP)  ## the search engine against faiss and usearch, the readers against pandas: make bench ARGS=--quick
	@PYTHONPATH=package $(BIN)/python -m benchmarks $(ARGS)

test: lint types unit  ## lint, types, unit tests and the workflow's own tests

test-kill: $(STAMP)  ## kill -9 of the workflow ten times, and the run after it: make test-kill KILLS=3
	SCHASH_KILLS=$(KILLS) $(BIN)/pytest -s -c package/pyproject.toml --rootdir . workflow/tests/test_killed.py

test-determinism: $(STAMP)  ## the cut-down demo run in five ways: the same metrics, to the last digit
	SCHASH_DETERMINISM=1 $(BIN)/pytest -c package/pyproject.toml --rootdir . workflow/tests/test_determinism.py

fuzz: $(STAMP)  ## thousands of damaged files of every format that is read: make fuzz ARGS="--inputs 500 --formats h5ad"
	@PYTHONPATH=package $(BIN)/python -m fuzz $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check package scripts workflow
	$(BIN)/ruff format --check package scripts workflow
	$(BIN)/snakefmt --line-length 110 --check Snakefile workflow/rules
	$(SNAKEMAKE) --lint

types: $(STAMP)
	cd package && $(abspath $(BIN))/mypy && $(abspath $(BIN))/mypy -p benchmarks && $(abspath $(BIN))/mypy -p fuzz

unit: $(STAMP)
	$(BIN)/pytest -c package/pyproject.toml --rootdir . package/tests workflow/tests --ignore workflow/tests/slurm

test-slurm: $(STAMP)  ## the demo and jobs that go wrong through a Slurm of its own, which it installs where it can
	scripts/slurm/install.sh
	$(BIN)/python -m pip install --quiet --constraint envs/constraints.txt --editable 'package[$(OPTIONAL)]'
	$(BIN)/pytest -c package/pyproject.toml --rootdir . -o timeout=14400 --verbose --durations 0 workflow/tests/slurm

# Seed-to-seed spread of the suite, or that of the demo in its place
SPREAD = $(firstword $(wildcard results/reference/$(SUITE)/spread.tsv results/reference/demo/spread.tsv))
AGAINST = --reference results/reference/$(SUITE)/metrics.tsv $(if $(SPREAD),--spread $(SPREAD))

regression: SUITE = demo
regression: $(STAMP)  ## a finished run against the committed reference, exit 1 on drift: make regression SUITE=small
	@$(BIN)/schash regress results/$(SUITE)/metrics.tsv $(AGAINST) --output results/$(SUITE)/regression $(ARGS)

accept: SUITE = demo
accept: export REASON := $(REASON)
accept: $(STAMP)  ## make a finished run the reference, on purpose: make accept SUITE=demo REASON="deeper network"
	@$(BIN)/schash regress accept results/$(SUITE)/metrics.tsv $(AGAINST) --reason "$$REASON" \
	  --history results/history/$(SUITE)

spread: $(STAMP)  ## how far scores of the demo move from seed to seed, five runs of it: the tolerances' yardstick
	$(BIN)/python scripts/measure_spread.py demo $(ARGS)

repeat: $(STAMP)  ## ten runs of the demo from nothing, and how many of them raise an alarm
	$(BIN)/python scripts/repeat_clean.py demo $(ARGS)

reference: $(STAMP)  ## commit-ready reference of a finished run: make reference SUITE=small
	$(BIN)/python scripts/write_reference.py $(SUITE)

bench-reference: $(STAMP)  ## the same of a finished `make bench`
	PYTHONPATH=package $(BIN)/python -m benchmarks.reference results/bench results/reference/bench README.md

constraints:  ## pin what a fresh install resolves to (envs/constraints.txt, envs/schash.yaml)
	PYTHON=$(PYTHON) TORCH_INDEX=$(TORCH_INDEX) EXTRAS=$(EXTRAS),$(OPTIONAL) envs/pin.sh

schemas: $(STAMP)  ## JSON schemas of the config files, for editors
	$(BIN)/python workflow/schemas/write.py

clean:  ## remove generated results, keep downloads and references
	rm -rf results/demo results/small results/paper results/bench results/bench_quick .snakemake
