# The verbs, in the order of the flow. `make help` lists them; every one sets up what it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
# What a user sets is read by the shell as a quoted "$$VARIABLE", and ARGS by no shell at all: none of it is a command.
WITH_ARGS := $(PY) -m deploy.bootstrap.words
export PLUMBLINE_SHAPE ?= $(value SHAPE)
ENVIRONMENT := @python3 -m deploy.bootstrap

.PHONY: help environment train up down status web loadtest capacity judge report test test-quick faults mutants lint bench clean

help: ## list the verbs and the variables
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14
	@sed -n 's/^#V \(.*\)/  \1/p' Makefile

environment: ## make .venv from requirements.lock (every verb does it by itself)
	$(ENVIRONMENT)

train: environment ## train the two models and write their cards and the held-out rows to artifacts/
	@$(if $(filter train,$(MAKECMDGOALS)),$(WITH_ARGS) -m model.train,$(PY) -m model.train --give-way)

up: train ## start the local stack for SDEP and leave it running
	@$(WITH_ARGS) -m deploy.local up "$${SDEP:-deploy/seldon/ab-test.yaml}"

status: environment ## say what of the local stack runs, and where
	@$(WITH_ARGS) -m deploy.local status

down: environment ## stop the local stack, whatever is left of it
	@$(WITH_ARGS) -m deploy.local down

web: train ## start the local stack and Locust's web page on it
	@$(WITH_ARGS) -m locustfiles --web

loadtest: train ## from nothing to a verdict: start, drive, scrape, judge, report, stop
	@$(WITH_ARGS) -m locustfiles

capacity: train ## the highest rate at which every gate holds and the live counts are exact: ARGS="--budget 10m"
	@$(WITH_ARGS) -m locustfiles.capacity

judge: environment ## judge a finished run again: RUN=runs/... (default the latest)
	@$(WITH_ARGS) -m analysis judge $${RUN:+"$$RUN"}

report: environment ## write report.html, report.md and junit.xml of a judged run again
	@$(WITH_ARGS) -m analysis report $${RUN:+"$$RUN"}

test: train lint ## lint, types and all tests: first those without servers, then with real ones on free ports
	@if [ -n "$${ARGS:-}" ]; then exec $(WITH_ARGS) -m pytest; fi; \
	$(PY) -m pytest -q -n auto -m "not stack and not slow" && \
	$(PY) -m pytest -q -n 2 --dist loadfile -m unhurried && \
	$(PY) -m pytest -m "(stack or slow) and not unhurried"

test-quick: train ## the tests that need no server
	@$(WITH_ARGS) -m pytest -q -n auto -m "not stack and not slow"

mutants: environment ## alter recorded run folders in every way and judge each: ARGS="--only shadow"
	@$(WITH_ARGS) tests/mutants/mutants.py

faults: train ## run the catalogue of faults and clean variants: RUNS=50 runs the clean one 50 times instead
	@$(WITH_ARGS) tests/faults $${RUNS:+--runs "$$RUNS"}

lint: environment ## ruff and mypy over all of our code
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy

bench: train ## measure ourselves beside others, in ratios: ONLY=server runs a part
	@$(WITH_ARGS) -m bench $${ONLY:+"$$ONLY"}

clean: environment ## stop what runs, then remove what make made, except runs/ and files of yours
	@$(PY) -m deploy.local down; $(PY) -m model.train --remove; python3 -m deploy.bootstrap --remove; rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis

#V
#V Variables of loadtest and web, all optional: SDEP (manifest), DURATION (30s), USERS, RATE (events per second),
#V SHAPE (rates that change, as ramp:10/s..200/s:60s), SEED, NAMESPACE, RUN (a run folder), IMAGES (an image map),
#V HOST and PROMETHEUS_URL (an existing deployment and its Prometheus: then no stack is started).
#V ARGS="--help" explains a verb's further options.
