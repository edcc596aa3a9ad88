PYTHON ?= python3
BIN := .venv/bin
.DELETE_ON_ERROR:
.PHONY: demo test check assets previews fix bench clean

demo: .venv/for-demo
	$(BIN)/mcp-shipper demo $(if $(ELASTICSEARCH),--elasticsearch $(ELASTICSEARCH)) $(if $(LOGSTASH),--logstash $(LOGSTASH))

test: .venv/for-test
	$(BIN)/pytest -n 2 --dist loadgroup

check: .venv/for-check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mcp-shipper export assets --check
	$(BIN)/pytest tests/test_layers.py tests/test_promises.py

assets: .venv/for-test
	$(BIN)/mcp-shipper export assets
	$(BIN)/python -m tests.promises
	$(BIN)/python -m tests.layers
	$(BIN)/python -m tests.config.page

previews: .venv/for-test
	$(BIN)/python -m docs.preview

fix: .venv/for-check
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: .venv/for-bench
	$(BIN)/python -m bench

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis demo-output bench/out dist

# Each environment is the same .venv with more in it; a stamp is older than what it was made from
# when pyproject.toml has changed since.
.venv/made:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --upgrade 'pip>=25.1'  # the first that knows dependency groups
	touch $@

.venv/for-demo: .venv/made pyproject.toml
	$(BIN)/pip install -q -e '.[mcp,fast]'
	touch $@

.venv/for-test: .venv/made pyproject.toml
	$(BIN)/pip install -q -e '.[mcp,fastmcp,fast,kafka]' --group test
	touch $@

.venv/for-bench: .venv/for-test
	$(BIN)/pip install -q --group bench
	touch $@

.venv/for-check: .venv/for-test
	$(BIN)/pip install -q --group lint
	touch $@
