# `make serve` and `make test` need Python 3.11 or newer and nothing else; both install into .venv first.
PYTHON ?= python3
BIN := .venv/bin
STUDIO_PORT ?= 2024
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url
AUDIT := $(BIN)/uv tool run --quiet pip-audit --vulnerability-service osv --require-hashes --disable-pip --progress-spinner off
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --quiet

.PHONY: serve studio test lint check bench soak audit baselines demo cluster types examples drawings picture install lock

serve: .venv/serves
	$(BIN)/interviewer serve

# Reporting of usage is the command's own, and off; on a taken port it would go elsewhere without a word.
studio: .venv/complete
	@$(BIN)/python -c 'import socket, sys; sys.exit(not socket.socket().connect_ex(("127.0.0.1", $(STUDIO_PORT))))' || \
	  { echo "Port $(STUDIO_PORT) is taken; stop what uses it, or: make studio STUDIO_PORT=2025"; exit 1; }
	LANGGRAPH_CLI_NO_ANALYTICS=1 $(BIN)/langgraph dev --no-browser --port $(STUDIO_PORT)

test: .venv/complete
	$(BIN)/python -m pytest -n auto --dist loadfile

lint: .venv/complete
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

# What `make test` does in short, in full. SOAK_SEED and --seed repeat a run.
soak: .venv/complete
	SOAK_KILLS=220 SOAK_EXAMPLES=200 $(BIN)/python -m pytest -s tests/test_crashes.py tests/test_races.py
	SOAK_FRAMES=100000 SOAK_OPERATION_EXAMPLES=100 SOAK_SOCKETS=1000 SOAK_COMINGS=10000 SOAK_ABANDONED=1000 \
	  $(BIN)/python -m pytest -s tests/test_socket_fuzz.py tests/test_slow_clients.py tests/test_openapi_fuzz.py
	$(BIN)/python -m benchmarks.soak --minutes 10

# Known vulnerabilities of all that is locked. Nothing checked is no success, so that also ends in an error.
audit: .venv/complete
	@for lock in requirements.lock requirements-dev.lock; do \
	  report=$$($(AUDIT) -r $$lock 2>&1); status=$$?; \
	  case "$$status $$report" in \
	    "0 "*|*" known vulnerabilit"*) echo "$$lock: $$report" | grep -v WARNING ;; \
	    *) echo "$$lock: NOT CHECKED, since pip-audit or its service osv.dev cannot be reached from here."; \
	       echo "$$report" | tail -n 1 ;; \
	  esac; \
	  [ $$status -eq 0 ] || failed=1; \
	done; exit $${failed:-0}

# What the offline engine reaches now becomes what later changes are held against.
baselines: .venv/complete
	$(BIN)/python -m evals.baseline

# Each figure of docs/performance.md beside a plain service; quietest on a machine that nobody else uses.
bench: .venv/complete
	$(BIN)/python -m benchmarks $(BENCH)

demo: .venv/serves
	$(BIN)/interviewer demo

# Three servers behind a balancer, on the PostgreSQL and the Redis of this machine.
cluster: .venv/serves
	$(BIN)/python deploy/cluster.py

types: .venv/complete
	$(BIN)/python tests/typescript.py

examples: .venv/complete
	$(BIN)/python tests/examples.py

drawings: .venv/complete
	$(BIN)/python -m graphs.drawings

picture: .venv/complete
	$(BIN)/python tests/picture.py

install: .venv/complete

lock: .venv/complete
	$(LOCK) --extra evals --extra telemetry --group build --group dev pyproject.toml -o requirements-dev.lock
	$(LOCK) --group build -c requirements-dev.lock pyproject.toml -o requirements.lock

.venv/python: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { echo "Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@touch $@

.venv/serves: .venv/python requirements.lock
	@echo "Installing what serving needs into .venv (once, about half a minute) ..."
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/complete: .venv/python requirements.lock requirements-dev.lock
	@echo "Installing everything into .venv (once, about a minute) ..."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch .venv/serves $@
