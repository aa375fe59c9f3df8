# `make run` and `make test` need nothing but Python 3.11 or newer: the environment is made on the first call, by uv, or
# by pip where uv finds no packages, and compiled, without which every command takes twice as long to begin. Without a
# GPU, `UV_TORCH_BACKEND=cpu make install` spares 3 GB of CUDA libraries.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WHAT := --constraint constraints.txt --editable '.[viz,dev]'
export OMP_WAIT_POLICY := PASSIVE
export MLFLOW_DISABLE_TELEMETRY := true
.DEFAULT_GOAL := help

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python $(WHAT) || $(BIN)/python -m pip install --quiet $(WHAT)
	touch $@

.PHONY: help install run test full-size lint format docs viz mlflow benchmark pretrain clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.installed ## make the environment in .venv

run: install ## expand, train and report on the embedded default
	$(BIN)/kedro run

test: lint ## lint, type check and all tests
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

full-size: install ## one seed through models of full size with random weights: 10 GB of memory, minutes
	$(BIN)/pytest -m full_size --capture=no

lint: install ## ruff, mypy and the import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## let ruff mend what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: install ## build the documentation and serve it on http://127.0.0.1:8000
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --strict

viz: install ## look at the pipelines in the browser
	@echo "The stages of a run: http://127.0.0.1:4141/?pid=stages&types=nodes"
	$(BIN)/kedro viz run --no-browser --pipeline stages

mlflow: install ## look at the runs in the browser
	@echo "All trainings by accuracy: http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey=accuracy"
	$(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db --workers 1

benchmark: install ## seconds and peak memory of the main job's commands
	$(BIN)/python -m benchmarks.commands

pretrain: install ## train the small models of a domain anew: make pretrain DOMAIN=blood (docs/domains.md)
	$(BIN)/kedro run --pipelines pretrain --params pretrain.domain=$(or $(DOMAIN),fashion)

clean: ## remove what runs have made, keep the environment
	rm -rf data/0[1-8]_*/* mlruns mlartifacts mlflow.db .viz
