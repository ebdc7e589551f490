# Antre: one word per habit. `make` or `make help` lists them.

BIN := .venv/bin
STAMP := .venv/.installed
MEMBERS := $(wildcard packages/*/pyproject.toml services/*/pyproject.toml dev/pyproject.toml)
IMAGES := webhook-gateway allocator qiscus-simulator

# What the developer may give on the command line; nothing here has a default of its own.
FOR ?=
CUSTOMERS_PER_S ?=
AGENTS ?=
CAPACITY ?=
SEED ?=
ARGS ?=
# The tests mostly wait (for leases, sweeps, restarts), so more workers than cores.
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help install run test check format docs lock clean distclean

help: ## list every word
	@echo "Antre decides which agent takes the next customer."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make run FOR=30 CUSTOMERS_PER_S=8 AGENTS=20 CAPACITY=2 SEED=1   (each may be left out)"
	@echo "  make test ARGS='tests/unit -k plan'"

install: $(STAMP) ## make .venv with all commands in it

$(STAMP): requirements/dev.txt pyproject.toml dev/install $(MEMBERS)
	@PYTHON="$(PYTHON)" ./dev/install
	@touch $(STAMP)

run: $(STAMP) ## the whole system with live traffic; Ctrl-C ends it and prints the summary
	@exec $(BIN)/one-machine --for '$(FOR)' --customers-per-s '$(CUSTOMERS_PER_S)' \
		--agents '$(AGENTS)' --capacity '$(CAPACITY)' --seed '$(SEED)'

test: $(STAMP) ## every test that needs no cluster
	@exec $(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: $(STAMP) ## style, types, imports, locked requirements, tests of the house
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python requirements/fingerprint.py
	$(BIN)/python docs/generate.py --check
	$(BIN)/pytest -q tests/house

format: $(STAMP) ## put the code into shape and mend what can be mended
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(STAMP) ## write the parts of docs/ that the code knows best
	$(BIN)/python docs/generate.py

lock: $(STAMP) ## choose versions anew and write requirements/*.txt
	$(BIN)/uv lock
	$(BIN)/uv export --quiet --frozen --all-packages --no-emit-workspace --no-header -o requirements/dev.txt
	@for image in $(IMAGES); do echo "requirements/$$image.txt"; \
		$(BIN)/uv export --quiet --frozen --package antre-$$image --no-emit-workspace --no-header --no-dev \
			-o requirements/$$image.txt || exit 1; done
	$(BIN)/python requirements/fingerprint.py --write

clean: ## remove the data of `make run` and all caches; .venv stays
	@# As root the database's data may be elsewhere (dev/src/one_machine/postgres_home.py); a link tells where.
	@case "$$(readlink .data/postgres)" in /var/tmp/antre-data-*/postgres) \
		rm -rf "$$(dirname "$$(readlink .data/postgres)")" ;; esac
	rm -rf .data .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## clean, and remove .venv
	rm -rf .venv
