# Each target does its own set-up; Python 3.11 or newer is all that a machine needs.
PYTHON ?= python3
BIN := .venv/bin
DONE := .venv/.installed-$(shell cat pyproject.toml infra/locks/requirements.txt infra/locks/uv.txt | cksum | cut -d' ' -f1)

.PHONY: demo test check bench eval-selection eval-loop eval-gate faults up down clean lock

demo:  ## Sets everything up, runs the loop on real parts and real input, ends with a report.
	@began=$$(date +%s) && $(MAKE) -s $(DONE) && $(BIN)/millrace demo --set-up-s $$(( $$(date +%s) - began ))

test: $(DONE)  ## Every test that decides: unit, contract, integration, loop, a minute of faults.
	@$(BIN)/python -m pytest --cov --cov-report=
	@$(BIN)/coverage report --fail-under=85
	@$(BIN)/coverage report --include='streams/*,schemas/*' --fail-under=95 --format=total

check: $(DONE)  ## Style, types, import directions, generated contracts.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m infra.contracts --check

bench: $(DONE)  ## Ratios against bare parts and peers, side by side in one run.
	@$(BIN)/python -m tests.benchmarks

eval-selection: $(DONE)  ## Labels that selection saves on five real data sets: 20 paired seeds, intervals, peers; hours on two cores.
	@$(BIN)/python -m tests.evaluations.selection

eval-loop: $(DONE)  ## Turns of the wheel on three real data sets: active against random labels, at least 5 paired seeds.
	@$(BIN)/python -m tests.evaluations.loop

eval-gate: $(DONE)  ## The gate's error rates and power, by simulation.
	@$(BIN)/python -m tests.evaluations.gate

faults: $(DONE)  ## The long form of the fault test: 20,000 items, 100 kills and more, all sabotage switches.
	@$(BIN)/python -m pytest tests/faults --long-faults

up: $(DONE)  ## Starts Millrace and leaves it running; `make down` stops it.
	@$(BIN)/millrace up --detach

down: $(DONE)
	@$(BIN)/millrace down

lock: $(DONE)  ## Resolves the requirements anew.
	@$(BIN)/uv pip compile -q --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-annotate --no-header --group dev pyproject.toml -o infra/locks/requirements.txt
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--no-annotate --no-header infra/locks/label-studio.in -o infra/locks/label-studio.txt

clean:  ## Removes what was built and run here; the shared cache of broker jars stays.
	rm -rf .venv .millrace .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis htmlcov

$(DONE): pyproject.toml infra/locks/requirements.txt infra/locks/uv.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Millrace needs Python 3.11 or newer; try make PYTHON=python3.11")'
	@echo "setting up .venv (about a minute the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r infra/locks/uv.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r infra/locks/requirements.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@rm -f .venv/.installed-* && touch $@
