# The commands of the daily loop. Each sets up what it needs first: a fresh clone wants git, make and Python 3.11+.
# Settings are environment variables (docs/settings.md): `PORT=9000 make run` and `make run PORT=9000` are the same.

.DEFAULT_GOAL := help
.PHONY: help setup run demo test lint format doctor lock clean

# The first Python that is new enough and can make a venv; this clone's own, then 3.11, as CI runs it. pyenv's stubs
# of versions that are not active fail here, so its folders are tried as well. One that cannot make a venv is the last
# resort: the set-up then says what to install.
CANDIDATES := .venv/bin/python python3.11 python3.12 python3.13 python3.14 python3 python \
	$(wildcard $(HOME)/.pyenv/versions/3.1[1-9]*/bin/python3)
FITS := import sys; sys.version_info >= (3, 11) or sys.exit(1)
PYTHON := $(shell for needs in '; import venv, ensurepip' ''; do for p in $(CANDIDATES); do \
	if "$$p" -c "$(FITS)$$needs" >/dev/null 2>&1; then echo "$$p"; exit; fi; done; done)
VENV_PYTHON := .venv/bin/python
BOOTSTRAP = @$(if $(PYTHON),,echo "Python 3.11 or newer was not found: install it (Debian, Ubuntu: \
	sudo apt-get install python3 python3-venv), or name one: make $@ PYTHON=/path/to/python3" >&2; exit 1;) \
	exec $(PYTHON) -m launcher.bootstrap
LINTED := $(wildcard app.py debate_moderator_agent.py settings.py settings_checks.py errors.py logs.py signing.py \
	api bench debate doctor launcher memory personas providers rehearsal report simulators tests voice)

help: ## this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Python and browser packages and a LiveKit server; every other command does it too
	$(BOOTSTRAP) --dev --server

run: ## the whole of Sage on this machine: LiveKit, web service and worker, until Ctrl-C
	$(BOOTSTRAP) -- -m launcher.run

demo: ## a rehearsed debate of synthetic debaters before the real moderator; ARGS="--keep"
	$(BOOTSTRAP) --server -- -m rehearsal rehearsal/scripts/demo.toml $(ARGS)

test: ## every test; ARGS="tests/unit -k floor" chooses
	$(BOOTSTRAP) --dev --server -- -m pytest $(ARGS)

lint: ## ruff (rules and format) and mypy --strict
	$(BOOTSTRAP) --dev -- -m launcher.lint $(LINTED)

format: ## let ruff order imports and format
	$(BOOTSTRAP) --dev
	@$(VENV_PYTHON) -m ruff check --fix-only --quiet $(LINTED)
	@$(VENV_PYTHON) -m ruff format $(LINTED)

doctor: ## the start-up checklist: settings, LiveKit, chains, models, disk; ARGS="--explain STT_CHAIN"
	$(BOOTSTRAP) -- debate_moderator_agent.py doctor $(ARGS)

bench-%: ## a benchmark of bench/, for instance bench-footprint; ARGS="..."
	$(BOOTSTRAP) --dev --server -- -m bench.$(subst -,_,$*) $(ARGS)

lock: ## write requirements-lock.txt from what .venv has
	$(BOOTSTRAP) --dev
	@{ sed -n '/^#/p' requirements-lock.txt; $(VENV_PYTHON) -m pip freeze; } > .cache/lock
	@mv .cache/lock requirements-lock.txt

clean: ## remove what set-up made in this clone (not the LiveKit server in the user's cache)
	rm -rf .venv node_modules .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
