# Two commands do everything:  make lab  and  make test.  The others are steps of these two.
SHELL := /bin/sh
# the first Python that runs and is new enough
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$$p"; exit; }; done; echo python3)
PY := .venv/bin/python
ROOT := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)

# A company's network may sign what passes with a certificate of its own: trust what this machine trusts.
export UV_SYSTEM_CERTS := 1
COMPILE = .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --custom-compile-command "make lock"

# What is imported once is compiled once: JupyterLab starts in a third of the time.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help lab test setup down clean outputs notebooks unit live browser lint lock everything
.NOTPARALLEL:

# By uv, otherwise by pip. Into .venv by name: uv alone would take whatever environment is active in this shell.
install = { .venv/bin/uv --version >/dev/null 2>&1 && .venv/bin/uv pip install -q --python $(PY) $(1); } || \
  .venv/bin/pip install -q --disable-pip-version-check $(1)

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s%s\n", $$1, $$2 }' Makefile

lab: export JUPYTERLAB_WORKSPACES_DIR = $(CURDIR)/.lab/jupyter
lab: setup  ## set everything up, bring the brokers up, open JupyterLab on the roadmap (your own copy, in mine/)
	@$(PY) -m helpers copies
	@mkdir -p .venv/share/jupyter/lab/settings && cp binder/overrides.json .venv/share/jupyter/lab/settings/
	@.venv/bin/jupyter lab workspaces import --name default binder/workspace.json >/dev/null 2>&1 & \
	  $(PY) -m helpers up && wait
	@echo "Opening JupyterLab. Without a browser here, open the address that it prints. Ctrl+C stops it."
	@trap : INT; .venv/bin/jupyter lab $(ROOT) --ServerApp.answer_yes=True --ServerApp.log_level=WARN $(JUPYTER); echo; \
	  echo "JupyterLab is stopped; the brokers still run. Keep them for the next 'make lab', or stop them: make down"

setup: .venv/done  ## the virtual environment, and what the brokers need (downloads once)
	@$(PY) -m helpers setup

.venv/done: requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "This course needs Python 3.11 or newer; $(PYTHON) is $$("$(PYTHON)" -V 2>&1)."; \
	  echo "Fix: install one and run: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@"$(PYTHON)" -m venv .venv || { echo "Fix: sudo apt-get install -y python3-venv"; rm -rf .venv; exit 1; }
	@echo "Installing the Python packages ..."
	@.venv/bin/pip install -q --disable-pip-version-check "uv>=0.9,<0.14" || echo "Without uv: with pip, which is slower."
	@$(call install,-r requirements.lock)
	@$(call install,--no-deps -e .)
	@touch .venv/done

.venv/tests: tests/requirements.lock .venv/done
	@$(call install,-r tests/requirements.lock)
	@touch .venv/tests

lock: .venv/done  ## renew the exact versions, after a change of requirements.txt or tests/requirements.txt
	@$(COMPILE) -U requirements.txt -o requirements.lock
	@$(COMPILE) -U -c requirements.lock tests/requirements.txt -o tests/requirements.lock

test: setup everything lint unit live browser notebooks  ## everything that this machine can run, on every stack that it offers

everything: .venv/tests
	@$(PY) -m helpers setup --stack processes

lint: .venv/tests  ## style and types, notebooks included
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

unit: .venv/tests  ## what needs no broker
	@$(PY) -m pytest tests/unit -q -n 2

live: setup .venv/tests  ## the lab itself, on every stack that this machine offers, two tests at once
	@$(PY) -m pytest tests/live -q --durations=15 -n 2

browser: setup .venv/tests  ## a lesson by keyboard in Chromium, and what a screen reader finds; pictures in .lab/test/pictures
	@$(PY) -m pytest tests/browser -q

notebooks: setup .venv/tests  ## re-run every notebook on live brokers and compare every output that does not measure (nbval)
	@$(PY) -m tests.notebooks $(NOTEBOOKS)

outputs: setup .venv/tests  ## re-run every notebook and store what it prints and draws
	@$(PY) -m tests.outputs notebooks/*.ipynb

down:  ## stop the brokers and delete their data
	@if [ -x $(PY) ]; then $(PY) -m helpers down $(ALL); fi

clean: ALL = --all
clean: down  ## end every lab, those of the tests too; delete what the other commands made, downloads too; mine/ stays
	@rm -rf .lab .venv .pytest_cache .mypy_cache .ruff_cache *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
