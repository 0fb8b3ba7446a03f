# askmesh's commands. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := libs/kit/askmesh_kit services/embeddings/askmesh_embeddings services/vectordb/askmesh_vectordb \
	services/llm/askmesh_llm services/bot/askmesh_bot
PROJECTS := $(wildcard libs/*/pyproject.toml services/*/pyproject.toml)
PARTS := kit embeddings vectordb llm bot mesh
ENGINE ?= docker
# A question may hold any character: it reaches the commands through the environment, unexpanded.
override Q := $(value Q)
override FROM := $(value FROM)
export Q FROM

.PHONY: help up down ask learn discord-demo models finetune status logs test test-long lint format lock evals evals-followups evals-scifact images clean $(PARTS:%=test-%)

help: ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z%<>-]+:.*## / {printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  One part's tests: $(PARTS:%=test-%)"

up: $(VENV)/.runtime ## Install if needed, start the four services, learn a first corpus, print the address
	@$(BIN)/python scripts/up.py up

down: ## Stop the services
	@if [ -x $(BIN)/python ]; then $(BIN)/python scripts/up.py down; fi

ask: $(VENV)/.runtime ## Ask a question in the terminal: make ask Q="How do I read a file with pathlib?"
	@test -n "$$Q" || { echo 'Say what to ask: make ask Q="How do I read a whole text file with pathlib?"'; exit 2; }
	@$(BIN)/askmesh ask -- "$$Q" || [ $$? = 4 ]  # 4: the sources do not hold it, which is an answer too

learn: $(VENV)/.runtime ## Learn a folder of documents or Python code: make learn FROM=path/to/docs
	@test -n "$$FROM" || { echo 'Say what to learn from: make learn FROM=path/to/docs'; exit 2; }
	@$(BIN)/askmesh learn -- "$$FROM"

discord-demo: up ## Watch the bot answer on an emulated Discord, without an account
	@$(BIN)/python -m services.bot.tests.discord.emulator --with-bot

models: $(VENV)/.models ## Install torch's CPU build and transformers, for gte-large and Phi-3-mini

finetune: $(VENV)/.finetune ## Install what askmesh-embeddings finetune needs (torch and its trainer)
	@echo "Ready. Next: $(BIN)/askmesh-embeddings finetune --help"

status: ## Show what runs, since when, and whether it is ready
	@if [ -x $(BIN)/python ]; then $(BIN)/python scripts/up.py status; else echo 'Nothing is installed yet: make up'; fi

logs: ## Follow the services' logs
	@tail -n 40 -F .askmesh/logs/*.log

test: $(VENV)/.test ## Run the whole test suite (installs what it needs, a browser included)
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-long: $(VENV)/.test ## The long versions of tests: a thousand kills, ten thousand requests, random sequences (an hour)
	@ASKMESH_LONG_TESTS=1 $(BIN)/python -m pytest $$(grep -rlE 'ASKMESH_LONG_TESTS|ASKMESH_SOAK_MINUTES' --include='test_*.py' \
	  libs/kit/tests services/*/tests tests)

test-kit: $(VENV)/.test
	@$(BIN)/python -m pytest libs/kit/tests
test-mesh: $(VENV)/.test
	@$(BIN)/python -m pytest tests
test-embeddings test-vectordb test-llm test-bot: test-%: $(VENV)/.test
	@$(BIN)/python -m pytest services/$*/tests

lint: $(VENV)/.test ## Check format, style, types and the dependency rule
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy $(PACKAGES)
	@MYPYPATH=scripts $(BIN)/mypy scripts/*.py
	@$(BIN)/lint-imports

format: $(VENV)/.test ## Format the code and mend what can be mended by itself
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

lock: $(VENV)/.test ## Rewrite the hashed locks from the pyproject files (UPGRADE=1: newest versions)
	@PATH="$(CURDIR)/$(BIN):$$PATH" requirements/lock.sh

evals: $(VENV)/.test ## Measure retrieval, answers and abstention against a baseline (SET=fury for one set)
	@$(BIN)/python evals/run.py --set $(or $(SET),all)

evals-followups: $(VENV)/.test ## Questions of two turns: as typed, rewritten, both, and in a conversation
	@$(BIN)/python evals/followups.py

evals-scifact: $(VENV)/.test ## SciFact's nDCG@10 through the embeddings service's API (about 15 minutes)
	@$(BIN)/python -m evals.scifact

images: ## Build the four container images (ENGINE=podman for podman)
	@$(ENGINE) compose --env-file deploy/demo.env build

clean: down ## Stop, and remove the environment and all state: what was learned too
	rm -rf $(VENV) .askmesh .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# What is installed, each level on top of the one before; a level is redone when one of its files changes.
$(VENV)/.runtime: requirements/runtime.txt requirements/build.txt $(PROJECTS) scripts/install.sh
	@scripts/install.sh runtime $(VENV)
	@touch $@

$(VENV)/.models: $(VENV)/.runtime requirements/torch.txt requirements/models.txt
	@scripts/install.sh models $(VENV)
	@touch $@

$(VENV)/.finetune: $(VENV)/.models requirements/finetune.txt
	@scripts/install.sh finetune $(VENV)
	@touch $@

$(VENV)/.test: $(VENV)/.models requirements/test.txt scripts/chromium.sh
	@scripts/install.sh test $(VENV)
	@scripts/chromium.sh $(VENV)
	@touch $@
