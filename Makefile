# `make serve` and `make test` need Python 3.11 or newer and nothing else; both install into .venv first.
PYTHON ?= python3
BIN := .venv/bin
STUDIO_PORT ?= 2024
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --quiet

.PHONY: serve studio test lint check demo drawings install lock

serve: .venv/serves
	$(BIN)/interviewer serve

# Reporting of usage is the command's own, and off; on a taken port it would go elsewhere without a word.
studio: .venv/complete
	@$(BIN)/python -c 'import socket, sys; sys.exit(not socket.socket().connect_ex(("127.0.0.1", $(STUDIO_PORT))))' || \
	  { echo "Port $(STUDIO_PORT) is taken; stop what uses it, or: make studio STUDIO_PORT=2025"; exit 1; }
	LANGGRAPH_CLI_NO_ANALYTICS=1 $(BIN)/langgraph dev --no-browser --port $(STUDIO_PORT)

test: .venv/complete
	$(BIN)/python -m pytest

lint: .venv/complete
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

demo: .venv/serves
	$(BIN)/interviewer demo

drawings: .venv/complete
	$(BIN)/python -m graphs.drawings

install: .venv/complete

lock: .venv/complete
	$(LOCK) --group build --group dev pyproject.toml -o requirements-dev.lock
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
