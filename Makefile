# Antre: one word per habit. `make` or `make help` lists them.

BIN := .venv/bin
STAMP := .venv/.installed
MEMBERS := $(wildcard packages/*/pyproject.toml services/*/pyproject.toml dev/pyproject.toml)
IMAGES := webhook-gateway allocator qiscus-simulator
# Where `make helm` puts one.
export PATH := $(CURDIR)/.tools/bin:$(PATH)

# What the developer may give on the command line.
FOR ?=
CUSTOMERS_PER_S ?=
AGENTS ?=
CAPACITY ?=
SEED ?=
RUNS ?=
CASE ?=
ONLY ?=
SEEDS ?=
JOBS ?=
VARIANT ?=
TAG ?= dev
ARGS ?=
# The programs that try to break the system lie beside the tests.
BESIDE_TESTS = PYTHONPATH=tests $(BIN)/python -m
# The tests mostly wait (for leases, sweeps, restarts), so more workers than cores.
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help install run test check simulate crash faults alerts model fuzz bench bench-quick curves durability images sbom e2e helm chart kustomize format dashboards pictures crd docs lock clean distclean

help: ## list every word
	@echo "Antre decides which agent takes the next customer."
	@echo
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make run FOR=30 CUSTOMERS_PER_S=8 AGENTS=20 CAPACITY=2 SEED=1   (each may be left out)"
	@echo "  make test ARGS='tests/unit -k plan'"
	@echo "  make simulate RUNS=10000, or SEED=7 for one run and its story"
	@echo "  make faults CASE=11 SEED=7, or SEEDS=20 for the long form; JOBS=4 side by side; ARGS=--list"
	@echo "  make crash ARGS='--part allocator --every 5'      make model VARIANT=…      make fuzz RUNS=1000000 SEED=7"

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
	$(BIN)/python deploy/crd.py --check
	$(BIN)/python deploy/dashboards/generate.py --check
	$(BIN)/pytest -q tests/house

simulate: $(STAMP) ## thousands of runs of the whole system in virtual time, with every kind of trouble
	@exec env $(BESIDE_TESTS) simulation $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

crash: $(STAMP) ## processes die at each step of what they do, on real stores
	@exec env $(BESIDE_TESTS) crash $(if $(SEED),--seed $(SEED)) $(if $(JOBS),--jobs $(JOBS)) $(ARGS)

faults: $(STAMP) ## the 45 faults, with real processes, stores and signals
	@exec env $(BESIDE_TESTS) faults $(if $(CASE),--case $(CASE)) $(if $(SEED),--seed $(SEED)) \
		$(if $(SEEDS),--seeds $(SEEDS)) $(if $(JOBS),--jobs $(JOBS)) $(ARGS)

alerts: $(STAMP) ## the system is broken in many ways, and a real Prometheus raises the right alert
	@exec $(BIN)/pytest -v --timeout 300 -m 'alerts or not alerts' tests/monitoring/test_alerts.py $(ARGS)

model: $(STAMP) ## all that may happen to a model of the protocol, and to weaker ones
	@exec env $(BESIDE_TESTS) model $(if $(VARIANT),--variant '$(VARIANT)') $(ARGS)

fuzz: $(STAMP) ## bad input for the gateway, guided by what it makes the gateway do
	@exec env $(BESIDE_TESTS) security.fuzz $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: $(STAMP) ## how fast it is, each figure beside a baseline; writes the table in docs/performance.md; ONLY=1,7 for some
	@exec env PYTHONPATH=tests $(BIN)/python benchmarks $(if $(ONLY),--only '$(ONLY)') $(ARGS)

bench-quick: $(STAMP) ## unit costs that need no quiet machine, against benchmarks/record.json; ARGS=--write renews it
	@exec $(BIN)/python benchmarks/quick.py $(ARGS)

curves: $(STAMP) ## draw how costs grow into docs/growth-*.svg; ARGS='--only apps,latency' for some
	@exec $(BIN)/python benchmarks/curves.py $(ARGS)

durability: $(STAMP) ## what each weaker setting of Redis and Postgres gains, and what it costs
	@exec $(BIN)/python benchmarks/durability.py $(ARGS)

images: ## build the images antre/*:TAG with docker, podman, buildah or the command in BUILD; ARGS=--load
	@exec python3 deploy/images.py --tag '$(TAG)' $(ARGS)

e2e: $(STAMP) ## the whole in the Kubernetes cluster that KUBECONFIG points at, case by case; CASE=… for some
	@exec env $(BESIDE_TESTS) e2e $(if $(CASE),--case '$(CASE)') $(ARGS)

helm: ## put a Helm of a known version into .tools/bin, unless there is a Helm 3; tests of the chart need it
	@exec ./dev/helm

chart: $(STAMP) ## write the chart's values.schema.json and the table in its README from values.yaml
	$(BIN)/python deploy/helm/describe.py

kustomize: $(STAMP) ## render deploy/kustomize/base and its components from the chart (needs helm)
	$(BIN)/python deploy/kustomize/render.py

sbom: $(STAMP) ## write each image's software bill of materials into dist/
	@exec $(BIN)/python deploy/sbom.py $(ARGS)

format: $(STAMP) ## put the code into shape and mend what can be mended
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

crd: $(STAMP) ## write the definition of AllocationPolicy from the policy's own structs
	$(BIN)/python deploy/crd.py

dashboards: $(STAMP) ## write the Grafana dashboards of the chart
	$(BIN)/python deploy/dashboards/generate.py

pictures: $(STAMP) ## draw the panels of the dashboards from a run in which the leader breaks (needs matplotlib)
	@exec $(BESIDE_TESTS) monitoring.pictures $(ARGS)

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

distclean: clean ## clean, and remove .venv and .tools
	@[ ! -d .tools ] || chmod -R u+w .tools
	rm -rf .venv .tools
