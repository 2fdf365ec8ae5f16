# Everything a fresh clone needs: Python 3.11+ and make. Each target prepares its own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types sim soak e2e kit stories record recordings differential differential-toxiproxy tables bench real clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-24s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "fakekube needs Python 3.11 or newer; this is $$($(PYTHON) --version). Name another: make PYTHON=python3.12 ..." >&2; exit 2; }
	@echo "preparing $(VENV): a minute or two, once" >&2
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: $(READY) ## the first look: five sites, a cut, and what came of it
	@$(BIN)/python -m chaos.demo

test: $(READY) ## all tests, on every core
	$(BIN)/python -m pytest -n auto

lint: $(READY) ## ruff and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY) ## mypy --strict
	$(BIN)/mypy

check: lint types test ## lint, types, test

sim: $(READY) ## one trace hash over three PYTHONHASHSEEDs and every Python present, another for another seed
	@tests/simulation/determinism.sh $(BIN)/fakekube
	@tests/simulation/pythons.sh $(BIN)/python

recordings: $(READY) ## replay the recorded conversations and print the totals
	$(BIN)/python -m tests.recordings.replay

differential: $(READY) ## random requests to fakekube and to the real apiserver (SEED=n for others, STORY=k for one); skipped in one line where it is not built
	$(BIN)/python -m tests.differential.apiserver --seconds $(or $(SECONDS_AT_MOST),inf) --requests $(or $(REQUESTS),5000) --seed $(or $(SEED),0) $(if $(STORY),--story $(STORY) -v)
	$(if $(STORY),,$(BIN)/python -m tests.real.access)

differential-toxiproxy: $(READY) ## the same for Toxiproxy: requests N, equal E, listed L, unlisted 0
	$(BIN)/python -m tests.differential.toxiproxy_compare

record: $(READY) ## renew the recordings: make record SERVER=https://127.0.0.1:6443 TOKEN=...
	$(BIN)/python -m tests.recordings.record --server $(SERVER) --token $(TOKEN)

museum: $(READY) ## each incident of docs/museum.md: invalid on its naive agent, valid on collab
	@$(BIN)/python -m tests.museum

soak: $(READY) ## 24 virtual hours of a nemesis on twenty sites (ten minutes)
	$(BIN)/fakekube run tests/simulation/soak.yaml --no-wire

tables: $(READY) ## the tables of the next Kubernetes release: from the real servers that `make real` built
	$(BIN)/python tools/tables.py --real

stories: $(READY) real ## the same stories for our controllers and for kube-controller-manager (ten minutes)
	FAKEKUBE_STORIES=1 $(BIN)/python -m pytest tests/e2e/test_workloads_real.py

bench: $(READY) $(VENV)/kmock/.ready ## the tables of docs/benchmarks.md
	$(BIN)/python -m benchmarks

# the peer is a pytest plugin too: it stays out of the environment of the tests
$(VENV)/kmock/.ready: $(READY)
	$(PYTHON) -m venv $(VENV)/kmock
	$(VENV)/kmock/bin/python -m pip install --quiet kmock==0.8
	@touch $@

real: $(READY) ## build the real servers, the oracle of many tests (needs Go, 5 minutes, once)
	tests/real/build.sh

e2e: real ## Kubernetes' own end-to-end tests against served sites (needs Go; ten minutes to build, once)
	@tests/real/build.sh e2e
	$(BIN)/python -m tests.conformance.e2e

kit: $(READY) ## the conformance kit as one table; make kit CLUSTER=path/of/kubeconfig asks a cluster too
	@$(BIN)/python -m fakekube.testing $(if $(CLUSTER),--kubeconfig $(CLUSTER))

clean: ## remove .venv and what was built
	rm -rf $(VENV) build *.egg-info
