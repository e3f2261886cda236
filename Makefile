# Everything a newcomer needs, by name. GNU make 3.81 (macOS) or newer; Python 3.11 to 3.14.

.DEFAULT_GOAL := help
.PHONY: help demo test faults check bench proto

# The first Python that runs and is of a version the pinned wheels exist for; `make PYTHON=/path/to/python test` overrides.
CANDIDATES := python3.13 python3.12 python3.11 python3 python3.14 python
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 15))
PYTHON ?= $(shell for p in $(CANDIDATES); do "$$p" -c '$(FITS)' 2>/dev/null && echo "$$p" && break; done)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# One thread per process: the tests and measurements run several processes side by side.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 VECLIB_MAXIMUM_THREADS=1
TREE := soundkin.py recommender indexer server evaluation migrations benchmarks tests
PROTOC := $(BIN)/python -m grpc_tools.protoc -Ipb=proto/soundkin/v1
PROTOS := pb/soundkin.proto pb/encoder.proto
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist worksteal

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/runtime.stamp  ## Synthesise a catalog, take it all the way to gRPC answers (no torch)
	$(BIN)/soundkin demo $(ARGS)

test: $(VENV)/dev.stamp  ## Run the whole test suite; ARGS="-k scan" narrows it
	$(PYTEST) $(ARGS)

faults: $(VENV)/dev.stamp  ## Break things on purpose, at length: every system call, power cuts, kills (most of an hour)
	$(ONE_THREAD) $(BIN)/python -m pytest -m faults -s -p no:randomly $(ARGS)

check: $(VENV)/dev.stamp  ## Everything a change must pass: format, lint, types, layers, contract, schema, tests
	$(BIN)/ruff format --check $(TREE)
	$(BIN)/ruff check $(TREE)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/buf lint
	@$(MAKE) --no-print-directory --quiet stubs-match schema-matches
	$(PYTEST)

bench: $(VENV)/dev.stamp  ## Measure every claim again and rewrite docs/benchmarks.md
	$(ONE_THREAD) $(BIN)/python -m benchmarks.run $(ARGS)

proto: $(VENV)/dev.stamp  ## Regenerate pb/ from proto/
	$(PROTOC) --python_out=. --pyi_out=. --grpc_python_out=. $(PROTOS)

.PHONY: stubs-match schema-matches
stubs-match: $(VENV)/dev.stamp
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && \
	$(PROTOC) --python_out="$$fresh" --pyi_out="$$fresh" --grpc_python_out="$$fresh" $(PROTOS) && \
	for f in $$(cd "$$fresh" && find . -type f); do \
	  diff -q "$$fresh/$$f" "$$f" >/dev/null || { echo "$$f is stale: run 'make proto'" >&2; exit 1; }; \
	done && echo "pb/ matches proto/"

schema-matches: $(VENV)/dev.stamp
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && \
	url="url=sqlite:///$$fresh/catalog.db" && \
	$(BIN)/alembic -x "$$url" upgrade head && $(BIN)/alembic -x "$$url" check

$(VENV)/dev.stamp: $(VENV)/runtime.stamp
	$(PIP) --no-build-isolation --editable '.[cpu,indexer,evaluate,mert,dev]'
	@touch $@

$(VENV)/runtime.stamp: $(VENV)/made.stamp pyproject.toml constraints.txt
	$(PIP) setuptools
	$(PIP) --no-build-isolation --editable '.[cpu,indexer]'
	@touch $@

$(VENV)/made.stamp:
	@"$(PYTHON)" -c '$(FITS)' 2>/dev/null || { echo "Soundkin needs Python 3.11 to 3.14; '$(PYTHON)' is none." \
	  "Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python@3.13;" \
	  "or name one: make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make environments. Debian and Ubuntu:" \
	  "apt install $$('$(PYTHON)' -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" >&2; exit 1; }
	"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@
