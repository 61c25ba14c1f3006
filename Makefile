# What people do with Eventfeed. Everything lives in .venv; `make clean` forgets it.
MAKEFLAGS += --no-print-directory
PYTHON_HERE = .venv/bin/python
HOST =
PORT =
ARGS =

.PHONY: run demo setup test bench lint lock clean help

run: setup  ## start everything: make run HOST=127.0.0.1 PORT=8200
	@exec $(PYTHON_HERE) manage.py up $(if $(HOST),--host "$(HOST)") $(if $(PORT),--port "$(PORT)")

demo: setup  ## fill the feed with a day of every system, then go on live; make run first
	@exec $(PYTHON_HERE) manage.py demo --past 1d $(ARGS)

setup:  ## install what running needs
	@tools/install requirements.txt

test: setup-dev  ## run every test: make test ARGS="-k words"
	@tools/chromium
	@$(PYTHON_HERE) -m pytest $(ARGS)

bench: setup-dev  ## measure what is promised: make bench ARGS="ingest --quick"
	@$(PYTHON_HERE) -m benchmarks $(ARGS)

lint: setup-dev  ## look at the code without running it
	@$(PYTHON_HERE) -m ruff check .
	@$(PYTHON_HERE) -m ruff format --check .
	@$(PYTHON_HERE) -m mypy
	@$(PYTHON_HERE) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'
	@DJANGO_SETTINGS_MODULE=tests.settings $(PYTHON_HERE) manage.py makemigrations --check --dry-run

LOCK = uv pip compile pyproject.toml --no-config --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --fork-strategy fewest \
	--no-emit-index-url --no-emit-find-links --quiet

lock:  ## write the lock files anew from pyproject.toml (needs uv)
	@$(LOCK) --extra grpc --output-file requirements.txt
	@$(LOCK) --extra grpc --extra dev --constraint requirements.txt --output-file requirements-dev.txt

clean:  ## forget what was installed; the data stays
	@rm -rf .venv

help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

.PHONY: setup-dev
setup-dev:
	@tools/install requirements-dev.txt
