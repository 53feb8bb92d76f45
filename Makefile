# The verbs, in the order of the flow. `make help` lists them; every one sets up what it needs.
.DEFAULT_GOAL := help
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory

SDEP ?= deploy/seldon/ab-test.yaml
PY := .venv/bin/python
export PLUMBLINE_SHAPE ?= $(SHAPE)
ENVIRONMENT := @python3 -m deploy.bootstrap

.PHONY: help environment train up down status web loadtest capacity judge report test test-quick faults mutants lint bench clean

help: ## list the verbs and the variables
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14
	@sed -n 's/^#V \(.*\)/  \1/p' Makefile

environment: ## make .venv from requirements.lock (every verb does it by itself)
	$(ENVIRONMENT)

train: environment ## train the two models and write their cards and the held-out rows to artifacts/
	@$(PY) -m model.train $(if $(filter train,$(MAKECMDGOALS)),$(ARGS))

up: train ## start the local stack for SDEP and leave it running
	@$(PY) -m deploy.local up $(SDEP) $(ARGS)

status: environment ## say what of the local stack runs, and where
	@$(PY) -m deploy.local status $(ARGS)

down: environment ## stop the local stack, whatever is left of it
	@$(PY) -m deploy.local down $(ARGS)

web: train ## start the local stack and Locust's web page on it
	@$(PY) -m locustfiles --web $(ARGS)

loadtest: train ## from nothing to a verdict: start, drive, scrape, judge, report, stop
	@$(PY) -m locustfiles $(ARGS)

capacity: train ## the highest rate at which every gate holds and the live counts are exact: ARGS="--budget 10m"
	@$(PY) -m locustfiles.capacity $(ARGS)

judge: environment ## judge a finished run again: RUN=runs/... (default the latest)
	@$(PY) -m analysis judge $(RUN) $(ARGS)

report: environment ## write report.html, report.md and junit.xml of a judged run again
	@$(PY) -m analysis report $(RUN) $(ARGS)

test: train lint ## lint, types and all tests, with real servers on free ports
	@$(PY) -m pytest $(ARGS)

test-quick: train ## the tests that need no server
	@$(PY) -m pytest -q -m "not stack and not slow" $(ARGS)

mutants: environment ## alter recorded run folders in 30,000 ways and judge each: ARGS="--only shadow"
	@$(PY) tests/mutants/mutants.py $(ARGS)

faults: train ## run the catalogue of faults and clean variants: RUNS=50 runs the clean one 50 times instead
	@$(PY) tests/faults $(if $(RUNS),--runs $(RUNS)) $(ARGS)

lint: environment ## ruff and mypy over all of our code
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m mypy

bench: train ## measure ourselves beside others, in ratios: ONLY=server runs a part
	@$(PY) -m bench $(ONLY) $(ARGS)

clean: environment ## stop what runs, then remove what make made, except runs/
	@$(PY) -m deploy.local down; rm -rf artifacts .venv .tools .pytest_cache .mypy_cache .ruff_cache .hypothesis

#V
#V Variables of loadtest and web, all optional: SDEP (manifest), DURATION (30s), USERS, RATE (events per second),
#V SHAPE (rates that change, as ramp:10/s..200/s:60s), SEED, NAMESPACE, RUN (a run folder), IMAGES (an image map),
#V HOST and PROMETHEUS_URL (an existing deployment and its Prometheus: then no stack is started).
#V ARGS="--help" explains a verb's further options.
