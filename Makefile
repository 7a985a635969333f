# Each target wraps a plain call that the README shows too. TARGETS and ARGS go to Snakemake:
# make small TARGETS=fig2a ARGS=-n

PYTHON ?= python3.11
VENV ?= .venv
# Package index with a CPU build of torch; leave it empty where the default index already gives one.
TORCH_INDEX ?=
ARGS ?=
TARGETS ?=
SUITE ?= small
KILLS ?= 10

BIN := $(VENV)/bin
SNAKEMAKE := $(BIN)/snakemake
EXTRAS := workflow,methods,oracle,bench,test
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo small paper fetch fetch-check bench test test-kill test-determinism fuzz lint types unit reference bench-reference constraints schemas clean

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
	$(BIN)/pytest -c package/pyproject.toml --rootdir . package/tests workflow/tests

reference: $(STAMP)  ## commit-ready reference of a finished run: make reference SUITE=small
	$(BIN)/python scripts/write_reference.py $(SUITE)

bench-reference: $(STAMP)  ## the same of a finished `make bench`
	PYTHONPATH=package $(BIN)/python -m benchmarks.reference results/bench results/reference/bench README.md

constraints:  ## pin what a fresh install resolves to (envs/constraints.txt, envs/schash.yaml)
	PYTHON=$(PYTHON) TORCH_INDEX=$(TORCH_INDEX) EXTRAS=$(EXTRAS) envs/pin.sh

schemas: $(STAMP)  ## JSON schemas of the config files, for editors
	$(BIN)/python workflow/schemas/write.py

clean:  ## remove generated results, keep downloads and references
	rm -rf results/demo results/small results/paper results/bench results/bench_quick .snakemake
