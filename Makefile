# Two commands do everything: `make demo` shows cards, `make test` runs every test. Both set themselves up.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PORT   ?= 8000
export UV_PROJECT_ENVIRONMENT := $(VENV)
# Seven seconds of the installation instead of four of the first start, or of every start where Python writes no bytecode.
export UV_COMPILE_BYTECODE := 1

.PHONY: demo serve test check docs sbom bench clean

demo: $(STAMP)
	@$(BIN)/python -m mgcds.demo fhir_fixtures

serve: $(STAMP)
	$(BIN)/mgcds serve --port $(PORT)

test: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mgcds check
	$(BIN)/python -m pytest -n 2

check: $(STAMP)
	$(BIN)/mgcds check

bench: $(STAMP)
	PYTHONPATH=src:. $(BIN)/python -m benchmarks.run

docs: $(STAMP)
	$(BIN)/python docs/generate.py

# Every package that the service is made of, with version, as CycloneDX JSON: from the lock, without what only tests need.
sbom: $(STAMP)
	@mkdir -p build
	$(BIN)/uv export --quiet --frozen --no-dev --all-extras --no-emit-project --output-file build/requirements.txt
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-file build/sbom.cdx.json build/requirements.txt
	@echo build/sbom.cdx.json

clean:
	rm -rf $(VENV)

# A Python that durable-rules can be built for (3.11 or 3.12), then exactly the locked packages.
$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 13) else "mgcds needs Python 3.11 or 3.12; name one: make PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	$(BIN)/uv sync --quiet --locked --inexact --python $(BIN)/python
	@$(BIN)/python -m compileall -q src/mgcds
	@touch $@
