# Two commands matter: `make up` brings the whole stack up, `make test` passes the tests. `make help` lists the rest.

STACK ?= dev
MOORAGE := .venv/bin/moorage

.DEFAULT_GOAL := help
.PHONY: help up down stop preview test fast check mutants bench clean

help: ## Show this list
	@if [ -t 1 ] && [ -z "$$NO_COLOR" ]; then bold='\033[1m' plain='\033[0m'; fi; \
	awk -F ':.*## ' -v bold="$$bold" -v plain="$$plain" \
		'/^[a-z-]+:.*## / {printf "  %smake %-11s%s %s\n", bold, $$1, plain, $$2}' $(MAKEFILE_LIST)

up: .venv/ready ## Bring stack $(STACK) up, from a bare machine if need be (STACK=dev)
	@$(MOORAGE) up $(STACK)

preview: .venv/ready ## Show what `up` would change; touches nothing
	@$(MOORAGE) preview $(STACK)

down: .venv/ready ## Delete everything that the stack made
	@$(MOORAGE) down $(STACK)

stop: .venv/ready ## Stop the embedded platform; its data stays
	@$(MOORAGE) platform stop

test: .venv/ready ## Run every check and every test, on the platform
	@tests/run

fast: .venv/ready ## Run what needs no platform: the loop of every day
	@tests/run fast

check: .venv/ready ## Lint and type-check only
	@tests/run check

mutants: .venv/ready ## Try whether the tests notice small changes of the product
	@.venv/bin/python -m tools.mutants

bench: .venv/ready ## Measure; prints figures and keeps them in .moorage/bench/
	@.venv/bin/python -m tests.bench

clean: ## Stop the platform and delete all that this checkout made
	@if [ -x $(MOORAGE) ]; then $(MOORAGE) platform reset --yes; fi
	@rm -rf .venv .moorage

# The environment is as old as the lock file; uv itself decides what to do.
.venv/ready: pyproject.toml uv.lock
	@moorage/platform/bootstrap
	@touch $@
