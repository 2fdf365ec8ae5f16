# Everything a fresh clone needs: Python 3.11+ and make. Each target prepares its own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check lint types sim record recordings differential differential-toxiproxy tables bench real clean

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "fakekube needs Python 3.11 or newer; this is $$($(PYTHON) --version). Name another: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: $(READY)
	@$(BIN)/python -m chaos.demo

test: $(READY)
	$(BIN)/python -m pytest -n auto

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY)
	$(BIN)/mypy

check: lint types test

# One trace hash over three PYTHONHASHSEEDs, another for another seed.
sim: $(READY)
	@tests/simulation/determinism.sh $(BIN)/fakekube

recordings: $(READY)
	$(BIN)/python -m tests.recordings.replay

# random requests to fakekube and to the real apiserver; skipped in one line where it is not built
differential: $(READY)
	$(BIN)/python -m tests.differential.apiserver

# the same for Toxiproxy: requests N, equal E, listed L, unlisted 0
differential-toxiproxy: $(READY)
	$(BIN)/python -m tests.differential.toxiproxy_compare

# needs a running apiserver: make record SERVER=https://127.0.0.1:6443 TOKEN=...
record: $(READY)
	$(BIN)/python -m tests.recordings.record --server $(SERVER) --token $(TOKEN)

# each incident of docs/museum.md: invalid on its naive agent, valid on collab
museum: $(READY)
	@$(BIN)/python -m tests.museum

# the tables of the next Kubernetes release: from the real servers that `make real` built
tables: $(READY)
	$(BIN)/python tools/tables.py --real

bench: $(READY)
	$(BIN)/python -m benchmarks

real: $(READY)
	tests/real/build.sh

clean:
	rm -rf $(VENV) build *.egg-info
