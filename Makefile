# The front door. Two commands do everything: `make demo` and `make test`.
SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON := .venv/bin/python
RASA_PYTHON := .venv-rasa/bin/python
BOT_SOURCES := rasa_project/config.yml rasa_project/domain.yml $(wildcard rasa_project/data/*.yml) \
    $(wildcard emotion_component/rasa*.py)

export RASA_TELEMETRY_ENABLED := false

.PHONY: help demo test test-main test-rasa test-pythons lint setup serve model bench bench-server card check-rasa-pro clean

help:  ## say what each command does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv-rasa/ready rasa_project/models/demo.tar.gz  ## talk to a bot that knows how you feel
	@$(RASA_PYTHON) rasa_project/demo.py

test: lint test-main test-rasa  ## all tests, both environments

test-main: .venv/ready  ## tests of everything but Rasa (Python 3.11)
	$(PYTHON) -m pytest --ignore tests/rasa --ignore tests/rasa_project

test-rasa: .venv-rasa/ready  ## tests in real Rasa, with a real Redis (Python 3.10)
	$(RASA_PYTHON) -m pytest tests/rasa tests/rasa_project tests/emotion_component

test-pythons:  ## tests of the runtime on the oldest and the newest Python
	scripts/test_pythons.sh 3.9 3.13

lint: .venv/ready  ## style and types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy emotion_component training server

setup: .venv/ready .venv-rasa/ready  ## build both environments

serve: .venv/ready  ## the HTTP sidecar, on 127.0.0.1:8100
	$(PYTHON) -m server

model: DATA := $(or $(DATA),$(EMOTION_DATA))
model: .venv/ready  ## train the bundle that ships anew; fetches its data, unless DATA=folder
	$(if $(DATA),,$(PYTHON) -m training fetch --output data)
	$(PYTHON) -m training joint --recipe config/training/default.yaml --data "$(or $(DATA),data)"

bench-server: .venv/ready  ## the sidecar under load, against its peers
	$(PYTHON) -m tests.benchmarks.bench_server

bench: .venv/ready .venv-rasa/ready rasa_project/models/demo.tar.gz  ## speed and memory, against torch
	$(PYTHON) -m tests.benchmarks.bench_runtime
	$(RASA_PYTHON) -m tests.benchmarks.bench_rasa

card: .venv/ready  ## measure the bundle that ships and renew its model card; DATA=folder of the benchmarks
	$(PYTHON) -m training evaluate --bundle emotion_component/default_bundle $(if $(DATA),--data $(DATA)) --output runs/card
	cp runs/card/model_card.md runs/card/model_card_*.png docs/
	cp runs/card/model_card_*.png emotion_component/default_bundle/
	cp runs/card/model_card.md emotion_component/default_bundle/MODEL_CARD.md

check-rasa-pro:  ## import the component and validate its graph under Rasa Pro (large download)
	tests/rasa_pro/check.sh

clean:  ## remove what was built here
	rm -rf .venv .venv-rasa .venv-rasa-pro rasa_project/models rasa_project/.rasa runs

.venv/ready: pyproject.toml
	@echo "Building .venv (Python 3.11: training and tests; torch is large)"
	@python=$$(scripts/find_python.sh 3.11) && "$$python" -m venv .venv
	@.venv/bin/pip install --quiet --upgrade pip
	@.venv/bin/pip install -qq -e '.[server,telemetry,training,scale,dev]'
	@touch $@

.venv-rasa/ready: pyproject.toml
	@echo "Building .venv-rasa (Python 3.10 and Rasa, 2.7 GB; a minute or two)"
	@python=$$(scripts/find_python.sh 3.10) && "$$python" -m venv .venv-rasa
	@.venv-rasa/bin/pip install --quiet uv
	@.venv-rasa/bin/uv pip install --quiet --python $(RASA_PYTHON) -e '.[rasa]' pytest
	@touch $@

rasa_project/models/demo.tar.gz: .venv-rasa/ready $(BOT_SOURCES)
	@echo "Training the bot (about a minute)"
	@cd rasa_project && ../$(RASA_PYTHON) -W ignore -m rasa train --fixed-model-name demo \
	    >train.log 2>&1 || { cat train.log; exit 1; }
	@touch $@
